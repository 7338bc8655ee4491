"""Two-dimensional convolution of images (N, H, W, C) with kernels (R, S, C // groups, K)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.ops import workspace
from minidl.ops.common.checks import require_float
from minidl.ops.common.windows import (
    Padding,
    Pair,
    check_padding,
    check_steps,
    pad_image,
    tap_indices,
    window_output_hw,
    window_view,
)
from minidl.ops.op import Op, product

# BLAS libraries share a product out among threads by parts of its result. The weight gradient of a first layer is a
# tiny result (27×32) of a very long sum (100,000 rows), with little to share out; cut into products of up to a million
# multiplications, for which OpenBLAS has code without threads or packing, it took 2.6 ms instead of 3.5 to 7.4.
SMALL_RESULT = 1024
SMALL_PRODUCT = 1_000_000


class Conv2DCache(NamedTuple):
    """The inputs and the static values; of the bias only whether there was one."""

    x: np.ndarray
    w: np.ndarray
    has_bias: bool
    strides: Pair
    padding: Padding
    dilation: Pair
    groups: int


def conv2d_forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    *,
    strides: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> tuple[np.ndarray, Conv2DCache]:
    """Slide `w` over `x` and add `b` (cross-correlation, as in every deep-learning library).

        y[n, i, j, k] = b[k] + sum over r, s, c of  xpad[n, i*si + r*di, j*sj + s*dj, c] * w[r, s, c, k]

    The windows of the image are written out as the rows of one matrix, the "columns", (N*P*Q, R*S*C); the sum is then
    a single matrix product with w (R*S*C, K).

    Parameters
    ----------
    x : float array (N, H, W, C)
    w : float array (R, S, C // groups, K), dtype of x
    b : float array (K,), or None
    strides, dilation : (si, sj), (di, dj)
    padding : ((top, bottom), (left, right)) zeros
    groups : output channels k of group g see only the input channels of group g

    Returns
    -------
    y : (N, P, Q, K), dtype of x, with P = (top + H + bottom - (R-1)*di - 1) // si + 1
    cache : Conv2DCache

    Raises
    ------
    ShapeError : wrong rank, channels that do not agree, a kernel larger than the padded image
    ArgumentError : strides, dilation or padding not as above, channels that groups does not divide
    DTypeError : not float, or mixed dtypes

    Source: Dumoulin & Visin, arXiv:1603.07285; the matrix form: Chellapilla et al., 2006.

    >>> x = np.arange(6.0).reshape(1, 2, 3, 1)
    >>> y, _ = conv2d_forward(x, np.ones((2, 2, 1, 1)), np.array([100.0]))
    >>> y[0, :, :, 0]
    array([[108., 112.]])
    """
    _check("conv2d", x, w, b, strides, padding, dilation, groups)
    p, q = window_output_hw("conv2d", x.shape[1:3], w.shape[:2], strides, padding, dilation)
    y = workspace.empty((x.shape[0], p, q, w.shape[3]), x.dtype)
    windows_product(pad_image(x, padding), w, b, y, strides, dilation, groups)
    return y, Conv2DCache(x, w, b is not None, strides, padding, dilation, groups)


def conv2d_backward(
    dy: np.ndarray, cache: Conv2DCache, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return dx, dw, db.

    From y = columns @ w + b, row by row a matrix product:

        dw = columns^T @ dy            (R*S*C, K)
        db = sum of dy over n, i, j
        dcolumns = dy @ w^T            (N*P*Q, R*S*C), and x[n, h, w, c] lies in up to R*S windows:
        dx[n, h, w, c] = sum over the windows (i, j) and taps (r, s) that meet (h, w) of dcolumns[n, i, j, r, s, c]

    The columns are made again from x: that costs less than it would to keep them, R*S times x's size, in memory.
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


def column_chunks(
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
    for images, columns in column_chunks(x, w.shape[:2], out.shape[1:3], strides, dilation, groups):
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
    for images, columns in column_chunks(x, (r, s), dy.shape[1:3], strides, dilation, groups):
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


def add_bias(y: np.ndarray, b: np.ndarray) -> None:
    """Add b (K,) to every pixel of y (N, P, Q, K), in place.

    b is repeated for a whole image row: NumPy's inner loop then runs over Q*K numbers instead of K.
    """
    y += np.repeat(b[None], y.shape[2], axis=0)


def bias_gradient(dy: np.ndarray) -> np.ndarray:
    """Return the sum of dy (N, P, Q, K) over all pixels; first over n and i, in runs of Q*K numbers (see above)."""
    return dy.reshape(dy.shape[0] * dy.shape[1], *dy.shape[2:]).sum(axis=0).sum(axis=0)


def _by_group(w: np.ndarray, groups: int) -> np.ndarray:
    """Return w (R, S, C // groups, K) as matrices (groups, R*S*C // groups, K // groups)."""
    return w.reshape(-1, groups, w.shape[3] // groups).transpose(1, 0, 2)


def _tap_by_group(w: np.ndarray, groups: int) -> np.ndarray:
    """Return one tap w (C // groups, K) as transposed matrices (groups, K // groups, C // groups)."""
    return w.reshape(w.shape[0], groups, -1).transpose(1, 2, 0)


def _rows_by_group(y: np.ndarray, groups: int) -> np.ndarray:
    """Return a view of y (N, P, Q, K) as matrices (groups, N*P*Q, K // groups)."""
    return y.reshape(-1, groups, y.shape[3] // groups).transpose(1, 0, 2)


def _check(
    op: str, x: np.ndarray, w: np.ndarray, b: np.ndarray | None,
    strides: Pair, padding: Padding, dilation: Pair, groups: int,
) -> None:  # fmt: skip
    require_float(op, **{name: a for name, a in (("x", x), ("w", w), ("b", b)) if a is not None})
    check_steps(op, strides=strides, dilation=dilation)
    check_padding(op, padding)
    if x.ndim != 4 or w.ndim != 4:
        raise ShapeError(
            f"{op}: x must be (N, H, W, C) and w (R, S, C // groups, K). Got x {x.shape}, w {w.shape}. "
            "A grey image needs a channel axis: x[..., None]."
        )
    c, k = x.shape[3], w.shape[3]
    if not isinstance(groups, int) or groups < 1 or c % groups or k % groups:
        raise ArgumentError(f"{op}: groups must divide the channels, in and out. Got groups {groups!r}, C {c}, K {k}.")
    if w.shape[2] * groups != c:
        raise ShapeError(
            f"{op}: x has {c} channels but w expects {w.shape[2] * groups}. Got x {x.shape}, w {w.shape}, "
            f"groups {groups}. Are the axes (N, H, W, C) and (R, S, C // groups, K)?"
        )
    if b is not None and b.shape != (k,):
        raise ShapeError(f"{op}: b must be ({k},), one number an output channel. Got b {b.shape}, w {w.shape}.")


OP = Op(
    "conv2d", conv2d_forward, conv2d_backward, form="convolution", keeps="x w", differential="product",
    flops=product("2 N P Q K R S C / groups", lambda call: 2 * call.n * math.prod(call.shape(1)[:3])),
    maths=(
        "y[n,i,j,k] = b[k] + Σr,s,c xpad[n, i·si + r·di, j·sj + s·dj, c] w[r,s,c,k]",
        "dw[r,s,c,k] = Σn,i,j xpad[n, i·si + r·di, j·sj + s·dj, c] dy[n,i,j,k];  dx: each dy back through the w that "
        "made it;  db[k] = Σ dy",
    ),
    shapes=lambda n: [(8, n, n, 16), (3, 3, 16, 32), (32,)],
    kernels=(("conv2d",), ("conv2d_backward_data", "conv2d_backward_weights", "conv2d_backward_bias")),
)  # fmt: skip
