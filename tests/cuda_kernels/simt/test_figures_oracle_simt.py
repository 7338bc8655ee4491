"""Sectors, ways, contention and divergence of random accesses, against a count made lane by lane."""

import inspect

import numpy as np
import pytest

from cuda_kernels import simt
from cuda_kernels._cuda import cuda, float32

SIZE = 512


@cuda.jit
def scatter_gather(x, place, chosen, counts, out):
    thread = cuda.threadIdx.y * cuda.blockDim.x + cuda.threadIdx.x
    i = cuda.blockIdx.x * cuda.blockDim.x * cuda.blockDim.y + thread
    staged = cuda.shared.array(SIZE, float32)
    for k in range(thread, SIZE, cuda.blockDim.x * cuda.blockDim.y):
        staged[k] = float32(0)
    cuda.syncthreads()
    if chosen[i]:
        value = x[place[i]]
        shared_value = staged[place[i]]
        cuda.atomic.add(counts, place[i], 1)
        out[i] = shared_value + float32(value)


def figures_of(report, text):
    lines, first = inspect.getsourcelines(scatter_gather.py_func)
    return report.by_line[next(first + k for k, line in enumerate(lines) if text in line)]


def warps_of(values, block_threads):
    """A value for each thread -> lists of 32 (or fewer, at a block's end)."""
    for start in range(0, len(values), block_threads):
        block = values[start : start + block_threads]
        for first in range(0, block_threads, 32):
            yield block[first : first + 32]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("block", [(32, 1), (48, 1), (8, 12), (7, 5)])
@pytest.mark.parametrize("spread", [4, 40, SIZE])
def test_random_accesses_are_counted_as_lane_by_lane(dtype, block, spread):
    rng = np.random.default_rng([block[0], spread, np.dtype(dtype).itemsize])
    threads, blocks = block[0] * block[1], 3
    place = rng.integers(0, spread, blocks * threads).astype(np.int32)
    chosen = rng.random(blocks * threads) < 0.7
    chosen[:threads] |= rng.random() < 0.5  # sometimes a block in which every lane is active
    x, counts, out = np.zeros(SIZE, dtype), np.zeros(SIZE, np.int32), np.zeros(blocks * threads, np.float32)
    report = simt.launch(scatter_gather, blocks, block, x, place, chosen, counts, out, outputs=())
    assert report.faults == []

    sectors = passes = worst = met = active_warps = divergent = 0
    for lanes in warps_of(list(zip(place.tolist(), chosen.tolist(), strict=True)), threads):
        places = [p for p, on in lanes if on]
        sectors += len({p * np.dtype(dtype).itemsize // 32 for p in places})
        by_bank = [len({p for p in places if p % 32 == bank}) for bank in range(32)]
        passes += max(by_bank)
        worst = max(worst, *by_bank)
        met = max([met, *(places.count(p) for p in places)])
        active_warps += bool(places)
        divergent += 0 < len(places) < len(lanes)
    lanes_on = int(chosen.sum())
    load, shared = figures_of(report, "value = x["), figures_of(report, "shared_value = ")
    assert load.global_load_bytes - 4 * lanes_on == lanes_on * np.dtype(dtype).itemsize  # place[i] is loaded too
    place_sectors = figures_of(report, "shared_value = ").global_load_sectors  # that line loads place[i] and no x
    assert load.global_load_sectors - place_sectors == sectors
    assert (shared.shared_accesses, shared.shared_wavefronts, shared.shared_ways) == (active_warps, passes, worst)
    atomics = figures_of(report, "cuda.atomic.add")
    assert (atomics.atomics, atomics.atomic_contention) == (lanes_on, met)
    assert load.executions == active_warps and load.active_lanes == lanes_on
    assert figures_of(report, "if chosen").divergent_branches == divergent
    np.testing.assert_array_equal(counts, np.bincount(place[chosen], minlength=SIZE))


@cuda.jit
def update_in_place(x):
    i = cuda.grid(1)
    x[i] += float32(1)


def test_update_in_place_loads_and_stores():
    figures = simt.launch(update_in_place, 2, 64, np.zeros(128, np.float32)).figures
    assert (figures.global_load_bytes, figures.global_store_bytes) == (512, 512)
    assert (figures.global_load_sectors, figures.global_store_sectors) == (16, 16)
    assert figures.flops == 128
