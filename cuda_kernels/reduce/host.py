"""What the rungs of reduce share: which cells belong to one result, how two values become one, host functions.

Axes are split into those that are kept and those that are reduced. Result k is made of the cells

    x[kept(k) + reduced(r)]     for r in 0 … count - 1

with two index functions (see `cuda_kernels.indexing`). Two cases are worth kernels of their own: "rows", where the
reduced axes are the last ones, and "columns", where they are the first ones.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels._cuda import cuda
from cuda_kernels.indexing import index_function, join_axes, strides_of
from cuda_kernels.launch import check_array, empty

Sizes = tuple[int, ...]
Axes = int | Iterable[int] | None


class Layout(NamedTuple):
    """One reduction. kept, reduced: (sizes, strides) of the two walks; kind: "rows", "columns" or "any"."""

    results: int
    count: int  # type: ignore[assignment]  # a named tuple has a method of this name
    kept: tuple[Sizes, Sizes]
    reduced: tuple[Sizes, Sizes]
    kind: str
    axes: Sizes
    shape: Sizes  # of the result, reduced axes left out
    whole: Sizes  # of x

    def places(self) -> tuple[Any, Any]:
        """The two index functions."""
        return index_function(*self.kept), index_function(*self.reduced)


class Combine(NamedTuple):
    """How values become one: a device function of two, and the value that changes nothing."""

    two: Any
    nothing: np.float32


@cuda.jit(device=True)
def _add(a, b):
    return a + b


@cuda.jit(device=True)
def _larger(a, b):
    return a if a >= b or a != a else b


@cuda.jit(device=True)
def _smaller(a, b):
    return a if a <= b or a != a else b


_SUM = Combine(_add, np.float32(0))
COMBINE = {"reduce_sum": _SUM, "reduce_mean": _SUM, "reduce_max": Combine(_larger, np.float32(-np.inf)),
           "reduce_min": Combine(_smaller, np.float32(np.inf))}


def layout(op: str, shape: Sizes, axes: Axes) -> Layout:
    """Split the axes of an array; ValueError for an axis that is not there, or named twice."""
    shape = tuple(shape)
    listed = range(len(shape)) if axes is None else axes if isinstance(axes, Iterable) else (axes,)
    found = sorted(axis + len(shape) if axis < 0 else axis for axis in listed)
    if len(set(found)) < len(found) or any(not 0 <= axis < len(shape) for axis in found):
        raise ValueError(f"{op}: axes must name axes of x once. Got {axes} for shape {shape}.")
    strides = strides_of(shape)
    split: list[Any] = []
    for reduce in (False, True):
        chosen = [i for i in range(len(shape)) if (i in found) == reduce]
        split.append(join_axes(tuple(shape[i] for i in chosen), tuple(strides[i] for i in chosen)))
    kept, reduced = split
    count = math.prod(shape[i] for i in found)
    results = math.prod(shape) // count
    kind = "any"
    if len(kept[0]) == len(reduced[0]) == 1:
        kind = "rows" if reduced[1][0] <= 1 else "columns" if kept[1][0] <= 1 else "any"
    return Layout(results, count, kept, reduced, kind, tuple(found),
                  tuple(n for i, n in enumerate(shape) if i not in found), shape)


def reduction(op: str, apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of a reduction; apply(op, layout, x, y, scale, on=) launches over flat arrays."""
    def run(x: Any, *, axes: Axes = None, keepdims: bool = False, out: Any = None, on: str | None = None) -> Any:
        check_array(op, "x", x)
        found = layout(op, x.shape, axes)
        shape = tuple(1 if i in found.axes else n for i, n in enumerate(x.shape)) if keepdims else found.shape
        y = empty(shape, like=x) if out is None else out
        check_array(op, "out", y, shape=shape)
        scale = 1.0 / found.count if op == "reduce_mean" else 1.0
        apply(op, found, x.reshape(-1), y.reshape(-1), scale, on=on)
        return y

    run.__name__, run.__doc__ = op, f"{op} of a float32 array over axes (int, ints or None for all)."
    return run


# -- the position of an extreme ----------------------------------------------------------------------------------------

@cuda.jit(device=True)
def larger_comes_first(value, place, other, other_place):
    """Is (value, place) ahead of the other: larger, or equal and earlier? A NaN is ahead of all numbers."""
    if value != value:
        return other == other or place < other_place
    return value > other or (value == other and place < other_place)


@cuda.jit(device=True)
def smaller_comes_first(value, place, other, other_place):
    """As `larger_comes_first`, for the smallest value."""
    if value != value:
        return other == other or place < other_place
    return value < other or (value == other and place < other_place)


AHEAD = {"argmax": larger_comes_first, "reduce_max": larger_comes_first, "reduce_min": smaller_comes_first}
LOSES_TO_ALL = {"argmax": np.float32(-np.inf), "reduce_max": np.float32(-np.inf), "reduce_min": np.float32(np.inf)}


def argmax_of(apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of argmax; apply(op, layout, x, y, on=) launches over flat arrays."""
    def argmax(x: Any, *, axis: int = -1, on: str | None = None) -> Any:
        """The position of the largest value along an axis, int64; of equal ones the first, of NaNs too."""
        check_array("argmax", "x", x)
        found = layout("argmax", x.shape, (axis,))
        y = empty(found.shape, np.int64, like=x)
        apply("argmax", found, x.reshape(-1), y.reshape(-1), on=on)
        return y

    return argmax


def extreme_backward(op: str, apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of the backward of a maximum or minimum; apply(op, layout, dy, x, dx, on=) launches."""
    def run(dy: Any, x: Any, *, axes: Axes = None, on: str | None = None) -> Any:
        name = f"{op}_backward"
        check_array(name, "dy", dy)
        check_array(name, "x", x)
        found = layout(name, x.shape, axes)
        if dy.size != found.results:
            raise ValueError(f"{name}: dy must have one value a result, {found.results}. Got shape {tuple(dy.shape)}.")
        dx = empty(x.shape, like=x)
        apply(op, found, dy.reshape(-1), x.reshape(-1), dx.reshape(-1), on=on)
        return dx

    run.__name__, run.__doc__ = f"{op}_backward", "dx: dy at the first winner of each result, 0 elsewhere."
    return run

