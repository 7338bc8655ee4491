"""Wrong kernels: threads of a block meet in shared memory without a barrier between them."""

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from tests.bank.examples.case import values

from ..entry import wrong

TILE = 8
THREADS = 64
RADIUS = 2
STAGED = THREADS + 2 * RADIUS
BINS = 8


def product() -> tuple:
    """Two matrices of 16 x 24 and 24 x 16, and room for their product."""
    return values(0, 16, 24), values(1, 24, 16), np.zeros((16, 16), np.float32)


def vector() -> tuple:
    """128 values and as many outputs."""
    return values(2, 128), np.zeros(128, np.float32)


def block_sums() -> tuple:
    """128 values and one output for each of two blocks."""
    return values(3, 128), np.zeros(2, np.float32)


@wrong((2, 2), (TILE, TILE), product)
@cuda.jit
def product_without_first_barrier(a, b, c):
    """The tiles are read before all threads have filled them."""
    col, row = cuda.grid(2)
    tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
    a_tile = cuda.shared.array((TILE, TILE), float32)
    b_tile = cuda.shared.array((TILE, TILE), float32)
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        a_tile[tile_row, tile_col] = a[row, start + tile_col]  # <- fault: race
        b_tile[tile_row, tile_col] = b[start + tile_row, col]  # <- fault: race
        for k in range(TILE):
            total += a_tile[tile_row, k] * b_tile[k, tile_col]  # <- fault: race
        cuda.syncthreads()
    c[row, col] = total


@wrong((2, 2), (TILE, TILE), product)
@cuda.jit
def product_without_second_barrier(a, b, c):
    """A fast thread overwrites the tiles for the next step while a slow one still reads them."""
    col, row = cuda.grid(2)
    tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
    a_tile = cuda.shared.array((TILE, TILE), float32)
    b_tile = cuda.shared.array((TILE, TILE), float32)
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        a_tile[tile_row, tile_col] = a[row, start + tile_col]  # <- fault: race
        b_tile[tile_row, tile_col] = b[start + tile_row, col]  # <- fault: race
        cuda.syncthreads()
        for k in range(TILE):
            total += a_tile[tile_row, k] * b_tile[k, tile_col]  # <- fault: race
    c[row, col] = total


@wrong((2, 2), (TILE, TILE), product)
@cuda.jit
def double_buffer_with_half_the_barriers(a, b, c):
    """Two buffers need a barrier every step; this one has it every second step."""
    col, row = cuda.grid(2)
    tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
    a_tile = cuda.shared.array((2, TILE, TILE), float32)
    b_tile = cuda.shared.array((2, TILE, TILE), float32)
    a_tile[0, tile_row, tile_col] = a[row, tile_col]
    b_tile[0, tile_row, tile_col] = b[tile_row, col]
    cuda.syncthreads()
    total = float32(0)
    steps = a.shape[1] // TILE
    for step in range(steps):
        now = step % 2
        if step + 1 < steps:
            start = (step + 1) * TILE
            a_tile[1 - now, tile_row, tile_col] = a[row, start + tile_col]  # <- fault: race
            b_tile[1 - now, tile_row, tile_col] = b[start + tile_row, col]  # <- fault: race
        for k in range(TILE):
            total += a_tile[now, tile_row, k] * b_tile[now, k, tile_col]  # <- fault: race
        if now == 0:
            cuda.syncthreads()
    c[row, col] = total


@wrong(2, THREADS, block_sums)
@cuda.jit
def tree_without_barrier(x, out):
    """The tree's next level reads sums that other threads may not have written yet."""
    thread = cuda.threadIdx.x
    partial = cuda.shared.array(THREADS, float32)
    partial[thread] = x[cuda.grid(1)]
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if thread < half:
            partial[thread] += partial[thread + half]  # <- fault: race
        half //= 2
    if thread == 0:
        out[cuda.blockIdx.x] = partial[0]


@wrong(2, THREADS, block_sums)
@cuda.jit
def last_warp_without_syncwarp(x, out):
    """The old trick of dropping barriers within the last warp: lanes no longer run in step by themselves."""
    thread = cuda.threadIdx.x
    partial = cuda.shared.array(THREADS, float32)
    partial[thread] = x[cuda.grid(1)]
    cuda.syncthreads()
    if thread < 32:
        partial[thread] += partial[thread + 32]  # <- fault: race
        partial[thread] += partial[thread + 16]  # <- fault: race
        partial[thread] += partial[thread + 8]  # <- fault: race
        partial[thread] += partial[thread + 4]  # <- fault: race
        partial[thread] += partial[thread + 2]  # <- fault: race
        partial[thread] += partial[thread + 1]  # <- fault: race
    if thread == 0:
        out[cuda.blockIdx.x] = partial[0]


@wrong(2, 32, lambda: (values(4, 64).reshape(2, 32), np.zeros((2, 32), np.float32)))
@cuda.jit
def neighbours_without_syncwarp(x, out):
    """Lanes exchange values through shared memory within one warp, with nothing to order store and load."""
    lane = cuda.threadIdx.x
    pair = cuda.shared.array(32, float32)
    pair[lane] = x[cuda.blockIdx.x, lane]  # <- fault: race
    out[cuda.blockIdx.x, lane] = pair[lane ^ 1]  # <- fault: race


