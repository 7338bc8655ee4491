"""Wrong kernels: memory read before it was written, and outputs that nobody writes."""

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32, int64
from tests.bank.examples.case import values

from ..entry import wrong

TILE = 8
THREADS = 64
RADIUS = 2
STAGED = THREADS + 2 * RADIUS


@wrong((2, 2), (TILE, TILE), lambda: (values(80, 13, 11), values(81, 11, 9), np.zeros((13, 9), np.float32)))
@cuda.jit
def ragged_tile_without_zeros(a, b, c):
    """The edge of the last tile is not loaded, and not filled with zeros either."""
    col, row = cuda.grid(2)
    tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
    a_tile = cuda.shared.array((TILE, TILE), float32)
    b_tile = cuda.shared.array((TILE, TILE), float32)
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        if row < a.shape[0] and start + tile_col < a.shape[1]:
            a_tile[tile_row, tile_col] = a[row, start + tile_col]
        if start + tile_row < b.shape[0] and col < b.shape[1]:
            b_tile[tile_row, tile_col] = b[start + tile_row, col]
        cuda.syncthreads()
        for k in range(TILE):
            total += a_tile[tile_row, k] * b_tile[k, tile_col]  # <- fault: uninitialised-read
        cuda.syncthreads()
    if row < c.shape[0] and col < c.shape[1]:
        c[row, col] = total


@wrong(2, THREADS, lambda: (values(82, 100), np.zeros(2, np.float32)))
@cuda.jit
def tree_over_an_unfilled_tail(x, out):
    """The last block's tail is never stored, but the tree adds it all the same."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    partial = cuda.shared.array(THREADS, float32)
    if i < x.size:
        partial[thread] = x[i]
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if thread < half:
            partial[thread] += partial[thread + half]  # <- fault: uninitialised-read
        cuda.syncthreads()
        half //= 2
    if thread == 0:
        out[cuda.blockIdx.x] = partial[0]


@wrong(2, THREADS, lambda: (values(83, 128), np.zeros(128, np.float32)))
@cuda.jit
def stencil_without_its_right_halo(x, out):
    """The left halo is loaded, the right one forgotten."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(STAGED, float32)
    staged[thread + RADIUS] = x[i]
    if thread < RADIUS:
        staged[thread] = x[i - RADIUS] if i >= RADIUS else float32(0)
    cuda.syncthreads()
    total = float32(0)
    for offset in range(2 * RADIUS + 1):
        total += staged[thread + offset]  # <- fault: uninitialised-read
    out[i] = total


@wrong(1, THREADS, lambda: (values(40, 22), np.zeros(THREADS, np.float32)))
@cuda.jit
def value_only_of_threads_inside(x, out):
    """Threads past the end skip the assignment, and then store the variable all the same."""
    i = cuda.grid(1)
    if i < x.size:
        value = max(x[i], float32(0))
    out[i] = value  # <- fault: uninitialised-read


@wrong(2, THREADS, lambda: (np.arange(128, dtype=np.int32) % 8, np.zeros(8, np.int32)))
@cuda.jit
def private_histogram_never_cleared(x, counts):
    """Shared memory holds whatever the last block left there; these bins start from that."""
    thread = cuda.threadIdx.x
    own = cuda.shared.array(8, int32)
    cuda.atomic.add(own, x[cuda.grid(1)], 1)  # <- fault: uninitialised-read
    cuda.syncthreads()
    if thread < 8:
        cuda.atomic.add(counts, thread, own[thread])


@wrong(1, THREADS, lambda: (np.arange(64, dtype=np.int32) * 3 % 100, np.zeros(100, np.int32)))
@cuda.jit
def histogram_cleared_in_part(x, counts):
    """64 threads clear one bin each, of 100."""
    thread = cuda.threadIdx.x
    own = cuda.shared.array(100, int32)
    own[thread] = 0
    cuda.syncthreads()
    cuda.atomic.add(own, x[thread], 1)  # <- fault: uninitialised-read
    cuda.syncthreads()
    cuda.atomic.add(counts, thread, own[thread])


@wrong(1, THREADS, lambda: (values(84, 64, 4), values(85, 4, 3), np.zeros((64, 3), np.float32)))
@cuda.jit
def accumulators_never_cleared(x, w, out):
    """A thread's accumulators in a local array hold anything at the start, not zero."""
    row = cuda.grid(1)
    totals = cuda.local.array(3, float32)
    for k in range(4):
        for j in range(3):
            totals[j] += x[row, k] * w[k, j]  # <- fault: uninitialised-read
    for j in range(3):
        out[row, j] = totals[j]


@wrong(1, THREADS, lambda: (values(86, 64), np.zeros((64, 4), np.float32)))
@cuda.jit
def local_array_filled_in_part(x, out):
    """Three of four powers are computed; the fourth is stored all the same."""
    i = cuda.grid(1)
    powers = cuda.local.array(4, float32)
    power = float32(1)
    for j in range(3):
        powers[j] = power
        power *= x[i]
    for j in range(4):
        out[i, j] = powers[j]  # <- fault: uninitialised-read


@wrong(1, THREADS, lambda: (values(87, 64), np.zeros(64, np.float32)))
@cuda.jit
def best_of_none(x, out):
    """The local pair is filled only where a value passes the test, and read in any case."""
    i = cuda.grid(1)
    best = cuda.local.array(1, float32)
    if x[i] > float32(0):
        best[0] = x[i]
    out[i] = best[0]  # <- fault: uninitialised-read


