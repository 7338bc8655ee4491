"""Errors and losses as metrics: means over all samples seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.losses import functions
from minidl.metrics.accuracy import as_same_rank
from minidl.metrics.base import Mean, MeanMetricWrapper, Metric
from minidl.tensor import Tensor, as_array


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Return the cosine of the angle between y_true and y_pred; as a loss it has the other sign."""
    return -functions.cosine_similarity(y_true, y_pred, axis)


class _Error(MeanMetricWrapper):
    """Base of the metrics below: the mean of a loss function. Smaller is better."""

    _direction = "down"


class MeanSquaredError(_Error):
    """Mean of (y_true - y_pred)²."""

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(functions.mean_squared_error, name, dtype)


class MeanAbsoluteError(_Error):
    """Mean of |y_true - y_pred|."""

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(functions.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(_Error):
    """100 times the mean of |(y_true - y_pred) / y_true|."""

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(functions.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(_Error):
    """Mean of (log(y_true + 1) - log(y_pred + 1))²."""

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(functions.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(_Error):
    """Mean of log(cosh(y_pred - y_true))."""

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(functions.log_cosh, name, dtype)


class KLDivergence(_Error):
    """sum(y_true * log(y_true / y_pred))."""

    def __init__(self, name: str = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(functions.kl_divergence, name, dtype)


class Poisson(_Error):
    """Mean of y_pred - y_true * log(y_pred)."""

    def __init__(self, name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(functions.poisson, name, dtype)


class Hinge(_Error):
    """Mean of max(1 - y_true * y_pred, 0)."""

    def __init__(self, name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(functions.hinge, name, dtype)


class SquaredHinge(_Error):
    """Mean of max(1 - y_true * y_pred, 0)²."""

    def __init__(self, name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(functions.squared_hinge, name, dtype)


class CategoricalHinge(_Error):
    """max(highest wrong score - right score + 1, 0)."""

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(functions.categorical_hinge, name, dtype)


class BinaryCrossentropy(_Error):
    """-(t * log(p) + (1 - t) * log(1 - p)), for targets 0 and 1."""

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            functions.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )  # fmt: skip


class CategoricalCrossentropy(_Error):
    """-sum(y_true * log(y_pred)), for one-hot targets."""

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            functions.categorical_crossentropy, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(_Error):
    """-log(y_pred[label]), for integer labels."""

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            functions.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits, axis=axis
        )  # fmt: skip


class CosineSimilarity(MeanMetricWrapper):
    """Cosine of the angle between y_true and y_pred."""

    _direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class RootMeanSquaredError(Mean):
    """Square root of the mean of (y_true - y_pred)².

    >>> float(RootMeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]))
    0.5
    """

    _direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take a batch into account."""
        y_true, y_pred = as_same_rank(as_array(y_true), as_array(y_pred))
        super().update_state(np.square(y_pred.astype(np.float64) - y_true), sample_weight)

    def result(self) -> Tensor:
        """Return the root of the mean."""
        return self._tensor(np.sqrt(self.total / self.count) if self.count else 0.0)


class R2Score(Metric):
    """1 - (sum of squared errors) / (sum of squared distances from the mean), averaged over the outputs.

    >>> round(float(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    _direction = "up"

    def __init__(self, name: str = "r2_score", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.samples: Any = 0.0
        self.sums: Any = 0.0
        self.squares: Any = 0.0
        self.residual: Any = 0.0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch (N, D) into account."""
        y_true, y_pred = as_same_rank(as_array(y_true), as_array(y_pred))
        y_true, y_pred = (np.asarray(a, np.float64).reshape(len(a), -1) for a in (y_true, y_pred))
        weights = np.ones((len(y_true), 1)) if sample_weight is None else as_array(sample_weight).reshape(-1, 1)
        self.samples = self.samples + weights.sum()
        self.sums = self.sums + (weights * y_true).sum(axis=0)
        self.squares = self.squares + (weights * y_true**2).sum(axis=0)
        self.residual = self.residual + (weights * (y_true - y_pred) ** 2).sum(axis=0)

    def reset_state(self) -> None:
        """Forget all batches."""
        self.samples = self.sums = self.squares = self.residual = 0.0

    def result(self) -> Tensor:
        """Return the mean over the outputs; 0 before any batch."""
        if not self.samples:
            return self._tensor(0.0)
        total = self.squares - self.sums**2 / self.samples
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.where(total > 0, 1 - self.residual / total, 0.0)
        return self._tensor(scores.mean())
