"""Every op that has kernels, on the SIMT machine and compiled, against NumPy: each forward with each backward."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from device_cases import CASES, on_each_device

from minidl.backends import table
from minidl.backends.cuda.device import adapter
from minidl.backends.cuda.forms import ADAPTERS
from minidl.backends.devices.arrays import device_of, on_host
from minidl.errors import ArgumentError, DTypeError
from minidl.ops.op import records
from minidl.tape import takes_needs

OPS_OF_CASES = [op for op, _, _ in CASES]
# `make check` runs the cases named "first" compiled, one of each op; `make check-ptx` all.
IDS = [f"{op}-{k}" + "-first" * (OPS_OF_CASES.index(op) == k) for k, op in enumerate(OPS_OF_CASES)]
ON_DEVICES = set(records()) - table.HOST_ONLY
BY_PRODUCTS = {"simple_rnn", "lstm", "gru"}  # a walk back through time finds all gradients at once
TOLERANCE = {"rtol": 2e-5, "atol": 2e-5}


def assert_same(got, expected):
    if isinstance(expected, tuple):
        assert len(got) == len(expected)
        for a, b in zip(got, expected, strict=True):
            assert_same(a, b)
    elif expected is None:
        assert got is None
    else:
        assert got.shape == expected.shape and got.dtype == expected.dtype
        np.testing.assert_allclose(np.asarray(got), expected, **TOLERANCE)


def gradient_like(y):
    """Other numbers for every cell, and None for an integer output."""
    if isinstance(y, tuple):
        return tuple(gradient_like(part) for part in y)
    y = np.asarray(y)
    return np.cos(np.arange(y.size, dtype=np.float32)).reshape(y.shape).astype(np.float32)


@on_each_device
@pytest.mark.parametrize("op, inputs, static", CASES, ids=IDS)
def test_forward_and_backward_equal_numpy_for_each_pair_of_backends(op, inputs, static, device):
    others = ["numpy", "simt"] if device == "ptx" else ["numpy"]
    outputs = {b: table.load(op, b, "forward")(*inputs, **static) for b in (*others, device)}
    y = outputs["numpy"][0]
    assert_same(outputs[device][0], y)
    assert type(outputs[device][1]) is type(outputs["numpy"][1])
    if op in table.NO_GRADIENT or op == "cast":
        return
    dy = gradient_like(y)
    expected = table.load(op, "numpy", "backward")(dy, outputs["numpy"][1])
    pairs = [(device, device), *((other, device) for other in others), *((device, other) for other in others)]
    for forward, backward in pairs:
        cache = outputs[forward][1]
        cache = on_host(cache, "test") if backward == "numpy" else cache
        assert_same(table.load(op, backward, "backward")(dy, cache), expected)


EDGES = [0, 1, -1, 7, -8, 2**31 - 1, -(2**31), 12345, -54321, 2**24 + 1]  # float32 has not the last one
WHOLE = [
    "add", "subtract", "multiply", "maximum", "minimum", "negative", "where", "cast", "reduce_sum", "reduce_max",
    "reduce_min", "argmax", "reshape", "transpose", "concatenate", "stack", "pad", "slice", "broadcast_to",
]  # fmt: skip
FLOAT32_ALONE = ("mod", "square", "absolute")  # NumPy's take integers, the kernels say that they do not


def whole_case(op, dtype):
    """A case of the op with integers in place of its numbers; they wrap around in the type's own way."""
    _, inputs, static = [case for case in CASES if case[0] == op][:2][-1]
    count = iter(range(len(inputs) + 9))

    def whole(x):
        if isinstance(x, tuple):
            return tuple(map(whole, x))
        edges = np.array(EDGES + [2**63 - 1, -(2**63), 2**53 + 1] * (dtype == "int64"), dtype)
        return x if x.dtype == bool else np.resize(np.roll(edges, next(count)), x.shape)

    return tuple(map(whole, inputs)), static


@on_each_device
@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("op", WHOLE)
def test_integers_are_what_numpy_makes_of_them_bit_for_bit(op, dtype, device):
    inputs, static = whole_case(op, dtype)
    y = table.load(op, "numpy", "forward")(*inputs, **static)[0]
    got = on_host(table.load(op, device, "forward")(*inputs, **static)[0], "test")
    assert got.dtype == y.dtype and y.dtype.kind in "ib" and got.shape == y.shape
    np.testing.assert_array_equal(got, y)


