"""conv2d, conv2d_transpose and depthwise_conv2d: against loops and finite differences, and their errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from windows_cases import geometries, loop_conv2d, loop_conv2d_transpose, loop_depthwise

from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.ops.conv2d import conv2d_backward, conv2d_forward
from minidl.ops.conv2d_transpose import conv2d_transpose_backward, conv2d_transpose_forward
from minidl.ops.depthwise_conv2d import depthwise_conv2d_backward, depthwise_conv2d_forward
from minidl.testing.gradients import check_gradients

QUICK = settings(deadline=None, derandomize=True, max_examples=30)
NO_PADDING = ((0, 0), (0, 0))
FORWARD = {
    "conv2d": conv2d_forward,
    "conv2d_transpose": conv2d_transpose_forward,
    "depthwise_conv2d": depthwise_conv2d_forward,
}
BACKWARD = {
    "conv2d": conv2d_backward,
    "conv2d_transpose": conv2d_transpose_backward,
    "depthwise_conv2d": depthwise_conv2d_backward,
}
LOOP = {"conv2d": loop_conv2d, "conv2d_transpose": loop_conv2d_transpose, "depthwise_conv2d": loop_depthwise}


@st.composite
def cases(draw: Any, op: str) -> tuple[list[np.ndarray | None], dict[str, Any]]:
    """Draw inputs and static values of one of the three ops."""
    g = draw(geometries())
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    groups = draw(st.sampled_from([1, 1, 2, 3])) if op == "conv2d" else 1
    c, k = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 2))
    static: dict[str, Any] = {name: g[name] for name in ("strides", "padding", "dilation")}
    image, outputs = g["image"], k
    if op == "conv2d":
        static["groups"] = groups
        w_shape = (*g["kernel"], c // groups, k)
    elif op == "depthwise_conv2d":
        w_shape, outputs = (*g["kernel"], c, k), c * k
    else:
        w_shape = (*g["kernel"], k, c)
        static["output_padding"] = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
        frame = [sum(sides) for sides in static["padding"]]
        extents = [(size - 1) * d + 1 for size, d in zip(g["kernel"], g["dilation"], strict=True)]
        # Large enough that cropping leaves something.
        image = tuple(
            max(1, -(-(f + 1 - e) // s) + 1) + draw(st.integers(0, 2))
            for f, e, s in zip(frame, extents, g["strides"], strict=True)
        )
    bias = rng.normal(size=outputs) if draw(st.booleans()) else None
    return [rng.normal(size=(2, *image, c)), rng.normal(size=w_shape), bias], static


@pytest.mark.parametrize("op", FORWARD)
@QUICK
@given(data=st.data())
def test_forward_equals_the_loops(op: str, data: st.DataObject) -> None:
    arrays, static = data.draw(cases(op))
    copies = [None if a is None else a.copy() for a in arrays]
    y, _ = FORWARD[op](*arrays, **static)
    np.testing.assert_allclose(y, LOOP[op](*arrays, **static), atol=1e-12)
    assert all(a is None or np.array_equal(a, b) for a, b in zip(arrays, copies, strict=True))


@pytest.mark.parametrize("op", FORWARD)
@QUICK
@given(data=st.data())
def test_gradients_agree_with_finite_differences(op: str, data: st.DataObject) -> None:
    arrays, static = data.draw(cases(op))
    check_gradients(FORWARD[op], BACKWARD[op], arrays, static)


@pytest.mark.parametrize("op", FORWARD)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(op: str, dtype: type) -> None:
    x, w, b = np.ones((2, 4, 5, 2), dtype), np.ones((2, 3, 2, 2), dtype), np.ones(4, dtype)
    b = b if op == "depthwise_conv2d" else b[:2]
    y, cache = FORWARD[op](x, w, b)
    assert y.dtype == dtype
    assert [d.dtype for d in BACKWARD[op](np.ones_like(y), cache)] == [dtype] * 3


@pytest.mark.parametrize("op", FORWARD)
def test_needs_leaves_out_what_nobody_wants(op: str) -> None:
    x, w = np.ones((2, 4, 5, 2)), np.ones((2, 3, 2, 1 if op == "depthwise_conv2d" else 2))
    y, cache = FORWARD[op](x, w, np.ones(2))
    for wanted in range(3):
        needs = tuple(i == wanted for i in range(3))
        found = BACKWARD[op](np.ones_like(y), cache, needs=needs)
        assert tuple(d is not None for d in found) == needs
        np.testing.assert_array_equal(found[wanted], BACKWARD[op](np.ones_like(y), cache)[wanted])
    _, cache = FORWARD[op](x, w, None)
    assert BACKWARD[op](np.ones_like(y), cache)[2] is None


@pytest.mark.parametrize("op", FORWARD)
def test_views_and_an_empty_batch_are_taken(op: str) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(5, 2, 4, 2)), rng.normal(size=(2, 3, 2, 2))
    y, cache = FORWARD[op](x.transpose(1, 2, 0, 3), w[::-1])
    expected, contiguous = FORWARD[op](x.transpose(1, 2, 0, 3).copy(), w[::-1].copy())
    np.testing.assert_array_equal(y, expected)
    dy = rng.normal(size=y.shape)
    for got, wanted in zip(BACKWARD[op](np.asfortranarray(dy), cache), BACKWARD[op](dy, contiguous), strict=True):
        assert (got is None and wanted is None) or np.allclose(got, wanted, atol=1e-13)
    empty, cache = FORWARD[op](np.zeros((0, 4, 5, 2)), w)
    dx, dw, _ = BACKWARD[op](empty, cache)
    assert empty.shape[0] == 0 and dx.shape == (0, 4, 5, 2) and not dw.any()


@pytest.mark.parametrize(
    ("op", "x", "w", "b", "static", "error", "message"),
    [
        ("conv2d", (8, 8, 3), (3, 3, 3, 4), None, {}, ShapeError, r"x must be \(N, H, W, C\).*x\[\.\.\., None\]"),
        ("conv2d", (1, 8, 8, 3), (3, 3, 4, 16), None, {}, ShapeError, r"conv2d: x has 3 channels but w expects 4"),
        ("conv2d", (1, 8, 8, 3), (3, 3, 3, 4), (3,), {}, ShapeError, r"b must be \(4,\)"),
        ("conv2d", (1, 4, 8, 3), (5, 3, 3, 4), None, {}, ShapeError, "kernel is larger than the padded image"),
        ("conv2d", (1, 4, 8, 3), (3, 3, 3, 4), None, {"dilation": (2, 1)}, ShapeError, r"spanning \(5, 3\) cells"),
        ("conv2d", (1, 8, 8, 3), (3, 3, 3, 4), None, {"groups": 2}, ArgumentError, "groups must divide the channels"),
        ("conv2d", (1, 8, 8, 4), (3, 3, 4, 4), None, {"groups": 2}, ShapeError, "x has 4 channels but w expects 8"),
        ("conv2d", (1, 8, 8, 4), (3, 3, 4, 4), None, {"groups": 0}, ArgumentError, "groups must divide"),
        ("conv2d", (1, 8, 8, 3), (3, 3, 3, 4), None, {"strides": (0, 1)}, ArgumentError, "strides must be two integ"),
        ("conv2d", (1, 8, 8, 3), (3, 3, 3, 4), None, {"dilation": 2}, ArgumentError, "dilation must be two integers"),
        ("conv2d", (1, 8, 8, 3), (3, 3, 3, 4), None, {"padding": "same"}, ArgumentError, "resolve_padding turns"),
        ("conv2d", (1, 8, 8, 3), (3, 3, 3, 4), None, {"padding": ((0, -1), (0, 0))}, ArgumentError, "integers ≥ 0"),
        ("conv2d_transpose", (8, 8, 3), (3, 3, 4, 3), None, {}, ShapeError, r"x must be \(N, P, Q, C\)"),
        ("conv2d_transpose", (1, 8, 8, 3), (3, 3, 3, 4), None, {}, ShapeError, "output channels before input"),
        ("conv2d_transpose", (1, 8, 8, 3), (3, 3, 4, 3), (3,), {}, ShapeError, r"b must be \(4,\)"),
        ("conv2d_transpose", (1, 1, 1, 1), (2, 2, 1, 1), None, {"padding": ((1, 1), (0, 0))}, ShapeError, "cuts off"),
        ("conv2d_transpose", (1, 8, 8, 3), (3, 3, 4, 3), None, {"strides": (1, 0)}, ArgumentError, "strides must be"),
        ("conv2d_transpose", (1, 8, 8, 3), (3, 3, 4, 3), None, {"output_padding": 1}, ArgumentError, "output_padding"),
        ("depthwise_conv2d", (8, 8, 3), (3, 3, 3, 1), None, {}, ShapeError, r"x must be \(N, H, W, C\)"),
        ("depthwise_conv2d", (1, 8, 8, 3), (3, 3, 2, 1), None, {}, ShapeError, "x has 3 channels but w expects 2"),
        ("depthwise_conv2d", (1, 8, 8, 3), (3, 3, 3, 2), (3,), {}, ShapeError, r"b must be \(6,\)"),
        ("depthwise_conv2d", (1, 2, 8, 3), (3, 3, 3, 2), None, {}, ShapeError, "kernel is larger"),
        ("depthwise_conv2d", (1, 8, 8, 3), (3, 3, 3, 1), None, {"strides": (1, -1)}, ArgumentError, "strides must be"),
    ],
)  # fmt: skip
def test_bad_input_is_named(
    op: str, x: tuple, w: tuple, b: tuple | None, static: dict, error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        FORWARD[op](np.zeros(x), np.zeros(w), None if b is None else np.zeros(b), **static)


@pytest.mark.parametrize("op", FORWARD)
def test_dtypes_that_do_not_agree_are_named(op: str) -> None:
    x, w = np.zeros((1, 4, 4, 2), np.float32), np.zeros((2, 2, 2, 2))
    with pytest.raises(DTypeError, match=f"{op}: all inputs must have the same dtype. Got x float32, w float64"):
        FORWARD[op](x, w)
    with pytest.raises(DTypeError, match="x must be float32 or float64. Got int64"):
        FORWARD[op](np.zeros((1, 4, 4, 2), int), w)


@pytest.mark.parametrize("groups", [1, 2])
def test_conv2d_of_a_strided_or_padded_1x1_kernel_meets_the_right_pixels(groups: int) -> None:
    """Output and image are equally large here, but a 1×1 kernel does not meet pixel (i, j) in window (i, j)."""
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 2, 2, 2)), rng.normal(size=(1, 1, 2 // groups, 4))
    static = {"strides": (2, 2), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": groups}
    y, _ = conv2d_forward(x, w, **static)
    np.testing.assert_allclose(y, loop_conv2d(x, w, None, **static), atol=1e-13)
    check_gradients(conv2d_forward, conv2d_backward, [x, w, None], static)


def test_conv2d_transpose_is_the_input_gradient_of_conv2d() -> None:
    """<conv2d(x), y> = <x, conv2d_transpose(y)>: the two are transposes of one another."""
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(2, 7, 8, 3)), rng.normal(size=(3, 2, 3, 4))
    static = {"strides": (2, 3), "padding": ((1, 0), (1, 1)), "dilation": (1, 2)}
    y, cache = conv2d_forward(x, w, **static)
    dy = rng.normal(size=y.shape)
    dx = conv2d_backward(dy, cache)[0]
    reached = conv2d_transpose_forward(dy, w, **static)[0].shape[1:3]
    extra = tuple(size - got for size, got in zip(x.shape[1:3], reached, strict=True))
    np.testing.assert_allclose(conv2d_transpose_forward(dy, w, output_padding=extra, **static)[0], dx, atol=1e-12)
    assert np.vdot(y, dy) == pytest.approx(np.vdot(x, dx))
