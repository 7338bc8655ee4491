"""A 1-D stencil: every output is a weighted sum of its neighbourhood, staged in shared memory with a halo."""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import Case, blocks_for, values

THREADS = 64
RADIUS = 3
STAGED = THREADS + 2 * RADIUS  # a block's elements and RADIUS neighbours on either side


@cuda.jit
def stencil_1d(x, weights, out):
    """out[i] = sum over d in -RADIUS..RADIUS of weights[d + RADIUS] * x[i + d], with zeros outside x.

    A block stages STAGED elements; each is used by up to 2 RADIUS + 1 threads. The first RADIUS threads
    also load the left halo, and the same threads the right one.
    """
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(STAGED, float32)
    staged[thread + RADIUS] = x[i] if i < x.size else float32(0)
    if thread < RADIUS:
        left = i - RADIUS
        staged[thread] = x[left] if left >= 0 else float32(0)
        right = i + THREADS
        staged[thread + RADIUS + THREADS] = x[right] if right < x.size else float32(0)
    cuda.syncthreads()
    if i < out.size:
        total = float32(0)
        for offset in range(2 * RADIUS + 1):
            total += weights[offset] * staged[thread + offset]
        out[i] = total


def stencil_1d_case(n: int = 200) -> Case:
    """A stencil over n elements with asymmetric weights; the last block is only partly full."""
    x, weights, out = values(12, n), values(13, 2 * RADIUS + 1), np.zeros(n, np.float32)
    expected = np.correlate(np.pad(x, RADIUS), weights, "valid")
    args = (x, weights, out)
    return Case(stencil_1d, blocks_for(n, THREADS), THREADS, args, {"out": expected}, rtol=1e-4, atol=1e-5)
