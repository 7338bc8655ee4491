"""Layers inside the configuration of another: written down in Keras' form, and made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from minidl.errors import ArgumentError, unknown_name
from minidl.layers.base.layer import Layer
from minidl.scope import Scope

_CUSTOM: Scope[Mapping[str, Any]] = Scope("minidl_custom_objects")


@contextmanager
def custom_object_scope(objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Know classes and functions of your own by name, while configurations are read inside."""
    with _CUSTOM.block(objects or {}):
        yield


def custom_objects_here() -> dict[str, Any]:
    """Return what the `custom_object_scope` blocks around this call know; an inner one's is stronger."""
    return {name: item for objects in _CUSTOM.get() for name, item in objects.items()}


def custom_object(name: str) -> Any:
    """Return what `custom_object_scope` knows by this name, or None."""
    return custom_objects_here().get(name)


def serialize(layer: Layer) -> dict[str, Any]:
    """Return the class and configuration of a layer, as Keras writes them.

    >>> from minidl import layers
    >>> serialize(layers.Flatten(name="f"))["class_name"]
    'Flatten'
    """
    cls = type(layer)
    own = not cls.__module__.startswith("minidl.")
    return {
        "module": cls.__module__ if own else "keras.layers",
        "class_name": cls.__name__,
        "config": layer.get_config(),
        "registered_name": cls.__name__ if own else None,
    }


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the layer that `serialize`, or Keras, described; a layer is returned as it is.

    Raises
    ------
    UnknownNameError : no layer of that class; give classes of your own as `custom_objects={"Mine": Mine}`
    """
    if isinstance(config, Layer):
        return config
    if not isinstance(config, dict) or not {"class_name", "config"} <= set(config):
        raise ArgumentError(f"layers.deserialize: a dict with class_name and config is needed. Got {config!r}.")
    name = config["class_name"]
    known = {cls.__name__: cls for cls in _subclasses(Layer) if cls.__module__.startswith("minidl.")}
    with custom_object_scope(custom_objects):
        cls: Any = custom_object(name) or known.get(name)
        if cls is None:
            raise unknown_name("layer class (own ones go into custom_objects=)", name, known)
        return cls.from_config(dict(config["config"]))


def _subclasses(cls: type[Layer]) -> Iterator[type[Layer]]:
    """Yield all subclasses of a class; models are among those of Layer."""
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
