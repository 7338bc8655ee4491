"""Memory for large results, taken from a pool instead of the operating system.

Why. The first touch of a fresh page makes the operating system find and clear it (a page fault). For an array of many
megabytes this costs more than the arithmetic that fills it, and NumPy pays it again on every call, because freed large
arrays go back to the system. Here a freed block is kept, and the next result of about that size lies in it.

How. `empty` returns an ordinary array that looks into a block. When the last array that refers to the block is gone,
Python calls back (`weakref`), and the block returns to the pool. A block is never in the pool while anything can see
it, so ops stay pure: to a caller `workspace.empty` behaves as `np.empty`.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from minidl.errors import ArgumentError

SMALLEST = 1 << 16  # bytes; below this NumPy's own allocator reuses memory well
ALIGNMENT = 64  # bytes: one cache line, one AVX-512 register
DEFAULT_LIMIT = 1 << 30  # bytes that may lie unused in the pool
CHUNK = 4 << 20  # bytes of an intermediate that is used up at once; measured, see `chunks`


class Statistics(NamedTuple):
    """Unused blocks in the pool, their bytes, and how many requests were served from it or by a new block."""

    free_blocks: int
    free_bytes: int
    reused: int
    created: int


class _Pool:
    """Unused blocks by size, and the blocks that came back and are not sorted in yet."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.free: dict[int, list[np.ndarray]] = {}
        self.free_bytes = 0
        self.reused = 0
        self.created = 0
        self.lock = threading.Lock()
        # Trap: a call-back can come at any moment, also while this thread holds the lock; waiting for the lock there
        # would wait for ever. Appending to a deque is atomic and needs none.
        self.returned: deque[np.ndarray] = deque()
        self.watched: dict[int, weakref.ref[np.ndarray]] = {}  # a weak reference must itself be kept alive

    def take(self, size: int) -> np.ndarray:
        with self.lock:
            self._sort_in()
            blocks = self.free.get(size)
            if blocks:
                self.free_bytes -= size
                self.reused += 1
                return blocks.pop()  # the newest: most likely still in a cache
            self.created += 1
        return _aligned_block(size)

    def watch(self, owner: np.ndarray, block: np.ndarray) -> None:
        """Put `block` back when `owner`, which every view of the memory refers to, is gone."""

        def gone(reference: weakref.ref[np.ndarray]) -> None:
            del self.watched[id(reference)]
            self.returned.append(block)
            if self.lock.acquire(blocking=False):
                try:
                    self._sort_in()
                finally:
                    self.lock.release()

        reference = weakref.ref(owner, gone)
        self.watched[id(reference)] = reference

    def clear(self) -> None:
        with self.lock:
            self._sort_in()
            self.free.clear()
            self.free_bytes = 0

    def _sort_in(self) -> None:
        while self.returned:
            block = self.returned.popleft()
            blocks = self.free.pop(block.nbytes, [])  # taken out and put in again: the dict's last entry is the newest
            blocks.append(block)
            self.free[block.nbytes] = blocks
            self.free_bytes += block.nbytes
        while self.free_bytes > self.limit:  # sizes that have not come back for longest go first
            size = next(iter(self.free))
            self.free_bytes -= size * len(self.free.pop(size))


def _aligned_block(size: int) -> np.ndarray:
    memory = np.empty(size + ALIGNMENT, np.uint8)
    offset = -memory.ctypes.data % ALIGNMENT
    return memory[offset : offset + size]


_POOL = _Pool(DEFAULT_LIMIT)


def empty(shape: int | tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """Return a C-contiguous array with undefined content, as `np.empty` does, in recycled memory where it is large.

    >>> a = empty((64, 1024), np.float32)
    >>> a.shape, a.dtype, a.flags.c_contiguous
    ((64, 1024), dtype('float32'), True)
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    dtype = np.dtype(dtype)
    count = math.prod(shape)
    size = count * dtype.itemsize
    if size < SMALLEST or dtype.hasobject:
        return np.empty(shape, dtype)
    block = _POOL.take(_rounded(size))
    # Every view of `owner` refers to it, not to `block`: NumPy shortens a chain of views only as far as the array whose
    # memory is not another array's, and the memoryview `block.data` stands between the two.
    owner = np.frombuffer(block.data, dtype, count)
    _POOL.watch(owner, block)
    return owner.reshape(shape)


def empty_like(x: np.ndarray) -> np.ndarray:
    """Return a C-contiguous array of x's shape and dtype with undefined content."""
    return empty(x.shape, x.dtype)


def zeros(shape: int | tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """Return a C-contiguous array of zeros in recycled memory where it is large."""
    array = empty(shape, dtype)
    array.fill(0)
    return array


def chunks(count: int, bytes_each: int, limit: int = CHUNK) -> Iterator[slice]:
    """Cut a batch of `count` samples into slices whose intermediate results, `bytes_each` a sample, fit `limit`.

    An intermediate that is written, read once and forgotten should stay in the processor's cache: the next slice then
    overwrites it there, and it never travels to main memory. Slices must not be too small either, or the matrix
    products in between run below their speed.

    >>> list(chunks(5, 100, limit=200))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, limit // max(bytes_each, 1))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def statistics() -> Statistics:
    """Return what the pool holds and how often it helped."""
    with _POOL.lock:
        _POOL._sort_in()
        blocks = sum(len(blocks) for blocks in _POOL.free.values())
        return Statistics(blocks, _POOL.free_bytes, _POOL.reused, _POOL.created)


def clear() -> None:
    """Give all unused blocks back to the operating system; arrays in use are not touched."""
    _POOL.clear()


def set_limit(limit: int) -> None:
    """Bound the bytes that lie unused in the pool (0 switches it off); what is over the bound is given back."""
    if not isinstance(limit, int) or limit < 0:
        raise ArgumentError(f"workspace.set_limit: bytes must be an integer ≥ 0. Got {limit!r}.")
    with _POOL.lock:
        _POOL.limit = limit
        _POOL._sort_in()


def _rounded(size: int) -> int:
    """Round up to one of eight sizes an octave, so that a slightly smaller last batch finds a block too."""
    step = 1 << max(size.bit_length() - 4, 0)
    return -(-size // step) * step
