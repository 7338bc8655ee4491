"""The figures of a launch against figures worked out by hand."""

import inspect

import numpy as np
import pytest

from cuda_kernels import simt
from cuda_kernels._cuda import cuda, float32
from tests.bank.examples import EXAMPLES
from tests.bank.examples.matmul import TILE, matmul_square
from tests.bank.examples.transpose import transpose_naive, transpose_padded, transpose_tiled

BLOCKS, THREADS = 3, 64  # 6 warps
WARPS = BLOCKS * THREADS // 32


def figures_at(report, kernel, text):
    """The figures of the one source line of `kernel` that contains `text`."""
    lines, first = inspect.getsourcelines(kernel.py_func)
    found = [first + i for i, line in enumerate(lines) if text in line]
    assert len(found) == 1, f"{text!r} is in {len(found)} lines"
    return report.by_line[found[0]]


@cuda.jit
def gather(x, out, stride, offset):
    i = cuda.grid(1)
    value = x[i * stride + offset]
    out[i] = value


def gathered(stride, offset, dtype=np.float32):
    """The figures of the load in `gather`, and of its store."""
    n = BLOCKS * THREADS
    x, out = np.ones(n * max(stride, 1) + offset, dtype), np.zeros(n, dtype)
    report = simt.launch(gather, BLOCKS, THREADS, x, out, stride, offset)
    assert report.faults == []
    return figures_at(report, gather, "value = x["), figures_at(report, gather, "out[i] = value"), report.figures


@pytest.mark.parametrize(
    "stride, offset, sectors_a_warp",
    [
        (1, 0, 4),  # coalesced: 128 bytes are 4 sectors
        (2, 0, 8),  # 256 bytes apart from end to end
        (8, 0, 32),  # a sector for each lane
        (32, 0, 32),  # no worse than that
        (1, 1, 5),  # misaligned: 128 bytes from byte 4 on touch a fifth sector
        (1, 7, 5),
        (1, 8, 4),  # a whole sector on: aligned again
        (0, 5, 1),  # broadcast: all lanes in one sector
        (3, 0, 12),  # 31 * 12 + 4 = 376 bytes: 12 sectors, each with at least two lanes
    ],
)
def test_load_moves_the_sectors_that_its_lanes_touch(stride, offset, sectors_a_warp):
    load, store, total = gathered(stride, offset)
    assert load.global_loads == BLOCKS * THREADS
    assert load.global_load_bytes == 4 * BLOCKS * THREADS
    assert load.global_load_sectors == sectors_a_warp * WARPS
    assert load.load_coalescing == 128 / (32 * sectors_a_warp)
    assert (store.global_store_bytes, store.global_store_sectors) == (4 * BLOCKS * THREADS, 4 * WARPS)
    assert (load.global_stores, store.global_loads) == (0, 0)
    assert total.global_load_sectors == load.global_load_sectors
    assert total.global_store_sectors == store.global_store_sectors


@pytest.mark.parametrize("dtype, sectors_a_warp", [(np.uint8, 1), (np.int16, 2), (np.float32, 4), (np.float64, 8)])
def test_load_counts_the_bytes_of_its_type(dtype, sectors_a_warp):
    load, store, _ = gathered(1, 0, dtype)
    assert load.global_load_bytes == np.dtype(dtype).itemsize * BLOCKS * THREADS == store.global_store_bytes
    assert load.global_load_sectors == sectors_a_warp * WARPS == store.global_store_sectors


@cuda.jit
def strided_tile(out, stride):
    lane = cuda.threadIdx.x
    tile = cuda.shared.array(1024, float32)
    for i in range(lane, 1024, 32):
        tile[i] = float32(0)
    cuda.syncthreads()
    value = tile[lane * stride]
    out[cuda.grid(1)] = value


@pytest.mark.parametrize(
    "stride, ways", [(0, 1), (1, 1), (2, 2), (3, 1), (4, 4), (8, 8), (16, 16), (31, 1), (32, 32)]
)
def test_stride_in_shared_memory_sets_the_ways(stride, ways):
    out = np.zeros(64, np.float32)
    report = simt.launch(strided_tile, 2, 32, out, stride)
    assert report.faults == []
    load = figures_at(report, strided_tile, "value = tile[")
    assert load.shared_ways == ways
    assert (load.shared_accesses, load.shared_wavefronts) == (2, 2 * ways)
    assert load.shared_load_bytes == 64 * 4
    store = figures_at(report, strided_tile, "tile[i] = float32(0)")
    assert (store.shared_ways, store.shared_accesses, store.shared_wavefronts) == (1, 64, 64)


def square(kernel):
    x, out = np.arange(64 * 64, dtype=np.float32).reshape(64, 64), np.zeros((64, 64), np.float32)
    return simt.launch(kernel, (2, 2), (32, 32), x, out)


