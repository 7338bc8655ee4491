"""Right kernels around barriers: uniform branches, votes, shared memory used twice, warps that differ."""

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from tests.bank.examples.case import values

from ..entry import right

THREADS = 64
HALO = 2
STAGED = THREADS + 2 * HALO  # the shape of a shared array must be one name, not an expression


def vector() -> tuple:
    """128 values and as many outputs."""
    return values(220, 128), np.zeros(128, np.float32)


@cuda.jit(device=True)
def block_maximum(partial, thread, value):
    """The largest `value` of the block; every thread of the block must call it."""
    partial[thread] = value
    cuda.syncthreads()
    largest = partial[0]
    for j in range(1, THREADS):
        largest = max(largest, partial[j])
    cuda.syncthreads()  # `partial` may be used again
    return largest


@right(
    2,
    THREADS,
    vector,
    lambda x, out: np.allclose(
        out.reshape(2, 64), np.sign(x.reshape(2, 64).max(1) + x.reshape(2, 64).min(1))[:, None]
    ),
)
@cuda.jit
def barrier_in_a_function(x, out):
    """A device function with barriers, called twice by all threads with the same scratch array."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    partial = cuda.shared.array(THREADS, float32)
    largest = block_maximum(partial, thread, x[i])
    smallest = -block_maximum(partial, thread, -x[i])
    out[i] = float32(1) if largest + smallest > float32(0) else float32(-1)


@right(2, THREADS, vector, lambda x, out: np.allclose(out, x.reshape(2, 64)[:, ::-1].ravel() - x))
@cuda.jit
def scratch_used_twice(x, out):
    """Shared memory serves two purposes, with a barrier between the last read and the next write."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    scratch = cuda.shared.array(THREADS, float32)
    scratch[thread] = x[i]
    cuda.syncthreads()
    mirrored = scratch[THREADS - 1 - thread]
    cuda.syncthreads()
    scratch[THREADS - 1 - thread] = x[i] - mirrored
    cuda.syncthreads()
    out[i] = scratch[thread]


@right(
    2,
    THREADS,
    vector,
    lambda x, out: np.array_equal(out, x.reshape(2, 64)[:, ::-1].ravel()),
    shared_bytes=256,
)
@cuda.jit
def dynamic_shared_memory(x, out):
    """A shared array of size 0 takes its size from the launch."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(0, float32)
    staged[thread] = x[i]
    cuda.syncthreads()
    out[i] = staged[THREADS - 1 - thread]


@right(
    2,
    THREADS,
    lambda: (values(221, 100), np.zeros(2, np.int32)),
    lambda x, out: out.tolist() == [(x[:64] > 0).sum(), (x[64:] > 0).sum()],
)
@cuda.jit
def counting_barrier(x, out):
    """`syncthreads_count` met by every thread: those behind the end bring False."""
    i = cuda.grid(1)
    positive = i < x.size and x[i] > float32(0)
    count = cuda.syncthreads_count(int32(positive))
    if cuda.threadIdx.x == 0:
        out[cuda.blockIdx.x] = count


@right(
    4,
    THREADS,
    lambda: (values(222, 128), np.zeros(128, np.float32)),
    lambda x, out: np.array_equal(out, x.reshape(2, 64)[:, ::-1].ravel()),
)
@cuda.jit
def whole_blocks_leave_early(x, out):
    """Blocks behind the end return before the barrier, all their threads together."""
    thread = cuda.threadIdx.x
    start = cuda.blockIdx.x * THREADS
    staged = cuda.shared.array(THREADS, float32)
    if start >= x.size:
        return
    staged[thread] = x[start + thread]
    cuda.syncthreads()
    out[start + thread] = staged[THREADS - 1 - thread]


@right(2, THREADS, vector, lambda x, out: np.array_equal(out, np.sort(x.reshape(2, 64), axis=1).ravel()))
@cuda.jit
def sort_until_nobody_swaps(x, out):
    """Odd-even transposition sort; `syncthreads_or` tells all threads at once whether to go on."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    keys = cuda.shared.array(THREADS, float32)
    keys[thread] = x[i]
    cuda.syncthreads()
    going = True
    while going:
        swapped = False
        for odd in range(2):
            left = thread
            if left % 2 == odd and left + 1 < THREADS:
                if keys[left] > keys[left + 1]:
                    smaller = keys[left + 1]
                    keys[left + 1] = keys[left]
                    keys[left] = smaller
                    swapped = True
            cuda.syncthreads()
        going = cuda.syncthreads_or(int32(swapped)) != 0
    out[i] = keys[thread]


@right(
    1,
    THREADS,
    lambda: (values(223, 512) + np.float32(3), np.zeros(1, np.int32)),
    lambda x, out: out[0] == 512,
)
@cuda.jit
def break_that_all_take_together(x, out):
    """The vote is uniform, so that leaving the loop by it keeps the barriers whole."""
    thread = cuda.threadIdx.x
    seen = 0
    for start in range(0, 10000, THREADS):
        more = cuda.syncthreads_and(int32(start + thread < x.size))
        if not more:
            break
        seen += THREADS
    if thread == 0:
        out[0] = seen


