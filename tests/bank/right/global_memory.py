"""Right kernels on global memory: threads that share it without meeting, or meet by atomics."""

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from tests.bank.examples.case import values

from ..entry import right

THREADS = 32


def vector() -> tuple:
    """100 values and as many outputs: the last of 4 blocks has 28 threads too many."""
    return values(240, 100), np.zeros(100, np.float32)


@right(
    4,
    THREADS,
    lambda: (values(241, 128), np.zeros(4, np.float32), np.zeros(1, np.int32), np.zeros(1, np.float32)),
    lambda x, partial, done, out: np.allclose(out[0], x.sum(), atol=1e-4),
)
@cuda.jit
def last_block_sums_up(x, partial, done, out):
    """Each block leaves its sum, a fence, and a tick of the counter; the block that ticks last adds all sums.

    Source: CUDA C++ Programming Guide, "Memory Fence Functions", the threadFenceReduction example.
    """
    block = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        total = float32(0)
        for j in range(THREADS):
            total += x[block * THREADS + j]
        partial[block] = total
        cuda.threadfence()
        if cuda.atomic.add(done, 0, 1) == cuda.gridDim.x - 1:
            total = float32(0)
            for other in range(cuda.gridDim.x):
                total += partial[other]
            out[0] = total


@right(2, THREADS, vector, lambda x, out: np.allclose(out, x * 2))
@cuda.jit
def grid_stride_loop(x, out):
    """Fewer threads than elements: each takes every 64th."""
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        out[i] = x[i] * float32(2)


@right(1, THREADS, vector, lambda x, out: np.allclose(out, x * x))
@cuda.jit
def four_at_a_time_with_the_tail(x, out):
    """A thread owns four elements; the last one's are counted out one by one."""
    first = 4 * cuda.grid(1)
    for j in range(4):
        if first + j < x.size:
            out[first + j] = x[first + j] * x[first + j]


@right(4, THREADS, vector, lambda x, out: np.array_equal(out, np.where(x > 0, x, 0)), outputs=())
@cuda.jit
def sparse_by_design(x, out):
    """Only some elements are written, into an array that the caller has cleared: said by `outputs=()`."""
    i = cuda.grid(1)
    if i < x.size and x[i] > float32(0):
        out[i] = x[i]


@right(
    4,
    THREADS,
    lambda: (values(242, 100), np.zeros(100, np.float32), np.zeros(100, np.float32)),
    lambda x, out, log: np.array_equal(out, -x),
    outputs=("out",),
)
@cuda.jit
def whole_output_and_partial_log(x, out, log):
    """`out` has to be whole; `log` gets a line from the blocks' first threads only."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = -x[i]
        if cuda.threadIdx.x == 0:
            log[cuda.blockIdx.x] = x[i]


@right(4, THREADS, lambda: (values(243, 100),), lambda x: np.array_equal(x, np.maximum(values(243, 100), 0)))
@cuda.jit
def relu_in_place(x):
    """A thread reads and writes its own element."""
    i = cuda.grid(1)
    if i < x.size:
        x[i] = max(x[i], float32(0))


@right(4, THREADS, lambda: (*vector(), np.zeros(100, np.float32)), lambda x, y, z: np.allclose(z, x * x + 1))
@cuda.jit
def own_output_read_back(x, y, z):
    """A thread reads back what it stored a line before: no barrier needed."""
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] * x[i]
        z[i] = y[i] + float32(1)


@right(
    4,
    THREADS,
    lambda: (*vector(), np.arange(100, dtype=np.int32) * 7 % 100),
    lambda x, out, target: np.array_equal(out[target], x),
)
@cuda.jit
def scatter_by_a_permutation(x, out, target):
    """Every target is used once: the order of the stores does not matter."""
    i = cuda.grid(1)
    if i < x.size:
        out[target[i]] = x[i]


@right(
    4,
    THREADS,
    lambda: (values(244, 2, 3, 4, 5), np.zeros((5, 4, 3, 2), np.float32)),
    lambda x, out: np.array_equal(out, x.T),
)
@cuda.jit
def indices_by_division(x, out):
    """A flat index is taken apart by // and %, and each thread lands on its own element."""
    flat = cuda.grid(1)
    if flat < x.size:
        d = flat % 5
        c = flat // 5 % 4
        b = flat // 20 % 3
        a = flat // 60
        out[d, c, b, a] = x[a, b, c, d]