@on_each_device
@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("op", ["embedding", "sparse_categorical_crossentropy"])
def test_ids_and_labels_of_either_width(op, dtype, device):
    for inputs, static in [case[1:] for case in CASES if case[0] == op][:2]:
        given = tuple(x.astype(dtype) if x.dtype.kind == "i" else x for x in inputs)
        y, cache = table.load(op, "numpy", "forward")(*given, **static)
        got, kept = table.load(op, device, "forward")(*given, **static)
        assert_same(on_host(got, "test"), y)
        dy = gradient_like(y)
        expected = table.load(op, "numpy", "backward")(dy, cache)
        assert_same(on_host(table.load(op, device, "backward")(dy, kept), "test"), expected)


@on_each_device
@pytest.mark.parametrize("op", FLOAT32_ALONE)
def test_kernels_of_float32_alone_say_so(op, device):
    inputs, static = whole_case(op, "int32")
    with pytest.raises(DTypeError, match=f"{op}: on backend '{device}', . must be float32. Got int32"):
        table.load(op, device, "forward")(*inputs, **static)


CHOOSING = [
    case for case in CASES
    if case[0] not in BY_PRODUCTS and takes_needs(table.load(case[0], "numpy", "backward"))
]  # fmt: skip


@on_each_device
@pytest.mark.parametrize("op, inputs, static", CHOOSING, ids=[f"{case[0]}-{k}" for k, case in enumerate(CHOOSING)])
def test_backward_leaves_out_what_is_not_needed(op, inputs, static, device):
    backward = table.load(op, device, "backward")
    y, cache = table.load(op, "numpy", "forward")(*inputs, **static)
    full = backward(gradient_like(y), cache)
    for k in range(len(inputs)):
        needs = tuple(i == k for i in range(len(inputs)))
        part = backward(gradient_like(y), cache, needs=needs)
        assert_same(part, tuple(g if i == k else None for i, g in enumerate(full)))


def test_every_adapter_has_a_case_and_both_directions():
    assert {op for op, _, _ in CASES} == set(ON_DEVICES)
    for op in ON_DEVICES:
        assert table.load(op, "simt", "forward") is not None
        assert (table.load(op, "simt", "backward") is None) == (op in table.NO_GRADIENT), op


def test_adapters_have_the_signature_of_the_numpy_op():
    for op in ON_DEVICES:
        if any(adapter(op, "forward") is pair["forward"] for pair in ADAPTERS.values()):
            continue  # these ask the NumPy op
        for direction in ("forward", "backward"):
            numpy_function = table.load(op, "numpy", direction)
            if numpy_function is None or op in table.NO_GRADIENT:
                continue
            names = [list(inspect.signature(f).parameters) for f in (numpy_function, table.load(op, "simt", direction))]
            assert names[0] == names[1], (op, direction)


def test_settings_are_checked_by_the_numpy_op_in_its_words():
    x = np.ones((2, 3), np.float32)
    with pytest.raises(ArgumentError, match="elu: alpha must be positive"):
        table.load("elu", "simt", "forward")(x, alpha=-1.0)
    with pytest.raises(ArgumentError, match="huber: delta must be positive"):
        table.load("huber", "simt", "forward")(x, x, delta=0.0)
    with pytest.raises(TypeError, match="slope"):
        table.load("leaky_relu", "simt", "forward")(x, slope=0.5)


def test_a_lower_bound_above_the_upper_one_gives_way_to_it_as_in_numpy():
    x = np.array([-1.0, 0.2, 0.5, 0.8, 2.0], np.float32)
    y, cache = table.load("clip", "simt", "forward")(x, low=0.8, high=0.5)
    assert_same(y, np.full(5, 0.5, np.float32))
    assert_same(table.load("clip", "simt", "backward")(x, cache)[0], np.zeros(5, np.float32))


def test_results_are_on_the_device_and_inputs_unchanged():
    a, b = np.ones((2, 3), np.float32), np.ones((3, 2), np.float32)
    y, cache = table.load("gemm", "simt", "forward")(a, b)
    assert device_of(y) == device_of(cache.a) == "simt" and device_of(a) is None
    assert (a == 1).all() and (b == 1).all()
