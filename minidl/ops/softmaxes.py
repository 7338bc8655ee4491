"""Softmax and its logarithm along one axis, in the form that cannot overflow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.errors import ShapeError
from minidl.ops.common.checks import normalize_axis, require_float
from minidl.ops.op import KerasForm, Op


class SoftmaxCache(NamedTuple):
    """The output and the axis, counted from the front."""

    y: np.ndarray
    axis: int


def softmax_forward(x: np.ndarray, *, axis: int = -1) -> tuple[np.ndarray, SoftmaxCache]:
    """Turn scores (logits) into probabilities: positive numbers that add up to 1 along `axis`.

        y[i] = exp(x[i]) / sum_j exp(x[j]) = exp(x[i] - m) / sum_j exp(x[j] - m),   m = max_j x[j]

    The second form is the one computed: no exponent is above 0, so nothing overflows, and one summand is
    exp(0) = 1, so the sum is never 0.

    Parameters
    ----------
    x : float array of any rank but 0
    axis : the axis of the classes

    Returns
    -------
    y : shape and dtype of `x`

    Raises
    ------
    ArgumentError : no such axis
    ShapeError : the axis has size 0

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 4.1.

    >>> softmax_forward(np.array([1000.0, 1000.0]))[0]
    array([0.5, 0.5])
    """
    axis = _check("softmax", x, axis)
    y = _shifted(x, axis)
    np.exp(y, out=y)
    y /= y.sum(axis=axis, keepdims=True)
    return y, SoftmaxCache(y, axis)


def softmax_backward(dy: np.ndarray, cache: SoftmaxCache) -> tuple[np.ndarray]:
    """dy[i]/dx[j] = y[i] (1{i = j} - y[j]): raising one score raises its own share and lowers all others.
    So dx[j] = sum_i dy[i] y[i] (1{i = j} - y[j]) = y[j] (dy[j] - sum_i dy[i] y[i]).
    """
    y, axis = cache
    dx = np.multiply(dy, y, out=np.empty_like(y))
    average = dx.sum(axis=axis, keepdims=True)
    np.subtract(dy, average, out=dx)
    dx *= y
    return (dx,)


def log_softmax_forward(x: np.ndarray, *, axis: int = -1) -> tuple[np.ndarray, SoftmaxCache]:
    """Return the logarithm of `softmax`, without ever forming a probability that rounds to 0.

        y[i] = (x[i] - m) - log sum_j exp(x[j] - m),   m = max_j x[j]

    Parameters, shapes and errors as for `softmax_forward`.

    >>> log_softmax_forward(np.array([0.0, 10000.0]))[0].tolist()
    [-10000.0, 0.0]
    """
    axis = _check("log_softmax", x, axis)
    y = _shifted(x, axis)
    total = np.exp(y, out=np.empty_like(y)).sum(axis=axis, keepdims=True)
    y -= np.log(total)
    return y, SoftmaxCache(y, axis)


def log_softmax_backward(dy: np.ndarray, cache: SoftmaxCache) -> tuple[np.ndarray]:
    """dy[i]/dx[j] = 1{i = j} - softmax[j], and softmax = exp(y):
    dx[j] = dy[j] - exp(y[j]) sum_i dy[i].
    """
    y, axis = cache
    dx = np.exp(y, out=np.empty_like(y))
    dx *= dy.sum(axis=axis, keepdims=True)
    np.subtract(dy, dx, out=dx)
    return (dx,)


def _shifted(x: np.ndarray, axis: int) -> np.ndarray:
    """Return `x` less its largest value along `axis`, as a new array."""
    return np.subtract(x, x.max(axis=axis, keepdims=True), out=np.empty_like(x))


def _check(op: str, x: np.ndarray, axis: int) -> int:
    require_float(op, x=x)
    axis = normalize_axis(op, axis, x.ndim, x.shape)
    if x.shape[axis] == 0:
        raise ShapeError(f"{op}: axis {axis} must have at least one class. Got shape {x.shape}.")
    return axis


OPS = (
    Op(
        "softmax", softmax_forward, softmax_backward, form="row", flops=(3, 4), keeps="y",
        maths=("y[c] = exp(x[c]) / Σj exp(x[j])", "dx[c] = y[c] (dy[c] − Σj dy[j] y[j])"),
        keras=KerasForm("nn", "Softmax", {"axis": "axis"}),
    ),
    Op(
        "log_softmax", log_softmax_forward, log_softmax_backward, form="row", flops=(3, 3), keeps="y",
        maths=("y[c] = x[c] − log Σj exp(x[j])", "dx[c] = dy[c] − exp(y[c]) Σj dy[j]"),
        keras=KerasForm("nn", "LogSoftmax", {"axis": "axis"}),
    ),
)  # fmt: skip
