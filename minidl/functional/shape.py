"""Ops that move values without changing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.errors import ArgumentError
from minidl.functional.basic import tensor
from minidl.functional.convolution import pair
from minidl.ops.common.checks import normalize_axis
from minidl.promotion import promoted
from minidl.tape import apply
from minidl.tensor import Tensor


def reshape(x: Any, shape: Any) -> Tensor:
    """Return the values in another shape; one size may be -1."""
    return apply("reshape", x, shape=shape)


def transpose(x: Any, axes: Any = None) -> Tensor:
    """Return the axes in another order (reversed when None)."""
    return apply("transpose", x, axes=axes)


def expand_dims(x: Any, axis: Any) -> Tensor:
    """Return x with a new axis of size 1 at `axis`, or at several, counted in the result."""
    x = tensor(x)
    axes = (axis,) if isinstance(axis, int | np.integer) else tuple(axis)
    rank = len(x.shape) + len(axes)
    if not all(-rank <= a < rank for a in axes) or len({a % rank for a in axes}) < len(axes):
        raise ArgumentError(
            f"expand_dims: axis must be in [{-rank}, {rank - 1}]. Got {axis} for shape {tuple(x.shape)}."
        )
    new = {a % rank for a in axes}
    return x[tuple(None if i in new else slice(None) for i in range(rank))]


def squeeze(x: Any, axis: Any = None) -> Tensor:
    """Return x without its axis `axis` (or several), which must have size 1; without all axes of size 1 when None."""
    x = tensor(x)
    rank = len(x.shape)
    if axis is None:
        axes = [i for i, n in enumerate(x.shape) if n == 1]
    else:
        axes = [int(axis)] if isinstance(axis, int | np.integer) else list(axis)
    if not all(-rank <= a < rank and x.shape[a] in (1, None) for a in axes):
        raise ArgumentError(f"squeeze: axis {axis} must have size 1. Got shape {tuple(x.shape)}.")
    gone = {a % rank for a in axes}
    return x[tuple(0 if i in gone else slice(None) for i in range(rank))]


def concatenate(xs: Sequence[Any], axis: int = -1) -> Tensor:
    """Return the arrays one after another along an existing axis."""
    return apply("concatenate", *promoted(*map(tensor, xs)), axis=axis)


def stack(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Return the arrays one after another along a new axis."""
    return apply("stack", *promoted(*map(tensor, xs)), axis=axis)


def pad(x: Any, padding: Any, value: float = 0.0) -> Tensor:
    """Return x with `value` around it: padding ((before, after), …), one pair an axis."""
    return apply("pad", x, padding=padding, value=value)


def broadcast_to(x: Any, shape: Sequence[int]) -> Tensor:
    """Return x repeated to `shape`, as NumPy broadcasts."""
    return apply("broadcast_to", x, shape=tuple(shape))


def flip(x: Any, axis: int) -> Tensor:
    """Return x with one axis reversed."""
    x = tensor(x)
    return x[(slice(None),) * normalize_axis("flip", axis, len(x.shape), x.shape) + (slice(None, None, -1),)]


def upsample2d(x: Any, size: Any = 2, interpolation: str = "nearest") -> Tensor:
    """Return images enlarged by whole factors: "nearest" repeats pixels, "bilinear" interpolates."""
    return apply("upsample2d", x, size=pair(size, "upsample2d size"), interpolation=interpolation)
