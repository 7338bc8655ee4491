"""Depthwise convolution on a GPU or the SIMT machine. The maths is in `minidl/ops/depthwise_conv2d.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.ops.common.windows import Padding, Pair
from minidl.ops.depthwise_conv2d import DepthwiseConv2DCache


def depthwise_conv2d_forward(
    device: Device, x: Any, w: Any, b: Any = None, *,
    strides: Pair = (1, 1), padding: Padding = ((0, 0), (0, 0)), dilation: Pair = (1, 1),
) -> tuple[Any, DepthwiseConv2DCache]:  # fmt: skip
    """Return y = every channel of x under its own kernels, plus b."""
    x, w, b = device.take(x=x, w=w, b=b)
    y = device.run("depthwise_conv2d", x, w, b, strides=strides, padding=padding, dilation=dilation)
    return y, DepthwiseConv2DCache(x, w, b is not None, strides, padding, dilation)


def depthwise_conv2d_backward(
    device: Device, dy: Any, cache: DepthwiseConv2DCache, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[Any, Any, Any]:
    """dx, dw and db, the sum of dy over all pixels."""
    dy, x, w = device.take(dy=dy, x=cache.x, w=cache.w)
    window = {"strides": cache.strides, "padding": cache.padding, "dilation": cache.dilation}
    dx = dw = db = None
    if needs[0]:
        dx = device.run("depthwise_conv2d_backward_data", dy, w, tuple(x.shape), **window)
    if needs[1]:
        dw = device.run("depthwise_conv2d_backward_weights", x, dy, tuple(w.shape), **window)
    if needs[2] and cache.has_bias:
        db = device.run("reduce_sum", dy, axes=(0, 1, 2))
    return dx, dw, db
