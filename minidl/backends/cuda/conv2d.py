"""Convolution on a GPU or the SIMT machine. The maths is in `minidl/ops/conv2d.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.ops.common.windows import Padding, Pair
from minidl.ops.conv2d import Conv2DCache


def conv2d_forward(
    device: Device, x: Any, w: Any, b: Any = None, *,
    strides: Pair = (1, 1), padding: Padding = ((0, 0), (0, 0)), dilation: Pair = (1, 1), groups: int = 1,
) -> tuple[Any, Conv2DCache]:  # fmt: skip
    """Return y = x under the kernels w, plus b, which is added while the sum is still in a register."""
    x, w, b = device.take(x=x, w=w, b=b)
    y = device.run("conv2d", x, w, b, strides=strides, padding=padding, dilation=dilation, groups=groups)
    return y, Conv2DCache(x, w, b is not None, strides, padding, dilation, groups)


def conv2d_backward(
    device: Device, dy: Any, cache: Conv2DCache, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[Any, Any, Any]:
    """dx, dw and db: a kernel each."""
    dy, x, w = device.take(dy=dy, x=cache.x, w=cache.w)
    window = {
        "strides": cache.strides, "padding": cache.padding, "dilation": cache.dilation, "groups": cache.groups,
    }  # fmt: skip
    dx = dw = db = None
    if needs[0]:
        dx = device.run("conv2d_backward_data", dy, w, tuple(x.shape), **window)
    if needs[1]:
        dw = device.run("conv2d_backward_weights", x, dy, tuple(w.shape), **window)
    if needs[2] and cache.has_bias:
        db = device.run("conv2d_backward_bias", dy)
    return dx, dw, db
