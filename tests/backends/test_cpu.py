"""The backend `cpu` computes what `numpy` does: every op, both directions, either forward with either backward."""

from __future__ import annotations

import importlib
import inspect
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from device_cases import CASES as DEVICE_CASES

import minidl.ops
from minidl.backends import cpu, table
from minidl.backends.cpu import conv2d, workspace
from minidl.backends.cpu.recycled import Recycled
from minidl.tape import takes_needs

TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}
HOST = ("numpy", "cpu")
rng = np.random.default_rng(11)


def f(*shape):
    return rng.normal(size=shape)


def ties(*shape):
    return rng.integers(0, 3, shape).astype(float)


def windows():
    """Convolutions and pools of awkward shapes: strides, padding, dilation, groups, and no image at all."""
    for n, strides, padding, dilation in itertools.product(
        (0, 3), ((1, 1), (3, 2)), (((0, 0), (0, 0)), ((1, 0), (2, 1))), ((1, 1), (1, 2))
    ):
        static = {"strides": strides, "padding": padding, "dilation": dilation}
        x = f(n, 6, 9, 4)
        yield "conv2d", (x, f(3, 2, 4, 5), f(5)), static
        yield "conv2d", (x, f(3, 2, 2, 6), None), static | {"groups": 2}
        yield "conv2d", (x, f(1, 1, 4, 5), f(5)), static
        yield "depthwise_conv2d", (x, f(3, 2, 4, 2), f(8)), static
        yield "conv2d_transpose", (f(n, 4, 5, 3), f(3, 2, 2, 3), f(2)), static
        yield "conv2d_transpose", (f(n, 4, 5, 3), f(1, 1, 2, 3), None), static | {"output_padding": (1, 0)}
        pool = {"pool_size": (3, 2), "strides": strides, "padding": ((1, 0), (0, 1))}
        yield "max_pool2d", (ties(n, 6, 9, 4),), pool
        yield "average_pool2d", (x,), pool


def extremes():
    """NaN, infinities, and values of great and of no size, where they meet the window, the corner or the sum."""
    strange = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-30, 1.0])
    for op in ("max_pool2d", "average_pool2d"):
        yield op, (rng.choice(strange, (2, 6, 5, 3)),), {"pool_size": (3, 2), "padding": ((1, 0), (0, 1))}
        yield op, (np.full((1, 4, 4, 1), -np.inf),), {}
    x, w = f(2, 5, 6, 4), f(3, 2, 4, 5)
    x[0, 0, 0], x[1, 4, 5], w[0, 1, 2, 3] = np.nan, np.inf, -np.inf
    yield "conv2d", (x, w, f(5)), {"padding": ((1, 1), (0, 1))}
    yield "depthwise_conv2d", (x, w[..., :2], f(8)), {"padding": ((1, 1), (0, 1))}
    yield "conv2d_transpose", (x, w.transpose(0, 1, 3, 2), f(5)), {"padding": ((1, 1), (0, 1)), "strides": (2, 1)}
    for op in ("relu", "relu6", "elu", "gelu", "sigmoid", "tanh", "softplus", "swish", "absolute", "square", "softmax"):
        yield op, (np.resize(strange, (3, 9)),), {}
    for op in ("add", "multiply", "divide", "maximum", "minimum"):
        yield op, (np.resize(strange, (4, 9)), np.resize(strange[::-1], (4, 9))), {}
    for gamma in (None, np.resize(strange, 9)):
        for op in ("layer_norm", "batch_norm"):
            yield op, (np.resize(strange, (4, 9)), gamma, gamma), {}
        yield "batch_norm_inference", (np.resize(strange, (4, 9)), gamma, gamma, f(9), np.abs(strange)), {}
    w, dw, state = (np.resize(np.roll(strange, k), 81) for k in (0, 1, 2))
    w[:40], squares = 1.0, np.abs(state)
    yield "sgd_update", (w, dw, state), {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}
    yield "rmsprop_update", (w, dw, squares, state, state), {"learning_rate": 0.1, "momentum": 0.5}
    yield "adamw_update", (w, dw, state, squares, squares), {"learning_rate": 0.1, "step": 2}
    yield "adagrad_update", (w, dw, squares), {"learning_rate": 0.1, "weight_decay": 0.1}


def of_cpu(cases):
    return [case for case in cases if cpu.has(case[0])]


ALL = of_cpu(DEVICE_CASES) + list(windows())
EXTREMES = list(extremes())


