"""Accuracies: how often a prediction is right."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import config
from minidl.errors import ShapeError
from minidl.losses.functions import same_rank
from minidl.metrics.base import OfFunction
from minidl.tensor import Tensor, as_array


def accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 where y_true equals y_pred, else 0."""
    y_true, y_pred = same_rank(as_array(y_true), as_array(y_pred))
    _check("accuracy", y_true, y_pred)
    return _hits(y_true == y_pred)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """Return 1 where y_pred > threshold agrees with the label 0 or 1.

    >>> binary_accuracy([1.0, 0.0, 1.0], [0.9, 0.7, 0.2]).numpy()
    array([1., 0., 0.], dtype=float32)
    """
    y_true, y_pred = same_rank(as_array(y_true), as_array(y_pred))
    _check("binary_accuracy", y_true, y_pred)
    return _hits(y_true == (y_pred > threshold))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 where the largest prediction is at the one-hot target's class.

    >>> categorical_accuracy([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]]).numpy()
    array([0., 1.], dtype=float32)
    """
    y_true, y_pred = as_array(y_true), as_array(y_pred)
    if y_true.shape != y_pred.shape:
        cause = ""
        if y_true.shape in (y_pred.shape[:-1], (*y_pred.shape[:-1], 1)):
            cause = " Integer labels go with 'sparse_categorical_accuracy', or simply 'accuracy'."
        raise ShapeError(
            f"categorical_accuracy: y_true must be one-hot, of y_pred's shape. Got y_true {y_true.shape}, "
            f"y_pred {y_pred.shape}.{cause}"
        )
    return _hits(y_true.argmax(axis=-1) == y_pred.argmax(axis=-1))


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Return 1 where the largest prediction is at the class of the integer label."""
    y_true, y_pred = as_array(y_true), as_array(y_pred)
    if y_true.shape == (*y_pred.shape[:-1], 1):
        y_true = y_true[..., 0]
    if y_true.shape != y_pred.shape[:-1]:
        cause = " One-hot targets go with 'categorical_accuracy'." if y_true.shape == y_pred.shape else ""
        raise ShapeError(
            f"sparse_categorical_accuracy: y_true must hold one label for each row of y_pred. "
            f"Got y_true {y_true.shape}, y_pred {y_pred.shape}.{cause}"
        )
    return _hits(y_true == y_pred.argmax(axis=-1))


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """Return 1 where the one-hot target's class is among the k largest predictions."""
    return sparse_top_k_categorical_accuracy(as_array(y_true).argmax(axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Tensor:
    """Return 1 where the label is among the k largest predictions; equal predictions all count.

    With `from_sorted_ids`, y_pred holds class numbers, best first, instead of predictions.
    """
    labels, y_pred = as_array(y_true).astype(np.int64), as_array(y_pred)
    if labels.shape == (*y_pred.shape[:-1], 1):
        labels = labels[..., 0]
    if labels.shape != y_pred.shape[:-1]:
        raise ShapeError(
            f"top_k: y_true must hold one label for each row of y_pred. Got y_true {labels.shape}, "
            f"y_pred {y_pred.shape}."
        )
    if from_sorted_ids:
        return _hits((y_pred[..., :k] == labels[..., None]).any(axis=-1))
    inside = (labels >= 0) & (labels < y_pred.shape[-1])
    position = np.where(inside, labels, 0)[..., None]
    larger = (y_pred > np.take_along_axis(y_pred, position, axis=-1)).sum(axis=-1)
    return _hits(inside & (larger < k))


class Accuracy(OfFunction, of=accuracy, better="up"):
    """Share of values where y_true equals y_pred.

    >>> float(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
    0.75
    """


class BinaryAccuracy(OfFunction, of=binary_accuracy, better="up"):
    """Share of labels 0 and 1 that y_pred > threshold gets right."""


class CategoricalAccuracy(OfFunction, of=categorical_accuracy, better="up"):
    """Share of samples whose largest prediction is at the one-hot target's class."""


class SparseCategoricalAccuracy(OfFunction, of=sparse_categorical_accuracy, better="up"):
    """Share of samples whose largest prediction is at the integer label."""


class TopKCategoricalAccuracy(OfFunction, of=top_k_categorical_accuracy, better="up", takes="k name dtype"):
    """Share of samples whose one-hot target is among the k largest predictions."""


class SparseTopKCategoricalAccuracy(
    OfFunction, of=sparse_top_k_categorical_accuracy, better="up", takes="k name dtype from_sorted_ids"
):
    """Share of samples whose integer label is among the k largest predictions."""


def _check(name: str, y_true: np.ndarray, y_pred: np.ndarray) -> None:
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"{name}: y_true and y_pred must have the same shape. Got y_true {y_true.shape}, y_pred {y_pred.shape}."
        )


def _hits(where: Any) -> Tensor:
    return Tensor.wrap(np.asarray(where).astype(config.floatx()))
