"""Errors and losses as metrics: means over all samples seen."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, unknown_name
from minidl.losses import functions
from minidl.losses.functions import same_rank
from minidl.metrics.base import STATE, Mean, Metric, OfFunction, spread_weights
from minidl.tensor import Tensor, as_array


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Return the cosine of the angle between y_true and y_pred; as a loss it has the other sign."""
    return -functions.cosine_similarity(y_true, y_pred, axis)


class MeanSquaredError(OfFunction, of=functions.mean_squared_error):
    """Mean of (y_true - y_pred)²."""


class MeanAbsoluteError(OfFunction, of=functions.mean_absolute_error):
    """Mean of |y_true - y_pred|."""


class MeanAbsolutePercentageError(OfFunction, of=functions.mean_absolute_percentage_error):
    """100 times the mean of |(y_true - y_pred) / y_true|."""


class MeanSquaredLogarithmicError(OfFunction, of=functions.mean_squared_logarithmic_error):
    """Mean of (log(y_true + 1) - log(y_pred + 1))²."""


class LogCoshError(OfFunction, of=functions.log_cosh, name="logcosh"):
    """Mean of log(cosh(y_pred - y_true))."""


class KLDivergence(OfFunction, of=functions.kl_divergence):
    """sum(y_true * log(y_true / y_pred))."""


class Poisson(OfFunction, of=functions.poisson):
    """Mean of y_pred - y_true * log(y_pred)."""


class Hinge(OfFunction, of=functions.hinge):
    """Mean of max(1 - y_true * y_pred, 0)."""


class SquaredHinge(OfFunction, of=functions.squared_hinge):
    """Mean of max(1 - y_true * y_pred, 0)²."""


class CategoricalHinge(OfFunction, of=functions.categorical_hinge):
    """max(highest wrong score - right score + 1, 0)."""


class BinaryCrossentropy(
    OfFunction, of=functions.binary_crossentropy, takes="name dtype from_logits label_smoothing", label_smoothing=0
):
    """-(t * log(p) + (1 - t) * log(1 - p)), for targets 0 and 1."""


class CategoricalCrossentropy(OfFunction, of=functions.categorical_crossentropy, label_smoothing=0):
    """-sum(y_true * log(y_pred)), for one-hot targets."""


class SparseCategoricalCrossentropy(OfFunction, of=functions.sparse_categorical_crossentropy):
    """-log(y_pred[label]), for integer labels.

    Labels of `ignore_class` cost 0. As in Keras, they count in the mean unless weights (or a mask) are given.
    """


class CosineSimilarity(OfFunction, of=cosine_similarity, better="up"):
    """Cosine of the angle between y_true and y_pred."""


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
        y_true, y_pred = same_rank(as_array(y_true), as_array(y_pred))
        super().update_state(np.square(y_pred.astype(np.float64) - y_true), sample_weight)

    def result(self) -> Tensor:
        """Return the root of the mean."""
        return self._tensor(np.sqrt(float(self.total) / float(self.count)) if self.count else 0.0)


class R2Score(Metric):
    """1 - (sum of squared errors) / (sum of squared distances from the mean): 1 is perfect, 0 as good as the mean.

    Parameters
    ----------
    class_aggregation : "uniform_average" of the outputs, "variance_weighted_average", or None for one score each
    num_regressors : of a linear model, for the "adjusted" score; 0 for the plain one

    >>> round(float(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    _direction = "up"

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0, name: str = "r2_score",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        known = ("uniform_average", "variance_weighted_average")
        if class_aggregation not in (None, *known):
            raise unknown_name("class_aggregation of R2Score", class_aggregation, known)
        if num_regressors < 0:
            raise ArgumentError(f"R2Score: num_regressors must be 0 or more. Got {num_regressors}.")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), dtype=STATE, name="num_samples")
        self.count: Any = None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch (N, D) into account."""
        y_true, y_pred = same_rank(as_array(y_true), as_array(y_pred))
        y_true, y_pred = (np.asarray(a, np.float64).reshape(len(a), -1) for a in (y_true, y_pred))
        weights = spread_weights(self.name, 1.0 if sample_weight is None else sample_weight, y_true.shape)
        if self.count is None:
            names = ("squared_sum", "sum", "total_mse", "count")
            made = (self.add_variable(y_true.shape[1:], dtype=STATE, name=name) for name in names)
            self.squared_sum, self.sum, self.total_mse, self.count = made
        self.sum.assign_add((weights * y_true).sum(axis=0))
        self.squared_sum.assign_add((weights * y_true**2).sum(axis=0))
        self.total_mse.assign_add((weights * (y_true - y_pred) ** 2).sum(axis=0))
        self.count.assign_add(weights.sum(axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> Tensor:
        """Return the score; 0 before any batch."""
        if self.count is None or not self.count.numpy().any():
            return self._tensor(0.0)
        total = self.squared_sum.numpy() - self.sum.numpy() ** 2 / self.count.numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.where(total > 0, 1 - self.total_mse.numpy() / total, 0.0)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation is not None:
            scores = (total * scores).sum() / total.sum()
        return self._tensor(self._adjusted(scores))

    def _adjusted(self, scores: Any) -> Any:
        if not self.num_regressors:
            return scores
        freedom = float(self.num_samples) - self.num_regressors - 1
        if freedom <= 0:
            warnings.warn(
                f"R2Score: with num_regressors={self.num_regressors} the adjusted score needs more than "
                f"{int(self.num_samples)} samples; the plain score is returned.",
                stacklevel=3,
            )
            return scores
        return 1 - (1 - scores) * (float(self.num_samples) - 1) / freedom

    def get_config(self) -> dict[str, Any]:
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return super().get_config() | own
