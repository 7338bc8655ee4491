"""The configuration of functional and Sequential models, in Keras' schema: layers, and how they are connected."""

from __future__ import annotations

from collections import Counter
from typing import Any

from minidl.errors import ArgumentError
from minidl.layers.base.layer import Layer
from minidl.layers.base.op_layer import OpLayer
from minidl.layers.base.symbolic import Node, SymbolicTensor, map_structure
from minidl.saving.config import operations
from minidl.saving.config.write_objects import serialize, serialize_object


def sequential_config(model: Any) -> dict[str, Any]:
    """Return the configuration of a Sequential: its input, if known, and its layers."""
    layers = [serialize_object(layer) for layer in model.layers]
    config: dict[str, Any] = {"name": model.name, "trainable": model.trainable, "dtype": model.dtype}
    if model.graph is None or len(model.graph.input_tensors) > 1:  # of several inputs the build configuration tells
        return {**config, "layers": layers}
    (symbolic,) = model.graph.input_tensors
    begin = serialize_object(model.graph.node_of(symbolic).layer)
    return {**config, "layers": [begin, *layers], "build_input_shape": list(symbolic.shape)}


def functional_config(model: Any) -> dict[str, Any]:
    """Return the configuration of a functional model: every layer, with the calls of it that belong to the model."""
    references = References(model.graph)
    counts = Counter(layer.name for layer in model.graph.layers)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise ArgumentError(
            f"save: model {model.name!r} has several layers named {', '.join(map(repr, twice))}; a file tells layers "
            "apart by their names. Give each its own name=."
        )
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": [references.entry(layer) for layer in model.graph.layers],
        "input_layers": map_structure(references.end, model.graph.inputs),
        "output_layers": map_structure(references.end, model.graph.outputs),
    }


class References:
    """How tensors are named in a configuration: [layer, which of its calls, which output]."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        inside = {id(node) for node in graph.nodes}
        self.nodes: dict[int, list[Node]] = {
            id(layer): [node for node in layer.inbound_nodes if id(node) in inside] for layer in graph.layers
        }

    def find(self, tensor: SymbolicTensor) -> list[Any]:
        """Return the reference of a tensor."""
        node = self.graph.node_of(tensor)
        place = next(i for i, other in enumerate(self.nodes[id(node.layer)]) if other is node)
        return [node.layer.name, place, 0 if node.is_input else tensor.output_index]

    def tensor(self, tensor: SymbolicTensor) -> dict[str, Any]:
        """Return a tensor as Keras writes it among a call's arguments."""
        config = {"shape": list(tensor.shape), "dtype": tensor.dtype.name, "keras_history": self.find(tensor)}
        return {"class_name": "__keras_tensor__", "config": config}

    def end(self, tensor: SymbolicTensor) -> list[Any]:
        """Return the reference of an input or output of the model; Keras counts a nested model's calls from 1 here."""
        name, place, output = self.find(tensor)
        return [name, place + 1 if is_functional(self.graph.node_of(tensor).layer) else place, output]

    def entry(self, layer: Layer) -> dict[str, Any]:
        """Return a layer and its calls."""
        if isinstance(layer, OpLayer):
            return operations.describe(layer, self.tensor)
        calls = [node for node in self.nodes[id(layer)] if not node.is_input]
        return {**serialize_object(layer), "name": layer.name, "inbound_nodes": [self._call(node) for node in calls]}

    def _call(self, node: Node) -> dict[str, Any]:
        def write(value: Any) -> Any:
            if isinstance(value, SymbolicTensor):
                return self.tensor(value)
            if isinstance(value, list | tuple):
                return [write(item) for item in value]
            if isinstance(value, dict):
                return {key: write(item) for key, item in value.items()}
            return serialize(value, f"a call of layer {node.layer.name!r}")

        return {"args": write(node.args), "kwargs": write(node.kwargs)}


def is_functional(layer: Any) -> bool:
    """Whether a layer is a model that Keras calls Functional."""
    from minidl.models.model import Model
    from minidl.models.sequential import Sequential

    return isinstance(layer, Model) and not isinstance(layer, Sequential) and layer.graph is not None
