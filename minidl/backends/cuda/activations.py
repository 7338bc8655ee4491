"""Activation functions on a GPU or the SIMT machine. The maths is in `minidl/ops/activations.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.ops.activations import ClippedReluCache, EluCache, GeluCache, SlopeCache, SwishCache
from minidl.ops.elementwise import InputCache, OutputCache


def relu_forward(device: Device, x: Any) -> tuple[Any, OutputCache]:
    """Return y = max(x, 0)."""
    return _keeping_output(device, "relu", x)


def relu_backward(device: Device, dy: Any, cache: OutputCache) -> tuple[Any]:
    """Return dx = dy where y > 0."""
    return backward(device, "relu", dy, cache.y)


def relu6_forward(device: Device, x: Any) -> tuple[Any, OutputCache]:
    """Return y = min(max(x, 0), 6)."""
    return _keeping_output(device, "relu6", x)


def relu6_backward(device: Device, dy: Any, cache: OutputCache) -> tuple[Any]:
    """Return dx = dy where 0 < y < 6."""
    return backward(device, "relu6", dy, cache.y)


def leaky_relu_forward(device: Device, x: Any, *, negative_slope: float = 0.2) -> tuple[Any, SlopeCache]:
    """Return y = x, or negative_slope x on the left."""
    x = device.take(x=x)
    return device.run("leaky_relu", x, negative_slope=negative_slope), SlopeCache(x, negative_slope)


def leaky_relu_backward(device: Device, dy: Any, cache: SlopeCache) -> tuple[Any]:
    """Return dx = dy, or negative_slope dy on the left."""
    return backward(device, "leaky_relu", dy, cache.x, negative_slope=cache.negative_slope)


def elu_forward(device: Device, x: Any, *, alpha: float = 1.0) -> tuple[Any, EluCache]:
    """Return y = x, or alpha (exp(x) - 1) on the left."""
    y = device.run("elu", device.take(x=x), alpha=alpha)
    return y, EluCache(y, alpha)


def elu_backward(device: Device, dy: Any, cache: EluCache) -> tuple[Any]:
    """Return dx = dy, or dy (y + alpha) on the left."""
    return backward(device, "elu", dy, cache.y, alpha=cache.alpha)


def gelu_forward(device: Device, x: Any, *, approximate: bool = False) -> tuple[Any, GeluCache]:
    """Return y = x F(x)."""
    x = device.take(x=x)
    return device.run("gelu", x, approximate=bool(approximate)), GeluCache(x, bool(approximate))


def gelu_backward(device: Device, dy: Any, cache: GeluCache) -> tuple[Any]:
    """Return dx = dy (F(x) + x F'(x))."""
    return backward(device, "gelu", dy, cache.x, approximate=cache.approximate)


def sigmoid_forward(device: Device, x: Any) -> tuple[Any, OutputCache]:
    """Return y = 1 / (1 + exp(-x))."""
    return _keeping_output(device, "sigmoid", x)


def sigmoid_backward(device: Device, dy: Any, cache: OutputCache) -> tuple[Any]:
    """Return dx = dy y (1 - y)."""
    return backward(device, "sigmoid", dy, cache.y)


def tanh_forward(device: Device, x: Any) -> tuple[Any, OutputCache]:
    """Return y = tanh(x)."""
    return _keeping_output(device, "tanh", x)


def tanh_backward(device: Device, dy: Any, cache: OutputCache) -> tuple[Any]:
    """Return dx = dy (1 - y^2)."""
    return backward(device, "tanh", dy, cache.y)


def softplus_forward(device: Device, x: Any) -> tuple[Any, InputCache]:
    """Return y = log(1 + exp(x))."""
    x = device.take(x=x)
    return device.run("softplus", x), InputCache(x)


def softplus_backward(device: Device, dy: Any, cache: InputCache) -> tuple[Any]:
    """Return dx = dy sigmoid(x)."""
    return backward(device, "softplus", dy, cache.x)


def swish_forward(device: Device, x: Any) -> tuple[Any, SwishCache]:
    """Return y = x sigmoid(x)."""
    x = device.take(x=x)
    y, gate = device.run("swish", x)
    return y, SwishCache(x, gate)


def swish_backward(device: Device, dy: Any, cache: SwishCache) -> tuple[Any]:
    """Return dx = dy (gate + x gate (1 - gate)); the kernel computes the gate again instead of reading it."""
    return backward(device, "swish", dy, cache.x)


def clipped_relu_forward(
    device: Device, x: Any, *, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0
) -> tuple[Any, ClippedReluCache]:
    """Return y = x between threshold and max_value."""
    x = device.take(x=x)
    cache = ClippedReluCache(x, max_value, negative_slope, threshold)
    return device.run("clipped_relu", x, **_shape_of(cache)), cache


def clipped_relu_backward(device: Device, dy: Any, cache: ClippedReluCache) -> tuple[Any]:
    """Return dx = dy between threshold and max_value, negative_slope dy below."""
    return backward(device, "clipped_relu", dy, cache.x, **_shape_of(cache))


def _shape_of(cache: ClippedReluCache) -> dict[str, Any]:
    return {
        "max_value": cache.max_value, "negative_slope": cache.negative_slope, "threshold": cache.threshold,
    }  # fmt: skip


def _keeping_output(device: Device, op: str, x: Any) -> tuple[Any, OutputCache]:
    y = device.run(op, device.take(x=x))
    return y, OutputCache(y)


def backward(device: Device, op: str, dy: Any, kept: Any, **static: Any) -> tuple[Any]:
    """Run the gradient kernel of a function of one number, from dy and the x or y that its forward kept."""
    dy, kept = device.take(dy=dy, kept=kept)
    return (device.run(f"{op}_backward", dy, kept, **static),)
