"""Race detection against brute force: all pairs of accesses of random histories are compared.

A random history is a list of steps; in each, some threads load, store or atomically add at random elements, or all meet
at a barrier (of the block or of the warp). Brute force looks at every two accesses to one element.
"""
import itertools

import numpy as np
import pytest
from numba import cuda, float32, int32

from cuda_kernels import simt

LOAD, STORE, ATOMIC, BARRIER, WARP_BARRIER = range(5)
THREADS, BLOCKS, ELEMENTS = 64, 2, 12


def shared_history(kind, index, active, y):
    data = cuda.shared.array(ELEMENTS, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    if t < ELEMENTS:
        data[t] = float32(0)
    cuda.syncthreads()
    for s in range(kind.size):
        if kind[s] == LOAD:
            if active[s, i]:
                y[i] += data[index[s, i]]  # load
        elif kind[s] == STORE:
            if active[s, i]:
                data[index[s, i]] = float32(1)  # store
        elif kind[s] == ATOMIC:
            if active[s, i]:
                cuda.atomic.add(data, index[s, i], float32(1))  # atomic
        elif kind[s] == BARRIER:
            cuda.syncthreads()
        else:
            cuda.syncwarp()


def global_history(kind, index, active, y, data):
    i = cuda.grid(1)
    for s in range(kind.size):
        if kind[s] == LOAD:
            if active[s, i]:
                y[i] += data[index[s, i]]  # load
        elif kind[s] == STORE:
            if active[s, i]:
                data[index[s, i]] = float32(1)  # store
        elif kind[s] == ATOMIC:
            if active[s, i]:
                cuda.atomic.add(data, index[s, i], float32(1))  # atomic
        elif kind[s] == BARRIER:
            cuda.syncthreads()
        else:
            cuda.syncwarp()


def history(seed, shared):
    rng = np.random.default_rng(seed)
    steps, lanes = rng.integers(3, 12), THREADS * BLOCKS
    kind = rng.choice(5, steps, p=[0.3, 0.25, 0.1, 0.2, 0.15])
    same_in_blocks = rng.random() < 0.5
    width = THREADS if same_in_blocks else lanes
    index = rng.integers(0, ELEMENTS, (steps, width))
    active = rng.random((steps, width)) < rng.choice([0.02, 0.06, 0.3])
    if same_in_blocks:
        index, active = np.tile(index, BLOCKS), np.tile(active, BLOCKS)
    if not shared and rng.random() < 0.7:  # each block keeps to its own half
        index = index % (ELEMENTS // 2) + np.repeat([0, ELEMENTS // 2], THREADS)
    return kind, index, active


def racing_pairs(kind, index, active, shared):
    """{(earlier kind, later kind)} of all racing pairs."""
    events = [(s, i, int(index[s, i])) for s in range(kind.size) if kind[s] <= ATOMIC
              for i in np.flatnonzero(active[s])]
    barriers = np.flatnonzero(kind == BARRIER)
    warp_barriers = np.flatnonzero(kind >= BARRIER)
    found = set()
    for (s, i, e), (r, j, f) in itertools.combinations(events, 2):
        if i == j or e != f or (shared and i // THREADS != j // THREADS):
            continue
        kinds = {kind[s], kind[r]}
        if kinds == {LOAD} or kinds == {ATOMIC}:
            continue
        between = barriers if i // 32 != j // 32 else warp_barriers
        if i // THREADS == j // THREADS and ((between > s) & (between < r)).any():
            continue
        found.add((int(kind[s]), int(kind[r])))
    return found


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("batch_threads", [1 << 16, 32])
def test_races_found_are_those_of_brute_force(shared, batch_threads):
    kernel = shared_history if shared else global_history
    lines = {line: what for line, text in simt.launch(kernel, 1, 32, *_nothing(shared)).source.items()
             for what, word in ((LOAD, "# load"), (STORE, "# store"), (ATOMIC, "# atomic")) if word in text}
    with_races = 0
    for seed in range(150):
        kind, index, active = history(seed, shared)
        expected = racing_pairs(kind, index, active, shared)
        data = () if shared else (np.zeros(ELEMENTS, np.float32),)
        report = simt.launch(kernel, BLOCKS, THREADS, kind, index, active, np.zeros(THREADS * BLOCKS, np.float32),
                             *data, outputs=(), batch_threads=batch_threads)
        assert {f.kind for f in report.faults} <= {"race"}
        found = {frozenset(lines[n] for n in f.lines) for f in report.faults}
        assert found <= {frozenset(p) for p in expected}, seed
        assert bool(found) == bool(expected), seed
        with_races += bool(expected)
    assert 30 < with_races < 135  # the histories are neither all racy nor all clean


def _nothing(shared):
    rest = () if shared else (np.zeros(ELEMENTS, np.float32),)
    return np.zeros(0, np.int64), np.zeros((0, 32), np.int64), np.zeros((0, 32), bool), np.zeros(32, np.float32), *rest


def rows_by_stride(x, y, rows):
    """Blocks walk over rows in strides, so they pass different numbers of barriers."""
    tile = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        tile[t] = x[row, t]
        cuda.syncthreads()
        y[row, t] = tile[31 - t]
        cuda.syncthreads()


@pytest.mark.parametrize("rows", [1, 3, 7, 8])
def test_blocks_may_pass_different_numbers_of_barriers(rows):
    x = np.random.default_rng(0).standard_normal((rows, 32)).astype(np.float32)
    y = np.zeros_like(x)
    assert simt.launch(rows_by_stride, 3, 32, x, y, rows).faults == []
    np.testing.assert_array_equal(y, x[:, ::-1])


def rows_without_second_barrier(x, y, rows):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        tile[t] = x[row, t]
        cuda.syncthreads()
        y[row, t] = tile[63 - t]


@pytest.mark.parametrize(("rows", "racy"), [(3, False), (4, True)])
def test_missing_second_barrier_shows_only_in_a_second_turn(rows, racy):
    x = np.zeros((rows, 64), np.float32)
    report = simt.launch(rows_without_second_barrier, 3, 64, x, x.copy(), rows)
    assert [f.kind for f in report.faults] == ["race"] * racy


def whole_blocks_leave(x, n):
    if cuda.blockIdx.x * cuda.blockDim.x >= n:
        return
    tile = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    tile[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    x[cuda.grid(1)] = tile[31 - t]


def test_whole_blocks_may_return_before_a_barrier():
    x = np.arange(64, dtype=np.float32)
    assert simt.launch(whole_blocks_leave, 4, 32, x, 64).faults == []
    assert x[:3].tolist() == [31, 30, 29]


@cuda.jit(device=True)
def row_of(x, i):
    return x[i]


def writes_through_a_row(x, y):
    i = cuda.grid(1)
    y[i] = x[(i + 1) % x.shape[0], 0]
    row = row_of(x, i)
    row[0] = float32(1)


def test_store_through_another_name_is_seen():
    report = simt.launch(writes_through_a_row, 1, 32, np.zeros((32, 3), np.float32), np.zeros(32, np.float32),
                         outputs=())
    assert [(f.kind, f.array) for f in report.faults] == [("race", "x")]


def test_a_warp_barrier_of_one_block_orders_that_block_alone():
    def kernel(who_meets, y):
        s = cuda.shared.array(64, int32)
        t = cuda.threadIdx.x
        b = cuda.blockIdx.x
        s[t] = t
        if b == who_meets[0]:
            cuda.syncwarp()
        if b == 1:
            y[t] = s[t ^ 1]
        cuda.syncwarp()

    for block, kinds in ((0, ["race"]), (1, [])):
        y = np.zeros(64, np.int32)
        assert [f.kind for f in simt.launch(kernel, 2, 64, np.array([block]), y, outputs=()).faults] == kinds


def test_two_lines_that_race_either_way_round_are_one_fault():
    def kernel(y):
        t = cuda.threadIdx.x
        for turn in range(2):
            if t == 0:
                y[turn] = 1
            if t == 1:
                y[1 - turn] = 2

    (fault,) = simt.launch(kernel, 1, 2, np.zeros(2, np.float32), outputs=()).faults
    assert fault.kind == "race" and len(fault.lines) == 2 and fault.count == 2
