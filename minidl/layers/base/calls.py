"""What a layer is called on: the names of its inputs, and arrays made tensors of its dtype."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.layers.base.symbolic import NUMBERS, flatten, map_structure
from minidl.tensor import Tensor

if TYPE_CHECKING:
    from minidl.layers.base.layer import Layer


def _call_parameters(layer_class: Any) -> dict[str, Any]:
    """Return the names of the arguments of a class's `call`, in order, with their defaults."""
    parameters = list(inspect.signature(layer_class.call).parameters.values())[1:]
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {p.name: None if p.default is p.empty else p.default for p in parameters if p.kind not in kinds}


call_parameters: Callable[[Any], dict[str, Any]] = cache(_call_parameters)


def named(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call with `training` and `mask` by name, should they have been given by place."""
    if len(args) < 2:
        return args, kwargs
    names = list(call_parameters(type(layer)))[: len(args)]
    place = min((names.index(name) for name in ("training", "mask") if name in names), default=len(args))
    return args[:place], {**dict(zip(names[place:], args[place:], strict=True)), **kwargs}


def inputs_by_name(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs of a call by the names of its arguments, in their order; masks are none."""
    names = list(call_parameters(type(layer)))
    more = [f"input_{place}" for place in range(len(args))]  # of a call(self, *inputs)
    given = {**dict(zip([*names, *more], args, strict=False)), **kwargs}
    masks = {"mask", *(f"{name}_mask" for name in names)}
    return {n: given[n] for n in dict.fromkeys([*names, *given]) if n in given and n not in masks}


def to_tensors(layer: Layer, structure: Any, floats: bool = False) -> Any:
    """Turn what a structure holds into tensors, as `to_tensor` does."""
    # A plain nested list of numbers is data, not a structure of inputs.
    if isinstance(structure, tuple):
        structure = tuple(Tensor(x) if _is_number_list(x) else x for x in structure)
    return map_structure(lambda leaf: to_tensor(layer, leaf, floats), structure)


def to_tensor(layer: Layer, leaf: Any, floats: bool) -> Any:
    """Turn an array into a tensor, a floating one into the layer's dtype; with `floats` whole numbers too."""
    if isinstance(leaf, np.ndarray):
        leaf = Tensor.wrap(leaf)
    elif isinstance(leaf, list):
        leaf = Tensor(leaf)
    if not isinstance(leaf, Tensor) or not layer.autocast:
        return leaf
    if leaf.dtype.kind in ("fiub" if floats else "f") and leaf.dtype != layer.dtype:
        mask = getattr(leaf, "_keras_mask", None)
        leaf = leaf.astype(layer.dtype)
        if mask is not None:
            leaf._keras_mask = mask
    return leaf


def note(layer: Layer, error: Exception, args: Any) -> None:
    """Say in the traceback which layer an error came from; the innermost says it first."""
    shapes = ", ".join(str(tuple(x.shape)) for x in flatten(args) if hasattr(x, "shape")) or "nothing"
    error.add_note(f"in layer {layer.name!r} ({type(layer).__name__}), called on {shapes}")


def all_shaped(structure: Any) -> bool:
    """Whether there is something in a structure, and all of it has a shape."""
    leaves = flatten(structure)
    return bool(leaves) and all(hasattr(leaf, "shape") for leaf in leaves)


def _is_number_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(leaf, NUMBERS) for leaf in flatten(value))
