"""Transposed convolution on a GPU or the SIMT machine. The maths is in `minidl/ops/conv2d_transpose.py`.

It is the dx of a convolution from K to C channels, so the kernels of `conv2d` serve, forward and backward exchanged.
"""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.errors import ShapeError
from minidl.ops.common.windows import Padding, Pair, conv2d_transpose_output_size
from minidl.ops.conv2d_transpose import Conv2DTransposeCache


def conv2d_transpose_forward(
    device: Device, x: Any, w: Any, b: Any = None, *, strides: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)), output_padding: Pair = (0, 0), dilation: Pair = (1, 1),
) -> tuple[Any, Conv2DTransposeCache]:  # fmt: skip
    """Return y, the dx of the convolution whose dy is x, plus b."""
    x, w, b = device.take(x=x, w=w, b=b)
    if x.ndim != 4 or w.ndim != 4:
        raise ShapeError(f"conv2d_transpose: x must be (N, P, Q, C) and w (R, S, K, C). Got x {x.shape}, w {w.shape}.")
    height, width = (
        conv2d_transpose_output_size(*axis)
        for axis in zip(x.shape[1:3], w.shape[:2], strides, dilation, padding, output_padding, strict=True)
    )
    y_shape = (x.shape[0], height, width, w.shape[2])
    y = device.run("conv2d_backward_data", x, w, y_shape, b, strides=strides, padding=padding, dilation=dilation)
    return y, Conv2DTransposeCache(x, w, b is not None, strides, padding, output_padding, dilation)


def conv2d_transpose_backward(
    device: Device, dy: Any, cache: Conv2DTransposeCache, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[Any, Any, Any]:
    """Return dx, a convolution of dy; dw, in which dy is the image and x the upstream gradient; db."""
    dy, x, w = device.take(dy=dy, x=cache.x, w=cache.w)
    window = {"strides": cache.strides, "padding": cache.padding, "dilation": cache.dilation}
    dx = dw = db = None
    if needs[0]:
        dx = device.run("conv2d", dy, w, **window)
    if needs[1]:
        dw = device.run("conv2d_backward_weights", dy, x, tuple(w.shape), **window)
    if needs[2] and cache.has_bias:
        db = device.run("conv2d_backward_bias", dy)
    return dx, dw, db
