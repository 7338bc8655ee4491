"""Depthwise convolution: every channel has kernels of its own, and channels are not mixed."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from minidl.ops.common.windows import Padding, Pair, check_channels, check_convolution, tap_indices, window_output_hw
from minidl.ops.conv2d import Gradients, Needs
from minidl.ops.op import Op, product


class DepthwiseConv2DCache(NamedTuple):
    """The inputs and the static values; of the bias only whether there was one."""

    x: np.ndarray
    w: np.ndarray
    has_bias: bool
    strides: Pair
    padding: Padding
    dilation: Pair


def depthwise_conv2d_forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    *,
    strides: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> tuple[np.ndarray, DepthwiseConv2DCache]:
    """Slide `M` kernels over every channel of `x` and add `b`.

        y[n, i, j, c*M + m] = b[c*M + m] + sum over r, s of  xpad[n, i*si + r*di, j*sj + s*dj, c] * w[r, s, c, m]

    There is no sum over channels, so no matrix product: the sum over the few taps (r, s) is a Python loop, each turn
    of which multiplies and adds whole images. (C*M stand as two axes, (C, M), until the end.)

    Parameters
    ----------
    x : float array (N, H, W, C)
    w : float array (R, S, C, M), dtype of x; M is Keras' depth_multiplier
    b : float array (C*M,), or None
    strides, dilation, padding : as in `conv2d_forward`

    Returns
    -------
    y : (N, P, Q, C*M), dtype of x
    cache : DepthwiseConv2DCache

    Raises
    ------
    ShapeError : wrong rank, channels that do not agree, a kernel larger than the padded image
    ArgumentError : strides, dilation or padding not as above
    DTypeError : not float, or mixed dtypes

    Source: Howard et al., "MobileNets", arXiv:1704.04861; Chollet, "Xception", arXiv:1610.02357.

    >>> x = np.array([[1.0, 5.0], [2.0, 6.0]]).reshape(1, 1, 2, 2)
    >>> depthwise_conv2d_forward(x, np.ones((1, 2, 2, 1)))[0].ravel()
    array([ 3., 11.])
    """
    p, q = check_depthwise_conv2d(x, w, b, strides, padding, dilation)
    n, _, _, c = x.shape
    y = np.zeros((n, p, q, *w.shape[2:]), x.dtype)
    for r, s in np.ndindex(w.shape[:2]):
        pixels, windows = tap_indices((r, s), x.shape[1:3], (p, q), strides, padding, dilation)
        y[windows] += x[pixels][..., None] * w[r, s]
    y = y.reshape(n, p, q, c * w.shape[3])
    if b is not None:
        y += b
    return y, DepthwiseConv2DCache(x, w, b is not None, strides, padding, dilation)


def depthwise_conv2d_backward(
    dy: np.ndarray, cache: DepthwiseConv2DCache, *, needs: Needs = (True, True, True)
) -> Gradients:
    """Return dx, dw, db.

    Tap (r, s) adds xpad[its pixels, c] * w[r, s, c, m] to y[.., c, m], so it sends back, with dy as (N, P, Q, C, M),

        dxpad[its pixels, c] += sum over m of  dy[n, i, j, c, m] * w[r, s, c, m]
        dw[r, s, c, m]        = sum over n, i, j of  xpad[its pixels, c] * dy[n, i, j, c, m]
    """
    x, w, has_bias, strides, padding, dilation = cache
    n, p, q, _ = dy.shape
    d_taps = dy.reshape(n, p, q, *w.shape[2:])
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for r, s in np.ndindex(w.shape[:2]):
        pixels, windows = tap_indices((r, s), x.shape[1:3], (p, q), strides, padding, dilation)
        if needs[0]:
            dx[pixels] += (d_taps[windows] * w[r, s]).sum(axis=-1)
        if needs[1]:
            dw[r, s] = (x[pixels][..., None] * d_taps[windows]).sum(axis=(0, 1, 2))
    db = dy.sum(axis=(0, 1, 2)) if needs[2] and has_bias else None
    return dx if needs[0] else None, dw if needs[1] else None, db


def check_depthwise_conv2d(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, strides: Pair, padding: Padding, dilation: Pair
) -> Pair:
    """Raise unless the arguments are as `depthwise_conv2d_forward` says. Return (P, Q)."""
    op, axes = "depthwise_conv2d", "(N, H, W, C) and w (R, S, C, M)"
    check_convolution(op, x, w, b, axes, strides, padding, dilation)
    c, m = w.shape[2:]
    check_channels(op, x, w, b, c, c * m, f"Are the axes x {axes}?")
    return window_output_hw(op, x.shape[1:3], w.shape[:2], strides, padding, dilation)


OP = Op(
    "depthwise_conv2d", depthwise_conv2d_forward, depthwise_conv2d_backward, form="convolution", keeps="x w",
    flops=product("2 N P Q C M R S", lambda call: 2 * call.n * math.prod(call.shape(1)[:2])), differential="product",
    maths=(
        "y[n,i,j,c·M+m] = b[c·M+m] + Σr,s xpad[n, i·si + r·di, j·sj + s·dj, c] w[r,s,c,m]",
        "dw[r,s,c,m] = Σn,i,j xpad[n, i·si + r·di, j·sj + s·dj, c] dy[n,i,j,c·M+m];  "
        "dxpad[n, i·si + r·di, j·sj + s·dj, c] += Σm dy[n,i,j,c·M+m] w[r,s,c,m] for all i, j, r, s;  db = Σn,i,j dy",
    ),
    shapes=lambda n: [(8, n, n, 16), (3, 3, 16, 1), (16,)],
    kernels=(("depthwise_conv2d",), ("depthwise_conv2d_backward_data", "depthwise_conv2d_backward_weights")),
)  # fmt: skip
