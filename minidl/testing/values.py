"""What a case of an op is, and the random arrays that cases are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One call of an op: its inputs and its settings.

    extreme : values at which formulas break; each cell is compared by its own size, and nothing is differentiated
    ways : the directions in which the case is run
    smallest : a difference is relative to at least this; less than 1 where an op exists for the digits near 0 (log1p)
    """

    inputs: tuple[Any, ...]
    static: dict[str, Any]
    extreme: bool = False
    ways: tuple[str, ...] = ("forward", "backward")
    smallest: float = 1.0

    @property
    def there(self) -> list[Any]:
        """The inputs that are not absent."""
        return [a for a in self.inputs if a is not None]


def copies(arrays: Iterable[Any]) -> tuple[Any, ...]:
    """Return arrays copied, and what is no array as it is."""
    return tuple(np.array(a) if isinstance(a, np.ndarray) else a for a in arrays)


class Values:
    """Random arrays of some kinds."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def f(self, *shape: int) -> np.ndarray:
        """Normal."""
        return self.rng.normal(size=shape).astype(np.float32)

    def wide(self, *shape: int) -> np.ndarray:
        """Normal, five times as wide: where activations are bent, flat and straight."""
        return self.f(*shape) * np.float32(5)

    def positive(self, *shape: int) -> np.ndarray:
        """At least 0.3."""
        return np.abs(self.f(*shape)) + np.float32(0.3)

    def distinct(self, *shape: int) -> np.ndarray:
        """All different, by 0.1 or more."""
        size = int(np.prod(shape))
        return ((self.rng.permutation(size) - size // 3) * np.float32(0.1)).reshape(shape).astype(np.float32)

    def ties(self, *shape: int) -> np.ndarray:
        """Whole numbers from 0 to 2, as after a relu: whole rows and windows are equal."""
        return np.maximum(self.rng.integers(-3, 3, shape), 0).astype(np.float32)

    def rows(self, *shape: int) -> np.ndarray:
        """Probabilities along the last axis."""
        p = self.positive(*shape)
        return (p / p.sum(-1, keepdims=True)).astype(np.float32)

    def labels(self, *shape: int, classes: int = 5) -> np.ndarray:
        """Integers below `classes`."""
        return self.rng.integers(0, classes, shape)

    def mask(self, *shape: int) -> np.ndarray:
        """Booleans."""
        return self.rng.random(shape) < 0.7
