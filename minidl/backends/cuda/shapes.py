"""Reshaping and moving values on a GPU or the SIMT machine. The rules are in `minidl/ops/shapes.py`.

Where a rule finds shapes or keys, NumPy's op is asked, on an array that has the shape and no memory (`_shadow`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.backends.cuda.integers import on_host, take_moved
from minidl.ops import shapes
from minidl.ops.shapes import ConcatenateCache, PadCache, ShapeCache, SliceCache, StackCache, TransposeCache


def reshape_forward(device: Device, x: Any, *, shape: tuple[int, ...]) -> tuple[Any, ShapeCache]:
    """Return y = x, read in row-major order in another shape: nothing moves."""
    x = take_moved(device, x=x)
    target = shapes.reshape_forward(_shadow(x), shape=shape)[0].shape
    return x.reshape(target), ShapeCache(tuple(x.shape))


def reshape_backward(device: Device, dy: Any, cache: ShapeCache) -> tuple[Any]:
    """Return dx = dy in x's shape."""
    return (device.take(dy=dy).reshape(cache.shape),)


def transpose_forward(device: Device, x: Any, *, axes: Any = None) -> tuple[Any, TransposeCache]:
    """Axis i of y is axis axes[i] of x; a copy, so that kernels can read it row by row."""
    x = take_moved(device, x=x)
    cache = shapes.transpose_forward(_shadow(x), axes=axes)[1]
    return (device.run("transpose", x, axes=cache.axes) if x.ndim > 1 else x), cache


def transpose_backward(device: Device, dy: Any, cache: TransposeCache) -> tuple[Any]:
    """Return dx = dy, its axes put back."""
    back = tuple(int(axis) for axis in np.argsort(cache.axes))
    dy = device.take(dy=dy)
    return (device.run("transpose", dy, axes=back) if dy.ndim > 1 else dy,)


def concatenate_forward(device: Device, *xs: Any, axis: int = -1) -> tuple[Any, ConcatenateCache]:
    """Return y = the arrays, end to end along `axis`."""
    cache = shapes.concatenate_forward(*map(_shadow, xs), axis=axis)[1]
    return device.run("concatenate", *_all(device, xs), axis=cache.axis), cache


def concatenate_backward(device: Device, dy: Any, cache: ConcatenateCache) -> tuple[Any, ...]:
    """Each input receives its stretch of dy."""
    return device.run("concatenate_backward", device.take(dy=dy), sizes=cache.sizes, axis=cache.axis)


def stack_forward(device: Device, *xs: Any, axis: int = 0) -> tuple[Any, StackCache]:
    """Return y = the arrays, side by side along a new axis: a concatenation of arrays that have it with size 1."""
    cache = shapes.stack_forward(*map(_shadow, xs), axis=axis)[1]
    wide = [x.reshape(_with_axis(x.shape, cache.axis)) for x in _all(device, xs)]
    return device.run("concatenate", *wide, axis=cache.axis), cache


def stack_backward(device: Device, dy: Any, cache: StackCache) -> tuple[Any, ...]:
    """Each input receives its slice of dy."""
    dy = device.take(dy=dy)
    parts = device.run("concatenate_backward", dy, sizes=(1,) * cache.number, axis=cache.axis)
    return tuple(part.reshape(dy.shape[: cache.axis] + dy.shape[cache.axis + 1 :]) for part in parts)


def pad_forward(device: Device, x: Any, *, padding: Any, value: float = 0.0) -> tuple[Any, PadCache]:
    """Return y = x in a frame of `value`."""
    x = take_moved(device, x=x)
    cache = shapes.pad_forward(_shadow(x), padding=padding)[1]
    return device.run("pad", x, padding=cache.padding, value=value), cache


def pad_backward(device: Device, dy: Any, cache: PadCache) -> tuple[Any]:
    """Return dx = dy without the frame."""
    return (device.run("pad_backward", device.take(dy=dy), padding=cache.padding),)


def slice_forward(device: Device, x: Any, *, key: Any) -> tuple[Any, SliceCache]:
    """Return y = x[key], a copy. Of places in arrays, it is an embedding of them in x as a column of single values."""
    x = take_moved(device, x=x)
    y, cache = shapes.slice_forward(_shadow(x), key=key)
    if y.size == 0:
        return np.zeros(y.shape, x.dtype), cache
    if not cache.has_arrays:
        return device.run("slice", x, key=cache.key), cache
    if x.dtype != np.float32:
        return on_host(device, shapes.slice_forward, x, key=cache.key)
    ids = _places(device, cache)
    return device.run("embedding", ids, x.reshape(-1, 1)).reshape(y.shape), cache


def slice_backward(device: Device, dy: Any, cache: SliceCache) -> tuple[Any]:
    """What the key took receives dy, what it left 0; a place that was taken twice receives both."""
    dy = device.take(dy=dy)
    if not cache.has_arrays:
        return (device.run("slice_backward", dy, shape=cache.shape, key=cache.key),)
    table_shape = (math.prod(cache.shape), 1)
    dx = device.run("embedding_backward", dy.reshape(-1, 1), _places(device, cache), table_shape=table_shape)
    return (dx.reshape(cache.shape),)


def _places(device: Device, cache: SliceCache) -> Any:
    """The position in x, counted row by row, of every value that the key took."""
    places = np.arange(math.prod(cache.shape), dtype=np.int32).reshape(cache.shape)[cache.key]
    return device.take(np.int32, key=np.ascontiguousarray(places).reshape(-1))


def broadcast_to_forward(device: Device, x: Any, *, shape: tuple[int, ...]) -> tuple[Any, ShapeCache]:
    """Return y = x, copied along new axes and axes of size 1."""
    x = take_moved(device, x=x)
    if 0 in tuple(shape):
        return shapes.broadcast_to_forward(np.zeros(x.shape, x.dtype), shape=shape)
    return device.run("broadcast_to", x, shape=tuple(shape)), ShapeCache(tuple(x.shape))


def broadcast_to_backward(device: Device, dy: Any, cache: ShapeCache) -> tuple[Any]:
    """Return dx = the sum of dy over the copies."""
    return (device.run("broadcast_to_backward", device.take(dy=dy), shape=cache.shape),)


def _shadow(x: Any) -> np.ndarray:
    """Return an array of x's shape that takes one byte."""
    return np.broadcast_to(np.uint8(0), tuple(x.shape))


def _all(device: Device, xs: tuple[Any, ...]) -> tuple[Any, ...]:
    taken = take_moved(device, **{f"input_{k}": x for k, x in enumerate(xs)})
    return taken if len(xs) > 1 else (taken,)


def _with_axis(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], 1, *shape[axis:])
