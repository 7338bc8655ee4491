"""Dropout, which draws its own seed where none is given."""

from __future__ import annotations

from typing import Any

from minidl import config
from minidl.tape import apply
from minidl.tensor import Tensor


def dropout(
    x: Any, rate: float, seed: int | None = None, offset: int = 0, noise_shape: tuple[int | None, ...] | None = None
) -> Tensor:
    """Set a share `rate` of the values to 0 and scale the others by 1 / (1 - rate).

    The mask is a function of (seed, offset) alone: the same on every backend and every run.
    """
    seed = config.next_seed() if seed is None else seed
    return apply("dropout", x, rate=rate, seed=seed, offset=offset, noise_shape=noise_shape)
