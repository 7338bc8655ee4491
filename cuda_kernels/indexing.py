"""Where a cell lies: index functions for kernels that walk arrays of any rank, axes stretched, reduced, reordered.

An array of any rank is flat memory. Cell n of a walk in row-major order over `sizes` has the coordinates that repeated
division by the sizes gives, and lies at the sum of coordinate times stride. A stretched axis has stride 0.

    add of (4, 1, 3) and (2, 3): sizes (4, 2, 3), strides of a (3, 0, 1), of b (0, 3, 1)

Sizes and strides are constants of the kernel, so each division becomes a multiplication, and axes that lie one behind
the other in every array are joined first: most walks end up with one or two axes. The first axis needs no division, so
its size (the batch) is no constant, and a smaller last batch is no new kernel.
"""
from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

from cuda_kernels._cuda import cuda, uint32

Sizes = tuple[int, ...]


def strides_of(shape: Sizes) -> Sizes:
    """The strides of a row-major array, in elements.

    >>> strides_of((4, 2, 3))
    (6, 3, 1)
    """
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def stretched_strides(shape: Sizes, target: Sizes) -> Sizes:
    """The strides with which an array of `shape` is read when it is broadcast to `target`: 0 along stretched axes.

    >>> stretched_strides((4, 1, 3), (5, 4, 2, 3))
    (0, 3, 0, 1)
    """
    own = tuple(0 if size == 1 else stride for size, stride in zip(shape, strides_of(shape), strict=True))
    return (0,) * (len(target) - len(shape)) + own


def chosen_strides(shape: Sizes, chosen: Iterable[int]) -> Sizes:
    """The strides with which an array that has only the chosen axes of `shape` is read: 0 along the others.

    >>> chosen_strides((4, 2, 3), (0, 2))
    (3, 0, 1)
    """
    return stretched_strides(tuple(n if i in chosen else 1 for i, n in enumerate(shape)), shape)


def join_axes(sizes: Sizes, *strides: Sizes) -> tuple[Sizes, ...]:
    """Sizes and strides with fewer axes: those of size 1 left out, and neighbours joined where every array allows it.

    >>> join_axes((4, 2, 3), (6, 3, 1), (0, 0, 1))
    ((8, 3), (3, 1), (0, 1))
    """
    joined: list[tuple[int, ...]] = []  # of each axis: its size, then its stride in every array
    for axis in zip(sizes, *strides, strict=True):
        if axis[0] == 1:
            continue
        if joined and all(outer == inner * axis[0] for outer, inner in zip(joined[-1][1:], axis[1:], strict=True)):
            joined[-1] = (joined[-1][0] * axis[0], *axis[1:])
        else:
            joined.append(axis)
    return tuple(zip(*joined, strict=True)) if joined else ((1,), *((0,) for _ in strides))


@functools.cache
def _index_function(sizes: Sizes, strides: Sizes) -> Any:
    """As `index_function`, the first size left out."""
    stride = np.uint32(strides[-1])
    if not sizes:
        if strides[-1] == 1:
            @cuda.jit(device=True)
            def place(n):
                return uint32(n)
        else:
            @cuda.jit(device=True)
            def place(n):
                return uint32(uint32(n) * stride)
        return place
    size, outer = np.uint32(sizes[-1]), _index_function(sizes[:-1], strides[:-1])

    @cuda.jit(device=True)
    def place_in_many_axes(n):
        rows = uint32(uint32(n) // size)
        return uint32((uint32(n) - rows * size) * stride + outer(rows))

    return place_in_many_axes


def index_function(sizes: Sizes, strides: Sizes) -> Any:
    """A device function `place(n)`: where cell n of a row-major walk over `sizes` lies, with these strides.

    The walk may be longer than the sizes say: the first one is not used.
    """
    return _index_function(tuple(sizes[1:]), tuple(strides))
