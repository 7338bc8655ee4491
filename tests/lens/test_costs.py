"""The table of costs against counting loops, and against what the SIMT machine counts in the simplest kernels."""

from __future__ import annotations

import numpy as np
import pytest

from cuda_kernels.launch import launches
from minidl.backends.devices.arrays import to_device
from minidl.backends.table import NO_GRADIENT, load, rungs
from minidl.errors import ArgumentError, UnknownNameError
from minidl.lens.timing.costs import cost
from minidl.ops.op import records
from minidl.testing.cases import small_cases

CASES = [
    (op.name, case.inputs, case.static)
    for op in records().values() if op.all_kernels  # reshape runs none
    for case in small_cases(op.name) if sum(a.size for a in case.there) >= 20
]  # fmt: skip
RNG = np.random.default_rng(0)

# Fewer than the formula: values on one side of 0 need nothing, atomic additions are no floating-point operations to the
# machine, samples of an ignored class are skipped, and so are taps in the padding and pixels between the windows.
FEWER = {
    "conv2d", "conv2d_transpose", "depthwise_conv2d", "average_pool2d", "leaky_relu", "elu", "clipped_relu",
    "embedding", "sparse_categorical_crossentropy",
}  # fmt: skip
NEAR = {
    "dense", "softmax", "log_softmax", "swish", "batch_norm", "layer_norm", "sgd_update", "adam_update",
    "adamw_update", "adagrad_update", "rmsprop_update",
}  # fmt: skip
EXACT = {
    "gemm", "relu", "relu6", "gelu", "sigmoid", "tanh", "softplus", "swish", "exp", "log", "sqrt", "square", "absolute",
    "negative", "power", "clip", "transpose", "concatenate", "stack", "pad", "slice", "dropout", "log_softmax",
}  # fmt: skip


