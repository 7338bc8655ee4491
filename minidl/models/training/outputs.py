"""Matching what a user gives for each output (targets, losses, metrics, weights) to a model's outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from minidl.errors import ArgumentError, DataError, unknown_name
from minidl.layers.base.symbolic import flatten, map_structure, sorted_keys


class Outputs:
    """The outputs of a model by name, in order, a dict's by key; made from a prediction once it is there.

    Parameters
    ----------
    y_pred : a tensor, or a list, tuple or dict of tensors
    names : the model's output names

    >>> outputs = Outputs(["prediction of kind", "of size"], ["kind", "size"])
    >>> outputs.spread({"size": 2}, "y")
    [None, 2]
    """

    def __init__(self, y_pred: Any, names: list[str] | None) -> None:
        self.single = not isinstance(y_pred, list | tuple | dict)
        parts = [] if self.single else list(y_pred.values()) if isinstance(y_pred, dict) else list(y_pred)
        # Of outputs in lists and dicts inside each other: what is given may be arranged as they are.
        self.nested = any(isinstance(part, list | tuple | dict) for part in parts)
        self.keyed = isinstance(y_pred, dict) and not self.nested
        self.structure = map_structure(lambda _: None, y_pred) if self.nested else None
        if self.nested:
            count = len(flatten(y_pred))
            known = names if names and len(names) == count else [f"output_{i + 1}" for i in range(count)]
            self.names = _unique(_nested_names(y_pred, iter(known)))
        elif self.keyed:
            self.names = [str(key) for key in sorted_keys(y_pred)]
        elif self.single:
            self.names = list(names or ["output"])[:1]
        else:
            count = len(y_pred)
            self.names = _unique(names if names and len(names) == count else [f"output_{i + 1}" for i in range(count)])

    def flatten(self, y_pred: Any) -> list[Any]:
        """Return the predictions in order."""
        return flatten(y_pred)

    def spread(self, given: Any, what: str, error: type[Exception] = DataError, broadcast: bool = False) -> list[Any]:
        """Return one entry for each output, None where nothing is given.

        Parameters
        ----------
        given : for one output the thing itself; for several a list in order, or a dict by output name
        what : what it is called in errors
        broadcast : a thing that is neither list nor dict holds for every output

        Raises
        ------
        UnknownNameError : a dict names an output that there is not; `error` : another number of entries
        """
        if given is None:
            return [None] * len(self.names)
        if self.nested and not (isinstance(given, dict) and set(given) <= set(self.names)):
            found = _along(self.structure, given, broadcast)
            if found is None and isinstance(given, list | tuple) and len(given) == len(self.names):
                return list(given)
            if found is None:
                raise error(f"{what}: it must be arranged as the model's outputs are. Got a {type(given).__name__}.")
            return found
        if isinstance(given, dict):
            for key in given:
                if key not in self.names:
                    raise unknown_name(f"output in {what}", key, self.names)
            return [given.get(name) for name in self.names]
        if isinstance(given, list | tuple):
            if len(given) != len(self.names):
                raise error(
                    f"{what}: there must be one entry for each output, {self.names}. Got {len(given)}. "
                    "A dict by output name may leave some out."
                )
            return list(given)
        if self.single or broadcast or len(self.names) == 1:
            return [given] * len(self.names)
        raise error(
            f"{what}: the model has {len(self.names)} outputs, {self.names}, so that a list of as many or a dict by "
            f"output name is needed. Got one {type(given).__name__}."
        )


def _nested_names(structure: Any, names: Iterator[str], way: str = "") -> list[str]:
    """Return Keras' names of nested outputs: the way to each, then its key in a dict, its own name in a list.

    >>> _nested_names([0, {"z": 1, "y": [2]}], iter(["a", "c", "b"]))
    ['a', '1/y/c', '1/z']
    """
    found = []
    keys = sorted_keys(structure) if isinstance(structure, dict) else range(len(structure))
    for key in keys:
        if isinstance(structure[key], list | tuple | dict):
            found += _nested_names(structure[key], names, f"{way}{key}/")
        else:
            name = next(names)
            found.append(f"{way}{key if isinstance(structure, dict) else name}")
    return found


def _along(structure: Any, given: Any, broadcast: bool) -> list[Any] | None:
    """Return what is given for each leaf of a structure, in order; None if it is arranged otherwise."""
    if not isinstance(structure, list | tuple | dict):
        return [given]
    if given is None or (broadcast and not isinstance(given, list | tuple | dict)):
        return [given] * len(flatten(structure))
    if isinstance(structure, dict) and isinstance(given, dict) and set(given) <= set(structure):
        pairs = [(structure[key], given.get(key)) for key in sorted_keys(structure)]
    elif isinstance(structure, list | tuple) and isinstance(given, list | tuple) and len(structure) == len(given):
        pairs = list(zip(structure, given, strict=True))
    else:
        return None
    parts = [_along(part, its, broadcast) for part, its in pairs]
    return None if any(part is None for part in parts) else [leaf for part in parts for leaf in part or []]


def of_each(look_up: Callable[[Any], Any], given: Any) -> Any:
    """Return what is given for the outputs, in lists and dicts, with every name or configuration looked up."""
    if isinstance(given, list | tuple):
        return [of_each(look_up, item) for item in given]
    if isinstance(given, dict) and "class_name" not in given:
        return {key: of_each(look_up, item) for key, item in given.items()}
    return look_up(given)


def _unique(names: list[str]) -> list[str]:
    """Number the names that occur more than once: a, a_1, a_2."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        result.append(f"{name}_{count}" if count else name)
    return result


def check_kind(y_true: Any, y_pred: Any) -> str:
    """Return which of three problems a target's shape tells of: "binary", "sparse" or "categorical".

    This decides what "accuracy" and "crossentropy" mean, by Keras' rule.
    """
    if not hasattr(y_true, "shape") or not y_pred.ndim:
        raise ArgumentError("metrics: 'accuracy' needs targets y with a batch axis.")
    if y_pred.shape[-1] == 1:
        return "binary"
    if len(y_true.shape) < y_pred.ndim or y_true.shape[-1] == 1:
        return "sparse"
    return "categorical"
