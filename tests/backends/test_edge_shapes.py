"""Arrays without axes, without values, of one value, and strided ones: NumPy and the devices agree, both ways."""

from __future__ import annotations

import numpy as np
import pytest
from device_cases import on_each_device

import minidl
from minidl.backends import table
from minidl.errors import MinidlError
from minidl.ops.op import of_form, records
from minidl.tape import apply

rng = np.random.default_rng(7)


def f(*shape):
    return np.asarray(rng.uniform(0.2, 0.9, shape), np.float32)


def strided(*shape):
    """Every second value of an array whose axes are turned round: no row lies in one piece."""
    return f(*(2 * n for n in reversed(shape)))[tuple(slice(None, None, 2) for _ in shape)].T


UNARY = [op for op in of_form("cell") if op not in ("power", "clip")]  # which have cases of their own
BINARY, REDUCTIONS = of_form("pair"), of_form("reduction")
ERRORS = ("mean_squared_error", "mean_absolute_error", "huber", "binary_crossentropy", "categorical_crossentropy")
SHAPES = ((), (1,), (1, 1), (0,), (2, 0), (0, 3))
IMAGE = {"pool_size": (2, 2), "strides": (2, 2)}
CASES = [
    *((op, (x,), {}) for op in UNARY for x in (*map(lambda s: f(*s), SHAPES), strided(2, 3))),
    *(("power", (f(*shape),), {"exponent": 2.5}) for shape in SHAPES),
    *(("clip", (f(*shape),), {"low": 0.3, "high": 0.6}) for shape in SHAPES),
    ("clip", (f(5),), {"low": 0.6, "high": 0.3}),
    *(("cast", (f(*shape),), {"dtype": dtype}) for shape in SHAPES for dtype in ("int32", "float64", "bool")),
    *((op, (f(*a), f(*b)), {}) for op in BINARY for a, b in (
        ((), ()), ((), (3,)), ((2, 3), ()), ((1,), (1, 1)), ((0, 3), (3,)), ((0, 3), ()), ((2, 0), (2, 1)),
    )),
    *((op, (strided(2, 3), strided(3)), {}) for op in BINARY),
    *(("where", (np.array(c), f(*a), f(*b)), {}) for c in (True, False) for a, b in (((), ()), ((1,), ()), ((), (2,)))),
    ("where", (np.ones((2, 1), bool), f(), f(3)), {}), ("where", (np.zeros((0, 3), bool), f(3), f()), {}),
    *((op, (f(*shape),), {"axes": axes, "keepdims": keep})
      for op in REDUCTIONS for keep in (False, True)
      for shape, axes in (((), None), ((), ()), ((1,), 0), ((2, 0), 0), ((2, 0), 1), ((0, 3), 0), ((0, 3), None),
                          ((2, 3), ()), ((1, 1, 1), (0, 2)))),
    *((op, (strided(2, 3, 4),), {"axes": axes}) for op in REDUCTIONS for axes in (None, 0, (0, 2))),
    *(("argmax", (f(*shape),), {"axis": axis}) for shape, axis in (((1,), 0), ((0, 3), 1), ((0, 3), 0), ((1, 1), -1))),
    *((op, (f(*shape),), {"axis": axis}) for op in ("softmax", "log_softmax")
      for shape, axis in (((1,), 0), ((0, 3), 1), ((2, 0), 0), ((2, 0), 1), ((), -1), ((3, 1), -1))),
    *((op, (strided(2, 3),), {"axis": 0}) for op in ("softmax", "log_softmax")),
    *(("transpose", (x,), {}) for x in (f(), f(3), f(0, 3), f(1, 1), strided(2, 3))),
    ("transpose", (f(2, 0),), {"axes": (0, 1)}),
    *(("reshape", (f(*a),), {"shape": b}) for a, b in (
        ((), (1, 1)), ((1,), ()), ((0, 3), (3, 0)), ((0, 3), (0,)), ((2, 3), (0,)),
    )),
    *(("broadcast_to", (f(*a),), {"shape": b}) for a, b in (
        ((), ()), ((), (2, 3)), ((1,), (0,)), ((0, 3), (2, 0, 3)), ((3,), (0, 3)), ((1, 1), (1, 1)),
    )),
    *(("slice", (f(2, 3),), {"key": key}) for key in (
        (slice(0, 0),), (0, 1), (slice(None), slice(3, 3)), np.array([], int), (slice(None), np.array([0, 2, 2])),
        np.zeros((2, 3), bool), (None, 0, slice(None, None, -2)), (np.array([1]), np.array([2])),
    )),
    ("slice", (f(0, 3),), {"key": (slice(None), 1)}), ("slice", (f(),), {"key": ()}),
    ("slice", (f(),), {"key": (None, ...)}),
    ("concatenate", (f(2, 0), f(2, 3)), {"axis": 1}), ("concatenate", (f(0, 3), f(0, 3)), {"axis": 0}),
    ("concatenate", (f(1), f(1)), {"axis": 0}), ("stack", (f(), f()), {"axis": 0}),
    ("stack", (f(0, 3), f(0, 3)), {"axis": 1}),
    ("pad", (f(),), {"padding": ()}), ("pad", (f(0, 3),), {"padding": ((1, 0), (0, 2))}),
    ("pad", (f(1),), {"padding": ((0, 0),)}), ("pad", (f(0, 3),), {"padding": ((0, 0), (0, 0))}),
    *(("gemm", (f(*a), f(*b)), {}) for a, b in (
        ((1, 1), (1, 1)), ((0, 3), (3, 2)), ((2, 3), (3, 0)), ((2, 0), (0, 3)), ((0, 0), (0, 0)),
    )),
    ("gemm", (strided(2, 3), strided(3, 2)), {}),
    ("gemm", (strided(3, 2), strided(2, 3)), {"transpose_a": True, "transpose_b": True}),
    *(("batched_gemm", (f(*a), f(*b)), {}) for a, b in (
        ((0, 2, 3), (0, 3, 2)), ((2, 0, 3), (2, 3, 1)), ((2, 2, 0), (2, 0, 2)),
    )),
    *(("dense", (f(*x), f(*w), b), {}) for x, w, b in (
        ((0, 3), (3, 2), f(2)), ((2, 0), (0, 3), f(3)), ((1, 1), (1, 1), None), ((2, 0, 3), (3, 2), f(2)),
    ((2, 3), (3, 0), f(0)),
    )),
    ("conv2d", (f(0, 4, 5, 2), f(2, 2, 2, 3), f(3)), {}), ("conv2d", (f(1, 1, 1, 1), f(1, 1, 1, 1), None), {}),
    ("depthwise_conv2d", (f(0, 4, 5, 2), f(2, 2, 2, 1), f(2)), {}),
    ("conv2d_transpose", (f(0, 4, 5, 2), f(2, 2, 3, 2), f(3)), {}),
    *((op, (f(0, 4, 4, 2),), IMAGE) for op in ("max_pool2d", "average_pool2d")),
    ("upsample2d", (f(0, 2, 2, 3),), {"size": (2, 2)}),
    *((op, (strided(2, 4, 4, 2),), IMAGE) for op in ("max_pool2d", "average_pool2d")),
    *(("batch_norm", (f(*shape), f(3), f(3)), {}) for shape in ((0, 3), (1, 3))),
    ("batch_norm_inference", (f(0, 3), f(3), f(3), f(3), f(3)), {}), ("layer_norm", (f(0, 3), f(3), f(3)), {}),
    ("layer_norm", (f(2, 1), f(1), f(1)), {}), ("layer_norm", (strided(2, 3), f(3), f(3)), {}),
    ("dropout", (f(0, 3),), {"rate": 0.5, "seed": 1, "offset": 0}),
    ("dropout", (f(),), {"rate": 0.5, "seed": 1, "offset": 0}),
    ("embedding", (np.zeros((0,), int), f(3, 2)), {}), ("embedding", (np.array(1), f(3, 2)), {}),
    ("embedding", (np.array([[0]]), f(1, 1)), {}),
    *((op, (f(*shape), f(*shape)), {}) for op in ERRORS for shape in ((0, 3), (1,), (1, 1), (3,), (2, 0))),
    *((op, (strided(2, 3), strided(2, 3)), {}) for op in ERRORS),
    ("sparse_categorical_crossentropy", (np.zeros((0,), int), f(0, 3)), {}),
    ("sparse_categorical_crossentropy", (np.zeros((), int), f(3)), {"from_logits": True}),
    ("simple_rnn", (f(0, 3, 2), f(2, 4), f(4, 4), f(4), None, None, None), {}),
    ("lstm", (f(0, 3, 2), f(2, 16), f(4, 16), f(16), None, None, None, None), {}),
    ("gru", (f(0, 3, 2), f(2, 12), f(4, 12), f(2, 12), None, None, None), {}),
    ("simple_rnn", (f(1, 1, 1), f(1, 1), f(1, 1), f(1), None, None, None), {}),
]  # fmt: skip


