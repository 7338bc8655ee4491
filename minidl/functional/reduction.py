"""Sums, means and extrema over axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.functional.basic import tensor
from minidl.promotion import cast_to, floating
from minidl.tape import apply
from minidl.tensor import Tensor


def reduce_sum(x: Any, axes: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum over `axes`: an int, several, or None for all. Of booleans and small integers it is an int32.

    >>> reduce_sum([True, True, False])
    <Tensor () int32 2>
    """
    x = tensor(x)
    if x.dtype.kind != "f" and x.dtype.itemsize < 4:
        x = cast_to(x, np.dtype(np.int32))
    return apply("reduce_sum", x, axes=axes, keepdims=keepdims)


def reduce_mean(x: Any, axes: Any = None, keepdims: bool = False) -> Tensor:
    """Return the mean over `axes`; of booleans and integers, as `floatx`."""
    return apply("reduce_mean", floating(x), axes=axes, keepdims=keepdims)


def reduce_max(x: Any, axes: Any = None, keepdims: bool = False) -> Tensor:
    """Return the maximum over `axes`; its gradient goes to the first of equal ones."""
    return _extreme("reduce_max", "any", x, axes, keepdims)


def reduce_min(x: Any, axes: Any = None, keepdims: bool = False) -> Tensor:
    """Return the minimum over `axes`; its gradient goes to the first of equal ones."""
    return _extreme("reduce_min", "all", x, axes, keepdims)


def argmax(x: Any, axis: int = -1) -> Tensor:
    """Return the index of the largest value along `axis` (the first of equal ones); not differentiable."""
    return apply("argmax", x, axis=axis)


def _extreme(op: str, of_masks: str, x: Any, axes: Any, keepdims: bool) -> Tensor:
    x = tensor(x)
    if x.dtype.kind == "b":
        return apply("discrete", x, function=of_masks, axis=axes, keepdims=keepdims)
    return apply(op, x, axes=axes, keepdims=keepdims)