@wrong(2, THREADS, vector)
@cuda.jit
def syncwarp_across_warps(x, out):
    """`syncwarp` orders the lanes of one warp, but here a thread reads what another warp wrote."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(THREADS, float32)
    staged[thread] = x[i]  # <- fault: race
    cuda.syncwarp()
    out[i] = staged[THREADS - 1 - thread]  # <- fault: race


@wrong((2, 1), (16, 16), lambda: (values(5, 16, 32), np.zeros((32, 16), np.float32)))
@cuda.jit
def transpose_without_barrier(x, out):
    """Each thread reads an element of the tile that another thread has to write first."""
    tile = cuda.shared.array((16, 17), float32)
    col, row = cuda.grid(2)
    tile[cuda.threadIdx.y, cuda.threadIdx.x] = x[row, col]  # <- fault: race
    out_row = cuda.blockIdx.x * 16 + cuda.threadIdx.y
    out_col = cuda.blockIdx.y * 16 + cuda.threadIdx.x
    out[out_row, out_col] = tile[cuda.threadIdx.x, cuda.threadIdx.y]  # <- fault: race


@wrong(2, THREADS, vector)
@cuda.jit
def scan_in_place(x, out):
    """A Hillis-Steele step in one buffer: a thread adds its left neighbour's old value, or its new one."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    sums = cuda.shared.array(THREADS, float32)
    sums[thread] = x[i]
    cuda.syncthreads()
    distance = 1
    while distance < THREADS:
        if thread >= distance:
            sums[thread] += sums[thread - distance]  # <- fault: race
        cuda.syncthreads()
        distance *= 2
    out[i] = sums[thread]


@wrong(2, THREADS, vector)
@cuda.jit
def ping_pong_without_barrier(x, out):
    """Two rows change roles each step, but nobody waits between the steps."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    rows = cuda.shared.array((2, THREADS), float32)
    source = 0
    rows[source, thread] = x[i]
    cuda.syncthreads()
    distance = 1
    while distance < THREADS:
        value = rows[source, thread]
        if thread >= distance:
            value += rows[source, thread - distance]  # <- fault: race
        source = 1 - source
        rows[source, thread] = value  # <- fault: race
        distance *= 2
    out[i] = rows[source, thread]


@wrong(2, THREADS, vector)
@cuda.jit
def leader_without_barrier(x, out):
    """Thread 0 publishes the block's mean while the others already read it."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    mean = cuda.shared.array(1, float32)
    if thread == 0:
        total = float32(0)
        for j in range(i, i + cuda.blockDim.x):
            total += x[j]
        mean[0] = total / float32(THREADS)  # <- fault: race
    out[i] = x[i] - mean[0]  # <- fault: race


@wrong(2, THREADS, vector)
@cuda.jit
def scratch_reused_too_early(x, out):
    """Thread 0 stores its second result over the first one, which others have still to read."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    scratch = cuda.shared.array(THREADS, float32)
    scratch[thread] = x[i]
    cuda.syncthreads()
    first = scratch[0]  # <- fault: race
    scratch[thread] = x[i] - first  # <- fault: race
    cuda.syncthreads()
    out[i] = scratch[THREADS - 1 - thread]


@wrong(2, THREADS, vector)
@cuda.jit
def stencil_without_barrier(x, out):
    """The halo is staged in shared memory, and summed without waiting for it."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(STAGED, float32)
    staged[thread + RADIUS] = x[i]  # <- fault: race
    if thread < RADIUS:
        staged[thread] = x[i - RADIUS] if i >= RADIUS else float32(0)  # <- fault: race
        right = i + THREADS
        staged[thread + RADIUS + THREADS] = x[right] if right < x.size else float32(0)  # <- fault: race
    total = float32(0)
    for offset in range(2 * RADIUS + 1):
        total += staged[thread + offset]  # <- fault: race
    out[i] = total


@wrong(2, THREADS, lambda: (np.arange(128, dtype=np.int32) % BINS, np.zeros(BINS, np.int32)))
@cuda.jit
def private_histogram_not_atomic(x, counts):
    """Two threads of a block that meet the same bin both read it, and one count is lost."""
    thread = cuda.threadIdx.x
    own = cuda.shared.array(BINS, int32)
    if thread < BINS:
        own[thread] = 0
    cuda.syncthreads()
    own[x[cuda.grid(1)]] += 1  # <- fault: race
    cuda.syncthreads()
    if thread < BINS:
        cuda.atomic.add(counts, thread, own[thread])


@wrong(2, THREADS, lambda: (values(6, 128), np.zeros(2, np.int32)))
@cuda.jit
def counter_cleared_too_late(x, out):
    """Thread 0 clears the counter while others already count with it."""
    thread = cuda.threadIdx.x
    count = cuda.shared.array(1, int32)
    if thread == 0:
        count[0] = 0  # <- fault: race
    if x[cuda.grid(1)] > float32(0):
        cuda.atomic.add(count, 0, 1)  # <- fault: race
    cuda.syncthreads()
    if thread == 0:
        out[cuda.blockIdx.x] = count[0]


@wrong(2, THREADS, vector)
@cuda.jit
def reader_that_updates(x, out):
    """Two threads read each value, and one of them goes on to change it under the other's eyes."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(THREADS, float32)
    staged[thread] = x[i]
    cuda.syncthreads()
    value = staged[thread // 2]  # <- fault: race
    if thread == 0:
        staged[0] += float32(1)  # <- fault: race
    out[i] = value
