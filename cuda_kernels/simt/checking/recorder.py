"""What is kept through a whole launch: faults (folded), figures by line, clocks, samples."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import KernelFault
from ..report.report import Fault, Figures
from ..state import WARP, Mask


class Recorder:
    """Collects for one launch, over all its batches of blocks."""

    def __init__(self, grid: tuple[int, int, int], block: tuple[int, int, int], source: dict[int, str],
                 strict: bool) -> None:
        self.grid = grid
        self.block = block
        self.source = source
        self.strict = strict
        self.faults: dict[tuple, Fault] = {}
        self.lines: defaultdict[int, Figures] = defaultdict(Figures)
        self.line_of: list[int] = [0]  # time of an access -> its line
        self.now = 0
        self.steps: list[tuple[int, Mask]] = []
        self.samples: dict[tuple, list] = {}
        self.shared_bytes = 0
        blocks = grid[0] * grid[1] * grid[2]
        self.fences = Fences(blocks)
        self.thread_fences = Fences(blocks * (-(-block[0] * block[1] * block[2] // WARP) * WARP))
        self.captured: dict[int, Any] = {}  # device arrays of the kernel's globals
        self.undo: Callable[[Any, Any], None] | None = None
        self.history: Any = None
        self.changes = 0  # of memory, counted while a loop is watched (progress.py)
        self.stored: set[str] = set()  # names of the arrays that the kernel may write
        self.dynamic_sites: dict[int, set[int]] = {}  # other names of one function for the dynamic shared memory
        self.may_begin_anew = False  # by turns, if nothing changes in lockstep (cooperation.py)
        self.stores: dict[Any, list[tuple]] | None = None  # noted in a launch with owners=True, see owners.py

    def note_store(self, line: int, alloc: Any, where: Any, threads: np.ndarray, operation: str) -> None:
        """Who stored to global memory, and where."""
        if self.stores is not None and alloc.space == "global":
            entry = (line, np.broadcast_to(where, threads.shape).astype(np.int32), threads.astype(np.int32), operation)
            self.stores.setdefault(alloc, []).append(entry)

    def fault(self, kind: str, line: int, message: str, array: str | None = None,
              index: tuple[int, ...] | None = None, other_line: int | None = None, threads: tuple = (),
              blocks: tuple = (), count: int = 1, cells: Any = None) -> None:
        """Enter a fault; one of the same kind, array and lines only adds to its count."""
        both = (line,) if other_line is None or other_line == line else (line, other_line)
        lines = tuple(n for n in both if n)
        key = (kind, array, tuple(sorted(lines)))
        known = self.faults.get(key)
        if known is not None:
            known.count += count
            return
        excerpt = "\n".join(f"{n:5d} | {self.source.get(n, '')}" for n in lines)
        fault = Fault(kind, message, array, index, lines, threads, blocks, excerpt, count, cells)
        self.faults[key] = fault
        if self.strict:
            raise KernelFault(fault)


class Fences:
    """Order between blocks (or threads): one's fence and atomic release what it wrote; another's atomic acquires it."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.fence_time: np.ndarray | None = None
        self.released: Any = None  # writes before this time ...
        self.release_time: Any = None  # ... were released at this time
        self.acquire_time: Any = None

    def fence(self, blocks: np.ndarray, now: int) -> None:
        """A `threadfence` by some threads of `blocks`."""
        if self.fence_time is None:
            self.fence_time, self.released, self.release_time, self.acquire_time = (
                np.zeros(self.blocks, np.int32) for _ in range(4))
        self.fence_time[blocks] = now

    def atomic(self, blocks: np.ndarray, now: int) -> None:
        """An atomic by some threads of `blocks`."""
        if self.fence_time is None:
            return
        fenced = blocks[self.fence_time[blocks] > self.released[blocks]]  # its first atomic after the fence
        self.released[fenced] = self.fence_time[fenced]
        self.release_time[fenced] = now
        self.acquire_time[blocks] = now

    def ordered(self, writers: np.ndarray, readers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """True where the writer's block released its access at `times` before the reader's block acquired."""
        if self.fence_time is None:
            return np.zeros(writers.shape, bool)
        released = times < self.released[writers]
        return released & (self.acquire_time[readers] >= self.release_time[writers])
