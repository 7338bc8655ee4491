"""Sums, means and extrema over axes."""

from __future__ import annotations

from typing import Any

from minidl.tape import apply
from minidl.tensor import Tensor


def reduce_sum(x: Any, axes: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum over `axes`: an int, several, or None for all."""
    return apply("reduce_sum", x, axes=axes, keepdims=keepdims)


def reduce_mean(x: Any, axes: Any = None, keepdims: bool = False) -> Tensor:
    """Return the mean over `axes`."""
    return apply("reduce_mean", x, axes=axes, keepdims=keepdims)


def reduce_max(x: Any, axes: Any = None, keepdims: bool = False) -> Tensor:
    """Return the maximum over `axes`; its gradient goes to the first of equal ones."""
    return apply("reduce_max", x, axes=axes, keepdims=keepdims)


def reduce_min(x: Any, axes: Any = None, keepdims: bool = False) -> Tensor:
    """Return the minimum over `axes`; its gradient goes to the first of equal ones."""
    return apply("reduce_min", x, axes=axes, keepdims=keepdims)


def argmax(x: Any, axis: int = -1) -> Tensor:
    """Return the index of the largest value along `axis` (the first of equal ones); not differentiable."""
    return apply("argmax", x, axis=axis)
