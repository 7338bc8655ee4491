"""The pool of device memory: reuse, views that keep a block, statistics, and what happens when the device is full."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl.backends.devices import arrays
from minidl.backends.devices import memory as device_memory
from minidl.backends.devices.pool import Pool, size_class
from minidl.errors import BackendError, DeviceMemoryError


class SmallDevice:
    """A driver with `total` bytes: what it gave counts until the pool lets go of it, as on a GPU."""

    device = "cuda"

    def __init__(self, total, elsewhere=0):
        self.total, self.elsewhere, self.given, self.calls = total, elsewhere, {}, 0
        self.next = 4096

    def allocate(self, nbytes):
        self.calls += 1
        if nbytes > self.free():
            raise MemoryError("CUDA_ERROR_OUT_OF_MEMORY")
        self.next += nbytes
        block = Block()
        self.given[self.next] = (nbytes, weakref.ref(block))
        return block, self.next

    def free(self):
        return self.total - self.elsewhere - sum(nbytes for nbytes, block in self.given.values() if block() is not None)

    def give_back(self):
        pass

    def room(self):
        return self.free(), self.total


class Block:
    pass


def test_a_block_is_used_again_when_its_lease_is_gone_and_not_before():
    pool = Pool(SmallDevice(1 << 20))
    first, second = pool.lease(3000), pool.lease(3000)
    assert first.address != second.address
    address = first.address
    del first
    assert pool.lease(2900).address == address  # of the same size class
    found = pool.memory()
    assert (found.hits, found.misses) == (1, 2)


def test_statistics_count_bytes_in_use_held_and_at_most():
    pool = Pool(SmallDevice(1 << 20))
    leases = [pool.lease(1024), pool.lease(2048)]
    assert pool.memory()[:4] == ("cuda", 3072, 3072, 3072)
    leases.pop()
    assert pool.memory()[:4] == ("cuda", 1024, 3072, 3072)
    assert "1,024 bytes in use (at most 3,072), 2,048 held for reuse" in repr(pool.memory())
    pool.clear()
    assert pool.memory()[:4] == ("cuda", 1024, 3072, 1024)
    leases.pop()
    pool.clear()  # though nobody has looked at it since
    assert pool.memory()[:4] == ("cuda", 0, 3072, 0)


def test_a_full_device_gets_the_unused_blocks_back_and_is_asked_once_more():
    device = SmallDevice(10_240)
    pool = Pool(device)
    kept = pool.lease(2048)
    unused = pool.lease(6144)
    del unused
    calls = device.calls
    lease = pool.lease(8192)  # of another size: fits only when the 6144 unused bytes are gone
    assert device.calls == calls + 2
    assert pool.memory().given_back == 1 and pool.memory().held == 8192 + 2048
    del kept, lease


@pytest.mark.parametrize(
    ("elsewhere", "in_use", "asked", "cause"),
    [
        (0, 0, 50_000, "This one array is larger than the device's memory"),
        (8000, 1024, 4096, "8,000 are taken by others: does another program use the GPU"),
        (0, 8192, 4096, "Of the device's 10,240 bytes 2,048 are free. What is recorded for the backward"),
    ],
)
def test_out_of_memory_says_what_was_asked_for_what_is_there_and_what_helps(elsewhere, in_use, asked, cause):
    pool = Pool(SmallDevice(10_240, elsewhere))
    leases = [pool.lease(in_use)] if in_use else []
    with pytest.raises(DeviceMemoryError, match=r"(?s)out of memory: asked for .* free.*minidl doctor") as caught:
        pool.lease(asked)
    message = str(caught.value)
    assert cause in message and f"asked for {asked:,} bytes" in message and "10,240" in message
    assert isinstance(caught.value, MemoryError) and isinstance(caught.value, BackendError)
    del leases
    gc.collect()


@pytest.mark.parametrize("ask", [lambda pool: pool.lease(4096), lambda pool: pool.clear()])
def test_what_was_deleted_in_a_ring_of_references_is_found_when_memory_is_short(ask):
    pool = Pool(SmallDevice(4096))
    gc.disable()
    try:
        ring = [pool.lease(4096)]
        ring.append(ring)  # as a model and its layers
        del ring
        assert pool.memory().used == 4096
        kept = ask(pool)
        assert pool.memory().used == (4096 if kept else 0) and pool.memory().given_back == 1
    finally:
        gc.enable()


def test_size_classes_waste_an_eighth_at_most_and_keep_the_alignment():
    for nbytes in (1, 511, 512, 513, 4000, 5000, 99_999, 123_456_789):
        size = size_class(nbytes)
        assert size >= nbytes and size % 512 == 0 and size - nbytes < max(512, nbytes / 7)


def test_an_array_of_the_simt_machine_and_its_views_keep_their_block():
    pool = device_memory.pool("simt")
    array = device_memory.allocate("simt", (3, 100), np.dtype(np.float32))
    address = array.ctypes.data
    assert address % 256 == 0
    view = array.reshape(-1)[100:200]
    del array
    others = [device_memory.allocate("simt", (3, 100), np.dtype(np.float32)) for _ in range(5)]
    assert all(other.ctypes.data != address for other in others)
    used = pool.memory().used
    del view
    assert pool.memory().used == used - size_class(1200)


def test_a_second_step_takes_its_memory_from_the_pool():
    x, w = minidl.Tensor(np.ones((8, 300), np.float32)), minidl.Variable(np.ones((300, 40), np.float32))

    def step():
        with minidl.using("simt"), minidl.GradientTape() as tape:
            loss = F.square(F.dense(x, w)).mean()
        with minidl.using("simt"):
            gradient = tape.gradient(loss, w).numpy()
        gc.collect()  # the SIMT machine's watch over memory is a circle of objects, which a GPU has not
        return gradient

    first = step()
    before = arrays.memory("simt")
    assert np.array_equal(step(), first)  # used memory, and the same result
    after = arrays.memory("simt")
    assert after.misses == before.misses and after.hits > before.hits and after.held == before.held


def test_memory_is_free_without_a_garbage_collection():
    def step():
        with minidl.GradientTape():
            y = F.relu(minidl.Tensor(np.ones((4, 6), np.float32)) * 2.0)
        return y.shape

    gc.collect()
    gc.disable()
    try:
        with minidl.using("simt"):
            step()
            before = arrays.memory("simt").used
            for _ in range(3):
                step()
            assert arrays.memory("simt").used == before
    finally:
        gc.enable()


def test_clear_memory_gives_unused_blocks_back_and_keeps_values():
    y = minidl.Tensor(arrays.to_device(np.arange(600, dtype=np.float32), "simt", "test"))
    arrays.clear_memory("simt")
    found = arrays.memory("simt")
    assert found.held == found.used
    assert np.array_equal(y.numpy(), np.arange(600))
    with pytest.raises(minidl.errors.UnknownNameError, match="device"):
        arrays.memory("tpu")


def test_an_op_without_room_names_itself(monkeypatch):
    with monkeypatch.context() as patch:
        pools = {"simt": Pool(SmallDevice(100))}
        patch.setattr(device_memory, "pool", pools.__getitem__)
        x = minidl.Tensor(np.ones((50, 50), np.float32))
        with minidl.using("simt"), pytest.raises(DeviceMemoryError, match="asked for 10,000 bytes"):
            F.relu(x)
