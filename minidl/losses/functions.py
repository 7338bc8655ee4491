"""Losses as functions: one value a sample, no reduction over the batch. `y_true` comes first, as in Keras.

The common ones are ops of their own (`minidl/ops/losses.py`); the others are put together from ops here.
Each takes arrays or tensors and returns a Tensor.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import functional as F
from minidl.errors import ShapeError
from minidl.functional.basic import tensor
from minidl.tensor import Tensor, as_array

EPSILON = 1e-7  # as Keras' backend.epsilon()


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return mean((y_true - y_pred)²) over the last axis.

    >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy()
    array([2.5], dtype=float32)
    """
    return F.mean_squared_error(*_pair("mean_squared_error", y_true, y_pred))


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return mean(|y_true - y_pred|) over the last axis."""
    return F.mean_absolute_error(*_pair("mean_absolute_error", y_true, y_pred))


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return 100 * mean(|(y_true - y_pred) / y_true|) over the last axis; a y_true of 0 counts as EPSILON."""
    y_true, y_pred = _pair("mean_absolute_percentage_error", y_true, y_pred)
    relative = F.absolute((y_true - y_pred) / F.maximum(F.absolute(y_true), EPSILON))
    return relative.mean(axis=-1) * 100.0


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return mean((log(y_true + 1) - log(y_pred + 1))²) over the last axis; values below EPSILON count as it."""
    y_true, y_pred = _pair("mean_squared_logarithmic_error", y_true, y_pred)
    difference = F.log(F.maximum(y_pred, EPSILON) + 1.0) - F.log(F.maximum(y_true, EPSILON) + 1.0)
    return F.square(difference).mean(axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Return the mean over the last axis of e²/2 where |e| <= delta, else delta * |e| - delta²/2."""
    return F.huber(*_pair("huber", y_true, y_pred), delta=delta)


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean over the last axis of log(cosh(e)): e²/2 near 0, |e| - log 2 far away."""
    y_true, y_pred = _pair("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    # log cosh e = e + softplus(-2 e) - log 2, which cannot overflow.
    return (error + F.softplus(error * -2.0) - math.log(2.0)).mean(axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Return -cos of the angle between y_true and y_pred: -1 for the same direction, 0 for a vector of zeros."""
    y_true, y_pred = _pair("cosine_similarity", y_true, y_pred)
    return -(_unit(y_true, axis) * _unit(y_pred, axis)).sum(axis=axis)