def f(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def on_simt(op, inputs, static, direction):
    """Return (flops, bytes asked for, outputs of the forward), by the simplest rung that has the direction."""
    y, cache = load(op, "numpy", "forward")(*inputs, **static)
    names = [name for name in rungs(op) if name.startswith("simt")] or ["simt"]
    function = next(found for name in names if (found := load(op, name, direction)) is not None)
    with launches() as found:
        if direction == "forward":
            function(
                *[a if a is None or a.dtype != np.float32 else to_device(a, "simt", "test") for a in inputs], **static
            )
        else:
            parts = y if isinstance(y, tuple) else (y,)
            dy = tuple(f(*np.shape(part)) for part in parts)
            function(dy if isinstance(y, tuple) else dy[0], cache)
    figures = [launch.report.figures for launch in found]
    outputs = [np.asarray(part) for part in (y if isinstance(y, tuple) else (y,))]
    return sum(g.flops for g in figures), sum(g.global_bytes for g in figures), outputs


@pytest.mark.parametrize("op, inputs, static", CASES, ids=[f"{case[0]}-{k}" for k, case in enumerate(CASES)])
def test_formula_is_what_the_simplest_kernel_does_or_less(op, inputs, static):
    for direction in ("forward", "backward"):
        if direction == "backward" and (op in NO_GRADIENT or op == "cast"):
            continue
        counted, asked, outputs = on_simt(op, inputs, static, direction)
        found = cost(op, direction, inputs, outputs, static)
        skips = {"padding", "strides"} & set(static) and op != "pad"
        assert found.nbytes <= asked or skips, (direction, found, asked)
        if op in EXACT and (op, direction) not in (("log_softmax", "forward"), ("swish", "forward")):
            assert found.flops == counted, (direction, found, counted)
        elif op in FEWER:
            skips = skips or op == "embedding" or (op == "clipped_relu" and "negative_slope" not in static)
            assert found.flops <= 2.1 * counted or skips, (direction, found, counted)
        else:
            assert found.flops <= counted, (direction, found, counted)
            assert op not in NEAR or found.flops >= 0.45 * counted, (direction, found, counted)


@pytest.mark.parametrize("transposed", [False, True])
def test_gemm_costs_what_three_loops_count(transposed):
    a, b = f(5, 7), f(7, 3)
    flops = 0
    for _ in range(5):
        for _ in range(3):
            for _ in range(7):
                flops += 2
    given = [a.T, b.T] if transposed else [a, b]
    static = {"transpose_a": transposed, "transpose_b": transposed}
    assert cost("gemm", "forward", given, [a @ b], static).flops == flops
    assert cost("gemm", "backward", given, [a @ b], static).flops == 2 * flops
    batch = [np.stack([g, g]) for g in given]
    assert cost("batched_gemm", "forward", batch, [np.stack([a @ b] * 2)], static).flops == 2 * flops


def conv2d_loops(n, p, q, k, r, s, channels, groups):
    count = 0
    for _ in np.ndindex(n, p, q, k):
        for _ in np.ndindex(r, s, channels // groups):
            count += 2
    return count


def test_convolutions_cost_what_seven_loops_count():
    x, w, b = f(2, 6, 5, 4), f(3, 2, 2, 6), f(6)
    y, _ = load("conv2d", "numpy", "forward")(x, w, b, groups=2, strides=(1, 2))
    n, p, q, k = y.shape
    taps = conv2d_loops(n, p, q, k, 3, 2, 4, 2)
    assert cost("conv2d", "forward", [x, w, b], [y], {}).flops == taps + y.size
    assert cost("conv2d", "forward", [x, w, None], [y], {}).flops == taps
    assert cost("conv2d", "backward", [x, w, b], [y], {}).flops == 2 * taps + y.size
    # The transposed one is the backward of a convolution from y's shape to x's.
    v = f(3, 2, 5, 4)
    z, _ = load("conv2d_transpose", "numpy", "forward")(x, v, None, strides=(2, 1))
    assert cost("conv2d_transpose", "forward", [x, v, None], [z], {}).flops == conv2d_loops(2, 6, 5, 4, 3, 2, 5, 1)
    d = f(3, 2, 4, 3)
    u, _ = load("depthwise_conv2d", "numpy", "forward")(x, d, None)
    assert cost("depthwise_conv2d", "forward", [x, d, None], [u], {}).flops == 2 * u.size * 3 * 2


def test_recurrent_ops_cost_their_products_first():
    n, t, d, u = 3, 4, 5, 6
    x, h = f(n, t, d), f(n, t, u)
    for op, gates in (("simple_rnn", 1), ("lstm", 4), ("gru", 3)):
        products = sum(2 * (d + u) * gates * u for _ in range(n) for _ in range(t))
        flops = cost(op, "forward", [x, f(d, gates * u), f(u, gates * u)], [h], {}).flops
        assert products < flops < 1.3 * products


def test_bytes_are_each_array_once():
    x, y = f(3, 5), f(3, 5)
    assert cost("relu", "forward", [x], [y]).nbytes == 2 * 60
    assert cost("relu", "backward", [x], [y]).nbytes == 3 * 60
    assert cost("add", "forward", [x, f(5)], [y]).nbytes == 2 * 60 + 20
    assert cost("reshape", "forward", [x], [f(15)]).nbytes == 0
    assert cost("adam_update", "forward", [x, x, x, x, None], [x, x, x]).nbytes == 7 * 60
    assert cost("gemm", "forward", [f(4, 4), f(4, 4)], [f(4, 4)]).intensity == pytest.approx(128 / 192)


def test_cost_refuses_what_does_not_exist():
    with pytest.raises(UnknownNameError, match="gemm"):
        cost("gem", "forward", [], [])
    with pytest.raises(ArgumentError, match="no direction"):
        cost("argmax", "backward", [f(2)], [f(1)])


def test_shapes_are_counted_as_arrays_of_them():
    by_shape = cost("gemm", "backward", [(64, 32), (32, 16)], [(64, 16)])
    assert by_shape == cost(
        "gemm", "backward", [np.ones((64, 32), "f4"), np.ones((32, 16), "f4")], [np.ones((64, 16), "f4")]
    )
    looked_up = cost("embedding", "forward", [(3, 4), (10, 4)], [(3, 4, 4)])
    assert looked_up.nbytes == cost("embedding", "forward", [np.ones((3, 4), "i4"), f(10, 4)], [f(3, 4, 4)]).nbytes
    with pytest.raises(ArgumentError, match="input 0 of gemm must be an array, None, or a shape .* Got 64"):
        cost("gemm", "forward", (64, 64), [(64, 64)])


@pytest.mark.parametrize("op, gates", [("simple_rnn", 1), ("gru", 3), ("lstm", 4)])
def test_recurrent_ops_cost_their_products_and_some_arithmetic_a_value(op, gates):
    """Each gate multiplies x by w and the state by u at every step; the backward costs both products twice."""
    n, t, units = 2, 5, 3
    for direction, times in (("forward", 1), ("backward", 2)):
        counts = []
        for d in (4, 9):
            inputs = [(n, t, d), (d, gates * units), (units, gates * units), None, None, None, None, None]
            outputs = [(n, t, units), (n, units), (n, units)]
            inputs, outputs = (inputs, outputs) if op == "lstm" else (inputs[:-1], outputs[:-1])
            counts.append(cost(op, direction, inputs, outputs).flops)
        a_feature = sum(2 * times for _ in range(n * t * gates * units))
        assert counts[1] - counts[0] == 5 * a_feature
        rest = counts[0] - (4 + units) * a_feature
        assert rest % (n * t * units) == 0 and 1 <= rest // (n * t * units) <= 6 * gates
