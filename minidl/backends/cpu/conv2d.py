"""Two-dimensional convolution, fast: the windows of a few images at a time as one matrix that stays in the cache.

The sum of `minidl/ops/conv2d.py` is a single matrix product if the windows of the image are written out as the rows of
a matrix, the "columns", (N*P*Q, R*S*C), times w (R*S*C, K). The matrix form: Chellapilla et al., 2006.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minidl.backends.cpu import workspace
from minidl.backends.cpu.images import add_bias, bias_gradient, pad_image
from minidl.ops.common.windows import Padding, Pair, check_conv2d, tap_indices, window_view
from minidl.ops.conv2d import Conv2DCache

# BLAS libraries share a product out among threads by parts of its result. The weight gradient of a first layer is a
# tiny result (27×32) of a very long sum (100,000 rows), with little to share out; cut into products of up to a million
# multiplications, for which OpenBLAS has code without threads or packing, it took 2.6 ms instead of 3.5 to 7.4.
SMALL_RESULT = 1024
SMALL_PRODUCT = 1_000_000


def conv2d_forward(x, w, b=None, *, strides, padding, dilation, groups):
    """Return y = columns @ w + b, row by row a matrix product."""
    p, q = check_conv2d(x, w, b, strides, padding, dilation, groups)
    y = workspace.empty((x.shape[0], p, q, w.shape[3]), x.dtype)
    windows_product(pad_image(x, padding), w, b, y, strides, dilation, groups)
    return y, Conv2DCache(x, w, b is not None, strides, padding, dilation, groups)


def conv2d_backward(dy, cache, *, needs):
    """Return dx, dw, db, with the columns made again from x.

        dw = columns^T @ dy            (R*S*C, K)
        dcolumns = dy @ w^T            (N*P*Q, R*S*C), and x[n, h, w, c] lies in up to R*S windows

    To make the columns again costs less than to keep them, R*S times x's size, in memory.
    """
    x, w, has_bias, strides, padding, dilation, groups = cache
    dx = dw = db = None
    if needs[0]:
        dx = input_gradient(dy, x.shape, w, strides, padding, dilation, groups)
    if needs[1]:
        dw = weight_gradient(pad_image(x, padding), dy, w.shape, strides, dilation, groups)
    if needs[2] and has_bias:
        db = bias_gradient(dy)
    return dx, dw, db


def _column_chunks(
    x: np.ndarray, kernel_hw: Pair, output_hw: Pair, strides: Pair, dilation: Pair, groups: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (images, columns): the windows of some images as matrices (groups, images*P*Q, R*S*C // groups).

    x (N, H, W, C) is already padded. The columns are R*S times larger than the image, so they are made for a few
    images at a time, in one buffer that stays in the cache; each is valid until the next is asked for.
    """
    n, _, _, c = x.shape
    x = np.ascontiguousarray(x)
    if (*kernel_hw, groups) == (1, 1, 1) and x.shape[1:3] == tuple(output_hw):
        yield slice(0, n), x.reshape(1, -1, c)  # a 1×1 kernel: every pixel is its own window, nothing to copy
        return
    windows, length = output_hw[0] * output_hw[1], kernel_hw[0] * kernel_hw[1] * c
    buffer = None
    for images in workspace.chunks(n, windows * length * x.itemsize):
        rows = (images.stop - images.start) * windows
        if buffer is None:
            buffer = workspace.empty(rows * length, x.dtype)  # the first chunk is the largest
        columns = buffer[: rows * length].reshape(groups, rows, length // groups)
        _write_columns(x[images], columns, kernel_hw, output_hw, strides, dilation)
        yield images, columns


def _write_columns(
    x: np.ndarray, columns: np.ndarray, kernel_hw: Pair, output_hw: Pair, strides: Pair, dilation: Pair
) -> None:
    n, _, _, c = x.shape
    groups = columns.shape[0]
    if groups == 1 and dilation[1] == 1:
        # The S*C numbers that a kernel row meets lie side by side in the image. Declared as one opaque item of so
        # many bytes, they are copied in one go; numbers alone would be copied in runs as short as 9 for RGB.
        item = np.dtype((np.void, kernel_hw[1] * c * x.itemsize))
        batch, row, column, _ = x.strides
        kernel_rows = np.ndarray(
            (n, *output_hw, kernel_hw[0]), item, x,
            strides=(batch, row * strides[0], column * strides[1], row * dilation[0]),
        )  # fmt: skip
        columns.view(item).reshape(kernel_rows.shape)[...] = kernel_rows
        return
    windows = window_view(x, kernel_hw, output_hw, strides, dilation)
    c_group = c // groups
    for g in range(groups):
        own_channels = windows[..., g * c_group : (g + 1) * c_group]
        columns[g].reshape(own_channels.shape)[...] = own_channels


def windows_product(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, out: np.ndarray, strides: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """Write the convolution of x (N, H, W, C), already padded, with w, plus b, into out (N, P, Q, K); return out."""
    matrices = _by_group(w, groups)
    for images, columns in _column_chunks(x, w.shape[:2], out.shape[1:3], strides, dilation, groups):
        np.matmul(columns, matrices, out=_rows_by_group(out[images], groups))
        if b is not None:
            add_bias(out[images], b)  # now, while these images are in the cache
    return out


def weight_gradient(
    x: np.ndarray, dy: np.ndarray, w_shape: tuple[int, ...], strides: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """Return dw = columns^T @ dy in w's shape, for x (N, H, W, C), already padded, and dy (N, P, Q, K)."""
    r, s, c, k = w_shape
    dy = np.ascontiguousarray(dy)
    dw = np.zeros((groups, r * s * c, k // groups), x.dtype)
    step = SMALL_PRODUCT // dw[0].size if dw[0].size <= SMALL_RESULT else max(dy.size, 1)
    for images, columns in _column_chunks(x, (r, s), dy.shape[1:3], strides, dilation, groups):
        rows = _rows_by_group(dy[images], groups)
        for start in range(0, rows.shape[1], step):
            part = slice(start, start + step)
            dw += np.matmul(columns[:, part].transpose(0, 2, 1), rows[:, part])
    return dw.transpose(1, 0, 2).reshape(w_shape)


def input_gradient(
    dy: np.ndarray, x_shape: tuple[int, ...], w: np.ndarray,
    strides: Pair, padding: Padding, dilation: Pair, groups: int,
) -> np.ndarray:  # fmt: skip
    """Return dx (N, H, W, C), tap by tap: dy @ w[r, s]^T is added to the pixels that tap (r, s) met.

    Against one product of all taps, dcolumns = dy @ w^T, whose parts are then added (col2im), this adds whole image
    rows instead of single pixels and needs no large intermediate: 8 ms instead of 13. A convolution of dy with the
    flipped kernel, the other usual way, took 14 (15×15×32 from 13×13×64, batch 128; two EPYC cores, OpenBLAS).
    """
    dy = np.ascontiguousarray(dy)
    dx = workspace.empty(x_shape, dy.dtype)
    unpadded = not any(sum(sides) for sides in padding)
    if w.shape[:2] == (1, 1) and unpadded and dx.shape[:3] == dy.shape[:3]:
        # A 1×1 kernel that meets every pixel once: there is nothing to add up.
        np.matmul(_rows_by_group(dy, groups), _tap_by_group(w[0, 0], groups), out=_rows_by_group(dx, groups))
        return dx
    dx.fill(0)
    for images in workspace.chunks(dx.shape[0], dy[:1].size // dy.shape[3] * dx.shape[3] * dy.itemsize):
        _add_taps(dy[images], w, dx[images], strides, padding, dilation, groups)
    return dx


def _add_taps(
    dy: np.ndarray, w: np.ndarray, dx: np.ndarray, strides: Pair, padding: Padding, dilation: Pair, groups: int
) -> None:
    part = workspace.empty((*dy.shape[:3], dx.shape[3]), dy.dtype)
    for tap in np.ndindex(w.shape[:2]):
        np.matmul(_rows_by_group(dy, groups), _tap_by_group(w[tap], groups), out=_rows_by_group(part, groups))
        pixels, windows = tap_indices(tap, dx.shape[1:3], dy.shape[1:3], strides, padding, dilation)
        dx[pixels] += part[windows]


def _by_group(w: np.ndarray, groups: int) -> np.ndarray:
    """Return w (R, S, C // groups, K) as matrices (groups, R*S*C // groups, K // groups)."""
    return w.reshape(-1, groups, w.shape[3] // groups).transpose(1, 0, 2)


def _tap_by_group(w: np.ndarray, groups: int) -> np.ndarray:
    """Return one tap w (C // groups, K) as transposed matrices (groups, K // groups, C // groups)."""
    return w.reshape(w.shape[0], groups, -1).transpose(1, 2, 0)


def _rows_by_group(y: np.ndarray, groups: int) -> np.ndarray:
    """Return a view of y (N, P, Q, K) as matrices (groups, N*P*Q, K // groups)."""
    return y.reshape(-1, groups, y.shape[3] // groups).transpose(1, 0, 2)
