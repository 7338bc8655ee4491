"""Masks on their way through a layer: from the inputs to `call` and `compute_mask`, and on to the outputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from minidl.layers.base.calls import call_parameters, inputs_by_name
from minidl.layers.base.symbolic import SymbolicTensor, flatten, infer_by_trial, masks_of

if TYPE_CHECKING:
    from minidl.layers.base.layer import Layer


def _names_of_masks(layer_class: Any) -> list[str]:
    """Return the names of call's arguments that are masks: `mask`, and `query_mask` for an input `query`."""
    return [name for name in call_parameters(layer_class) if name == "mask" or name.endswith("_mask")]


_mask_parameters: Callable[[Any], list[str]] = cache(_names_of_masks)


def pass_masks(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Give `call` the masks it asks for: `mask`, that of the first input; `query_mask`, that of `query`."""
    names = _mask_parameters(type(layer))
    if not names:
        return kwargs
    found = dict(kwargs)
    inputs = inputs_by_name(layer, args, kwargs)
    for name in names:
        if name == "mask" and kwargs.get("mask") is None:
            found["mask"] = masks_of(next(iter(inputs.values()), None))
        elif name != "mask" and kwargs.get(name) is None and inputs.get(name[:-5]) is not None:
            found[name] = masks_of(inputs[name[:-5]])
    return found


def set_masks(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any, makes: bool) -> None:
    """Give the outputs their masks, but for those that got one in `call`.

    Parameters
    ----------
    makes : whether the layer has a `compute_mask` of its own, so that there may be masks though the inputs have none
    """
    first = args[0] if args else next(iter(inputs_by_name(layer, args, kwargs).values()), None)
    mask = kwargs.get("mask")
    mask = masks_of(first) if mask is None else mask
    if not makes and (mask is None or all(m is None for m in flatten(mask))):
        return
    leaves = flatten(outputs)
    if all(getattr(output, "_keras_mask", None) is not None for output in leaves):
        return
    symbolic = any(isinstance(output, SymbolicTensor) for output in leaves)
    if makes and symbolic:
        mask = infer_by_trial(lambda given: layer.compute_mask(*given), (first, mask))
    else:
        mask = layer.compute_mask(first, mask)
    for output, its in zip(leaves, [] if mask is None else flatten(mask), strict=False):
        fits = isinstance(its, SymbolicTensor) if symbolic else its is not None
        if fits and getattr(output, "_keras_mask", None) is None:
            output._keras_mask = its
