"""Where each weight of a model belongs in a file: Keras' paths for `.weights.h5`, layer names for the other formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from minidl.config import SeedGenerator
from minidl.layers.base.layer import Layer
from minidl.layers.base.naming import snake_case
from minidl.layers.base.weights import WeightHolder
from minidl.tensor import Variable

# Attributes of layers and models that hold no layers of their own, or the same ones again.
_PRIVATE = {
    "_trainable_variables", "_non_trainable_variables", "_layers", "_call_losses", "inbound_nodes", "_graph", "_stack",
    "_symbolic_input", "_symbolic_output", "_outputs", "optimizer", "loss", "metrics", "history", "stop_training",
}  # fmt: skip


class Place(NamedTuple):
    """The weights that one layer itself owns.

    path : Keras' path of the layer in a file, "layers/lstm/cell"
    names : names of the layers from the model's down to this one, ("encoder", "lstm", "lstm_cell")
    variables : in the order of the file
    generator : the layer's source of random numbers, if it has one
    """

    path: str
    names: tuple[str, ...]
    layer: Any
    variables: list[Variable]
    generator: SeedGenerator | None

    @property
    def label(self) -> str:
        """How an error names the layer."""
        return f"layer {'/'.join(self.names)!r} ({self.path})" if self.names else "the model itself"


def places(model: Any) -> list[Place]:
    """Return the places of all weights of a model, in the order in which Keras writes them.

    Keras walks over attributes by name, those with an underscore last, but over the layers of a Sequential or
    functional model first; in a list, layers are told apart by class: dense, dense_1 …

    >>> import minidl
    >>> model = minidl.Sequential([minidl.layers.Input((4,)), minidl.layers.Dense(3), minidl.layers.Dense(2)])
    >>> [(place.path, len(place.variables)) for place in places(model)]
    [('', 0), ('layers/dense', 2), ('layers/dense_1', 2)]
    """
    return list(_walk(model, "", (), set()))


def _walk(layer: Any, path: str, names: tuple[str, ...], seen: set[int]) -> Iterator[Place]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    own = [*layer._trainable_variables, *layer._non_trainable_variables]
    generators = [value for value in vars(layer).values() if isinstance(value, SeedGenerator)]
    generator = generators[0] if generators else None
    cell = getattr(layer, "cell_name", None)
    if cell is None:
        yield Place(path, names, layer, own, generator)
    else:  # a recurrent layer of Keras has a cell inside, which has the weights
        yield Place(path, names, layer, [], generator)
        yield Place(f"{path}/cell", (*names, cell), layer, own, None)
    for attribute, value in _children(layer):
        inner = f"{path}/{attribute}" if path else attribute
        if isinstance(value, WeightHolder):
            yield from _walk(value, inner, (*names, value.name), seen)
        else:
            yield from _walk_container(value, inner, names, seen)


def _children(layer: Any) -> list[tuple[str, Any]]:
    """Return attributes that may hold layers, in Keras' order."""
    found = {key: value for key, value in vars(layer).items() if key not in _PRIVATE}
    first: list[tuple[str, Any]] = []
    if hasattr(layer, "get_layer"):
        if layer.graph is not None or hasattr(layer, "pop"):
            first = [("layers", layer.layers)]
        else:  # a subclassed model: Keras meets its list of layers between the attributes of its alphabet
            found["layers"] = layer.layers
    ordered = sorted(found.items(), key=lambda item: "~" + item[0] if item[0].startswith("_") else item[0])
    return [
        *first, *((key, value) for key, value in ordered if isinstance(value, WeightHolder | list | tuple | dict))
    ]  # fmt: skip


def _walk_container(items: Any, path: str, names: tuple[str, ...], seen: set[int]) -> Iterator[Place]:
    used: Counter[str] = Counter()

    def number(base: str) -> str:
        count = used[base]
        used[base] += 1
        return f"{base}_{count}" if count else base

    for item in list(items.values()) if isinstance(items, dict) else items:
        if isinstance(item, WeightHolder):
            yield from _walk(item, f"{path}/{number(class_path(item))}", (*names, item.name), seen)
        elif isinstance(item, list | tuple | dict):
            yield from _walk_container(item, f"{path}/{number('container')}", names, seen)


def class_path(layer: Any) -> str:
    """Return a layer's class as it stands in a path; a plain Model with a graph is Keras' Functional."""
    name = type(layer).__name__
    return "functional" if name == "Model" else snake_case(name)


def named_weights(model: Any) -> dict[str, Variable]:
    """Return all weights by a unique name made of the layers' names: "encoder/dense/kernel".

    The order is that of `places`.
    """
    found: dict[str, Variable] = {}
    for place in places(model):
        for variable in place.variables:
            name = "/".join([*place.names, variable.name or "weight"])
            unique, count = name, 0
            while unique in found:
                count += 1
                unique = f"{name}_{count}"
            found[unique] = variable
    return found


def layer_weights(layer: Layer) -> dict[str, Variable]:
    """Return one layer's weights by name, trained ones first: the order of legacy files."""
    names = {id(variable): f"{layer.name}/{name}" for name, variable in named_weights(layer).items()}
    # Not the order of `places`: there backward_layer comes before forward_layer, by the alphabet.
    return {names[id(v)]: v for v in (*layer.trainable_weights, *layer.non_trainable_weights)}
