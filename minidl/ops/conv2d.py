"""Two-dimensional convolution of images (N, H, W, C) with kernels (R, S, C // groups, K)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.ops import workspace
from minidl.ops.checks import require_float
from minidl.ops.windows import (
    Padding,
    Pair,
    check_padding,
    check_steps,
    pad_image,
    window_extent,
    window_output_hw,
    window_slices,
    window_view,
)


class Conv2DCache(NamedTuple):
    """The inputs and the static values; `columns` as NumPy's forward made them, or None: the backward makes them."""

    x: np.ndarray
    w: np.ndarray
    has_bias: bool
    strides: Pair
    padding: Padding
    dilation: Pair
    groups: int
    columns: np.ndarray | None = None


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
    columns = make_columns(pad_image(x, padding), w.shape[:2], (p, q), strides, dilation, groups)
    y = workspace.empty((x.shape[0], p, q, w.shape[3]), x.dtype)
    windows_product(columns, w, groups, out=y)
    if b is not None:
        y += b
    return y, Conv2DCache(x, w, b is not None, strides, padding, dilation, groups, columns)


def conv2d_backward(
    dy: np.ndarray, cache: Conv2DCache, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return dx, dw, db.

    From y = columns @ w + b, row by row a matrix product:

        dw = columns^T @ dy            (R*S*C, K)
        db = sum of dy over n, i, j
        dcolumns = dy @ w^T            (N*P*Q, R*S*C), and x[n, h, w, c] lies in up to R*S windows:
        dx[n, h, w, c] = sum over the windows (i, j) and taps (r, s) that meet (h, w) of dcolumns[n, i, j, r, s, c]
    """
    x, w, has_bias, strides, padding, dilation, groups, columns = cache
    dx = dw = db = None
    if needs[0]:
        dx = input_gradient(dy, x.shape, w, strides, padding, dilation, groups)
    if needs[1]:
        if columns is None:
            columns = make_columns(pad_image(x, padding), w.shape[:2], dy.shape[1:3], strides, dilation, groups)
        dw = weight_gradient(columns, dy, w.shape, groups)
    if needs[2] and has_bias:
        db = dy.sum(axis=(0, 1, 2))
    return dx, dw, db


def make_columns(
    x: np.ndarray, kernel_hw: Pair, output_hw: Pair, strides: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """Return the windows of x (N, H, W, C), already padded, as matrices (groups, N*P*Q, R*S*C // groups)."""
    n, _, _, c = x.shape
    rows, taps = n * output_hw[0] * output_hw[1], kernel_hw[0] * kernel_hw[1]
    if taps == 1 and groups == 1 and tuple(strides) == (1, 1) and x.flags.c_contiguous:
        return x.reshape(1, rows, c)  # a 1×1 kernel: every pixel is its own window, nothing to copy
    columns = workspace.empty((groups, rows, taps * (c // groups)), x.dtype)
    windows = window_view(x, kernel_hw, output_hw, strides, dilation)
    for g in range(groups):
        channels = slice(g * (c // groups), (g + 1) * (c // groups))
        columns[g].reshape(n, *output_hw, *kernel_hw, c // groups)[...] = windows[..., channels]
    return columns


def windows_product(columns: np.ndarray, w: np.ndarray, groups: int, out: np.ndarray) -> np.ndarray:
    """Write columns (groups, M, R*S*C // groups) times w (R, S, C // groups, K) into out (N, P, Q, K)."""
    np.matmul(columns, _by_group(w, groups), out=_rows_by_group(out, groups))
    return out


def weight_gradient(columns: np.ndarray, dy: np.ndarray, w_shape: tuple[int, ...], groups: int) -> np.ndarray:
    """Return dw = columns^T @ dy, group by group, in w's shape."""
    r, s, c, k = w_shape
    dw = np.matmul(columns.transpose(0, 2, 1), _rows_by_group(dy, groups))
    return dw.reshape(groups, r, s, c, k // groups).transpose(1, 2, 3, 0, 4).reshape(w_shape)


def input_gradient(
    dy: np.ndarray, x_shape: tuple[int, ...], w: np.ndarray,
    strides: Pair, padding: Padding, dilation: Pair, groups: int,
) -> np.ndarray:  # fmt: skip
    """Return dx: dcolumns = dy @ w^T, every tap's part of it added to the pixels that the tap met."""
    n, height, width, c = x_shape
    r, s, _, k = w.shape
    top, left = padding[0][0], padding[1][0]
    output_hw = dy.shape[1:3]
    reached = (
        (outputs - 1) * stride + window_extent(kernel, step)
        for outputs, stride, kernel, step in zip(output_hw, strides, (r, s), dilation, strict=True)
    )
    padded_hw = (max(top + height, next(reached)), max(left + width, next(reached)))
    dcolumns = np.matmul(_rows_by_group(dy, groups), _by_group(w, groups).transpose(0, 2, 1))
    dcolumns = dcolumns.reshape(groups, n, *output_hw, r, s, c // groups)
    dx = workspace.zeros((n, *padded_hw, c), dy.dtype)
    for g in range(groups):
        channels = slice(g * (c // groups), (g + 1) * (c // groups))
        for tap in np.ndindex(r, s):
            rows, columns = window_slices(tap, output_hw, strides, dilation)
            dx[:, rows, columns, channels] += dcolumns[g, :, :, :, tap[0], tap[1]]
    return np.ascontiguousarray(dx[:, top : top + height, left : left + width])


def _by_group(w: np.ndarray, groups: int) -> np.ndarray:
    """Return w (R, S, C // groups, K) as matrices (groups, R*S*C // groups, K // groups)."""
    k = w.shape[3]
    return w.reshape(-1, groups, k // groups).transpose(1, 0, 2)


def _rows_by_group(y: np.ndarray, groups: int) -> np.ndarray:
    """Return y (N, P, Q, K) as matrices (groups, N*P*Q, K // groups), a view where y is contiguous."""
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
