"""A registry of intrinsics: what each means in NumPy, so that a kernel that uses them runs on the SIMT machine.

    def ld4_meaning(context, array, index):
        return context.load(array, index, 4)

    simt.register_intrinsic(ld4, ld4_meaning)

The meaning is called with a `Context` and the call's arguments. A number is a NumPy scalar (the same in every thread)
or an array that broadcasts to `context.shape`; an array argument is passed on to `context.load` and `context.store`,
which count and check it as any access. The meaning returns a number, a tuple of numbers or None.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import UnsupportedSyntax
from ..state import Value, View
from . import numeric

Meaning = Callable[..., Any]
_registered: dict[int, tuple[Any, Meaning]] = {}


def register_intrinsic(intrinsic: Any, meaning: Meaning) -> Meaning:
    """Let `intrinsic`, called in a kernel, mean `meaning(context, *arguments)`; returns `meaning`.

    intrinsic : the object that the kernel's source names (an `@intrinsic`, a declared device function, any object)
    meaning : function of a `Context` and the arguments; see this module's text for what they are

    Raises TypeError if `meaning` cannot be called.
    """
    if not callable(meaning):
        raise TypeError(f"register_intrinsic: the meaning must be a function, got {type(meaning).__name__}")
    _registered[id(intrinsic)] = (intrinsic, meaning)
    return meaning


def find(intrinsic: Any) -> Meaning | None:
    """The meaning registered for an object, or None."""
    entry = _registered.get(id(intrinsic))
    return None if entry is None else entry[1]


class Context:
    """What the meaning of an intrinsic may do: memory through the checks, lanes by warp, counted operations."""

    def __init__(self, machine: Any, line: int) -> None:
        self.machine = machine
        self.line = line

    @property
    def shape(self) -> tuple[int, int]:
        """(blocks of the batch, threads of a block rounded up to whole warps)."""
        return self.machine.threads.shape

    @property
    def mask(self) -> np.ndarray:
        """(blocks, threads) booleans: which threads execute the intrinsic."""
        return self.machine.lanes.mask.full()

    @property
    def lane(self) -> np.ndarray:
        """(1, threads) int32: each thread's lane, 0 to 31."""
        return self.machine.threads.laneid

    def load(self, array: Any, index: Value, count: int = 1) -> Any:
        """`array[index]`; with `count` > 1 one wide access: a tuple of `count` neighbours along the last axis.

        index : a number or a tuple of numbers. The wide access must start at a multiple of its own size.
        """
        machine, line = self.machine, self.line
        index = self._index(array, index)
        if count == 1:
            return machine.memory.load(line, array, index)
        address, mask, outside = self._wide(array, index, count, "load")
        alloc = array.alloc
        if not mask.lanes:
            return (alloc.dtype.type(0),) * count
        values = []
        for k in range(count):
            if machine.faults.checks:
                machine.checker.load(line, alloc, address + np.int64(k), mask)
            value = alloc.gather(machine.threads, address + np.int64(k))
            values.append(value if outside is None else np.where(outside, alloc.dtype.type(0), value))
        if machine.counter.on:
            machine.counter.access(line, alloc, address, mask, "load", alloc.itemsize * count)
        return tuple(values)

    def store(self, array: Any, index: Value, values: Any) -> None:
        """`array[index] = values`; a tuple of values is one wide access to neighbours along the last axis."""
        machine, line = self.machine, self.line
        index = self._index(array, index)
        if not isinstance(values, tuple):
            machine.arrays.store(line, array, index, values)
            return
        address, mask, _ = self._wide(array, index, len(values), "store")
        alloc = array.alloc
        if not mask.lanes:
            return
        counter = machine.counter
        counting, counter.on = counter.on, False
        for k, value in enumerate(values):
            machine.memory.write(line, alloc, address + np.int64(k), mask, value)
        counter.on = counting
        if counting:
            counter.access(line, alloc, address, mask, "store", alloc.itemsize * len(values))

    def _index(self, array: Any, index: Value) -> tuple[Value, ...]:
        if not isinstance(array, View):
            raise UnsupportedSyntax("an intrinsic's memory access needs an array", self.line)
        index = index if isinstance(index, tuple) else (index,)
        if len(index) == 1 and len(array.shape) > 1:
            return self._flat_index(array, index[0])
        return tuple(np.asarray(i)[()] for i in index)

    def _flat_index(self, array: View, index: Value) -> tuple[Value, ...]:
        """A flat index into a C-contiguous array, as a raw pointer would take it."""
        index, found = numeric.cast(np.asarray(index)[()], numeric.INT64), []
        for size in reversed(array.shape[1:]):
            found.append(index % size)
            index = index // size
        return (index, *reversed(found))

    def _wide(self, array: View, index: tuple[Value, ...], count: int, action: str) -> tuple[Value, Any, Value]:
        address, mask, outside = self.machine.memory.locate(self.line, array, index, action, width=count, wraps=False)
        if self.machine.faults.checks and mask.lanes:
            wrong = mask.narrow(np.atleast_2d(address % count != 0))
            if wrong.lanes:
                self.machine.checker.misaligned(self.line, array, address, wrong, count)
        return address, mask, outside

    def by_warp(self, value: Value) -> np.ndarray:
        """`value` as (warps of the batch, 32), for operations across lanes."""
        return self.machine.threads.by_warp(value)

    def from_warps(self, rows: np.ndarray) -> np.ndarray:
        """(warps, 32) back to one value a thread."""
        return np.ascontiguousarray(rows).reshape(self.shape)

    def flops(self, operations: int, dtype: Any = np.float32) -> None:
        """Count floating-point operations for each active thread (an fma is two)."""
        if self.machine.counter.on:
            self.machine.counter.flop(self.line, np.dtype(dtype), operations)

    def tensor_products(self) -> None:
        """Count a product on the tensor cores for each active warp."""
        if self.machine.counter.on:
            self.machine.counter.lines[self.line].tensor_products += self.machine.lanes.mask.warps

    def check_full_warps(self, what: str) -> None:
        """Report lanes that do not take part in an operation of a whole warp (mma.sync, ldmatrix)."""
        if self.machine.faults.checks:
            self.machine.warps.check_members(self.line, np.int64(0xFFFFFFFF), what)


