"""Metrics from counts of true and false positives and negatives, for labels 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, ShapeError, unknown_name
from minidl.metrics.accuracy import as_same_rank
from minidl.metrics.base import Metric
from minidl.tensor import Tensor, as_array


class ConfusionMetric(Metric):
    """Base: counts true and false positives and negatives at one threshold or several.

    Parameters
    ----------
    thresholds : a prediction above it is positive; one number, or several for a result each
    top_k : only a sample's k largest predictions can be positive
    class_id : look at this class alone
    """

    _direction: str | None = "up"

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        default = 0.5 if top_k is None else -np.inf
        chosen = [default] if thresholds is None else np.atleast_1d(np.asarray(thresholds, np.float64)).tolist()
        if thresholds is not None and not all(0 <= t <= 1 for t in chosen):
            raise ArgumentError(f"{self.name}: thresholds must be between 0 and 1. Got {thresholds!r}.")
        self.thresholds: list[float] = chosen
        self._counts = np.zeros((4, len(chosen)))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels 0 and 1, and predictions from 0 to 1."""
        y_true, y_pred = as_same_rank(as_array(y_true), as_array(y_pred))
        _check_probabilities(self.name, y_true, y_pred)
        if self.top_k is not None:
            y_pred = _only_top_k(y_pred, self.top_k)
        weights = None if sample_weight is None else as_array(sample_weight)
        if self.class_id is not None:
            y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
        self._counts = self._counts + count(y_true, y_pred, self.thresholds, weights)

    def reset_state(self) -> None:
        """Set all counts to 0."""
        self._counts = np.zeros((4, len(self.thresholds)))

    @property
    def true_positives(self) -> np.ndarray:
        """Positive, and predicted so: one count a threshold."""
        return self._counts[0]

    @property
    def false_positives(self) -> np.ndarray:
        """Negative, but predicted positive."""
        return self._counts[1]

    @property
    def true_negatives(self) -> np.ndarray:
        """Negative, and predicted so."""
        return self._counts[2]

    @property
    def false_negatives(self) -> np.ndarray:
        """Positive, but predicted negative."""
        return self._counts[3]

    def _answer(self, values: np.ndarray) -> Tensor:
        return self._tensor(values[0] if len(self.thresholds) == 1 else values)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return super().get_config() | own


class Precision(ConfusionMetric):
    """Share of the predicted positives that are positive: TP / (TP + FP).

    >>> float(Precision()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])).__round__(4)
    0.6667
    """

    def result(self) -> Tensor:
        """Return the precision; 0 where nothing was predicted positive."""
        return self._answer(ratio(self.true_positives, self.true_positives + self.false_positives))


class Recall(ConfusionMetric):
    """Share of the positives that are predicted positive: TP / (TP + FN)."""

    def result(self) -> Tensor:
        """Return the recall; 0 where nothing is positive."""
        return self._answer(ratio(self.true_positives, self.true_positives + self.false_negatives))


class _Count(ConfusionMetric):
    """Base of the four counts."""

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return Metric.get_config(self) | {"thresholds": self.init_thresholds}


class TruePositives(_Count):
    """Number of positives predicted positive."""

    def result(self) -> Tensor:
        """Return the count."""
        return self._answer(self.true_positives)


class TrueNegatives(_Count):
    """Number of negatives predicted negative."""

    def result(self) -> Tensor:
        """Return the count."""
        return self._answer(self.true_negatives)


class FalsePositives(_Count):
    """Number of negatives predicted positive."""

    _direction = "down"

    def result(self) -> Tensor:
        """Return the count."""
        return self._answer(self.false_positives)


class FalseNegatives(_Count):
    """Number of positives predicted negative."""

    _direction = "down"

    def result(self) -> Tensor:
        """Return the count."""
        return self._answer(self.false_negatives)


