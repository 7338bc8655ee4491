"""The host functions of the optimizer updates, which the rungs fill with their kernels.

    run(w, dw, *states, learning_rate, step, in_place, on, **settings) -> (w, *states)     without those that are None

New arrays by default, as minidl's NumPy ops; with in_place=True the given ones are overwritten, which moves as many
bytes and needs no room.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cuda_kernels.launch import check_array, empty

from .formulas import FORMULAS, Settings


def step_size(op: str, settings: Settings, learning_rate: float, step: int | None) -> float:
    """Adam's step size: the learning rate with the correction for averages that started at 0."""
    if not op.startswith("adam"):
        return learning_rate
    if step is None or step < 1:
        raise ValueError(f"{op}: step must be at least 1. Got {step}. The first update is step 1, not 0.")
    return learning_rate * math.sqrt(1 - settings.beta_2**step) / (1 - settings.beta_1**step)


def updater(op: str, apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function; apply(formula, present, olds, news, g, lr, size, on=) launches over flat arrays."""
    make, names, optional = FORMULAS[op]

    def run(w: Any, dw: Any, *states: Any, learning_rate: float, step: int | None = None, in_place: bool = False,
            on: str | None = None, **options: Any) -> tuple[Any, ...]:
        if op == "adamw_update":
            options = {"weight_decay": 0.004, **options}
        settings = Settings(**options)
        if len(states) != len(names):
            raise TypeError(f"{op}: takes the states {', '.join(names)} (None where there is none). Got {len(states)}.")
        check_array(op, "w", w)
        check_array(op, "dw", dw, shape=w.shape)
        for name, state in zip(names, states, strict=True):
            if state is not None or name not in optional:
                check_array(op, name, state, shape=w.shape)
        if settings.momentum and states[0 if op == "sgd_update" else 1] is None:
            raise ValueError(f"{op}: momentum {settings.momentum} needs its array. Got None; start with zeros.")
        olds = (w, *states)
        news = olds if in_place else tuple(None if a is None else empty(w.shape, like=w) for a in olds)
        present = tuple(k < len(states) and states[k] is not None for k in range(3))
        size = step_size(op, settings, float(learning_rate), step)
        flat = [[None if a is None else a.reshape(-1) for a in arrays] for arrays in (olds, news)]
        apply(make(settings, present), present, *flat, dw.reshape(-1), float(learning_rate), float(size), on=on)
        return tuple(a for a in news if a is not None)

    run.__name__ = op
    run.__doc__ = f"(w, {', '.join(names)}) after one step; states that are None are left out."
    return run
