"""Max and average pooling over the windows of an image (N, H, W, C)."""

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
    window_output_hw,
    window_slices,
)

NO_DILATION = (1, 1)


class MaxPool2DCache(NamedTuple):
    """Input and output: the maximum's place is found again by comparing them."""

    x: np.ndarray
    y: np.ndarray
    pool_size: Pair
    strides: Pair
    padding: Padding


class AveragePool2DCache(NamedTuple):
    """The input's shape and the static values: the gradient does not depend on the values."""

    x_shape: tuple[int, ...]
    pool_size: Pair
    strides: Pair
    padding: Padding


def max_pool2d_forward(
    x: np.ndarray,
    *,
    pool_size: Pair = (2, 2),
    strides: Pair = (2, 2),
    padding: Padding = ((0, 0), (0, 0)),
) -> tuple[np.ndarray, MaxPool2DCache]:
    """Return the largest value of every window.

        y[n, i, j, c] = max over r, s of  xpad[n, i*si + r, j*sj + s, c],   xpad = -inf outside the image

    Parameters
    ----------
    x : float array (N, H, W, C)
    pool_size, strides : rows and columns
    padding : ((top, bottom), (left, right)), each smaller than the pool

    Returns
    -------
    y : (N, P, Q, C), dtype of x; NaN where a window holds one
    cache : MaxPool2DCache

    Raises
    ------
    ShapeError : wrong rank, or a pool larger than the padded image
    ArgumentError : sizes, strides or padding not as above
    DTypeError : not float

    >>> x = np.array([1.0, 5.0, 2.0, 3.0]).reshape(1, 1, 4, 1)
    >>> max_pool2d_forward(x, pool_size=(1, 2), strides=(1, 2))[0].ravel()
    array([5., 3.])
    """
    output_hw = _check("max_pool2d", x, pool_size, strides, padding)
    padded = pad_image(x, padding, -np.inf)
    y = workspace.empty((x.shape[0], *output_hw, x.shape[3]), x.dtype)
    taps = np.ndindex(*pool_size)
    np.copyto(y, padded[_pixels(next(taps), output_hw, strides)])
    for tap in taps:
        np.maximum(y, padded[_pixels(tap, output_hw, strides)], out=y)
    return y, MaxPool2DCache(x, y, pool_size, strides, padding)


def max_pool2d_backward(dy: np.ndarray, cache: MaxPool2DCache) -> tuple[np.ndarray]:
    """Return dx: every window sends its dy to the place of its maximum; of equal ones, to the first in scan order.

    dxpad[n, i*si + r, j*sj + s, c] += dy[n, i, j, c]   for the first (r, s) where xpad there equals y[n, i, j, c]
    """
    x, y, pool_size, strides, padding = cache
    output_hw = y.shape[1:3]
    padded = pad_image(x, padding, -np.inf)
    dpadded = workspace.zeros(padded.shape, dy.dtype)
    waiting = np.ones(y.shape, bool)  # windows whose maximum has not been met yet
    for tap in np.ndindex(*pool_size):
        pixels = _pixels(tap, output_hw, strides)
        here = padded[pixels] == y
        here &= waiting
        waiting ^= here
        dpadded[pixels] += dy * here
    return (_unpad(dpadded, x.shape, padding),)


def average_pool2d_forward(
    x: np.ndarray,
    *,
    pool_size: Pair = (2, 2),
    strides: Pair = (2, 2),
    padding: Padding = ((0, 0), (0, 0)),
) -> tuple[np.ndarray, AveragePool2DCache]:
    """Return the mean of every window; cells of the padding are neither summed nor counted.

        y[n, i, j, c] = sum over the pixels of window (i, j) / number of them that lie inside the image

    Parameters, results and errors as `max_pool2d_forward`; its "same" is that of Keras and TensorFlow.

    >>> x = np.array([1.0, 5.0, 3.0]).reshape(1, 1, 3, 1)
    >>> average_pool2d_forward(x, pool_size=(1, 2), strides=(1, 2), padding=((0, 0), (0, 1)))[0].ravel()
    array([3., 3.])
    """
    output_hw = _check("average_pool2d", x, pool_size, strides, padding)
    padded = pad_image(x, padding)
    y = workspace.zeros((x.shape[0], *output_hw, x.shape[3]), x.dtype)
    for tap in np.ndindex(*pool_size):
        y += padded[_pixels(tap, output_hw, strides)]
    y /= _counts(x.shape, output_hw, pool_size, strides, padding).astype(x.dtype)
    return y, AveragePool2DCache(x.shape, pool_size, strides, padding)


def average_pool2d_backward(dy: np.ndarray, cache: AveragePool2DCache) -> tuple[np.ndarray]:
    """Return dx: every window hands its dy in equal parts to its pixels, dy / count to each."""
    x_shape, pool_size, strides, padding = cache
    output_hw = dy.shape[1:3]
    (top, bottom), (left, right) = padding
    n, h, w, c = x_shape
    share = dy / _counts(x_shape, output_hw, pool_size, strides, padding).astype(dy.dtype)
    dpadded = workspace.zeros((n, top + h + bottom, left + w + right, c), dy.dtype)
    for tap in np.ndindex(*pool_size):
        dpadded[_pixels(tap, output_hw, strides)] += share
    return (_unpad(dpadded, x_shape, padding),)


def _pixels(tap: Pair, output_hw: Pair, strides: Pair) -> tuple[slice, slice, slice]:
    """Return the index of the pixels that tap (r, s) of the pool meets in all windows: (N, P, Q, C) of them."""
    return (slice(None), *window_slices(tap, output_hw, strides, NO_DILATION))


def _counts(x_shape: tuple[int, ...], output_hw: Pair, pool_size: Pair, strides: Pair, padding: Padding) -> np.ndarray:
    """Return how many pixels of each window lie inside the image, (P, Q, 1): rows inside times columns inside."""
    inside = []
    for size, outputs, pool, stride, (before, _) in zip(
        x_shape[1:3], output_hw, pool_size, strides, padding, strict=True
    ):
        start = np.arange(outputs) * stride - before
        inside.append(np.minimum(start + pool, size) - np.maximum(start, 0))
    return inside[0][:, None, None] * inside[1][None, :, None]


def _unpad(dpadded: np.ndarray, x_shape: tuple[int, ...], padding: Padding) -> np.ndarray:
    (top, _), (left, _) = padding
    return np.ascontiguousarray(dpadded[:, top : top + x_shape[1], left : left + x_shape[2]])


def _check(op: str, x: np.ndarray, pool_size: Pair, strides: Pair, padding: Padding) -> Pair:
    require_float(op, x=x)
    check_steps(op, pool_size=pool_size, strides=strides)
    check_padding(op, padding)
    if x.ndim != 4:
        raise ShapeError(f"{op}: x must be (N, H, W, C). Got {x.shape}. Grey images need a channel axis: x[..., None].")
    for pool, sides in zip(pool_size, padding, strict=True):
        if max(sides) >= pool:
            raise ArgumentError(
                f"{op}: padding must be smaller than the pool, or a window would see no pixel at all. "
                f"Got pool_size {pool_size}, padding {padding}."
            )
    return window_output_hw(op, x.shape[1:3], pool_size, strides, padding)
