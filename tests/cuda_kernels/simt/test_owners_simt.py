"""Who wrote an element and what it was computed from, against what the kernels are known to do."""
from __future__ import annotations

import numpy as np
import pytest

from cuda_kernels import ladder, launch, simt
from cuda_kernels._cuda import cuda, float32
from tests.bank.examples import EXAMPLES

RNG = np.random.default_rng(3)
EXACT_GEMMS = [r for r in ladder.rungs("gemm") if r.name.split("_")[0] not in ("r8", "r9", "r10")]


def owners_of(run, *args, **options):
    with launch.simt_options(owners=True), launch.launches() as found:
        result = run(*args, **options, on="simt")
    return result, found


def flat_sources(owners, array, index, shapes):
    found = {}
    for source in owners.sources_of(array, index):
        flat = source.index[0] if len(source.index) == 1 else np.ravel_multi_index(source.index, shapes[source.array])
        found.setdefault(source.array, set()).add(int(flat))
    return found


def test_launch_without_owners_keeps_none():
    case = EXAMPLES["matmul_square"](16, 16, 16)
    assert simt.launch(case.kernel, case.grid, case.block, *case.args).owners is None


def test_owners_without_checks_are_refused():
    case = EXAMPLES["matmul_square"](16, 16, 16)
    with pytest.raises(ValueError, match="checks=True"):
        simt.launch(case.kernel, case.grid, case.block, *case.args, checks=False, owners=True)


def test_owners_change_neither_results_nor_figures():
    plain, watched = EXAMPLES["matmul_square"](40, 24, 33), EXAMPLES["matmul_square"](40, 24, 33)
    first = simt.launch(plain.kernel, plain.grid, plain.block, *plain.args)
    second = simt.launch(watched.kernel, watched.grid, watched.block, *watched.args, owners=True)
    assert first.figures == second.figures
    assert all(np.array_equal(a, b) for a, b in zip(plain.results(), watched.results(), strict=True))


@pytest.mark.parametrize("rung", EXACT_GEMMS, ids=lambda r: r.name)
def test_product_comes_from_one_row_and_one_column(rung):
    a, b = RNG.random((37, 21), np.float32), RNG.random((21, 40), np.float32)
    y, found = owners_of(rung.run, a, b)
    owners = found[-1].report.owners
    sources = flat_sources(owners, y, (20, 13), {"a": a.shape, "b": b.shape})
    assert sources["a"] == {20 * 21 + k for k in range(21)}
    assert sources["b"] == {k * 40 + 13 for k in range(21)}
    assert len(owners.writers_of(y, (20, 13))) == 1


def test_tensor_core_product_comes_at_least_from_its_row_and_column():
    a, b = RNG.random((24, 16), np.float32), RNG.random((16, 24), np.float32)
    y, found = owners_of(ladder.rung("gemm", "r8").run, a, b)
    sources = flat_sources(found[-1].report.owners, y, (9, 5), {"a": a.shape, "b": b.shape})
    assert sources["a"] >= {9 * 16 + k for k in range(16)} and sources["b"] >= {k * 24 + 5 for k in range(16)}


def test_writer_is_named_by_block_thread_lane_and_line():
    a, b = RNG.random((37, 21), np.float32), RNG.random((21, 40), np.float32)
    y, found = owners_of(ladder.rung("gemm", "r1").run, a, b)
    (owner,) = found[0].report.owners.writers_of(y, (20, 13))
    row, col = (owner.block[k] * found[0].block[k] + owner.thread[k] for k in (0, 1))
    assert (row, col) == (20, 13)  # r1 walks down the columns: threadIdx.x is the row
    assert owner.warp * 32 + owner.lane == owner.thread[0] + found[0].block[0] * owner.thread[1]
    assert "c[row, col]" in owner.text and owner.operation == "store"


def test_all_threads_that_add_atomically_are_writers():
    @cuda.jit
    def add_up(x, total):
        i = cuda.grid(1)
        if i < x.size:
            cuda.atomic.add(total, i % 2, x[i])

    x, total = RNG.random(70).astype(np.float32), np.zeros(2, np.float32)
    owners = simt.launch(add_up, 3, 32, x, total, owners=True).owners
    writers = owners.writers_of("total", 1)
    assert {o.block[0] * 32 + o.thread[0] for o in writers} == set(range(1, 70, 2))
    assert {o.operation for o in writers} == {"atomic"}
    assert {s.index[0] for s in owners.sources_of("total", 1) if s.array == "x"} == set(range(1, 70, 2))


def test_shuffles_bring_the_values_of_their_lanes():
    @cuda.jit
    def pair_sums(x, out):
        lane = cuda.threadIdx.x
        value = x[lane]
        value += cuda.shfl_xor_sync(0xFFFFFFFF, value, 1)
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, 4)
        out[lane] = value

    owners = simt.launch(pair_sums, 1, 32, RNG.random(32).astype(np.float32), np.zeros(32, np.float32),
                         owners=True).owners
    assert {s.index[0] for s in owners.sources_of("out", 10)} == {10, 11, 14, 15}
    assert owners.reads_of(0, 10) == {"x": [(10,)]}


def test_only_the_winner_is_behind_a_maximum_though_the_thread_reads_all():
    x = RNG.permutation(64).astype(np.float32).reshape(1, 8, 8, 1)
    y, found = owners_of(ladder.rung("max_pool2d", "r1").run, x)
    owners = found[0].report.owners
    (source,) = owners.sources_of(y, (0, 1, 2, 0))
    assert x[source.index] == y[0, 1, 2, 0]
    (owner,) = owners.writers_of(y, (0, 1, 2, 0))
    assert set(owners.reads_of(owner.block, owner.thread)["x"]) == {(0, r, s, 0) for r in (2, 3) for s in (4, 5)}


def test_lanes_that_race_are_all_writers():
    @cuda.jit
    def all_to_one(out):
        out[0] = float32(cuda.threadIdx.x)

    owners = simt.launch(all_to_one, 1, 4, np.zeros(1, np.float32), owners=True).owners
    assert [o.thread[0] for o in owners.writers_of("out", 0)] == [3, 2, 1, 0]


def test_values_overwritten_before_are_not_behind():
    @cuda.jit
    def twice(x, out):
        staged = cuda.shared.array(32, float32)
        i = cuda.threadIdx.x
        staged[i] = x[i]
        cuda.syncthreads()
        staged[i] = x[31 - i] if i < 16 else staged[i]
        cuda.syncthreads()
        out[i] = staged[i]

    owners = simt.launch(twice, 1, 32, np.arange(32, dtype=np.float32), np.zeros(32, np.float32), owners=True).owners
    assert [s.index for s in owners.sources_of("out", 3)] == [(28,)]
    assert [s.index for s in owners.sources_of("out", 20)] == [(20,)]


def test_unknown_arrays_and_indices_are_refused():
    case = EXAMPLES["matmul_square"](16, 16, 16)
    owners = simt.launch(case.kernel, case.grid, case.block, *case.args, owners=True).owners
    with pytest.raises(KeyError, match="no array 'nothing'"):
        owners.writers_of("nothing", 0)
    with pytest.raises(IndexError, match="shape"):
        owners.writers_of(case.args[0], (99, 0))
    with pytest.raises(IndexError, match="blocks"):
        owners.reads_of(10_000, 0)
