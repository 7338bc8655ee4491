"""The graph of a functional model: which layer calls lead from the inputs to the outputs, and in which order."""

from __future__ import annotations

from typing import Any

from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.input import InputLayer
from minidl.layers.base.layer import Layer
from minidl.layers.base.naming import unique_name
from minidl.layers.base.symbolic import Node, SymbolicTensor, flatten, map_structure, sorted_keys
from minidl.tensor import Tensor


class Graph:
    """The nodes between symbolic inputs and outputs, in an order in which they can run.

    An input may be any symbolic tensor, also one in the middle of another model: then an Input stands for what made it.

    Parameters
    ----------
    inputs, outputs : a symbolic tensor, or a list, tuple or dict of them, also nested

    Raises
    ------
    ArgumentError : an output does not depend on the inputs alone, or is no symbolic tensor
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.input_tensors = _symbolic(inputs, "inputs")
        self.output_tensors = _symbolic(outputs, "outputs")
        self._beginnings = {id(t): _beginning(t) for t in self.input_tensors}
        self.nodes, seen = self._order()
        self.layers = self._layers(seen)
        self._rename_stand_ins()
        _check_names(self.layers)

    def node_of(self, tensor: SymbolicTensor) -> Node:
        """Return the call that makes a tensor in this graph; of an input, that of its Input."""
        node = self._beginnings.get(id(tensor), tensor.node)
        if node is None or (node.is_input and id(tensor) not in self._beginnings):
            raise ArgumentError(
                f"Model: the outputs depend on the input {tensor.name!r}, which is not among the model's inputs. "
                "Add it: Model(inputs=[…], outputs=…)."
            )
        return node

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [self.node_of(tensor).layer.name for tensor in self.input_tensors]

    def _order(self) -> tuple[list[Node], dict[int, int]]:
        """Walk from the outputs to the inputs; return nodes, each after those it needs, and when each layer was met."""
        done: set[int] = set()
        order: list[Node] = []
        met: dict[int, int] = {}
        # An explicit stack, so that a network of a thousand layers needs no deep recursion.
        stack: list[tuple[SymbolicTensor, bool]] = [(t, False) for t in reversed(self.output_tensors)]
        while stack:
            tensor, finished = stack.pop()
            node = self.node_of(tensor)
            if id(node) in done:
                continue
            if finished:
                done.add(id(node))
                order.append(node)
                continue
            met.setdefault(id(node.layer), len(met))
            stack.append((tensor, True))
            stack.extend((t, False) for t in reversed(node.inputs))
        for node in self._beginnings.values():
            if id(node.layer) not in met:
                met[id(node.layer)] = -1
                order.insert(0, node)
        return order, met

    def _layers(self, met: dict[int, int]) -> list[Layer]:
        """Return the layers from inputs to outputs: by their distance from the outputs, as Keras orders them.

        Weights are saved in this order, so it decides whether a file of Keras fits.
        """
        node_depth: dict[int, int] = {}
        layer_depth: dict[int, int] = {}
        layers: dict[int, Layer] = {}
        for node in reversed(self.nodes):
            depth = max(node_depth.get(id(node), 0), layer_depth.get(id(node.layer), 0))
            node_depth[id(node)] = layer_depth[id(node.layer)] = depth
            layers[id(node.layer)] = node.layer
            for tensor in node.inputs:
                key = id(self.node_of(tensor))
                node_depth[key] = max(depth + 1, node_depth.get(key, 0))
        return sorted(layers.values(), key=lambda layer: (-layer_depth[id(layer)], met[id(layer)]))

    def _rename_stand_ins(self) -> None:
        """Name an Input that stands for an inner tensor anew, where the layer of that name is in the graph too."""
        names = [layer.name for layer in self.layers]
        for tensor in self.input_tensors:
            layer = self.node_of(tensor).layer
            if tensor.node is not self.node_of(tensor) and names.count(layer.name) > 1:
                layer.name = unique_name(f"{layer.name}_input")

    def run(self, values: list[Any], training: bool, masks: list[Any] | None = None) -> Any:
        """Run the nodes on tensors, one for each input; return the outputs, arranged as `outputs` is."""
        known: dict[int, Any] = {}
        for tensor, value, mask in zip(self.input_tensors, values, masks or [None] * len(values), strict=True):
            if mask is not None:
                value._keras_mask = mask
            known[id(tensor)] = value
        for node in self.nodes:
            if node.is_input or all([id(output) in known for output in node.outputs]):
                continue
            args, kwargs = node.args, node.kwargs
            if len(args) == 1 and not kwargs and isinstance(args[0], SymbolicTensor):
                args = (known[id(args[0])],)  # the usual call: no structure to look through
            else:
                args, kwargs = map_structure(
                    lambda leaf: known[id(leaf)] if isinstance(leaf, SymbolicTensor) else leaf, (args, kwargs)
                )
            if kwargs.get("training") is None and node.layer._accepts("training"):
                kwargs = {**kwargs, "training": training}
            results = flatten(node.layer(*args, **kwargs))
            for output, result in zip(node.outputs, results, strict=True):
                known[id(output)] = result
        return map_structure(lambda leaf: known[id(leaf)], bare(self.outputs))

    def input_values(self, name: str, given: Any, any_size: bool = False) -> list[Tensor]:
        """Match what a model was called with to its inputs, by name or order, and check the shapes.

        As in Keras, a missing or extra axis of size 1 at the end is added or dropped. With `any_size` only the number
        of axes is checked.
        """
        values = self._match(name, given)
        return [self._adjust(name, t, v, any_size) for t, v in zip(self.input_tensors, values, strict=True)]

    def _match(self, name: str, given: Any) -> list[Any]:
        if isinstance(self.inputs, SymbolicTensor) and isinstance(given, Tensor):
            return [given]
        names = self.input_names
        if isinstance(given, dict) and not isinstance(self.inputs, dict):
            flat = [self.inputs] if isinstance(self.inputs, SymbolicTensor) else self.inputs
            if all(isinstance(part, SymbolicTensor) for part in flat):
                found = _picked(name, dict.fromkeys(names), given)
                return [found[key] for key in names]
        if (
            isinstance(self.inputs, dict)
            and isinstance(given, list | tuple)
            and list(self.inputs) != sorted_keys(self.inputs)
        ):
            raise ArgumentError(
                f"model {name!r}: its inputs are a dict, whose keys {list(self.inputs)} are in no order that a list "
                f"could have. Give a dict. Got a {type(given).__name__}."
            )
        values = flatten(_picked(name, self.inputs, given))
        if len(values) != len(names):
            raise ArgumentError(f"model {name!r}: {len(names)} inputs are needed, {names}. Got {len(values)}.")
        return values

    def _adjust(self, name: str, expected: SymbolicTensor, value: Any, any_size: bool) -> Any:
        if value is None:
            if getattr(self.node_of(expected).layer, "optional", False):
                return None
            raise ArgumentError(
                f"model {name!r}: input {expected.name!r} must be given. Got None. Input(shape, optional=True) "
                "makes one that may be left out."
            )
        given, wanted = tuple(value.shape), expected.shape
        shape = given
        if len(shape) == len(wanted) - 1 and wanted[-1] == 1:
            value = value.reshape((*shape, 1))
        elif len(shape) == len(wanted) + 1 and shape[-1] == 1:
            value = value.reshape(shape[:-1])
        shape = tuple(value.shape)
        fits = len(shape) == len(wanted) and all(
            any_size or w is None or n is None or n == w for n, w in zip(shape, wanted, strict=True)
        )
        if not fits:
            hint = "Is the batch axis missing? x[None] adds one." if given == wanted[1:] else ""
            raise ShapeError(
                f"model {name!r}: input {expected.name!r} must have shape {wanted}. Got {given}. {hint}".rstrip()
            )
        # As in Keras, numbers become what the input says: images of bytes are floats inside the model.
        return value if value.dtype == expected.dtype else value.astype(expected.dtype)


def _beginning(tensor: SymbolicTensor) -> Node:
    """Return the call of an Input that gives a tensor: its own, or a stand-in's."""
    if tensor.node is not None and tensor.node.is_input:
        return tensor.node
    stand_in = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype.name, name=tensor.name)
    return stand_in.inbound_nodes[0]


