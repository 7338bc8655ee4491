"""Sums, means, extremes and their backwards."""

from __future__ import annotations

import numpy as np
from numba import cuda, float32, int32

from cuda_kernels import ladder
from cuda_kernels.launch import empty, launch, zeros
from student_kernels.bank import go, right, wrong

BLOCK_A_ROW = {"threads": 128, "blocks": lambda x, y: x.shape[0]}


def extreme(start, largest=True):
    """One thread a row; start None: from the row's first value."""
    given = start is not None
    first = float32(start if given else 0)

    @cuda.jit
    def row_extreme(x, y, rows, cols):
        row = cuda.grid(1)
        if row < rows:
            found = first if given else x[row, 0]
            for col in range(cols):
                found = max(found, x[row, col]) if largest else min(found, x[row, col])
            y[row] = found

    return row_extreme


for start in (0, -1, -100, -1000, -1e6):
    wrong("reduce_max", f"starts from {start:g}")(extreme(start))
for start in (0, 100, 9999, 1e6):
    wrong("reduce_min", f"starts from {start:g}")(extreme(start, largest=False))
wrong("reduce_min", "is the largest")(extreme(None))
right("reduce_max", "starts from the first")(extreme(None))
right("reduce_max", "starts from -1e30")(extreme(-1e30))
right("reduce_max", "starts from -inf")(extreme(-np.inf))
right("reduce_min", "starts from 3.4e38")(extreme(3.4e38, largest=False))


@wrong("reduce_max", "of the sizes")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        found = x[row, 0]
        for col in range(cols):
            found = x[row, col] if abs(x[row, col]) > abs(found) else found
        y[row] = found


# -- sums and means ----------------------------------------------------------------------------------------------------


def tree(threads=128, first=64, last=0, all_columns=True, scaled=0):
    """A block a row: a sum in shared memory. `last` is the step at which the halving stops."""

    @cuda.jit
    def row_tree(x, y, rows, cols):
        partial = cuda.shared.array(threads, float32)
        row, t = cuda.blockIdx.x, cuda.threadIdx.x
        total = float32(0)
        for col in range(t, cols if all_columns else min(cols, threads), threads):
            total += x[row, col]
        partial[t] = total
        cuda.syncthreads()
        step = first
        while step > last:
            if t < step:
                partial[t] += partial[t + step]
            cuda.syncthreads()
            step //= 2
        if t == 0:
            y[row] = partial[0] if scaled == 0 else partial[0] / float32(cols if scaled == 1 else threads)

    return row_tree


wrong("reduce_sum", "stops the tree at two", **BLOCK_A_ROW)(tree(last=1))
wrong("reduce_sum", "begins the tree at 32 of 128", **BLOCK_A_ROW)(tree(first=32))
wrong("reduce_sum", "sums the first 128 columns", **BLOCK_A_ROW)(tree(all_columns=False))
wrong("reduce_mean", "divides by the threads", **BLOCK_A_ROW)(tree(scaled=2))
wrong("reduce_mean", "does not divide", **BLOCK_A_ROW)(tree())
right("reduce_sum", "a tree in shared memory", **BLOCK_A_ROW)(tree())
right("reduce_mean", "a tree in shared memory", **BLOCK_A_ROW)(tree(scaled=1))


def shuffled(nearest=1, lane=0):
    """A warp a row."""

    @cuda.jit
    def row_shuffle(x, y, rows, cols):
        row, t = cuda.blockIdx.x, cuda.threadIdx.x
        total = float32(0)
        for col in range(t, cols, 32):
            total += x[row, col]
        distance = 16
        while distance >= nearest:
            total += cuda.shfl_down_sync(0xFFFFFFFF, total, distance)
            distance //= 2
        if t == lane:
            y[row] = total

    return row_shuffle


WARP_A_ROW = BLOCK_A_ROW | {"threads": 32}
wrong("reduce_sum", "leaves out the last shuffle", **WARP_A_ROW)(shuffled(nearest=2))
wrong("reduce_sum", "lane 31 writes", **WARP_A_ROW)(shuffled(lane=31))
right("reduce_sum", "shuffles", **WARP_A_ROW)(shuffled())


@wrong("reduce_mean", "divides by one less, as a sample's variance does")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total = float32(0)
        for col in range(cols):
            total += x[row, col]
        y[row] = total / float32(max(cols - 1, 1))


@wrong("reduce_mean", "divides by the rows")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total = float32(0)
        for col in range(cols):
            total += x[row, col]
        y[row] = total / float32(rows)


@wrong("reduce_sum", "passes over what is not finite")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total = float32(0)
        for col in range(cols):
            total += x[row, col] if abs(x[row, col]) < float32(1e38) else float32(0)
        y[row] = total


@right("reduce_mean", "adds up shares")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total = float32(0)
        for col in range(cols):
            total += x[row, col] / float32(cols)
        y[row] = total


@right("reduce_mean", "a running mean")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        mean = float32(0)
        for col in range(cols):
            mean += (x[row, col] - mean) / float32(col + 1)
        y[row] = mean


# -- argmax and the backwards ------------------------------------------------------------------------------------------


def argmax_kernel(last=False, start=None):
    given = start is not None
    first = float32(start if given else 0)

    @cuda.jit
    def row_argmax(x, y, rows, cols):
        row = cuda.grid(1)
        if row < rows:
            place, best = 0, first if given else x[row, 0]
            for col in range(cols):
                value = x[row, col]
                if value > best or (last and value == best):
                    place, best = col, value
            y[row] = place

    return row_argmax


