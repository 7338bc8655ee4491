"""Wrong kernels: an index outside its array.

A GPU does not stop at the end of an array. A signed index below 0 counts from the end, as Numba compiles it: the thread
takes an element of the other side, and nothing tells the student. Both are "out-of-bounds".
"""

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32, uint32
from tests.bank.examples.case import values

from ..entry import wrong

THREADS = 32
RADIUS = 2
STAGED = THREADS + RADIUS  # one RADIUS too few for a halo on either side
BINS = 10


def vectors() -> tuple:
    """Two vectors of 100 values and an output: the last of 4 blocks has 28 threads too many."""
    return values(40, 100), values(41, 100), np.zeros(100, np.float32)


@wrong(4, THREADS, vectors)
@cuda.jit
def guard_with_less_or_equal(x, y, out):
    """`<=` lets one thread too many pass."""
    i = cuda.grid(1)
    if i <= out.size:
        out[i] = x[i] + y[i]  # <- fault: out-of-bounds


@wrong(4, THREADS, vectors)
@cuda.jit
def no_guard(x, y, out):
    """The grid is rounded up to whole blocks, and nobody stops the threads behind the end."""
    i = cuda.grid(1)
    out[i] = x[i] + y[i]  # <- fault: out-of-bounds


@wrong(4, THREADS, lambda: (values(42, 100), np.zeros(100, np.float32)))
@cuda.jit
def difference_at_the_left_edge(x, out):
    """out[0] needs a left neighbour: x[i - 1] is x[-1] there, which is the last element."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] - x[i - 1]  # <- fault: out-of-bounds


@wrong(4, THREADS, lambda: (values(43, 100), np.zeros(100, np.float32)))
@cuda.jit
def difference_at_the_right_edge(x, out):
    """The last thread reads one element beyond."""
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i + 1] - x[i]  # <- fault: out-of-bounds


@wrong((1, 2), (8, 8), lambda: (values(44, 9 * 5), np.zeros((9, 5), np.float32)))
@cuda.jit
def swapped_strides(flat, out):
    """A flat index that multiplies the row by the number of rows: right for square matrices only."""
    col, row = cuda.grid(2)
    rows, cols = out.shape
    if row < rows and col < cols:
        out[row, col] = flat[row * rows + col] * float32(2)  # <- fault: out-of-bounds


@wrong((1, 1), (8, 8), lambda: (values(45, 7, 3), values(46, 3, 6), np.zeros((7, 6), np.float32)))
@cuda.jit
def product_with_swapped_index(a, b, c):
    """Matrix b is indexed (column, k): right for square matrices only."""
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[col, k]  # <- fault: out-of-bounds
        c[row, col] = total


@wrong((1, 2), (8, 8), lambda: (values(47, 10, 6), np.zeros((10, 6), np.float32)))
@cuda.jit
def guard_with_swapped_axes(x, out):
    """The guard compares the row with the number of columns: some threads go too far, others stay at home."""
    col, row = cuda.grid(2)
    if row < x.shape[1] and col < x.shape[0]:
        out[row, col] = x[row, col]  # <- fault: out-of-bounds, unwritten-output


@wrong(4, THREADS, lambda: (values(48, 128), np.zeros(128, np.float32)))
@cuda.jit
def halo_one_too_short(x, out):
    """The staging array was sized for one halo, where a stencil has two."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(STAGED, float32)
    staged[thread + RADIUS] = x[i]
    if thread < RADIUS:
        staged[thread] = x[i - RADIUS] if i >= RADIUS else float32(0)
        right = i + THREADS
        value = x[right] if right < x.size else float32(0)
        staged[thread + RADIUS + THREADS] = value  # <- fault: out-of-bounds
    cuda.syncthreads()
    total = float32(0)
    for offset in range(2 * RADIUS + 1):
        total += staged[thread + offset]  # <- fault: out-of-bounds
    out[i] = total


@wrong((1, 1), (8, 8), lambda: (values(49, 8, 8), values(50, 3, 3), np.zeros((8, 8), np.float32)))
@cuda.jit
def convolution_without_padding_guard(x, w, y):
    """A 3 x 3 window centred on every pixel reaches one row and one column outside the image, or its other side."""
    col, row = cuda.grid(2)
    if row < y.shape[0] and col < y.shape[1]:
        total = float32(0)
        for r in range(3):
            for s in range(3):
                total += x[row + r - 1, col + s - 1] * w[r, s]  # <- fault: out-of-bounds
        y[row, col] = total


