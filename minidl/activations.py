"""Activation functions by name, as `Dense(…, activation="relu")` takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.functional import (
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
from minidl.registry import Registry

__all__ = [
    "deserialize", "elu", "exponential", "gelu", "get", "hard_sigmoid", "hard_silu", "leaky_relu", "linear",
    "log_softmax", "mish", "relu", "relu6", "selu", "serialize", "sigmoid", "silu", "softmax", "softplus", "softsign",
    "swish", "tanh",
]  # fmt: skip

registry = Registry(
    "activation", globals(), (), "a name, a function, a layer or None", also={"hard_swish": hard_silu}, functions=True
)
serialize = registry.serialize


def get(identifier: Any) -> Callable[..., Any]:
    """Return the activation function of a name; None is `linear`. See `Registry.get`.

    >>> get("relu") is relu, get(None) is linear
    (True, True)
    """
    if identifier is None:
        return linear
    return deserialize(identifier) if isinstance(identifier, dict) else registry.get(identifier)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """Return the activation that `serialize` described: a function, or a layer."""
    if isinstance(config, dict) and config.get("class_name") != "function":
        from minidl import layers

        return layers.deserialize(config, custom_objects)
    return get(config) if config is None else registry.deserialize(config, custom_objects)
