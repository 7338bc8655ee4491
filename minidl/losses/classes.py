"""The losses as classes, with Keras' names, arguments and defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minidl.errors import ArgumentError
from minidl.losses import functions
from minidl.losses.base import LossFunctionWrapper

MEAN = "sum_over_batch_size"


class _OfTwo(LossFunctionWrapper):
    """Base of the losses of a function of y_true and y_pred alone."""

    function: ClassVar[Callable[..., Any]]

    def __init_subclass__(cls, of: Any = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if of is not None:
            cls.function = staticmethod(of)

    def __init__(self, reduction: str | None = MEAN, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(self.function, reduction, name, dtype)


class MeanSquaredError(_OfTwo, of=functions.mean_squared_error):
    """Mean of (y_true - y_pred)².

    >>> MeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]]).item()
    0.5
    """


class MeanAbsoluteError(_OfTwo, of=functions.mean_absolute_error):
    """Mean of |y_true - y_pred|."""


class MeanAbsolutePercentageError(_OfTwo, of=functions.mean_absolute_percentage_error):
    """100 times the mean of |(y_true - y_pred) / y_true|."""


class MeanSquaredLogarithmicError(_OfTwo, of=functions.mean_squared_logarithmic_error):
    """Mean of (log(y_true + 1) - log(y_pred + 1))²."""


class Huber(LossFunctionWrapper):
    """A parabola for errors up to `delta`, straight lines beyond: less moved by outliers than the squared error."""

    def __init__(
        self, delta: float = 1.0, reduction: str | None = MEAN, name: str = "huber_loss", dtype: Any = None
    ) -> None:
        super().__init__(functions.huber, reduction, name, dtype, delta=delta)


class LogCosh(_OfTwo, of=functions.log_cosh):
    """Mean of log(cosh(y_pred - y_true)): a smooth Huber loss."""


class CosineSimilarity(LossFunctionWrapper):
    """-cos of the angle between y_true and y_pred."""

    def __init__(
        self, axis: int = -1, reduction: str | None = MEAN, name: str = "cosine_similarity", dtype: Any = None
    ) -> None:
        super().__init__(functions.cosine_similarity, reduction, name, dtype, axis=axis)


class KLDivergence(_OfTwo, of=functions.kl_divergence):
    """sum(y_true * log(y_true / y_pred)): what is lost by taking y_pred for the distribution y_true."""


class Poisson(_OfTwo, of=functions.poisson):
    """Mean of y_pred - y_true * log(y_pred): for counts."""


class Hinge(_OfTwo, of=functions.hinge):
    """Mean of max(1 - y_true * y_pred, 0), for labels -1 and 1."""


class SquaredHinge(_OfTwo, of=functions.squared_hinge):
    """Mean of max(1 - y_true * y_pred, 0)², for labels -1 and 1."""


class CategoricalHinge(_OfTwo, of=functions.categorical_hinge):
    """max(highest wrong score - right score + 1, 0), for one-hot targets."""


class CategoricalCrossentropy(LossFunctionWrapper):
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

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        _check_smoothing("CategoricalCrossentropy", label_smoothing)
        super().__init__(
            functions.categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """-log(y_pred[label]), for integer labels (N,).

    Parameters
    ----------
    from_logits : y_pred holds scores, before softmax
    ignore_class : a label that does not count, or None
    reduction, axis, name, dtype : as for `CategoricalCrossentropy`
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = MEAN,
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            functions.sparse_categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, ignore_class=ignore_class, axis=axis,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss; Keras' leaves `axis` out."""
        return {key: value for key, value in super().get_config().items() if key != "axis"}


class BinaryCrossentropy(LossFunctionWrapper):
    """-(t * log(p) + (1 - t) * log(1 - p)), for targets 0 and 1.

    Parameters
    ----------
    from_logits : y_pred holds scores, before sigmoid
    label_smoothing : s in [0, 1]; targets become t (1 - s) + s / 2
    axis, reduction, name, dtype : as for `CategoricalCrossentropy`
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        _check_smoothing("BinaryCrossentropy", label_smoothing)
        super().__init__(
            functions.binary_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


def _check_smoothing(name: str, label_smoothing: float) -> None:
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"{name}: label_smoothing must be between 0 and 1. Got {label_smoothing!r}.")
