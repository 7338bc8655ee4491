"""Wrong kernels whose threads wait for what never comes."""

import numpy as np

from cuda_kernels._cuda import cuda, int32
from tests.bank.examples.case import values

from ..entry import wrong

THREADS = 32
T4_HOLDS = 640  # blocks of 32 threads at a time


@wrong(T4_HOLDS + 1, THREADS, lambda: (np.zeros(1, np.int32), np.zeros(641, np.int32)), gpu="T4")
@cuda.jit
def barrier_of_a_grid_that_does_not_fit(arrived, out):
    """The last block begins when another has ended, and all the others wait for the last."""
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(arrived, 0, 1)
        while cuda.atomic.add(arrived, 0, 0) < cuda.gridDim.x:  # <- fault: step-limit
            pass
        out[cuda.blockIdx.x] = 1


@wrong(4, THREADS, lambda: (np.zeros(5, np.int32), np.zeros(4, np.int32)))
@cuda.jit
def flag_under_the_wrong_index(ready, out):
    """Each block waits for flag b - 1, and raises flag b + 1."""
    block = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        if block > 0:
            while cuda.atomic.max(ready, block - 1, 0) == 0:  # <- fault: step-limit
                pass
        out[block] = 1
        cuda.threadfence()
        cuda.atomic.add(ready, block + 1, 1)


@wrong(2, THREADS, lambda: (np.zeros(1, np.int32), np.zeros(1, np.int32)))
@cuda.jit
def lock_kept_by_a_return(lock, count):
    """Where the limit is reached, the thread returns with the lock in its hand."""
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:  # <- fault: step-limit
        pass
    if count[0] >= 10:
        return
    count[0] += 1
    cuda.threadfence()
    cuda.atomic.exch(lock, 0, 0)


@wrong(1, THREADS, lambda: (np.array([3, 0, 2, 1] * 8, np.int32), np.zeros(32, np.int32)))
@cuda.jit
def range_with_a_step_of_zero(step, out):
    """A step from the data is 0 for some threads: in a kernel nobody sees the ValueError."""
    i = cuda.grid(1)
    count = int32(0)
    for _ in range(0, 12, step[i]):  # <- fault: step-limit
        count += 1
    out[i] = count


@wrong(2, THREADS, lambda: (values(310, 64), np.zeros(64, np.float32)))
@cuda.jit
def grid_stride_without_a_stride(x, out):
    """The index of the grid-stride loop is never moved on."""
    i = cuda.grid(1)
    while i < x.size:  # <- fault: step-limit
        out[i] = x[i] + x[i]
