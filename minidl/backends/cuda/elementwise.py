"""Elementwise arithmetic on a GPU or the SIMT machine. The maths is in `minidl/ops/elementwise.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.activations import backward
from minidl.backends.cuda.device import Device
from minidl.backends.cuda.integers import take_counted, take_moved
from minidl.ops.elementwise import (
    CastCache,
    ClipCache,
    DivideCache,
    InputCache,
    OperandsCache,
    OutputCache,
    PowerCache,
    ShapesCache,
    WhereCache,
)

Needs = tuple[bool, bool]


def add_forward(device: Device, a: Any, b: Any) -> tuple[Any, ShapesCache]:
    """Return y = a + b."""
    return _keeping_shapes(device, "add", a, b)


def add_backward(device: Device, dy: Any, cache: ShapesCache, *, needs: Needs = (True, True)) -> tuple[Any, Any]:
    """Return da = dy, db = dy, summed where broadcast."""
    return _pair_backward(device, "add", dy, (), *cache, needs)


def subtract_forward(device: Device, a: Any, b: Any) -> tuple[Any, ShapesCache]:
    """Return y = a - b."""
    return _keeping_shapes(device, "subtract", a, b)


def subtract_backward(device: Device, dy: Any, cache: ShapesCache, *, needs: Needs = (True, True)) -> tuple[Any, Any]:
    """Return da = dy, db = -dy, summed where broadcast."""
    return _pair_backward(device, "subtract", dy, (), *cache, needs)


def multiply_forward(device: Device, a: Any, b: Any) -> tuple[Any, OperandsCache]:
    """Return y = a b."""
    return _keeping_operands(device, "multiply", a, b)


def multiply_backward(device: Device, dy: Any, cache: OperandsCache, *, needs: Needs = (True, True)) -> tuple[Any, Any]:
    """Return da = dy b, db = dy a."""
    return _pair_backward(device, "multiply", dy, cache, cache.a.shape, cache.b.shape, needs)


def divide_forward(device: Device, a: Any, b: Any) -> tuple[Any, DivideCache]:
    """Return y = a / b."""
    a, b = device.take(a=a, b=b)
    y = device.run("divide", a, b)
    return y, DivideCache(tuple(a.shape), b, y)


def divide_backward(device: Device, dy: Any, cache: DivideCache, *, needs: Needs = (True, True)) -> tuple[Any, Any]:
    """Return da = dy / b, db = -dy y / b."""
    return _pair_backward(device, "divide", dy, (cache.b, cache.y), cache.a_shape, cache.b.shape, needs)


def maximum_forward(device: Device, a: Any, b: Any) -> tuple[Any, OperandsCache]:
    """Return y = the larger of a and b."""
    return _keeping_operands(device, "maximum", a, b)


def maximum_backward(device: Device, dy: Any, cache: OperandsCache) -> tuple[Any, Any]:
    """The gradient dy goes to the larger, of equals to a."""
    return _pair_backward(device, "maximum", dy, cache, cache.a.shape, cache.b.shape)


def minimum_forward(device: Device, a: Any, b: Any) -> tuple[Any, OperandsCache]:
    """Return y = the smaller of a and b."""
    return _keeping_operands(device, "minimum", a, b)


def minimum_backward(device: Device, dy: Any, cache: OperandsCache) -> tuple[Any, Any]:
    """The gradient dy goes to the smaller, of equals to a."""
    return _pair_backward(device, "minimum", dy, cache, cache.a.shape, cache.b.shape)


def pow_forward(device: Device, a: Any, b: Any) -> tuple[Any, OperandsCache]:
    """Return y = a^b."""
    return _keeping_floats(device, "pow", a, b)


def pow_backward(device: Device, dy: Any, cache: OperandsCache, *, needs: Needs = (True, True)) -> tuple[Any, Any]:
    """Return da = dy b a^(b - 1), db = dy y log a."""
    return _pair_backward(device, "pow", dy, cache, cache.a.shape, cache.b.shape, needs)


def mod_forward(device: Device, a: Any, b: Any) -> tuple[Any, OperandsCache]:
    """Return y = a - b floor(a / b)."""
    return _keeping_floats(device, "mod", a, b)


def mod_backward(device: Device, dy: Any, cache: OperandsCache, *, needs: Needs = (True, True)) -> tuple[Any, Any]:
    """Return da = dy, db = -dy floor(a / b)."""
    return _pair_backward(device, "mod", dy, cache, cache.a.shape, cache.b.shape, needs)


def where_forward(device: Device, condition: Any, a: Any, b: Any) -> tuple[Any, WhereCache]:
    """Return y = a where the condition holds, else b."""
    condition = device.take(np.bool_, condition=condition)
    a, b = take_moved(device, a=a, b=b)
    return device.run("where", condition, a, b), WhereCache(condition, tuple(a.shape), tuple(b.shape))


def where_backward(device: Device, dy: Any, cache: WhereCache) -> tuple[None, Any, Any]:
    """The gradient dy goes to the input that was taken."""
    condition, a_shape, b_shape = cache
    condition, dy = device.take(np.bool_, condition=condition), device.take(dy=dy)
    return None, *device.run("where_backward", dy, condition, a_shape=a_shape, b_shape=b_shape)


def power_forward(device: Device, x: Any, *, exponent: float) -> tuple[Any, PowerCache]:
    """Return y = x^exponent."""
    x = device.take(x=x)
    return device.run("power", x, exponent=float(exponent)), PowerCache(x, float(exponent))


def power_backward(device: Device, dy: Any, cache: PowerCache) -> tuple[Any]:
    """Return dx = dy exponent x^(exponent - 1)."""
    return backward(device, "power", dy, cache.x, exponent=cache.exponent)


def exp_forward(device: Device, x: Any) -> tuple[Any, OutputCache]:
    """Return y = exp(x)."""
    return _keeping_output(device, "exp", x)


def exp_backward(device: Device, dy: Any, cache: OutputCache) -> tuple[Any]:
    """Return dx = dy y."""
    return backward(device, "exp", dy, cache.y)


def log_forward(device: Device, x: Any) -> tuple[Any, InputCache]:
    """Return y = log(x)."""
    return _keeping_input(device, "log", x)


def log_backward(device: Device, dy: Any, cache: InputCache) -> tuple[Any]:
    """Return dx = dy / x."""
    return backward(device, "log", dy, cache.x)


def log1p_forward(device: Device, x: Any) -> tuple[Any, InputCache]:
    """Return y = log(1 + x)."""
    return _keeping_input(device, "log1p", x)


def log1p_backward(device: Device, dy: Any, cache: InputCache) -> tuple[Any]:
    """Return dx = dy / (1 + x)."""
    return backward(device, "log1p", dy, cache.x)


def expm1_forward(device: Device, x: Any) -> tuple[Any, OutputCache]:
    """Return y = exp(x) - 1."""
    return _keeping_output(device, "expm1", x)


def expm1_backward(device: Device, dy: Any, cache: OutputCache) -> tuple[Any]:
    """Return dx = dy (y + 1)."""
    return backward(device, "expm1", dy, cache.y)


def sqrt_forward(device: Device, x: Any) -> tuple[Any, OutputCache]:
    """Return y = sqrt(x)."""
    return _keeping_output(device, "sqrt", x)


def sqrt_backward(device: Device, dy: Any, cache: OutputCache) -> tuple[Any]:
    """Return dx = dy / (2 y)."""
    return backward(device, "sqrt", dy, cache.y)


def square_forward(device: Device, x: Any) -> tuple[Any, InputCache]:
    """Return y = x^2."""
    return _keeping_input(device, "square", x)


def square_backward(device: Device, dy: Any, cache: InputCache) -> tuple[Any]:
    """Return dx = 2 dy x."""
    return backward(device, "square", dy, cache.x)


def absolute_forward(device: Device, x: Any) -> tuple[Any, InputCache]:
    """Return y = |x|."""
    return _keeping_input(device, "absolute", x)


def absolute_backward(device: Device, dy: Any, cache: InputCache) -> tuple[Any]:
    """Return dx = dy sign(x)."""
    return backward(device, "absolute", dy, cache.x)


def negative_forward(device: Device, x: Any) -> tuple[Any, None]:
    """Return y = -x."""
    return device.run("negative", take_counted(device, x=x)), None


def negative_backward(device: Device, dy: Any, cache: None) -> tuple[Any]:
    """Return dx = -dy."""
    return backward(device, "negative", dy, None)


def clip_forward(
    device: Device, x: Any, *, low: float | None = None, high: float | None = None
) -> tuple[Any, ClipCache]:
    """Return y = x, brought between low and high; high, where low is above it."""
    x = device.take(x=x)
    least = low if low is None or high is None else min(low, high)
    return device.run("clip", x, low=least, high=high), ClipCache(x, low, high)


def clip_backward(device: Device, dy: Any, cache: ClipCache) -> tuple[Any]:
    """Return dx = dy where x lies inside."""
    return backward(device, "clip", dy, cache.x, low=cache.low, high=cache.high)


def cast_forward(device: Device, x: Any, *, dtype: Any) -> tuple[Any, CastCache]:
    """Return y = x as another dtype."""
    x = device.take(None, x=x)
    return device.run("cast", x, dtype=np.dtype(dtype).name), CastCache(x.dtype)


def cast_backward(device: Device, dy: Any, cache: CastCache) -> tuple[Any]:
    """Return dx = dy as x's dtype."""
    dy = device.take(None, dy=dy)
    return (device.run("cast", dy, dtype=cache.dtype.name) if cache.dtype.kind == "f" else None,)