def run(op, inputs, static, backend):
    """The outputs, and gradients of all floating inputs, as arrays; or the error."""
    given = [minidl.Variable(x) if isinstance(x, np.ndarray) and x.dtype == np.float32 else x for x in inputs]
    variables = [x for x in given if isinstance(x, minidl.Variable)]
    try:
        with minidl.using(backend), minidl.GradientTape() as tape:
            y = apply(op, *given, **static)
            outputs = list(y) if isinstance(y, tuple) else [y]
            floating = [part for part in outputs if part.dtype.kind == "f"]
            weights = [np.cos(np.arange(part.size)).reshape(part.shape) for part in floating]
            gradients = []
            if floating and op not in table.NO_GRADIENT:
                gradients = tape.gradient(floating, variables, "zero", output_gradients=weights)
    except MinidlError as error:
        return type(error)
    return [np.asarray(part) for part in (*outputs, *gradients)]


@on_each_device
@pytest.mark.filterwarnings("ignore:(divide|invalid|overflow|Mean):RuntimeWarning")
@pytest.mark.parametrize("op, inputs, static", CASES, ids=[f"{case[0]}-{k}" for k, case in enumerate(CASES)])
def test_numpy_and_the_device_agree(op, inputs, static, device):
    found = {backend: run(op, inputs, static, backend) for backend in ("numpy", device)}
    if isinstance(found["numpy"], type) or isinstance(found[device], type):
        assert found["numpy"] == found[device]
        return
    for one, other in zip(found["numpy"], found[device], strict=True):
        assert one.shape == other.shape and one.dtype == other.dtype
        np.testing.assert_allclose(other, one, rtol=2e-5, atol=2e-6)


def test_every_op_with_a_gradient_has_an_edge():
    updates = {op for op in table.ops() if op.endswith("_update")}
    assert {op for op, _, _ in CASES} == set(records()) - updates - table.HOST_ONLY
