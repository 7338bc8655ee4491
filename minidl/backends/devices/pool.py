"""A pool of memory, of a device or of the host: blocks that are used again when nothing refers to them any more.

Why. To ask a GPU's driver for memory, or to give it back, costs more than most kernels, and giving back waits until the
GPU is idle. On the host the first touch of a fresh page makes the operating system find and clear it, which costs more
than the arithmetic that fills it. A training step asks for the same sizes every time, so after the first step the pool
serves them all.

How. `lease` gives a block of at least the size asked for, as a `Lease`. The array that is made in it refers to the
lease, and so does every view of that array; when the last is gone, Python deletes the lease, and the block goes back.
The kernels that use it may still be running on the GPU then. That is safe, because minidl launches everything on one
stream: what the next owner launches runs after them.

The pool knows no GPU. A `Source` of blocks gives and takes them, so that the pool is tested without one, and serves the
host too.
"""

from __future__ import annotations

import gc
import threading
from collections import deque
from typing import Any, NamedTuple, Protocol

import numpy as np

from minidl.errors import DeviceMemoryError

ALIGNMENT = 256  # bytes, as a GPU's driver aligns
SMALLEST = 512  # bytes: a GPU's allocations are aligned to 256, and so all of ours are too
CLASSES = 8  # sizes an octave: at most an eighth of a block is unused, and a slightly smaller last batch finds one


class Source(Protocol):
    """Where blocks come from: a GPU's driver, the host, or a fake in a test."""

    device: str

    def allocate(self, nbytes: int) -> tuple[Any, int]:
        """Return a new block and its address. Raises MemoryError if there is no room."""

    def give_back(self) -> None:
        """Called after the pool has let go of its unused blocks: hand them to the driver now."""

    def room(self) -> tuple[int, int] | None:
        """Return the device's free and total bytes, None where that is not known."""


class HostSource:
    """Blocks of the host's memory, for the backend `cpu` and for the SIMT machine."""

    def __init__(self, device: str) -> None:
        self.device = device

    def allocate(self, nbytes: int) -> tuple[Any, int]:
        """Return nbytes of the host's memory, and their address."""
        memory = np.empty(nbytes + ALIGNMENT, np.uint8)
        return memory, memory.ctypes.data + -memory.ctypes.data % ALIGNMENT

    def give_back(self) -> None:
        """Nothing: Python frees what is let go."""

    def room(self) -> None:
        """Return None: what the host has free is not known."""


class Memory(NamedTuple):
    """What the pool of a device holds, in bytes, and how often it helped."""

    device: str
    used: int  # in blocks that arrays lie in
    peak: int  # the most that was used at one time
    held: int  # taken from the device: used, or waiting to be used again
    hits: int  # requests that an unused block served
    misses: int  # requests for which the device was asked
    given_back: int  # times that all unused blocks were given back

    @property
    def unused(self) -> int:
        """Bytes held for reuse."""
        return self.held - self.used

    def __repr__(self) -> str:
        return (
            f"{self.device}: {self.used:,} bytes in use (at most {self.peak:,}), {self.unused:,} held for "
            f"reuse; of {self.hits + self.misses:,} requests the pool served {self.hits:,}"
        )


class Lease:
    """The right to a block, until the last array in it is gone."""

    __slots__ = ("__weakref__", "address", "block", "pool", "size")

    def __init__(self, pool: Pool, block: Any, address: int, size: int) -> None:
        self.pool, self.block, self.address, self.size = pool, block, address, size

    def __del__(self) -> None:
        # Trap: this runs at any moment, also while this thread holds the pool's lock; waiting for the lock here would
        # wait for ever. Appending to a deque is atomic and needs none.
        self.pool.returned.append((self.block, self.address, self.size))
        if self.pool.limit is not None and self.pool.lock.acquire(blocking=False):
            try:
                self.pool.sort_in()
            finally:
                self.pool.lock.release()


