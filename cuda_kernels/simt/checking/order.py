"""What orders accesses: the clock, and the moments of barriers, warp barriers and fences on it.

Every access has a time. Two accesses by different threads are ordered where a barrier of their block, a barrier of the
grid, a syncwarp of their warp, or a fence and two atomics came between them.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from ..state import WARP, Lanes, Mask, Threads
from .recorder import Recorder


class Order:
    """The order of one batch's accesses. `shadows` are those of shared memory, which a barrier empties."""

    def __init__(self, recorder: Recorder, threads: Threads, lanes: Lanes) -> None:
        self.recorder = recorder
        self.threads = threads
        self.lanes = lanes
        self.shadows: list[Any] = []
        self.grid_time = 0  # of the last grid.sync()
        self.barrier_times: Any = recorder.now  # of the last barrier of each block, or of all of them
        self.least_barrier = recorder.now
        self.warp_sync: np.ndarray | None = None  # of each lane: the last syncwarp of its whole warp, and the last

    def tick(self, line: int) -> int:
        """One more access: the time of this one."""
        self.recorder.line_of.append(line)
        self.recorder.now += 1
        return self.recorder.now

    def blocks_in_step(self) -> bool:
        """True while barriers and warp barriers were the same for every block."""
        return not isinstance(self.barrier_times, np.ndarray) and (
            self.warp_sync is None or self.warp_sync.shape[1] == 1)

    # -- barriers -----------------------------------------------------------------------------------------------------

    def barrier(self, now: int) -> None:
        """All threads of all blocks of the batch met."""
        self.barrier_times = self.least_barrier = now
        for shadow in self.shadows:
            shadow.barrier()

    def barrier_of(self, blocks: np.ndarray, now: int) -> None:
        """Threads of some blocks met (booleans)."""
        times = np.broadcast_to(np.asarray(self.barrier_times), (self.threads.blocks,)).copy()
        times[blocks] = now
        self.barrier_times = times
        self.least_barrier = int(times.min())

    def grid_barrier(self, now: int) -> None:
        """All threads of the grid met."""
        self.barrier(now)
        self.grid_time = now

    def warp_barrier(self, active: Mask, present: Mask, now: int) -> None:
        """The active lanes of each warp met; `present` are all that have not returned."""
        threads = self.threads
        small = active.same_in_blocks() and present.same_in_blocks() and (
            self.warp_sync is None or self.warp_sync.shape[1] == 1)
        rows = 1 if small else threads.blocks
        if self.warp_sync is None:
            self.warp_sync = np.zeros((2, rows, threads.width), np.int32)
        elif self.warp_sync.shape[1] != rows:
            self.warp_sync = np.repeat(self.warp_sync, rows, axis=1)
        met, there = active.full()[:rows], present.full()[:rows]
        whole = (met == there).reshape(rows, -1, WARP).all(axis=2).repeat(WARP, axis=1)
        self.warp_sync[0][met & whole] = now
        self.warp_sync[1][met] = now

    # -- fences -------------------------------------------------------------------------------------------------------

    def fence(self, line: int, grid: bool) -> None:
        """A threadfence by the active threads: what they wrote before it is seen first by the grid, or their block."""
        now = self.tick(line)
        if grid:
            self.recorder.fences.fence(self.lanes.blocks(), now)
        self.recorder.thread_fences.fence(self.threads.numbers_of(self.lanes.mask), now)

    def atomic(self) -> None:
        """An atomic by the active threads: it releases what a fence of theirs came behind."""
        recorder = self.recorder
        if recorder.fences.fence_time is not None:
            recorder.fences.atomic(self.lanes.blocks(), recorder.now)
        if recorder.thread_fences.fence_time is not None:
            recorder.thread_fences.atomic(self.threads.numbers_of(self.lanes.mask), recorder.now)

    # -- the question -------------------------------------------------------------------------------------------------

    def unordered(self, block: np.ndarray, threads: np.ndarray, others: np.ndarray, times: np.ndarray,
                  shared: bool) -> np.ndarray:
        """True where nothing orders the earlier access (by `others` at `times`) before this one by `threads`.

        block : of the batch, of each of `threads`
        shared : threads are numbered within their block, and the others are of the same block; else in the grid
        """
        width = self.threads.width
        lane, other_lane = (threads, others) if shared else (threads % width, others % width)
        same_block = None if shared else others // width == threads // width
        met = self.barrier_times
        loose = times > (met[block] if isinstance(met, np.ndarray) else met)
        if self.warp_sync is not None:
            row = block if self.warp_sync.shape[1] > 1 else 0
            whole, part = self.warp_sync[0, row, lane], self.warp_sync[1, row, lane]
            together = (part >= times) & (part == self.warp_sync[1, row, other_lane])
            loose &= ~((lane // WARP == other_lane // WARP) & ((whole >= times) | together))
        first = self.threads.first_block * width if shared else 0
        by_thread = self.recorder.thread_fences
        if same_block is None or same_block.all():
            return loose & ~by_thread.ordered(others + first, threads + first, times)
        fenced = np.where(same_block, by_thread.ordered(others, threads, times),
                          self.recorder.fences.ordered(others // width, threads // width, times))
        return np.where(same_block, loose, times > self.grid_time) & ~fenced
