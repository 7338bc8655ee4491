"""Memory: each load and store of an element, through checks and counters; and the arrays that a kernel makes."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checking import Checker, Counter, Faults, Recorder, Shadow, StepLimit
from ..errors import ReadOnlyArray, UnsupportedSyntax
from ..state import STATIC_SHARED, Allocation, Lanes, Mask, Value, View, bind_arrays, c_strides, dynamic_size, pick
from . import numeric
from .progress import Progress

_UNKNOWN = 2**63
_REMEMBERED = 1024


@dataclass(eq=False)
class Memory:
    """The memory that the threads of a batch reach; `dynamic_bytes` of a block's shared memory are the launch's."""

    recorder: Recorder
    lanes: Lanes
    faults: Faults
    checker: Checker
    counter: Counter
    progress: Progress
    dynamic_bytes: int

    def __post_init__(self) -> None:
        self.threads = self.lanes.threads
        self.shared: dict[int, Allocation] = {}
        self.dynamic: dict[int, Allocation] = {}
        self.dynamic_memory: np.ndarray | None = None  # of all blocks, as bytes
        self.local: dict[int, Allocation] = {}
        self.constants: dict[int, View] = {}
        self.known_indices: dict[int, tuple[Value, Value, int]] = {}

    def locate(self, line: int, view: View, index: tuple[Value, ...], action: str,
               check: tuple[bool, ...] | None = None, width: int = 1, wraps: bool = True) -> tuple[Value, Mask, Value]:
        """(address, mask of threads inside the array, where outside or None). Nobody reaches outside.

        wraps : a signed index below 0 counts from the end of its axis, as Numba compiles it; a raw pointer's does not
        """
        address, outside, from_end = view.offset, None, None
        for axis, (i, size, stride) in enumerate(zip(index, view.shape, view.strides, strict=True)):
            given, known = i, self.known_indices.get(id(i))
            if known is None and i.dtype is not numeric.INT64:
                known = self._as_index(line, i, action)
            if known is not None:
                i = known[1]
            if check is None or check[axis]:
                limit = size - (width - 1) if axis == len(index) - 1 else size
                if known is None or isinstance(limit, np.ndarray) or known[2] >= limit:
                    wrong = self._outside(i, limit)
                    if wrong is not None and wraps and given.dtype.kind != "u":
                        negative = i < 0
                        if type(given) is not numeric.FromEnd:
                            from_end = negative if from_end is None else from_end | negative
                        i = np.where(negative, i + np.int64(size), i)[()]
                        wrong = self._outside(i, limit)
                    if wrong is not None:
                        outside = wrong if outside is None else outside | wrong
            if type(stride) is int and stride == 1:
                address = address + i
            else:
                address = address + i * np.int64(stride)
        if from_end is not None and self.faults.checks:
            self._check_from_end(line, view, index, from_end if outside is None else from_end & ~outside, action)
        if outside is None:
            return address, self.lanes.mask, None
        address = np.where(outside, np.int64(0), address)[()]
        inside = self.lanes.mask.narrow(~np.atleast_2d(outside))
        if inside.lanes == self.lanes.mask.lanes:
            return address, self.lanes.mask, None
        if self.faults.checks:
            self.checker.outside(line, view, index, self.lanes.mask.narrow(np.atleast_2d(outside)), action, width)
        return address, inside, outside

    def _check_from_end(self, line: int, view: View, index: tuple[Value, ...], from_end: Value, action: str) -> None:
        counted = self.lanes.mask.narrow(np.atleast_2d(from_end))
        if counted.lanes:
            self.checker.from_end(line, view, index, counted, action)

    def _as_index(self, line: int, i: Value, action: str) -> tuple[Value, Value, int]:
        """(an index, the same as int64, its largest value); those that come often (threadIdx) are remembered."""
        if i.dtype.kind not in "iu" and action != "atomic":  # an atomic's is cast by Numba, whatever it is
            raise UnsupportedSyntax(f"an index must be an integer, got {i.dtype}; cast it with int32(...)", line)
        wide = i.astype(np.int64)
        if i.ndim == 0 or i.size > _REMEMBERED:
            return i, wide, _UNKNOWN
        largest = int(wide.max()) if wide.min() >= 0 else _UNKNOWN
        if len(self.known_indices) < _REMEMBERED:
            self.known_indices[id(i)] = (i, wide, largest)  # keeps `i`, so that its id stays its own
        return i, wide, largest

    @staticmethod
    def _outside(i: Value, size: Value) -> Value:
        """Where `i` is not in [0, size), or None where it always is."""
        if not isinstance(size, np.ndarray):
            if i.ndim == 0:
                return None if 0 <= i < size else np.bool_(True)
            if size > 0 and i.view(np.uint64).max() < size:
                return None
        wrong = (i < 0) | (i >= size)
        return wrong if wrong.any() else None

    def load(self, line: int, view: View, index: tuple[Value, ...]) -> Value:
        """`view[index]` for each active thread; 0 where the index is out of bounds."""
        address, mask, outside = self.locate(line, view, index, "load")
        alloc = view.alloc
        if not mask.lanes or not alloc.size:
            return View(alloc, (), (), np.int64(0)) if alloc.record else alloc.dtype.type(0)
        if alloc.record:  # a record: what is loaded is a field of it
            return View(alloc, (), (), address)
        if self.faults.checks:
            self.checker.load(line, alloc, address, mask)
        if self.counter.on:
            self.counter.access(line, alloc, address, mask, "load", alloc.itemsize)
        value = alloc.gather(self.threads, address)
        return value if outside is None else np.where(outside, alloc.dtype.type(0), value)

    def store(self, line: int, view: View, index: tuple[Value, ...], value: Value) -> None:
        """`view[index] = value` for each active thread."""
        address, mask, _ = self.locate(line, view, index, "store")
        self.write(line, view.alloc, address, mask, value)

    def write(self, line: int, alloc: Allocation, address: Value, mask: Mask, value: Value) -> None:
        """Check, count and do one store."""
        if not mask.lanes:
            return
        if not alloc.writable:
            raise ReadOnlyArray(f"line {line}: array {alloc.name!r} is read-only")
        alloc.stored = True
        if self.faults.checks:
            self.checker.store(line, alloc, address, mask)
        if self.counter.on:
            self.counter.access(line, alloc, address, mask, "store", alloc.itemsize)
        if self.recorder.stores is not None:
            self.recorder.note_store(line, alloc, pick(address, mask), self.threads.numbers_of(mask), "store")
        if self.recorder.undo is not None:
            self.recorder.undo(self.threads, alloc)
        value = numeric.convert(line, alloc.dtype, value)
        if self.progress.observing:
            self.progress.observe(alloc, address, mask, value)
        alloc.scatter(self.threads, address, value, mask)

    # -- arrays made by the kernel ------------------------------------------------------------------------------------

    def shared_array(self, line: int, site: int, shape: Value, dtype: np.dtype, name: str) -> View:
        """`cuda.shared.array(shape, dtype)`: one array a block; shape 0 is the launch's dynamic shared memory."""
        extent = self._static_shape(line, shape)
        if extent == (0,):
            return self._dynamic_shared(line, site, dtype, name)
        alloc = self.shared.get(site)
        if alloc is None:
            size = math.prod(extent)
            self._note_shared(line, size * dtype.itemsize)
            alloc = Allocation(name, "shared", np.zeros((self.threads.blocks, size), dtype), extent, c_strides(extent))
            self.shared[site] = alloc
            self.checker.prepare(alloc)
        return View(alloc, extent, alloc.strides, np.int64(0))

    def _note_shared(self, line: int, size: int) -> None:
        """Static shared memory is limited to 48 KB a block (CUDA C++ Programming Guide, technical specifications).

        A kernel that wants more is not compiled, so the launch ends here.
        """
        total = size + sum(a.size * a.itemsize for a in self.shared.values())
        self.recorder.shared_bytes = max(self.recorder.shared_bytes, total)
        if total > STATIC_SHARED:
            self.recorder.fault(
                "bad-launch", line,
                message=f"line {line}: the kernel's static shared arrays take {total} bytes, and a block may have "
                f"{STATIC_SHARED}; use a smaller tile or dynamic shared memory.")
            raise StepLimit

    def _dynamic_shared(self, line: int, site: int, dtype: np.dtype, name: str) -> View:
        """All of the launch's dynamic memory: every array of shape 0 begins at the same byte."""
        if not self.dynamic_bytes:
            self.recorder.fault(
                "bad-launch", line, array=name,
                message=f"line {line}: shared array {name!r} has shape 0, so its size comes from the launch, but the "
                "launch gives no dynamic shared memory; pass shared_bytes= (or kernel[grid, block, stream, bytes]).")
        size = self.dynamic_bytes // dtype.itemsize
        alloc = self.dynamic.get(site)
        if alloc is None:
            alloc = Allocation(name, "shared", self.dynamic_block().view(dtype), (size,), (1,))
            same_width = [a.shadow for a in self.dynamic.values() if a.itemsize == alloc.itemsize]
            self.dynamic[site] = alloc
            self.checker.prepare(alloc)
            if same_width and self.faults.checks:
                alloc.shadow = same_width[0]
            self.checker.name_site(alloc, site)
        return View(alloc, (size,), (1,), np.int64(0))

    def dynamic_block(self) -> np.ndarray:
        """The dynamic shared memory of all blocks, as bytes."""
        if self.dynamic_memory is None:
            self.dynamic_memory = np.zeros((self.threads.blocks, dynamic_size(self.dynamic_bytes)), np.uint8)
        return self.dynamic_memory

    def local_array(self, line: int, site: int, shape: Value, dtype: np.dtype, name: str) -> View:
        """`cuda.local.array(shape, dtype)`: one array a thread, its contents undefined each time it is made."""
        extent = self._static_shape(line, shape)
        alloc = self.local.get(site)
        if alloc is None:
            size = int(np.prod(extent))
            alloc = Allocation(name, "local", np.zeros((size, *self.threads.shape), dtype), extent, c_strides(extent))
            self.local[site] = alloc
        if self.faults.checks:
            for piece in (alloc, *alloc.fields.values()):
                self.checker.forget_local(piece)
        return View(alloc, extent, alloc.strides, np.int64(0))

    def _static_shape(self, line: int, shape: Value) -> tuple[int, ...]:
        extent = shape if isinstance(shape, tuple) else (shape,)
        if any(not isinstance(n, int | np.integer) for n in extent):
            raise UnsupportedSyntax("the shape of a shared or local array must be a constant (a literal or a global)",
                                    line)
        return tuple(int(n) for n in extent)

    def captured(self, array: Any, name: str) -> View:
        """A device array of the kernel's globals: global memory, the same for every launch, and no constant."""
        views = self.recorder.captured
        if id(array) not in views:
            views[id(array)] = bind_arrays({name: array.ary})[name]
            if self.faults.checks:
                views[id(array)].alloc.shadow = Shadow(views[id(array)].alloc)
        return views[id(array)]

    def constant(self, array: np.ndarray, name: str) -> View:
        """A NumPy array of the kernel's globals: constant memory."""
        found = self.constants.get(id(array))
        if found is None:
            data = np.ascontiguousarray(array)
            alloc = Allocation(name, "const", data.reshape(-1), data.shape, c_strides(data.shape))
            alloc.writable = False
            found = View(alloc, data.shape, alloc.strides, np.int64(0))
            self.constants[id(array)] = found
        return found