@right(
    4,
    THREADS,
    lambda: ((np.arange(128) * 37 % 101).astype(np.int32), np.full(1, -1, np.int32)),
    lambda x, out: out[0] == x.max(),
)
@cuda.jit
def maximum_by_atomics(x, out):
    """All threads meet in one element, all by atomics."""
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.max(out, 0, x[i])


@right(2, THREADS, lambda: (np.ones(1, np.int32),), lambda out: out[0] == 1 + 64 * 3)
@cuda.jit
def compare_and_swap_loop(out):
    """Lock-free: try again until nobody was in between. Even the first read is an atomic."""
    seen = cuda.atomic.cas(out, 0, 0, 0)
    done = False
    while not done:
        before = cuda.atomic.cas(out, 0, seen, seen + 3)
        done = before == seen
        seen = before


@right(
    4,
    THREADS,
    lambda: (*vector(), np.zeros(1, np.int32)),
    lambda x, out, tickets: np.array_equal(np.sort(out), np.sort(x)),
)
@cuda.jit
def tickets(x, out, tickets):
    """An atomic hands each thread a place of its own; a plain store there meets nobody."""
    i = cuda.grid(1)
    if i < x.size:
        place = cuda.atomic.add(tickets, 0, 1)
        out[place] = x[i]


@right(
    1,
    THREADS,
    lambda: (values(245, 20, 32), np.zeros(32, np.float32)),
    lambda x, out: np.allclose(out, x.sum(axis=0), atol=1e-5),
)
@cuda.jit
def a_column_for_each_thread(x, out):
    """A thread adds up a column in its own register and stores once."""
    col = cuda.grid(1)
    total = float32(0)
    for row in range(x.shape[0]):
        total += x[row, col]
    out[col] = total


@right(
    3,
    THREADS,
    lambda: (values(246, 80), np.zeros(405, np.float32)),
    lambda dy, dx: np.allclose(dx.sum(), dy.sum() * 9, atol=1e-3),
)
@cuda.jit
def max_pool_backward_with_atomics(dy, dx):
    """Overlapping windows add to the same input gradient, by atomics."""
    flat = cuda.grid(1)
    if flat < dy.size:
        c = flat % 5
        q = flat // 5 % 4
        p = flat // 20
        for r in range(3):
            for s in range(3):
                cuda.atomic.add(dx, ((p * 2 + r) * 9 + q * 2 + s) * 5 + c, dy[flat])


@right((2, 2), (8, 8), lambda: (values(247, 16, 16),), lambda x: np.array_equal(x, values(247, 16, 16).T))
@cuda.jit
def transpose_in_place_by_half(x):
    """Only the threads above the diagonal swap, so that each pair is touched by one thread."""
    col, row = cuda.grid(2)
    if row < col:
        upper = x[row, col]
        x[row, col] = x[col, row]
        x[col, row] = upper


@right(
    4,
    THREADS,
    lambda: (np.arange(128, dtype=np.int32) % 2, np.zeros(2, np.int32)),
    lambda x, counts: counts.tolist() == [64, 64],
)
@cuda.jit
def histogram_with_atomics(x, counts):
    """Half of all threads meet in either bin, by atomics."""
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(counts, x[i], int32(1))


@right(
    (2, 2, 2),
    (4, 3, 2),
    lambda: (values(248, 3, 5, 7), np.zeros((3, 5, 7), np.float32)),
    lambda x, out: np.allclose(out, x * 2),
)
@cuda.jit
def three_dimensional_grid(x, out):
    """A 3-D grid over a 3-D array, ragged on every side."""
    col, row, plane = cuda.grid(3)
    if plane < x.shape[0] and row < x.shape[1] and col < x.shape[2]:
        out[plane, row, col] = x[plane, row, col] * float32(2)
