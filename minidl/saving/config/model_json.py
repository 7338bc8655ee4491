"""A model's configuration as JSON text, without its weights; and copies of models."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from minidl.errors import ArgumentError, FileFormatError
from minidl.keras.custom_objects import custom_object_scope
from minidl.layers.base.input import InputLayer
from minidl.layers.base.layer import Layer
from minidl.layers.base.op_layer import OpLayer
from minidl.layers.base.symbolic import SymbolicTensor, flatten, map_structure
from minidl.saving.config.read_objects import deserialize
from minidl.saving.config.training import compile_config
from minidl.saving.config.write_objects import serialize, serialize_object
from minidl.saving.files import reading

KERAS_VERSION = "3.15.1"  # the version whose layout is written


def model_config(model: Any) -> dict[str, Any]:
    """Return class, configuration, input shape and training setup of a model, in Keras' form."""
    config = serialize_object(model)
    if model.graph is not None and hasattr(model, "pop") and len(model.graph.input_tensors) == 1:
        config["build_config"] = {"input_shape": serialize(model.graph.input_tensors[0].shape)}
    compiled = compile_config(model)
    return {**config, "compile_config": compiled} if compiled else config


def parse(text: bytes | str, path: Any) -> dict[str, Any]:
    """Return the JSON of a model's configuration, as a dict."""
    with reading(path, "a model's configuration (JSON)"):
        config = json.loads(text)
    if not isinstance(config, dict) or "config" not in config or "class_name" not in config:
        raise FileFormatError(
            f"{str(path)!r}: the configuration must have class_name and config. Got {str(config)[:200]}."
        )
    return config


def model_from_dict(config: dict[str, Any]) -> Any:
    """Return the model of a configuration, built if its input's shape is known."""
    model = deserialize(config, "layers")
    if not hasattr(model, "get_layer"):
        raise FileFormatError(f"the file's {config['class_name']!r} is no model.")
    if model.graph is None and not model.built:
        model.build_from_config(config.get("build_config"))
    return model


def to_json(model: Any, **kwargs: Any) -> str:
    """Return a model's configuration as JSON text; `kwargs` go to `json.dumps`."""
    config = model_config(model)
    config.pop("compile_config", None)
    return json.dumps(config, **kwargs)


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the model that `model.to_json()` described, with new weights.

    Raises
    ------
    FileFormatError : no JSON, or no model's configuration

    >>> import minidl
    >>> model = minidl.Sequential([minidl.layers.Input((4,)), minidl.layers.Dense(3, name="last")])
    >>> model_from_json(model.to_json()).layers
    [<Dense name=last, built=True>]
    """
    if not isinstance(json_string, str | bytes):
        raise ArgumentError(f"model_from_json: a string is needed. Got {type(json_string).__name__}.")
    with custom_object_scope(custom_objects), reading("the JSON text", "a model's configuration"):
        return model_from_dict(parse(json_string, "the JSON text"))


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Any = None,
    recursive: bool = False,
) -> Any:
    """Return a model of the same layers with new weights.

    Parameters
    ----------
    model : Sequential or functional
    input_tensors : symbolic tensors to build the copy on
    clone_function : takes a layer, returns the one that stands in its place in the copy
    recursive : give the layers of models inside to `clone_function` too

    Raises
    ------
    ArgumentError : a subclassed model, whose `call` cannot be looked into
    """
    if call_function is not None:
        raise ArgumentError("clone_model: call_function is not supported; change the layers with clone_function.")

    def copy(layer: Any) -> Any:
        if recursive and clone_function is not None and hasattr(layer, "get_layer"):
            return clone_model(layer, clone_function=clone_function, recursive=True)
        if clone_function is not None:
            return clone_function(layer)
        return type(layer).from_config(layer.get_config())

    if hasattr(model, "pop"):
        return _clone_sequential(model, input_tensors, copy)
    if model.graph is None:
        raise ArgumentError(
            f"clone_model: {model.name!r} is a subclassed model, whose layers cannot be taken apart. "
            "Make another object of its class."
        )
    return _clone_graph(model, input_tensors, copy)


def _clone_sequential(model: Any, input_tensors: Any, copy: Callable[[Any], Any]) -> Any:
    clone = type(model)(name=model.name)
    given = flatten(input_tensors)[0] if input_tensors is not None else None
    if given is not None:
        clone.add(given)
    elif model.graph is not None and len(model.graph.input_tensors) == 1:
        clone.add(_new_input(model.graph.node_of(model.graph.input_tensors[0]).layer))
    for layer in model.layers:
        clone.add(copy(layer))
    if clone.graph is None:
        clone.build_from_config(model.get_build_config())
    return clone


def _clone_graph(model: Any, input_tensors: Any, copy: Callable[[Any], Any]) -> Any:
    graph = model.graph
    given = (
        flatten(input_tensors)
        if input_tensors is not None
        else [_new_input(graph.node_of(t).layer) for t in graph.input_tensors]
    )
    if len(given) != len(graph.input_tensors):
        raise ArgumentError(f"clone_model: {len(graph.input_tensors)} input tensors are needed. Got {len(given)}.")
    known = {id(old): new for old, new in zip(graph.input_tensors, given, strict=True)}
    copies: dict[int, Layer] = {}
    for layer in graph.layers:
        if isinstance(layer, OpLayer):
            copies[id(layer)] = OpLayer(layer.op, layer.static, layer.constants, name=layer.name)
        elif not isinstance(layer, InputLayer):
            copies[id(layer)] = copy(layer)

    def swap(leaf: Any) -> Any:
        return known[id(leaf)] if isinstance(leaf, SymbolicTensor) else leaf

    for node in graph.nodes:
        if node.is_input or all(id(output) in known for output in node.outputs):
            continue
        args, kwargs = map_structure(swap, (node.args, node.kwargs))
        made = flatten(copies[id(node.layer)](*args, **kwargs))
        known.update({id(old): new for old, new in zip(node.outputs, made, strict=True)})
    inputs = given[0] if isinstance(graph.inputs, SymbolicTensor) else given
    if input_tensors is None:
        inputs = map_structure(swap, graph.inputs)
    return type(model)(inputs=inputs, outputs=map_structure(swap, graph.outputs), name=model.name)


def _new_input(layer: Layer) -> SymbolicTensor:
    output: SymbolicTensor = InputLayer.from_config(layer.get_config()).output
    return output
