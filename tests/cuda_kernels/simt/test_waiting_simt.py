"""Threads that wait for others: right ones run, deadlocks and endless loops are told, and soon."""

import re
import time

import numpy as np
import pytest
from numba import cuda, float32, int32

from cuda_kernels import simt

# -- block b waits for block b - 1 ------------------------------------------------------------------------------------


def by_add(flag, out):
    b = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        if b > 0:
            while cuda.atomic.add(flag, b - 1, 0) == 0:
                pass
            out[b] = out[b - 1] + 1
        cuda.threadfence()
        cuda.atomic.add(flag, b, 1)


def by_max_in_the_body(flag, out):
    b = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        if b > 0:
            ready = 0
            while ready == 0:
                ready = cuda.atomic.max(flag, b - 1, 0)
            out[b] = out[b - 1] + 1
        cuda.threadfence()
        cuda.atomic.exch(flag, b, 1)


def by_exchange_and_break(flag, out):
    b = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        if b > 0:
            while True:
                if cuda.atomic.exch(flag, b - 1, 0) == 1:
                    break
                cuda.nanosleep(20)
            out[b] = out[b - 1] + 1
        cuda.threadfence()
        cuda.atomic.add(flag, b, 1)


def by_cas_with_a_count(flag, out):
    b = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        if b > 0:
            turns = 0
            while cuda.atomic.cas(flag, b - 1, 2, 2) == 0:
                turns += 1
            out[b] = out[b - 1] + 1
        cuda.threadfence()
        cuda.atomic.add(flag, b, 1)


@cuda.jit(device=True)
def wait_for(flag, b):
    while cuda.atomic.or_(flag, b, 0) == 0:
        cuda.threadfence()


def in_a_function(flag, out):
    b = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        if b > 0:
            wait_for(flag, b - 1)
            out[b] = out[b - 1] + 1
        cuda.threadfence()
        cuda.atomic.add(flag, b, 1)


@pytest.mark.parametrize(
    "kernel", [by_add, by_max_in_the_body, by_exchange_and_break, by_cas_with_a_count, in_a_function]
)
@pytest.mark.parametrize("batch_threads", [32, 1 << 16])
def test_block_waits_for_the_one_before(kernel, batch_threads):
    out = np.zeros(9)
    report = simt.launch(kernel, 9, 32, np.zeros(9, np.int32), out, outputs=(), batch_threads=batch_threads)
    assert report.faults == []
    assert out.tolist() == list(range(9))


def by_plain_read(flag, out):
    b = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        if b > 0:
            while flag[b - 1] == 0:
                cuda.threadfence()
            out[b] = out[b - 1] + 1
        cuda.threadfence()
        cuda.atomic.add(flag, b, 1)


def test_wait_by_a_plain_read_runs_and_is_a_race():
    out = np.zeros(5)
    report = simt.launch(by_plain_read, 5, 32, np.zeros(5, np.int32), out, outputs=())
    assert out.tolist() == list(range(5))
    assert {f.kind for f in report.faults} <= {"race"}


def wait_for_the_next_block(flag, out):
    b = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        if b + 1 < cuda.gridDim.x:
            while cuda.atomic.add(flag, b + 1, 0) == 0:
                pass
        out[b] = 1
        cuda.threadfence()
        cuda.atomic.add(flag, b, 1)


def test_block_waits_for_a_later_one_that_is_resident():
    out = np.zeros(6)
    assert simt.launch(wait_for_the_next_block, 6, 32, np.zeros(6, np.int32), out).faults == []
    assert out.tolist() == [1] * 6


def grid_barrier(arrived, x, total):
    b = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        x[b] = b + 1
        cuda.threadfence()
        cuda.atomic.add(arrived, 0, 1)
        while cuda.atomic.add(arrived, 0, 0) < cuda.gridDim.x:
            pass
        total[b] = x[(b + 1) % cuda.gridDim.x]


