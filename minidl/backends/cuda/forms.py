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
from minidl.ops.common.cell_activations import cell_activation
from minidl.ops.common.checks import normalize_axes, normalize_axis
from minidl.ops.op import records

Needs = tuple[bool, bool]


def cell_forward(device: Device, x: Any, **settings: Any) -> tuple[Any, Any]:
    """Return y = f(x)."""
    counts = device.op in UNARY and UNARY[device.op].counts
    x = take_counted(device, x=x) if counts else device.take(x=x)
    kept = _kept(device.op, x.ndim, **settings)
    names = records()[device.op].settings
    as_taken = {name: value for name, value in _numbers(kept).items() if name in names}
    result = device.run(device.op, x, **settings | as_taken)
    y, *more = result if isinstance(result, tuple) else (result,)
    return y, _filled(kept, more, x=x, y=y, shape=tuple(x.shape))


def backward(device: Device, dy: Any, cache: Any) -> tuple[Any]:
    """Return dx, from dy and the x or y that the forward kept."""
    kept = [device.take(kept=getattr(cache, name)) for name in records()[device.op].keeps.split()]
    return (device.run(f"{device.op}_backward", device.take(dy=dy), *kept, **_numbers(cache)),)


def pair_forward(device: Device, a: Any, b: Any) -> tuple[Any, Any]:
    """Return y = f(a, b), broadcast."""
    a, b = device.take(a=a, b=b) if device.op in FLOATS_ONLY else take_counted(device, a=a, b=b)
    y = device.run(device.op, a, b)
    shapes = {"a_shape": tuple(a.shape), "b_shape": tuple(b.shape)}
    return y, _filled(_kept(device.op, y.ndim), [], a=a, b=b, y=y, **shapes)


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
    return cell_forward(device, x, axes=normalize_axes(device.op, axes, x.shape), keepdims=keepdims)


def row_forward(device: Device, x: Any, *, axis: int = -1) -> tuple[Any, Any]:
    """Return y, of which a cell depends on its row."""
    x = device.take(x=x)
    return cell_forward(device, x, axis=normalize_axis(device.op, axis, x.ndim, x.shape))


def loss_forward(device: Device, y_true: Any, y_pred: Any, **settings: Any) -> tuple[Any, Any]:
    """Return the mean over the last axis of a function of y_true and y_pred."""
    kept = _kept(device.op, 2, **settings)
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


def convolution_forward(device: Device, x: Any, w: Any, b: Any = None, **settings: Any) -> tuple[Any, Any]:
    """Return y = x under the kernels w, plus b, which is added while the sum is still in a register."""
    x, w, b = device.take(x=x, w=w, b=b)
    settings = _defaults(device.op) | settings
    y = device.run(device.op, x, w, b, **settings)
    return y, _cache_class(device.op)(x, w, b is not None, **settings)


