"""Windows that slide over an image (N, H, W, C): what convolution and pooling kernels have in common.

Window (i, j), counted in strides, has its tap (r, s) on the pixel (i*si + r*di - top, j*sj + s*dj - left). Taps outside
of the image lie on the padding, which exists nowhere in memory.
"""
from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels._cuda import cuda, int32, uint32

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]  # ((top, bottom), (left, right))
NO_PADDING: Padding = ((0, 0), (0, 0))


class Window(NamedTuple):
    """What a kernel is compiled for: taps (R, S), strides (si, sj), padding, dilation (di, dj)."""

    taps: Pair
    strides: Pair
    padding: Padding
    dilation: Pair

    def outputs(self, function: str, height: int, width: int) -> Pair:
        """(P, Q), the windows that fit; raises ValueError where none does."""
        if height < 1 or width < 1:
            raise ValueError(f"{function}: an image must have at least one row and one column. Got ({height}, "
                             f"{width}). Does the padding cut off all of it?")
        p, q = (
            (before + size + after - (taps - 1) * step - 1) // stride + 1
            for size, taps, stride, (before, after), step in zip((height, width), *self, strict=True))
        if p < 1 or q < 1:
            raise ValueError(f"{function}: the window is larger than the padded image. Got {self} on an image "
                             f"({height}, {width}). Are the axes (N, H, W, C)?")
        return p, q


class Problem(NamedTuple):
    """One launch: the shapes, the batch, the operands and the output, and a bias or an array that is not read."""

    shapes: Any
    n: int
    a: Any
    b: Any
    bias: Any
    out: Any
    has_bias: bool


def make_window(function: str, taps: Any, strides: Any, padding: Any, dilation: Any = (1, 1)) -> Window:
    """Check and return a Window. Raises ValueError unless sizes are pairs of ints ≥ 1 and padding pairs of ints ≥ 0."""
    for name, pair in (("taps", taps), ("strides", strides), ("dilation", dilation)):
        if not _is_pair(pair, 1):
            raise ValueError(f"{function}: {name} must be two ints ≥ 1, for rows and columns. Got {pair!r}.")
    if not (isinstance(padding, tuple | list) and len(padding) == 2 and all(_is_pair(p, 0) for p in padding)):
        raise ValueError(f"{function}: padding must be ((top, bottom), (left, right)) of ints ≥ 0. Got {padding!r}. "
                         "'same' and 'valid' are worked out by the caller.")
    return Window(_pair(taps), _pair(strides), (_pair(padding[0]), _pair(padding[1])), _pair(dilation))


def _is_pair(value: Any, least: int) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(
        isinstance(v, int | np.integer) and v >= least for v in value)


def _pair(value: Any) -> Pair:
    return int(value[0]), int(value[1])


@functools.cache
def splitter(size: int) -> Any:
    """A device function `split(n)` = (n // size, n % size) as int32, for n ≥ 0.

    The size is a constant, so the division becomes a multiplication; and it is unsigned, which saves Python's rounding
    towards minus infinity.
    """
    divisor = np.uint32(size)

    @cuda.jit(device=True)
    def split(n):
        whole = uint32(uint32(n) // divisor)
        return int32(whole), int32(uint32(n) - whole * divisor)

    return split
