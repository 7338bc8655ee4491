"""Kernels as students write them: wrong ones, each with the stage at which a check must stop and what it must say."""

from __future__ import annotations

import math

import numpy as np
from numba import cuda, float32, int32

TILE = 16


# -- relu --------------------------------------------------------------------------------------------------------------


@cuda.jit
def relu(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0))


@cuda.jit
def relu_no_guard(x, y):
    i = cuda.grid(1)
    y[i] = max(x[i], float32(0))


@cuda.jit
def relu_float64(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], 0.0)


@cuda.jit
def relu_one_block(x, y, size):
    i = cuda.threadIdx.x
    if i < size:
        y[i] = max(x[i], float32(0))


@cuda.jit
def relu_off_by_one(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[max(i - 1, 0)], float32(0))


@cuda.jit
def relu_misses_the_last(x, y, size):
    i = cuda.grid(1)
    if i < size - 1:
        y[i] = max(x[i], float32(0))


@cuda.jit
def relu_absolute(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = abs(x[i])


@cuda.jit
def relu_in_place(x, y, size):
    i = cuda.grid(1)
    if i < size:
        x[i] = max(x[i], float32(0))
        y[i] = x[i]


@cuda.jit
def relu_adds_to_the_output(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] += max(x[i], float32(0))


@cuda.jit
def relu_tile_edge(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = max(x[i], float32(0)) if i % 32 != 31 else float32(7)


def relu_host_returns_nothing(x, *, on=None):
    y = np.empty_like(x)
    relu[math.ceil(x.size / 256), 256](x.reshape(-1), y.reshape(-1), x.size)


# -- relu_backward -----------------------------------------------------------------------------------------------------


@cuda.jit
def relu_gradient(dy, y, dx, size):
    i = cuda.grid(1)
    if i < size:
        dx[i] = dy[i] if y[i] > float32(0) else float32(0)


@cuda.jit
def relu_gradient_doubled(dy, y, dx, size):
    i = cuda.grid(1)
    if i < size:
        dx[i] = float32(2) * dy[i] if y[i] > float32(0) else float32(0)


# -- gemm --------------------------------------------------------------------------------------------------------------


@cuda.jit
def gemm(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, col]
        c[row, col] = total


@cuda.jit
def gemm_shared(a, b, c, m, n, k):
    tile_a = cuda.shared.array((TILE, TILE), float32)
    tile_b = cuda.shared.array((TILE, TILE), float32)
    col, row = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, k, TILE):
        tile_a[y, x] = a[row, start + x] if row < m and start + x < k else float32(0)
        tile_b[y, x] = b[start + y, col] if start + y < k and col < n else float32(0)
        cuda.syncthreads()
        for i in range(TILE):
            total += tile_a[y, i] * tile_b[i, x]
        cuda.syncthreads()
    if row < m and col < n:
        c[row, col] = total


@cuda.jit
def gemm_without_barrier(a, b, c, m, n, k):
    tile_a = cuda.shared.array((TILE, TILE), float32)
    tile_b = cuda.shared.array((TILE, TILE), float32)
    col, row = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, k, TILE):
        tile_a[y, x] = a[row, start + x] if row < m and start + x < k else float32(0)
        tile_b[y, x] = b[start + y, col] if start + y < k and col < n else float32(0)
        cuda.syncthreads()
        for i in range(TILE):
            total += tile_a[y, i] * tile_b[i, x]
    if row < m and col < n:
        c[row, col] = total


@cuda.jit
def gemm_return_before_barrier(a, b, c, m, n, k):
    tile_a = cuda.shared.array((TILE, TILE), float32)
    col, row = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    if row >= m or col >= n:
        return
    total = float32(0)
    for start in range(0, k, TILE):
        tile_a[y, x] = a[row, start + x] if start + x < k else float32(0)
        cuda.syncthreads()
        for i in range(min(TILE, k - start)):
            total += tile_a[y, i] * b[start + i, col]
        cuda.syncthreads()
    c[row, col] = total