@pytest.mark.parametrize("batch_threads", [32, 1 << 16])
def test_grid_wide_barrier_of_resident_blocks(batch_threads):
    x, total = np.zeros(40), np.zeros(40)
    report = simt.launch(grid_barrier, 40, 32, np.zeros(1, np.int32), x, total, outputs=(), batch_threads=batch_threads)
    assert report.faults == []
    assert total.tolist() == [*range(2, 41), 1]


def grid_barrier_by_reading(arrived, x, total):
    b = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        x[b] = b + 1
        cuda.threadfence()
        cuda.atomic.add(arrived, 0, 1)
        while arrived[0] < cuda.gridDim.x:
            pass
        total[b] = 1


@pytest.mark.parametrize("batch_threads", [1 << 16, 1 << 20])  # the machine could run all of the second at once
@pytest.mark.parametrize("kernel", [grid_barrier, grid_barrier_by_reading, wait_for_the_next_block])
def test_more_blocks_than_fit_on_the_gpu_is_a_deadlock(kernel, batch_threads):
    blocks = simt.report.gpus.resident_blocks(simt.GPUS["T4"], 1024, 0) + 1
    arrays = (np.zeros(blocks, np.int32), *(np.zeros(blocks) for _ in range(2 - (kernel is wait_for_the_next_block))))
    started = time.process_time()
    report = simt.launch(kernel, blocks, 1024, *arrays, outputs=(), gpu="T4", batch_threads=batch_threads)
    faults = [f for f in report.faults if f.kind != "race"]  # a plain read beside the others' additions
    assert [f.kind for f in faults] == ["step-limit"]
    assert "waits for a block that cannot begin" in faults[0].message and "T4" in faults[0].message
    assert time.process_time() - started < 60
    if kernel is wait_for_the_next_block:
        assert simt.launch(kernel, 40, 1024, *arrays, outputs=(), gpu="T4").faults == []


def wait_for_nobody(flag, out):
    while cuda.atomic.add(flag, cuda.blockIdx.x, 0) == 0:
        pass
    out[cuda.blockIdx.x] = 1


@pytest.mark.parametrize("beyond, cause", [(-1, "waits for ever"), (0, "waits for ever"), (1, "that cannot begin")])
def test_a_full_gpu_is_no_cause_while_all_blocks_have_begun(beyond, cause):
    blocks = simt.report.gpus.resident_blocks(simt.GPUS["T4"], 1024, 0) + beyond
    (fault,) = simt.launch(
        wait_for_nobody, blocks, 1024, np.zeros(blocks, np.int32), np.zeros(blocks), outputs=(), gpu="T4"
    ).faults
    assert cause in fault.message


# -- threads of one block ---------------------------------------------------------------------------------------------


def lock_of_each_thread(lock, total):
    done = False
    while not done:
        if cuda.atomic.cas(lock, 0, 0, 1) == 0:
            total[0] += 1
            cuda.threadfence()
            cuda.atomic.exch(lock, 0, 0)
            done = True


def lock_as_written_first(lock, total):
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:
        pass
    total[0] += 1
    cuda.threadfence()
    cuda.atomic.exch(lock, 0, 0)


@pytest.mark.parametrize("kernel", [lock_of_each_thread, lock_as_written_first])
def test_lock_taken_by_every_thread(kernel):
    lock, total = np.zeros(1, np.int32), np.zeros(1)
    report = simt.launch(kernel, 3, 8, lock, total, outputs=())
    assert report.faults == []
    assert (total[0], lock[0]) == (24, 0)


def lock_of_each_block(lock, total):
    if cuda.threadIdx.x == 0:
        while cuda.atomic.cas(lock, 0, 0, 1) != 0:
            pass
        total[0] += 1
        cuda.threadfence()
        cuda.atomic.exch(lock, 0, 0)


def test_lock_taken_by_every_block():
    lock, total = np.zeros(1, np.int32), np.zeros(1)
    assert simt.launch(lock_of_each_block, 50, 32, lock, total, outputs=()).faults == []
    assert total[0] == 50


