"""Who wrote an element, what a thread read, and which elements are behind a result: `launch(..., owners=True)`.

While an `owners` launch runs, every store and atomic to global memory is noted: its line, its addresses, its threads.
What a thread read is found later, for the one block that is asked for: the launch is repeated on copies of the arrays
as they were before it, and that block runs on a machine that follows its data (see dataflow.py).
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..run import Run
from ..state import WARP, Allocation, View, linear, split
from .dataflow import Leaf, Tracer

Index = tuple[int, ...]
KEPT_TRACES = 4  # blocks whose data flow is kept


@dataclass(frozen=True)
class Owner:
    """A thread that stored to an element or updated it atomically.

    block, thread : (x, y, z); warp and lane within the block
    line : of the kernel's file; `text` is its source
    operation : "store" or "atomic"
    """

    block: tuple[int, int, int]
    thread: tuple[int, int, int]
    warp: int
    lane: int
    line: int
    text: str
    operation: str

    def __str__(self) -> str:
        return f"thread {self.thread} of block {self.block}, line {self.line}: {self.text}"


@dataclass(frozen=True)
class Source:
    """An element that a thread read: the array's name in the kernel, the index, who read it and at which line."""

    array: str
    index: Index
    block: tuple[int, int, int]
    thread: tuple[int, int, int]
    line: int


