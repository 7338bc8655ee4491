"""Who is active: the threads that run the present statement, and those that run the present function.

While the two are the same, an assignment simply replaces a variable; otherwise the other threads keep their old value
(see `machine/variables.py`).
"""
from __future__ import annotations

import numpy as np

from .masks import Mask, empty
from .threads import Threads


class Lanes:
    """`mask`: who runs the present statement; `alive`: who has not returned from the present function; `remaining`:
    who has not returned from the kernel; `everyone`: who ever began.

    only : the one thread of the block that begins; None for all of them
    """

    def __init__(self, threads: Threads, only: int | None = None) -> None:
        self.threads = threads
        within = np.arange(threads.width)[None, :] < threads.per_block
        if only is not None:
            within = np.arange(threads.width)[None, :] == only
        self.everyone = Mask(None if within.all() else within, threads.shape)
        self.none = empty(threads.shape)
        self.mask = self.alive = self.remaining = self.everyone
        self.depth = 0  # of device functions
        self.exits: list[tuple[Mask, int]] = []  # who returned from the kernel early, and at which line

    def union(self, a: Mask, b: Mask) -> Mask:
        """Both groups together again."""
        if not b.lanes:
            return a
        if not a.lanes:
            return b
        both = a.union(b)
        return self.alive if both.lanes == self.alive.lanes else both

    def leave_function(self, line: int, kernel: bool) -> None:
        """`return`: the active threads are gone until the function ends (for good, in the kernel)."""
        if kernel and self.mask.lanes:
            self.exits.append((self.mask, line))
            self.remaining = self.remaining.minus(self.mask)
        self.alive = self.none if self.mask is self.alive else self.alive.minus(self.mask)
        self.mask = self.none

    def enter(self) -> tuple[Mask, Mask]:
        """A device function begins: its own `alive`."""
        before = (self.mask, self.alive)
        self.alive = self.mask
        self.depth += 1
        return before

    def exit(self, before: tuple[Mask, Mask]) -> None:
        """A device function ends: all threads that called it go on."""
        self.mask, self.alive = before
        self.depth -= 1

    def blocks(self) -> np.ndarray:
        """Grid-wide numbers of the blocks that have an active thread."""
        if self.mask.bits is None or self.mask is self.everyone:
            return np.arange(self.threads.blocks) + self.threads.first_block
        return np.flatnonzero(self.mask.full().any(axis=1)) + self.threads.first_block
