"""Enlarging images by whole factors: by repeating pixels, or by straight lines between their centres."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.ops.common.checks import require_float
from minidl.ops.op import Call, Op


class Upsample2DCache(NamedTuple):
    """The shape of the input, (N, H, W, C), and the two settings."""

    shape: tuple[int, int, int, int]
    size: tuple[int, int]
    interpolation: str


def upsample2d_forward(
    x: np.ndarray, *, size: tuple[int, int] = (2, 2), interpolation: str = "nearest"
) -> tuple[np.ndarray, Upsample2DCache]:
    """Enlarge images `size[0]` times in height and `size[1]` times in width.

    "nearest" repeats each pixel. "bilinear" reads the image at the new pixels' centres, as Keras does:

        y[n, p, q, c] = sum over h, w of  rows[p, h] * columns[q, w] * x[n, h, w, c]

    where `rows` and `columns` are made by `interpolation_matrix`: at most two numbers in a row are not 0.

    Parameters
    ----------
    x : float array (N, H, W, C)
    size : two positive integers
    interpolation : "nearest" or "bilinear"

    Returns
    -------
    y : (N, H * size[0], W * size[1], C), dtype of `x`

    Raises
    ------
    ShapeError : `x` is not of rank 4
    ArgumentError : another size or interpolation

    >>> x = np.array([0.0, 1.0]).reshape(1, 1, 2, 1)
    >>> upsample2d_forward(x, size=(1, 2))[0].ravel()
    array([0., 0., 1., 1.])
    >>> upsample2d_forward(x, size=(1, 2), interpolation="bilinear")[0].ravel()
    array([0.  , 0.25, 0.75, 1.  ])
    """
    require_float("upsample2d", x=x)
    if x.ndim != 4:
        raise ShapeError(f"upsample2d: x must have the axes (N, H, W, C). Got {x.shape}. Is the batch axis missing?")
    size = _check_size(size)
    cache = Upsample2DCache(x.shape, size, interpolation)
    if interpolation == "nearest":
        return _repeat(x, size), cache
    if interpolation == "bilinear":
        rows, columns = _matrices(cache, x.dtype)
        return _apply(rows, columns, x), cache
    raise ArgumentError(f"upsample2d: interpolation must be 'nearest' or 'bilinear'. Got {interpolation!r}.")


def upsample2d_backward(dy: np.ndarray, cache: Upsample2DCache) -> tuple[np.ndarray]:
    """A pixel's gradient is the sum over the places it went to, times the weight it went with.

    Nearest: the sum over its size[0] * size[1] copies. Bilinear: y = rows x columns^T for each channel, so
    dx = rows^T dy columns.
    """
    n, h, w, c = cache.shape
    if cache.interpolation == "nearest":
        return (dy.reshape(n, h, cache.size[0], w, cache.size[1], c).sum(axis=(2, 4)),)
    rows, columns = _matrices(cache, dy.dtype)
    return (_apply(rows.T, columns.T, dy),)


def interpolation_matrix(length: int, new_length: int, dtype: Any) -> np.ndarray:
    """Return the matrix (new_length, length) that resizes one line of pixels, interpolating linearly.

    Pixel i covers [i, i + 1) and its centre is at i + 1/2. New pixel p's centre, (p + 1/2) length / new_length in
    old pixels, lies between two old centres, which share it in proportion to nearness; beyond the last centre the
    edge pixel goes on.

    >>> interpolation_matrix(2, 4, np.float64)
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]])
    """
    new = np.arange(new_length)
    position = np.clip((new + 0.5) * (length / new_length) - 0.5, 0, length - 1)  # in old centres
    before = position.astype(np.int64)
    after = np.minimum(before + 1, length - 1)
    share = position - before
    matrix = np.zeros((new_length, length), dtype)
    matrix[new, before] = 1 - share
    matrix[new, after] += share.astype(dtype)
    return matrix


def _repeat(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    n, h, w, c = x.shape
    y = np.empty_like(x, shape=(n, h, size[0], w, size[1], c))
    y[...] = x[:, :, None, :, None, :]
    return y.reshape(n, h * size[0], w * size[1], c)


def _apply(rows: np.ndarray, columns: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return rows @ image @ columns^T for each image and channel of `x`, (N, H, W, C)."""
    n, h, w, c = x.shape
    tall = (rows @ x.reshape(n, h, w * c)).reshape(n * len(rows), w, c)
    return (columns @ tall).reshape(n, len(rows), len(columns), c)


def _matrices(cache: Upsample2DCache, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    _, h, w, _ = cache.shape
    rows, columns = cache.size
    return interpolation_matrix(h, h * rows, dtype), interpolation_matrix(w, w * columns, dtype)


def _check_size(size: Any) -> tuple[int, int]:
    try:
        rows, columns = (operator.index(factor) for factor in size)
    except (TypeError, ValueError):
        rows = columns = 0
    if rows < 1 or columns < 1:
        raise ArgumentError(f"upsample2d: size must be two positive integers. Got {size!r}.")
    return rows, columns


def _bilinear(call: Call) -> bool:
    return call.static.get("interpolation") == "bilinear"


OP = Op(
    "upsample2d", upsample2d_forward, upsample2d_backward, form="window", differential="linear",
    flops=(
        ("7 a value if bilinear", lambda call: 7 * call.n * _bilinear(call)),
        ("1 a gradient, 8 if bilinear", lambda call: call.n * (8 if _bilinear(call) else 1)),
    ),
    maths=(
        "y[n,i,j,c] = x at (i / size, j / size): nearest, or between neighbours by bilinear weights",
        "dx = Σ dy · weight, over the outputs that the cell went into",
    ),
    shapes=lambda n: [(8, n, n, 16)],
)  # fmt: skip
