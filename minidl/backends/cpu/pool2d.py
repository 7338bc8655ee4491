"""Max and average pooling, fast: tap by tap over all windows: a few long operations instead of many short ones."""

from __future__ import annotations

import numpy as np

from minidl.backends.cpu import workspace
from minidl.ops.common.windows import Pair, cells_inside, check_pool2d, taps_of
from minidl.ops.pool2d import AveragePool2DCache, MaxPool2DCache


def max_pool2d_forward(x, *, pool_size, strides, padding):
    """Return the largest value of every window: the largest so far and the next tap's, tap by tap."""
    output_hw = check_pool2d("max_pool2d", x, pool_size, strides, padding)
    y = workspace.empty((x.shape[0], *output_hw, x.shape[3]), x.dtype)
    y.fill(-np.inf)
    for pixels, windows in taps_of(x.shape, output_hw, pool_size, strides, padding):
        np.maximum(y[windows], x[pixels], out=y[windows])
    return y, MaxPool2DCache(x, y, pool_size, strides, padding)


def max_pool2d_backward(dy, cache):
    """Return dx. Each window holds its dy until a tap is found to be its maximum, which takes all of it.

    Its bits are taken, as whole numbers: as floats, 0 times an infinite dy would be NaN.
    """
    x, y, pool_size, strides, padding = cache
    bits = np.int32 if dy.dtype == np.float32 else np.int64
    dx = workspace.zeros(x.shape, dy.dtype)
    *taps, last = taps_of(x.shape, y.shape[1:3], pool_size, strides, padding)
    for images in workspace.chunks(x.shape[0], x[:1].nbytes):
        image_x, image_y, image_dx = x[images], y[images], dx[images]
        left, given = workspace.empty(image_y.shape, y.dtype), workspace.empty(image_y.shape, y.dtype)
        hit = workspace.empty(image_y.shape, np.bool_)
        left[...] = dy[images]  # what each window has still to give: all of its dy, then nothing
        for pixels, windows in taps:
            here, held = given[windows].view(bits), left[windows].view(bits)
            np.equal(image_x[pixels], image_y[windows], out=hit[windows])
            np.multiply(held, hit[windows], out=here)
            np.bitwise_xor(held, here, out=held)
            _add(image_dx, pixels, given[windows], pool_size, strides)
        pixels, windows = last  # a window that has not given yet has its maximum here: no need to compare
        _add(image_dx, pixels, left[windows], pool_size, strides)
    return (dx,)


def average_pool2d_forward(x, *, pool_size, strides, padding):
    """Return the mean of every window."""
    output_hw = check_pool2d("average_pool2d", x, pool_size, strides, padding)
    y = workspace.zeros((x.shape[0], *output_hw, x.shape[3]), x.dtype)
    for pixels, windows in taps_of(x.shape, output_hw, pool_size, strides, padding):
        y[windows] += x[pixels]
    y /= cells_inside(x.shape, output_hw, pool_size, strides, padding).astype(x.dtype)
    return y, AveragePool2DCache(x.shape, pool_size, strides, padding)


def average_pool2d_backward(dy, cache):
    """Return dx: every window hands its dy in equal parts to its pixels."""
    x_shape, pool_size, strides, padding = cache
    output_hw = dy.shape[1:3]
    share = dy / cells_inside(x_shape, output_hw, pool_size, strides, padding).astype(dy.dtype)
    dx = workspace.zeros(x_shape, dy.dtype)
    for pixels, windows in taps_of(x_shape, output_hw, pool_size, strides, padding):
        _add(dx, pixels, share[windows], pool_size, strides)
    return (dx,)


def _add(dx: np.ndarray, pixels: tuple[slice, ...], part: np.ndarray, pool_size: Pair, strides: Pair) -> None:
    """Add a part to dx, or, where no two windows share a pixel, write it: dx need not be read then."""
    if pool_size[0] <= strides[0] and pool_size[1] <= strides[1]:
        dx[pixels] = part
    else:
        dx[pixels] += part
