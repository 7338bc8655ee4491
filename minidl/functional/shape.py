"""Ops that move values without changing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.errors import ArgumentError
from minidl.functional.convolution import pair, tensor
from minidl.tape import apply
from minidl.tensor import Tensor


def reshape(x: Any, shape: Any) -> Tensor:
    """Return the values in another shape; one size may be -1."""
    return apply("reshape", x, shape=shape)


def transpose(x: Any, axes: Any = None) -> Tensor:
    """Return the axes in another order (reversed when None)."""
    return apply("transpose", x, axes=axes)


def expand_dims(x: Any, axis: int) -> Tensor:
    """Return x with a new axis of size 1 at `axis`."""
    x = tensor(x)
    rank = len(x.shape) + 1
    if not -rank <= axis < rank:
        raise ArgumentError(
            f"expand_dims: axis must be in [{-rank}, {rank - 1}]. Got {axis} for shape {tuple(x.shape)}."
        )
    return x[(slice(None),) * (axis % rank) + (None,)]


def squeeze(x: Any, axis: int) -> Tensor:
    """Return x without its axis `axis`, which must have size 1."""
    x = tensor(x)
    if x.shape[axis] != 1:
        raise ArgumentError(f"squeeze: axis {axis} must have size 1. Got shape {tuple(x.shape)}.")
    return x[(slice(None),) * (axis % len(x.shape)) + (0,)]


def concatenate(xs: Sequence[Any], axis: int = -1) -> Tensor:
    """Return the arrays one after another along an existing axis."""
    return apply("concatenate", *xs, axis=axis)


def stack(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Return the arrays one after another along a new axis."""
    return apply("stack", *xs, axis=axis)


def pad(x: Any, padding: Any, value: float = 0.0) -> Tensor:
    """Return x with `value` around it: padding ((before, after), …), one pair an axis."""
    return apply("pad", x, padding=padding, value=value)


def broadcast_to(x: Any, shape: Sequence[int]) -> Tensor:
    """Return x repeated to `shape`, as NumPy broadcasts."""
    return apply("broadcast_to", x, shape=tuple(shape))


def flip(x: Any, axis: int) -> Tensor:
    """Return x with one axis reversed."""
    x = tensor(x)
    return x[(slice(None),) * (axis % len(x.shape)) + (slice(None, None, -1),)]


def upsample2d(x: Any, size: Any = 2, interpolation: str = "nearest") -> Tensor:
    """Return images enlarged by whole factors: "nearest" repeats pixels, "bilinear" interpolates."""
    return apply("upsample2d", x, size=pair(size, "upsample2d size"), interpolation=interpolation)
