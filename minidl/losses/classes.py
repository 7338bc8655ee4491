"""The losses as classes, with Keras' names, arguments and defaults."""

from __future__ import annotations

from typing import Any

from minidl.losses import functions
from minidl.losses.base import OfFunction


class MeanSquaredError(OfFunction, of=functions.mean_squared_error):
    """Mean of (y_true - y_pred)².

    >>> MeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]]).item()
    0.5
    """


class MeanAbsoluteError(OfFunction, of=functions.mean_absolute_error):
    """Mean of |y_true - y_pred|."""


class MeanAbsolutePercentageError(OfFunction, of=functions.mean_absolute_percentage_error):
    """100 times the mean of |(y_true - y_pred) / y_true|."""


class MeanSquaredLogarithmicError(OfFunction, of=functions.mean_squared_logarithmic_error):
    """Mean of (log(y_true + 1) - log(y_pred + 1))²."""


class Huber(OfFunction, of=functions.huber, name="huber_loss"):
    """A parabola for errors up to `delta`, straight lines beyond: less moved by outliers than the squared error."""


class LogCosh(OfFunction, of=functions.log_cosh):
    """Mean of log(cosh(y_pred - y_true)): a smooth Huber loss."""


class CosineSimilarity(OfFunction, of=functions.cosine_similarity):
    """-cos of the angle between y_true and y_pred."""


class KLDivergence(OfFunction, of=functions.kl_divergence):
    """sum(y_true * log(y_true / y_pred)): what is lost by taking y_pred for the distribution y_true."""


class Poisson(OfFunction, of=functions.poisson):
    """Mean of y_pred - y_true * log(y_pred): for counts."""


class Hinge(OfFunction, of=functions.hinge):
    """Mean of max(1 - y_true * y_pred, 0), for labels -1 and 1."""


class SquaredHinge(OfFunction, of=functions.squared_hinge):
    """Mean of max(1 - y_true * y_pred, 0)², for labels -1 and 1."""


class CategoricalHinge(OfFunction, of=functions.categorical_hinge):
    """max(highest wrong score - right score + 1, 0), for one-hot targets."""


class CategoricalCrossentropy(OfFunction, of=functions.categorical_crossentropy):
    """-sum(y_true * log(y_pred)), for one-hot targets (N, C).

    Parameters
    ----------
    from_logits : y_pred holds scores, before softmax: then softmax and logarithm are computed together, exactly
    label_smoothing : s in [0, 1]; targets become y (1 - s) + s / C
    axis : of the classes
    reduction, name, dtype : as for `Loss`

    >>> loss = CategoricalCrossentropy()
    >>> round(loss([[0.0, 1.0, 0.0]], [[0.05, 0.95, 0.0]]).item(), 4)
    0.0513
    """


class SparseCategoricalCrossentropy(
    OfFunction,
    of=functions.sparse_categorical_crossentropy,
    takes="from_logits ignore_class reduction axis name dtype",
):
    """-log(y_pred[label]), for integer labels (N,).

    Parameters
    ----------
    from_logits : y_pred holds scores, before softmax
    ignore_class : a label that does not count, or None
    reduction, axis, name, dtype : as for `CategoricalCrossentropy`
    """

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss; Keras' leaves `axis` out."""
        return {key: value for key, value in super().get_config().items() if key != "axis"}


class BinaryCrossentropy(OfFunction, of=functions.binary_crossentropy):
    """-(t * log(p) + (1 - t) * log(1 - p)), for targets 0 and 1.

    Parameters
    ----------
    from_logits : y_pred holds scores, before sigmoid
    label_smoothing : s in [0, 1]; targets become t (1 - s) + s / 2
    axis, reduction, name, dtype : as for `CategoricalCrossentropy`
    """
