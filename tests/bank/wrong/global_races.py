"""Wrong kernels: threads meet in global memory, where no barrier reaches beyond a block."""

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import values

from ..entry import wrong

THREADS = 32
POOL = 3  # a pooling window, larger than its stride of 2


def vector() -> tuple:
    """128 values and as many outputs."""
    return values(20, 128), np.zeros(128, np.float32)


@wrong(4, THREADS, lambda: (np.arange(128, dtype=np.int32) % 5, np.zeros(5, np.int32)))
@cuda.jit
def histogram_not_atomic(x, counts):
    """Counting without an atomic: threads that meet the same bin lose counts."""
    i = cuda.grid(1)
    if i < x.size:
        counts[x[i]] += 1  # <- fault: race


@wrong(4, THREADS, lambda: (values(21, 128), np.zeros(1, np.float32)))
@cuda.jit
def sum_not_atomic(x, out):
    """Every thread adds to one element, each from the value it happened to read."""
    i = cuda.grid(1)
    if i < x.size:
        out[0] += x[i]  # <- fault: race


@wrong(4, THREADS, lambda: (*vector(), np.zeros(128, np.float32)))
@cuda.jit
def neighbour_of_another_block(x, squares, out):
    """The barrier orders a block; the last thread's right neighbour belongs to another one."""
    i = cuda.grid(1)
    if i < x.size:
        squares[i] = x[i] * x[i]  # <- fault: race
    cuda.syncthreads()
    if i < x.size:
        out[i] = squares[(i + 1) % x.size]  # <- fault: race


@wrong(4, THREADS, lambda: (values(22, 128),))
@cuda.jit
def smooth_in_place(x):
    """A three-point mean written over its own input: neighbours read the old value or the new one."""
    i = cuda.grid(1)
    if 0 < i and i < x.size - 1:
        x[i] = (x[i - 1] + x[i] + x[i + 1]) / float32(3)  # <- fault: race


@wrong((2, 2), (8, 8), lambda: (values(23, 16, 16),))
@cuda.jit
def transpose_in_place(x):
    """Two threads swap the same two elements against each other."""
    col, row = cuda.grid(2)
    if row != col:
        x[row, col] = x[col, row]  # <- fault: race


@wrong(4, THREADS, lambda: (values(24, 128), np.zeros(64, np.float32)))
@cuda.jit
def two_threads_one_output(x, out):
    """Down-sampling by two, with both threads of a pair storing to the pair's output."""
    i = cuda.grid(1)
    if i < x.size:
        out[i // 2] = x[i]  # <- fault: race


@wrong(
    4, THREADS, lambda: (values(29, 128), np.zeros(100, np.float32), np.arange(128, dtype=np.int32) * 7 % 100)
)
@cuda.jit
def scatter_with_duplicates(x, out, target):
    """A scatter whose targets are not unique: which of two values stays is left to chance."""
    i = cuda.grid(1)
    if i < x.size:
        out[target[i]] = x[i]  # <- fault: race


@wrong(4, THREADS, lambda: (values(25, 128), np.zeros(1, np.float32), np.zeros(128, np.float32)))
@cuda.jit
def atomic_sum_read_too_early(x, total, out):
    """Dividing by a sum that other threads are still adding to: an atomic and a plain read."""
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(total, 0, x[i] * x[i])  # <- fault: race
        out[i] = x[i] / total[0]  # <- fault: race


@wrong(4, THREADS, vector)
@cuda.jit
def stride_of_a_block(x, out):
    """A grid-stride loop that steps by the block: every block but the last repeats the others' work."""
    for i in range(cuda.grid(1), x.size, cuda.blockDim.x):
        out[i] = x[i] * float32(2)  # <- fault: race


@wrong((2, 2), (16, 2), lambda: (values(30, 32), np.zeros(32, np.float32)))
@cuda.jit
def one_dimensional_kernel_launched_2d(x, out):
    """`cuda.grid(1)` sees only x: threads that differ in y alone all do the same element."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] + float32(1)  # <- fault: race


@wrong(3, THREADS, lambda: (values(26, 4 * 4 * 5), np.zeros(9 * 9 * 5, np.float32)))
@cuda.jit
def max_pool_backward_not_atomic(dy, dx):
    """Overlapping windows: neighbouring outputs add to the same input gradient without an atomic."""
    flat = cuda.grid(1)
    if flat < dy.size:
        c = flat % 5
        q = flat // 5 % 4
        p = flat // 20
        for r in range(POOL):
            for s in range(POOL):
                dx[((p * 2 + r) * 9 + q * 2 + s) * 5 + c] += dy[flat]  # <- fault: race


@wrong(6, THREADS, lambda: (values(27, 6, 32), values(28, 6), np.zeros(32, np.float32)))
@cuda.jit
def weight_gradient_over_blocks(x, dy, dw):
    """A block owns a sample, and all blocks add their sample's part to the same weights."""
    sample = cuda.blockIdx.x
    weight = cuda.threadIdx.x
    dw[weight] += x[sample, weight] * dy[sample]  # <- fault: race


@wrong(4, THREADS, vector)
@cuda.jit
def halves_that_overlap(x, out):
    """A thread owns two elements, i and i + 1, where it should own 2 i and 2 i + 1."""
    i = cuda.grid(1)
    if i + 1 < x.size:
        out[i] = x[i]  # <- fault: race
        out[i + 1] = x[i + 1]  # <- fault: race