def _picked(name: str, structure: Any, given: Any) -> Any:
    """Return from dicts in what a model was called with what the inputs' dicts have, wherever they stand."""
    if isinstance(structure, dict) and isinstance(given, dict):
        missing = [key for key in structure if key not in given]
        if missing:
            raise ArgumentError(f"model {name!r}: inputs {missing} are missing. Got {sorted_keys(given)}.")
        return {key: _picked(name, structure[key], given[key]) for key in structure}
    if isinstance(structure, list | tuple) and isinstance(given, list | tuple) and len(structure) == len(given):
        return [_picked(name, part, its) for part, its in zip(structure, given, strict=True)]
    return given


def _check_names(layers: list[Layer]) -> None:
    names = [layer.name for layer in layers]
    for name in names:
        if names.count(name) > 1:
            raise ArgumentError(
                f"Model: the names of layers must differ. {names.count(name)} layers are named {name!r}. To use one "
                "layer in several places, make it once and call it again."
            )


def _symbolic(structure: Any, what: str) -> list[SymbolicTensor]:
    leaves = flatten(structure)
    for leaf in leaves:
        if not isinstance(leaf, SymbolicTensor):
            raise ArgumentError(
                f"Model: {what} must be symbolic tensors, made by minidl.Input and layers. Got {type(leaf).__name__}."
            )
    if not leaves:
        raise ArgumentError(f"Model: there must be at least one of {what}.")
    return leaves


def bare(structure: Any) -> Any:
    """Return the one thing in a list of one, as Keras' models do: outputs=[y] gives y; others as they are."""
    return structure[0] if isinstance(structure, list | tuple) and len(structure) == 1 else structure