def test_transposes_differ_in_nothing_but_sectors_and_ways():
    naive, tiled, padded = square(transpose_naive), square(transpose_tiled), square(transpose_padded)
    for report in (naive, tiled, padded):
        assert report.figures.global_load_bytes == report.figures.global_store_bytes == 4 * 64 * 64
        assert report.figures.global_load_sectors == 64 * 64 * 4 // 32
    assert naive.figures.global_store_sectors == 64 * 64  # a sector for each element
    assert tiled.figures.global_store_sectors == padded.figures.global_store_sectors == 64 * 64 * 4 // 32
    assert (naive.figures.shared_ways, tiled.figures.shared_ways, padded.figures.shared_ways) == (0, 32, 1)
    warps = 64 * 64 // 32
    assert tiled.figures.shared_wavefronts == warps + 32 * warps
    assert padded.figures.shared_wavefronts == 2 * warps


@cuda.jit
def diverge(out, limit):
    lane = cuda.threadIdx.x
    if lane < limit:
        out[cuda.grid(1)] = float32(1)


@pytest.mark.parametrize("limit", [1, 16, 31, 32])
def test_divergence_is_the_fraction_of_lanes_at_work(limit):
    report = simt.launch(diverge, 2, 32, np.zeros(64, np.float32), limit, outputs=())
    inside, branch = figures_at(report, diverge, "out["), figures_at(report, diverge, "if lane")
    assert inside.active_fraction == limit / 32
    assert inside.global_store_bytes == 2 * 4 * limit
    assert branch.active_fraction == 1.0
    assert (branch.branches, branch.divergent_branches) == (2, 2 if limit < 32 else 0)


def test_warp_that_skips_a_branch_does_not_execute_it():
    report = simt.launch(diverge, 1, 64, np.zeros(64, np.float32), 32, outputs=())
    inside = figures_at(report, diverge, "out[")
    assert (inside.executions, inside.active_fraction) == (1, 1.0)
    assert figures_at(report, diverge, "if lane").divergent_branches == 0


@pytest.mark.parametrize("m, n, k", [(16, 16, 16), (32, 64, 48), (64, 16, 32)])
def test_product_does_the_operations_and_moves_the_bytes_of_the_formula(m, n, k):
    case = EXAMPLES["matmul_square"](m, n, k)
    report = simt.launch(case.kernel, case.grid, case.block, *case.args)
    figures = report.figures
    assert figures.flops == 2 * m * n * k
    assert figures.global_load_bytes == 4 * m * n * k * 2 // TILE
    assert figures.global_load_sectors == figures.global_load_bytes // 32
    assert (figures.global_store_bytes, figures.global_store_sectors) == (4 * m * n, 4 * m * n // 32)
    assert figures.operations_per_byte == 2 * m * n * k / (4 * m * n * k * 2 / TILE + 4 * m * n)
    assert figures.barriers == (m // TILE) * (n // TILE) * (k // TILE) * 2
    inner = figures_at(report, matmul_square, "total += ")
    assert inner.flops == figures.flops
    assert inner.executions == m * n * k // 32
    assert inner.shared_accesses == 2 * m * n * k // 32
    assert inner.shared_load_bytes == 2 * 4 * m * n * k
    assert figures.shared_ways == 1
    assert figures.active_fraction == 1.0


@cuda.jit
def arithmetic(x, y, out):
    i = cuda.grid(1)
    product = x[i] * y[i]
    ratio = product / y[i] - x[i]
    fused = cuda.fma(x[i], y[i], ratio)
    larger = max(fused, product)
    chosen = larger if larger > ratio else ratio
    out[i] = float32(int(chosen))


def test_flops_count_what_the_model_says():
    x = np.arange(1, 65, dtype=np.float32)
    report = simt.launch(arithmetic, 2, 32, x, x, np.zeros(64, np.float32))
    assert report.faults == []
    counts = [("product =", 1), ("ratio =", 2), ("fused =", 2), ("larger =", 0), ("chosen =", 0), ("i = cuda", 0)]
    for text, flops in counts:
        assert figures_at(report, arithmetic, text).flops == 64 * flops, text
    assert figures_at(report, arithmetic, "out[i] =").flops == 0
    assert report.figures.flops == 64 * 5


@cuda.jit
def count(x, counts):
    i = cuda.grid(1)
    cuda.atomic.add(counts, x[i], 1)


@pytest.mark.parametrize("bins, contention", [(1, 32), (2, 16), (8, 4), (32, 1), (64, 1)])
def test_atomic_contention_is_the_most_lanes_in_one_element(bins, contention):
    x = np.arange(64, dtype=np.int32) % bins
    report = simt.launch(count, 1, 64, x, np.zeros(bins, np.int32))
    assert report.figures.atomics == 64
    assert report.figures.atomic_contention == contention


def test_roofline_follows_from_the_figures():
    case = EXAMPLES["matmul_square"](32, 32, 32)
    report = simt.launch(case.kernel, case.grid, case.block, *case.args)
    roof = report.roofline("H100 SXM")
    gpu = simt.GPUS["H100 SXM"]
    assert roof["bound"] == "memory"
    assert roof["attainable_flops"] == report.figures.operations_per_byte * gpu.bytes_per_second


def test_lines_add_up_to_the_launch():
    for name in ("matmul_ragged", "softmax_rows", "sum_shuffle", "histogram_shared", "conv2d_direct"):
        case = EXAMPLES[name]()
        report = simt.launch(case.kernel, case.grid, case.block, *case.args)
        total = simt.Figures()
        for figures in report.by_line.values():
            total.add(figures)
        assert total == report.figures, name
