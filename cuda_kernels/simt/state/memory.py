"""Memory: global, shared, local and constant arrays, and how threads' indices become addresses.

A kernel's array is a `View`: an `Allocation` and an offset, shape and strides counted in elements. Offset, shape and
indices may differ between threads. An allocation's data are laid out so that one NumPy call serves all threads:

    global, const   data[size]                  one memory for all threads (the caller's own)
    shared          data[blocks, size]          one row a block
    local           data[size, blocks, threads] one plane an element, so that `acc[2]` is a slice
"""
from __future__ import annotations

from typing import Any

import numpy as np

from .masks import Mask

Value = Any
STATIC_SHARED = 48 * 1024  # bytes of a block that a kernel may ask for by itself


class Allocation:
    """One piece of memory. `name`, `shape` and `strides` are those of the array that it was made for."""

    def __init__(self, name: str, space: str, data: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...],
                 base: int = 0) -> None:
        self.name = name
        self.space = space
        self.data = data
        self.dtype = data.dtype
        self.itemsize = data.dtype.itemsize
        self.record = data.dtype.names is not None
        self.shape = shape
        self.strides = strides
        self.base = base
        self.stride = self.itemsize  # bytes from one element to the next
        self.first = 0  # the first element's byte
        self.fields: dict[Any, Allocation] = {}
        self.size = {"shared": data.shape[-1], "local": data.shape[0]}.get(space, data.size)
        self.shadow: Any = None
        self.site = 0  # of one of several names for the dynamic shared memory, else 0
        self.writable = True
        self.stored = False  # a plain store was made
        self.loaded = False  # a plain load was made

    def field(self, checker: Any, of: Any) -> Allocation:
        """A field of the records, .real or .imag of complex elements, or the elements as another dtype.

        Fields have shadows of their own, for they share no bytes; what shares them shares the shadow.
        """
        found = self.fields.get(of)
        if found is None:
            record = self.record
            data = self.data[of] if record else getattr(self.data, of) if isinstance(of, str) else self.data.view(of)
            found = Allocation(f"{self.name}.{of}" if isinstance(of, str) else self.name, self.space, data, self.shape,
                               self.strides, self.base)
            found.stride = self.stride
            offset = self.dtype.fields[of][1] if record else found.itemsize * (of == "imag")  # type: ignore[index]
            found.first = self.first + offset
            found.writable = self.writable
            checker.prepare_field(self, found, record)
            self.fields[of] = found
        return found

    def index(self, address: int) -> tuple[int, ...]:
        """The array index of an address (an element's place in this allocation)."""
        rest, found = address - self.base, [0] * len(self.shape)
        for axis in sorted(range(len(self.shape)), key=lambda k: -abs(self.strides[k])):
            step = self.strides[axis]
            if step and self.shape[axis] > 1:
                found[axis] = int(rest // step) if step > 0 else int(-(-rest // -step))
                rest -= found[axis] * step
        return tuple(found)

    # -- the four ways to reach data: `address` is a NumPy int or an array that broadcasts to (blocks, threads) ------

    def gather(self, threads: Any, address: Value) -> Value:
        """The elements at `address`, one for each thread (or fewer where they are the same)."""
        if self.space == "shared":
            if address.ndim == 0:
                return self.data[:, int(address), None].copy()
            if address.shape[0] == 1 and address.shape[1] > 1:
                return self.data.take(address[0], axis=1)
            return self.data.reshape(-1).take(address + threads.rows * self.size)
        if self.space == "local":
            if address.ndim == 0:
                return self.data[int(address)].copy()
            return self.data.reshape(-1).take(address * threads.lanes + threads.lane_numbers)
        if address.ndim == 0:
            return self.data[int(address)]
        return self.data.take(address)

    def scatter(self, threads: Any, address: Value, value: Value, mask: Mask) -> None:
        """Write `value` at `address` for the threads of `mask`; where two threads meet, the later one stays."""
        if self.space == "shared":
            self._scatter_shared(threads, address, value, mask)
            return
        if self.space == "local":
            if address.ndim == 0:
                if mask.bits is None:
                    self.data[int(address)] = value
                else:
                    np.copyto(self.data[int(address)], value, where=mask.bits, casting="unsafe")
                return
            address = address * threads.lanes + threads.lane_numbers
            self.data.reshape(-1)[pick(address, mask)] = pick(value, mask)
            return
        if mask.bits is None and address.shape == mask.shape == value.shape:
            self.data[address] = value
        else:
            self._place(self.data, pick(address, mask), pick(value, mask))

    def _scatter_shared(self, threads: Any, address: Value, value: Value, mask: Mask) -> None:
        if address.ndim == 2 and address.shape[0] == 1 and address.shape[1] > 1 and mask.same_in_blocks():
            if mask.bits is None:
                self.data[:, address[0]] = value
                return
            lanes = np.flatnonzero(np.broadcast_to(mask.bits[0], mask.shape[1:]))
            if value.ndim == 2 and value.shape[1] > 1:
                value = value[:, lanes]
            self.data[:, address[0][lanes]] = value
            return
        self._place(self.data.reshape(-1), pick(address + threads.rows * self.size, mask), pick(value, mask))

    @staticmethod
    def _place(data: np.ndarray, where: Value, value: Value) -> None:
        data[where] = value[-1] if where.ndim == 0 and value.ndim else value


def pick(x: Value, mask: Mask) -> Value:
    """The active threads' entries of `x` in one dimension (a scalar stays one)."""
    if x.ndim == 0:
        return x
    full = x if x.shape == mask.shape else np.broadcast_to(x, mask.shape)
    return full.reshape(-1) if mask.bits is None else full.reshape(-1)[mask.flat()]


class View:
    """An array as a kernel holds it: `shape`, `strides` and `offset` in elements of `alloc`."""

    __slots__ = ("alloc", "shape", "strides", "offset")
    __array_ufunc__ = None  # arithmetic on a whole array is an error, even `x == y`

    def __ne__(self, other: object) -> bool:
        raise TypeError("a View as a condition")

    def __init__(self, alloc: Allocation, shape: tuple[Value, ...], strides: tuple[int, ...], offset: Value) -> None:
        self.alloc = alloc
        self.shape = shape
        self.strides = strides
        self.offset = offset

    @property
    def dtype(self) -> np.dtype:
        return self.alloc.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def dims(self) -> tuple[Value, ...]:
        """`.shape` as the kernel sees it: int64 values."""
        return tuple(np.int64(n) if isinstance(n, int) else n for n in self.shape)


def place_of(k: Value, extent: tuple[Value, ...]) -> tuple[Value, ...]:
    """The index of element number `k` of an array, in C order."""
    found = []
    for n in reversed(extent):
        found.append(k % n)
        k = k // n
    return tuple(reversed(found))


def dynamic_size(given: int) -> int:
    """Bytes kept for a block's dynamic shared memory: whole elements of any type."""
    return -(-given // 16) * 16


def c_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides in elements of a C-contiguous array."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def flat_memory(a: np.ndarray) -> tuple[np.ndarray, int, tuple[int, ...]]:
    """The memory under `a` as a 1-D array, the place of a[0, 0, …] in it, and `a`'s strides in elements."""
    if a.flags.c_contiguous:
        return a.reshape(-1), 0, c_strides(a.shape)
    if any(s % a.itemsize for s in a.strides):
        raise ValueError(f"simt.launch: an array's strides {a.strides} are no multiples of its itemsize {a.itemsize}")
    strides = tuple(s // a.itemsize for s in a.strides)
    first = sum((n - 1) * s for n, s in zip(a.shape, strides, strict=True) if s < 0)
    size = 1 + sum((n - 1) * abs(s) for n, s in zip(a.shape, strides, strict=True)) if a.size else 0
    start = a[tuple(slice(None, None, -1) if s < 0 else slice(None) for s in strides)]
    memory = np.lib.stride_tricks.as_strided(start, (size,), (a.itemsize,), writeable=a.flags.writeable)
    return memory, -first, strides


def bind_arrays(named: dict[str, np.ndarray]) -> dict[str, View]:
    """A view for each array argument; arrays that overlap in memory share one allocation (so races are seen)."""
    views: dict[str, View] = {}
    found = []
    for name, a in named.items():
        memory, offset, strides = flat_memory(a)
        low = memory.__array_interface__["data"][0]
        found.append((low, low + memory.size * a.itemsize, name, memory, offset, strides))
    group: list[tuple] = []
    for entry in sorted(found, key=lambda e: e[:2]):
        if group and not _overlap(group, entry):
            views.update(_bind_group(group, named))
            group = []
        group.append(entry)
    if group:
        views.update(_bind_group(group, named))
    return {name: views[name] for name in named}


def _overlap(group: list[tuple], entry: tuple) -> bool:
    """Does an array begin inside memory that the group covers, as elements of the same type?"""
    first = group[0][3]
    return (entry[0] < max(e[1] for e in group) and entry[3].dtype == first.dtype
            and (entry[0] - group[0][0]) % first.itemsize == 0)


def _bind_group(group: list[tuple], named: dict[str, np.ndarray]) -> dict[str, View]:
    """One allocation for arrays whose memory overlaps."""
    low, _, name, memory, offset, strides = max(group, key=lambda e: e[1] - e[0])
    start, stop = group[0][0], max(e[1] for e in group)
    if stop - start > memory.size * memory.itemsize:  # no array covers all: look through the lowest one
        low, _, name, memory, offset, strides = group[0]
        size = (stop - start) // memory.itemsize
        memory = np.lib.stride_tricks.as_strided(memory, (size,), memory.strides, writeable=memory.flags.writeable)
    alloc = Allocation(name, "global", memory, named[name].shape, strides, offset)
    alloc.writable = all(named[e[2]].flags.writeable for e in group)
    return {e[2]: View(alloc, named[e[2]].shape, e[5], np.int64(e[4] + (e[0] - start) // memory.itemsize))
            for e in group}
