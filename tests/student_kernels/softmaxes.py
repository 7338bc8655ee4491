"""Softmax, its logarithm, and their backwards."""

from __future__ import annotations

import math

from numba import cuda, float32

from cuda_kernels import ladder
from student_kernels.bank import right, wrong

BLOCK_A_ROW = {"threads": 128, "blocks": lambda x, y: x.shape[0]}
WARP_A_ROW = {"threads": 32, "blocks": lambda *arrays: arrays[0].shape[0]}


def serial(start=None, shift=True, divide=True, first=0, most=10**6, log=False, shifted_again=True):
    """One thread a row, three passes, each of whose parts can be left out."""
    given = start is not None
    largest_of_all = float32(start if given else 0)

    @cuda.jit
    def row_softmax(x, y, rows, cols):
        row = cuda.grid(1)
        if row < rows:
            largest = largest_of_all if given else x[row, 0]
            for col in range(cols):
                largest = max(largest, x[row, col])
            if not shift:
                largest = float32(0)
            total = float32(0)
            for col in range(first, min(cols, most)):
                total += math.exp(x[row, col] - largest)
            for col in range(cols):
                value = x[row, col] - (largest if shifted_again else float32(0))
                if log:
                    y[row, col] = value - math.log(total)
                elif divide:
                    y[row, col] = math.exp(value) / total
                else:
                    y[row, col] = math.exp(value)

    return row_softmax


for op, log in (("softmax", False), ("log_softmax", True)):
    for start in (0, -100, -9999):
        wrong(op, f"the largest starts from {start}")(serial(start=start, log=log))
    wrong(op, "no largest")(serial(shift=False, log=log))
    wrong(op, "the sum begins with the second")(serial(first=1, log=log))
    wrong(op, "the sum ends at 128")(serial(most=128, log=log))
    wrong(op, "the largest subtracted in the sum alone")(serial(shifted_again=False, log=log))
    right(op, "one thread a row")(serial(log=log))
    right(op, "starts from -3e38")(serial(start=-3e38, log=log))
wrong("softmax", "not divided")(serial(divide=False))


@wrong("log_softmax", "the logarithm of the softmax: log 0")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        largest = x[row, 0]
        for col in range(cols):
            largest = max(largest, x[row, col])
        total = float32(0)
        for col in range(cols):
            total += math.exp(x[row, col] - largest)
        for col in range(cols):
            y[row, col] = math.log(math.exp(x[row, col] - largest) / total)


@wrong("softmax", "one largest for the whole matrix")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        largest = x[0, 0]
        for r in range(rows):
            for col in range(cols):
                largest = max(largest, x[r, col])
        total = float32(0)
        for col in range(cols):
            total += math.exp(x[row, col] - largest)
        for col in range(cols):
            y[row, col] = math.exp(x[row, col] - largest) / total


def online(rescale=1):
    """Largest and sum in one pass; rescale 0: not, 1: the old sum, 2: the new term."""

    @cuda.jit
    def row_online(x, y, rows, cols):
        row = cuda.grid(1)
        if row < rows:
            largest, total = x[row, 0], float32(1)
            for col in range(1, cols):
                value = x[row, col]
                if value > largest:
                    old = math.exp(largest - value)
                    if rescale == 1:
                        total = total * old + float32(1)
                    elif rescale == 2:
                        total = total + old
                    else:
                        total = total + float32(1)
                    largest = value
                else:
                    total += math.exp(value - largest)
            for col in range(cols):
                y[row, col] = math.exp(x[row, col] - largest) / total

    return row_online


wrong("softmax", "online, the old sum kept as it is")(online(rescale=0))
wrong("softmax", "online, the new term shrunk instead of the old sum")(online(rescale=2))


@right("softmax", "online")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        largest, total = float32(-1e38), float32(0)
        for col in range(cols):
            new = max(largest, x[row, col])
            total = total * math.exp(largest - new) + math.exp(x[row, col] - new)
            largest = new
        for col in range(cols):
            y[row, col] = math.exp(x[row, col] - largest) / total


