"""Transposed convolution, by the kernels of an ordinary one.

It spreads every input cell over the output through the kernel, which is what a convolution's gradient does with dy. So
with a convolution from K to C channels in mind, whose kernel is w (R, S, K, C):

    y  = its conv2d_backward_data of x, plus b        dx = its conv2d of dy
    dw = its conv2d_backward_weights, with dy as the image and x as the gradient

There are no kernels of its own; `rung` picks one of those ladders' rungs, None the default.
"""
from __future__ import annotations

from typing import Any

from cuda_kernels import ladder
from cuda_kernels.launch import check_array
from cuda_kernels.windows import NO_PADDING, Padding, Pair, make_window


def conv2d_transpose(x: Any, w: Any, b: Any = None, *, strides: Pair = (1, 1), padding: Padding = NO_PADDING,
                     output_padding: Pair = (0, 0), dilation: Pair = (1, 1), out: Any = None, rung: str | None = None,
                     on: str | None = None) -> Any:
    """Return y (N, H, W, K) of x (N, P, Q, C), w (R, S, K, C), b (K,) or None; padding is cut off the full output.

    H = (P-1)*si + (R-1)*di + 1 - top - bottom + output_padding[0], and likewise W.
    Raises TypeError, ValueError as `problem.data_problem`, and ValueError for an output_padding not below the stride,
    or a padding that leaves nothing.
    """
    y_shape = output_shape(x, w, strides, padding, output_padding, dilation)
    return ladder.rung("conv2d_backward_data", rung).run(
        x, w, y_shape, b, strides=strides, padding=padding, dilation=dilation, out=out, on=on)


def conv2d_transpose_backward_data(dy: Any, w: Any, *, strides: Pair = (1, 1), padding: Padding = NO_PADDING,
                                   dilation: Pair = (1, 1), out: Any = None, rung: str | None = None,
                                   on: str | None = None) -> Any:
    """Return dx (N, P, Q, C) of dy (N, H, W, K) and w (R, S, K, C): a rung of conv2d, with its errors."""
    return ladder.rung("conv2d", rung).run(dy, w, strides=strides, padding=padding, dilation=dilation, out=out, on=on)


def conv2d_transpose_backward_weights(x: Any, dy: Any, w_shape: tuple[int, ...], *, strides: Pair = (1, 1),
                                      padding: Padding = NO_PADDING, dilation: Pair = (1, 1), out: Any = None,
                                      rung: str | None = None, on: str | None = None) -> Any:
    """Return dw (R, S, K, C) of x (N, P, Q, C) and dy (N, H, W, K): a rung of conv2d_backward_weights."""
    return ladder.rung("conv2d_backward_weights", rung).run(
        dy, x, w_shape, strides=strides, padding=padding, dilation=dilation, out=out, on=on)


def output_shape(x: Any, w: Any, strides: Pair, padding: Padding, output_padding: Pair,
                 dilation: Pair) -> tuple[int, int, int, int]:
    """The shape of y. Raises TypeError, ValueError."""
    check_array("conv2d_transpose", "x", x, ndim=4)
    check_array("conv2d_transpose", "w", w, ndim=4)
    window = make_window("conv2d_transpose", w.shape[:2], strides, padding, dilation)
    if len(output_padding) != 2 or any(not 0 <= v < s for v, s in zip(output_padding, window.strides, strict=True)):
        raise ValueError(f"conv2d_transpose: output_padding must be two ints from 0 to below the strides. Got "
                         f"{output_padding!r} with strides {window.strides}.")
    height, width = (
        (size - 1) * stride + (taps - 1) * step + 1 - before - after + extra
        for size, taps, stride, (before, after), step, extra in zip(x.shape[1:3], *window, output_padding, strict=True))
    if min(height, width) < 1:
        raise ValueError(f"conv2d_transpose: padding cuts off the whole output, ({height}, {width}) is left. Got x "
                         f"{tuple(x.shape)}, w {tuple(w.shape)}, {window}.")
    return int(x.shape[0]), int(height), int(width), int(w.shape[2])