@cuda.jit
def gemm_forgets_the_last_tile(a, b, c, m, n, k):
    col, row = cuda.grid(2)
    if row < m and col < n:
        total = float32(0)
        for i in range(k // TILE * TILE if k > TILE else k):
            total += a[row, i] * b[i, col]
        c[row, col] = total


def gemm_flat(swapped):
    """Flat indices; with `swapped`, b is walked with the stride of its other axis."""

    @cuda.jit
    def gemm_flat_kernel(a, b, c, m, n, k):
        col, row = cuda.grid(2)
        if row < m and col < n:
            total = float32(0)
            for i in range(k):
                total += a[row * k + i] * b[col * k + i if swapped else i * n + col]
            c[row * n + col] = total

    def run(a, b):
        (m, k), n = a.shape, b.shape[1]
        c = np.empty((m, n), np.float32)
        grid = (math.ceil(n / TILE), math.ceil(m / TILE))
        gemm_flat_kernel[grid, (TILE, TILE)](a.reshape(-1), b.reshape(-1), c.reshape(-1), m, n, k)
        return c

    return run


@cuda.jit
def gemm_output_transposed(a, b, c, m, n, k):
    col, row = cuda.grid(2)
    if row < m and col < n:
        total = float32(0)
        for i in range(k):
            total += a[row, i] * b[i, col]
        flat = col * m + row
        c[flat // n, flat % n] = total


@cuda.jit
def gemm_rows_and_columns_swapped(a, b, c):
    row, col = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, col]
        c[row, col] = total


# -- reduce_sum, softmax -----------------------------------------------------------------------------------------------


@cuda.jit
def row_sum(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total = float32(0)
        for col in range(cols):
            total += x[row, col]
        y[row] = total


@cuda.jit
def row_sum_misses_a_column(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total = float32(0)
        for col in range(1, cols):
            total += x[row, col]
        y[row] = total


@cuda.jit
def sum_without_atomics(x, y, rows, cols):
    row = cuda.blockIdx.x
    for col in range(cuda.threadIdx.x, cols, cuda.blockDim.x):
        y[row] += x[row, col]


@cuda.jit
def sum_with_atomics(x, y, rows, cols):
    row = cuda.blockIdx.x
    for col in range(cuda.threadIdx.x, cols, cuda.blockDim.x):
        cuda.atomic.add(y, row, x[row, col])


@cuda.jit
def softmax(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        largest = x[row, 0]
        for col in range(1, cols):
            largest = max(largest, x[row, col])
        total = float32(0)
        for col in range(cols):
            total += math.exp(x[row, col] - largest)
        for col in range(cols):
            y[row, col] = math.exp(x[row, col] - largest) / total


@cuda.jit
def softmax_overflows(x, y, rows, cols):
    row = cuda.grid(1)
    if row < rows:
        total = float32(0)
        for col in range(cols):
            total += math.exp(x[row, col])
        for col in range(cols):
            y[row, col] = math.exp(x[row, col]) / total


# -- windows -----------------------------------------------------------------------------------------------------------


def convolution(cross=False):
    """A direct convolution; with `cross`, w's rows and columns are swapped."""

    @cuda.jit
    def conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w):
        i = cuda.grid(1)
        if i < y.size:
            k = i % y.shape[3]
            q = i // y.shape[3] % y.shape[2]
            p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
            n = i // (y.shape[3] * y.shape[2] * y.shape[1])
            total = float32(0)
            for r in range(w.shape[0]):
                for s in range(w.shape[1]):
                    row = p * stride_h + r * dilation_h - pad_top
                    col = q * stride_w + s * dilation_w - pad_left
                    if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:
                        for c in range(x.shape[3]):
                            total += x[n, row, col, c] * (w[w.shape[0] - 1 - r, s, c, k] if cross else w[r, s, c, k])
            y[n, p, q, k] = total

    def run(x, w, *, strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1, on=None):
        from cuda_kernels import ladder

        if groups != 1:
            return ladder.rung("conv2d").run(
                x, w, strides=strides, padding=padding, dilation=dilation, groups=groups, on=on
            )
        size = [
            (n + sum(pad) - (taps - 1) * step - 1) // stride + 1
            for n, pad, taps, step, stride in zip(x.shape[1:3], padding, w.shape, dilation, strides, strict=False)
        ]
        y = np.empty((x.shape[0], *size, w.shape[3]), np.float32)
        conv2d[math.ceil(y.size / 128), 128](x, w, y, *strides, padding[0][0], padding[1][0], *dilation)
        return y

    return run


def pooling(start):
    """A max pooling whose largest value starts from `start`."""

    @cuda.jit
    def max_pool2d(x, y, pool_h, pool_w, stride_h, stride_w, pad_top, pad_left):
        i = cuda.grid(1)
        if i < y.size:
            c = i % y.shape[3]
            q = i // y.shape[3] % y.shape[2]
            p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
            n = i // (y.shape[3] * y.shape[2] * y.shape[1])
            largest = float32(start)
            for r in range(pool_h):
                for s in range(pool_w):
                    row, col = int32(p * stride_h + r - pad_top), int32(q * stride_w + s - pad_left)
                    if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:
                        largest = max(largest, x[n, row, col, c])
            y[n, p, q, c] = largest

    return max_pool2d


ROW_A_BLOCK = {"threads": 32, "blocks": lambda x, y: x.shape[0]}
WRONG = [
    ("relu", relu_no_guard, {}, "machine", r"^F1: .*Thread 1 of block 0 has no element and reads x\[1\].*edge guard"),
    ("relu", relu_float64, {}, "machine", r"^F13: Line \d+ computes in float64: 0.0 is"),
    ("relu", relu_one_block, {}, "machine", "^F6: .*blockIdx|^F11"),
    ("relu", relu_off_by_one, {}, "values", "shifted by one.*off by one"),
    ("relu", relu_misses_the_last, {}, "machine", "^F11: 1 of .* are written by no thread: .*guard"),
    ("relu", relu_absolute, {}, "values", "every wrong cell should be 0; is a condition missing"),
    ("relu", relu_in_place, {}, "values", "changed its input 'x'.*write to the output alone"),
    ("relu", relu_adds_to_the_output, {}, "values|machine", "add|uninitialised"),
    ("relu", relu_tile_edge, {}, "values", "one in 32 .*boundary of a tile"),
    ("relu", relu_host_returns_nothing, {}, "runs", "returned None.*return y"),
    ("relu_backward", relu_gradient_doubled, {}, "gradient", "2 times the right value.*factor"),
    ("gemm", gemm_without_barrier, {}, "machine", r"^F[45]: Thread .* tile_[ab]\[\d"),
    ("gemm", gemm_return_before_barrier, {}, "machine", "^F8: .*has left on line"),
    ("gemm", gemm_forgets_the_last_tile, {}, "values", "last 5 terms are missing from each sum.*last tile"),
    ("gemm", gemm_flat(swapped=True), {}, "values", "b read as if stored transposed.*strides"),
    ("gemm", gemm_output_transposed, {}, "values", "stored transposed.*swapped"),
    (
        "gemm",
        gemm_rows_and_columns_swapped,
        {"threads": (32, 8)},
        "machine",
        "^F11: .*the other way round",
    ),
    ("reduce_sum", row_sum_misses_a_column, {}, "values", "first term of each sum is missing.*start at 1"),
    ("reduce_sum", sum_without_atomics, ROW_A_BLOCK | {"start": 0.0}, "machine", "^F7: .*cuda.atomic.add"),
    ("reduce_sum", sum_with_atomics, ROW_A_BLOCK, "values", "is NaN.*add to it before"),
    ("softmax", softmax_overflows, {}, "values", "overflows.*subtract"),
    ("conv2d", convolution(cross=True), {}, "values", "w flipped, its rows"),
    ("max_pool2d", pooling(start=0), {}, "values", "largest starts from 0.*infinity"),
]
RIGHT = [
    ("relu", relu, {}),
    ("relu", relu, {"threads": 64}),
    ("relu_backward", relu_gradient, {}),
    ("gemm", gemm, {}),
    ("gemm", gemm_shared, {}),
    ("gemm", gemm_flat(swapped=False), {}),
    ("reduce_sum", row_sum, {"threads": 32}),
    ("reduce_sum", sum_with_atomics, ROW_A_BLOCK | {"start": 0.0}),
    ("softmax", softmax, {"threads": 32}),
    ("conv2d", convolution(), {}),
    ("max_pool2d", pooling(start=-np.inf), {}),
]