class Pool:
    """Unused blocks by size.

    Parameters
    ----------
    source : gives blocks, see `Source`
    limit : bytes that may lie unused in it; None for any number. Beyond it, sizes that have not come back for longest
        go first.
    """

    def __init__(self, source: Source, limit: int | None = None) -> None:
        self.source, self.limit = source, limit
        self.free: dict[int, list[tuple[Any, int]]] = {}
        self.used = self.peak = self.held = self.hits = self.misses = self.given_back = 0
        self.lock = threading.Lock()
        self.returned: deque[tuple[Any, int, int]] = deque()

    def lease(self, nbytes: int) -> Lease:
        """Return a block of at least `nbytes`.

        Raises
        ------
        DeviceMemoryError : there is no room, not even after all unused blocks were given back
        """
        size = size_class(nbytes)
        with self.lock:
            self.sort_in()
            blocks = self.free.get(size)
            if blocks:
                self.hits += 1
                block, address = blocks.pop()  # the newest: most likely still in a cache
            else:
                self.misses += 1
                block, address = self._allocate(size, nbytes)
                self.held += size
            self.used += size
            self.peak = max(self.peak, self.used)
        return Lease(self, block, address, size)

    def memory(self) -> Memory:
        """Return what the pool holds."""
        with self.lock:
            self.sort_in()
            return Memory(
                self.source.device, self.used, self.peak, self.held, self.hits, self.misses, self.given_back
            )  # fmt: skip

    def clear(self) -> None:
        """Give all unused blocks back to the device; arrays in use are not touched."""
        gc.collect()
        with self.lock:
            self.sort_in()
            self._give_back()

    def _allocate(self, size: int, nbytes: int) -> tuple[Any, int]:
        try:
            return self.source.allocate(size)
        except MemoryError:
            gc.collect()  # a deleted model, whose layers refer to each other, is gone only after this
            self.sort_in()
            waiting = self.held - self.used
            self._give_back()
            try:
                return self.source.allocate(size)
            except MemoryError as error:
                raise self._no_room(nbytes, waiting) from error

    def _give_back(self) -> None:
        self.free.clear()
        self.held = self.used
        self.given_back += 1
        self.source.give_back()

    def _no_room(self, nbytes: int, waiting: int) -> DeviceMemoryError:
        free = self._room_sentence(nbytes)
        return DeviceMemoryError(
            f"device {self.source.device!r} is out of memory: asked for {nbytes:,} bytes. minidl's arrays use "
            f"{self.used:,}, and {waiting:,} that its pool held were given back first. {free} A smaller batch helps, "
            "as does predicting outside a tape and deleting tensors, tapes and models that are no longer needed. "
            "`minidl doctor` shows the device, minidl.backends.memory() what minidl holds of it."
        )

    def _room_sentence(self, nbytes: int) -> str:
        """What the device has, and the likely cause."""
        found = self.source.room()
        if found is None:
            return "What is recorded for the backward, one activation a layer, grows with the batch."
        free, total = found
        elsewhere = max(0, total - free - self.held)
        if nbytes > total:
            cause = "This one array is larger than the device's memory: is a shape wrong?"
        elif elsewhere > total // 4:
            cause = f"{elsewhere:,} are taken by others: does another program use the GPU (nvidia-smi)?"
        else:
            cause = "What is recorded for the backward, one activation a layer, grows with the batch."
        return f"Of the device's {total:,} bytes {free:,} are free. {cause}"

    def sort_in(self) -> None:
        """Put blocks that came back among the unused ones; the lock is held."""
        while self.returned:
            block, address, size = self.returned.popleft()
            blocks = self.free.pop(size, [])  # taken out and put in again: the dict's last entry is the newest
            blocks.append((block, address))
            self.free[size] = blocks
            self.used -= size
        while self.limit is not None and self.held - self.used > self.limit:
            size = next(iter(self.free))
            self.held -= size * len(self.free.pop(size))


class Leased:
    """What NumPy needs to make an array in a block: `np.asarray(Leased(…))` refers to this, and so to the lease."""

    def __init__(self, lease: Lease, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.lease = lease
        self.__array_interface__ = {
            "version": 3, "shape": shape, "typestr": dtype.str, "data": (lease.address, False)
        }  # fmt: skip


def size_class(nbytes: int) -> int:
    """Round up to one of `CLASSES` sizes an octave, and to a multiple of `SMALLEST`.

    >>> size_class(1), size_class(513), size_class(100_000), size_class(1 << 20)
    (512, 1024, 106496, 1048576)
    """
    step = max(SMALLEST, 1 << max((nbytes - 1).bit_length() - CLASSES.bit_length(), 0))
    return max(-(-nbytes // step), 1) * step
