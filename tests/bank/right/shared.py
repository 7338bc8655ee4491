"""Right kernels that share memory within a block: each looks like a wrong one until it is read closely."""

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from tests.bank.examples.case import values

from ..entry import right

THREADS = 64
TILE = 8


def vector() -> tuple:
    """128 values and as many outputs."""
    return values(200, 128), np.zeros(128, np.float32)


def block_sums() -> tuple:
    """128 values and one output for each of two blocks."""
    return values(201, 128), np.zeros(2, np.float32)


def sums_right(x, out) -> bool:
    """Each output is the sum of its block's 64 values."""
    return np.allclose(out, x.reshape(2, 64).sum(axis=1), atol=1e-4)


@right(2, THREADS, vector, lambda x, out: np.array_equal(out.reshape(-1, 2), x.reshape(-1, 2)[:, ::-1]))
@cuda.jit
def pair_exchange_with_syncwarp(x, out):
    """Lanes of one warp exchange values through shared memory; `syncwarp` orders them."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    pair = cuda.shared.array(THREADS, float32)
    pair[thread] = x[i]
    cuda.syncwarp()
    out[i] = pair[thread ^ 1]


@right(2, THREADS, block_sums, sums_right)
@cuda.jit
def last_warp_with_syncwarp(x, out):
    """The last warp's tree: read, wait, write, wait."""
    thread = cuda.threadIdx.x
    partial = cuda.shared.array(THREADS, float32)
    partial[thread] = x[cuda.grid(1)]
    cuda.syncthreads()
    if thread < 32:
        total = partial[thread] + partial[thread + 32]
        distance = 16
        while distance > 0:
            partial[thread] = total
            cuda.syncwarp()
            total += partial[thread ^ distance]
            cuda.syncwarp()
            distance //= 2
        if thread == 0:
            out[cuda.blockIdx.x] = total


@right(
    2, THREADS, vector, lambda x, out: np.allclose(out, x.reshape(2, 64).cumsum(axis=1).ravel(), atol=1e-4)
)
@cuda.jit
def ping_pong_scan(x, out):
    """A step reads one row and writes the other: one barrier a step is enough."""
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
            value += rows[source, thread - distance]
        source = 1 - source
        rows[source, thread] = value
        cuda.syncthreads()
        distance *= 2
    out[i] = rows[source, thread]


@right(
    2, THREADS, vector, lambda x, out: np.allclose(out, x.reshape(2, 64).cumsum(axis=1).ravel(), atol=1e-4)
)
@cuda.jit
def scan_in_place_with_two_barriers(x, out):
    """In one buffer it takes two barriers a step: all have read, all have written."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    sums = cuda.shared.array(THREADS, float32)
    sums[thread] = x[i]
    cuda.syncthreads()
    distance = 1
    while distance < THREADS:
        left = float32(0)
        if thread >= distance:
            left = sums[thread - distance]
        cuda.syncthreads()
        sums[thread] += left
        cuda.syncthreads()
        distance *= 2
    out[i] = sums[thread]


@right(
    2,
    THREADS,
    lambda: (values(202, 2, 512), np.zeros((2, 512), np.float32)),
    lambda x, out: np.allclose(out, x[:, ::-1].reshape(2, 8, 64)[:, ::-1].reshape(2, 512)),
)
@cuda.jit
def ring_of_three_buffers(x, out):
    """Each chunk goes through one of three buffers and comes out reversed; one barrier a step."""
    thread = cuda.threadIdx.x
    row = cuda.blockIdx.x
    ring = cuda.shared.array((3, THREADS), float32)
    chunks = x.shape[1] // THREADS
    ring[0, thread] = x[row, thread]
    for chunk in range(chunks):
        if chunk + 1 < chunks:
            ring[(chunk + 1) % 3, thread] = x[row, (chunk + 1) * THREADS + thread]
        cuda.syncthreads()
        out[row, chunk * THREADS + thread] = ring[chunk % 3, THREADS - 1 - thread]


@right(2, THREADS, vector, lambda x, out: np.allclose(out, 2 * x + 1))
@cuda.jit
def own_values_need_no_barrier(x, out):
    """A thread may read what it has itself written, at any time."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    scratch = cuda.shared.array(THREADS, float32)
    scratch[thread] = x[i]
    scratch[thread] *= float32(2)
    scratch[thread] = scratch[thread] + float32(1)
    out[i] = scratch[thread]


@right(2, THREADS, vector, lambda x, out: np.allclose(out, x - np.repeat(x[::64], 64)))
@cuda.jit
def leader_with_a_barrier(x, out):
    """One thread publishes, all read the same element: a broadcast, not a conflict."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    first = cuda.shared.array(1, float32)
    if thread == 0:
        first[0] = x[i]
    cuda.syncthreads()
    out[i] = x[i] - first[0]


@right(2, THREADS, vector, lambda x, out: np.allclose(out.reshape(2, 64)[:, :32], x.reshape(2, 64)[:, 32:]))
@cuda.jit
def halves_swap(x, out):
    """Warp 0 reads what warp 1 wrote and the other way round, after a barrier."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(THREADS, float32)
    staged[thread] = x[i]
    cuda.syncthreads()
    out[i] = staged[(thread + 32) % THREADS]