def _unit(x: Tensor, axis: int) -> Tensor:
    squared = F.square(x).sum(axis=axis, keepdims=True)
    return x / F.sqrt(F.maximum(squared, EPSILON**2))


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """Return sum(y_true * log(y_true / y_pred)) over the last axis, both limited to [EPSILON, 1]."""
    y_true, y_pred = _pair("kl_divergence", y_true, y_pred)
    y_true, y_pred = F.clip(y_true, EPSILON, 1.0), F.clip(y_pred, EPSILON, 1.0)
    return (y_true * F.log(y_true / y_pred)).sum(axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """Return mean(y_pred - y_true * log(y_pred)) over the last axis."""
    y_true, y_pred = _pair("poisson", y_true, y_pred)
    return (y_pred - y_true * F.log(y_pred + EPSILON)).mean(axis=-1)


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Return mean(max(1 - y_true * y_pred, 0)) over the last axis; labels are -1 and 1 (0 and 1 are turned)."""
    y_true, y_pred = _pair("hinge", y_true, y_pred)
    return F.maximum(1.0 - _plus_minus_one(y_true) * y_pred, 0.0).mean(axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Return mean(max(1 - y_true * y_pred, 0)²) over the last axis; labels as for `hinge`."""
    y_true, y_pred = _pair("squared_hinge", y_true, y_pred)
    return F.square(F.maximum(1.0 - _plus_minus_one(y_true) * y_pred, 0.0)).mean(axis=-1)


def _plus_minus_one(y_true: Tensor) -> Tensor:
    if np.isin(np.asarray(y_true), (0.0, 1.0)).all():
        return y_true * 2.0 - 1.0
    return y_true


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Return max(highest wrong score - right score + 1, 0) of each sample, for one-hot targets."""
    y_true, y_pred = _pair("categorical_hinge", y_true, y_pred)
    right = (y_true * y_pred).sum(axis=-1)
    wrong = ((1.0 - y_true) * y_pred).max(axis=-1)
    return F.maximum(wrong - right + 1.0, 0.0)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Return -sum(y_true * log(y_pred)) of each sample, for one-hot (or soft) targets.

    Raises
    ------
    ShapeError : targets of another shape; integer labels belong to `sparse_categorical_crossentropy`
    """
    y_true, y_pred = _pair("categorical_crossentropy", y_true, y_pred)
    return F.categorical_crossentropy(y_true, y_pred, from_logits, label_smoothing, axis)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """Return -log(y_pred[label]) of each sample, for integer labels (N,) or (N, 1).

    Samples whose label is `ignore_class` cost 0, and a mask at the result leaves them out of means.

    Raises
    ------
    ShapeError : one-hot targets; they belong to `categorical_crossentropy`
    DataError : a label outside 0..C-1
    """
    y_true, y_pred = _label_tensor(y_true), _as_float(y_pred)
    if y_true.ndim == y_pred.ndim > 1 and y_true.shape[axis] == 1:
        y_true = F.squeeze(y_true, axis)
    if y_true.shape == y_pred.shape and y_pred.ndim > 1 and y_pred.shape[axis] > 1:
        raise ShapeError(
            f"sparse_categorical_crossentropy: y_true must be integer labels, one for each of the "
            f"{_rows(y_pred)} rows of y_pred. Got y_true {y_true.shape}, y_pred {y_pred.shape}. One-hot targets "
            "go with loss='categorical_crossentropy'; or turn them into labels: y.argmax(axis=-1)."
        )
    values = F.sparse_categorical_crossentropy(y_true, _axis_last(y_pred, axis), from_logits, ignore_class)
    if ignore_class is not None and isinstance(values, Tensor):
        counted = as_array(y_true).reshape(values.shape) != ignore_class
        values._keras_mask = Tensor.wrap(np.asarray(counted))  # type: ignore[attr-defined]
    return values


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Return the mean over `axis` of -(t * log(p) + (1 - t) * log(1 - p))."""
    y_true, y_pred = (_axis_last(t, axis) for t in _pair("binary_crossentropy", y_true, y_pred))
    return F.binary_crossentropy(y_true, y_pred, from_logits, label_smoothing)


def same_rank(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Make (N,) and (N, 1), tensors or arrays, fit each other, as Keras does: the one without the last axis gets it.

    >>> a, b = same_rank(Tensor([1.0, 2.0]), Tensor([[1.0], [2.0]]))
    >>> a.shape, b.shape
    ((2, 1), (2, 1))
    """
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        return (y_true, y_pred[..., None]) if y_pred.ndim == 1 else (y_true[..., 0], y_pred)
    if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        return (y_true[..., None], y_pred) if y_true.ndim == 1 else (y_true, y_pred[..., 0])
    return y_true, y_pred


def _pair(name: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Return both as tensors of one dtype and rank, or say which targets go with which loss."""
    y_pred = _as_float(y_pred)
    y_true = _as_dtype(y_true, y_pred.dtype)
    y_true, y_pred = same_rank(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"{name}: y_true and y_pred must have the same shape. Got y_true {y_true.shape}, y_pred "
            f"{y_pred.shape}. {_cause(name, y_true, y_pred)}"
        )
    return y_true, y_pred


def _cause(name: str, y_true: Tensor, y_pred: Tensor) -> str:
    if y_true.shape[:1] != y_pred.shape[:1]:
        return "The batch sizes differ: do x and y hold the same samples?"
    labels = y_true.shape == y_pred.shape[:-1] or y_true.shape == (*y_pred.shape[:-1], 1)
    if labels and "crossentropy" in name:
        return (
            "Integer labels go with loss='sparse_categorical_crossentropy'; "
            "or make them one-hot: minidl.utils.to_categorical(y)."
        )
    if y_pred.ndim > y_true.ndim and labels:
        return "Should the model end in Dense(1), or does a Flatten or a pooling layer lack?"
    return "Does the last layer give as many values a sample as there are targets?"


def _as_float(value: Any) -> Any:
    """Return `value` as a tensor (or a symbolic one) of float32, or of float64 if it is one."""
    value = tensor(value)
    return value.astype(np.float32) if value.dtype.kind != "f" or value.dtype.itemsize < 4 else value


def _as_dtype(value: Any, dtype: np.dtype) -> Any:
    """Return `value` as a tensor of `dtype` (a symbolic one stays), without copying an array that has it already."""
    if isinstance(value, Tensor) or hasattr(value, "__minidl_apply__"):
        return value if value.dtype == dtype else value.astype(dtype)
    return Tensor.wrap(as_array(value, dtype))


def _axis_last(x: Tensor, axis: int) -> Tensor:
    """Return x with `axis` as its last."""
    if axis in (-1, x.ndim - 1):
        return x
    axis = axis % x.ndim if -x.ndim <= axis < x.ndim else axis
    return x.transpose([*(other for other in range(x.ndim) if other != axis), axis])


def _label_tensor(value: Any) -> Any:
    value = tensor(value) if hasattr(value, "dtype") else Tensor.wrap(as_array(value))
    return value.astype(np.int32) if value.dtype.kind == "b" else value


def _rows(y_pred: Tensor) -> int:
    return int(np.prod(y_pred.shape[:-1]))
