"""shape r1: ops that move values and compute nothing. One thread, one element, found by an index function.

One thread owns one element of the smaller side: of y in transpose, slice and broadcast_to (y[i] = x[place(i)]), of an
input in concatenate and pad (y[place(i)] = x[i]). A block owns THREADS neighbours, the grid covers them. One side is
always walked in order; the other side's sectors are shared or not, as the op has it: in the transpose of a matrix
neighbouring threads read a row apart.
What is moved may be float32, an integer or a bool; the gradients are float32.
Bytes 4 N loaded, 4 N stored (8 N of int64, N of bytes). Claims: no local memory.
"""
from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32, int64, uint8, uint32
from cuda_kernels.dtypes import MOVED, check_dtype, check_same, flat
from cuda_kernels.elementwise.host import sum_to
from cuda_kernels.indexing import index_function, join_axes, stretched_strides, strides_of
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch

THREADS = 256
Sizes = tuple[int, ...]


@functools.cache
def make_gather(place: Any) -> Any:
    """y[i] = x[first + place(i)]. Strides may be negative: they are then 2^32 less, and the sum wraps."""
    @cuda.jit
    def gather(x, y, first, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = x[uint32(uint32(first) + place(i))]

    return gather


@functools.cache
def make_scatter(place: Any) -> Any:
    """y[first + place(i)] = x[i]."""
    @cuda.jit
    def scatter(x, y, first, size):
        i = cuda.grid(1)
        if i < size:
            y[uint32(uint32(first) + place(i))] = x[i]

    return scatter


@functools.cache
def make_inside(sizes: Sizes, starts: Sizes, steps: Sizes, counts: Sizes) -> Any:
    """y[i] = x where cell i of y lies on the grid starts + n steps, n < counts; else value. Of any rank.

    The scatter's other half: each cell of y asks whether something comes to it, so that all are written once.
    """
    inside = _axis_test(sizes, starts, steps, counts)

    @cuda.jit
    def spread(x, y, value, size):
        i = cuda.grid(1)
        if i < size:
            source = inside(int32(i))
            y[i] = x[source] if source >= 0 else value

    return spread


@functools.cache
def _axis_test(sizes: Sizes, starts: Sizes, steps: Sizes, counts: Sizes) -> Any:
    """A device function: where cell i of y comes from in x, or -1."""
    if not sizes:
        @cuda.jit(device=True)
        def whole(i):
            return int32(0)

        return whole
    size, start, step, count = (np.int32(axis[-1]) for axis in (sizes, starts, steps, counts))
    outer = _axis_test(sizes[:-1], starts[:-1], steps[:-1], counts[:-1])

    @cuda.jit(device=True)
    def from_axis(i):
        rest = int32(i // size)
        distance = int32(int32(i - rest * size) - start)
        n = int32(distance // step)
        before = outer(rest)
        hit = before >= 0 and int32(n * step) == distance and n >= 0 and n < count
        return int32(before * count + n) if hit else int32(-1)

    return from_axis


def gather(x: Any, y: Any, sizes: Sizes, strides: Sizes, first: int, on: str | None) -> Any:
    """y, filled with x[first + strides · cell]."""
    sizes, strides = join_axes(sizes, strides)
    kernel = make_gather(index_function(sizes, tuple(s % 2**32 for s in strides)))
    launch(kernel, blocks_for(y.size, THREADS), THREADS, flat(x), flat(y), first, y.size, on=on)
    return y


def scatter(x: Any, y: Any, sizes: Sizes, strides: Sizes, first: int, on: str | None) -> None:
    """y[first + strides · cell] = x, one of several launches that fill y."""
    kernel = make_scatter(index_function(*join_axes(sizes, strides)))
    launch(kernel, blocks_for(x.size, THREADS), THREADS, flat(x), flat(y), first, x.size, on=on, outputs=())


# The host functions of all rungs: `move` and `put` are a rung's gather and scatter.

def transpose(x: Any, *, axes: Sizes | None = None, on: str | None = None, move: Any = gather) -> Any:
    """Axis i of y is axis axes[i] of x; None reverses them. Its backward is the transpose with argsort(axes)."""
    check_dtype("transpose", "x", x, MOVED)
    axes = tuple(reversed(range(x.ndim))) if axes is None else tuple(axis % x.ndim for axis in axes)
    if sorted(axes) != list(range(x.ndim)):
        raise ValueError(f"transpose: axes must name each of the {x.ndim} axes once. Got {axes}.")
    strides, sizes = strides_of(x.shape), tuple(x.shape[axis] for axis in axes)
    return move(x, empty(sizes, x.dtype, like=x), sizes, tuple(strides[axis] for axis in axes), 0, on)


def broadcast_to(x: Any, *, shape: Sizes, on: str | None = None, move: Any = gather) -> Any:
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


def slice_(x: Any, *, key: Any, on: str | None = None, move: Any = gather) -> Any:
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


def spread(op: str, x: Any, shape: Sizes, axes: list[tuple[int, int, int]], value: float, on: str | None) -> Any:
    """An array of `shape` with x on the grid start + n step of each axis, and `value` elsewhere."""
    y = empty(shape, x.dtype, like=x)
    kernel = make_inside(tuple(shape), *(tuple(axis[k] for axis in axes) for k in (0, 1, 2)))
    row = flat(x)
    fill = row.dtype.type(bool(value) if x.dtype == np.bool_ else value)  # a number of the array's own dtype
    launch(kernel, blocks_for(y.size, THREADS), THREADS, row, flat(y), fill, y.size, on=on)
    return y


def slice_backward(dy: Any, *, shape: Sizes, key: Any, on: str | None = None) -> Any:
    """What the key took receives dy, what it left 0."""
    check_array("slice_backward", "dy", dy)
    return spread("slice_backward", dy, tuple(shape), parse_key(tuple(shape), key)[0], 0.0, on)


def pad(x: Any, *, padding: tuple[tuple[int, int], ...], value: float = 0.0, on: str | None = None) -> Any:
    """A frame of `value` around x: ((before, after), …), a pair for each axis."""
    check_dtype("pad", "x", x, MOVED)
    if len(padding) != x.ndim or any(width < 0 for pair in padding for width in pair):
        raise ValueError(f"pad: padding must hold a pair of widths for each of {x.ndim} axes. Got {padding}.")
    shape = tuple(before + n + after for n, (before, after) in zip(x.shape, padding, strict=True))
    return spread("pad", x, shape, [(before, 1, n) for n, (before, _) in zip(x.shape, padding, strict=True)], value, on)


def pad_backward(dy: Any, *, padding: tuple[tuple[int, int], ...], on: str | None = None, move: Any = gather) -> Any:
    """Cut the frame off."""
    check_array("pad_backward", "dy", dy)
    key = tuple(slice(before, n - after) for n, (before, after) in zip(dy.shape, padding, strict=True))
    return slice_(dy, key=key, on=on, move=move)


def concatenate(*xs: Any, axis: int = -1, on: str | None = None, put: Any = scatter) -> Any:
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


def concatenate_backward(dy: Any, *, sizes: Sizes, axis: int = -1, on: str | None = None,
                         move: Any = gather) -> tuple[Any, ...]:
    """Each input receives the stretch of dy in which it lies."""
    check_array("concatenate_backward", "dy", dy)
    axis, start, gradients = axis % dy.ndim, 0, []
    for size in sizes:
        key = (slice(None),) * axis + (slice(start, start + size),)
        gradients.append(slice_(dy, key=key, on=on, move=move))
        start += size
    return tuple(gradients)


FLAT = float32[::1]
CLAIMS = Claims(registers=40, lacks=("LDL", "STL"))
_TURN = make_gather(index_function((5, 7, 3), (3, 15, 1)))
_GATHER = Build(_TURN, (FLAT, FLAT, int32, int32), CLAIMS)
_OTHERS = tuple(Build(_TURN, (kind[::1], kind[::1], int32, int32), CLAIMS, label=str(kind)) for kind in (int64, uint8))
_SCATTER = Build(make_scatter(index_function((5, 7), (9, 1))), (FLAT, FLAT, int32, int32), CLAIMS)
_SPREAD = Build(make_inside((5, 7), (1, 0), (1, 2), (3, 4)), (FLAT, FLAT, float32, int32), CLAIMS)
_OPS: dict[str, tuple[Any, Build]] = {
        "transpose": (transpose, _GATHER), "broadcast_to": (broadcast_to, _GATHER),
        "broadcast_to_backward": (broadcast_to_backward, _GATHER), "slice": (slice_, _GATHER),
        "slice_backward": (slice_backward, _SPREAD), "pad": (pad, _SPREAD), "pad_backward": (pad_backward, _GATHER),
        "concatenate": (concatenate, _SCATTER), "concatenate_backward": (concatenate_backward, _GATHER)}
RUNGS = tuple(Rung(op=op, name="r1_index", change="one thread an element, found by an index function", run=run,
                   builds=(build, *(_OTHERS if op == "transpose" else ()))) for op, (run, build) in _OPS.items())
