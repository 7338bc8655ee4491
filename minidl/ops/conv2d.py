"""Two-dimensional convolution of images (N, H, W, C) with kernels (R, S, C // groups, K)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from minidl.ops.common.windows import Padding, Pair, check_conv2d, pad_image, window_view
from minidl.ops.op import Op, product

Needs = tuple[bool, bool, bool]
Gradients = tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]


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
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, *, strides: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)), dilation: Pair = (1, 1), groups: int = 1,
) -> tuple[np.ndarray, Conv2DCache]:  # fmt: skip
    """Slide `w` over `x` and add `b` (cross-correlation, as in every deep-learning library).

        y[n, i, j, k] = b[k] + sum over r, s, c of  xpad[n, i*si + r*di, j*sj + s*dj, c] * w[r, s, c, k]

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

    Source: Dumoulin & Visin, arXiv:1603.07285.

    >>> x = np.arange(6.0).reshape(1, 2, 3, 1)
    >>> y, _ = conv2d_forward(x, np.ones((2, 2, 1, 1)), np.array([100.0]))
    >>> y[0, :, :, 0]
    array([[108., 112.]])
    """
    output_hw = check_conv2d(x, w, b, strides, padding, dilation, groups)
    windows = window_view(pad_image(x, padding), w.shape[:2], output_hw, strides, dilation)  # (N, P, Q, R, S, C)
    y = np.empty((*windows.shape[:3], w.shape[3]), x.dtype)
    for channels, filters in channels_by_group(w, groups):
        y[..., filters] = np.tensordot(windows[..., channels], w[..., filters], axes=3)  # the sum over r, s, c
    if b is not None:
        y += b
    return y, Conv2DCache(x, w, b is not None, strides, padding, dilation, groups)


def conv2d_backward(dy: np.ndarray, cache: Conv2DCache, *, needs: Needs = (True, True, True)) -> Gradients:
    """Return dx, dw, db. Every y[n, i, j, k] is a sum of products, so each factor receives dy times the other:

    db[k]          = sum over n, i, j of  dy[n, i, j, k]
    dw[r, s, c, k] = sum over n, i, j of  dy[n, i, j, k] * xpad[n, i*si + r*di, j*sj + s*dj, c]
    dxpad[n, i*si + r*di, j*sj + s*dj, c] += sum over k of  dy[n, i, j, k] * w[r, s, c, k]     for all i, j, r, s
    """
    x, w, has_bias, strides, padding, dilation, groups = cache
    need_dx, need_dw, need_db = needs
    xpad, kernel_hw, output_hw = pad_image(x, padding), w.shape[:2], dy.shape[1:3]
    dx = dw = db = None
    if need_dx:
        dxpad = np.zeros(xpad.shape, x.dtype)
        dwindows = window_view(dxpad, kernel_hw, output_hw, strides, dilation, writeable=True)
        for channels, filters in channels_by_group(w, groups):
            for r, s in np.ndindex(kernel_hw):  # tap by tap: no two windows of one tap share a pixel
                dwindows[..., r, s, channels] += dy[..., filters] @ w[r, s, :, filters].T
        (top, _), (left, _) = padding
        dx = dxpad[:, top : top + x.shape[1], left : left + x.shape[2]]
    if need_dw:
        dw = np.empty_like(w)
        windows = window_view(xpad, kernel_hw, output_hw, strides, dilation)
        for channels, filters in channels_by_group(w, groups):
            dw[..., filters] = np.tensordot(windows[..., channels], dy[..., filters], axes=((0, 1, 2), (0, 1, 2)))
    if need_db and has_bias:
        db = dy.sum(axis=(0, 1, 2))
    return dx, dw, db


def channels_by_group(w: np.ndarray, groups: int) -> list[tuple[slice, slice]]:
    """Return each group's slices: which channels of x it reads, and which filters (channels of y) it makes."""
    reads, makes = w.shape[2], w.shape[3] // groups
    return [(slice(g * reads, (g + 1) * reads), slice(g * makes, (g + 1) * makes)) for g in range(groups)]


OP = Op(
    "conv2d", conv2d_forward, conv2d_backward, form="convolution", keeps="x w", differential="product",
    flops=product("2 N P Q K R S C / groups", lambda call: 2 * call.n * math.prod(call.shape(1)[:3])),
    maths=(
        "y[n,i,j,k] = b[k] + Σr,s,c xpad[n, i·si + r·di, j·sj + s·dj, c] w[r,s,c,k]",
        "dw[r,s,c,k] = Σn,i,j xpad[n, i·si + r·di, j·sj + s·dj, c] dy[n,i,j,k];  "
        "dxpad[n, i·si + r·di, j·sj + s·dj, c] += Σk dy[n,i,j,k] w[r,s,c,k] for all i, j, r, s;  "
        "db[k] = Σn,i,j dy[n,i,j,k]",
    ),
    shapes=lambda n: [(8, n, n, 16), (3, 3, 16, 32), (32,)],
    kernels=(("conv2d",), ("conv2d_backward_data", "conv2d_backward_weights", "conv2d_backward_bias")),
)  # fmt: skip
