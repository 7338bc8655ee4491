"""Losses, one value a sample: the mean over the batch is a reduce_mean of its own."""

from __future__ import annotations

from typing import Any

from minidl.tape import apply
from minidl.tensor import Tensor


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Return -sum(y_true * log(y_pred)) of each sample, for one-hot (or soft) targets."""
    return apply(
        "categorical_crossentropy", y_true, y_pred,
        from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
    )  # fmt: skip


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None
) -> Tensor:
    """Return -log(y_pred[label]) of each sample, for integer labels."""
    return apply("sparse_categorical_crossentropy", y_true, y_pred, from_logits=from_logits, ignore_class=ignore_class)


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean over the last axis of -(t * log(p) + (1 - t) * log(1 - p))."""
    return apply(
        "binary_crossentropy", y_true, y_pred, from_logits=from_logits, label_smoothing=label_smoothing
    )  # fmt: skip


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean over the last axis of (y_true - y_pred)²."""
    return apply("mean_squared_error", y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """Return the mean over the last axis of |y_true - y_pred|."""
    return apply("mean_absolute_error", y_true, y_pred)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Return the mean over the last axis of e²/2 where |e| <= delta, else delta * |e| - delta²/2."""
    return apply("huber", y_true, y_pred, delta=delta)
