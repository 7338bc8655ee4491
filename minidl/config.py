"""The default float type, and the global seed."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from minidl.errors import ArgumentError

_FLOATX = "float32"
_SEED: int | None = None
_CALLS = 0


def floatx() -> str:
    """Return the dtype of new weights and of converted Python floats.

    >>> floatx()
    'float32'
    """
    return _FLOATX


def set_floatx(dtype: str) -> None:
    """Make `dtype` ("float32" or "float64") the default of new weights. float64 is for gradient checks."""
    global _FLOATX
    if dtype not in ("float32", "float64"):
        raise ArgumentError(f"set_floatx: the float type must be 'float32' or 'float64'. Got {dtype!r}.")
    _FLOATX = dtype


def set_random_seed(seed: int) -> None:
    """Make everything that draws random numbers from here on repeatable: weights, dropout, batch order.

    Python's `random` and NumPy's global generator are seeded too, as `keras.utils.set_random_seed` does.
    """
    global _SEED, _CALLS
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ArgumentError(f"set_random_seed: the seed must be a non-negative integer. Got {seed!r}.")
    _SEED, _CALLS = int(seed), 0
    random.seed(int(seed))
    np.random.seed(int(seed) % 2**32)  # noqa: NPY002 (it is what programs of others draw from)


def next_seed() -> int:
    """Return a new seed: the next one of the sequence that `set_random_seed` started, else from the system."""
    global _CALLS
    if _SEED is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    _CALLS += 1
    return int(np.random.SeedSequence((_SEED, _CALLS)).generate_state(1)[0])


class SeedGenerator:
    """A seed and a counter: each `next()` is a fresh (seed, offset) pair for one call of a Philox op.

    >>> generator = SeedGenerator(7)
    >>> generator.next(), generator.next()
    ((7, 0), (7, 1))
    """

    def __init__(self, seed: Any = None) -> None:
        self.seed = next_seed() if seed is None else int(seed)
        self.offset = 0

    def next(self) -> tuple[int, int]:
        """Return (seed, offset) and advance the counter."""
        pair = (self.seed, self.offset)
        self.offset += 1
        return pair

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make a generator which begins as this one did."""
        return {"seed": self.seed}


def checked_seed(who: str, seed: Any) -> Any:
    """Return a seed as `who` keeps it: None, an int, or a SeedGenerator (also from its configuration).

    >>> checked_seed("Normal", 1.5)
    Traceback (most recent call last):
    minidl.errors.ArgumentError: Normal: seed must be a whole number of 0 or more, a SeedGenerator or None. Got 1.5.
    """
    if isinstance(seed, dict) and seed.get("class_name") == "SeedGenerator":
        return SeedGenerator(seed["config"]["seed"])
    if seed is None or isinstance(seed, SeedGenerator):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ArgumentError(f"{who}: seed must be a whole number of 0 or more, a SeedGenerator or None. Got {seed!r}.")
    return int(seed)
