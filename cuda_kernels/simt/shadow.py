"""Shadow memory: who touched each element last, and when, so that races and uninitialised reads can be seen.

Time is a counter that grows with each access. For each element the shadow keeps the time and thread of the last write
and of two readers (the latest, and one of another warp where there is one). Two accesses by different threads, of which
one writes and which are not both atomic, are a race unless something orders them:

- `syncthreads` orders all accesses of a block before it with all after it;
- `syncwarp` orders the same way the lanes of a warp that took part (nothing else does within a warp: since Volta, lanes
  run independently; shuffles and votes do not order memory either);
- nothing orders two blocks, but a `threadfence` followed by an atomic of the writer's block, then an atomic of the
  reader's block (the "last block" pattern).

Two lanes that write one element in the same statement race too. Source: NVIDIA, CUDA C++ Programming Guide, "Memory
Fence Functions", "Synchronization Functions", "Independent Thread Scheduling"; the idea of keeping epochs for each
element: Flanagan and Freund, "FastTrack: efficient and precise dynamic race detection", PLDI 2009.

As long as all blocks do the same at the same addresses, shared memory keeps one shadow row for all of them
(`collapsed`): that is why a tiled product is checked for the price of one block.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from .masks import WARP, Mask
from .memory import Allocation, pick

_LOG_LIMIT = 1 << 20


class Shadow:
    """The shadow of one global or shared allocation. Threads are numbered block * P + lane (shared: lane)."""

    def __init__(self, machine: Any | None, alloc: Allocation) -> None:
        self.alloc = alloc
        self.shared = alloc.space == "shared"
        self.blocks = machine.blocks if self.shared and machine is not None else 1
        self.collapsed = self.shared and self.blocks > 1
        size = alloc.size if self.collapsed or not self.shared else alloc.size * self.blocks
        self.write_time = np.zeros(size, np.int32)  # 0 never, negative: an atomic
        self.writer = np.zeros(size, np.int32)  # ~thread where others wrote too
        self.readers: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None
        self.log: list[tuple[np.ndarray, np.ndarray, int]] = []
        self.logged = 0

    # -- addresses and threads of one access, in one dimension -------------------------------------------------------

    def select(self, machine: Any, address: Any, mask: Mask) -> tuple[np.ndarray, np.ndarray]:
        """(addresses, threads) of the active threads; leaves the collapsed state if the blocks differ."""
        if self.collapsed:
            if (mask.same_in_blocks() and (address.ndim == 0 or address.shape[0] == 1) and machine.blocks_in_step()):
                lanes = machine.row_lanes(mask)
                if address.ndim == 0:
                    return np.full(lanes.size, int(address)), lanes
                row = address[0] if address.shape[1] > 1 else np.broadcast_to(address[0], mask.shape[1:])
                return (row if lanes.size == row.size else row[lanes]), lanes
            self.expand()
        lanes = mask.flat()
        if self.shared:
            address = address + machine.rows * self.alloc.size
            threads = machine.lane_in_block[lanes]
        else:
            threads = lanes + machine.first_block * machine.shape[1]
        if address.ndim == 0:
            return np.full(lanes.size, int(address)), threads
        return pick(address, mask), threads

    def expand(self) -> None:
        """From one row for all blocks to one row a block."""
        times, size = self.blocks, self.alloc.size
        self.write_time = np.tile(self.write_time, times)
        self.writer = np.tile(self.writer, times)
        if self.readers is not None:
            self.readers = tuple(np.tile(a, times) for a in self.readers)  # type: ignore[assignment]
        step = (np.arange(times) * size)[:, None]
        self.log = [((a[None, :] + step).reshape(-1), np.tile(t, times), when) for a, t, when in self.log]
        self.collapsed = False

    # -- accesses -----------------------------------------------------------------------------------------------------

    def read(self, machine: Any, line: int, address: Any, mask: Mask) -> None:
        """A plain load by the threads of `mask`."""
        machine.access_verb = "reads"
        where, threads = self.select(machine, address, mask)
        times = self.write_time[where]
        now = machine.tick(line)
        if self.shared:
            if times.min() <= 0 and not times.all():
                machine.report_uninitialised(line, self, where, threads, times == 0)
            if times.max() > machine.least_barrier or times.min() < 0:
                self._check_write(machine, line, where, threads, now, False)
            self.log.append((where, threads, now))
            self.logged += where.size
            if self.logged > _LOG_LIMIT:
                self.settle(machine)
            return
        if times.any():
            self._check_write(machine, line, where, threads, now, False)
        self._record_readers(machine, where, threads, now)

    def write(self, machine: Any, line: int, address: Any, mask: Mask) -> None:
        """A plain store by the threads of `mask`."""
        machine.access_verb = "writes"
        where, threads = self.select(machine, address, mask)
        now = machine.tick(line)
        self.settle(machine)
        times = self.write_time[where]
        if times.max() > (machine.least_barrier if self.shared else 0) or times.min() < 0:
            self._check_write(machine, line, where, threads, now, False)
        self._check_readers(machine, line, where, threads, now)
        self.writer[where] = threads
        self.write_time[where] = now
        last = self.writer[where]
        if (last != threads).any():
            self._report(machine, line, where, threads, last, np.full(where.size, now), last != threads, "write")

    def atomic(self, machine: Any, line: int, address: Any, mask: Mask) -> None:
        """An atomic read-modify-write: orders nothing, but does not race with other atomics."""
        machine.access_verb = "updates (atomically)"
        where, threads = self.select(machine, address, mask)
        now = machine.tick(line)
        self.settle(machine)
        times = self.write_time[where]
        if self.shared and not times.all():
            machine.report_uninitialised(line, self, where, threads, times == 0)
        if times.max() > (machine.least_barrier if self.shared else 0):
            self._check_write(machine, line, where, threads, now, True)
        self._check_readers(machine, line, where, threads, now)
        before = self.writer[where]
        self.writer[where] = threads
        others = self.writer[where] != threads
        joined = (times < 0) & (before != threads)  # atomics of several threads since the last barrier
        if joined.any():
            joined &= self.unordered(machine, where, threads, before, -times)
        others |= joined
        self.writer[where[others]] = ~np.abs(threads[others])
        self.write_time[where] = -now

    def barrier(self) -> None:
        """A barrier of every block: reads before it can race with nothing after it."""
        self.log.clear()
        self.logged = 0

    # -- the rules ----------------------------------------------------------------------------------------------------

    def _check_write(self, machine: Any, line: int, where: np.ndarray, threads: np.ndarray, now: int,
                     atomic: bool) -> None:
        times, writers = self.write_time[where], self.writer[where]
        suspect = (times != 0) & (writers != threads)
        if atomic:
            suspect &= times > 0
        if suspect.any():
            times = np.abs(times)
            suspect &= self.unordered(machine, where, threads, writers, times)
            if suspect.any():
                self._report(machine, line, where, threads, writers, times, suspect, "write")

    def _check_readers(self, machine: Any, line: int, where: np.ndarray, threads: np.ndarray, now: int) -> None:
        if self.readers is None:
            return
        for slot in (0, 2):
            readers, times = self.readers[slot][where], self.readers[slot + 1][where]
            suspect = (times > 0) & (readers != threads)
            if suspect.any():
                suspect &= self.unordered(machine, where, threads, readers, times)
                if suspect.any():
                    self._report(machine, line, where, threads, readers, times, suspect, "read")
                    return

    def unordered(self, machine: Any, where: np.ndarray, threads: np.ndarray, others: np.ndarray,
                  times: np.ndarray) -> np.ndarray:
        """True where nothing orders the earlier access (by `others` at `times`) before this one."""
        others = np.where(others < 0, ~others, others)
        width = machine.shape[1]
        if self.shared:
            block = where // self.alloc.size  # 0 while collapsed
            lane, other_lane = threads, others
            same_block = None
        else:
            block = threads // width - machine.first_block
            lane, other_lane = threads % width, others % width
            same_block = others // width == threads // width
        loose = times > machine.barrier_time(block)
        if machine.warp_sync is not None:
            rows = machine.warp_sync.shape[0]
            synced = machine.warp_sync[block if rows > 1 else 0]
            if rows > 1:
                mine = machine.warp_sync[block, lane]
                theirs = machine.warp_sync[block, other_lane]
            else:
                mine, theirs = synced[lane], synced[other_lane]
            ordered = (lane // WARP == other_lane // WARP) & (np.minimum(mine, theirs) >= times)
            loose &= ~ordered
        if same_block is not None and not same_block.all():
            fenced = machine.fences.ordered(others // width, threads // width, times)
            loose = np.where(same_block, loose, ~fenced)
        return loose

    # -- readers ------------------------------------------------------------------------------------------------------

    def settle(self, machine: Any) -> None:
        """Enter the logged reads into the readers' slots."""
        for where, threads, when in self.log:
            self._record_readers(machine, where, threads, when)
        self.log.clear()
        self.logged = 0

    def _record_readers(self, machine: Any, where: np.ndarray, threads: np.ndarray, when: int) -> None:
        if self.readers is None:
            size = self.write_time.size
            self.readers = tuple(np.zeros(size, np.int32) for _ in range(4))  # type: ignore[assignment]
        first, first_time, second, second_time = self.readers  # type: ignore[misc]
        before, before_time = first[where], first_time[where]
        moved = (before_time > 0) & (before != threads)
        if moved.any():
            at, old, old_time = where[moved], before[moved], before_time[moved]
            warp = threads[moved] // WARP
            better = (old // WARP != warp) | (second[at] // WARP == warp)
            better |= second_time[at] <= (machine.least_barrier if self.shared else 0)
            second[at[better]] = old[better]
            second_time[at[better]] = old_time[better]
        first[where] = threads
        first_time[where] = when
        last = first[where]
        twice = last != threads
        if twice.any():
            far = twice & (last // WARP != threads // WARP)
            stale = twice & (second_time[where] <= (machine.least_barrier if self.shared else 0))
            for chosen in (stale, far):
                second[where[chosen]] = threads[chosen]
                second_time[where[chosen]] = when

    def _report(self, machine: Any, line: int, where: np.ndarray, threads: np.ndarray, others: np.ndarray,
                times: np.ndarray, bad: np.ndarray, earlier: str) -> None:
        moments, which = np.unique(times, return_inverse=True)
        lines = np.array([machine.recorder.line_of[t] for t in moments.tolist()])[which]
        while bad.any():
            k = int(np.flatnonzero(bad)[0])
            same = bad & (lines == lines[k])
            count = int(np.count_nonzero(same)) * (self.blocks if self.collapsed else 1)
            other = int(others[k])
            other = ~other if other < 0 else other
            machine.report_race(line, int(times[k]), self, int(where[k]), int(threads[k]), other, count, earlier)
            bad = bad & ~same
