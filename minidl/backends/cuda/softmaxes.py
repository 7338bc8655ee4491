"""Softmax and its logarithm on a GPU or the SIMT machine. The maths is in `minidl/ops/softmaxes.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.ops.common.checks import normalize_axis
from minidl.ops.softmaxes import SoftmaxCache


def softmax_forward(device: Device, x: Any, *, axis: int = -1) -> tuple[Any, SoftmaxCache]:
    """Return y = exp(x - max) / sum exp(x - max)."""
    return _forward(device, "softmax", x, axis)


def softmax_backward(device: Device, dy: Any, cache: SoftmaxCache) -> tuple[Any]:
    """Return dx = y (dy - sum dy y)."""
    return _backward(device, "softmax_backward", dy, cache)


def log_softmax_forward(device: Device, x: Any, *, axis: int = -1) -> tuple[Any, SoftmaxCache]:
    """Return y = x - max - log sum exp(x - max)."""
    return _forward(device, "log_softmax", x, axis)


def log_softmax_backward(device: Device, dy: Any, cache: SoftmaxCache) -> tuple[Any]:
    """Return dx = dy - exp(y) sum dy."""
    return _backward(device, "log_softmax_backward", dy, cache)


def _forward(device: Device, op: str, x: Any, axis: int) -> tuple[Any, SoftmaxCache]:
    x = device.take(x=x)
    axis = normalize_axis(op, axis, x.ndim, x.shape)
    y = device.run(op, x, axis=axis)
    return y, SoftmaxCache(y, axis)


def _backward(device: Device, kernel: str, dy: Any, cache: SoftmaxCache) -> tuple[Any]:
    dy, y = device.take(dy=dy, y=cache.y)
    return (device.run(kernel, dy, y, axis=cache.axis),)
