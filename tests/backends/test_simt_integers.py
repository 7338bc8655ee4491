"""Integers and bools on the SIMT machine: kernels move them and count with them, reductions go to the host."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.backends import table, transfers
from minidl.backends.devices.arrays import HostedArray, on_host
from minidl.errors import DTypeError

KINDS = ("int32", "int64", "uint8", "bool")
rng = np.random.default_rng(8)


def numbers(kind, *shape):
    return rng.integers(0, 2 if kind == "bool" else 250, shape).astype(kind)


def both(op, *inputs, **static):
    """Return the outputs of NumPy's op and of the kernels."""
    return [table.load(op, backend, "forward")(*inputs, **static)[0] for backend in ("numpy", "simt")]


def assert_equal(got, expected):
    assert got.dtype == expected.dtype and got.shape == expected.shape
    np.testing.assert_array_equal(on_host(got, "test"), expected)


MOVES = [
    ("reshape", 1, {"shape": (-1, 3)}), ("transpose", 1, {"axes": (2, 0, 1)}), ("transpose", 1, {}),
    ("slice", 1, {"key": (slice(None), 1, slice(None, None, -2))}), ("broadcast_to", 1, {"shape": (2, 2, 5, 3)}),
    ("pad", 1, {"padding": ((1, 0), (0, 2), (1, 1)), "value": 1}), ("concatenate", 3, {"axis": 1}),
    ("stack", 2, {"axis": -1}),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("op, count, static", MOVES, ids=[f"{op}-{k}" for k, (op, _, _) in enumerate(MOVES)])
def test_integers_are_moved_on_the_device(op, count, static, kind):
    expected, got = both(op, *(numbers(kind, 2, 5, 3) for _ in range(count)), **static)
    assert isinstance(got, HostedArray)
    assert_equal(got, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_where_takes_integers(kind):
    expected, got = both("where", numbers("bool", 5, 3), numbers(kind, 2, 5, 3), numbers(kind, 3))
    assert isinstance(got, HostedArray)
    assert_equal(got, expected)


@pytest.mark.parametrize("kind", ("int32", "int64", "uint8"))
@pytest.mark.parametrize("op", ("add", "subtract", "multiply", "maximum", "minimum"))
def test_integers_are_counted_on_the_device_and_wrap_round(op, kind):
    a, b = numbers(kind, 5, 4), numbers(kind, 4)
    for rung in ("simt:r1_scalar", "simt"):
        got = table.load(op, rung, "forward")(a, b)[0]
        assert isinstance(got, HostedArray)
        assert_equal(got, table.load(op, "numpy", "forward")(a, b)[0])


@pytest.mark.parametrize("kind", ("int32", "int64"))
def test_negative_of_integers(kind):
    expected, got = both("negative", numbers(kind, 5, 4))
    assert_equal(got, expected)


@pytest.mark.parametrize("source", (*KINDS, "float32"))
@pytest.mark.parametrize("target", (*KINDS, "float32"))
def test_cast_between_all_kinds(source, target):
    expected, got = both("cast", numbers(source, 3, 5), dtype=target)
    assert isinstance(got, HostedArray)
    assert_equal(got, expected)


@pytest.mark.parametrize("op, static", [
    ("reduce_sum", {"axes": 0}), ("reduce_max", {"axes": (0, 1), "keepdims": True}), ("reduce_min", {"axes": None}),
    ("argmax", {"axis": 1}),
])  # fmt: skip
def test_reductions_of_integers_are_computed_on_the_host(op, static):
    x = numbers("int32", 3, 5)
    on_device = table.load("cast", "simt", "forward")(x, dtype="int32")[0]
    with transfers() as ledger:
        got = table.load(op, "simt", "forward")(on_device, **static)[0]
    assert isinstance(got, np.ndarray)
    assert_equal(got, table.load(op, "numpy", "forward")(x, **static)[0])
    assert [(move.direction, move.cause) for move in ledger] == [("down", f"{op} forward of integers")]


def test_tensors_of_integers_go_through_a_device():
    ids = minidl.Tensor(np.arange(12, dtype=np.int64).reshape(3, 4))
    weights = minidl.Variable(np.ones((12, 2), np.float32))
    with minidl.using("simt"):
        turned = minidl.functional.transpose(ids)
        y = minidl.functional.embedding(turned, weights)
        ones = minidl.functional.cast(ids, dtype="float32")
    assert turned.numpy().tolist() == ids.numpy().T.tolist()
    assert y.shape == (4, 3, 2) and ones.numpy().sum() == 66


@pytest.mark.parametrize("op", ("transpose", "slice", "reshape", "add", "where", "exp"))
def test_float64_is_refused_with_a_way_out(op):
    x = np.ones((2, 3))
    inputs = {"add": (x, x), "where": (x > 0, x, x)}.get(op, (x,))
    static = {"slice": {"key": (0,)}, "reshape": {"shape": (6,)}}.get(op, {})
    with pytest.raises(DTypeError, match=rf"{op}: on backend 'simt', \w+ must be float32. Got float64.*{op}='cpu'"):
        table.load(op, "simt", "forward")(*inputs, **static)


def test_mixed_dtypes_are_refused():
    with pytest.raises(DTypeError, match="add: all inputs must have the same dtype. Got a int32, b int64"):
        table.load("add", "simt", "forward")(numbers("int32", 3), numbers("int64", 3))
    with pytest.raises(DTypeError, match="exp: on backend 'simt', x must be float32. Got int32"):
        table.load("exp", "simt", "forward")(numbers("int32", 3))
