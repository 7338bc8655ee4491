"""Shadow memory: who touched each element last, and when, so that races and uninitialised reads can be seen.

Time is a counter that grows with each access. For each element the shadow keeps the time and thread of the last plain
store, of two readers and of two atomics: the latest, and one as far from it as was seen (another block, else another
warp). Two accesses by different threads, of which one writes and which are not both atomic, are a race unless something
orders them:

- `syncthreads` orders all accesses of a block before it with all after it;
- `syncwarp` orders the same way the lanes of a warp that took part (nothing else does within a warp: since Volta, lanes
  run independently; shuffles and votes do not order memory either);
- nothing orders two blocks, but a `threadfence` followed by an atomic of the writer's block, then an atomic of the
  reader's block (the "last block" pattern); and so for two threads of a block (a lock). In a cooperative launch
  `grid.sync()` orders everything before it.

Two lanes that write one element in the same statement race too. Source: NVIDIA, CUDA C++ Programming Guide, "Memory
Fence Functions", "Synchronization Functions", "Independent Thread Scheduling"; the idea of keeping epochs for each
element: Flanagan and Freund, "FastTrack: efficient and precise dynamic race detection", PLDI 2009.

As long as all blocks do the same at the same addresses, shared memory keeps one shadow row for all of them
(`collapsed`): that is why a tiled product is checked for the price of one block.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from ..state import WARP, Allocation, Mask, pick

_LOG_LIMIT = 1 << 20
Slots = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # thread and time of two accesses to each element


class Shadow:
    """The shadow of one global or shared allocation. Threads are numbered block * P + lane (shared: lane)."""

    def __init__(self, alloc: Allocation, blocks: int = 1) -> None:
        self.alloc = alloc
        self.shared = alloc.space == "shared"
        self.blocks = blocks
        self.collapsed = self.shared and self.blocks > 1
        size = alloc.size if self.collapsed or not self.shared else alloc.size * self.blocks
        self.write_time = np.zeros(size, np.int32)  # of the last plain store, 0: never
        self.writer = np.zeros(size, np.int32)
        self.readers: Slots | None = None
        self.atomics: Slots | None = None
        self.last_write = 0  # of any element
        self.complete = False  # every element was written
        self.log: list[tuple[np.ndarray, np.ndarray, int]] = []
        self.logged = 0
        self.atomic_log: list[tuple[np.ndarray, np.ndarray, int]] = []
        self.atomic_logged = 0
        self.verb = ""  # of the access that is checked
        self.updated: np.ndarray | None = None  # elements with an atomic that is no longer in the log or the slots

    # -- addresses and threads of one access, in one dimension -------------------------------------------------------

    def select(self, checker: Any, address: Any, mask: Mask) -> tuple[np.ndarray, np.ndarray]:
        """(addresses, threads) of the active threads; leaves the collapsed state if the blocks differ."""
        if self.collapsed:
            if mask.same_in_blocks() and (address.ndim == 0 or address.shape[0] == 1) and (
                    checker.order.blocks_in_step()):
                lanes = checker.threads.row_lanes(mask)
                if address.ndim == 0:
                    return np.full(lanes.size, int(address)), lanes
                row = address[0] if address.shape[1] > 1 else np.broadcast_to(address[0], mask.shape[1:])
                return (row if lanes.size == row.size else row[lanes]), lanes
            self.expand()
        lanes = mask.flat()
        if self.shared:
            address = address + checker.threads.rows * self.alloc.size
            threads = checker.threads.lane_in_block[lanes]
        else:
            threads = lanes + checker.threads.first_block * checker.threads.width
        if address.ndim == 0:
            return np.full(lanes.size, int(address)), threads
        return pick(address, mask), threads

    def expand(self) -> None:
        """From one row for all blocks to one row a block."""
        times, size = self.blocks, self.alloc.size
        self.write_time = np.tile(self.write_time, times)
        self.writer = np.tile(self.writer, times)
        for name in ("readers", "atomics"):
            slots = getattr(self, name)
            if slots is not None:
                setattr(self, name, tuple(np.tile(a, times) for a in slots))
        step = (np.arange(times) * size)[:, None]
        self.log, self.atomic_log = ([((a[None, :] + step).reshape(-1), np.tile(t, times), when) for a, t, when in log]
                                     for log in (self.log, self.atomic_log))
        if self.updated is not None:
            self.updated = np.tile(self.updated, times)
        self.collapsed = False

    # -- accesses -----------------------------------------------------------------------------------------------------

    def read(self, checker: Any, line: int, address: Any, mask: Mask) -> None:
        """A plain load by the threads of `mask`."""
        where, threads, now = self._begin(checker, line, address, mask, "reads")
        self._check_write(checker, line, where, threads)
        self.check_atomics(checker, line, where, threads)
        if not self.shared:
            self.readers = self._record(checker, self.readers, where, threads, now)
            return
        if not self.complete:
            self._check_initialised(checker, line, where, threads)
        self.log.append((where, threads, now))
        self.logged += where.size
        if self.logged > _LOG_LIMIT:
            self.settle(checker)

    def write(self, checker: Any, line: int, address: Any, mask: Mask) -> None:
        """A plain store by the threads of `mask`."""
        where, threads, now = self._begin(checker, line, address, mask, "writes")
        self._check_write(checker, line, where, threads)
        self._check_readers(checker, line, where, threads)
        self.check_atomics(checker, line, where, threads)
        self.writer[where] = threads
        self.write_time[where] = self.last_write = now
        last = self.writer[where]
        if (last != threads).any():
            self._report(checker, line, where, threads, last, np.full(where.size, now), last != threads, "write")

    def atomic(self, checker: Any, line: int, address: Any, mask: Mask) -> None:
        """An atomic read-modify-write: orders nothing, but does not race with other atomics."""
        where, threads, now = self._begin(checker, line, address, mask, "updates (atomically)")
        if self.shared and not self.complete:
            self._check_initialised(checker, line, where, threads)
        self._check_write(checker, line, where, threads)
        self._check_readers(checker, line, where, threads)
        self.atomic_log.append((where.astype(np.int32), threads.astype(np.int32), now))
        self.atomic_logged += where.size
        if self.atomic_logged > 4 * _LOG_LIMIT:
            self.settle_atomics(checker)

    def _begin(self, checker: Any, line: int, address: Any, mask: Mask, verb: str) -> tuple[Any, Any, int]:
        """(addresses, threads, time) of an access."""
        self.verb = verb
        where, threads = self.select(checker, address, mask)
        return where, threads, checker.order.tick(line)

    def _check_readers(self, checker: Any, line: int, where: np.ndarray, threads: np.ndarray) -> None:
        self.settle(checker)
        if self.readers is not None:
            self._check_slots(checker, line, where, threads, self.readers, "read")

    def check_atomics(self, checker: Any, line: int, where: np.ndarray, threads: np.ndarray) -> None:
        """A plain access races with atomics of others."""
        self.settle_atomics(checker)
        if self.atomics is not None:
            self._check_slots(checker, line, where, threads, self.atomics, "atomic")

    def touched(self) -> np.ndarray:
        """Which elements were written, plainly or atomically."""
        written = (self.write_time != 0) | self._updated()
        return written if self.atomics is None else written | (self.atomics[1] != 0)

    def _updated(self) -> np.ndarray:
        """Which elements have an atomic in the log, or had one before the last barrier."""
        found = np.zeros(self.write_time.size, bool) if self.updated is None else self.updated
        for where, _, _ in self.atomic_log:
            found[where] = True
        return found

    def barrier(self) -> None:
        """A barrier of every block: reads and atomics before it can race with nothing after it."""
        self.log.clear()
        self.logged = 0
        if self.atomic_log:
            self.updated = self._updated()
            self.atomic_log.clear()
            self.atomic_logged = 0

    # -- the rules ----------------------------------------------------------------------------------------------------

    def _check_initialised(self, checker: Any, line: int, where: np.ndarray, threads: np.ndarray) -> None:
        self.complete = bool(self.write_time.all())
        unknown = self.write_time[where] == 0
        if self.atomics is not None:
            unknown &= self.atomics[1][where] == 0
        if unknown.any() and (self.atomic_log or self.updated is not None):
            unknown &= ~self._updated()[where]
        if unknown.any():
            checker.shared_unwritten(line, self, where, threads, unknown)

    def _check_write(self, checker: Any, line: int, where: np.ndarray, threads: np.ndarray) -> None:
        if self.last_write <= (checker.order.least_barrier if self.shared else checker.order.grid_time):
            return
        times, writers = self.write_time[where], self.writer[where]
        suspect = (times != 0) & (writers != threads)
        if suspect.any():
            suspect &= self.unordered(checker, where, threads, writers, times)
            if suspect.any():
                self._report(checker, line, where, threads, writers, times, suspect, "write")

    def _check_slots(self, checker: Any, line: int, where: np.ndarray, threads: np.ndarray, slots: Slots,
                     earlier: str) -> None:
        for k in (0, 2):
            others, times = slots[k][where], slots[k + 1][where]
            suspect = (times > 0) & (others != threads)
            if suspect.any():
                suspect &= self.unordered(checker, where, threads, others, times)
                if suspect.any():
                    self._report(checker, line, where, threads, others, times, suspect, earlier)
                    return

    def unordered(self, checker: Any, where: np.ndarray, threads: np.ndarray, others: np.ndarray,
                  times: np.ndarray) -> np.ndarray:
        """True where nothing orders the earlier access (by `others` at `times`) before this one."""
        at = checker.threads  # a shared element's block is 0 while collapsed
        block = where // self.alloc.size if self.shared else threads // at.width - at.first_block
        return checker.order.unordered(block, threads, others, times, self.shared)

    # -- readers and atomics ------------------------------------------------------------------------------------------

    def settle(self, checker: Any) -> None:
        """Enter the logged reads into the readers' slots."""
        for where, threads, when in self.log:
            self.readers = self._record(checker, self.readers, where, threads, when)
        self.log.clear()
        self.logged = 0

    def settle_atomics(self, checker: Any) -> None:
        """The same for atomics."""
        for where, threads, when in self.atomic_log:
            self.atomics = self._record(checker, self.atomics, where, threads, when)
        self.atomic_log.clear()
        self.atomic_logged = 0

    def _record(self, checker: Any, slots: Slots | None, where: np.ndarray, threads: np.ndarray, when: int) -> Slots:
        """Enter accesses by `threads` at time `when` into the slots of readers or of atomics."""
        if slots is None:
            n = self.write_time.size
            slots = (np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32))
        first, first_time, _, _ = slots
        before, before_time = first[where], first_time[where]
        moved = (before_time > 0) & (before != threads)
        if moved.any():
            self._second(checker, slots, where[moved], threads[moved], before[moved], before_time[moved])
        first[where] = threads
        first_time[where] = when
        last = first[where]
        twice = last != threads
        if twice.any():
            order = np.flatnonzero(twice)
            order = order[np.argsort(self._distance(checker, threads[order], last[order]), kind="stable")]
            times = np.full(order.size, when, np.int32)
            self._second(checker, slots, where[order], last[order], threads[order], times)
        return slots

    def _second(self, checker: Any, slots: Slots, where: np.ndarray, first: np.ndarray, other: np.ndarray,
                times: np.ndarray) -> None:
        """Keep `other` in the second slot, unless the one there is further from `first` and still of use."""
        _, _, second, second_time = slots
        kept = self._distance(checker, second[where], first)
        stale = (second_time[where] == 0) | ((kept < 2) & (second_time[where] <= checker.order.least_barrier))
        better = stale | (self._distance(checker, other, first) >= kept)
        second[where[better]] = other[better]
        second_time[where[better]] = times[better]

    def _distance(self, checker: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """0 in one warp, 1 in one block, 2 in different blocks: the further, the less can order the two."""
        apart = (a // WARP != b // WARP).astype(np.int8)
        return apart if self.shared else apart + (a // checker.threads.width != b // checker.threads.width)

    def _report(self, checker: Any, line: int, where: np.ndarray, threads: np.ndarray, others: np.ndarray,
                times: np.ndarray, bad: np.ndarray, earlier: str) -> None:
        moments, which = np.unique(times, return_inverse=True)
        lines = np.array([checker.recorder.line_of[t] for t in moments.tolist()])[which]
        while bad.any():
            k = int(np.flatnonzero(bad)[0])
            same = bad & (lines == lines[k])
            count = int(np.count_nonzero(same)) * (self.blocks if self.collapsed else 1)
            checker.race(line, int(times[k]), self, int(where[k]), int(threads[k]), int(others[k]), count,
                                earlier)
            bad = bad & ~same
