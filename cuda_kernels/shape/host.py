"""The host functions of the ops that move values, which the rungs fill with their kernels.

move(x, y, sizes, strides, first, on) : y[cell] = x[first + strides · cell] for the cells of a walk over `sizes`; y
put(x, y, sizes, strides, first, on) : y[first + strides · cell] = x[cell], one of several launches that fill y
fill(x, shape, axes, value, on) : an array of `shape`: x on the grid start + n step of each axis, `value` elsewhere
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from cuda_kernels.dtypes import MOVED, check_dtype, check_same
from cuda_kernels.elementwise.host import sum_to
from cuda_kernels.indexing import stretched_strides, strides_of
from cuda_kernels.launch import check_array, empty

Sizes = tuple[int, ...]


def transpose(move: Any, x: Any, *, axes: Sizes | None = None, on: str | None = None) -> Any:
    """Axis i of y is axis axes[i] of x; None reverses them. Its backward is the transpose with argsort(axes)."""
    check_dtype("transpose", "x", x, MOVED)
    axes = tuple(reversed(range(x.ndim))) if axes is None else tuple(axis % x.ndim for axis in axes)
    if sorted(axes) != list(range(x.ndim)):
        raise ValueError(f"transpose: axes must name each of the {x.ndim} axes once. Got {axes}.")
    strides, sizes = strides_of(x.shape), tuple(x.shape[axis] for axis in axes)
    return move(x, empty(sizes, x.dtype, like=x), sizes, tuple(strides[axis] for axis in axes), 0, on)


def broadcast_to(move: Any, x: Any, *, shape: Sizes, on: str | None = None) -> Any:
    """x copied along new axes and axes of size 1."""
    check_dtype("broadcast_to", "x", x, MOVED)
    try:
        fits = np.broadcast_shapes(tuple(x.shape), tuple(shape)) == tuple(shape)
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"broadcast_to: only axes of size 1, and missing first ones, can be stretched. "
                         f"Got x {tuple(x.shape)}, shape {tuple(shape)}.")
    y = empty(shape, x.dtype, like=x)
    return move(x, y, tuple(shape), stretched_strides(tuple(x.shape), tuple(shape)), 0, on)


def broadcast_to_backward(dy: Any, *, shape: Sizes, on: str | None = None) -> Any:
    """dy summed over the axes along which an input of `shape` was stretched."""
    check_array("broadcast_to_backward", "dy", dy)
    return sum_to(dy, tuple(shape), on)


def parse_key(shape: Sizes, key: Any) -> tuple[list[tuple[int, int, int]], Sizes]:
    """(start, step, count) of every axis of x, and the shape of x[key]: integers, slices, None and Ellipsis."""
    parts = list(key) if isinstance(key, tuple) else [key]
    used = sum(part is not None and part is not Ellipsis for part in parts)
    if parts.count(Ellipsis) > 1 or used > len(shape):
        raise ValueError(f"slice: the key does not fit. Got {key!r} for x {shape}.")
    where = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    parts[where:where + 1] = [slice(None)] * (len(shape) - used)
    axes: list[Any] = []
    result: list[Any] = []
    for part in parts:
        if part is None:
            result.append(1)
            continue
        size = shape[len(axes)]
        if isinstance(part, slice):
            start, stop, step = part.indices(size)
            axes.append((start, step, len(range(start, stop, step))))
            result.append(axes[-1][2])
        else:
            if not -size <= part < size:
                raise ValueError(f"slice: index {part} is out of range for an axis of {size}. Got {key!r} for x "
                                 f"{shape}.")
            axes.append((int(part) % size, 1, 1))
    return axes, tuple(result)


def slice_(move: Any, x: Any, *, key: Any, on: str | None = None) -> Any:
    """x[key] as a copy, for integers, slices with any step, None and Ellipsis. It must not be empty."""
    check_dtype("slice", "x", x, MOVED)
    axes, shape = parse_key(tuple(x.shape), key)
    strides = strides_of(x.shape)
    first = sum(start * stride for (start, _, _), stride in zip(axes, strides, strict=True))
    if math.prod(shape) == 0:
        raise ValueError(f"slice: the key takes no element. Got {key!r} for x {tuple(x.shape)}.")
    sizes = tuple(count for _, _, count in axes)
    own = tuple(step * stride for (_, step, _), stride in zip(axes, strides, strict=True))
    return move(x, empty(shape, x.dtype, like=x), sizes, own, first, on)


def slice_backward(fill: Any, dy: Any, *, shape: Sizes, key: Any, on: str | None = None) -> Any:
    """What the key took receives dy, what it left 0."""
    check_array("slice_backward", "dy", dy)
    return fill(dy, tuple(shape), parse_key(tuple(shape), key)[0], 0.0, on)


def pad(fill: Any, x: Any, *, padding: tuple[tuple[int, int], ...], value: float = 0.0, on: str | None = None) -> Any:
    """A frame of `value` around x: ((before, after), …), a pair for each axis."""
    check_dtype("pad", "x", x, MOVED)
    if len(padding) != x.ndim or any(width < 0 for pair in padding for width in pair):
        raise ValueError(f"pad: padding must hold a pair of widths for each of {x.ndim} axes. Got {padding}.")
    shape = tuple(before + n + after for n, (before, after) in zip(x.shape, padding, strict=True))
    return fill(x, shape, [(before, 1, n) for n, (before, _) in zip(x.shape, padding, strict=True)], value, on)


def pad_backward(move: Any, dy: Any, *, padding: tuple[tuple[int, int], ...], on: str | None = None) -> Any:
    """Cut the frame off."""
    check_array("pad_backward", "dy", dy)
    key = tuple(slice(before, n - after) for n, (before, after) in zip(dy.shape, padding, strict=True))
    return slice_(move, dy, key=key, on=on)


def concatenate(put: Any, *xs: Any, axis: int = -1, on: str | None = None) -> Any:
    """Arrays joined along an axis they have: one launch an input, which scatters it to its stretch of y."""
    for k, x in enumerate(xs):
        check_dtype("concatenate", f"input {k}", x, MOVED, ndim=xs[0].ndim)
        check_same("concatenate", xs[0], x)
    axis %= xs[0].ndim
    for k, x in enumerate(xs):
        if any(n != m for i, (n, m) in enumerate(zip(x.shape, xs[0].shape, strict=True)) if i != axis):
            raise ValueError(f"concatenate: all axes but axis {axis} must agree. Got {tuple(xs[0].shape)} for input 0 "
                             f"and {tuple(x.shape)} for input {k}.")
    shape = (*xs[0].shape[:axis], sum(x.shape[axis] for x in xs), *xs[0].shape[axis + 1:])
    y, start, strides = empty(shape, xs[0].dtype, like=xs[0]), 0, strides_of(shape)
    for x in xs:
        put(x, y, tuple(x.shape), strides, start * strides[axis], on)
        start += x.shape[axis]
    return y


def concatenate_backward(move: Any, dy: Any, *, sizes: Sizes, axis: int = -1,
                         on: str | None = None) -> tuple[Any, ...]:
    """Each input receives the stretch of dy in which it lies."""
    check_array("concatenate_backward", "dy", dy)
    axis, start, gradients = axis % dy.ndim, 0, []
    for size in sizes:
        key = (slice(None),) * axis + (slice(start, start + size),)
        gradients.append(slice_(move, dy, key=key, on=on))
        start += size
    return tuple(gradients)
