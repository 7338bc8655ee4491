"""Transposed convolution: the gradient of a convolution with respect to its input, run forward."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from minidl.errors import ShapeError
from minidl.ops.common.windows import (
    Padding,
    Pair,
    check_channels,
    check_convolution,
    check_output_padding,
    conv2d_transpose_output_size,
    pad_image,
    tap_indices,
    window_view,
)
from minidl.ops.conv2d import Gradients, Needs
from minidl.ops.op import Op, product


class Conv2DTransposeCache(NamedTuple):
    """The inputs and the static values; of the bias only whether there was one."""

    x: np.ndarray
    w: np.ndarray
    has_bias: bool
    strides: Pair
    padding: Padding
    output_padding: Pair
    dilation: Pair


def conv2d_transpose_forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    *,
    strides: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)),
    output_padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> tuple[np.ndarray, Conv2DTransposeCache]:
    """Spread every input cell over the output through the kernel, and add `b`.

        full[n, i*si + r*di, j*sj + s*dj, k] += x[n, i, j, c] * w[r, s, k, c]    for all i, j, r, s, c
        y = full without its frame `padding`, with `output_padding` more rows and columns at the end, plus b[k]

    Exactly the dx of a `conv2d` with kernel w (R, S, K, C), from K to C channels, whose dy is x: what that convolution
    gathers, this one scatters.

    Parameters
    ----------
    x : float array (N, P, Q, C)
    w : float array (R, S, K, C), dtype of x: note the order, output channels first (as in Keras)
    b : float array (K,), or None
    strides, dilation : (si, sj), (di, dj)
    padding : ((top, bottom), (left, right)), cells cut off the full output
    output_padding : rows and columns added at the bottom and right

    Returns
    -------
    y : (N, H, W, K), dtype of x, with H = (P-1)*si + (R-1)*di + 1 - top - bottom + output_padding[0]
    cache : Conv2DTransposeCache

    Raises
    ------
    ShapeError : wrong rank, channels that do not agree, nothing left after the padding is cut off
    ArgumentError : strides, dilation or padding not as above
    DTypeError : not float, or mixed dtypes

    Source: Dumoulin & Visin, arXiv:1603.07285, section 4; Zeiler et al., CVPR 2010.

    >>> x = np.array([1.0, 2.0]).reshape(1, 1, 2, 1)
    >>> y, _ = conv2d_transpose_forward(x, np.array([[[[1.0]], [[10.0]], [[100.0]]]]), strides=(1, 2))
    >>> y.ravel()
    array([  1.,  10., 102.,  20., 200.])
    """
    height, width = check_conv2d_transpose(x, w, b, strides, padding, output_padding, dilation)
    y = np.zeros((x.shape[0], height, width, w.shape[2]), x.dtype)
    for r, s in np.ndindex(w.shape[:2]):  # tap by tap: no two cells reach one pixel by the same tap
        pixels, cells = tap_indices((r, s), (height, width), x.shape[1:3], strides, padding, dilation)
        y[pixels] += x[cells] @ w[r, s].T
    if b is not None:
        y += b
    return y, Conv2DTransposeCache(x, w, b is not None, strides, padding, output_padding, dilation)


def conv2d_transpose_backward(
    dy: np.ndarray, cache: Conv2DTransposeCache, *, needs: Needs = (True, True, True)
) -> Gradients:
    """Return dx, dw, db.

    The forward is linear in x, and it is the transpose of a convolution; its own transpose is that convolution:

        dx = conv2d(dy, w)
        dw[r, s, k, c] = sum over n, i, j of  dy_padded[n, i*si + r*di, j*sj + s*dj, k] * x[n, i, j, c],
             the weight gradient of that convolution, in which dy is the image and x the upstream gradient
        db = sum of dy over n, h, w
    """
    x, w, has_bias, strides, padding, _, dilation = cache
    windows = window_view(pad_image(dy, padding), w.shape[:2], x.shape[1:3], strides, dilation)  # (N, P, Q, R, S, K)
    dx = np.tensordot(windows, w, axes=3) if needs[0] else None
    dw = np.tensordot(windows, x, axes=((0, 1, 2), (0, 1, 2))) if needs[1] else None
    db = dy.sum(axis=(0, 1, 2)) if needs[2] and has_bias else None
    return dx, dw, db


def check_conv2d_transpose(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None,
    strides: Pair, padding: Padding, output_padding: Pair, dilation: Pair,
) -> Pair:  # fmt: skip
    """Raise unless the arguments are as `conv2d_transpose_forward` says. Return (H, W)."""
    op = "conv2d_transpose"
    check_convolution(op, x, w, b, "(N, P, Q, C) and w (R, S, K, C)", strides, padding, dilation)
    check_output_padding(op, output_padding)
    likely = "Its axes are (R, S, K, C), output channels before input channels, unlike conv2d's."
    check_channels(op, x, w, b, w.shape[3], w.shape[2], likely)
    height, width = (
        conv2d_transpose_output_size(*axis)
        for axis in zip(x.shape[1:3], w.shape[:2], strides, dilation, padding, output_padding, strict=True)
    )
    if height < 1 or width < 1:
        raise ShapeError(
            f"conv2d_transpose: padding cuts off the whole output, ({height}, {width}) is left. "
            f"Got x {x.shape}, w {w.shape}, strides {strides}, padding {padding}."
        )
    return height, width


OP = Op(
    "conv2d_transpose", conv2d_transpose_forward, conv2d_transpose_backward, form="convolution", keeps="x w",
    # w is (R, S, K, C): each input value meets R S K weights
    flops=product("2 N H W C R S K", lambda call: 2 * call.m * math.prod(call.shape(1)[:3])), differential="product",
    maths=(
        "y[n, i·si + r·di − top, j·sj + s·dj − left, k] += x[n,i,j,c] w[r,s,k,c];  + b[k]",
        "dx = conv2d(dy, w);  dw[r,s,k,c] = Σ dy x over the pairs that met;  db[k] = Σ dy",
    ),
    shapes=lambda n: [(8, n, n, 16), (3, 3, 32, 16), (32,)],
    kernels=(("conv2d_backward_data",), ("conv2d", "conv2d_backward_weights", "conv2d_backward_bias")),
)  # fmt: skip
