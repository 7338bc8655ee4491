"""The configuration of functional and Sequential models, in Keras' schema: layers, and how they are connected."""

from __future__ import annotations

from collections import Counter
from typing import Any

from minidl.errors import ArgumentError, FileFormatError
from minidl.layers.base import Layer
from minidl.layers.input import InputLayer
from minidl.layers.op_layer import OpLayer
from minidl.layers.symbolic import Node, SymbolicTensor, map_structure
from minidl.models.saving import op_config
from minidl.models.saving.objects import deserialize, is_object, serialize, serialize_object
from minidl.models.saving.reading import DAMAGE

# ---- writing


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


# ---- reading


def sequential_from_config(cls: Any, config: Any) -> Any:
    """Return the Sequential of a configuration."""
    if isinstance(config, list):  # Keras before 2.2
        config = {"layers": config}
    model = cls(name=config.get("name"))
    for entry in config["layers"]:
        layer = deserialize(entry, "layers")
        if not isinstance(layer, Layer):
            raise FileFormatError(f"Sequential {model.name!r}: an entry of its layers is no layer: {entry!r:.200}.")
        model.add(layer)
    shape = config.get("build_input_shape")
    if shape and model.graph is None and model.layers and not isinstance(shape[0], list):
        model.build(tuple(shape))
    model._trainable = bool(config.get("trainable", True))
    return model


def functional_from_config(cls: Any, config: dict[str, Any]) -> Any:
    """Return the functional model of a configuration: all layers are made, then called, each after what it needs."""
    config = dict(config)
    entries = config.pop("layers")
    ends = [config.pop("input_layers"), config.pop("output_layers")]
    builder = GraphBuilder(entries, ends)
    builder.run()
    inputs, outputs = (builder.ends(end) for end in ends)
    trainable = config.pop("trainable", True)
    config.pop("dtype", None)
    model = cls(inputs=inputs, outputs=outputs, **config)
    model._trainable = True if trainable is None else bool(trainable)
    return model


