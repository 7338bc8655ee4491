"""Turning, shifting and enlarging images: each output pixel is looked up at a place of the input."""

from __future__ import annotations

import numpy as np

from minidl.ops.upsample2d import interpolation_matrix

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


def affine_warp(
    images: np.ndarray, matrices: np.ndarray, fill_mode: str, interpolation: str, fill_value: float
) -> np.ndarray:
    """Return images whose pixel (y, x) is the input's at (b0 x + b1 y + b2, a0 x + a1 y + a2).

    Parameters
    ----------
    images : (N, H, W, C) float
    matrices : (N, 2, 3), the rows a and b of each image's map from output to input places
    fill_mode : what lies outside the image: "reflect" (d c b a | a b c d | d c b a), "wrap" (a b c d | a b c d),
        "nearest" (a a a | a b c d | d d d) or "constant" (`fill_value`)
    interpolation : "nearest" pixel, or "bilinear" between the four around

    >>> image = np.arange(4.0).reshape(1, 1, 4, 1)
    >>> shift = np.array([[[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]])     # each pixel from the one to its left
    >>> affine_warp(image, shift, "nearest", "bilinear", 0.0).ravel()
    array([0., 0., 1., 2.])
    """
    _, rows, columns, _ = images.shape
    y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    places = np.einsum("nij,jhw->nihw", matrices, np.stack([x, y, np.ones_like(x)]))
    at_x, at_y = places[:, 0], places[:, 1]
    if interpolation == "nearest":
        return _pixels(images, np.rint(at_y), np.rint(at_x), fill_mode, fill_value)
    left, top = np.floor(at_x), np.floor(at_y)
    right_share = (at_x - left)[..., None].astype(images.dtype)
    bottom_share = (at_y - top)[..., None].astype(images.dtype)
    upper = _mix(images, top, left, right_share, fill_mode, fill_value)
    lower = _mix(images, top + 1, left, right_share, fill_mode, fill_value)
    return upper * (1 - bottom_share) + lower * bottom_share


def _mix(
    images: np.ndarray, y: np.ndarray, left: np.ndarray, share: np.ndarray, fill_mode: str, fill_value: float
) -> np.ndarray:
    """Return the pixels between column `left` and the next, in row y."""
    first = _pixels(images, y, left, fill_mode, fill_value)
    second = _pixels(images, y, left + 1, fill_mode, fill_value)
    return first * (1 - share) + second * share


def _pixels(images: np.ndarray, y: np.ndarray, x: np.ndarray, fill_mode: str, fill_value: float) -> np.ndarray:
    """Return images[n, y, x], for whole y and x that may lie outside."""
    count, rows, columns, _ = images.shape
    y, x = y.astype(np.int64), x.astype(np.int64)
    sample = np.arange(count)[:, None, None]
    found = images[sample, _inside(y, rows, fill_mode), _inside(x, columns, fill_mode)]
    if fill_mode == "constant":
        outside = (y < 0) | (y >= rows) | (x < 0) | (x >= columns)
        found[outside] = fill_value
    return found


def _inside(index: np.ndarray, size: int, fill_mode: str) -> np.ndarray:
    """Return for each index, which may lie outside 0 … size - 1, the one inside that it stands for."""
    if fill_mode == "wrap":
        return index % size
    if fill_mode == "reflect":
        folded = index % (2 * size)
        return np.minimum(folded, 2 * size - 1 - folded)
    return np.clip(index, 0, size - 1)


def resize_weights(size: int, new_size: int, interpolation: str, dtype: np.dtype) -> np.ndarray:
    """Return the matrix (new_size, size) that resizes one line of pixels; centres of pixels lie at halves.

    >>> resize_weights(2, 4, "bilinear", np.dtype("f8"))[:, 1]
    array([0.  , 0.25, 0.75, 1.  ])
    """
    if interpolation == "bilinear":
        return interpolation_matrix(size, new_size, dtype)
    centres = (np.arange(new_size) + 0.5) * (size / new_size) - 0.5
    weights = np.zeros((new_size, size), dtype)
    weights[np.arange(new_size), np.clip(np.floor(centres + 0.5).astype(int), 0, size - 1)] = 1
    return weights
