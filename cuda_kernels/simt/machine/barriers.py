"""Barriers and fences: what they order, and who fails to reach them."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UnsupportedSyntax
from . import numeric
from .masks import WARP, Mask
from .parts import Part

Value = Any


class Barriers(Part):
    """syncthreads and its kin, syncwarp, threadfence. Part of `Machine`."""

    mask: Mask
    checks: bool
    shape: tuple[int, int]
    warp_sync: np.ndarray | None
    barrier_times: Any
    least_barrier: int

    def syncthreads(self, line: int) -> None:
        """Every thread of a block waits for all others; orders all accesses of the block."""
        mask = self.mask
        if self.counting:
            self.lines[line].barriers += self._blocks_at(mask)
        if not self.checks:
            return
        now = self.tick(line)
        if mask is self.full_mask or mask.lanes == self.full_mask.lanes:
            self.barrier_times = self.least_barrier = now
            for shadow in self.shared_shadows:
                shadow.barrier()
            return
        count = np.count_nonzero(mask.full(), axis=1)
        part = (count > 0) & (count < self.threads)
        if part.any():
            self.report_divergent(line, part)
        times = np.broadcast_to(np.asarray(self.barrier_times), (self.blocks,)).copy()
        times[count > 0] = now
        self.barrier_times = times
        self.least_barrier = int(times.min())

    def grid_sync(self, line: int) -> Value:
        """cuda.cg.this_grid().sync(): every thread of the grid waits for all others; orders all accesses before it."""
        gx, gy, gz = self.recorder.grid
        if self.blocks < gx * gy * gz:
            raise UnsupportedSyntax("grid.sync() cannot be run block by block, as the stepper does, and threads that "
                                    "wait for others in a loop", line)
        mask = self.mask
        if self.counting:
            self.lines[line].barriers += self._blocks_at(mask)
        if self.checks:
            now = self.tick(line)
            if mask.lanes != self.remaining.lanes:
                self._report_partial_grid(line)
            self.barrier_times = self.least_barrier = self.grid_time = now
            for shadow in self.shared_shadows:
                shadow.barrier()
        return np.int32(0)

    def _report_partial_grid(self, line: int) -> None:
        absent = self.remaining.minus(self.mask).flat()
        thread, where = self.thread_index(int(absent[0])), self.block_of(int(absent[0]))
        self.recorder.fault(
            "divergent-barrier", line, threads=(thread,), blocks=(where,), count=absent.size,
            message=f"grid.sync() at line {line} is reached by {self.mask.lanes} of {self.remaining.lanes} threads: "
            f"thread {thread} of block {where} is on another path (a branch or loop that it is inside of), and the "
            "others wait for ever.")

    def barrier_time(self, block: np.ndarray) -> Value:
        """When each of these blocks last met at a barrier."""
        if isinstance(self.barrier_times, np.ndarray):
            return self.barrier_times[block]
        return self.barrier_times

    def _blocks_at(self, mask: Mask) -> int:
        if mask.bits is None or mask is self.full_mask:
            return self.blocks
        return int(np.count_nonzero(mask.full().any(axis=1)))

    def report_divergent(self, line: int, part: np.ndarray) -> None:
        block = int(np.flatnonzero(part)[0])
        width = self.shape[1]
        reached = self.mask.full()[block]
        expected = np.arange(width) < self.threads
        absent = np.flatnonzero(expected & ~reached)
        lane = block * width + int(absent[0])
        thread, where = self.thread_index(lane), self.block_of(lane)
        other = None
        how = "is on another path (a branch or loop that the barrier is inside of)"
        for gone, at in self.exits:
            if gone.full()[block, absent[0]]:
                other, how = at, f"returned early, at line {at}"
                break
        self.recorder.fault(
            "divergent-barrier", line, other_line=other, threads=(thread,), blocks=(where,), count=int(part.sum()),
            message=f"the barrier at line {line} is reached by {int(reached.sum())} of {self.threads} threads of block "
            f"{where}: thread {thread} {how}. Every thread of a block must reach every syncthreads.")

    def _vote(self, line: int, x: Value, what: str) -> np.ndarray:
        if x.dtype.kind not in "iu":
            raise UnsupportedSyntax(f"Numba's cuda.syncthreads_{what} takes an integer, got {x.dtype}; write "
                                    f"cuda.syncthreads_{what}(int32(...))", line)
        self.syncthreads(line)
        return np.broadcast_to(numeric.truth(x), self.shape) & self.mask.full()

    def syncthreads_count(self, line: int, x: Value) -> Value:
        """Barrier; how many threads of the block have a true `x` (int32)."""
        return self._vote(line, x, "count").sum(axis=1, dtype=np.int32)[:, None]

    def syncthreads_or(self, line: int, x: Value) -> Value:
        """Barrier; 1 if `x` is true for any thread of the block (int32)."""
        return np.any(self._vote(line, x, "or"), axis=1)[:, None].astype(np.int32)

    def syncthreads_and(self, line: int, x: Value) -> Value:
        """Barrier; 1 if `x` is true for all threads of the block (int32)."""
        held = self._vote(line, x, "and")
        return np.all(held | ~self.mask.full(), axis=1)[:, None].astype(np.int32)

    def syncwarp(self, line: int, members: Value = None) -> None:
        """The lanes of `members` wait for each other; orders their accesses among themselves."""
        if self.counting:
            self.lines[line].warp_barriers += self.mask.warps
        if not self.checks:
            return
        now = self.tick(line)
        self.check_members(line, np.int64(0xFFFFFFFF) if members is None else members, "syncwarp")
        small = self.mask.same_in_blocks() and self.remaining.same_in_blocks() and (
            self.warp_sync is None or self.warp_sync.shape[1] == 1)
        rows = 1 if small else self.blocks
        if self.warp_sync is None:
            self.warp_sync = np.zeros((2, rows, self.shape[1]), np.int32)
        elif self.warp_sync.shape[1] != rows:
            self.warp_sync = np.repeat(self.warp_sync, rows, axis=1)
        active, present = self.mask.full()[:rows], self.remaining.full()[:rows]
        whole = (active == present).reshape(rows, -1, WARP).all(axis=2).repeat(WARP, axis=1)
        self.warp_sync[0][active & whole] = now
        self.warp_sync[1][active] = now

    def threadfence(self, line: int) -> None:
        """Writes before it are seen by other blocks before writes after it."""
        if self.checks and self.mask.lanes:
            now = self.tick(line)
            self.fences.fence(self.active_blocks(), now)
            self.recorder.thread_fences.fence(self.active_threads(), now)

    threadfence_system = threadfence

    def threadfence_block(self, line: int) -> None:
        """The same for the threads of the block alone."""
        if self.checks and self.mask.lanes:
            self.recorder.thread_fences.fence(self.active_threads(), self.tick(line))

    def active_threads(self) -> np.ndarray:
        """Grid-wide numbers of the active threads."""
        return self.mask.flat() + self.first_block * self.shape[1]

    def active_blocks(self) -> np.ndarray:
        """Grid-wide numbers of the blocks that have an active thread."""
        if self.mask.bits is None:
            return np.arange(self.blocks) + self.first_block
        return np.flatnonzero(self.mask.full().any(axis=1)) + self.first_block

    def nanosleep(self, line: int, nanoseconds: Value) -> None:
        """No clock here: nothing happens."""


