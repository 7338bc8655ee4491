"""The sum of a vector three ways: one atomic an element, a tree in shared memory, and shuffles within a warp.

Source: Harris, Optimizing Parallel Reduction in CUDA (NVIDIA, 2007); Luitjens, Faster Parallel Reductions on
Kepler (NVIDIA, 2014) for the shuffles.
"""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import Case, blocks_for, values

THREADS = 128  # a power of two: the tree halves it each step
WARPS = THREADS // 32
FULL_MASK = 0xFFFFFFFF  # all 32 lanes take part in a shuffle


@cuda.jit
def sum_atomic(x, out):
    """out[0] += x[i], one atomic an element: right, and serial on one address."""
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(out, 0, x[i])


@cuda.jit
def sum_tree(x, out):
    """Halve the values in shared memory log2(THREADS) times, then one atomic a block."""
    thread = cuda.threadIdx.x
    partial = cuda.shared.array(THREADS, float32)
    i = cuda.grid(1)
    if i < x.size:
        partial[thread] = x[i]
    else:
        partial[thread] = float32(0)
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if thread < half:
            partial[thread] += partial[thread + half]
        cuda.syncthreads()  # outside the `if`: every thread of the block must meet it
        half //= 2
    if thread == 0:
        cuda.atomic.add(out, 0, partial[0])


@cuda.jit
def sum_shuffle(x, out):
    """Sum within each warp by shuffles, which need no shared memory and no barrier; then over the warps.

    A lane outside the vector brings zero: it may not leave before the shuffle, which names all 32 lanes.
    """
    thread = cuda.threadIdx.x
    lane = thread % 32
    warp = thread // 32
    by_warp = cuda.shared.array(WARPS, float32)
    total = float32(0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        total += x[i]
    distance = 16
    while distance > 0:
        total += cuda.shfl_down_sync(FULL_MASK, total, distance)
        distance //= 2
    if lane == 0:
        by_warp[warp] = total
    cuda.syncthreads()
    if thread == 0:
        for other in range(1, WARPS):
            total += by_warp[other]
        cuda.atomic.add(out, 0, total)


def _sum_case(kernel, n: int, blocks: int) -> Case:
    x, out = values(7, n), np.zeros(1, np.float32)
    expected = np.array([x.astype(np.float64).sum()], np.float32)
    return Case(kernel, blocks, THREADS, (x, out), {"out": expected}, rtol=1e-4, atol=1e-4)


def sum_atomic_case(n: int = 1000) -> Case:
    """The sum of n values."""
    return _sum_case(sum_atomic, n, blocks_for(n, THREADS))


def sum_tree_case(n: int = 1000) -> Case:
    """The sum of n values."""
    return _sum_case(sum_tree, n, blocks_for(n, THREADS))


def sum_shuffle_case(n: int = 1000, blocks: int = 3) -> Case:
    """The sum of n values by fewer threads than values."""
    return _sum_case(sum_shuffle, n, blocks)
