"""Reductions over any axes: sum, mean, max, min, and argmax. `axes=None` reduces everything to one number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import ShapeError
from minidl.ops.common.checks import normalize_axes, require_array, require_float, require_number
from minidl.ops.op import KerasForm, Op, of_inputs

Axes = int | Iterable[int] | None


class ReduceCache(NamedTuple):
    """What a sum's or mean's backward needs: only shapes. `axes` are sorted and counted from the front."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]


class ReduceExtremeCache(NamedTuple):
    """What the backward of a maximum or minimum needs: the input, to find the winners again."""

    x: np.ndarray
    axes: tuple[int, ...]


def reduce_sum_forward(x: np.ndarray, *, axes: Axes = None, keepdims: bool = False) -> tuple[np.ndarray, ReduceCache]:
    """Add up `x` over `axes`.

    Parameters
    ----------
    x : number array of any shape; an integer array keeps its dtype too
    axes : int, ints or None (all)
    keepdims : keep the reduced axes with size 1

    Returns
    -------
    y : `x`'s shape without `axes` (or with 1 there), dtype of `x`

    Raises
    ------
    ArgumentError : no such axis, or an axis named twice
    DTypeError : `x` is boolean: cast it, to say what a sum of it is

    >>> reduce_sum_forward(np.array([[1.0, 2.0], [3.0, 4.0]]), axes=0)[0]
    array([4., 6.])
    """
    require_number("reduce_sum", x=x)
    axes = normalize_axes("reduce_sum", axes, x.shape)
    return sum_over(x, axes, keepdims), ReduceCache(x.shape, axes)


def reduce_sum_backward(dy: np.ndarray, cache: ReduceCache) -> tuple[np.ndarray]:
    """With y[j] = sum_i x[i, j], so dy[j] / dx[i, j] = 1: every summand receives the gradient of its sum."""
    dx = np.empty_like(dy, shape=cache.shape)
    dx[...] = _with_reduced_axes(dy, cache)
    return (dx,)


def reduce_mean_forward(x: np.ndarray, *, axes: Axes = None, keepdims: bool = False) -> tuple[np.ndarray, ReduceCache]:
    """Average `x` over `axes`: their sum divided by how many they are.

    Parameters and shapes as for `reduce_sum_forward`; `x` must be floating.

    Raises
    ------
    ShapeError : nothing to average (a reduced axis has size 0)

    >>> reduce_mean_forward(np.array([[1.0, 2.0], [3.0, 4.0]]), axes=-1, keepdims=True)[0]
    array([[1.5],
           [3.5]])
    """
    require_float("reduce_mean", x=x)
    axes = normalize_axes("reduce_mean", axes, x.shape)
    _require_values("reduce_mean", x, axes)
    y = sum_over(x, axes, keepdims)
    y /= _count(x.shape, axes)
    return y, ReduceCache(x.shape, axes)


def reduce_mean_backward(dy: np.ndarray, cache: ReduceCache) -> tuple[np.ndarray]:
    """A sum times 1 / count: each summand receives its share. Dividing dy is cheaper than dividing dx."""
    dx = np.empty_like(dy, shape=cache.shape)
    dx[...] = _with_reduced_axes(dy, cache) / _count(cache.shape, cache.axes)
    return (dx,)


def reduce_max_forward(
    x: np.ndarray, *, axes: Axes = None, keepdims: bool = False
) -> tuple[np.ndarray, ReduceExtremeCache]:
    """Take the largest value over `axes`. Shapes and errors as for `reduce_mean_forward`.

    Where several are equally large, the gradient goes to the first of them (in row-major order of the reduced
    axes), as in max pooling. PyTorch's `amax` shares it among them; its `max` over one axis does as we do.

    >>> reduce_max_forward(np.array([[1.0, 5.0], [7.0, 4.0]]), axes=1)[0]
    array([5., 7.])
    """
    return _extreme_forward("reduce_max", np.max, x, axes, keepdims)


def reduce_max_backward(dy: np.ndarray, cache: ReduceExtremeCache) -> tuple[np.ndarray]:
    """With y = x[winner], only the winner moves y: dx is dy there and 0 elsewhere.
    Of ties, argmax names the first.
    """
    return (_extreme_backward(np.argmax, dy, cache),)


def reduce_min_forward(
    x: np.ndarray, *, axes: Axes = None, keepdims: bool = False
) -> tuple[np.ndarray, ReduceExtremeCache]:
    """Take the smallest value over `axes`; of ties, the first gets the gradient. See `reduce_max_forward`.

    >>> reduce_min_forward(np.array([[1.0, 5.0], [7.0, 4.0]]), axes=1)[0]
    array([1., 4.])
    """
    return _extreme_forward("reduce_min", np.min, x, axes, keepdims)


def reduce_min_backward(dy: np.ndarray, cache: ReduceExtremeCache) -> tuple[np.ndarray]:
    """As for the maximum, with the first smallest value as the winner."""
    return (_extreme_backward(np.argmin, dy, cache),)


