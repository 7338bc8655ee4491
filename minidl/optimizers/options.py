"""Checks of an optimizer's arguments, and what to use instead of those that Keras removed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.errors import ArgumentError

INSTEAD = {
    "lr": "learning_rate=",
    "decay": "a schedule, learning_rate=schedules.InverseTimeDecay(initial_learning_rate, decay_steps, decay_rate),",
    "schedule_decay": "learning_rate= with a schedule",
}


def check_options(optimizer: Any, unknown: dict[str, Any]) -> None:
    """Check what all optimizers take.

    Raises
    ------
    ArgumentError : an argument that does not exist (with what to use instead), or a value outside its range
    """
    who = type(optimizer).__name__
    for name in unknown:
        if name in INSTEAD:
            raise ArgumentError(f"{who}: {name}= is no longer an argument; use {INSTEAD[name]} instead.")
        raise ArgumentError(f"{who}: unknown argument {name!r}. See help({who}).")
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