def _keeping_input(device: Device, op: str, x: Any) -> tuple[Any, InputCache]:
    x = device.take(x=x)
    return device.run(op, x), InputCache(x)


def _keeping_output(device: Device, op: str, x: Any) -> tuple[Any, OutputCache]:
    y = device.run(op, device.take(x=x))
    return y, OutputCache(y)


def _keeping_shapes(device: Device, op: str, a: Any, b: Any) -> tuple[Any, ShapesCache]:
    a, b = take_counted(device, a=a, b=b)
    return device.run(op, a, b), ShapesCache(tuple(a.shape), tuple(b.shape))


def _keeping_floats(device: Device, op: str, a: Any, b: Any) -> tuple[Any, OperandsCache]:
    a, b = device.take(a=a, b=b)
    return device.run(op, a, b), OperandsCache(a, b)


def _keeping_operands(device: Device, op: str, a: Any, b: Any) -> tuple[Any, OperandsCache]:
    a, b = take_counted(device, a=a, b=b)
    return device.run(op, a, b), OperandsCache(a, b)


def _pair_backward(
    device: Device, op: str, dy: Any, kept: tuple[Any, ...], a_shape: Any, b_shape: Any, needs: Needs = (True, True)
) -> tuple[Any, Any]:
    dy = device.take(dy=dy)
    kept = tuple(device.take(kept=part) for part in kept)
    shapes = {"a_shape": tuple(a_shape), "b_shape": tuple(b_shape)}
    return device.run(f"{op}_backward", dy, *kept, needs=needs, **shapes)