def argmax_forward(x: np.ndarray, *, axis: int = -1) -> tuple[np.ndarray, None]:
    """Return the position of the largest value along `axis`; of ties, the first. It has no gradient.

    Returns
    -------
    y : int64 array, `x`'s shape without `axis`
    cache : None

    >>> argmax_forward(np.array([[0.1, 0.9], [0.8, 0.2]]))[0]
    array([1, 0])
    """
    require_array("argmax", "x", x)
    (axis,) = normalize_axes("argmax", (axis,), x.shape)
    _require_values("argmax", x, (axis,))
    return np.asarray(np.argmax(x, axis=axis), dtype=np.int64), None


def sum_over(x: np.ndarray, axes: tuple[int, ...], keepdims: bool = False) -> np.ndarray:
    """Return the sum of `x` over sorted, non-negative `axes` as a new array of `x`'s dtype.

    Leading axes of a floating array (a bias gradient: all axes but the last) are summed as `ones @ rows`:
    BLAS takes an eighth of `np.sum`'s time, and rounds less.
    """
    kept = [1 if i in axes else n for i, n in enumerate(x.shape)]
    leading = axes == tuple(range(len(axes))) and 0 < len(axes) < x.ndim
    if leading and x.dtype.kind == "f" and x.size > 0:
        columns = math.prod(x.shape[len(axes) :])
        rows = x.reshape(-1, columns)
        y = np.ones(len(rows), x.dtype) @ rows
    else:
        # np.asarray: NumPy returns a scalar, not an array, where every axis is reduced.
        y = np.asarray(np.sum(x, axis=axes, dtype=x.dtype))
    return y.reshape(kept if keepdims else [n for i, n in enumerate(x.shape) if i not in axes])


def _extreme_forward(
    op: str, reduce: Callable[..., Any], x: np.ndarray, axes: Axes, keepdims: bool
) -> tuple[np.ndarray, ReduceExtremeCache]:
    require_number(op, x=x)
    axes = normalize_axes(op, axes, x.shape)
    _require_values(op, x, axes)
    return np.asarray(reduce(x, axis=axes, keepdims=keepdims)), ReduceExtremeCache(x, axes)


def _extreme_backward(find: Callable[..., Any], dy: np.ndarray, cache: ReduceExtremeCache) -> np.ndarray:
    x, axes = cache
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    # View x as (kept..., reduced) with the reduced axes as one row, in which `find` names the winner.
    rows = x.transpose(kept + axes).reshape([x.shape[i] for i in kept] + [_count(x.shape, axes)])
    winner = np.asarray(find(rows, axis=-1))[..., None]
    d_rows = np.zeros(rows.shape, dy.dtype)
    np.put_along_axis(d_rows, winner, dy.reshape(winner.shape), axis=-1)
    d_moved = d_rows.reshape([x.shape[i] for i in kept + axes])
    return d_moved.transpose(np.argsort(kept + axes)) if x.ndim else d_moved


def _with_reduced_axes(dy: np.ndarray, cache: ReduceCache) -> np.ndarray:
    """View `dy` with size 1 at the reduced axes, whether the forward kept them or not."""
    return dy.reshape([1 if i in cache.axes else n for i, n in enumerate(cache.shape)])


def _count(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return math.prod(shape[i] for i in axes)


def _require_values(op: str, x: np.ndarray, axes: tuple[int, ...]) -> None:
    if _count(x.shape, axes) == 0:
        raise ShapeError(
            f"{op}: needs at least one value to reduce. Got shape {x.shape}, axes {axes}. Is the batch empty?"
        )


_OVER = {"axis": "axes", "keepdims": "keepdims"}
OPS = (
    Op(
        "reduce_sum", reduce_sum_forward, reduce_sum_backward, form="reduction", flops=(of_inputs(1), 0),
        differential="linear", maths=("y = Σ x over the axes", "dx = dy, repeated along the axes"),
        keras=KerasForm("numpy", "Sum", _OVER),
    ),
    Op(
        "reduce_mean", reduce_mean_forward, reduce_mean_backward, form="reduction", flops=(of_inputs(1), 1),
        differential="linear", maths=("y = Σ x / count over the axes", "dx = dy / count, repeated along the axes"),
        keras=KerasForm("numpy", "Mean", _OVER),
    ),
    Op(
        "reduce_max", reduce_max_forward, reduce_max_backward, form="reduction", keeps="x", values="distinct",
        maths=("y = max x over the axes", "dx = dy at the first largest value, 0 elsewhere"),
        keras=KerasForm("numpy", "Max", _OVER),
    ),
    Op(
        "reduce_min", reduce_min_forward, reduce_min_backward, form="reduction", keeps="x", values="distinct",
        maths=("y = min x over the axes", "dx = dy at the first smallest value, 0 elsewhere"),
        keras=KerasForm("numpy", "Min", _OVER),
    ),
    Op(
        "argmax", argmax_forward, values="distinct", maths=("y = index of the first largest x along the axis",),
        keras=KerasForm("numpy", "Argmax", {"axis": "axis"}),
    ),
)  # fmt: skip