class Owners:
    """Who wrote what in one launch. An array is named as in the kernel, or given itself (or a view of its memory).

    >>> import numpy as np
    >>> from numba import cuda
    >>> from cuda_kernels import simt
    >>> def reverse(x, out):
    ...     i = cuda.grid(1)
    ...     if i < x.size:
    ...         out[i] = x[x.size - 1 - i]
    >>> owners = simt.launch(reverse, 2, 32, np.arange(40.0), np.zeros(40), owners=True).owners
    >>> [(o.block[0], o.thread[0], o.line) for o in owners.writers_of("out", 35)]
    [(1, 3, 4)]
    >>> owners.reads_of(block=1, thread=3), owners.stores_of(block=1, thread=3)
    ({'x': [(4,)]}, {'out': [(35,)]})
    """

    def __init__(self, run: Run, before: tuple[Any, ...], launched: tuple[Any, ...]) -> None:
        self._run = run
        self._before = before
        self._stores = run.recorder.stores or {}
        self._launched = launched  # the caller's arguments, whose memory the addresses mean
        self._traces: dict[int, Tracer] = {}

    def writers_of(self, array: str | np.ndarray, index: Any) -> tuple[Owner, ...]:
        """The threads that wrote an element: all atomics since the last plain store, and that store; the last first.

        Lanes that stored to it in one statement (a race) are all listed. () where no thread wrote it.

        Raises KeyError : the launch has no such array; IndexError : the index is not in it
        """
        alloc, address = self._place(array, index)
        found: list[Owner] = []
        for line, where, threads, operation in reversed(self._stores.get(alloc, [])):
            hits = threads[where == address]
            found += [self._owner(int(number), line, operation) for number in hits[::-1]]
            if hits.size and operation == "store":
                break
        return tuple(found)

    def stores_of(self, block: Any, thread: Any) -> dict[str, list[Index]]:
        """The elements of global arrays that a thread stored to or updated atomically, by array, each once.

        block, thread : number, or (x, y, z)
        """
        width = -(-math.prod(self._run.block) // WARP) * WARP
        number = linear(block, self._run.grid) * width + linear(thread, self._run.block)
        found: dict[str, dict[Index, None]] = {}
        for alloc, entries in self._stores.items():
            for _, where, threads, _ in entries:
                for address in where[threads == number]:
                    found.setdefault(alloc.name, {})[alloc.index(int(address))] = None
        return {name: list(indices) for name, indices in found.items()}

    def workers(self) -> tuple[int, int]:
        """How many threads stored to global memory, and how many elements were stored to."""
        stores = self._stores.values()
        threads = [entry[2] for entries in stores for entry in entries]
        elements = sum(np.unique(np.concatenate([entry[1] for entry in entries])).size for entries in stores)
        return (np.unique(np.concatenate(threads)).size if threads else 0), elements

    def reads_of(self, block: Any, thread: Any) -> dict[str, list[Index]]:
        """The elements of global arrays that a thread read, by array, each once, in the order of their first reads.

        block, thread : number, or (x, y, z)
        """
        trace, lane = self._trace(linear(block, self._run.grid)), linear(thread, self._run.block)
        found: dict[str, dict[Index, None]] = {}
        for event in trace.loads:
            address = event.address_of(lane)
            if event.alloc.space == "global" and address is not None:
                found.setdefault(event.alloc.name, {})[event.alloc.index(address)] = None
        return {name: list(indices) for name, indices in found.items()}

    def sources_of(self, array: str | np.ndarray, index: Any) -> tuple[Source, ...]:
        """The elements of global arrays that the value of an element was computed from.

        The data are followed back through registers, local and shared memory, shuffles and other threads of the block,
        so that of a tile that a thread loads for its neighbours only what entered this value counts. Indices and
        conditions are not data: of a maximum only the winner is a source. A tensor-core instruction takes all operands
        of its warp for one. An element that another block of this launch wrote is a source like any other.
        """
        alloc, address = self._place(array, index)
        found: dict[Source, None] = {}
        for owner in self.writers_of(array, index):
            number = linear(owner.block, self._run.grid)
            lane = linear(owner.thread, self._run.block)
            for leaf in self._trace(number).behind(alloc.name, address, lane):
                found[self._source(leaf, owner.block)] = None
        return tuple(found)

    # -- places -------------------------------------------------------------------------------------------------------

    def _place(self, array: str | np.ndarray, index: Any) -> tuple[Allocation, int]:
        view, address = self._view(array), None
        if isinstance(array, str):
            index = index if isinstance(index, tuple) else (index,)
            if len(index) != len(view.shape) or any(not 0 <= i < n for i, n in zip(index, view.shape, strict=True)):
                raise IndexError(f"Owners: {array!r} has shape {tuple(view.shape)}. Got index {index}.")
            return view.alloc, int(view.offset) + sum(int(i) * s for i, s in zip(index, view.strides, strict=True))
        index = np.unravel_index(index, array.shape) if isinstance(index, int | np.integer) else tuple(index)
        if len(index) != array.ndim or any(not 0 <= i < n for i, n in zip(index, array.shape, strict=True)):
            raise IndexError(f"Owners: the array has shape {array.shape}. Got index {tuple(index)}.")
        address = address_of(array, index)
        return view.alloc, (address - view.alloc.data.__array_interface__["data"][0]) // view.alloc.itemsize

    def _view(self, array: str | np.ndarray) -> View:
        if isinstance(array, str):
            if array not in self._run.views:
                raise KeyError(f"Owners: the launch has no array {array!r}. There are: {', '.join(self._run.views)}.")
            return self._run.views[array]
        start = array.__array_interface__["data"][0]
        for view in self._run.views.values():
            low = view.alloc.data.__array_interface__["data"][0]
            if low <= start < low + view.alloc.data.nbytes:
                return view
        raise KeyError(f"Owners: the launch has no array in the memory of this one, of shape {array.shape}.")

    def holds(self, array: np.ndarray) -> bool:
        """Whether the array lies in the memory of one of the launch's arrays."""
        try:
            self._view(array)
        except KeyError:
            return False
        return True

    def array_at(self, name: str) -> np.ndarray:
        """The caller's array that a name of the kernel stands for."""
        for parameter, value in zip(self._run.parameters, self._launched, strict=True):
            if parameter == name:
                return value
        raise KeyError(f"Owners: the launch has no array {name!r}.")

    def _owner(self, number: int, line: int, operation: str) -> Owner:
        width = -(-math.prod(self._run.block) // WARP) * WARP
        block, lane = divmod(number, width)
        text = self._run.recorder.source.get(line, "").strip()
        return Owner(split(block, self._run.grid), split(lane, self._run.block), lane // WARP, lane % WARP, line,
                     text, operation)

    def _source(self, leaf: Leaf, block: tuple[int, int, int]) -> Source:
        thread = split(leaf.lane, self._run.block)
        return Source(leaf.alloc.name, leaf.alloc.index(leaf.address), block, thread, leaf.line)

    # -- the data flow of one block -------------------------------------------------------------------------------

    def _trace(self, block: int) -> Tracer:
        if not 0 <= block < math.prod(self._run.grid):
            raise IndexError(f"Owners: the grid has {math.prod(self._run.grid)} blocks. Got block {block}.")
        if block not in self._traces:
            run, again = self._run, copies_of(self._before)
            fresh = Run(run.program, run.grid, run.block, again, checks=False, strict=False,
                        shared_bytes=run.shared_bytes, outputs=(), step_limit=run.step_limit,
                        batch_threads=run.batch_threads)
            if block:
                fresh.execute(first=0, count=block)
            fresh.checks = True
            trace = Tracer()
            fresh.execute(first=block, count=1, attach=trace.attach)
            while len(self._traces) >= KEPT_TRACES:
                self._traces.pop(next(iter(self._traces)))
            self._traces[block] = trace
        return self._traces[block]


def copies_of(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with each array copied; one that is passed twice is one array still."""
    copies: dict[tuple, np.ndarray] = {}

    def copied(a: Any) -> Any:
        if not isinstance(a, np.ndarray):
            return a
        key = (a.__array_interface__["data"][0], a.shape, a.strides, a.dtype)
        if key not in copies:
            copies[key] = np.array(a, order="C") if a.flags.c_contiguous else a.copy(order="K")
        return copies[key]

    return tuple(copied(a) for a in args)


def address_of(array: np.ndarray, index: Any) -> int:
    """The byte address of an element."""
    steps = zip(index, array.strides, strict=True)
    return array.__array_interface__["data"][0] + sum(int(i) * s for i, s in steps)
