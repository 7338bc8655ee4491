"""Moves between host and device, written down: what both packages keep them in."""
from __future__ import annotations

from typing import NamedTuple


class Transfer(NamedTuple):
    """One move: direction "up" (to the device) or "down" (to the host), and what asked for it."""

    direction: str
    nbytes: int
    shape: tuple[int, ...]
    cause: str
    started: float = 0.0  # seconds of time.perf_counter, where they are noted
    finished: float = 0.0


class Ledger(list[Transfer]):
    """The moves of a `with` block, in order."""

    def total(self, direction: str) -> int:
        """Return the bytes that went "up" or "down"."""
        return sum(move.nbytes for move in self if move.direction == direction)

    def __repr__(self) -> str:
        width = max([len(f"{move.nbytes:,}") for move in self], default=0)
        return "\n".join(f"{m.direction:<4}  {m.nbytes:>{width},} bytes  {m.shape}  {m.cause}" for m in self)
