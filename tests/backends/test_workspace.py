"""The pool of large results: memory comes back, and never while something can see it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from minidl.backends.cpu import workspace
from minidl.backends.devices.pool import ALIGNMENT

LARGE = (1 << 18,)  # float32: 1 MiB


@pytest.fixture(autouse=True)
def empty_pool() -> Iterator[None]:
    gc.collect()
    workspace.POOL.clear()
    yield
    workspace.POOL.limit = workspace.DEFAULT_LIMIT
    workspace.POOL.clear()


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_memory_of_a_forgotten_result_is_used_again() -> None:
    a = workspace.empty(LARGE, np.float32)
    where = address(a)
    del a
    assert workspace.POOL.memory().unused > 0
    b = workspace.empty((512, 256), np.float64)  # as many bytes, another shape and dtype
    assert address(b) == where
    assert workspace.POOL.memory().unused == 0


def test_a_slightly_smaller_result_finds_the_block_too() -> None:
    where = address(workspace.empty((128, 1000), np.float32))
    assert address(workspace.empty((125, 1000), np.float32)) == where


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[3:5],
        lambda a: a.reshape(2, -1).T[::2],
        lambda a: a.view(np.int32),
        lambda a: np.lib.stride_tricks.as_strided(a, (4, 4), (4, 4)),
        lambda a: np.broadcast_to(a, (2, *a.shape)),
        lambda a: memoryview(a),
        lambda a: np.asarray(a[1:]).reshape(-1)[1:],
        lambda a: np.frombuffer(a.data, np.uint8),
        lambda a: a[None, ..., 5:].ravel(order="K"),
    ],
)
def test_memory_stays_while_any_view_of_it_lives(view) -> None:
    a = workspace.empty(LARGE, np.float32)
    a.fill(1.0)
    kept = view(a)
    before = np.array(kept)
    del a
    gc.collect()
    assert workspace.POOL.memory().unused == 0
    workspace.empty(LARGE, np.float32).fill(2.0)
    np.testing.assert_array_equal(np.array(kept), before)
    del kept
    gc.collect()
    assert workspace.POOL.memory().unused == 2 * 4 * LARGE[0]


def test_results_alive_together_do_not_overlap() -> None:
    arrays = [workspace.empty(LARGE, np.float32) for _ in range(5)]
    for value, array in enumerate(arrays):
        array.fill(value)
    assert [array.mean() for array in arrays] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_arrays_are_aligned_contiguous_and_writeable() -> None:
    for shape in (LARGE, (7, 5, 1000), (300, 301)):
        a = workspace.empty(shape, np.float32)
        assert a.shape == shape and a.flags.c_contiguous and a.flags.writeable
        assert address(a) % ALIGNMENT == 0


def test_small_and_empty_results_bypass_the_pool() -> None:
    before = workspace.POOL.memory()
    assert workspace.empty((3, 4), np.float64).base is None
    assert workspace.empty((0, 1 << 20), np.float32).shape == (0, 1 << 20)
    assert workspace.empty(5, np.float32).shape == (5,)
    assert workspace.POOL.memory() == before


def test_zeros_clears_recycled_memory() -> None:
    workspace.empty(LARGE, np.float32).fill(np.nan)
    assert not workspace.zeros(LARGE, np.float32).any()


def test_unused_memory_is_bounded() -> None:
    workspace.POOL.limit = 3 << 20
    arrays = [workspace.empty(LARGE, np.float32) for _ in range(8)]
    del arrays
    assert workspace.POOL.memory().unused <= 3 << 20
    workspace.POOL.limit = 0
    assert workspace.POOL.memory().unused == 0
    workspace.empty(LARGE, np.float32)
    assert workspace.POOL.memory().unused == 0


def test_clear_leaves_arrays_in_use_alone() -> None:
    a = workspace.zeros(LARGE, np.float32)
    workspace.POOL.clear()
    workspace.empty(LARGE, np.float32).fill(1.0)
    assert not a.any()


def test_threads_never_share_a_block() -> None:
    wrong: list[int] = []

    def work(value: int) -> None:
        for turn in range(200):
            a = workspace.empty((200 + turn % 7, 128), np.float32)
            a.fill(value)
            b = workspace.empty(a.shape, np.float32)
            b.fill(-value)
            if not (a == value).all():
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert workspace.POOL.memory().unused <= workspace.DEFAULT_LIMIT


def test_memory_comes_back_when_garbage_is_collected_inside_the_pool() -> None:
    """A cycle's arrays die at any moment, also inside `empty` while its lock is held: nothing may wait or get lost."""

    class Node:
        pass

    for _ in range(50):
        node = Node()
        node.me, node.array = node, workspace.empty(LARGE, np.float32)
        del node
    gc.collect()
    created = workspace.POOL.memory().misses
    workspace.empty(LARGE, np.float32)
    assert workspace.POOL.memory().misses == created
