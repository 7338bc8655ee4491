"""The configuration of functional and Sequential models, in Keras' schema: layers, and how they are connected."""

from __future__ import annotations

from collections import Counter
from typing import Any

from minidl.errors import ArgumentError
from minidl.layers.base import Layer
from minidl.layers.input import InputLayer
from minidl.layers.op_layer import OpLayer
from minidl.layers.symbolic import Node, SymbolicTensor, map_structure
from minidl.models.saving import op_config
from minidl.models.saving.write_objects import serialize, serialize_object


def sequential_config(model: Any) -> dict[str, Any]:
    """Return the configuration of a Sequential: its input, if known, and its layers."""
    layers = [serialize_object(layer) for layer in model.layers]
    config: dict[str, Any] = {"name": model.name, "trainable": model.trainable, "dtype": model.dtype}
    if model.graph is None:
        return {**config, "layers": layers}
    (symbolic,) = model.graph.input_tensors
    return {
        **config,
        "layers": [serialize_object(symbolic.node.layer), *layers],
        "build_input_shape": list(symbolic.shape),
    }


def functional_config(model: Any) -> dict[str, Any]:
    """Return the configuration of a functional model: every layer, with the calls of it that belong to the model."""
    references = References(model)
    entries = [references.input_entry(tensor) for tensor in references.cut]
    for layer in computing_layers(model.graph):
        entries.append(references.entry(layer))
    counts = Counter(entry["name"] for entry in entries)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise ArgumentError(
            f"save: model {model.name!r} has several layers named {', '.join(map(repr, twice))}; a file tells layers "
            "apart by their names. Give each its own name=."
        )
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": entries,
        "input_layers": map_structure(references.end, model.graph.inputs),
        "output_layers": map_structure(references.end, model.graph.outputs),
    }


def computing_layers(graph: Any) -> list[Layer]:
    """Return a graph's layers without those that only make a tensor which is given to the graph."""
    given = {id(tensor) for tensor in graph.input_tensors}
    used = {
        id(node.layer)
        for node in graph.nodes
        if isinstance(node.layer, InputLayer) or not all(id(output) in given for output in node.outputs)
    }
    return [layer for layer in graph.layers if id(layer) in used]


class References:
    """How tensors are named in a configuration: [layer, which of its calls, which output]."""

    def __init__(self, model: Any) -> None:
        graph = model.graph
        given = {id(tensor): tensor for tensor in graph.input_tensors}
        # A model that begins in the middle of another: what it is given becomes an Input in the file.
        self.cut = [t for t in graph.input_tensors if t.node is None or not isinstance(t.node.layer, InputLayer)]
        inside = {id(node) for node in graph.nodes if not any(id(t) in given for t in node.outputs) or node.is_input}
        self.nodes: dict[int, list[Node]] = {
            id(layer): [node for node in layer.inbound_nodes if id(node) in inside] for layer in graph.layers
        }
        self.cut_names = {id(t): t.name or f"input_{place}" for place, t in enumerate(self.cut)}

    def find(self, tensor: SymbolicTensor) -> list[Any]:
        """Return the reference of a tensor."""
        if id(tensor) in self.cut_names:
            return [self.cut_names[id(tensor)], 0, 0]
        node: Any = tensor.node
        place = next(i for i, other in enumerate(self.nodes[id(node.layer)]) if other is node)
        return [node.layer.name, place, tensor.output_index]

    def tensor(self, tensor: SymbolicTensor) -> dict[str, Any]:
        """Return a tensor as Keras writes it among a call's arguments."""
        config = {"shape": list(tensor.shape), "dtype": tensor.dtype.name, "keras_history": self.find(tensor)}
        return {"class_name": "__keras_tensor__", "config": config}

    def end(self, tensor: SymbolicTensor) -> list[Any]:
        """Return the reference of an input or output of the model; Keras counts a nested model's calls from 1 here."""
        name, place, output = self.find(tensor)
        nested = tensor.node is not None and id(tensor) not in self.cut_names and is_functional(tensor.node.layer)
        return [name, place + 1 if nested else place, output]

    def entry(self, layer: Layer) -> dict[str, Any]:
        """Return a layer and its calls."""
        if isinstance(layer, OpLayer):
            return op_config.describe(layer, self.tensor)
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

    def input_entry(self, tensor: SymbolicTensor) -> dict[str, Any]:
        """Return the Input that stands for a tensor from elsewhere."""
        name = self.cut_names[id(tensor)]
        config = {"batch_shape": list(tensor.shape), "dtype": tensor.dtype.name, "name": name}
        entry = {"module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": None}
        return {**entry, "name": name, "inbound_nodes": []}


def is_functional(layer: Any) -> bool:
    """Whether a layer is a model that Keras calls Functional."""
    from minidl.models.model import Model
    from minidl.models.sequential import Sequential

    return isinstance(layer, Model) and not isinstance(layer, Sequential) and layer.graph is not None
