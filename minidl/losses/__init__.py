"""Losses: what training makes small. By name, function or class, with Keras' names and numbers.

>>> get("mse") is mean_squared_error
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.errors import ArgumentError, unknown_name
from minidl.losses.base import Loss, LossFunctionWrapper
from minidl.losses.classes import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from minidl.losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    cosine_similarity,
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

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kl_divergence
logcosh = log_cosh

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        binary_crossentropy, categorical_crossentropy, categorical_hinge, cosine_similarity, hinge, huber,
        kl_divergence, log_cosh, mean_absolute_error, mean_absolute_percentage_error, mean_squared_error,
        mean_squared_logarithmic_error, poisson, sparse_categorical_crossentropy, squared_hinge,
    )
}  # fmt: skip
_ALIASES: dict[str, Callable[..., Any]] = {
    "mse": mse, "MSE": mse, "mae": mae, "MAE": mae, "mape": mape, "MAPE": mape, "msle": msle, "MSLE": msle,
    "bce": bce, "BCE": bce, "kld": kld, "KLD": kld, "logcosh": log_cosh,
}  # fmt: skip
_CLASSES: dict[str, type[Loss]] = {
    c.__name__: c
    for c in (
        BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, CosineSimilarity, Hinge, Huber, KLDivergence,
        LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson,
        SparseCategoricalCrossentropy, SquaredHinge,
    )
}  # fmt: skip


__all__ = [
    "BCE", "KLD", "MAE", "MAPE", "MSE", "MSLE", "BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge",
    "CosineSimilarity", "Hinge", "Huber", "KLDivergence", "LogCosh", "Loss", "LossFunctionWrapper",
    "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson",
    "SparseCategoricalCrossentropy", "SquaredHinge", "bce", "binary_crossentropy", "categorical_crossentropy",
    "categorical_hinge", "cosine_similarity", "deserialize", "get", "hinge", "huber", "kl_divergence", "kld",
    "log_cosh", "logcosh", "mae", "mape", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "mse", "msle", "poisson", "serialize",
    "sparse_categorical_crossentropy", "squared_hinge",
]  # fmt: skip


def get(identifier: Any) -> Any:
    """Return the loss of a name: a function for "mse" or "mean_squared_error", an object for "MeanSquaredError".

    A loss, a function of (y_true, y_pred) or None is returned as it is; a configuration makes the loss it describes.

    Raises
    ------
    UnknownNameError : no such loss; the nearest name is suggested

    >>> get("msee")
    Traceback (most recent call last):
    minidl.errors.UnknownNameError: unknown loss: 'msee'. Did you mean 'mse'? ...
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str):
        known = _FUNCTIONS | _ALIASES | _CLASSES
        if identifier not in known:
            raise unknown_name("loss", identifier, known)
        found = known[identifier]
        return found() if isinstance(found, type) else found
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        return identifier
    raise ArgumentError(f"loss: a name, a Loss, a function of (y_true, y_pred) or None is needed. Got {identifier!r}.")


def is_loss_function(function: Any) -> bool:
    """Return whether a function is one of those here: the smaller its values, the better."""
    return function in _FUNCTIONS.values()


def serialize(loss: Any) -> Any:
    """Return what a configuration says of a loss, in Keras' form."""
    if isinstance(loss, Loss):
        return {
            "module": "keras.losses" if type(loss).__name__ in _CLASSES else type(loss).__module__,
            "class_name": type(loss).__name__,
            "config": loss.get_config(),
            "registered_name": None,
        }
    return getattr(loss, "__name__", loss)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the loss that `serialize` described.

    Parameters
    ----------
    config : a name, or a dict with `class_name` and `config`
    custom_objects : your own losses, by name
    """
    if not isinstance(config, dict):
        return (custom_objects or {}).get(config) or get(config)
    name = config.get("class_name")
    if name == "function":  # Keras writes functions so
        return deserialize(config["config"], custom_objects)
    known = _CLASSES | (custom_objects or {})
    if name not in known:
        raise unknown_name("loss", name, known)
    return known[name].from_config(config.get("config", {}))
