"""Transposed convolution: the gradient of a convolution with respect to its input, run forward."""

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
    check_output_padding,
    check_padding,
    check_steps,
    conv2d_transpose_output_size,
    pad_image,
)
from minidl.ops.conv2d import add_bias, bias_gradient, input_gradient, weight_gradient, windows_product
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
    _check(x, w, b, strides, padding, output_padding, dilation)
    height, width = (
        conv2d_transpose_output_size(*axis)
        for axis in zip(x.shape[1:3], w.shape[:2], strides, dilation, padding, output_padding, strict=True)
    )
    if height < 1 or width < 1:
        raise ShapeError(
            f"conv2d_transpose: padding cuts off the whole output, ({height}, {width}) is left. "
            f"Got x {x.shape}, w {w.shape}, strides {strides}, padding {padding}."
        )
    y_shape = (x.shape[0], height, width, w.shape[2])
    y = input_gradient(x, y_shape, w, strides, padding, dilation, groups=1)
    if b is not None:
        add_bias(y, b)
    return y, Conv2DTransposeCache(x, w, b is not None, strides, padding, output_padding, dilation)


def conv2d_transpose_backward(
    dy: np.ndarray, cache: Conv2DTransposeCache, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return dx, dw, db.

    The forward is linear in x, and it is the transpose of a convolution; its own transpose is that convolution:

        dx = conv2d(dy, w)
        dw[r, s, k, c] = sum over n, i, j of  dy_padded[n, i*si + r*di, j*sj + s*dj, k] * x[n, i, j, c],
             the weight gradient of that convolution, in which dy is the image and x the upstream gradient
        db = sum of dy over n, h, w
    """
    x, w, has_bias, strides, padding, output_padding, dilation = cache
    dx = dw = db = None
    padded = pad_image(dy, padding)
    if needs[0]:
        dx = windows_product(padded, w, None, workspace.empty_like(x), strides, dilation, groups=1)
    if needs[1]:
        dw = weight_gradient(padded, x, w.shape, strides, dilation, groups=1)
    if needs[2] and has_bias:
        db = bias_gradient(dy)
    return dx, dw, db


def _check(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None,
    strides: Pair, padding: Padding, output_padding: Pair, dilation: Pair,
) -> None:  # fmt: skip
    op = "conv2d_transpose"
    require_float(op, **{name: a for name, a in (("x", x), ("w", w), ("b", b)) if a is not None})
    check_steps(op, strides=strides, dilation=dilation)
    check_padding(op, padding)
    check_output_padding(op, output_padding)
    if x.ndim != 4 or w.ndim != 4:
        raise ShapeError(f"{op}: x must be (N, P, Q, C) and w (R, S, K, C). Got x {x.shape}, w {w.shape}.")
    if x.shape[3] != w.shape[3]:
        raise ShapeError(
            f"{op}: x has {x.shape[3]} channels but w expects {w.shape[3]}. Got x {x.shape}, w {w.shape}. "
            "Its axes are (R, S, K, C), output channels before input channels, unlike conv2d's."
        )
    if b is not None and b.shape != w.shape[2:3]:
        raise ShapeError(
            f"{op}: b must be ({w.shape[2]},), one number an output channel. Got b {b.shape}, w {w.shape}."
        )


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