@right("softmax", "online, the largest from -inf")
@cuda.jit
def _(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        largest, total = float32(-math.inf), float32(0)
        for col in range(cols):
            new = max(largest, x[row, col])
            total = total * math.exp(largest - new) + math.exp(x[row, col] - new)
            largest = new
        for col in range(cols):
            y[row, col] = math.exp(x[row, col] - largest) / total


@right("softmax", "a block a row", **BLOCK_A_ROW)
@cuda.jit
def _(x, y, rows, cols):
    shared = cuda.shared.array(128, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    value = float32(-1e38)
    for col in range(t, cols, 128):
        value = max(value, x[row, col])
    shared[t] = value
    cuda.syncthreads()
    step = 64
    while step > 0:
        if t < step:
            shared[t] = max(shared[t], shared[t + step])
        cuda.syncthreads()
        step //= 2
    largest = shared[0]
    cuda.syncthreads()
    value = float32(0)
    for col in range(t, cols, 128):
        value += math.exp(x[row, col] - largest)
    shared[t] = value
    cuda.syncthreads()
    step = 64
    while step > 0:
        if t < step:
            shared[t] += shared[t + step]
        cuda.syncthreads()
        step //= 2
    for col in range(t, cols, 128):
        y[row, col] = math.exp(x[row, col] - largest) / shared[0]


@wrong("softmax", "a thread a column: rows of up to 256", **BLOCK_A_ROW | {"threads": 256})
@cuda.jit
def _(x, y, rows, cols):
    shared = cuda.shared.array(256, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    shared[t] = x[row, t] if t < cols else float32(-1e38)
    cuda.syncthreads()
    largest, total = shared[0], float32(0)
    for k in range(256):
        largest = max(largest, shared[k])
    for k in range(min(256, cols)):
        total += math.exp(shared[k] - largest)
    for col in range(t, cols, 256):
        y[row, col] = math.exp(x[row, col] - largest) / total


def by_warp(merged=True):
    """A warp a row; merged: the largest of all lanes, not of each for itself."""

    @cuda.jit
    def warp_softmax(x, y, rows, cols):
        row, t = cuda.blockIdx.x, cuda.threadIdx.x
        largest, total = float32(-1e38), float32(0)
        for col in range(t, cols, 32):
            largest = max(largest, x[row, col])
        if merged:
            for distance in (16, 8, 4, 2, 1):
                largest = max(largest, cuda.shfl_xor_sync(0xFFFFFFFF, largest, distance))
        for col in range(t, cols, 32):
            total += math.exp(x[row, col] - largest)
        for distance in (16, 8, 4, 2, 1):
            total += cuda.shfl_xor_sync(0xFFFFFFFF, total, distance)
        for col in range(t, cols, 32):
            y[row, col] = math.exp(x[row, col] - largest) / total

    return warp_softmax


right("softmax", "a warp a row", **WARP_A_ROW)(by_warp())
wrong("softmax", "each lane its own largest", **WARP_A_ROW)(by_warp(merged=False))


@wrong("softmax", "a host function that takes the axis, and uses the last")
def _(x, *, axis=-1, on=None):
    return ladder.rung("softmax").run(x, on=on)


# -- backwards ---------------------------------------------------------------------------------------------------------


def softmax_slope(mode, most=10**6):
    """dx from dy and y: mode 0 right, 1 diagonal, 2 sum of dy, 3 the share y outside, 4 sum of y."""

    @cuda.jit
    def row_backward(dy, y, dx, rows, cols):
        row = cuda.grid(1)
        if row < rows:
            total = float32(0)
            for col in range(min(cols, most)):
                total += dy[row, col] if mode == 2 else dy[row, col] * y[row, col]
            for col in range(cols):
                if mode == 1:
                    dx[row, col] = dy[row, col] * y[row, col] * (float32(1) - y[row, col])
                elif mode == 3:
                    dx[row, col] = dy[row, col] * y[row, col] - total
                else:
                    dx[row, col] = y[row, col] * (dy[row, col] - total)

    return row_backward


wrong("softmax_backward", "the diagonal alone")(softmax_slope(1))
wrong("softmax_backward", "less the sum of dy")(softmax_slope(2))
wrong("softmax_backward", "the sum not times y")(softmax_slope(3))
wrong("softmax_backward", "the sum of the first 32")(softmax_slope(0, most=32))
right("softmax_backward", "y (dy - sum)")(softmax_slope(0))


def log_slope(mode):
    """mode 0 right, 1: y for exp(y), 2: without the sum, 3: the sum of dy exp(y)."""

    @cuda.jit
    def row_backward(dy, y, dx, rows, cols):
        row = cuda.grid(1)
        if row < rows:
            total = float32(0)
            for col in range(cols):
                total += dy[row, col] * (math.exp(y[row, col]) if mode == 3 else float32(1))
            for col in range(cols):
                share = y[row, col] if mode == 1 else math.exp(y[row, col])
                dx[row, col] = dy[row, col] - share * (float32(1) if mode == 2 else total)

    return row_backward


wrong("log_softmax_backward", "y for exp(y)")(log_slope(1))
wrong("log_softmax_backward", "without the sum")(log_slope(2))
wrong("log_softmax_backward", "softmax's own sum")(log_slope(3))
right("log_softmax_backward", "dy - exp(y) sum")(log_slope(0))
