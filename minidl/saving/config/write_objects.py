"""Objects as JSON in Keras' form: module, class_name, config, registered_name. `read_objects` reads them."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.errors import ArgumentError
from minidl.keras.custom_objects import registered_name
from minidl.layers.base.layer import Layer
from minidl.layers.base.symbolic import map_structure_shapes
from minidl.registry import described
from minidl.tensor import Tensor


def serialize(value: Any, where: str = "") -> Any:
    """Return a value as JSON can hold it: objects by class and configuration, arrays by their numbers.

    Raises
    ------
    ArgumentError : something that no file can hold

    >>> serialize((1, np.float32(0.5), slice(0, 2)))
    [1, 0.5, {'class_name': '__slice__', 'config': {'start': 0, 'stop': 2, 'step': None}}]
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [serialize(item, where) for item in value]
    if isinstance(value, dict):
        return {str(key): serialize(item, where) for key, item in value.items()}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, slice):
        parts = {key: serialize(getattr(value, key), where) for key in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if isinstance(value, bytes):
        return {"class_name": "__bytes__", "config": {"value": value.decode("utf-8")}}
    if isinstance(value, np.ndarray | Tensor):
        array = value.numpy() if isinstance(value, Tensor) else value
        name = "__tensor__" if isinstance(value, Tensor) else "__numpy__"
        return {"class_name": name, "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if isinstance(value, np.dtype):
        return value.name
    if hasattr(value, "get_config") and not isinstance(value, type):
        return serialize_object(value)
    if callable(value):
        return serialize_function(value, where)
    raise ArgumentError(
        f"save: {where or 'the configuration'} holds a {type(value).__name__}, which no file can hold: {value!r}. "
        "get_config() must return numbers, strings, lists, dicts, or objects that have a get_config()."
    )


def serialize_object(item: Any) -> dict[str, Any]:
    """Return the class and configuration of a layer, optimizer, loss, initializer …, in Keras' form."""
    where = f"{type(item).__name__} {getattr(item, 'name', '')!r}"
    written = described(item)
    config = written["config"] = serialize(written["config"], where)
    if isinstance(item, Layer) and isinstance(config.get("dtype"), str) and written["class_name"] != "InputLayer":
        policy = {"module": "keras", "class_name": "DTypePolicy"}
        config["dtype"] = {**policy, "config": {"name": config["dtype"]}, "registered_name": None}
    built = item.get_build_config() if isinstance(item, Layer) and item.built else None
    if built:
        own = type(item).get_build_config is not Layer.get_build_config
        written["build_config"] = serialize(built if own else _any_batch(built), where)
    return written


def serialize_function(function: Any, where: str) -> dict[str, Any]:
    """Return a function by its name; its code is not saved."""
    name = getattr(function, "__name__", None)
    if name is None or name == "<lambda>":
        raise ArgumentError(
            f"save: {where or 'the configuration'} holds a lambda, which no file can hold: only names are saved, never "
            "code. Write it as a function with a name (def …), and load with custom_objects={'its_name': its_name}. "
            "Or save the weights alone: model.save_weights."
        )
    return {
        # Keras looks its own functions up by name alone, under this module.
        "module": "builtins" if function.__module__.startswith("minidl.") else function.__module__,
        "class_name": "function",
        "config": name,
        "registered_name": registered_name(function),
    }


def _any_batch(shape: Any) -> Any:
    """Return shapes with the batch's size left open."""
    return map_structure_shapes(lambda one: [None, *one[1:]] if one else [], shape)
