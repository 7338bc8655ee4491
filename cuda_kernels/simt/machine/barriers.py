"""Barriers and fences: who waits for whom, and who fails to come."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checking import Counter, Faults, Order
from ..errors import UnsupportedSyntax
from ..state import Lanes, Mask, Threads, Value
from . import numeric
from .warps import Warps


@dataclass(eq=False)
class Barriers:
    """syncthreads and its kin, syncwarp, threadfence."""

    threads: Threads
    lanes: Lanes
    counter: Counter
    faults: Faults
    order: Order
    warps: Warps

    def syncthreads(self, line: int) -> None:
        """Every thread of a block waits for all others; orders all accesses of the block."""
        mask, everyone = self.lanes.mask, self.lanes.everyone
        self.counter.barrier(line)
        if not self.faults.checks:
            return
        now = self.order.tick(line)
        if mask is everyone or mask.lanes == everyone.lanes:
            self.order.barrier(now)
            return
        count = np.count_nonzero(mask.full(), axis=1)
        part = (count > 0) & (count < self.threads.per_block)
        if part.any():
            self.divergent(line, mask, part)
        self.order.barrier_of(count > 0, now)

    def grid_sync(self, line: int) -> Value:
        """cuda.cg.this_grid().sync(): every thread of the grid waits for all others; orders all accesses before it."""
        if not self.threads.all_blocks():
            raise UnsupportedSyntax("grid.sync() cannot be run block by block, as the stepper does, and threads that "
                                    "wait for others in a loop", line)
        mask, remaining = self.lanes.mask, self.lanes.remaining
        self.counter.barrier(line)
        if self.faults.checks:
            now = self.order.tick(line)
            if mask.lanes != remaining.lanes:
                absent = remaining.minus(mask)
                lane = int(absent.flat()[0])
                thread, where = self.threads.index_of(lane), self.threads.block_of(lane)
                self.faults.recorder.fault(
                    "divergent-barrier", line, threads=(thread,), blocks=(where,), count=absent.lanes,
                    message=f"grid.sync() at line {line} is reached by {mask.lanes} of {remaining.lanes} threads: "
                    f"thread {thread} of block {where} is on another path (a branch or loop that it is inside of), "
                    "and the others wait for ever.")
            self.order.grid_barrier(now)
        return np.int32(0)

    def divergent(self, line: int, here: Mask, part: np.ndarray) -> None:
        """Of some blocks (booleans) only a part of the threads is at the barrier."""
        block, threads = int(np.flatnonzero(part)[0]), self.threads
        reached = here.full()[block]
        absent = int(np.flatnonzero((np.arange(threads.width) < threads.per_block) & ~reached)[0])
        lane = block * threads.width + absent
        thread, where = threads.index_of(lane), threads.block_of(lane)
        other = next((at for gone, at in self.lanes.exits if gone.full()[block, absent]), None)
        how = ("is on another path (a branch or loop that the barrier is inside of)" if other is None else
               f"returned early, at line {other}")
        self.faults.recorder.fault(
            "divergent-barrier", line, other_line=other, threads=(thread,), blocks=(where,), count=int(part.sum()),
            message=f"the barrier at line {line} is reached by {int(reached.sum())} of {threads.per_block} threads of "
            f"block {where}: thread {thread} {how}. Every thread of a block must reach every syncthreads.")

    def _vote(self, line: int, x: Value, what: str) -> np.ndarray:
        if x.dtype.kind not in "iu":
            raise UnsupportedSyntax(f"Numba's cuda.syncthreads_{what} takes an integer, got {x.dtype}; write "
                                    f"cuda.syncthreads_{what}(int32(...))", line)
        self.syncthreads(line)
        return np.broadcast_to(numeric.truth(x), self.threads.shape) & self.lanes.mask.full()

    def syncthreads_count(self, line: int, x: Value) -> Value:
        """Barrier; how many threads of the block have a true `x` (int32)."""
        return self._vote(line, x, "count").sum(axis=1, dtype=np.int32)[:, None]

    def syncthreads_or(self, line: int, x: Value) -> Value:
        """Barrier; 1 if `x` is true for any thread of the block (int32)."""
        return np.any(self._vote(line, x, "or"), axis=1)[:, None].astype(np.int32)

    def syncthreads_and(self, line: int, x: Value) -> Value:
        """Barrier; 1 if `x` is true for all threads of the block (int32)."""
        held = self._vote(line, x, "and")
        return np.all(held | ~self.lanes.mask.full(), axis=1)[:, None].astype(np.int32)

    def syncwarp(self, line: int, members: Value = None) -> None:
        """The lanes of `members` wait for each other; orders their accesses among themselves."""
        lanes = self.lanes
        if self.counter.on:
            self.counter.lines[line].warp_barriers += lanes.mask.warps
        if self.faults.checks:
            now = self.order.tick(line)
            self.warps.check_members(line, np.int64(0xFFFFFFFF) if members is None else members, "syncwarp")
            self.order.warp_barrier(lanes.mask, lanes.remaining, now)

    def threadfence(self, line: int) -> None:
        """Writes before it are seen by other blocks before writes after it."""
        if self.faults.checks and self.lanes.mask.lanes:
            self.order.fence(line, grid=True)

    threadfence_system = threadfence

    def threadfence_block(self, line: int) -> None:
        """The same for the threads of the block alone."""
        if self.faults.checks and self.lanes.mask.lanes:
            self.order.fence(line, grid=False)

    def nanosleep(self, line: int, nanoseconds: Value) -> None:
        """No clock here: nothing happens."""
