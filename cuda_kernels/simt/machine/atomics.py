"""Atomic operations: as if the threads came one after another, in the order of their numbers.

A GPU's order is not defined; where the result depends on it (which thread gets which ticket, how a float sum rounds),
the machine's answer is one of the possible ones. Old values are returned only where the kernel uses them.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checking import Checker, Counter, Faults, Recorder
from ..errors import UnsupportedSyntax
from ..state import Allocation, Choice, Mask, Threads, Value, View, pick
from . import numeric
from .arrays import Arrays
from .memory import Memory
from .progress import Progress

_WORDS = ("int32", "int64", "uint32", "uint64")
_TAKES = {  # the types of element that numba-cuda 0.30.4 compiles each for
    **dict.fromkeys(("add", "sub", "max", "min", "nanmax", "nanmin"), (*_WORDS, "float32", "float64")),
    **dict.fromkeys(("and_", "or_", "xor", "exch", "cas", "compare_and_swap"), _WORDS),
    **dict.fromkeys(("inc", "dec"), ("uint32", "uint64")),
}
_AT = {
    "add": np.add,
    "sub": np.subtract,
    "max": np.fmax,
    "min": np.fmin,
    "nanmax": np.fmax,
    "nanmin": np.fmin,
    "and_": np.bitwise_and,
    "or_": np.bitwise_or,
    "xor": np.bitwise_xor,
}


@dataclass(eq=False)
class Atomics:
    """cuda.atomic.*"""

    recorder: Recorder
    threads: Threads
    faults: Faults
    counter: Counter
    checker: Checker
    progress: Progress
    memory: Memory
    arrays: Arrays

    def atomic(self, line: int, name: str, wanted: bool, view: Value, index: Value, *values: Value) -> Value:
        """`cuda.atomic.<name>(view, index, *values)`; the old values if `wanted`."""
        if type(view) is not View:
            if isinstance(view, Choice):
                return self.arrays.over(view, lambda one: self.atomic(line, name, wanted, one, index, *values))
            raise UnsupportedSyntax(f"cuda.atomic.{name} needs an array", line)
        index = index if type(index) is tuple else (index,)
        if len(index) != len(view.shape):
            raise UnsupportedSyntax(f"cuda.atomic.{name}: {len(index)} indices for {len(view.shape)} axes", line)
        if view.dtype.name not in _TAKES[name]:
            raise UnsupportedSyntax(f"Numba has cuda.atomic.{name} for arrays of {', '.join(_TAKES[name])}, got "
                                    f"{view.alloc.name!r} of {view.dtype}; use an array of one of these", line)
        address, mask, outside = self.memory.locate(line, view, index, "atomic")
        alloc = view.alloc
        if not mask.lanes:
            return alloc.dtype.type(0)
        if not alloc.writable:
            raise UnsupportedSyntax(f"cuda.atomic.{name}: array {alloc.name!r} is {alloc.space} memory; atomics are "
                                    "for arrays that can be written", line)
        if self.faults.checks:
            self.checker.atomic(line, alloc, address, mask)
        if self.recorder.undo is not None:
            self.recorder.undo(self.threads, alloc)
        flat, where = self._flat(alloc, address, mask)
        if self.recorder.stores is not None:
            self.recorder.note_store(line, alloc, where, self.threads.numbers_of(mask), "atomic")
        if self.counter.on and alloc.space != "local":  # a thread's own array: the compiler makes plain accesses of it
            self.counter.atomic(line, alloc, address, mask)
        numbers = [np.broadcast_to(pick(numeric.cast(v, alloc.dtype), mask), where.shape) for v in values]
        held = flat[where] if self.progress.observing else None
        old = _apply(name, flat, where, numbers, wanted)
        if held is not None and not np.array_equal(held, flat[where], equal_nan=flat.dtype.kind == "f"):
            self.recorder.changes += 1
        if not wanted:
            return None
        result = np.zeros(self.threads.shape, alloc.dtype)
        result.reshape(-1)[mask.flat()] = old
        return result

    def _flat(self, alloc: Allocation, address: Value, mask: Mask) -> tuple[np.ndarray, np.ndarray]:
        if alloc.space == "shared":
            address = np.broadcast_to(address + self.threads.rows * alloc.size, self.threads.shape)
        elif alloc.space == "local":
            address = address * self.threads.lanes + self.threads.lane_numbers
        where = pick(address, mask)
        return alloc.data.reshape(-1), np.full(mask.lanes, int(where)) if where.ndim == 0 else where


def _apply(name: str, data: np.ndarray, where: np.ndarray, values: list[np.ndarray], wanted: bool) -> np.ndarray | None:
    """Do the operation for each entry of `where` in turn; the values before, if wanted."""
    if name in _AT and not wanted:
        _AT[name].at(data, where, values[0])
        return None
    order = np.argsort(where, kind="stable")
    place = where[order]
    starts = np.flatnonzero(np.concatenate(([True], place[1:] != place[:-1])))
    sizes = np.diff(np.append(starts, place.size))
    sorted_values = [v[order] for v in values]
    old = np.empty(place.size, data.dtype)
    if name in _AT and sizes.size <= sizes.max():
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
            part = slice(start, start + size)
            chain = np.concatenate((data[place[start]][None], sorted_values[0][part]))
            chain = _AT[name].accumulate(chain, dtype=data.dtype)
            old[part] = chain[:-1]
            data[place[start]] = chain[-1]
    else:
        for turn in range(int(sizes.max())):
            k = starts[sizes > turn] + turn
            before = data[place[k]]
            old[k] = before
            data[place[k]] = _one(name, before, [v[k] for v in sorted_values])
    if not wanted:
        return None
    result = np.empty_like(old)
    result[order] = old
    return result


def _one(name: str, old: np.ndarray, values: list[np.ndarray]) -> np.ndarray:
    """What an element holds after one operation."""
    if name in _AT:
        return _AT[name](old, values[0], dtype=old.dtype)
    if name == "exch":
        return values[0]
    if name in ("cas", "compare_and_swap"):
        return np.where(old == values[0], values[1], old)
    if name == "inc":
        return np.where(old >= values[0], 0, old + 1).astype(old.dtype)
    if name == "dec":
        return np.where((old == 0) | (old > values[0]), values[0], old - 1).astype(old.dtype)
    raise UnsupportedSyntax(f"cuda.atomic.{name} is not known to the SIMT machine")