@right(
    2,
    THREADS,
    lambda: (values(224, 2, 256), np.zeros((2, 256), np.float32)),
    lambda x, out: np.allclose(out, x * x),
)
@cuda.jit
def producer_and_consumer_warps(x, out):
    """Warp 0 fetches chunk s + 1 while warp 1 squares chunk s; the barrier stands outside the branch."""
    thread = cuda.threadIdx.x
    row = cuda.blockIdx.x
    chunk = cuda.shared.array((2, 32), float32)
    chunks = x.shape[1] // 32
    for step in range(chunks + 1):
        if thread < 32:
            if step < chunks:
                chunk[step % 2, thread] = x[row, step * 32 + thread]
        elif step > 0:
            value = chunk[(step - 1) % 2, thread - 32]
            out[row, (step - 1) * 32 + thread - 32] = value * value
        cuda.syncthreads()


@right(
    2,
    THREADS,
    vector,
    lambda x, out: np.allclose(
        out, [x.reshape(2, 64)[i // 64, max(0, i % 64 - 2) : i % 64 + 3].sum() for i in range(128)], atol=1e-5
    ),
)
@cuda.jit
def stencil_with_zeroed_halo(x, out):
    """The halo is zeroed by a few threads and the middle filled by all, before one barrier."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(STAGED, float32)
    if thread < HALO:
        staged[thread] = float32(0)
        staged[THREADS + HALO + thread] = float32(0)
    staged[thread + HALO] = x[i]
    cuda.syncthreads()
    total = float32(0)
    for offset in range(2 * HALO + 1):
        total += staged[thread + offset]
    out[i] = total


@right(2, THREADS, vector, lambda x, out: np.allclose(out, x + np.tile(np.arange(64) // 32, 2)))
@cuda.jit
def branch_without_a_barrier_inside(x, out):
    """The warps take different branches and meet again at the barrier behind them."""
    thread = cuda.threadIdx.x
    i = cuda.grid(1)
    staged = cuda.shared.array(THREADS, float32)
    if thread < 32:
        staged[thread] = x[i]
    else:
        staged[thread] = x[i] + float32(1)
    cuda.syncthreads()
    out[i] = staged[thread]


@right(
    2, THREADS, lambda: (values(225, 100), np.zeros(100, np.float32)), lambda x, out: np.allclose(out, x + 1)
)
@cuda.jit
def early_return_without_a_barrier(x, out):
    """Returning early is fine where nobody waits."""
    i = cuda.grid(1)
    if i >= x.size:
        return
    out[i] = x[i] + float32(1)


@right(2, THREADS, lambda: (np.zeros((2, 64), np.int32),), lambda out: (out == np.arange(64)[::-1]).all())
@cuda.jit
def even_and_odd_cells(out):
    """Two stores to neighbouring cells by one thread, which no other thread touches before the barrier."""
    thread = cuda.threadIdx.x
    cells = cuda.shared.array(THREADS, int32)
    if thread < THREADS // 2:
        cells[2 * thread] = 2 * thread
        cells[2 * thread + 1] = cells[2 * thread] + 1
    cuda.syncthreads()
    out[cuda.blockIdx.x, thread] = cells[THREADS - 1 - thread]


@right(
    1,
    THREADS,
    lambda: (values(226, 48, 64), np.zeros((48, 64), np.float32)),
    lambda x, y: np.allclose(y, x - x.mean(axis=1, keepdims=True), atol=1e-5),
)
@cuda.jit
def one_block_over_many_rows(x, y):
    """The same scratch serves row after row; the barrier at the end of the body keeps the rows apart."""
    thread = cuda.threadIdx.x
    mean = cuda.shared.array(1, float32)
    for row in range(x.shape[0]):
        if thread == 0:
            total = float32(0)
            for col in range(x.shape[1]):
                total += x[row, col]
            mean[0] = total / float32(x.shape[1])
        cuda.syncthreads()
        y[row, thread] = x[row, thread] - mean[0]
        cuda.syncthreads()


@right(2, THREADS, lambda: (np.zeros((2, 64), np.int32),), lambda out: (out == 64 - np.arange(64)).all())
@cuda.jit
def atomic_on_a_slot_of_ones_own(out):
    """The neighbour's plain store lies before the barrier; after it only one thread touches the slot, as it likes."""
    thread = cuda.threadIdx.x
    slots = cuda.shared.array(THREADS, int32)
    slots[thread] = THREADS - 1 - thread
    cuda.syncthreads()
    own = THREADS - 1 - thread
    cuda.atomic.add(slots, own, 1)
    out[cuda.blockIdx.x, own] = slots[own]
