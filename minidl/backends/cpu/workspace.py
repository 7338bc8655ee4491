"""Memory for large results of the backend `cpu`, from a pool instead of the operating system; see `devices/pool.py`.

`empty` returns an ordinary array. A block is never in the pool while anything can see it, so ops stay pure: to a caller
`workspace.empty` behaves as `np.empty`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from minidl.backends.devices.pool import HostSource, Leased, Pool

SMALLEST = 1 << 16  # bytes; below this NumPy's own allocator reuses memory well
DEFAULT_LIMIT = 1 << 30  # bytes that may lie unused in the pool
CHUNK = 4 << 20  # bytes of an intermediate that is used up at once; measured, see `chunks`

POOL = Pool(HostSource("cpu"), DEFAULT_LIMIT)


def empty(shape: int | tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """Return a C-contiguous array with undefined content, as `np.empty` does, in recycled memory where it is large.

    >>> a = empty((64, 1024), np.float32)
    >>> a.shape, a.dtype, a.flags.c_contiguous
    ((64, 1024), dtype('float32'), True)
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < SMALLEST or dtype.hasobject:
        return np.empty(shape, dtype)
    return np.asarray(Leased(POOL.lease(size), shape, dtype))


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
