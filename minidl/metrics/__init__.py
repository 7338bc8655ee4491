"""Metrics: what is watched beside the loss. By name, function or class, with Keras' names and numbers.

>>> get("mse")
<MeanSquaredError 'mean_squared_error'>
"""

from __future__ import annotations

from typing import Any

from minidl.errors import ArgumentError, unknown_name
from minidl.layers.base.naming import snake_case
from minidl.losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from minidl.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from minidl.metrics.auc import AUC
from minidl.metrics.base import Mean, MeanMetricWrapper, Metric, Sum
from minidl.metrics.confusion import (
    F1Score,
    FalseNegatives,
    FalsePositives,
    FBetaScore,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from minidl.metrics.values import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    R2Score,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)

__all__ = [
    "AUC", "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "CategoricalAccuracy", "CategoricalCrossentropy",
    "CategoricalHinge", "CosineSimilarity", "F1Score", "FBetaScore", "FalseNegatives", "FalsePositives", "Hinge",
    "KLDivergence", "LogCoshError", "Mean", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanMetricWrapper",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Metric", "Poisson", "Precision", "R2Score", "Recall",
    "RootMeanSquaredError", "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy", "SquaredHinge", "Sum", "TopKCategoricalAccuracy", "TrueNegatives",
    "TruePositives", "binary_accuracy", "binary_crossentropy", "categorical_accuracy", "categorical_crossentropy",
    "categorical_hinge", "deserialize", "get", "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error", "poisson", "serialize",
    "sparse_categorical_accuracy", "sparse_categorical_crossentropy", "sparse_top_k_categorical_accuracy",
    "squared_hinge", "top_k_categorical_accuracy",
]  # fmt: skip

_CLASSES: dict[str, type[Metric]] = {
    c.__name__: c
    for c in (
        AUC, Accuracy, BinaryAccuracy, BinaryCrossentropy, CategoricalAccuracy, CategoricalCrossentropy,
        CategoricalHinge, CosineSimilarity, F1Score, FBetaScore, FalseNegatives, FalsePositives, Hinge, KLDivergence,
        LogCoshError, Mean, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
        MeanSquaredLogarithmicError, Poisson, Precision, R2Score, Recall, RootMeanSquaredError,
        SparseCategoricalAccuracy, SparseCategoricalCrossentropy, SparseTopKCategoricalAccuracy, SquaredHinge, Sum,
        TopKCategoricalAccuracy, TrueNegatives, TruePositives,
    )
}  # fmt: skip
_BY_NAME: dict[str, type[Metric]] = _CLASSES | {snake_case(name): c for name, c in _CLASSES.items()} | {
    "mse": MeanSquaredError, "MSE": MeanSquaredError, "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError, "MAPE": MeanAbsolutePercentageError, "msle": MeanSquaredLogarithmicError,
    "MSLE": MeanSquaredLogarithmicError, "bce": BinaryCrossentropy, "BCE": BinaryCrossentropy,
    "rmse": RootMeanSquaredError, "RMSE": RootMeanSquaredError, "auc": AUC, "kl_divergence": KLDivergence,
}  # fmt: skip
# Resolved by `compile`, which knows the shapes: "accuracy" is one of three metrics.
_BY_SHAPE = ("acc", "crossentropy", "ce")


def get(identifier: Any) -> Any:
    """Return the metric of a name or configuration; a metric, a function of (y_true, y_pred) or None as it is.

    Raises
    ------
    UnknownNameError : no such metric; the nearest name is suggested

    >>> get("acuracy")
    Traceback (most recent call last):
    minidl.errors.UnknownNameError: unknown metric: 'acuracy'. Did you mean 'accuracy'? Known: ...
    """
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        if identifier not in _BY_NAME:
            raise unknown_name("metric", identifier, [*_BY_NAME, *_BY_SHAPE])
        return _BY_NAME[identifier]()
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if callable(identifier):
        return identifier
    raise ArgumentError(f"metric: a name, a Metric or a function of (y_true, y_pred) is needed. Got {identifier!r}.")


def serialize(metric: Any) -> Any:
    """Return what a configuration says of a metric, in Keras' form."""
    if isinstance(metric, Metric):
        return {
            "module": "keras.metrics" if type(metric).__name__ in _CLASSES else type(metric).__module__,
            "class_name": type(metric).__name__,
            "config": metric.get_config(),
            "registered_name": None,
        }
    return getattr(metric, "__name__", metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the metric that `serialize` described.

    Parameters
    ----------
    config : a name, or a dict with `class_name` and `config`
    custom_objects : your own metrics, by name
    """
    if not isinstance(config, dict):
        return (custom_objects or {}).get(config) or get(config)
    name = config.get("class_name")
    if name == "function":  # Keras writes functions so
        return deserialize(config["config"], custom_objects)
    known = _CLASSES | (custom_objects or {})
    if name not in known:
        raise unknown_name("metric", name, known)
    return known[name].from_config(config.get("config", {}))
