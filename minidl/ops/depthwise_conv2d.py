"""Depthwise convolution: every channel has kernels of its own, and channels are not mixed."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from minidl.errors import ShapeError
from minidl.ops import workspace
from minidl.ops.common.checks import require_float
from minidl.ops.common.windows import (
    Padding,
    Pair,
    check_padding,
    check_steps,
    tap_indices,
    window_output_hw,
)
from minidl.ops.conv2d import add_bias, bias_gradient
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
    of which multiplies and adds whole images.

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
    _check(x, w, b, strides, padding, dilation)
    n, _, _, c = x.shape
    m = w.shape[3]
    p, q = window_output_hw("depthwise_conv2d", x.shape[1:3], w.shape[:2], strides, padding, dilation)
    y = workspace.zeros((n, p, q, c, m), x.dtype)
    for images in workspace.chunks(n, p * q * c * x.itemsize):
        for r, s, multiple in np.ndindex(*w.shape[:2], m):
            pixels, windows = tap_indices((r, s), x.shape[1:3], (p, q), strides, padding, dilation)
            y[images][windows][..., multiple] += _times_channels(x[images][pixels], w[r, s, :, multiple])
    y = y.reshape(n, p, q, c * m)
    if b is not None:
        add_bias(y, b)
    return y, DepthwiseConv2DCache(x, w, b is not None, strides, padding, dilation)


def depthwise_conv2d_backward(
    dy: np.ndarray, cache: DepthwiseConv2DCache, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return dx, dw, db.

    Tap (r, s) adds xpad[its pixels, c] * w[r, s, c, m] to y[.., c, m], so it sends back, with dy as (N, P, Q, C, M),

        dxpad[its pixels, c] += sum over m of  dy[n, i, j, c, m] * w[r, s, c, m]
        dw[r, s, c, m]        = sum over n, i, j of  xpad[its pixels, c] * dy[n, i, j, c, m]
    """
    x, w, has_bias, strides, padding, dilation = cache
    n, p, q, _ = dy.shape
    c, m = w.shape[2:]
    dy5 = dy.reshape(n, p, q, c, m)
    dx = workspace.zeros(x.shape, x.dtype) if needs[0] else None
    dw = np.zeros_like(w) if needs[1] else None
    for images in workspace.chunks(n, p * q * c * x.itemsize):
        for r, s, multiple in np.ndindex(*w.shape[:2], m):
            pixels, windows = tap_indices((r, s), x.shape[1:3], (p, q), strides, padding, dilation)
            part = dy5[images][windows][..., multiple]
            if dx is not None:
                dx[images][pixels] += _times_channels(part, w[r, s, :, multiple])
            if dw is not None:
                dw[r, s, :, multiple] += bias_gradient(_product(x[images][pixels], part))
    db = bias_gradient(dy) if needs[2] and has_bias else None
    return dx, dw, db


def _times_channels(x: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return x (N, P, Q, C) times one number a channel, repeated for a whole row: longer inner loops (`add_bias`)."""
    return _product(x, np.repeat(factors[None], x.shape[2], axis=0))


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.multiply(a, b, out=workspace.empty(a.shape, a.dtype))


def _check(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, strides: Pair, padding: Padding, dilation: Pair) -> None:
    op = "depthwise_conv2d"
    require_float(op, **{name: a for name, a in (("x", x), ("w", w), ("b", b)) if a is not None})
    check_steps(op, strides=strides, dilation=dilation)
    check_padding(op, padding)
    if x.ndim != 4 or w.ndim != 4:
        raise ShapeError(f"{op}: x must be (N, H, W, C) and w (R, S, C, M). Got x {x.shape}, w {w.shape}.")
    c, m = w.shape[2:]
    if x.shape[3] != c:
        raise ShapeError(
            f"{op}: x has {x.shape[3]} channels but w expects {c}. Got x {x.shape}, w {w.shape}. "
            "Are the axes (N, H, W, C) and (R, S, C, M)?"
        )
    if b is not None and b.shape != (c * m,):
        raise ShapeError(f"{op}: b must be ({c * m},), one number an output channel. Got b {b.shape}, w {w.shape}.")


OP = Op(
    "depthwise_conv2d", depthwise_conv2d_forward, depthwise_conv2d_backward, form="convolution", keeps="x w",
    flops=product("2 N P Q C M R S", lambda call: 2 * call.n * math.prod(call.shape(1)[:2])), differential="product",
    maths=(
        "y[n,i,j,c·M+m] = b[c·M+m] + Σr,s xpad[n, i·si + r·di, j·sj + s·dj, c] w[r,s,c,m]",
        "dw[r,s,c,m] = Σn,i,j xpad dy;  dx: each dy back through the w that made it;  db = Σ dy",
    ),
    shapes=lambda n: [(8, n, n, 16), (3, 3, 16, 1), (16,)],
    kernels=(("depthwise_conv2d",), ("depthwise_conv2d_backward_data", "depthwise_conv2d_backward_weights")),
)  # fmt: skip
