"""Right kernels whose threads wait for others: a chain of blocks, a lock, a barrier of the grid, a producer."""

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from tests.bank.examples.case import values

from ..entry import right

THREADS = 32


@right(
    8,
    THREADS,
    lambda: (values(300, 8), np.zeros(8, np.int32), np.zeros(8, np.float32)),
    lambda x, ready, sums: np.allclose(sums, np.cumsum(x), rtol=1e-5),
)
@cuda.jit
def scan_by_looking_back(x, ready, sums):
    """Each block adds its value to the sum of the block before, once that is ready."""
    block = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        total = x[block]
        if block > 0:
            while cuda.atomic.add(ready, block - 1, 0) == 0:
                cuda.nanosleep(int32(100))
            total += sums[block - 1]
        sums[block] = total
        cuda.threadfence()
        cuda.atomic.exch(ready, block, 1)


@right(
    3,
    THREADS,
    lambda: (np.zeros(1, np.int32), np.zeros(1, np.int32)),
    lambda lock, count: count[0] == 96 and lock[0] == 0,
)
@cuda.jit
def lock_taken_by_every_thread(lock, count):
    """A spin lock around one plain addition; it needs the independent threads of Volta and later."""
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:
        pass
    count[0] += 1
    cuda.threadfence()
    cuda.atomic.exch(lock, 0, 0)


@right(
    6,
    THREADS,
    lambda: (values(301, 6), np.zeros(1, np.int32), np.zeros(6, np.float32), np.zeros(6, np.float32)),
    lambda x, arrived, doubled, out: np.allclose(out, np.roll(2 * x, -1)),
)
@cuda.jit
def barrier_of_the_grid(x, arrived, doubled, out):
    """All blocks meet at a counter before they read what a neighbour has written."""
    block = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        doubled[block] = x[block] + x[block]
        cuda.threadfence()
        cuda.atomic.add(arrived, 0, 1)
        seen = 0
        while seen < cuda.gridDim.x:
            seen = cuda.atomic.max(arrived, 0, 0)
        out[block] = doubled[(block + 1) % cuda.gridDim.x]


@right(
    2,
    2 * THREADS,
    lambda: (values(302, 2), np.zeros(2, np.float32)),
    lambda x, out: np.array_equal(out, x),
)
@cuda.jit
def one_warp_waits_for_another(x, out):
    """The first thread looks at a flag that a thread of the second warp raises."""
    box = cuda.shared.array(1, float32)
    ready = cuda.shared.array(1, int32)
    thread = cuda.threadIdx.x
    if thread == 0:
        ready[0] = 0
    cuda.syncthreads()
    if thread == 0:
        while cuda.atomic.add(ready, 0, 0) == 0:
            pass
        out[cuda.blockIdx.x] = box[0]
    elif thread == THREADS:
        box[0] = x[cuda.blockIdx.x]
        cuda.threadfence_block()
        cuda.atomic.exch(ready, 0, 1)
