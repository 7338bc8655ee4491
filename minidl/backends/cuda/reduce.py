"""Sums, means, extremes and argmax on a GPU or the SIMT machine. The maths is in `minidl/ops/reduce.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.backends.cuda.integers import is_integer, on_host
from minidl.ops import reduce
from minidl.ops.common.checks import normalize_axes, normalize_axis
from minidl.ops.reduce import ReduceCache, ReduceExtremeCache


def reduce_sum_forward(device: Device, x: Any, *, axes: Any = None, keepdims: bool = False) -> tuple[Any, ReduceCache]:
    """Return y = the sum of x over axes."""
    return _reduced(device, "reduce_sum", x, axes, keepdims)


def reduce_sum_backward(device: Device, dy: Any, cache: ReduceCache) -> tuple[Any]:
    """Return dx = dy, repeated over the reduced axes."""
    return _spread(device, "reduce_sum_backward", dy, cache)


def reduce_mean_forward(device: Device, x: Any, *, axes: Any = None, keepdims: bool = False) -> tuple[Any, ReduceCache]:
    """Return y = the mean of x over axes."""
    return _reduced(device, "reduce_mean", x, axes, keepdims)


def reduce_mean_backward(device: Device, dy: Any, cache: ReduceCache) -> tuple[Any]:
    """Return dx = dy / count, repeated over the reduced axes."""
    return _spread(device, "reduce_mean_backward", dy, cache)


def reduce_max_forward(
    device: Device, x: Any, *, axes: Any = None, keepdims: bool = False
) -> tuple[Any, ReduceExtremeCache]:
    """Return y = the largest of x over axes."""
    return _extreme(device, "reduce_max", x, axes, keepdims)


def reduce_max_backward(device: Device, dy: Any, cache: ReduceExtremeCache) -> tuple[Any]:
    """Return dx = dy at the first of the largest."""
    return _to_the_first(device, "reduce_max_backward", dy, cache)


def reduce_min_forward(
    device: Device, x: Any, *, axes: Any = None, keepdims: bool = False
) -> tuple[Any, ReduceExtremeCache]:
    """Return y = the smallest of x over axes."""
    return _extreme(device, "reduce_min", x, axes, keepdims)


def reduce_min_backward(device: Device, dy: Any, cache: ReduceExtremeCache) -> tuple[Any]:
    """Return dx = dy at the first of the smallest."""
    return _to_the_first(device, "reduce_min_backward", dy, cache)


def argmax_forward(device: Device, x: Any, *, axis: int = -1) -> tuple[Any, None]:
    """Return y = the place of the first of the largest, int64."""
    if is_integer(x):
        return on_host(device, reduce.argmax_forward, x, axis=axis)
    x = device.take(x=x)
    y = device.run("argmax", x, axis=normalize_axis("argmax", axis, x.ndim, x.shape))
    return (y if y.dtype == np.int64 else device.run("cast", y, dtype="int64")), None


def _reduced(device: Device, op: str, x: Any, axes: Any, keepdims: bool) -> tuple[Any, ReduceCache]:
    if is_integer(x):
        return on_host(device, getattr(reduce, f"{op}_forward"), x, axes=axes, keepdims=keepdims)
    x = device.take(x=x)
    axes = normalize_axes(op, axes, x.shape)
    return device.run(op, x, axes=axes, keepdims=keepdims), ReduceCache(tuple(x.shape), axes)


def _spread(device: Device, kernel: str, dy: Any, cache: ReduceCache) -> tuple[Any]:
    return (device.run(kernel, device.take(dy=dy), shape=cache.shape, axes=cache.axes),)


def _extreme(device: Device, op: str, x: Any, axes: Any, keepdims: bool) -> tuple[Any, ReduceExtremeCache]:
    if is_integer(x):
        return on_host(device, getattr(reduce, f"{op}_forward"), x, axes=axes, keepdims=keepdims)
    x = device.take(x=x)
    axes = normalize_axes(op, axes, x.shape)
    return device.run(op, x, axes=axes, keepdims=keepdims), ReduceExtremeCache(x, axes)


def _to_the_first(device: Device, kernel: str, dy: Any, cache: ReduceExtremeCache) -> tuple[Any]:
    dy, x = device.take(dy=dy, x=cache.x)
    return (device.run(kernel, dy, x, axes=cache.axes),)
