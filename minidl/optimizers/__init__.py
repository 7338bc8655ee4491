"""Optimizers: how weights follow their gradients. By name or class, with Keras' names, defaults and numbers.

>>> float(get("adam").learning_rate)
0.001...
"""

from __future__ import annotations

from typing import Any

from minidl.errors import ArgumentError, unknown_name
from minidl.optimizers import schedules
from minidl.optimizers.base import Optimizer
from minidl.optimizers.rules import SGD, Adagrad, Adam, AdamW, RMSprop

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "deserialize", "get", "schedules", "serialize",
]  # fmt: skip

_CLASSES: dict[str, Any] = {c.__name__: c for c in (SGD, RMSprop, Adam, AdamW, Adagrad)}
_BY_NAME = {name.lower(): c for name, c in _CLASSES.items()}


def get(identifier: Any) -> Any:
    """Return the optimizer of a name (in any case) or configuration; an optimizer or None is returned as it is.

    Raises
    ------
    UnknownNameError : no such optimizer; the nearest name is suggested

    >>> get("adm")
    Traceback (most recent call last):
    minidl.errors.UnknownNameError: unknown optimizer: 'adm'. Did you mean 'adam'? Known: ...
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        if identifier.lower() not in _BY_NAME:
            raise unknown_name("optimizer", identifier, _BY_NAME)
        return _BY_NAME[identifier.lower()]()
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        raise ArgumentError(f"optimizer: an object is needed. Got the class; write {identifier.__name__}().")
    raise ArgumentError(f"optimizer: a name, an Optimizer or a configuration is needed. Got {identifier!r}.")


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return what a configuration says of an optimizer, in Keras' form."""
    own = type(optimizer).__name__ in _CLASSES
    return {
        "module": "keras.optimizers" if own else type(optimizer).__module__,
        "class_name": type(optimizer).__name__,
        "config": optimizer.get_config(),
        "registered_name": None,
    }


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the optimizer that `serialize` described."""
    name = str(config.get("class_name"))
    if custom_objects and name in custom_objects:
        return custom_objects[name].from_config(config.get("config", {}))
    if name.lower() not in _BY_NAME:
        raise unknown_name("optimizer", name, _CLASSES)
    return _BY_NAME[name.lower()].from_config(config.get("config", {}), custom_objects)