def consumer_and_producer(x, out):
    ready = cuda.shared.array(1, int32)
    value = cuda.shared.array(1, float32)
    t = cuda.threadIdx.x
    if t == 0:
        ready[0] = 0
    cuda.syncthreads()
    if t == 0:
        while cuda.atomic.add(ready, 0, 0) == 0:
            pass
        out[cuda.blockIdx.x] = value[0]
    elif t == 40:
        value[0] = x[cuda.blockIdx.x]
        cuda.threadfence()
        cuda.atomic.exch(ready, 0, 1)


def test_thread_waits_for_one_of_its_own_block():
    x, out = np.arange(3, dtype=np.float32) + 7, np.zeros(3, np.float32)
    report = simt.launch(consumer_and_producer, 3, 64, x, out)
    assert report.faults == []
    assert out.tolist() == [7, 8, 9]


def barrier_of_waiting_threads(flag, out):
    t = cuda.threadIdx.x
    if t == 0:
        while cuda.atomic.add(flag, 0, 0) == 0:
            pass
    if t == 5:
        cuda.atomic.add(flag, 0, 1)
    cuda.syncthreads()
    out[t] = 1


def test_barrier_behind_a_wait():
    out = np.zeros(32)
    assert simt.launch(barrier_of_waiting_threads, 1, 32, np.zeros(1, np.int32), out).faults == []
    assert out.all()


# -- deadlocks and endless loops --------------------------------------------------------------------------------------


def flag_that_nobody_sets(flag, out):
    if cuda.threadIdx.x == 0:
        while cuda.atomic.add(flag, 0, 0) == 0:
            pass
    out[cuda.grid(1)] = 1


def wrong_flag(flag, out):
    b = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(flag, b + 1, 1)
        while cuda.atomic.add(flag, 0, 0) == 0:
            pass
    out[cuda.grid(1)] = 1


def lock_that_is_never_given_back(lock, out):
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:
        pass
    out[cuda.grid(1)] = 1


def forgotten_increment(flag, out):
    i = cuda.grid(1)
    while i < out.size:
        out[i] = flag[0]


def other_variable(flag, out):
    i, j, count = cuda.grid(1), 0, 0
    while j < 4:
        i += 1
        count += 1
        out[i % out.size] = count


def toggles_nothing(flag, out):
    value = cuda.grid(1)
    count = 0
    while value != 1:
        value = value // 2
        count += 1
    out[cuda.grid(1)] = count


def endless_while_true(flag, out):
    total = float32(0)
    while True:
        total += float32(1)
        if flag[0] > 0:
            break
    out[cuda.grid(1)] = total


@pytest.mark.parametrize(
    ("kernel", "says"),
    [
        (flag_that_nobody_sets, "waits for ever"),
        (wrong_flag, "waits for ever"),
        (lock_that_is_never_given_back, "waits for ever"),
        (forgotten_increment, "never ends"),
        (other_variable, r"decides its end \(j\)"),
        (toggles_nothing, r"decides its end \(value\)"),
        (endless_while_true, "never ends"),
    ],
)
def test_loop_that_cannot_end_is_told_soon(kernel, says):
    started = time.process_time()
    report = simt.launch(kernel, 4, 64, np.zeros(8, np.int32), np.zeros(256), outputs=())
    stops = [f for f in report.faults if f.kind == "step-limit"]
    assert len(stops) == 1
    assert re.search(says, stops[0].message)
    assert time.process_time() - started < 30  # it is well below one second on a quiet computer


def runs_away(out):
    i = cuda.grid(1)
    while i >= 0:
        i += 1
    out[0] = i


def test_loop_that_changes_for_ever_ends_at_the_limit():
    report = simt.launch(runs_away, 40, 256, np.zeros(1), step_limit=300)
    assert "has not ended after 300 turns" in report.faults[0].message
    started = time.process_time()
    report = simt.launch(runs_away, 40, 256, np.zeros(1))
    assert [f.kind for f in report.faults] == ["step-limit"]
    assert time.process_time() - started < 60


