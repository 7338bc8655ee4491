"""Seeded: the base of layers that draw random numbers."""

from __future__ import annotations

from minidl.config import SeedGenerator
from minidl.layers.base.options import OptionLayer


class Seeded(OptionLayer):
    """A layer with a field `seed`: equal seeds give equal numbers, on every backend, and each call draws new ones.

    Without a seed it gets the next of the global sequence, which `utils.set_random_seed` begins.
    """

    def __post_init__(self) -> None:
        self.generator = SeedGenerator(self.seed)
