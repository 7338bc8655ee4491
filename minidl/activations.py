"""Activation functions by name, as `Dense(…, activation="relu")` takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.errors import ArgumentError, unknown_name
from minidl.functional.activation import (
    elu,
    exponential,
    gelu,
    hard_sigmoid,
    hard_silu,
    leaky_relu,
    linear,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    swish,
    tanh,
)

__all__ = [
    "deserialize", "elu", "exponential", "gelu", "get", "hard_sigmoid", "hard_silu", "leaky_relu", "linear",
    "log_softmax", "mish", "relu", "relu6", "selu", "serialize", "sigmoid", "silu", "softmax", "softplus", "softsign",
    "swish", "tanh",
]  # fmt: skip

_BY_NAME: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        elu, exponential, gelu, hard_sigmoid, hard_silu, leaky_relu, linear, log_softmax, mish, relu, relu6, selu,
        sigmoid, silu, softmax, softplus, softsign, swish, tanh,
    )
}  # fmt: skip
_BY_NAME["hard_swish"] = hard_silu


def get(identifier: Any) -> Callable[..., Any]:
    """Return the activation function of that name; None is `linear`, a function is returned as it is.

    Raises
    ------
    UnknownNameError : no such activation; the nearest name is suggested

    >>> get("relu") is relu, get(None) is linear
    (True, True)
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str):
        if identifier not in _BY_NAME:
            raise unknown_name("activation", identifier, _BY_NAME)
        return _BY_NAME[identifier]
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ArgumentError(f"activation: a name, a function, a layer or None is needed. Got {identifier!r}.")


def serialize(activation: Any) -> Any:
    """Return what a configuration says of an activation: its name, or for a layer its class and configuration."""
    if hasattr(activation, "get_config"):
        return {
            "module": "keras.layers",
            "class_name": type(activation).__name__,
            "config": activation.get_config(),
            "registered_name": None,
        }
    return getattr(activation, "__name__", str(activation))


def deserialize(config: Any) -> Callable[..., Any]:
    """Return the activation that `serialize` described."""
    if isinstance(config, dict):
        if config.get("class_name") == "function":
            return get(config["config"])
        from minidl import layers

        return getattr(layers, config["class_name"]).from_config(config["config"])
    return get(config)
