"""Functional and Sequential models from their configuration, of this schema and that of Keras 2."""

from __future__ import annotations

from typing import Any

from minidl.errors import FileFormatError
from minidl.layers.base.layer import Layer
from minidl.layers.base.symbolic import Node, SymbolicTensor
from minidl.saving.config import operations
from minidl.saving.config.read_objects import deserialize, is_object
from minidl.saving.config.write_graph import is_functional
from minidl.saving.files import DAMAGE
from minidl.tape import leaves


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
    # minidl once kept outputs in the order of their dict, and then wrote its layers in another order than today.
    names = [layer.name for layer in model.graph.layers]
    written = [name for name in map(_name, entries) if name in names]
    vars(model)["_keys_unsorted"] = written != [name for name in names if name in written]
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
        stack = [*names, *(n for n, e in self.entries.items() if not operations.is_operation(e))]
        while stack:
            name = stack.pop()
            if name in found:
                continue
            if name not in self.entries:
                near = ", ".join(map(repr, list(self.entries)[:8]))
                raise FileFormatError(f"the configuration refers to a layer {name!r} that is not in it. In it: {near}.")
            found.add(name)
            for call in self.calls[name]:
                stack.extend(ref[0] for ref in _references(self._without_masks(call)))
        return found

    def _without_masks(self, call: Any) -> Any:
        """Leave out masks that Keras computes with operations of its own: here masks travel with the tensors."""
        if not isinstance(call, dict) or not isinstance((call.get("kwargs") or {}).get("mask"), dict):
            return call
        kwargs = dict(call["kwargs"])
        if any(self._made_by_unknown(ref[0]) for ref in _references(kwargs["mask"])):
            del kwargs["mask"]
        return {**call, "kwargs": kwargs}

    def _made_by_unknown(self, name: str) -> bool:
        """Whether an operation that minidl does not have, such as NotEqual, is behind the output of an operation."""
        stack, seen = [name], {name}
        while stack:
            entry = self.entries.get(stack.pop())
            if entry is None:
                return True
            if not operations.is_operation(entry):
                continue
            if not operations.is_known(entry):
                return True
            behind = {ref[0] for ref in _references(entry.get("inbound_nodes") or [])} - seen
            seen |= behind
            stack.extend(behind)
        return False

    def run(self) -> None:
        """Make all layers, then call them until nothing is left."""
        for name, entry in self.entries.items():
            if name in self.needed and not operations.is_operation(entry):
                self.layers[name] = self._layer(entry)
        wanted = [name for name in self.entries if name in self.needed]
        left = {name: [self._without_masks(call) for call in self.calls[name]] for name in wanted}
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
            return operations.own_layer(entry["config"])
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
            if operations.is_operation(entry):
                self.layers[name] = operations.call_operation(entry, args, kwargs)
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
            raise FileFormatError(f"the configuration has no output {ref[2]} of call {ref[1]} of layer {ref[0]!r}.")
        unsorted = getattr(self.layers[ref[0]], "_keys_unsorted", False)
        outputs = leaves(nodes[place].output_structure) if unsorted else nodes[place].outputs
        return outputs[ref[2]]

    def ends(self, structure: Any) -> Any:
        """Return the tensors of the model's inputs or outputs, arranged as in the configuration."""
        if _is_reference(structure):
            name, call, output = structure[:3]
            # Here Keras counts the calls of a functional model inside from 1; of Keras 2's, `_nodes` knows.
            if not self.old and is_functional(self.layers.get(name)):
                call = max(call - 1, 0)
            return self._tensor([name, call, output])
        if isinstance(structure, dict):
            return {key: self.ends(item) for key, item in structure.items()}
        found = [self.ends(item) for item in structure]
        if isinstance(structure, tuple):  # of a configuration that was no file
            return tuple(found)
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