def argmax_with(kernel, first_half=False):
    def run(x, *, axis=-1, on=None):
        moved = np.moveaxis(x, axis, -1)
        rows = np.ascontiguousarray(moved).reshape(-1, x.shape[axis])
        y = empty(moved.shape[:-1], np.int64, like=x)
        go(kernel, len(rows), rows, y.reshape(-1), len(rows), rows.shape[1], on=on)
        return y

    return run


wrong("argmax", "of equal ones the last")(argmax_with(argmax_kernel(last=True)))
wrong("argmax", "starts from 0")(argmax_with(argmax_kernel(start=0)))
wrong("argmax", "starts from -100")(argmax_with(argmax_kernel(start=-100)))
wrong("argmax", "starts from -9999")(argmax_with(argmax_kernel(start=-9999)))
right("argmax", "of equal ones the first")(argmax_with(argmax_kernel()))
right("argmax", "starts from -1e38")(argmax_with(argmax_kernel(start=-1e38)))


@cuda.jit
def argmax_warp(x, y, rows, cols):
    """A warp a row; of equal ones the earlier place wins in each exchange."""
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    best, place = float32(-1e38), int32(cols)
    for col in range(t, cols, 32):
        if x[row, col] > best:
            best, place = x[row, col], int32(col)
    for distance in (16, 8, 4, 2, 1):
        other = cuda.shfl_xor_sync(0xFFFFFFFF, best, distance)
        other_place = cuda.shfl_xor_sync(0xFFFFFFFF, place, distance)
        if other > best or (other == best and other_place < place):
            best, place = other, other_place
    if t == 0:
        y[row] = place


@cuda.jit
def argmax_warp_ties(x, y, rows, cols):
    """As above, without a rule for equal ones."""
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    best, place = float32(-1e38), int32(cols)
    for col in range(t, cols, 32):
        if x[row, col] > best:
            best, place = x[row, col], int32(col)
    for distance in (16, 8, 4, 2, 1):
        other = cuda.shfl_down_sync(0xFFFFFFFF, best, distance)
        other_place = cuda.shfl_down_sync(0xFFFFFFFF, place, distance)
        if other > best:
            best, place = other, other_place
    if t == 0:
        y[row] = place


def argmax_by_warps(kernel):
    def run(x, *, axis=-1, on=None):
        moved = np.moveaxis(x, axis, -1)
        rows = np.ascontiguousarray(moved).reshape(-1, x.shape[axis])
        y = empty(moved.shape[:-1], np.int64, like=x)
        launch(kernel, len(rows), 32, rows, y.reshape(-1), len(rows), rows.shape[1], on=on)
        return y

    return run


right("argmax", "shuffles")(argmax_by_warps(argmax_warp))
wrong("argmax", "shuffles in which equal ones of a later thread stay")(argmax_by_warps(argmax_warp_ties))


def winner_kernel(mode):
    """mode 0: the first of equal ones; 1: all; 2: the last; 3: all, shared."""

    @cuda.jit
    def row_winner(dy, x, dx, rows, cols):
        row = cuda.grid(1)
        if row < rows:
            best, many, given = x[row, 0], 0, False
            for col in range(cols):
                best = max(best, x[row, col])
            for col in range(cols):
                many += x[row, col] == best
            for c in range(cols):
                col = cols - 1 - c if mode == 2 else c
                wins = x[row, col] == best and not (given and mode != 1 and mode != 3)
                share = dy[row] / float32(many) if mode == 3 else dy[row]
                dx[row, col] = share if wins else float32(0)
                given = given or wins

    return row_winner


def winner_with(kernel):
    def run(dy, x, *, axes=None, on=None):
        reduced = tuple(range(x.ndim)) if axes is None else tuple(a % x.ndim for a in np.atleast_1d(axes))
        kept = tuple(k for k in range(x.ndim) if k not in reduced)
        moved = np.ascontiguousarray(x.transpose(kept + reduced))
        rows = moved.reshape(dy.size, -1)
        dx = empty(rows.shape, like=x)
        go(kernel, dy.size, dy.reshape(-1), rows, dx, *rows.shape, on=on)
        back = tuple(np.argsort(kept + reduced))
        return ladder.rung("transpose").run(dx.reshape(moved.shape), axes=back, on=on)

    return run


wrong("reduce_max_backward", "all of the equal ones")(winner_with(winner_kernel(1)))
wrong("reduce_max_backward", "the last of equal ones")(winner_with(winner_kernel(2)))
wrong("reduce_max_backward", "equal ones share it")(winner_with(winner_kernel(3)))
right("reduce_max_backward", "the first of equal ones")(winner_with(winner_kernel(0)))


@wrong("reduce_mean_backward", "not divided")
def _(dy, *, shape, axes=None, on=None):
    return ladder.rung("reduce_sum_backward").run(dy, shape=shape, axes=axes, on=on)


@wrong("reduce_sum_backward", "only the first summand gets it")
def _(dy, *, shape, axes=None, on=None):
    dx = ladder.rung("reduce_sum_backward").run(dy, shape=shape, axes=axes, on=on)
    reduced = range(len(shape)) if axes is None else [a % len(shape) for a in np.atleast_1d(axes)]
    kept = zeros(shape, like=dy)
    place = tuple(slice(0, 1) if k in reduced else slice(None) for k in range(len(shape)))
    kept[place] = dx[place]
    return ladder.rung("add").run(kept, zeros(shape, like=dy), on=on)


@right("reduce_sum", "Kahan's")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total, lost = float32(0), float32(0)
        for col in range(cols):
            term = x[row, col] - lost
            more = total + term
            lost = (more - total) - term
            total = more
        y[row] = total