@right(
    (2, 1),
    (16, 16),
    lambda: (values(203, 16, 32), np.zeros((32, 16), np.float32)),
    lambda x, out: np.array_equal(out, x.T),
)
@cuda.jit
def padded_transpose(x, out):
    """The padding column is never written and never read."""
    tile = cuda.shared.array((16, 17), float32)
    col, row = cuda.grid(2)
    tile[cuda.threadIdx.y, cuda.threadIdx.x] = x[row, col]
    cuda.syncthreads()
    out_row = cuda.blockIdx.x * 16 + cuda.threadIdx.y
    out_col = cuda.blockIdx.y * 16 + cuda.threadIdx.x
    out[out_row, out_col] = tile[cuda.threadIdx.x, cuda.threadIdx.y]


@right(
    2,
    THREADS,
    lambda: (*vector(), True),
    lambda x, out, reverse: np.array_equal(out.reshape(2, 64), x.reshape(2, 64)[:, ::-1]),
)
@cuda.jit
def barrier_in_a_uniform_branch(x, out, reverse):
    """The branch hangs on an argument: all threads of the launch go the same way."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(THREADS, float32)
    if reverse:
        staged[thread] = x[i]
        cuda.syncthreads()
        out[i] = staged[THREADS - 1 - thread]
    else:
        out[i] = x[i]


@right(
    3,
    THREADS,
    lambda: (np.zeros((3, 64), np.int32),),
    lambda out: (
        out.tolist() == [[(thread + 1 + 2 * block) % 64 for thread in range(64)] for block in range(3)]
    ),
)
@cuda.jit
def barriers_counted_by_the_block(out):
    """The number of barriers differs from block to block, but not within one."""
    thread = cuda.threadIdx.x
    ring = cuda.shared.array((2, THREADS), int32)
    ring[0, thread] = thread
    cuda.syncthreads()
    steps = 1 + 2 * cuda.blockIdx.x
    for step in range(steps):
        ring[(step + 1) % 2, thread] = ring[step % 2, (thread + 1) % THREADS]
        cuda.syncthreads()
    out[cuda.blockIdx.x, thread] = ring[steps % 2, thread]


@right(
    2,
    THREADS,
    lambda: (np.arange(128, dtype=np.int32) % 5, np.zeros(5, np.int32)),
    lambda x, counts: np.array_equal(counts, np.bincount(x)),
)
@cuda.jit
def atomics_then_barrier_then_read(x, counts):
    """Atomics may meet in one bin; the plain read of the bin comes after a barrier."""
    thread = cuda.threadIdx.x
    own = cuda.shared.array(5, int32)
    if thread < 5:
        own[thread] = 0
    cuda.syncthreads()
    cuda.atomic.add(own, x[cuda.grid(1)], 1)
    cuda.syncthreads()
    if thread < 5:
        cuda.atomic.add(counts, thread, own[thread])


@right(
    (2, 2),
    (TILE, TILE),
    lambda: (values(204, 13, 11), values(205, 11, 9), np.zeros((13, 9), np.float32)),
    lambda a, b, c: np.allclose(c, a @ b, atol=1e-4),
)
@cuda.jit
def ragged_product(a, b, c):
    """Outside the matrices the tiles are filled with zeros; only the store is guarded."""
    col, row = cuda.grid(2)
    tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
    a_tile = cuda.shared.array((TILE, TILE), float32)
    b_tile = cuda.shared.array((TILE, TILE), float32)
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        inside = row < a.shape[0] and start + tile_col < a.shape[1]
        a_tile[tile_row, tile_col] = a[row, start + tile_col] if inside else float32(0)
        inside = start + tile_row < b.shape[0] and col < b.shape[1]
        b_tile[tile_row, tile_col] = b[start + tile_row, col] if inside else float32(0)
        cuda.syncthreads()
        for k in range(TILE):
            total += a_tile[tile_row, k] * b_tile[k, tile_col]
        cuda.syncthreads()
    if row < c.shape[0] and col < c.shape[1]:
        c[row, col] = total


@right(2, THREADS, vector, lambda x, out: np.allclose(out, 2 * x))
@cuda.jit
def a_row_for_each_warp(x, out):
    """Each warp has a row of its own: `syncwarp` is enough, and the warps need not know of one another."""
    warp = cuda.threadIdx.x // 32
    lane = cuda.threadIdx.x % 32
    i = cuda.grid(1)
    rows = cuda.shared.array((2, 32), float32)
    rows[warp, lane] = x[i]
    cuda.syncwarp()
    reversed_value = rows[warp, 31 - lane]
    cuda.syncwarp()
    rows[warp, 31 - lane] = reversed_value + reversed_value
    cuda.syncwarp()
    out[i] = rows[warp, lane]


@right(
    2,
    THREADS,
    vector,
    lambda x, out: np.allclose(out.reshape(2, 64), x.reshape(2, 64)[:, ::-1] ** 2 + x.reshape(2, 64)),
    shared_bytes=512,
)
@cuda.jit
def dynamic_memory_cut_in_two(x, out):
    """Every array of shape 0 begins at the same byte, so two of them are slices."""
    plain = cuda.shared.array(0, float32)[:THREADS]
    squared = cuda.shared.array(0, float32)[THREADS:]
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    plain[thread] = x[i]
    squared[thread] = x[i] * x[i]
    cuda.syncthreads()
    out[i] = squared[THREADS - 1 - thread] + plain[thread]


@right(2, THREADS, vector, lambda x, out: np.allclose(out, x + 1), shared_bytes=256)
@cuda.jit
def dynamic_memory_used_twice(x, out):
    """The memory is used anew, as another type, when the first use is over."""
    staged = cuda.shared.array(0, float32)
    numbers = cuda.shared.array(0, int32)
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged[thread] = x[i]
    cuda.syncthreads()
    value = staged[thread]
    cuda.syncthreads()
    numbers[thread] = 1
    out[i] = value + float32(numbers[thread])
