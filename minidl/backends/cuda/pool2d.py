"""Max and average pooling on a GPU or the SIMT machine. The maths is in `minidl/ops/pool2d.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.ops.common.windows import Padding, Pair
from minidl.ops.pool2d import AveragePool2DCache, MaxPool2DCache


def max_pool2d_forward(
    device: Device, x: Any, *, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = ((0, 0), (0, 0))
) -> tuple[Any, MaxPool2DCache]:
    """Return y = the largest value of every window."""
    x = device.take(x=x)
    y = device.run("max_pool2d", x, pool_size=pool_size, strides=strides, padding=padding)
    return y, MaxPool2DCache(x, y, pool_size, strides, padding)


def max_pool2d_backward(device: Device, dy: Any, cache: MaxPool2DCache) -> tuple[Any]:
    """dx: dy at the first of each window's largest values."""
    dy, x, y = device.take(dy=dy, x=cache.x, y=cache.y)
    window = {"pool_size": cache.pool_size, "strides": cache.strides, "padding": cache.padding}
    return (device.run("max_pool2d_backward", dy, x, y, **window),)


def average_pool2d_forward(
    device: Device, x: Any, *, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = ((0, 0), (0, 0))
) -> tuple[Any, AveragePool2DCache]:
    """Return y = the mean of the pixels of every window, padding left out."""
    x = device.take(x=x)
    y = device.run("average_pool2d", x, pool_size=pool_size, strides=strides, padding=padding)
    return y, AveragePool2DCache(tuple(x.shape), pool_size, strides, padding)


def average_pool2d_backward(device: Device, dy: Any, cache: AveragePool2DCache) -> tuple[Any]:
    """dx: dy of each window, shared equally among its pixels."""
    window = {"pool_size": cache.pool_size, "strides": cache.strides, "padding": cache.padding}
    return (device.run("average_pool2d_backward", device.take(dy=dy), cache.x_shape, **window),)
