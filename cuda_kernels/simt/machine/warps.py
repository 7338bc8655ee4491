"""Warp-wide operations: shuffles, votes and matches, and the check that the lanes they name are there.

Rules checked (CUDA C++ Programming Guide, "Warp Shuffle Functions", "Warp Vote Functions"): a lane that executes must
be in the mask; a lane in the mask that has not returned must execute the same operation; a lane's value may be taken
only from a lane that executes. Lanes past the block's end, and lanes that returned, do not exist for the second rule.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checking import Counter, Faults
from ..errors import UnsupportedSyntax
from ..state import WARP, Lanes, Threads, Value
from . import numeric

_ALL = 0xFFFFFFFF
_SHUFFLED = ("int32", "int64", "float32", "float64")


@dataclass(eq=False)
class Warps:
    """Shuffles, votes, matches."""

    threads: Threads
    lanes: Lanes
    counter: Counter
    faults: Faults

    def _small(self, *values: Value) -> tuple[int, int]:
        """The shape that suffices: one row of threads where all blocks agree."""
        same = self.lanes.mask.same_in_blocks() and all(v.ndim == 0 or v.shape[0] == 1 for v in values)
        return (1, self.threads.width) if same else self.threads.shape

    def members(self, mask: Value) -> np.ndarray:
        """A lane mask (a number) as booleans (warps, 32) or (1, 32)."""
        if mask.size == 1:
            bits = int(mask.item()) & _ALL
            return (bits >> np.arange(WARP) & 1).astype(bool)[None, :]
        rows = self.threads.by_warp(mask.astype(np.int64) & _ALL)
        return (rows >> np.arange(WARP) & 1).astype(bool)

    def check_members(self, line: int, mask: Value, what: str) -> None:
        """The executing lanes and the named lanes must agree."""
        if mask.size == 1 and int(mask.item()) & _ALL == _ALL and (
                self.lanes.mask is self.lanes.everyone or self.lanes.mask.lanes == self.lanes.remaining.lanes):
            return
        named = self.members(mask)
        active = self.threads.by_warp(self.lanes.mask.full())
        outside = active & ~named
        if outside.any():
            self._report_lane(line, outside, f"executes {what} but is not in its mask")
        exists = self.threads.by_warp(self.lanes.remaining.full())
        missing = named & exists & ~active & active.any(axis=1, keepdims=True)
        if missing.any():
            self._report_lane(line, missing, f"is named in the mask of {what} but does not execute it (it is on "
                              "another path)", "divergent-barrier" if what == "syncwarp" else "inactive-lane")

    def _report_lane(self, line: int, bad: np.ndarray, how: str, kind: str = "inactive-lane") -> None:
        lane = int(np.flatnonzero(bad)[0])
        thread, block = self.threads.index_of(lane), self.threads.block_of(lane)
        self.faults.recorder.fault(
            kind, line, threads=(thread,), blocks=(block,), count=int(np.count_nonzero(bad)),
            message=f"line {line}: lane {lane % WARP}, thread {thread} of block {block}, {how}.")

    # -- shuffles -----------------------------------------------------------------------------------------------------

    def shuffle(self, line: int, mask: Value, value: Value, source: np.ndarray, what: str) -> Value:
        """Each lane takes `value` of lane `source` (0 to 31)."""
        if value.dtype.name not in _SHUFFLED:
            raise UnsupportedSyntax(f"Numba's cuda.{what} takes {', '.join(_SHUFFLED)}, got {value.dtype}; cast the "
                                    "value, and the result back", line)
        if self.counter.on:
            self.counter.lines[line].shuffles += self.lanes.mask.warps
        shape = self._small(value, source)
        lanes = np.broadcast_to(source, shape).reshape(-1, WARP)
        held = np.broadcast_to(value, shape).reshape(-1, WARP)
        if self.faults.checks:
            self.check_members(line, mask, what)
            if self.lanes.mask is not self.lanes.everyone or self.lanes.mask.bits is not None:
                active = np.broadcast_to(self.lanes.mask.bits, shape).reshape(-1, WARP) if (
                    self.lanes.mask.bits is not None) else np.ones(lanes.shape, bool)
                absent = active & ~np.take_along_axis(active, lanes, axis=1)
                if absent.any():
                    lane = int(np.flatnonzero(absent)[0])
                    giver = int(lanes.reshape(-1)[lane])
                    self._report_lane(line, absent, f"takes the value of lane {giver} by {what}, which does not "
                                      "execute it, so the value is undefined")
        return np.take_along_axis(held, lanes, axis=1).reshape(shape)

    def _lane(self) -> np.ndarray:
        return self.threads.laneid.astype(np.int64)

    def shfl_sync(self, line: int, mask: Value, value: Value, source: Value) -> Value:
        """The value of lane `source` (modulo 32)."""
        return self.shuffle(line, mask, value, np.asarray(source, np.int64) % WARP, "shfl_sync")

    def shfl_up_sync(self, line: int, mask: Value, value: Value, delta: Value) -> Value:
        """The value of the lane `delta` below; the lowest lanes keep their own."""
        source = self._lane() - np.asarray(delta, np.int64)
        return self.shuffle(line, mask, value, np.where(source < 0, self._lane(), source), "shfl_up_sync")

    def shfl_down_sync(self, line: int, mask: Value, value: Value, delta: Value) -> Value:
        """The value of the lane `delta` above; the highest lanes keep their own."""
        source = self._lane() + np.asarray(delta, np.int64)
        return self.shuffle(line, mask, value, np.where(source >= WARP, self._lane(), source), "shfl_down_sync")

    def shfl_xor_sync(self, line: int, mask: Value, value: Value, lanes: Value) -> Value:
        """The value of the lane whose number differs by the bits of `lanes`."""
        return self.shuffle(line, mask, value, (self._lane() ^ np.asarray(lanes, np.int64)) % WARP, "shfl_xor_sync")

    # -- votes --------------------------------------------------------------------------------------------------------

    def _ballot(self, line: int, mask: Value, condition: Value, what: str) -> tuple[np.ndarray, np.ndarray]:
        if condition.dtype.kind == "f" or mask.dtype.kind not in "iu":
            raise UnsupportedSyntax(f"Numba's cuda.{what} takes an integer as mask and an integer or a boolean as "
                                    f"condition, got {mask.dtype} and {condition.dtype}; compare, as in x != 0",
                                    line)
        if self.counter.on:
            self.counter.lines[line].votes += self.lanes.mask.warps
        if self.faults.checks:
            self.check_members(line, mask, what)
        active = self.threads.by_warp(self.lanes.mask.full()) & self.members(mask)
        return self.threads.by_warp(numeric.truth(condition)) & active, active

    def _spread(self, per_warp: np.ndarray) -> Value:
        """One value a warp, given to its 32 lanes."""
        return np.repeat(per_warp, WARP).reshape(self.threads.shape)

    def all_sync(self, line: int, mask: Value, condition: Value) -> Value:
        held, active = self._ballot(line, mask, condition, "all_sync")
        return self._spread(np.all(held == active, axis=1))

    def any_sync(self, line: int, mask: Value, condition: Value) -> Value:
        held, _ = self._ballot(line, mask, condition, "any_sync")
        return self._spread(np.any(held, axis=1))

    def eq_sync(self, line: int, mask: Value, condition: Value) -> Value:
        held, active = self._ballot(line, mask, condition, "eq_sync")
        return self._spread((held == active).all(axis=1) | ~held.any(axis=1))

    def ballot_sync(self, line: int, mask: Value, condition: Value) -> Value:
        """Bit k is set where lane k's condition holds (int32, as Numba types it)."""
        held, _ = self._ballot(line, mask, condition, "ballot_sync")
        return self._spread(_pack(held))

    def activemask(self, line: int) -> Value:
        """Bit k is set where lane k executes (uint32)."""
        return self._spread(_pack(self.threads.by_warp(self.lanes.mask.full()))).view(np.uint32)

    def lanemask_lt(self, line: int) -> Value:
        """The bits below the lane's own (uint32)."""
        return ((1 << self._lane()) - 1).astype(np.uint32)

    def match_any_sync(self, line: int, mask: Value, value: Value) -> Value:
        """Bit k is set where lane k holds the same value as this lane (int32)."""
        _, active = self._ballot(line, mask, np.bool_(True), "match_any_sync")
        rows = self.threads.by_warp(value)
        same = (rows[:, :, None] == rows[:, None, :]) & active[:, None, :]
        return _pack(same).reshape(self.threads.shape)

    def match_all_sync(self, line: int, mask: Value, value: Value) -> Value:
        """(mask, True) if all named lanes hold one value, else (0, False)."""
        _, active = self._ballot(line, mask, np.bool_(True), "match_all_sync")
        rows = self.threads.by_warp(value)
        first = np.take_along_axis(rows, active.argmax(axis=1)[:, None], axis=1)
        same = ((rows == first) | ~active).all(axis=1)
        return self._spread(np.where(same, _pack(active), np.int32(0))), self._spread(same)


def _pack(bits: np.ndarray) -> np.ndarray:
    """Booleans (…, 32) as int32 bit patterns."""
    weights = (1 << np.arange(WARP)).astype(np.int64)
    return (bits @ weights).astype(np.uint32).view(np.int32)
