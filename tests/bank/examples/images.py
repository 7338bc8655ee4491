"""Direct convolution and max-pooling over images (N, H, W, C), one thread an output element."""

import math

import numpy as np

from cuda_kernels._cuda import cuda, float32
from tests.bank.examples.case import Case, blocks_for, values

THREADS = 64
STRIDE = 2  # of both kernels
PADDING = 1  # of the convolution: zeros on every side
POOL = 3  # the window of the pooling, larger than its stride: windows overlap


@cuda.jit
def conv2d_direct(x, w, b, y):
    """y[n, p, q, k] = b[k] + sum over r, s, c of x[n, row, col, c] * w[r, s, c, k],
    with row = p * STRIDE + r - PADDING and col = q * STRIDE + s - PADDING.

    A thread owns one element of y; neighbouring threads own neighbouring k, so that loads of w and stores
    of y are coalesced and the loads of x are broadcasts. 2 R S C operations and 8 R S C loaded bytes an
    element.
    """
    flat = cuda.grid(1)
    if flat < y.size:
        k = flat % y.shape[3]
        q = flat // y.shape[3] % y.shape[2]
        p = flat // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = flat // (y.shape[3] * y.shape[2] * y.shape[1])
        total = b[k]
        for r in range(w.shape[0]):
            row = p * STRIDE + r - PADDING
            for s in range(w.shape[1]):
                col = q * STRIDE + s - PADDING
                if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:
                    for c in range(w.shape[2]):
                        total += x[n, row, col, c] * w[r, s, c, k]
        y[n, p, q, k] = total


@cuda.jit
def max_pool2d(x, y, where):
    """y[n, p, q, c] = the largest x in the window at (p, q); where[n, p, q, c] = its place in it.

    A thread owns one element of y. The place is what the backward pass needs. Windows lie inside x: no
    padding.
    """
    flat = cuda.grid(1)
    if flat < y.size:
        c = flat % y.shape[3]
        q = flat // y.shape[3] % y.shape[2]
        p = flat // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = flat // (y.shape[3] * y.shape[2] * y.shape[1])
        best = float32(-math.inf)
        place = 0
        for r in range(POOL):
            for s in range(POOL):
                value = x[n, p * STRIDE + r, q * STRIDE + s, c]
                if value > best:
                    best = value
                    place = r * POOL + s
        y[n, p, q, c] = best
        where[n, p, q, c] = place


def conv2d_direct_case(batch: int = 2, height: int = 7, width: int = 9) -> Case:
    """A 3 x 2 convolution of 3 channels into 5, stride 2, padding 1."""
    x, w, b = values(14, batch, height, width, 3), values(15, 3, 2, 3, 5), values(16, 5)
    rows = (height + 2 * PADDING - 3) // STRIDE + 1
    cols = (width + 2 * PADDING - 2) // STRIDE + 1
    padded = np.pad(x, ((0, 0), (PADDING, PADDING), (PADDING, PADDING), (0, 0))).astype(np.float64)
    expected = np.empty((batch, rows, cols, 5), np.float64)
    for p in range(rows):
        for q in range(cols):
            window = padded[:, p * STRIDE : p * STRIDE + 3, q * STRIDE : q * STRIDE + 2, :]
            expected[:, p, q, :] = np.tensordot(window, w, axes=3) + b
    y = np.zeros(expected.shape, np.float32)
    grid = blocks_for(y.size, THREADS)
    outputs = {"y": expected.astype(np.float32)}
    return Case(conv2d_direct, grid, THREADS, (x, w, b, y), outputs, rtol=1e-4, atol=1e-5)


def max_pool2d_case(batch: int = 2, height: int = 9, width: int = 7, channels: int = 3) -> Case:
    """Overlapping 3 x 3 windows with stride 2."""
    x = values(17, batch, height, width, channels)
    windows = np.lib.stride_tricks.sliding_window_view(x, (POOL, POOL), axis=(1, 2))[:, ::STRIDE, ::STRIDE]
    flat = windows.reshape(*windows.shape[:4], POOL * POOL)
    y, where = np.zeros(flat.shape[:4], np.float32), np.zeros(flat.shape[:4], np.int32)
    expected = {"y": flat.max(axis=-1), "where": flat.argmax(axis=-1).astype(np.int32)}
    return Case(max_pool2d, blocks_for(y.size, THREADS), THREADS, (x, y, where), expected)
