"""Max and average pooling over the windows of an image (N, H, W, C)."""

from __future__ import annotations

import math
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
    tap_indices,
    window_output_hw,
)
from minidl.ops.op import Call, Op


class MaxPool2DCache(NamedTuple):
    """Input and output: the maximum's place is found again by comparing them."""

    x: np.ndarray
    y: np.ndarray
    pool_size: Pair
    strides: Pair
    padding: Padding


class AveragePool2DCache(NamedTuple):
    """The input's shape and the static values: the gradient does not depend on the values."""

    x_shape: tuple[int, int, int, int]
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
    y = workspace.empty((x.shape[0], *output_hw, x.shape[3]), x.dtype)
    y.fill(-np.inf)
    # Tap by tap over all windows at once: a few long vector operations instead of many short reductions.
    for pixels, windows in _taps(x.shape, output_hw, pool_size, strides, padding):
        np.maximum(y[windows], x[pixels], out=y[windows])
    return y, MaxPool2DCache(x, y, pool_size, strides, padding)


def max_pool2d_backward(dy: np.ndarray, cache: MaxPool2DCache) -> tuple[np.ndarray]:
    """Return dx: every window sends its dy to the place of its maximum; of equal ones, to the first in scan order.

    dxpad[n, i*si + r, j*sj + s, c] += dy[n, i, j, c]   for the first (r, s) where xpad there equals y[n, i, j, c]
    """
    x, y, pool_size, strides, padding = cache
    dx = workspace.zeros(x.shape, dy.dtype)
    *taps, last = _taps(x.shape, y.shape[1:3], pool_size, strides, padding)
    for images in workspace.chunks(x.shape[0], x[:1].nbytes):
        image_x, image_y, image_dx = x[images], y[images], dx[images]
        left, given = workspace.empty_like(image_y), workspace.empty_like(image_y)
        hit = workspace.empty(image_y.shape, np.bool_)
        left[...] = dy[images]  # what each window has still to give: all of its dy, then nothing
        for pixels, windows in taps:
            np.equal(image_x[pixels], image_y[windows], out=hit[windows])
            np.multiply(left[windows], hit[windows], out=given[windows])
            left[windows] -= given[windows]
            _add(image_dx, pixels, given[windows], pool_size, strides)
        pixels, windows = last  # a window that has not given yet has its maximum here: no need to compare
        _add(image_dx, pixels, left[windows], pool_size, strides)
    return (dx,)


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
    y = workspace.zeros((x.shape[0], *output_hw, x.shape[3]), x.dtype)
    for pixels, windows in _taps(x.shape, output_hw, pool_size, strides, padding):
        y[windows] += x[pixels]
    y /= _counts(x.shape, output_hw, pool_size, strides, padding).astype(x.dtype)
    return y, AveragePool2DCache(x.shape, pool_size, strides, padding)


def average_pool2d_backward(dy: np.ndarray, cache: AveragePool2DCache) -> tuple[np.ndarray]:
    """Return dx: every window hands its dy in equal parts to its pixels, dy / count to each."""
    x_shape, pool_size, strides, padding = cache
    output_hw = dy.shape[1:3]
    share = dy / _counts(x_shape, output_hw, pool_size, strides, padding).astype(dy.dtype)
    dx = workspace.zeros(x_shape, dy.dtype)
    for pixels, windows in _taps(x_shape, output_hw, pool_size, strides, padding):
        _add(dx, pixels, share[windows], pool_size, strides)
    return (dx,)


def _taps(
    x_shape: tuple[int, int, int, int], output_hw: Pair, pool_size: Pair, strides: Pair, padding: Padding
) -> list[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Return (pixels, windows) of every place (r, s) in the pool, in scan order (see `tap_indices`)."""
    return [tap_indices(tap, x_shape[1:3], output_hw, strides, padding) for tap in np.ndindex(*pool_size)]


def _add(dx: np.ndarray, pixels: tuple[slice, ...], part: np.ndarray, pool_size: Pair, strides: Pair) -> None:
    """Add a part to dx, or, where no two windows share a pixel, write it: dx need not be read then."""
    if pool_size[0] <= strides[0] and pool_size[1] <= strides[1]:
        dx[pixels] = part
    else:
        dx[pixels] += part


def _counts(x_shape: tuple[int, ...], output_hw: Pair, pool_size: Pair, strides: Pair, padding: Padding) -> np.ndarray:
    """Return how many pixels of each window lie inside the image, (P, Q, 1): rows inside times columns inside."""
    inside = []
    for size, outputs, pool, stride, (before, _) in zip(
        x_shape[1:3], output_hw, pool_size, strides, padding, strict=True
    ):
        start = np.arange(outputs) * stride - before
        inside.append(np.minimum(start + pool, size) - np.maximum(start, 0))
    return inside[0][:, None, None] * inside[1][None, :, None]


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


def _taps_and_one(call: Call) -> float:
    return call.n * (math.prod(call.static.get("pool_size", (2, 2))) + 1)


OPS = (
    Op(
        "max_pool2d", max_pool2d_forward, max_pool2d_backward, form="window", flops=(0, 1), keeps="x y",
        maths=(
            "y[n,i,j,c] = max over the window of x[n,·,·,c]",
            "dx = dy at the first largest value of each window, 0 elsewhere",
        ),
        values="distinct", shapes=lambda n: [(8, n, n, 16)],
    ),
    Op(
        "average_pool2d", average_pool2d_forward, average_pool2d_backward, form="window", differential="linear",
        flops=(("R S + 1 a value", _taps_and_one), ("R S + 1 a gradient", _taps_and_one)),
        maths=(
            "y[n,i,j,c] = mean over the window of x[n,·,·,c], padding not counted",
            "dx = Σ dy / (cells counted), over the windows that hold the cell",
        ),
        values="distinct", shapes=lambda n: [(8, n, n, 16)],
    ),
)  # fmt: skip
