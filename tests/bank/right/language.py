"""Right kernels that lean on the language: guards, loops, functions, local arrays."""

import numpy as np

from cuda_kernels._cuda import cuda, float32, uint32
from tests.bank.examples.case import values

from ..entry import right

THREADS = 32
LAST = -1


def vector() -> tuple:
    """100 values and as many outputs: the last of 4 blocks has 28 threads too many."""
    return values(280, 100), np.zeros(100, np.float32)


@right(4, THREADS, vector, lambda x, out: np.allclose(out, x - np.concatenate([[0], x[:-1]])))
@cuda.jit
def short_circuit_and(x, out):
    """`i > 0 and ...` keeps thread 0 from reading x[-1]."""
    i = cuda.grid(1)
    if i < x.size:
        if i > 0 and x[i - 1] != float32(0):
            out[i] = x[i] - x[i - 1]
        else:
            out[i] = x[i]


@right(
    4,
    THREADS,
    lambda: (np.arange(100, dtype=np.int32) // 7, np.zeros(100, np.int32)),
    lambda x, starts: np.array_equal(np.flatnonzero(starts), np.arange(0, 100, 7)),
)
@cuda.jit
def short_circuit_or(x, starts):
    """`i == 0 or ...`: the first element has no left neighbour to be compared with."""
    i = cuda.grid(1)
    if i < x.size:
        starts[i] = 1 if i == 0 or x[i] != x[i - 1] else 0


@right(4, THREADS, vector, lambda x, out: np.allclose(out, (np.append(x[1:], 0) - np.append(0, x[:-1])) / 2))
@cuda.jit
def conditional_expressions(x, out):
    """Each load is guarded by the expression that it stands in."""
    i = cuda.grid(1)
    if i < x.size:
        left = x[i - 1] if i > 0 else float32(0)
        right_value = x[i + 1] if i + 1 < x.size else float32(0)
        out[i] = (right_value - left) * float32(0.5)


@right(4, THREADS, vector, lambda x, out: np.allclose(out, x[np.clip(np.arange(100) - 2, 0, 99)]))
@cuda.jit
def clamped_index(x, out):
    """The index is clamped to the array instead of guarded."""
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[max(0, min(i - 2, x.size - 1))]


@right(
    (1, 1),
    (8, 8),
    lambda: (values(281, 7, 6), np.zeros((7, 6), np.float32)),
    lambda x, out: np.allclose(out, np.pad(x, 1)[:-2, 1:-1] + np.pad(x, 1)[2:, 1:-1]),
)
@cuda.jit
def chained_comparisons(x, out):
    """0 <= row < H keeps both edges."""
    col, row = cuda.grid(2)
    if row < x.shape[0] and col < x.shape[1]:
        total = float32(0)
        for step in range(-1, 2, 2):
            if 0 <= row + step < x.shape[0]:
                total += x[row + step, col]
        out[row, col] = total


@right(
    4,
    THREADS,
    lambda: (np.zeros(100, np.uint32), np.uint32(2463534242)),
    lambda out, seed: np.array_equal(
        out, (np.arange(100, dtype=np.uint32) + seed) * np.uint32(1664525) + np.uint32(1013904223)
    ),
)
@cuda.jit
def unsigned_wrap_around(out, seed):
    """A random number by 32-bit wrap-around, with casts where Numba would widen to 64 bits."""
    i = uint32(cuda.grid(1))
    if i < out.size:
        out[i] = uint32(uint32(uint32(i + seed) * uint32(1664525)) + uint32(1013904223))


@right(
    4,
    THREADS,
    lambda: (np.sort(values(282, 50)), values(283, 100), np.zeros(100, np.int32)),
    lambda table, x, out: np.array_equal(out, np.searchsorted(table, x)),
)
@cuda.jit
def binary_search(table, x, out):
    """A `while` loop that each thread leaves at its own time, by `break`."""
    i = cuda.grid(1)
    if i < x.size:
        low = 0
        high = table.size
        while True:
            if low >= high:
                break
            middle = (low + high) // 2
            if table[middle] < x[i]:
                low = middle + 1
            else:
                high = middle
        out[i] = low


@right(
    4,
    THREADS,
    lambda: (values(284, 100, 9), np.zeros(100, np.float32)),
    lambda x, out: np.allclose(out, np.where(x > 0, x, 0).sum(axis=1), atol=1e-5),
)
@cuda.jit
def continue_in_a_loop(x, out):
    """Negative values are skipped."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        total = float32(0)
        for col in range(x.shape[1]):
            if x[row, col] <= float32(0):
                continue
            total += x[row, col]
        out[row] = total


@right(
    4,
    THREADS,
    lambda: (values(285, 100, 9), np.zeros(100, np.float32)),
    lambda x, out: np.allclose(out, x[:, ::-1].cumsum(axis=1)[:, -1], atol=1e-5),
)
@cuda.jit
def loop_downwards(x, out):
    """A range with a negative step."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        total = float32(0)
        for col in range(x.shape[1] - 1, -1, -1):
            total += x[row, col]
        out[row] = total


@cuda.jit(device=True)
def split(flat, cols):
    """A flat index as (row, column)."""
    return flat // cols, flat % cols


@cuda.jit(device=True)
def soft_sign(value):
    """A device function that returns from either branch."""
    if value < float32(0):
        return value / (float32(1) - value)
    return value / (float32(1) + value)


@right(
    4,
    THREADS,
    lambda: (values(286, 7, 14), np.zeros((14, 7), np.float32)),
    lambda x, out: np.allclose(out, (x / (1 + np.abs(x))).T),
)
@cuda.jit
def device_functions(x, out):
    """A function that returns a tuple, and one that returns early."""
    flat = cuda.grid(1)
    if flat < x.size:
        row, col = split(flat, x.shape[1])
        out[col, row] = soft_sign(x[row, col])


@right(
    1,
    THREADS,
    lambda: (values(287, 32, 6), np.zeros((32, 6), np.float32)),
    lambda x, out: np.array_equal(out, np.sort(x, axis=1)),
)
@cuda.jit
def sort_in_a_local_array(x, out):
    """Insertion sort in an array that each thread has for itself."""
    row = cuda.grid(1)
    keys = cuda.local.array(6, float32)
    for j in range(6):
        key = x[row, j]
        place = j
        while place > 0 and keys[place - 1] > key:
            keys[place] = keys[place - 1]
            place -= 1
        keys[place] = key
    for j in range(6):
        out[row, j] = keys[j]


@right(
    1,
    THREADS,
    lambda: (values(288, 32, 4), values(289, 4, 3), np.zeros((32, 3), np.float32)),
    lambda x, w, out: np.allclose(out, x @ w, atol=1e-5),
)
@cuda.jit
def accumulators_in_a_local_array(x, w, out):
    """The accumulators are cleared first."""
    row = cuda.grid(1)
    totals = cuda.local.array(3, float32)
    for j in range(3):
        totals[j] = float32(0)
    for k in range(4):
        for j in range(3):
            totals[j] += x[row, k] * w[k, j]
    for j in range(3):
        out[row, j] = totals[j]


@right(4, THREADS, vector, lambda x, out: np.allclose(out, x + x[-1] - x[-2]))
@cuda.jit
def the_last_element_by_name(x, out):
    """A negative number that stands in the brackets is meant to count from the end."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] + x[LAST] - x[-2]


@right(4, THREADS, lambda: (values(281, 3, 100), np.zeros(100, np.float32)), lambda x, out: np.allclose(out, x[-1]))
@cuda.jit
def the_last_row(x, out):
    """The same for one axis of two, and for a row."""
    i = cuda.grid(1)
    row = x[-1]
    if i < out.size:
        out[i] = (x[-1, i] + row[i]) * float32(0.5)


@right(4, THREADS, vector, lambda x, out: np.allclose(out, np.roll(x, 1)))
@cuda.jit
def periodic_neighbour(x, out):
    """Taken on the other side on purpose, by the remainder."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[(i - 1) % x.size]