@wrong((1, 1), (8, 8), lambda: (values(51, 7, 9), np.zeros((4, 5), np.float32)))
@cuda.jit
def pooling_over_the_edge(x, y):
    """The output was rounded up, so the last window of an odd image hangs over its edge."""
    q, p = cuda.grid(2)
    if p < y.shape[0] and q < y.shape[1]:
        best = x[2 * p, 2 * q]
        for r in range(2):
            for s in range(2):
                best = max(best, x[2 * p + r, 2 * q + s])  # <- fault: out-of-bounds
        y[p, q] = best


@wrong(
    1, THREADS, lambda: (np.arange(1, 13, dtype=np.int32), values(52, 12, 4), np.zeros((12, 4), np.float32))
)
@cuda.jit
def labels_that_start_at_one(ids, table, out):
    """Ids counted from 1 look up a row behind the table."""
    token = cuda.grid(1)
    if token < ids.size:
        for d in range(table.shape[1]):
            out[token, d] = table[ids[token], d]  # <- fault: out-of-bounds


@wrong(4, THREADS, lambda: (np.linspace(0, 1, 128, dtype=np.float32), np.zeros(BINS, np.int32)))
@cuda.jit
def last_value_falls_off_the_histogram(x, counts):
    """int(1.0 * BINS) is BINS, one bin beyond."""
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(counts, int(x[i] * float32(BINS)), 1)  # <- fault: out-of-bounds


@wrong(1, THREADS, lambda: (values(53, 32), np.zeros((32, 4), np.float32)))
@cuda.jit
def local_array_too_short(x, out):
    """Four powers in a local array of three."""
    i = cuda.grid(1)
    power = cuda.local.array(3, float32)
    value = float32(1)
    for j in range(4):
        power[j] = value  # <- fault: out-of-bounds
        value *= x[i]
    for j in range(4):
        out[i, j] = power[min(j, 2)]


@wrong(2, (16, 4), lambda: (values(54, 2, 64), np.zeros((2, 64), np.float32)))
@cuda.jit
def flat_thread_number_with_wrong_width(x, out):
    """The thread's number in its block takes 32 for the width of a block that is 16 wide."""
    staged = cuda.shared.array(64, float32)
    wrong_thread = cuda.threadIdx.y * 32 + cuda.threadIdx.x
    thread = cuda.threadIdx.y * 16 + cuda.threadIdx.x
    staged[wrong_thread] = x[cuda.blockIdx.x, thread]  # <- fault: out-of-bounds
    cuda.syncthreads()
    out[cuda.blockIdx.x, thread] = staged[thread % 16]


@wrong(2, THREADS, lambda: (values(55, 64), np.zeros(2, np.int32)))
@cuda.jit
def argmax_never_set(x, out):
    """Where no value beats the limit the place stays -1, and is used as an index."""
    thread = cuda.threadIdx.x
    place = int32(-1)
    if thread == 0:
        for j in range(THREADS):
            if x[cuda.blockIdx.x * THREADS + j] > float32(100):
                place = j
        out[cuda.blockIdx.x] = int32(x[place] > float32(0))  # <- fault: out-of-bounds


@wrong(4, THREADS, lambda: (np.arange(100, dtype=np.int32) % 10, np.zeros(10, np.int32)))
@cuda.jit
def histogram_of_values_from_one(x, counts):
    """Values from 0 are counted as if they began at 1: the zeros are added to the last bin."""
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(counts, x[i] - 1, 1)  # <- fault: out-of-bounds


@wrong(4, THREADS, lambda: (values(56, 100), np.zeros(100, np.float32)))
@cuda.jit
def shift_written_on_the_other_side(x, out):
    """Thread 0 writes out[-1], the last element."""
    i = cuda.grid(1)
    if i < x.size:
        out[i - 1] = x[i]  # <- fault: out-of-bounds


@wrong(1, THREADS, lambda: (values(57, 5), np.zeros(5, np.float32)))
@cuda.jit
def further_back_than_the_beginning(x, out):
    """Two lengths to the left: even counted from the end there is no such element."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i - 10]  # <- fault: out-of-bounds


@wrong(4, THREADS, lambda: (values(58, 100), np.zeros(100, np.float32)))
@cuda.jit
def unsigned_index_below_zero(x, out):
    """uint32(0) - uint32(1) is 2**64 - 1, and an unsigned index is not counted from the end."""
    i = uint32(cuda.grid(1))
    if i < x.size:
        out[i] = x[i - uint32(1)]  # <- fault: out-of-bounds


@wrong(2, THREADS, lambda: (values(59, 3, 64), np.zeros((3, 64), np.float32)))
@cuda.jit
def row_above_the_first(x, out):
    """A slice of the row above: that of row 0 is the last row."""
    col = cuda.grid(1)
    for row in range(3):
        above = x[row - 1, :]  # <- fault: out-of-bounds
        out[row, col] = x[row, col] - above[col]
