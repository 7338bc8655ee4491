"""What a layer or model of one's own was made with, so that it can be saved without a `get_config`."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from minidl.errors import ArgumentError


class Arguments:
    """The arguments of one call of a class.

    Parameters
    ----------
    cls : the class, not one of minidl's
    args, kwargs : as the class was called
    """

    def __init__(self, cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs = _copied(args), _copied(kwargs)
        # Who defines __init__ defines get_config, unless the arguments say it all.
        order = cls.__mro__
        makers = [
            next((c for c in order if name in vars(c) and not hasattr(vars(c)[name], "made_of_fields")), object)
            for name in ("__init__", "get_config")
        ]
        self.needed = not makers[0].__module__.startswith("minidl.") and order.index(makers[0]) < order.index(makers[1])

    def config(self, owner: Any) -> dict[str, Any]:
        """Return the arguments by name, with defaults; nothing for a class that has a get_config of its own.

        Raises
        ------
        ArgumentError : one that no file can hold
        """
        if not self.needed:
            return {}
        cls = type(owner)
        signature = inspect.signature(cls.__init__)
        bound = signature.bind(owner, *self.args, **self.kwargs)
        bound.apply_defaults()
        found = dict(list(bound.arguments.items())[1:])
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                found |= found.pop(parameter.name, {})
            unnamed = parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY)
            if unnamed and found.pop(parameter.name, ()) != ():
                raise ArgumentError(
                    f"save: {cls.__name__} {owner.name!r} was given *{parameter.name} without names. "
                    + _advice(cls, list(found))
                )
        shared = ("name", "trainable", "dtype", "activity_regularizer")  # the layer says these itself
        found = {name: value for name, value in found.items() if name not in shared}
        for name, value in found.items():
            if not _is_plain(value):
                raise ArgumentError(
                    f"save: {cls.__name__} {owner.name!r} was made with {name}={value!r:.80}, a "
                    f"{type(value).__name__}, which a file cannot hold as it is. " + _advice(cls, list(found))
                )
        return found


def _advice(cls: type, names: list[str]) -> str:
    entries = ", ".join(f"{name!r}: self.{name}" for name in names)
    return (
        f"Define get_config(self) in {cls.__name__}, which returns what makes an equal one: "
        f"return {{**super().get_config(), {entries}}}, with objects serialized; and from_config(cls, config), which "
        "makes it of that."
    )


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold a value."""
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, str | int | float | np.integer | np.floating | np.bool_)


def _copied(value: Any) -> Any:
    """Return lists and dicts as they are now."""
    if type(value) in (list, tuple):
        return type(value)(_copied(item) for item in value)
    return {key: _copied(item) for key, item in value.items()} if type(value) is dict else value
