"""A warp-specialised toy: one warp fetches the next chunk while the others compute on this one.

Fast kernels for recent GPUs divide the work of a block this way, with hardware queues between the warps.
Here the queue is two buffers in shared memory and one barrier a step, which every warp meets.
"""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import Case, values

CONSUMERS = 64  # threads that compute: two warps
THREADS = 32 + CONSUMERS  # and one warp that fetches
CHUNK = 64  # columns a step, one for each consumer


@cuda.jit
def row_dots(a, b, out):
    """out[row] = sum over j of a[row, j] * b[row, j]; a block owns a row, whose length is a multiple of
    CHUNK.

    Warp 0 (the producer) copies chunk s + 1 of both rows into the buffer that is not in use; warps 1 and 2
    (the consumers) multiply chunk s. The branch is uniform within a warp: no warp runs both sides.
    """
    row = cuda.blockIdx.x
    thread = cuda.threadIdx.x
    a_chunk = cuda.shared.array((2, CHUNK), float32)
    b_chunk = cuda.shared.array((2, CHUNK), float32)
    partial = cuda.shared.array(CONSUMERS, float32)
    steps = a.shape[1] // CHUNK
    total = float32(0)
    for step in range(steps + 1):
        if thread < 32:
            if step < steps:
                for col in range(thread, CHUNK, 32):
                    a_chunk[step % 2, col] = a[row, step * CHUNK + col]
                    b_chunk[step % 2, col] = b[row, step * CHUNK + col]
        elif step > 0:
            col = thread - 32
            total += a_chunk[(step - 1) % 2, col] * b_chunk[(step - 1) % 2, col]
        cuda.syncthreads()
    if thread >= 32:
        partial[thread - 32] = total
    cuda.syncthreads()
    if thread == 0:
        for consumer in range(CONSUMERS):
            total += partial[consumer]
        out[row] = total


def row_dots_case(rows: int = 5, steps: int = 3) -> Case:
    """The dot products of a few rows, in an odd number of chunks."""
    a, b = values(18, rows, steps * CHUNK), values(19, rows, steps * CHUNK)
    out = np.zeros(rows, np.float32)
    expected = (a.astype(np.float64) * b).sum(axis=1).astype(np.float32)
    return Case(row_dots, rows, THREADS, (a, b, out), {"out": expected}, rtol=1e-4, atol=1e-4)
