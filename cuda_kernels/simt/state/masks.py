"""Masks: which threads of the batch take part in the statement that runs now.

A batch is B blocks of P threads (P is the block's size rounded up to whole warps; the threads past the block's end
never take part). A mask is a boolean array that broadcasts to (B, P): (1, P) where all blocks agree, (B, 1) where the
threads of a block agree. Keeping the small shape is what makes the machine fast.
"""
from __future__ import annotations

import numpy as np

WARP = 32


class Mask:
    """Active threads. `bits` broadcasts to (B, P), or is None when all are active; `lanes` and `warps` are counts."""

    __slots__ = ("bits", "lanes", "warps", "shape", "_flat")

    def __init__(self, bits: np.ndarray | None, shape: tuple[int, int]) -> None:
        self.bits = bits
        self.shape = shape
        self._flat: np.ndarray | None = None
        blocks, threads = shape
        if bits is None:
            self.lanes = blocks * threads
            self.warps = self.lanes // WARP
        else:
            times = blocks * threads // bits.size
            self.lanes = int(np.count_nonzero(bits)) * times
            self.warps = int(np.count_nonzero(self.warp_bits())) * (times if bits.shape[1] > 1 else threads // WARP * (
                blocks // bits.shape[0]))

    def warp_bits(self) -> np.ndarray:
        """(b, W) or (b, 1): which warps have an active lane."""
        assert self.bits is not None
        if self.bits.shape[1] == 1:
            return self.bits
        packed = np.ascontiguousarray(self.bits).view(np.uint64)
        return np.any(packed.reshape(self.bits.shape[0], -1, 4) != 0, axis=2)

    def full(self) -> np.ndarray:
        """(B, P) booleans (a read-only view where that is enough)."""
        if self.bits is None:
            return np.ones(self.shape, bool)
        return np.broadcast_to(self.bits, self.shape)

    def flat(self) -> np.ndarray:
        """Numbers block * P + thread of the active threads, in order."""
        if self._flat is None:
            if self.bits is None:
                self._flat = np.arange(self.shape[0] * self.shape[1])
            else:
                self._flat = np.flatnonzero(self.full())
        return self._flat

    def same_in_blocks(self) -> bool:
        """True where every block has the same active threads."""
        return self.bits is None or self.bits.shape[0] == 1

    def minus(self, other: Mask) -> Mask:
        """The threads of this mask that are not in `other`."""
        if other.bits is None:
            return empty(self.shape)
        gone = ~other.bits
        return Mask(gone if self.bits is None else self.bits & gone, self.shape)

    def union(self, other: Mask) -> Mask:
        """The threads of either mask."""
        if not self.lanes:
            return other
        if not other.lanes:
            return self
        if self.bits is None or other.bits is None:
            return Mask(None, self.shape)
        return Mask(self.bits | other.bits, self.shape)

    def narrow(self, condition: np.ndarray) -> Mask:
        """The threads of this mask where `condition` (a boolean array) holds."""
        return Mask(condition if self.bits is None else self.bits & condition, self.shape)


def empty(shape: tuple[int, int]) -> Mask:
    """No thread at all."""
    return Mask(np.zeros((1, shape[1]), bool), shape)
