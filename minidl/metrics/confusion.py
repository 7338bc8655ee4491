"""Metrics from counts of true and false positives and negatives, for labels 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import config
from minidl.errors import ArgumentError, ShapeError, unknown_name
from minidl.losses.functions import same_rank
from minidl.metrics.base import STATE, Metric, spread_weights
from minidl.tensor import Tensor, Variable, as_array

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class CountingMetric(Metric):
    """Base of metrics from counts at thresholds: Precision and its like, and AUC."""

    true_positives: Variable
    false_positives: Variable
    true_negatives: Variable
    false_negatives: Variable
    # Those that the metric needs.
    _kept: tuple[str, ...] = COUNTS

    def make_counts(self, *shape: int) -> None:
        """Make the variables: one number a threshold, or with a last axis one a threshold and label."""
        for name in self._kept:
            setattr(self, name, self.add_variable(shape, dtype=STATE, name=name))

    def add_counts(self, counts: np.ndarray) -> None:
        """Add what `count` found in a batch."""
        for name, found in zip(COUNTS, counts, strict=True):
            if name in self._kept:
                getattr(self, name).assign_add(found)


class ConfusionMetric(CountingMetric):
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
        self.make_counts(len(chosen))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of labels 0 and 1, and predictions from 0 to 1."""
        y_true, y_pred = same_rank(as_array(y_true), as_array(y_pred))
        check_labels_and_predictions(self.name, y_true, y_pred, any_range=self.top_k is not None)
        weights = None if sample_weight is None else spread_weights(self.name, sample_weight, y_true.shape)
        if self.top_k is not None:
            y_pred = _only_top_k(y_pred, self.top_k)
        if self.class_id is not None:
            if y_pred.ndim < 2 or not 0 <= self.class_id < y_pred.shape[-1]:
                raise ShapeError(
                    f"{self.name}: class_id={self.class_id} needs predictions (N, C) with C > class_id. "
                    f"Got {y_pred.shape}."
                )
            y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
            weights = None if weights is None else weights[..., self.class_id]
        self.add_counts(count(y_true, y_pred, self.thresholds, weights))

    def answer(self, values: np.ndarray) -> Tensor:
        """Return a result: one number for one threshold, else one for each."""
        return self._tensor(values[0] if len(self.thresholds) == 1 else values)

    def get_config(self) -> dict[str, Any]:
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return super().get_config() | own


class Precision(ConfusionMetric):
    """Share of the predicted positives that are positive: TP / (TP + FP).

    >>> float(Precision()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])).__round__(4)
    0.6667
    """

    _kept = ("true_positives", "false_positives")

    def result(self) -> Tensor:
        """Return the precision; 0 where nothing was predicted positive."""
        true, false = self.true_positives.numpy(), self.false_positives.numpy()
        return self.answer(ratio(true, true + false))


class Recall(ConfusionMetric):
    """Share of the positives that are predicted positive: TP / (TP + FN)."""

    _kept = ("true_positives", "false_negatives")

    def result(self) -> Tensor:
        """Return the recall; 0 where nothing is positive."""
        found, missed = self.true_positives.numpy(), self.false_negatives.numpy()
        return self.answer(ratio(found, found + missed))


class _Count(ConfusionMetric):
    """Base of the four counts."""

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)

    def result(self) -> Tensor:
        """Return the count."""
        return self.answer(getattr(self, self._kept[0]).numpy())

    def get_config(self) -> dict[str, Any]:
        return Metric.get_config(self) | {"thresholds": self.init_thresholds}


class TruePositives(_Count):
    """Number of positives predicted positive."""

    _kept = ("true_positives",)


class TrueNegatives(_Count):
    """Number of negatives predicted negative."""

    _kept = ("true_negatives",)


class FalsePositives(_Count):
    """Number of negatives predicted positive."""

    _direction = "down"
    _kept = ("false_positives",)