class FBetaScore(Metric):
    """(1 + beta²) * precision * recall / (beta² * precision + recall), a class at a time.

    Parameters
    ----------
    average : None for one score a class; "micro", "macro" (mean of the classes), "weighted" (by their sizes)
    beta : how much more recall counts than precision
    threshold : predictions above it are positive; None: each sample's largest is
    """

    _direction = "up"

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None,
        name: str = "fbeta_score", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            raise unknown_name(f"average of {name}", average, ["micro", "macro", "weighted"])
        self.average, self.beta, self.threshold = average, float(beta), threshold
        self.reset_state()

    def reset_state(self) -> None:
        """Set all counts to 0."""
        self._counts: Any = np.zeros((3, 1))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of one-hot or multi-hot labels (N, C) and predictions (N, C)."""
        y_true, y_pred = as_array(y_true).astype(np.float64), as_array(y_pred)
        if y_true.shape != y_pred.shape or y_pred.ndim != 2:
            raise ShapeError(
                f"{self.name}: y_true and y_pred must both be (N, C), one-hot. Got {y_true.shape} and {y_pred.shape}."
            )
        if self.threshold is None:
            chosen = (y_pred >= y_pred.max(axis=-1, keepdims=True)) & (np.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        weight = 1.0 if sample_weight is None else as_array(sample_weight).reshape(-1, 1)
        axis = None if self.average == "micro" else 0
        parts = (chosen * y_true, chosen * (1 - y_true), ~chosen * y_true)
        self._counts = self._counts + np.stack([np.atleast_1d((part * weight).sum(axis=axis)) for part in parts])

    def result(self) -> Tensor:
        """Return the score, or one a class."""
        tp, fp, fn = self._counts
        tiny = 1e-7  # as in Keras: a class that never occurs scores 0
        precision, recall = tp / (tp + fp + tiny), tp / (tp + fn + tiny)
        scores = (1 + self.beta**2) * precision * recall / (self.beta**2 * precision + recall + tiny)
        if self.average == "weighted":
            return self._tensor((scores * (tp + fn)).sum() / ((tp + fn).sum() + tiny))
        return self._tensor(scores if self.average is None else scores.mean())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return super().get_config() | own


class F1Score(FBetaScore):
    """2 * precision * recall / (precision + recall), a class at a time."""

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str = "f1_score", dtype: Any = None
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {key: value for key, value in super().get_config().items() if key != "beta"}


def count(y_true: np.ndarray, y_pred: np.ndarray, thresholds: Sequence[float], weights: Any = None) -> np.ndarray:
    """Return (4, number of thresholds): true positives, false positives, true negatives, false negatives."""
    positive = y_true.astype(bool).ravel()
    weight = np.ones(y_true.shape) if weights is None else np.asarray(weights, np.float64)
    if weight.ndim < y_true.ndim:
        weight = weight.reshape(weight.shape + (1,) * (y_true.ndim - weight.ndim))
    weight = np.broadcast_to(weight, y_true.shape).ravel()
    # Sort once: above threshold t are all predictions from the place of t on.
    order = np.argsort(y_pred, axis=None, kind="stable")
    place = np.searchsorted(y_pred.ravel()[order], np.asarray(thresholds, y_pred.dtype), side="right")
    sums = [np.concatenate([[0.0], np.cumsum((weight * kind)[order])]) for kind in (positive, ~positive)]
    (false_negative, true_negative), (positives, negatives) = ([s[place] for s in sums], [s[-1] for s in sums])
    return np.stack([positives - false_negative, negatives - true_negative, true_negative, false_negative])


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)


def _check_probabilities(name: str, y_true: np.ndarray, y_pred: np.ndarray) -> None:
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"{name}: y_true and y_pred must have the same shape. Got y_true {y_true.shape}, y_pred {y_pred.shape}. "
            "It counts labels 0 and 1: are these class numbers? Make them one-hot: minidl.utils.to_categorical(y)."
        )
    if y_pred.size and (y_pred.min() < 0 or y_pred.max() > 1):
        raise ArgumentError(
            f"{name}: predictions must be between 0 and 1. Got {y_pred.min():g} to {y_pred.max():g}. "
            "Does the model lack a sigmoid or softmax at its end?"
        )


def _only_top_k(y_pred: np.ndarray, k: int) -> np.ndarray:
    kept = np.argsort(-y_pred, axis=-1, kind="stable")[..., :k]
    limited = np.full(y_pred.shape, -np.inf, y_pred.dtype)
    np.put_along_axis(limited, kept, np.take_along_axis(y_pred, kept, axis=-1), axis=-1)
    return limited
