"""Depthwise convolution, fast: tap by tap over a few images at a time, which stay in the cache."""

from __future__ import annotations

import numpy as np

from minidl.backends.cpu import workspace
from minidl.backends.cpu.images import add_bias, bias_gradient
from minidl.ops.common.windows import tap_indices
from minidl.ops.depthwise_conv2d import DepthwiseConv2DCache, check_depthwise_conv2d


def depthwise_conv2d_forward(x, w, b=None, *, strides, padding, dilation):
    """Add up the taps, for each of the M kernels of a channel by itself."""
    p, q = check_depthwise_conv2d(x, w, b, strides, padding, dilation)
    n, _, _, c = x.shape
    m = w.shape[3]
    y = workspace.zeros((n, p, q, c, m), x.dtype)
    for images in workspace.chunks(n, p * q * c * x.itemsize):
        for r, s, multiple in np.ndindex(*w.shape[:2], m):
            pixels, windows = tap_indices((r, s), x.shape[1:3], (p, q), strides, padding, dilation)
            y[images][windows][..., multiple] += _times_channels(x[images][pixels], w[r, s, :, multiple])
    y = y.reshape(n, p, q, c * m)
    if b is not None:
        add_bias(y, b)
    return y, DepthwiseConv2DCache(x, w, b is not None, strides, padding, dilation)


def depthwise_conv2d_backward(dy, cache, *, needs):
    """Return dx, dw, db: each tap sends back what it added."""
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
