"""Tensors and variables: conversion, operators, errors."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.errors import DTypeError, ShapeError


@pytest.mark.parametrize(
    "value, dtype",
    [([1.0, 2.0], "float32"), (3, "int32"), (True, "bool"), (np.zeros(2), "float64"), (np.zeros(2, "uint8"), "uint8")],
)
def test_dtype_of_converted_values(value, dtype):
    assert minidl.Tensor(value).dtype == dtype


def test_a_tensor_owns_its_values():
    array = np.ones(3, np.float32)
    x = minidl.Tensor(array)
    array[0] = 5
    assert x.numpy()[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        x.numpy()[0] = 2


def test_operators_match_numpy_and_keep_float32():
    a, b = np.array([[1.5, -2.0, 3.0]], np.float32), np.array([[2.0], [0.5]], np.float32)
    x, y = minidl.Tensor(a), minidl.Tensor(b)
    pairs = [
        (x + y, a + b),
        (x - y, a - b),
        (x * y, a * b),
        (x / y, a / b),
        (2 + x, 2 + a),
        (2 - x, 2 - a),
        (2 / x, 2 / a),
        (x**2, a**2),
        (-x, -a),
        (abs(x), abs(a)),
        (x.T @ x, a.T @ a),
        (x[:, 1:], a[:, 1:]),
        (a + x, a + a),
    ]
    for tensor, expected in pairs:
        assert isinstance(tensor, minidl.Tensor) and tensor.dtype == np.float32
        np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("shapes", [((3,), (3, 4)), ((2, 3), (3,)), ((2, 5, 3), (3, 4)), ((2, 5, 3), (2, 3, 4)),
                                    ((2, 2, 5, 3), (2, 2, 3, 4))])  # fmt: skip
def test_matmul_matches_numpy(shapes):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=s) for s in shapes)
    np.testing.assert_allclose((minidl.Tensor(a) @ minidl.Tensor(b)).numpy(), a @ b)


def test_an_op_promotes_nothing_an_operator_does():
    a, b = minidl.Tensor([1.0]), minidl.Tensor(np.ones(1))
    with pytest.raises(DTypeError, match="float32.*float64"):
        minidl.tape.apply("add", a, b)
    assert (a + b).dtype == np.float64


def test_ragged_rows_are_an_error():
    with pytest.raises((DTypeError, ValueError)):
        minidl.Tensor([[1.0], [1.0, 2.0]])
    with pytest.raises(DTypeError, match="numbers"):
        minidl.Tensor(["a"])


def test_comparisons_give_booleans_and_truth_needs_one_value():
    x = minidl.Tensor([1.0, 3.0])
    assert (x > 2.0).numpy().tolist() == [False, True]
    assert (x == x).numpy().all() and (x != 1.0).numpy().tolist() == [False, True]
    with pytest.raises(ShapeError, match="neither true nor false"):
        bool(x)
    with pytest.raises(ShapeError, match="one value"):
        x.item()


def test_assign_keeps_shape_and_dtype():
    v = minidl.Variable([1.0, 2.0], path="dense/kernel")
    v.assign(np.array([3.0, 4.0]))
    assert v.dtype == np.float32 and v.numpy().tolist() == [3.0, 4.0]
    v.assign_add([1.0, 1.0])
    v.assign_sub([0.5, 0.5])
    assert v.numpy().tolist() == [3.5, 4.5]
    with pytest.raises(ShapeError, match=r"dense/kernel.*\(2,\).*\(3,\)"):
        v.assign([1.0, 2.0, 3.0])


def test_array_protocol_and_iteration():
    x = minidl.Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert np.asarray(x).shape == (2, 2) and np.asarray(x, dtype="float64").dtype == np.float64
    assert [row.numpy().tolist() for row in x] == [[1.0, 2.0], [3.0, 4.0]]
    assert len(x) == 2 and float(x[0, 1]) == 2.0 and [10, 20][minidl.Tensor(1)] == 20


def test_import_is_quick_and_loads_nothing_heavy():
    import subprocess
    import sys

    heavy = ["numba", "matplotlib", "h5py", "pooch", "typer", "rich", "torch", "keras", "PIL"]
    code = f"import sys, minidl, minidl.layers, minidl.models; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