def long_but_ending(out):
    i = 0
    while i < 3000:
        i += 1
    out[cuda.grid(1)] = i


def retry_by_cas(x, best):
    i = cuda.grid(1)
    if i < x.size:
        old = best[0]
        while x[i] > old:
            seen = cuda.atomic.cas(best, 0, old, x[i])
            if seen == old:
                break
            old = seen


def test_loops_that_end_are_left_alone():
    out = np.zeros(64)
    assert simt.launch(long_but_ending, 2, 32, out).faults == []
    assert (out == 3000).all()
    x, best = np.random.default_rng(0).permutation(500).astype(np.int32), np.zeros(1, np.int32)
    report = simt.launch(retry_by_cas, 8, 64, x, best, outputs=())
    assert best[0] == 499 and {f.kind for f in report.faults} <= {"race"}


# -- range() and grids that are too large ------------------------------------------------------------------------------


def by_steps(out, step):
    count = 0
    for _ in range(0, 10, step[cuda.grid(1)]):
        count += 1
    out[cuda.grid(1)] = count


def test_range_with_a_step_of_zero():
    out = np.full(4, -1)
    report = simt.launch(by_steps, 1, 4, out, np.array([3, 0, 5, 0]))
    assert out.tolist() == [4, 0, 2, 0]
    assert [(f.kind, f.count, f.threads) for f in report.faults] == [("step-limit", 2, ((1, 0, 0),))]
    assert "ValueError" in report.faults[0].message


def many_turns(out, n):
    for i in range(n[cuda.grid(1)]):
        out[0] = i


def many_turns_of_many(out, n):
    for i in range(100_000):
        for j in range(100_000):
            out[0] = i + j


def left_soon(out, n):
    for i in range(10**9):
        if i > cuda.grid(1):
            break
    out[cuda.grid(1)] = 1


@pytest.mark.parametrize("kernel", [many_turns, many_turns_of_many])
def test_range_of_a_thousand_million_turns_is_stopped(kernel, monkeypatch):
    monkeypatch.setattr(simt.machine.control, "PATIENCE", 0.2)
    monkeypatch.setattr(simt.machine.progress, "TOO_LONG", 100)
    report = simt.launch(kernel, 1, 2, np.zeros(1), np.array([1, 10**9]), outputs=())
    stops = [f.message for f in report.faults if f.kind == "step-limit"]
    assert len(stops) == 1 and "turns, of which the SIMT machine made" in stops[0]


def test_range_that_is_left_soon_is_left_alone():
    out = np.zeros(2)
    assert simt.launch(left_soon, 1, 2, out, out).faults == []
    assert out.tolist() == [1, 1]


@pytest.mark.parametrize(("grid", "block"), [(10**9, 32), ((60000, 60000), 64)])
def test_grid_of_a_thousand_million_blocks_is_not_begun(grid, block):
    out = np.zeros(1)
    report = simt.launch(long_but_ending, grid, block, out)
    assert [f.kind for f in report.faults] == ["step-limit"]
    assert "was not begun" in report.faults[0].message and out[0] == 0


def test_fences_know_every_block_of_a_grid_with_three_axes():
    def kernel(data, flag, out):
        b = cuda.blockIdx.x + 2 * (cuda.blockIdx.y + 3 * cuda.blockIdx.z)
        data[b] = b
        cuda.threadfence()
        cuda.atomic.add(flag, 0, 1)
        if cuda.atomic.add(flag, 0, 0) == 24:
            out[0] = data[0] + data[23]

    out = np.zeros(1)
    report = simt.launch(kernel, (2, 3, 4), 1, np.zeros(24), np.zeros(1, np.int32), out, outputs=(), batch_threads=1)
    assert report.faults == [] and out[0] == 23
