"""Adapters by form: one for every function of one number, one for every function of two, and so on.

What differs between the ops of a form stands in their records. What an op keeps, and what it makes of its settings, the
NumPy op is asked, on one number (`_kept`): so it alone checks them, and its cache has the right class.

    leaky_relu, negative_slope=0.3  ->  SlopeCache(x=[1.], negative_slope=0.3), in which x is then the device's
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from cuda_kernels.elementwise.functions import UNARY
from cuda_kernels.elementwise.pairs import FLOATS_ONLY
from minidl.backends.cuda.device import Device
from minidl.backends.cuda.integers import is_integer, on_host, take_counted
from minidl.errors import ShapeError
from minidl.ops.common.checks import normalize_axes
from minidl.ops.op import records

Needs = tuple[bool, bool]


def cell_forward(device: Device, x: Any, **settings: Any) -> tuple[Any, Any]:
    """Return y = f(x)."""
    x = take_counted(device, x=x) if UNARY[device.op].counts else device.take(x=x)
    kept = _kept(device.op, **settings)
    y, *more = _all(device.run(device.op, x, **_numbers(kept)))
    return y, _filled(kept, more, x=x, y=y)


def backward(device: Device, dy: Any, cache: Any) -> tuple[Any]:
    """Return dx, from dy and the x or y that the forward kept."""
    kept = [device.take(kept=getattr(cache, name)) for name in records()[device.op].keeps.split()]
    return (device.run(f"{device.op}_backward", device.take(dy=dy), *kept, **_numbers(cache)),)


def pair_forward(device: Device, a: Any, b: Any) -> tuple[Any, Any]:
    """Return y = f(a, b), broadcast."""
    a, b = device.take(a=a, b=b) if device.op in FLOATS_ONLY else take_counted(device, a=a, b=b)
    y = device.run(device.op, a, b)
    shapes = {"a_shape": tuple(a.shape), "b_shape": tuple(b.shape)}
    return y, _filled(_kept(device.op), [], a=a, b=b, y=y, **shapes)


def pair_backward(device: Device, dy: Any, cache: Any, *, needs: Needs = (True, True)) -> tuple[Any, Any]:
    """Return da and db, summed where an input was broadcast."""
    parts = cache._asdict()
    shapes = {
        f"{name}_shape": tuple(parts.get(f"{name}_shape", getattr(parts.get(name), "shape", ()))) for name in "ab"
    }
    kept = [device.take(kept=part) for part in parts.values() if hasattr(part, "size")]
    return device.run(f"{device.op}_backward", device.take(dy=dy), *kept, needs=needs, **shapes)


def reduction_forward(device: Device, x: Any, *, axes: Any = None, keepdims: bool = False) -> tuple[Any, Any]:
    """Return x reduced over axes; integers on the host."""
    if is_integer(x):
        return on_host(device, records()[device.op].forward, x, axes=axes, keepdims=keepdims)
    x = device.take(x=x)
    axes = normalize_axes(device.op, axes, x.shape)
    y = device.run(device.op, x, axes=axes, keepdims=keepdims)
    return y, _filled(_kept(device.op), [], x=x, shape=tuple(x.shape), axes=axes)


def loss_forward(device: Device, y_true: Any, y_pred: Any, **settings: Any) -> tuple[Any, Any]:
    """Return the mean over the last axis of a function of y_true and y_pred."""
    kept = _kept(device.op, **settings)
    y_true, y_pred = take_alike(device, y_true, y_pred)
    loss, *more = device.run(device.op, y_true, y_pred, **_numbers(kept))
    return loss, _filled(kept, more, y_pred=y_pred)


def loss_backward(device: Device, dy: Any, cache: Any, *, needs: Needs = (True, True)) -> tuple[Any, Any]:
    """Return d_true and d_pred."""
    kept = [device.take(kept=part) for part in cache if hasattr(part, "size")]
    return device.run(f"{device.op}_backward", device.take(dy=dy), *kept, needs=needs, **_numbers(cache))


def update_forward(device: Device, *arrays: Any, **settings: Any) -> tuple[Any, None]:
    """Return (w, states …) after one step of an optimizer."""
    taken = device.take(**dict(zip(records()[device.op].inputs, arrays, strict=False)))
    numbers = {name: value for name, value in settings.items() if value is not None}  # weight_decay=None is none
    return device.run(device.op, *taken, **numbers), None


ADAPTERS: dict[str, dict[str, Callable[..., Any] | None]] = {
    "cell": {"forward": cell_forward, "backward": backward},
    "pair": {"forward": pair_forward, "backward": pair_backward},
    "reduction": {"forward": reduction_forward, "backward": backward},
    "loss": {"forward": loss_forward, "backward": loss_backward},
    "update": {"forward": update_forward, "backward": None},
}


def take_alike(device: Device, y_true: Any, y_pred: Any) -> Any:
    """Return both on the device. Raises ShapeError where their shapes differ."""
    y_true, y_pred = device.take(y_true=y_true, y_pred=y_pred)
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"{device.op}: y_true and y_pred must have one shape. Got y_true {y_true.shape}, y_pred {y_pred.shape}. "
            "Does the last layer give one number a target?"
        )
    return y_true, y_pred


@functools.lru_cache(maxsize=1024)
def _kept(op: str, **settings: Any) -> Any:
    """Return what the NumPy op keeps of inputs of one number. Raises what it raises for its settings."""
    one = np.full((1, 1), 0.5, np.float32)
    return records()[op].forward(*[one] * len(records()[op].inputs), **settings)[1]


def _numbers(cache: Any) -> dict[str, Any]:
    """Return what a cache holds beside arrays: the settings, as the op took them."""
    return {} if cache is None else {name: v for name, v in cache._asdict().items() if not hasattr(v, "size")}


def _filled(cache: Any, more: list[Any], **values: Any) -> Any:
    """Return a cache with these values in the fields of their names, and what else a kernel gave in the others."""
    if cache is None:
        return None
    rest = iter(more)
    fields = {name: values[name] if name in values else next(rest) for name, v in cache._asdict().items()
              if name in values or hasattr(v, "size")}  # fmt: skip
    return cache._replace(**fields)


def _all(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)
