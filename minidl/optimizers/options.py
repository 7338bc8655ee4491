"""An optimizer's arguments: fields of its class, checked here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import registry
from minidl.errors import ArgumentError
from minidl.keras.removed import OPTIMIZER_ARGUMENTS

# Shares of an old value that is kept, in whichever rule has them.
FRACTIONS = ("momentum", "rho", "beta_1", "beta_2")


def fields(cls: type) -> dict[str, Any]:
    """Return the arguments that a class declares, with their defaults: its own first, then those of its bases."""
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        found |= {name: default for name, default in own_fields(base).items() if name not in found}
    return found


def own_fields(cls: type) -> dict[str, Any]:
    """Return those that the class itself declares; as in a dataclass, a `ClassVar` is none."""
    annotated = vars(cls).get("__annotations__", {}).items()
    return {name: vars(cls)[name] for name, hint in annotated if name in vars(cls) and "ClassVar" not in str(hint)}


def constructor(cls: Any) -> Any:
    """Return the `__init__` that an optimizer's fields mean: the learning rate, the fields, and nothing else.

    >>> import inspect
    >>> from minidl.optimizers import SGD
    >>> list(inspect.signature(SGD).parameters)[:5]
    ['learning_rate', 'momentum', 'nesterov', 'weight_decay', 'clipnorm']
    """
    arguments = {"learning_rate": cls.default_learning_rate, **fields(cls)}
    return registry.constructor(arguments, cls._start, check_names)


def check_names(who: str, unknown: Iterable[str]) -> None:
    """Raise for an argument that does not exist, with what to use instead."""
    for name in unknown:
        if name in OPTIMIZER_ARGUMENTS:
            raise ArgumentError(f"{who}: {name}= is no longer an argument; use {OPTIMIZER_ARGUMENTS[name]} instead.")
        raise ArgumentError(f"{who}: unknown argument {name!r}. See help({who}).")


def check_options(optimizer: Any) -> None:
    """Check what all optimizers take, and the shares that some do.

    Raises
    ------
    ArgumentError : a value outside its range
    """
    who = type(optimizer).__name__
    for name in FRACTIONS:
        if name in fields(type(optimizer)):
            setattr(optimizer, name, fraction(who, name, getattr(optimizer, name)))
    if optimizer.weight_decay is None and fields(type(optimizer))["weight_decay"] is not None:
        raise ArgumentError(f"{who}: weight_decay must be a number. Got None; without it, use Adam.")
    limits = {name: getattr(optimizer, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
    given = {name: value for name, value in limits.items() if value is not None}
    if len(given) > 1:
        raise ArgumentError(f"{who}: only one of clipnorm, clipvalue and global_clipnorm may be given. Got {given}.")
    for name, value in given.items():
        if not value > 0:
            raise ArgumentError(f"{who}: {name} must be above 0. Got {value!r}.")
    steps = optimizer.gradient_accumulation_steps
    if steps is not None and (not isinstance(steps, int) or steps < 2):
        raise ArgumentError(f"{who}: gradient_accumulation_steps must be an integer of 2 or more. Got {steps!r}.")
    if optimizer.use_ema:
        fraction(who, "ema_momentum", optimizer.ema_momentum)
        every = optimizer.ema_overwrite_frequency
        if every is not None and (not isinstance(every, int) or every < 1):
            raise ArgumentError(f"{who}: ema_overwrite_frequency must be an integer of 1 or more. Got {every!r}.")


def fraction(who: str, name: str, value: Any) -> float:
    """Return `value` as a float, or raise if it is not in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value <= 1:
        raise ArgumentError(f"{who}: {name} must be a number between 0 and 1. Got {value!r}.")
    return float(value)


def rate(who: str, value: Any) -> float:
    """Return a learning rate as a float, or raise if it is no finite number of 0 or more."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool | str) or not math.isfinite(number) or number < 0:
        raise ArgumentError(
            f"{who}: learning_rate must be a finite number of 0 or more, a schedule, or a function without "
            f"arguments. Got {value!r}."
        )
    return number