def named(cases):
    return [f"{op}-{k}" for k, (op, _, _) in enumerate(cases)]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Small arrays go through the pool too, an image is a chunk, and a sum is cut into parts."""
    monkeypatch.setattr(workspace, "SMALLEST", 1)
    monkeypatch.setattr(conv2d, "SMALL_PRODUCT", 500)


def in_dtype(values, dtype):
    return tuple(v.astype(dtype) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v for v in values)


def assert_same(got, expected, tolerance):
    if isinstance(expected, tuple):
        assert type(got) is type(expected) and len(got) == len(expected)
        for a, b in zip(got, expected, strict=True):
            assert_same(a, b, tolerance)
    elif isinstance(expected, np.ndarray | np.generic):
        assert type(got) in (np.ndarray, type(expected)), "arrays of the backend's own are seen by the op alone"
        assert got.shape == expected.shape and got.dtype == expected.dtype
        finite = np.abs(expected[np.isfinite(expected)], dtype=float)
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * max([1.0, *finite.ravel()]))
    else:
        assert got is expected or got == expected


def gradient_of(y, strange=False):
    if isinstance(y, tuple):
        return tuple(gradient_of(part, strange) for part in y)
    dy = np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)
    if strange:
        dy.flat[:: max(3, y.size // 5)] = np.inf
    return dy


def assert_agree(op, inputs, static, tolerance, strange=False):
    before = [None if a is None else a.copy() for a in inputs]
    with np.errstate(all="ignore"):
        made = {backend: table.load(op, backend, "forward")(*inputs, **static) for backend in HOST}
        assert_same(made["cpu"], made["numpy"], tolerance)
        if op not in table.NO_GRADIENT:
            dy = gradient_of(made["numpy"][0], strange)
            expected = table.load(op, "numpy", "backward")(dy, made["numpy"][1])
            for forward, backward in (("cpu", "cpu"), ("numpy", "cpu"), ("cpu", "numpy")):
                assert_same(table.load(op, backward, "backward")(dy, made[forward][1]), expected, tolerance)
    for array, kept in zip(inputs, before, strict=True):
        assert array is None or np.array_equal(array, kept, equal_nan=array.dtype.kind == "f")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("chunk", [1, 4 << 20])
@pytest.mark.parametrize("op, inputs, static", ALL, ids=named(ALL))
def test_cpu_equals_numpy_forward_and_backward(op, inputs, static, chunk, dtype, monkeypatch):
    monkeypatch.setattr(workspace.chunks, "__defaults__", (chunk,))
    assert_agree(op, in_dtype(inputs, dtype), static, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("op, inputs, static", EXTREMES, ids=named(EXTREMES))
def test_cpu_equals_numpy_on_extreme_values(op, inputs, static, dtype):
    inputs = in_dtype(inputs, dtype)
    assert_agree(op, inputs, static, TOLERANCE[dtype])
    assert_agree(op, inputs, static, TOLERANCE[dtype], strange=True)


@pytest.mark.parametrize("backend", HOST)
def test_an_infinite_gradient_reaches_the_maximum_alone(backend):
    x = np.array([3.0, 1.0, 2.0, 5.0], np.float32).reshape(1, 2, 2, 1)
    y, cache = table.load("max_pool2d", backend, "forward")(x)
    (dx,) = table.load("max_pool2d", backend, "backward")(np.full_like(y, np.inf), cache)
    assert dx.ravel().tolist() == [0.0, 0.0, 0.0, np.inf]


def test_every_op_of_cpu_has_a_case():
    assert {op for op, _, _ in ALL} == {op for op in table.ops() if cpu.has(op)}


def test_functions_of_cpu_have_the_signature_of_the_plain_ones_and_leave_out_what_is_not_needed():
    for op, direction in itertools.product(filter(cpu.has, table.ops()), table.DIRECTIONS):
        own, plain = (table.load(op, backend, direction) for backend in ("cpu", "numpy"))
        assert (own is None) == (plain is None)
        if own is not None:
            assert inspect.signature(own) == inspect.signature(plain)
            assert takes_needs(own) == takes_needs(plain)
    for op, inputs, static in windows():
        if takes_needs(table.load(op, "numpy", "backward")):
            y, cache = table.load(op, "cpu", "forward")(*inputs, **static)
            for needs in itertools.product((True, False), repeat=3):
                for backend in HOST:
                    found = table.load(op, backend, "backward")(y, cache, needs=needs)
                    wanted = [need and a is not None for need, a in zip(needs, inputs, strict=True)]
                    assert [g is not None for g in found] == wanted


def test_every_file_of_cpu_is_of_an_op_and_every_op_has_its_functions():
    for op, file in cpu.OWN.items():
        module = importlib.import_module(f"minidl.backends.cpu.{file}")
        assert callable(getattr(module, f"{op}_forward"))
        assert (op in table.NO_GRADIENT) or callable(getattr(module, f"{op}_backward"))


def test_results_lie_in_recycled_memory_and_no_array_of_another_class_is_seen():
    def places(op, *inputs):
        y, cache = table.load(op, "cpu", "forward")(*inputs)
        assert not any(type(value) is Recycled for value in (y, *(cache or ())))
        (dx, *_) = table.load(op, "cpu", "backward")(np.ones_like(y), cache)
        return [a.__array_interface__["data"][0] for a in (y, dx)]

    x = np.ones((64, 64), np.float32)
    for op, inputs in (("relu", (x,)), ("sigmoid", (x,)), ("add", (x, x)), ("gemm", (x, x)), ("softmax", (x,))):
        places(op, *inputs)
        misses = workspace.POOL.memory().misses
        places(op, *inputs)
        assert workspace.POOL.memory().misses == misses, op


def test_plain_ops_neither_recycle_memory_nor_import_what_does():
    files = sorted(Path(minidl.ops.__file__).parent.rglob("*.py"))
    assert len(files) > 20
    for file in files:
        assert not re.search(r"(from|import) .*(backends|workspace)|np\.void", file.read_text(encoding="utf-8")), file
