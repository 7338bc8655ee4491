"""Max and average pooling over the windows of an image (N, H, W, C)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.ops.common.windows import NO_PADDING, Padding, Pair, cells_inside, pool_windows, taps_of
from minidl.ops.op import Op


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
    x: np.ndarray, *, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = NO_PADDING
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

    Raises ShapeError, DTypeError or ArgumentError: x or a setting not as above, a pool larger than the padded image.

    >>> x = np.array([1.0, 5.0, 2.0, 3.0]).reshape(1, 1, 4, 1)
    >>> max_pool2d_forward(x, pool_size=(1, 2), strides=(1, 2))[0].ravel()
    array([5., 3.])
    """
    windows = pool_windows("max_pool2d", x, pool_size, strides, padding, outside=-np.inf)  # (N, P, Q, R, S, C)
    y = windows.max(axis=(3, 4))
    return y, MaxPool2DCache(x, y, pool_size, strides, padding)


def max_pool2d_backward(dy: np.ndarray, cache: MaxPool2DCache) -> tuple[np.ndarray]:
    """Return dx: every window sends its dy to the place of its maximum; of equal ones, to the first in scan order.

    dxpad[n, i*si + r, j*sj + s, c] += dy[n, i, j, c]   for the first (r, s) where xpad there equals y[n, i, j, c]
    """
    x, y, pool_size, strides, padding = cache
    dx, to_give = np.zeros_like(x), dy.copy()  # to_give: what each window has not passed on yet
    *taps, last = taps_of(x.shape, y.shape[1:3], pool_size, strides, padding)
    for pixels, windows in taps:
        here = x[pixels] == y[windows]
        dx[pixels] += np.where(here, to_give[windows], 0)
        to_give[windows] = np.where(here, 0, to_give[windows])
    dx[last[0]] += to_give[last[1]]  # who has not given yet has the maximum here, or holds NaN, which equals nothing
    return (dx,)


def average_pool2d_forward(
    x: np.ndarray, *, pool_size: Pair = (2, 2), strides: Pair = (2, 2), padding: Padding = NO_PADDING
) -> tuple[np.ndarray, AveragePool2DCache]:
    """Return the mean of every window; cells of the padding are neither summed nor counted.

        y[n, i, j, c] = sum over the pixels of window (i, j) / number of them that lie inside the image

    Parameters, results and errors as `max_pool2d_forward`; its "same" is that of Keras and TensorFlow.

    >>> x = np.array([1.0, 5.0, 3.0]).reshape(1, 1, 3, 1)
    >>> average_pool2d_forward(x, pool_size=(1, 2), strides=(1, 2), padding=((0, 0), (0, 1)))[0].ravel()
    array([3., 3.])
    """
    y = pool_windows("average_pool2d", x, pool_size, strides, padding, outside=0.0).sum(axis=(3, 4))
    y /= cells_inside(x.shape, y.shape[1:3], pool_size, strides, padding)
    return y, AveragePool2DCache(x.shape, pool_size, strides, padding)


def average_pool2d_backward(dy: np.ndarray, cache: AveragePool2DCache) -> tuple[np.ndarray]:
    """Return dx: every window hands its dy in equal parts to its pixels, dy / count to each."""
    x_shape, pool_size, strides, padding = cache
    dx, share = np.zeros(x_shape, dy.dtype), dy.copy()
    share /= cells_inside(x_shape, dy.shape[1:3], pool_size, strides, padding)
    for pixels, windows in taps_of(x_shape, dy.shape[1:3], pool_size, strides, padding):
        dx[pixels] += share[windows]
    return (dx,)


TAPS = "R S + 1 a value", lambda call: call.n * (np.prod(call.static.get("pool_size", (2, 2))) + 1)

OPS = (
    Op(
        "max_pool2d", max_pool2d_forward, max_pool2d_backward, form="window", flops=(0, 1), keeps="x y",
        maths=("y[n,i,j,c] = max over the window of x[n,·,·,c]",
               "dx = dy at the first largest value of each window, 0 elsewhere"),
        values="distinct", shapes=lambda n: [(8, n, n, 16)],
    ),
    Op(
        "average_pool2d", average_pool2d_forward, average_pool2d_backward, form="window", differential="linear",
        flops=(TAPS, ("R S + 1 a gradient", TAPS[1])),
        maths=("y[n,i,j,c] = mean over the window of x[n,·,·,c], padding not counted",
               "dx = Σ dy / (cells counted), over the windows that hold the cell"),
        values="distinct", shapes=lambda n: [(8, n, n, 16)],
    ),
)  # fmt: skip