class FalseNegatives(_Count):
    """Number of positives predicted negative."""

    _direction = "down"
    _kept = ("false_negatives",)


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
        if beta <= 0:
            raise ArgumentError(f"{name}: beta must be above 0. Got {beta!r}.")
        if threshold is not None and not 0 < threshold <= 1:
            raise ArgumentError(f"{name}: threshold must be above 0, and 1 at most. Got {threshold!r}.")
        self.average, self.beta, self.threshold = average, float(beta), threshold
        self.true_positives: Any = None

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
        weights = spread_weights(self.name, 1.0 if sample_weight is None else sample_weight, y_true.shape)
        axis = None if self.average == "micro" else 0
        parts = (chosen * y_true, chosen * (1 - y_true), ~chosen * y_true, y_true)
        sums = [(part * weights).sum(axis=axis) for part in parts]
        if self.true_positives is None:
            names = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")
            made = (self.add_variable(np.shape(sums[0]), dtype=STATE, name=name) for name in names)
            self.true_positives, self.false_positives, self.false_negatives, self.intermediate_weights = made
        for variable, found in zip(self.variables, sums, strict=True):
            variable.assign_add(found)

    def result(self) -> Tensor:
        """Return the score, or one a class; 0 before any batch."""
        if self.true_positives is None:
            return self._tensor(0.0)
        tp, fp, fn = (v.numpy() for v in (self.true_positives, self.false_positives, self.false_negatives))
        tiny = 1e-7  # as in Keras: a class that never occurs scores 0
        precision, recall = tp / (tp + fp + tiny), tp / (tp + fn + tiny)
        scores = (1 + self.beta**2) * precision * recall / (self.beta**2 * precision + recall + tiny)
        if self.average == "weighted":
            sizes = self.intermediate_weights.numpy()
            return self._tensor((scores * sizes).sum() / (sizes.sum() + tiny))
        return self._tensor(scores if self.average is None else scores.mean())

    def get_config(self) -> dict[str, Any]:
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return super().get_config() | own


class F1Score(FBetaScore):
    """2 * precision * recall / (precision + recall), a class at a time."""

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str = "f1_score", dtype: Any = None
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "beta"}


def count(y_true: np.ndarray, y_pred: np.ndarray, thresholds: Sequence[float], weights: Any = None) -> np.ndarray:
    """Return (4, number of thresholds), in the order of `COUNTS`. What lies on a threshold is not above it.

    >>> count(np.array([0, 1, 1]), np.array([0.5, 0.5, 0.9]), [0.5, 0.0]).tolist()
    [[1.0, 2.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
    """
    dtype = np.dtype(config.floatx())  # both in one precision, so that 0.3 is 0.3
    limits, back = np.unique(np.asarray(thresholds, dtype), return_inverse=True)
    passed = np.searchsorted(limits, y_pred.ravel().astype(dtype), side="left")  # how many limits each is above
    weight = np.ones(y_true.size) if weights is None else weights.ravel()
    rows = []
    for kind in (y_true.astype(bool).ravel(), ~y_true.astype(bool).ravel()):
        held = np.bincount(passed, weight * kind, len(limits) + 1)
        below = held.cumsum()[:-1]  # at each limit: the weight of what is not above it
        rows += [below[-1:] + held[-1] - below, below]
    above_true, below_true, above_false, below_false = (row[back] for row in rows)
    return np.stack([above_true, above_false, below_false, below_true])


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)


def check_labels_and_predictions(name: str, y_true: np.ndarray, y_pred: np.ndarray, any_range: bool = False) -> None:
    """Check that labels and predictions have one shape and, unless `any_range`, that predictions are in [0, 1]."""
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"{name}: y_true and y_pred must have the same shape. Got y_true {y_true.shape}, y_pred {y_pred.shape}. "
            "It counts labels 0 and 1: are these class numbers? Make them one-hot: minidl.utils.to_categorical(y)."
        )
    if not any_range and y_pred.size and (y_pred.min() < 0 or y_pred.max() > 1):
        raise ArgumentError(
            f"{name}: predictions must be between 0 and 1. Got {y_pred.min():g} to {y_pred.max():g}. "
            "Does the model lack a sigmoid or softmax at its end?"
        )


def _only_top_k(y_pred: np.ndarray, k: int) -> np.ndarray:
    y_pred = y_pred.astype(np.result_type(y_pred, np.float32))
    kept = np.argsort(-y_pred, axis=-1, kind="stable")[..., :k]
    limited = np.full(y_pred.shape, -np.inf, y_pred.dtype)
    np.put_along_axis(limited, kept, np.take_along_axis(y_pred, kept, axis=-1), axis=-1)
    return limited
