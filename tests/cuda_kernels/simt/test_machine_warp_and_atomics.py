"""Shuffles, votes, barriers with votes, atomics and registered intrinsics."""
import numpy as np
import pytest
from numba import cuda, float32, int32

from cuda_kernels import simt

ALL = 0xFFFFFFFF


def lanes(function, n, dtype=np.int64, seed=0):
    """Run a kernel of (x, y) on one block of n threads; returns x, y."""
    x = np.random.default_rng(seed).integers(0, 6, n).astype(np.int32)
    y = np.zeros(n, dtype)
    report = simt.launch(function, 1, n, x, y)
    assert report.faults == [], report.faults[0]
    return x, y


def shuffles(x, y):
    t = cuda.threadIdx.x
    v = x[t]
    a = cuda.shfl_sync(ALL, v, 5)
    b = cuda.shfl_up_sync(ALL, v, 3)
    c = cuda.shfl_down_sync(ALL, v, 4)
    d = cuda.shfl_xor_sync(ALL, v, 6)
    e = cuda.shfl_sync(ALL, v, (t * 7 + 1) % 32)
    y[t] = a + 10 * b + 100 * c + 1000 * d + 10000 * e


def test_shuffles_take_from_the_named_lane():
    x, y = lanes(shuffles, 64)
    for t in range(64):
        w, lane = x[t // 32 * 32:], t % 32
        expected = (w[5] + 10 * w[lane - 3 if lane >= 3 else lane] + 100 * w[lane + 4 if lane < 28 else lane]
                    + 1000 * w[lane ^ 6] + 10000 * w[(t * 7 + 1) % 32])
        assert y[t] == expected


def votes(x, y):
    t = cuda.threadIdx.x
    p = x[t] > 2
    y[t] = (cuda.popc(cuda.ballot_sync(ALL, p)) + 100 * cuda.all_sync(ALL, p) + 200 * cuda.any_sync(ALL, p)
            + 1000 * cuda.popc(cuda.match_any_sync(ALL, x[t])) + 100000 * cuda.popc(cuda.activemask()))


def test_votes_and_matches_look_at_the_whole_warp():
    x, y = lanes(votes, 96, seed=3)
    for t in range(96):
        w = x[t // 32 * 32:][:32]
        assert y[t] == ((w > 2).sum() + 100 * (w > 2).all() + 200 * (w > 2).any() + 1000 * (w == x[t]).sum() + 3200000)


def agreement(x, y):
    t = cuda.threadIdx.x
    y[t] = cuda.eq_sync(ALL, x[t] < 6) + 10 * cuda.eq_sync(ALL, x[t] > 6) + 100 * cuda.eq_sync(ALL, x[t] > 2)
    y[t] += 1000 * cuda.eq_sync(ALL, t < 32)


def test_lanes_are_equal_when_all_or_none_of_their_warp_say_so():
    _, y = lanes(agreement, 64, seed=3)
    assert y.tolist() == [1011] * 64  # all, none, some; and in each warp all or none


def ballot_in_a_branch(x, y):
    t = cuda.threadIdx.x
    if x[t] % 2 == 0:
        here = cuda.activemask()
        rank = cuda.popc(here & cuda.lanemask_lt())
        y[t] = rank + 100 * cuda.popc(cuda.ballot_sync(here, x[t] > 0))
        cuda.syncwarp(here)


def test_activemask_ranks_the_lanes_of_a_branch():
    x = np.random.default_rng(1).integers(0, 6, 32).astype(np.int32)
    y = np.full(32, -1)
    assert simt.launch(ballot_in_a_branch, 1, 32, x, y, outputs=()).faults == []
    even = np.flatnonzero(x % 2 == 0)
    for rank, t in enumerate(even):
        assert y[t] == rank + 100 * (x[even] > 0).sum()
    assert (np.delete(y, even) == -1).all()


def barrier_votes(x, y):
    t = cuda.grid(1)
    count = cuda.syncthreads_count(int32(x[t] > 2))
    y[t] = count + 1000 * cuda.syncthreads_and(int32(x[t] >= 0)) + 2000 * cuda.syncthreads_or(int32(x[t] == 5))


def test_barrier_votes_are_per_block():
    x = np.array([3] * 48 + [0] * 47 + [5], np.int32)
    y = np.zeros(96, np.int64)
    assert simt.launch(barrier_votes, 2, 48, x, y).faults == []
    assert y.tolist() == [48 + 1000] * 48 + [1 + 1000 + 2000] * 48


def tickets(order, counter):
    i = cuda.grid(1)
    order[cuda.atomic.add(counter, 0, 1)] = i


@pytest.mark.parametrize("batch_threads", [32, 1 << 16])
def test_atomic_add_gives_each_thread_its_ticket(batch_threads):
    order, counter = np.full(300, -1), np.zeros(1, np.int32)
    report = simt.launch(tickets, 10, 30, order, counter, batch_threads=batch_threads)
    assert report.faults == []
    assert sorted(order.tolist()) == list(range(300))
    assert counter[0] == 300


def all_atomics(x, y, clock, old):
    i = cuda.grid(1)
    v = x[i]
    cuda.atomic.add(y, 0, v)
    cuda.atomic.sub(y, 1, v)
    cuda.atomic.max(y, 2, v)
    cuda.atomic.min(y, 3, v)
    cuda.atomic.and_(y, 4, v)
    cuda.atomic.or_(y, 5, v)
    cuda.atomic.xor(y, 6, v)
    old[i] = cuda.atomic.max(y, (7,), v)
    cuda.atomic.inc(clock, 0, int32(10))
    cuda.atomic.dec(clock, 1, int32(10))
    cuda.atomic.exch(y, 8, v)
    cuda.atomic.cas(y, 9, int32(0), v + 1)


def test_every_atomic():
    x = np.random.default_rng(2).integers(1, 1000, 77).astype(np.int32)
    y, clock, old = np.zeros(10, np.int32), np.zeros(2, np.uint32), np.zeros(77, np.int32)
    y[3], y[4] = 5000, -1
    assert simt.launch(all_atomics, 7, 11, x, y, clock, old, outputs=()).faults == []
    expected = [x.sum(), -x.sum(), x.max(), x.min(), np.bitwise_and.reduce(x), np.bitwise_or.reduce(x),
                np.bitwise_xor.reduce(x), x.max(), x[-1], x[0] + 1]
    assert y.tolist() == [int(e) for e in expected]
    assert clock.tolist() == [77 % 11, 0]
    assert old.tolist() == [0, *np.maximum.accumulate(x)[:-1].tolist()]


def atomic_in_shared(x, y):
    bins = cuda.shared.array(8, int32)
    t = cuda.threadIdx.x
    if t < 8:
        bins[t] = 0
    cuda.syncthreads()
    cuda.atomic.add(bins, x[cuda.grid(1)], 1)
    cuda.syncthreads()
    if t < 8:
        cuda.atomic.add(y, t, bins[t])


@cuda.jit
def atomics_of_ones_own(index, out, fresh):
    i = cuda.grid(1)
    own = cuda.local.array(4, int32)
    for k in range(4):
        own[k] = k
    if i % 3:
        before = cuda.atomic.add(own, index[i], i)
        cuda.atomic.max(own, 1, 7)
        if cuda.atomic.cas(own, 2, 2, 50) == 2:
            out[i, 4] = before
    for k in range(4):
        out[i, k] = own[k]
    empty = cuda.local.array(2, int32)
    cuda.atomic.add(empty, 0, fresh)


def test_atomics_on_a_local_array_are_each_threads_own():
    index, out = np.arange(40, dtype=np.int32) % 4, np.full((40, 5), -1, np.int32)
    report = simt.launch(atomics_of_ones_own, 2, 20, index, out, 1, outputs=())
    wanted = np.full((40, 5), -1)
    for i in range(40):
        own = [0, 1, 2, 3]
        if i % 3:
            before = own[index[i]]
            own[index[i]] += i
            own[1] = max(own[1], 7)
            if own[2] == 2:
                own[2], wanted[i, 4] = 50, before
        wanted[i, :4] = own
    assert out.tolist() == wanted.tolist() and report.figures.atomics == 0
    assert [(f.kind, f.array) for f in report.faults] == [("uninitialised-read", "empty")]
    plain = np.full((40, 5), -1, np.int32)
    simt.launch(atomics_of_ones_own, 2, 20, index, plain, 1, checks=False)
    assert plain.tolist() == wanted.tolist()


def test_private_histograms_in_shared_memory():
    x = np.random.default_rng(4).integers(0, 8, 640).astype(np.int32)
    y = np.zeros(8, np.int32)
    report = simt.launch(atomic_in_shared, 10, 64, x, y)
    assert report.faults == []
    assert y.tolist() == np.bincount(x, minlength=8).tolist()
    assert report.figures.atomics == 640 + 80


def float_sum(x, y):
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(y, (i % 2, 0), x[i])


def test_float_atomics_add_in_thread_order():
    x = np.random.default_rng(5).standard_normal(501).astype(np.float32)
    y = np.zeros((2, 1), np.float32)
    assert simt.launch(float_sum, 4, 128, x, y).faults == []
    np.testing.assert_array_equal(y[:, 0], [np.add.accumulate(x[::2])[-1], np.add.accumulate(x[1::2])[-1]])


def last_block_sums(x, partial, done, out):
    """The pattern of NVIDIA's threadFenceReduction sample: whoever comes last adds up."""
    last = cuda.shared.array(1, int32)
    t = cuda.threadIdx.x
    if t == 0:
        total = float32(0)
        for k in range(64):
            total += x[cuda.blockIdx.x * 64 + k]
        partial[cuda.blockIdx.x] = total
        cuda.threadfence()
        last[0] = cuda.atomic.add(done, 0, 1) == cuda.gridDim.x - 1
    cuda.syncthreads()
    if last[0] and t == 0:
        total = float32(0)
        for k in range(cuda.gridDim.x):
            total += partial[k]
        out[0] = total


@pytest.mark.parametrize("batch_threads", [64, 1 << 16])
def test_last_block_may_read_what_the_others_released(batch_threads):
    x = np.random.default_rng(6).standard_normal(64 * 9).astype(np.float32)
    out = np.zeros(1, np.float32)
    report = simt.launch(last_block_sums, 9, 64, x, np.zeros(9, np.float32), np.zeros(1, np.int32), out,
                         batch_threads=batch_threads)
    assert report.faults == []
    np.testing.assert_allclose(out[0], x.sum(), rtol=1e-5)


def last_block_without_fence(x, partial, done, out):
    t = cuda.threadIdx.x
    if t == 0:
        partial[cuda.blockIdx.x] = x[cuda.blockIdx.x]
        if cuda.atomic.add(done, 0, 1) == cuda.gridDim.x - 1:
            total = float32(0)
            for k in range(cuda.gridDim.x):
                total += partial[k]
            out[0] = total


@pytest.mark.parametrize("batch_threads", [32, 1 << 16])
def test_last_block_without_a_fence_is_a_race(batch_threads):
    report = simt.launch(last_block_without_fence, 9, 32, np.ones(9, np.float32), np.zeros(9, np.float32),
                         np.zeros(1, np.int32), np.zeros(1, np.float32), batch_threads=batch_threads)
    assert {(f.kind, f.array) for f in report.faults} == {("race", "partial")}


def spin_lock(lock, total):
    i = cuda.grid(1)
    done = False
    while not done:
        if cuda.atomic.cas(lock, 0, 0, 1) == 0:
            cuda.threadfence()
            cuda.atomic.add(total, 0, i)
            cuda.threadfence()
            cuda.atomic.exch(lock, 0, 0)
            done = True


def test_spin_lock_lets_one_thread_in_at_a_time():
    lock, total = np.zeros(1, np.int32), np.zeros(1, np.int64)
    assert simt.launch(spin_lock, 2, 40, lock, total).faults == []
    assert (lock[0], total[0]) == (0, sum(range(80)))


def one_lock_for_all_blocks(lock, best, x):
    if cuda.threadIdx.x == 0:
        while cuda.atomic.cas(lock, 0, 0, 1) != 0:
            pass
        cuda.threadfence()
        if x[cuda.blockIdx.x] > best[0]:
            best[0] = x[cuda.blockIdx.x]
        cuda.threadfence()
        cuda.atomic.exch(lock, 0, 0)


def test_blocks_may_wait_for_a_lock():
    x = np.random.default_rng(7).integers(1, 99, 9)
    lock, best = np.zeros(1, np.int32), np.zeros(1, np.int64)
    assert simt.launch(one_lock_for_all_blocks, 9, 32, lock, best, x).faults == []
    assert (lock[0], best[0]) == (0, x.max())


# -- intrinsics -------------------------------------------------------------------------------------------------------

class Intrinsic:
    """Stands for an @intrinsic: an object with no meaning of its own."""


ld4, st4, warp_sum = Intrinsic(), Intrinsic(), Intrinsic()
simt.register_intrinsic(ld4, lambda context, array, index: context.load(array, index, 4))
simt.register_intrinsic(st4, lambda context, array, index, values: context.store(array, index, values))


def _warp_sum(context, value):
    context.check_full_warps("warp_sum")
    context.flops(1)
    rows = np.where(context.by_warp(context.mask), context.by_warp(value), np.float32(0))
    return context.from_warps(np.repeat(rows.sum(axis=1, keepdims=True, dtype=np.float32), 32, axis=1))


simt.register_intrinsic(warp_sum, _warp_sum)


def copy4(x, y, shift):
    i = cuda.grid(1) * 4 + shift
    if i < y.size:
        a = ld4(x, i)
        st4(y, i, (a[3], a[2], a[1], a[0]))


def test_wide_accesses_are_one_access_of_sixteen_bytes():
    x, y = np.arange(300, dtype=np.float32), np.zeros(300, np.float32)
    report = simt.launch(copy4, 3, 32, x, y, 0)
    assert report.faults == []
    np.testing.assert_array_equal(y.reshape(-1, 4)[:, ::-1].reshape(-1), x)
    assert report.figures.global_load_bytes == report.figures.global_store_bytes == 1200
    assert report.figures.global_load_sectors == report.figures.global_store_sectors == -(-1200 // 32)


def test_wide_access_past_the_end_or_misaligned_is_reported():
    x, y = np.arange(301, dtype=np.float32), np.zeros(302, np.float32)
    assert [(f.kind, f.array, f.index) for f in simt.launch(copy4, 3, 32, x, y, 0, outputs=()).faults] == [
        ("out-of-bounds", "x", (300,)), ("out-of-bounds", "y", (300,))]
    x, y = np.arange(300, dtype=np.float32), np.zeros(300, np.float32)
    faults = simt.launch(copy4, 1, 32, x, y, 2, outputs=()).faults
    assert {(f.kind, f.array) for f in faults} == {("out-of-bounds", "x"), ("out-of-bounds", "y")}
    assert "misaligned" in faults[0].message


def shared_wide(y, stride):
    tile = cuda.shared.array(32 * 8, float32)
    t = cuda.threadIdx.x
    for k in range(8):
        tile[t + 32 * k] = float32(t)
    cuda.syncthreads()
    a = ld4(tile, t * stride)
    y[t] = a[0]


@pytest.mark.parametrize(("stride", "ways"), [(0, 1), (4, 4), (8, 8)])
def test_a_wide_shared_access_counts_the_words_of_all_its_lanes(stride, ways):
    report = simt.launch(shared_wide, 1, 32, np.zeros(32, np.float32), stride)
    assert report.faults == []
    assert report.figures.shared_ways == ways


def sums(x, y):
    t = cuda.threadIdx.x
    if x[t] > 2:
        y[t] = warp_sum(x[t])


def test_intrinsic_of_a_whole_warp_reports_missing_lanes():
    x, y = np.arange(32, dtype=np.float32), np.zeros(32, np.float32)
    report = simt.launch(sums, 1, 32, x, y, outputs=())
    assert [f.kind for f in report.faults] == ["inactive-lane"]
    assert y[5] == x[3:].sum()
    assert simt.launch(sums, 1, 32, x + 3, y).faults == []


def test_register_intrinsic_wants_a_function():
    with pytest.raises(TypeError, match="must be a function"):
        simt.register_intrinsic(ld4, 3)


def one_value(x, named, same):
    t = cuda.threadIdx.x
    found = cuda.match_all_sync(ALL, x[t])
    named[t], same[t] = found[0], found[1]


def one_value_of_the_named(x, named, same):
    t = cuda.threadIdx.x
    if t % 32 < 20:
        found = cuda.match_all_sync(0xFFFFF, x[t])
        named[t], same[t] = found[0], found[1]
    else:
        named[t], same[t] = -5, -5


@pytest.mark.parametrize("kernel, lanes_named", [(one_value, 32), (one_value_of_the_named, 20)])
def test_match_all_is_true_where_all_named_lanes_hold_one_value(kernel, lanes_named):
    """Three warps: alike; one lane that is named differs; one lane differs, which only the first kernel names."""
    x = np.full(96, 7, np.int32)
    x[32 + 4], x[64 + 25] = 8, 9
    named, same = np.full(96, -5, np.int64), np.full(96, -5, np.int64)
    report = simt.launch(kernel, 1, 96, x, named, same)
    assert report.faults == []
    for t in range(96):
        warp, lane = x[t // 32 * 32:][:lanes_named], t % 32
        alike = all(v == warp[0] for v in warp)
        if lane >= lanes_named:
            assert named[t] == same[t] == -5
        else:
            assert same[t] == alike and named[t] & 0xFFFFFFFF == ((1 << lanes_named) - 1 if alike else 0)
