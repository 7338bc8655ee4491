"""The ledger of every move between host and device."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minidl.scope import Scope


class Transfer(NamedTuple):
    """One move: direction "up" (to the device) or "down" (to the host), and what asked for it."""

    direction: str
    nbytes: int
    shape: tuple[int, ...]
    cause: str
    started: float = 0.0  # seconds of time.perf_counter
    finished: float = 0.0


class Ledger(list[Transfer]):
    """The moves of a `with transfers()` block, in order."""

    def total(self, direction: str) -> int:
        """Return the bytes that went "up" or "down"."""
        return sum(move.nbytes for move in self if move.direction == direction)

    def __repr__(self) -> str:
        width = max([len(f"{move.nbytes:,}") for move in self], default=0)
        return "\n".join(
            f"{move.direction:<4}  {move.nbytes:>{width},} bytes  {move.shape}  {move.cause}" for move in self
        )


_LEDGERS: Scope[Ledger] = Scope("minidl_ledgers")


@contextmanager
def transfers() -> Iterator[Ledger]:
    """Write down every move between host and device inside the block; blocks nest."""
    with _LEDGERS.block(Ledger()) as ledger:
        yield ledger


def write_down(direction: str, array: Any, cause: str, started: float) -> None:
    """Note a move, which ends now, in every ledger that is open."""
    for ledger in _LEDGERS.get():
        nbytes = math.prod(array.shape) * np.dtype(array.dtype).itemsize
        ledger.append(Transfer(direction, nbytes, tuple(array.shape), cause, started, time.perf_counter()))