@wrong((1, 2), (8, 8), lambda: (values(88, 9, 7), np.zeros((9, 7), np.float32)))
@cuda.jit
def last_row_never_written(x, out):
    """`rows - 1` in the guard: the last row is left as it was."""
    col, row = cuda.grid(2)
    rows, cols = out.shape
    if row < rows - 1 and col < cols:
        out[row, col] = x[row, col] * float32(2)  # <- fault: unwritten-output


@wrong(100 // 32, 32, lambda: (values(89, 100), np.zeros(100, np.float32)))
@cuda.jit
def grid_rounded_down(x, out):
    """The number of blocks was rounded down: nobody owns the last elements."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] + float32(1)  # <- fault: unwritten-output


@wrong(4, 32, lambda: (values(90, 4, 32), np.zeros((4, 32), np.float32)))
@cuda.jit
def two_dimensional_kernel_launched_1d(x, out):
    """With a 1-D launch the second coordinate of `cuda.grid(2)` is 0 for every thread."""
    col, row = cuda.grid(2)
    if row < x.shape[0] and col < x.shape[1]:
        out[row, col] = x[row, col]  # <- fault: unwritten-output


@wrong(4, 32, lambda: (values(91, 128), np.zeros(128, np.float32)))
@cuda.jit
def borders_never_written(x, out):
    """A three-point mean that leaves both ends alone, where `out` was meant to be whole."""
    i = cuda.grid(1)
    if i > 0 and i < x.size - 1:
        out[i] = (x[i - 1] + x[i] + x[i + 1]) / float32(3)  # <- fault: unwritten-output


@wrong(1, 32, lambda: (values(92, 64) - np.float32(1), np.zeros(32, np.float32)))
@cuda.jit
def maximum_starting_from_zero(x, out):
    """A window whose values are all negative never beats the starting value, and is never stored."""
    i = cuda.grid(1)
    best = float32(0)
    for j in range(2):
        if x[2 * i + j] > best:
            best = x[2 * i + j]
            out[i] = best  # <- fault: unwritten-output


@wrong(1, 32, lambda: (values(93, 103), np.zeros(103, np.float32)))
@cuda.jit
def four_at_a_time_without_the_tail(x, out):
    """A thread owns four elements, all or none: the three left over belong to nobody."""
    first = 4 * cuda.grid(1)
    if first + 3 < x.size:
        for j in range(4):
            out[first + j] = x[first + j] * x[first + j]  # <- fault: unwritten-output


@wrong(1, 32, lambda: (values(94, 32), np.zeros(32, np.float32), np.zeros(2, np.float32)))
@cuda.jit
def second_sum_forgotten(x, out, sums):
    """One of the two sums is stored, the other computed and dropped."""
    i = cuda.grid(1)
    out[i] = x[i] * x[i]
    if i == 0:
        total = float32(0)
        squares = float32(0)
        for j in range(x.size):
            total += x[j]
            squares += x[j] * x[j]
        sums[0] = total  # <- fault: unwritten-output


@wrong(1, THREADS, lambda: (values(320, 64), np.zeros(2, np.float32)), shared_bytes=512)
@cuda.jit
def two_dynamic_arrays(x, out):
    """Both begin at the first byte of the dynamic memory: the squares overwrite the values."""
    plain = cuda.shared.array(0, float32)
    squared = cuda.shared.array(0, float32)
    thread = cuda.threadIdx.x
    plain[thread] = x[thread]
    squared[thread] = x[thread] * x[thread]
    cuda.syncthreads()
    if thread == 0:
        total = float32(0)
        squares = float32(0)
        for k in range(THREADS):
            total += plain[k]  # <- fault: overlap
            squares += squared[k]
        out[0] = total
        out[1] = squares


@wrong(1, THREADS, lambda: (np.arange(64, dtype=np.int32) % 4, np.zeros(64, np.float32)), shared_bytes=512)
@cuda.jit
def dynamic_arrays_of_two_types(x, out):
    """Counters and values of two types, in one memory."""
    counts = cuda.shared.array(0, int32)
    shares = cuda.shared.array(0, float32)
    thread = cuda.threadIdx.x
    counts[thread] = 0
    shares[thread] = float32(1)
    cuda.syncthreads()
    cuda.atomic.add(counts, x[thread], 1)  # <- fault: overlap
    cuda.syncthreads()
    out[thread] = shares[thread]


@wrong(2, THREADS, lambda: (values(321, 128), np.zeros(128, np.float32)), shared_bytes=400)
@cuda.jit
def dynamic_arrays_that_overlap_in_part(x, out):
    """The second array was to begin behind the first, but the cut is 14 elements short."""
    first = cuda.shared.array(0, float32)[:64]
    second = cuda.shared.array(0, float32)[50:]
    thread = cuda.threadIdx.x
    first[thread] = x[cuda.grid(1)]
    cuda.syncthreads()
    if thread < 32:
        second[thread] = float32(1)
    cuda.syncthreads()
    out[cuda.grid(1)] = first[thread]  # <- fault: overlap


@wrong(2, THREADS, lambda: (np.arange(128, dtype=np.int32), np.zeros(128, np.int64)), shared_bytes=512)
@cuda.jit
def dynamic_int64_over_int32(x, out):
    """Sums of 64 bits lie where two values of 32 bits each were."""
    staged = cuda.shared.array(0, int32)
    sums = cuda.shared.array(0, int64)
    thread = cuda.threadIdx.x
    staged[thread] = x[cuda.grid(1)]
    cuda.syncthreads()
    value = staged[thread] + 1
    cuda.syncthreads()
    sums[thread] = value
    cuda.syncthreads()
    out[cuda.grid(1)] = sums[63 - thread] + staged[0]  # <- fault: overlap
