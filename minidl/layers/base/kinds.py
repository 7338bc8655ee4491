"""The usual types of a layer's fields: each says how the argument is checked and kept, and written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from minidl import activations, constraints, initializers, regularizers
from minidl.errors import ArgumentError, unknown_name
from minidl.layers.base.options import Kind
from minidl.layers.base.spatial import sizes, who
from minidl.layers.base.symbolic import INTEGERS, NUMBERS


def positive(layer: Any, name: str, value: Any) -> int:
    """Return an integer of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, INTEGERS) or value < 1:
        raise ArgumentError(f"{who(layer)}: {name} must be a positive integer. Got {value!r}.")
    return int(value)


def padding(layer: Any, name: str, value: Any) -> str:
    """Return the padding in lower case, once it is one that the layer knows, of its `paddings`."""
    known = value.lower() if isinstance(value, str) else value
    if known not in layer.paddings:
        raise unknown_name(f"{name} of {who(layer)}", value, layer.paddings)
    return known


def data_format(layer: Any, name: str, value: Any) -> str:
    """Return "channels_last", the one layout of minidl.

    Raises
    ------
    ArgumentError : "channels_first"; the message says how to bring the data into the layout
    """
    if value == "channels_first":
        raise ArgumentError(
            f"{who(layer)}: {name}='channels_first' is not supported; minidl is channels_last, "
            "(batch, rows, columns, channels). Transpose the data once: x = x.transpose(0, 2, 3, 1) "
            "(of sequences: x.transpose(0, 2, 1))."
        )
    if value not in (None, "channels_last"):
        raise unknown_name(f"{name} of {who(layer)}", value, ["channels_last"])
    return "channels_last"


def share(hint: str = "", flags: bool = True) -> Kind:
    """Return the kind of a number in [0, 1]; `hint` is the end of the error, `flags` whether True and False will do."""

    def read(layer: Any, name: str, value: Any) -> Any:
        number = isinstance(value, NUMBERS) and (flags or not isinstance(value, bool))
        if not number or not 0 <= value <= 1:
            raise ArgumentError(f"{who(layer)}: {name} must lie in [0, 1]. Got {value!r}.{hint}")
        return value

    return Kind(read)


def one_of(*known: Any) -> Kind:
    """Return the kind of a name among those known."""

    def read(layer: Any, name: str, value: Any) -> Any:
        if value not in known:
            raise unknown_name(f"{name} of {who(layer)}", value, [one for one in known if one is not None])
        return value

    return Kind(read)


def only(allowed: Any, advice: str = "it is not supported", saved: bool = False) -> Kind:
    """Return the kind of an argument that only Keras knows: nothing but `allowed` is taken."""

    def read(layer: Any, name: str, value: Any) -> Any:
        if value is not None if allowed is None else value:
            raise ArgumentError(f"{who(layer)}: {name} must be {allowed}; {advice}. Got {value!r}.")
        return value

    return Kind(read, saved=saved)


def looked_up(room: Any) -> Kind:
    """Return the kind of what a module such as `initializers` gets by name, and serializes."""
    return Kind(lambda layer, name, value: room.get(value), lambda value: room.serialize(value))


def windows(least: int = 1, or_none: bool = False) -> Kind:
    """Return the kind of one integer for each of the layer's `rank` axes; one given integer is repeated."""

    def read(layer: Any, name: str, value: Any) -> Any:
        return None if value is None and or_none else sizes(layer, name, value, layer.rank, least)

    return Kind(read)


def one_or(several: Callable[[Any], Any]) -> Kind:
    """Return the kind of one integer, or of several in a list or tuple: `one_or(tuple)`."""

    def read(layer: Any, name: str, value: Any) -> Any:
        if isinstance(value, INTEGERS):
            return value
        if not isinstance(value, list | tuple | np.ndarray) or not all(isinstance(one, INTEGERS) for one in value):
            raise ArgumentError(f"{who(layer)}: {name} must be an integer, or several in a list. Got {value!r}.")
        return several(value)

    return Kind(read)


def seed(layer: Any, name: str, value: Any) -> Any:
    """Return a seed: an integer, or None for the next of the global sequence."""
    if value is not None and not isinstance(value, INTEGERS):
        raise ArgumentError(f"{who(layer)}: {name} must be an integer or None. Got {value!r}.")
    return value


Initializer = Annotated[Any, looked_up(initializers)]
Regularizer = Annotated[Any, looked_up(regularizers)]
Constraint = Annotated[Any, looked_up(constraints)]
Activation = Annotated[Any, looked_up(activations)]

Positive = Annotated[int, Kind(positive)]
Share = Annotated[float, share()]
Sizes = Annotated[Any, windows()]
SizesOrNone = Annotated[Any, windows(or_none=True)]
Size = Annotated[int, Kind(lambda layer, name, value: sizes(layer, name, value, 1)[0])]
Padding = Annotated[str, Kind(padding)]
Layout = Annotated[str | None, Kind(data_format)]

Seed = Annotated[int | None, Kind(seed)]
Given = Annotated[Any, Kind()]  # a required argument of any type
Unsaved = Annotated[Any, Kind(saved=False)]
OnlyNone = Annotated[None, only(None)]