def convolution_backward(
    device: Device, dy: Any, cache: Any, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[Any, Any, Any]:
    """dx, dw and db: the kernels of the record, in this order; without one of its own db is the sum over all pixels."""
    data, weights, *bias = records()[device.op].kernels[1]
    dy, x, w = device.take(dy=dy, x=cache.x, w=cache.w)
    window = {name: getattr(cache, name) for name in records()[device.op].settings}
    dx = device.run(data, dy, w, tuple(x.shape), **window) if needs[0] else None
    dw = device.run(weights, x, dy, tuple(w.shape), **window) if needs[1] else None
    if not (needs[2] and cache.has_bias):
        return dx, dw, None
    return dx, dw, device.run(bias[0], dy) if bias else device.run("reduce_sum", dy, axes=(0, 1, 2))


def window_forward(device: Device, x: Any, **settings: Any) -> tuple[Any, Any]:
    """Return y = one value of each window and channel; of x, its shape and y the cache holds what it has fields for."""
    x, settings = device.take(x=x), _defaults(device.op) | settings
    y = device.run(device.op, x, **settings)
    cache, known = _cache_class(device.op), {"x": x, "y": y, "x_shape": tuple(x.shape), **settings}
    return y, cache(*(known[name] for name in cache._fields))


def window_backward(device: Device, dy: Any, cache: Any) -> tuple[Any]:
    """dx, from dy and what the cache holds beside the settings."""
    window = {name: getattr(cache, name) for name in records()[device.op].settings}
    kept = [value for name, value in cache._asdict().items() if name not in window]
    kept = [device.take(kept=value) if hasattr(value, "shape") else value for value in kept]
    return (device.run(f"{device.op}_backward", device.take(dy=dy), *kept, **window),)


def recurrent_forward(device: Device, *arrays: Any, **settings: Any) -> tuple[tuple[Any, ...], Any]:
    """Return the outputs of all steps: a product and a fused kernel each. The cache is filled by its fields' names."""
    record = records()[device.op]
    settings = _defaults(device.op) | settings
    for name in (value for value in settings.values() if isinstance(value, str)):
        cell_activation(device.op, name)  # which raises for a name that NumPy does not know
    given = {name: _of_kind(device, name, array) for name, array in zip(record.inputs, arrays, strict=True)}
    results = device.run(device.op, *given.values(), **settings)
    rest = iter(results[len(record.outputs) :])
    known = given | settings | {f"has_{name}": array is not None for name, array in given.items()}
    cache = _cache_class(device.op)
    fields = {name: known[name] if name in known else next(rest) for name in cache._fields}
    return results[: len(record.outputs)], cache(**fields)


def recurrent_backward(
    device: Device, dy: tuple[Any, ...], cache: Any, *, needs: tuple[bool, ...] = (True,) * 8
) -> tuple[Any, ...]:
    """Return the gradients of all inputs, back through time; all are found at once, and only dx may be left out."""
    record, kept = records()[device.op], cache._asdict()
    arrays = [_of_kind(device, name, array) for name, array in kept.items()
              if name not in record.settings and not name.startswith("has_")]  # fmt: skip
    settings = {name: kept[name] for name in record.settings if name in kept}
    if "reset_after" in record.settings:
        settings["reset_after"] = cache.inner is not None
    dys = [device.take(dy=part) for part in dy]
    found = dict(zip(record.inputs, device.run(f"{device.op}_backward", *dys, *arrays, **settings), strict=False))
    wanted = {name: kept.get(f"has_{name}", True) for name in found} | {"x": needs[0]}
    return tuple(found[name] if wanted.get(name) else None for name in record.inputs)


def _of_kind(device: Device, name: str, array: Any) -> Any:
    """Return an array of a recurrent op on the device: booleans for the mask, else float32."""
    return device.take(np.bool_ if name == "mask" else np.float32, **{name: array})


def _defaults(op: str) -> dict[str, Any]:
    """Return the settings of an op, as they are unless said otherwise."""
    return {p.name: p.default for p in records()[op].parameters if p.name in records()[op].settings}


@functools.cache
def _cache_class(op: str) -> Any:
    """Return the class of the NumPy op's cache."""
    record = records()[op]
    assert record.shapes is not None
    return type(record.forward(*(None if shape is None else np.ones(shape) for shape in record.shapes(4)))[1])


ADAPTERS: dict[str, dict[str, Callable[..., Any] | None]] = {
    "cell": {"forward": cell_forward, "backward": backward},
    "pair": {"forward": pair_forward, "backward": pair_backward},
    "row": {"forward": row_forward, "backward": backward},
    "convolution": {"forward": convolution_forward, "backward": convolution_backward},
    "window": {"forward": window_forward, "backward": window_backward},
    "recurrent": {"forward": recurrent_forward, "backward": recurrent_backward},
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
def _kept(op: str, rank: int, /, **settings: Any) -> Any:
    """Return what the NumPy op keeps of one number, in arrays of so many axes. Raises what it raises for settings."""
    one = np.full((1,) * rank, 0.5, np.float32)
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