class GraphBuilder:
    """Makes layers and calls them, as the entries of a configuration say."""

    def __init__(self, entries: list[dict[str, Any]], ends: Any) -> None:
        self.entries = {_name(entry): {**entry, "name": _name(entry)} for entry in entries}
        if len(self.entries) != len(entries):
            raise FileFormatError("the model's configuration has several layers of one name.")
        self.calls = {name: list(entry.get("inbound_nodes") or []) for name, entry in self.entries.items()}
        # Keras 2 wrote calls as lists, and every input and output in a list.
        self.old = any(isinstance(call, list) for calls in self.calls.values() for call in calls)
        self.layers: dict[str, Any] = {}
        self.needed = self._reach([ref[0] for ref in _references(ends)])

    def _reach(self, names: list[str]) -> set[str]:
        """Return the layers that the outputs depend on; an operation that only makes a mask is not among them."""
        found: set[str] = set()
        stack = [*names, *(n for n, e in self.entries.items() if not op_config.is_operation(e))]
        while stack:
            name = stack.pop()
            if name in found:
                continue
            if name not in self.entries:
                near = ", ".join(map(repr, list(self.entries)[:8]))
                raise FileFormatError(f"the configuration refers to a layer {name!r} that is not in it. Layers: {near}.")
            found.add(name)
            for call in self.calls[name]:
                stack.extend(ref[0] for ref in _references(self._without_masks(call)))
        return found

    def _without_masks(self, call: Any) -> Any:
        """Leave out masks that Keras computes with operations of its own: here masks travel with the tensors."""
        if not isinstance(call, dict) or not isinstance((call.get("kwargs") or {}).get("mask"), dict):
            return call
        kwargs = dict(call["kwargs"])
        for ref in _references(kwargs["mask"]):
            source = self.entries.get(ref[0])
            if source is None or (op_config.is_operation(source) and not op_config.is_known(source)):
                del kwargs["mask"]
                break
        return {**call, "kwargs": kwargs}

    def run(self) -> None:
        """Make all layers, then call them until nothing is left."""
        for name, entry in self.entries.items():
            if name in self.needed and not op_config.is_operation(entry):
                self.layers[name] = self._layer(entry)
        left = {name: [self._without_masks(c) for c in self.calls[name]] for name in self.entries if name in self.needed}
        while any(left.values()):
            done = 0
            for name, calls in left.items():
                while calls and all(self._ready(ref) for ref in _references(calls[0])):
                    self._call(self.entries[name], calls.pop(0))
                    done += 1
            if not done:
                stuck = ", ".join(repr(name) for name, calls in left.items() if calls)
                raise FileFormatError(f"the configuration's graph has a loop, or calls that are missing, at {stuck}.")

    def _layer(self, entry: dict[str, Any]) -> Any:
        if entry["class_name"] == "OpLayer" and entry.get("module") == "minidl.layers":
            return op_config.own_layer(entry["config"])
        layer = deserialize({k: v for k, v in entry.items() if k not in ("name", "inbound_nodes")}, "layers")
        if not isinstance(layer, Layer):
            raise FileFormatError(f"layer {entry['name']!r}: {entry['class_name']!r} is no layer.")
        return layer

    def _call(self, entry: dict[str, Any], call: Any) -> None:
        name = entry["name"]
        if isinstance(call, dict):
            args, kwargs = self._revive(call.get("args") or []), self._revive(call.get("kwargs") or {})
        else:
            tensors = [self._tensor(ref) for ref in call]
            args, kwargs = [tensors[0] if len(tensors) == 1 else tensors], dict(call[0][3]) if len(call[0]) > 3 else {}
        try:
            if op_config.is_operation(entry):
                self.layers[name] = op_config.call_operation(entry, args, kwargs)
            else:
                layer = self.layers[name]
                layer(*args, **_wanted(layer, kwargs))
        except FileFormatError:
            raise
        except DAMAGE as error:
            raise FileFormatError(
                f"layer {name!r} ({entry['class_name']}) cannot be called as the file says: {str(error)[:400]}"
            ) from error

    def _revive(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._revive(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("class_name") == "__keras_tensor__":
            return self._tensor(value["config"]["keras_history"])
        return deserialize(value) if is_object(value) else {key: self._revive(item) for key, item in value.items()}

    def _nodes(self, ref: Any) -> tuple[list[Node], int]:
        layer = self.layers.get(ref[0])
        nodes = [] if layer is None else layer.inbound_nodes
        # Keras 2 counted the calls of a model inside a model from 1.
        return nodes, ref[1] - 1 if self.old and ref[1] and isinstance(layer, _model_class()) else ref[1]

    def _ready(self, ref: Any) -> bool:
        nodes, place = self._nodes(ref)
        return place < len(nodes)

    def _tensor(self, ref: Any) -> SymbolicTensor:
        nodes, place = self._nodes(ref)
        if not 0 <= place < len(nodes) or not 0 <= ref[2] < len(nodes[place].outputs):
            raise FileFormatError(f"the configuration refers to output {ref[2]} of call {ref[1]} of {ref[0]!r}: not there.")
        return nodes[place].outputs[ref[2]]

    def ends(self, structure: Any) -> Any:
        """Return the tensors of the model's inputs or outputs, arranged as in the configuration."""
        if _is_reference(structure):
            layer = self.layers.get(structure[0])
            nested = is_functional(layer) or (isinstance(layer, _model_class()) and self.old)
            return self._tensor([structure[0], max(structure[1] - 1, 0) if nested and not self.old else structure[1], structure[2]])
        if isinstance(structure, dict):
            return {key: self.ends(item) for key, item in structure.items()}
        found = [self.ends(item) for item in structure]
        return found[0] if self.old and len(found) == 1 else found


def _model_class() -> Any:
    from minidl.models.model import Model

    return Model


def _name(entry: dict[str, Any]) -> str:
    return str(entry.get("name") or entry["config"]["name"])


def _is_reference(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) >= 3
        and isinstance(value[0], str)
        and all(isinstance(n, int) and not isinstance(n, bool) for n in value[1:3])
    )


def _references(value: Any) -> list[Any]:
    """Return all [layer, call, output] inside a piece of a configuration."""
    if _is_reference(value):
        return [value]
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            history = value["config"].get("keras_history")
            return [history] if _is_reference(history) else []
        return [ref for item in value.values() for ref in _references(item)]
    return [ref for item in value for ref in _references(item)] if isinstance(value, list | tuple) else []


def _wanted(layer: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Leave out what Keras writes for every call: mask=None, and training=False of layers whose default that is."""
    explicit = type(layer).__name__ == "BatchNormalization" or isinstance(layer, _model_class())
    return {
        key: value
        for key, value in kwargs.items()
        if value is not None and not (key == "training" and value is False and not explicit)
    }
