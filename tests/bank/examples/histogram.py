"""Count how often each value occurs: by atomics in global memory, or by a private histogram in each block."""

import numpy as np

from cuda_kernels._cuda import cuda, int32
from tests.bank.examples.case import Case, blocks_for

THREADS = 128
BINS = 32


@cuda.jit
def histogram_atomic(x, counts):
    """counts[x[i]] += 1. Threads that meet the same bin at the same moment wait for one another."""
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(counts, x[i], 1)


@cuda.jit
def histogram_shared(x, counts):
    """Count in shared memory first; then a block adds its BINS counts to the global ones.

    Atomics in shared memory are cheap, and global memory sees BINS atomics a block instead of THREADS.
    """
    thread = cuda.threadIdx.x
    own = cuda.shared.array(BINS, int32)
    for bin_index in range(thread, BINS, cuda.blockDim.x):
        own[bin_index] = 0
    cuda.syncthreads()
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        cuda.atomic.add(own, x[i], 1)
    cuda.syncthreads()
    for bin_index in range(thread, BINS, cuda.blockDim.x):
        cuda.atomic.add(counts, bin_index, own[bin_index])


def _histogram_case(kernel, n: int, blocks: int) -> Case:
    # the square makes low bins frequent, so that atomics really collide
    x = (np.random.default_rng(10).random(n) ** 2 * BINS).astype(np.int32)
    counts = np.zeros(BINS, np.int32)
    expected = np.bincount(x, minlength=BINS).astype(np.int32)
    return Case(kernel, blocks, THREADS, (x, counts), {"counts": expected})


def histogram_atomic_case(n: int = 1000) -> Case:
    """A histogram of n values in BINS bins."""
    return _histogram_case(histogram_atomic, n, blocks_for(n, THREADS))


def histogram_shared_case(n: int = 1000, blocks: int = 3) -> Case:
    """A histogram of n values by fewer threads than values."""
    return _histogram_case(histogram_shared, n, blocks)
