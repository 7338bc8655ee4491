"""Small array helpers for preparing data."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from minidl.errors import ArgumentError, DataError


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> np.ndarray:
    """Turn class numbers into one-hot rows:  y[n, c] = 1 if x[n] == c, else 0.

    Parameters
    ----------
    x : integers (...), or (..., 1); floats that are whole numbers are taken too
    num_classes : int, by default the greatest label + 1

    Returns
    -------
    float32 array (..., num_classes). (Keras gives float64; minidl trains in float32.)

    Raises
    ------
    DataError : no labels, a label that is no whole number, is negative, or is not below `num_classes`

    Source: keras.io/api/utils/python_utils/#tocategorical-function

    >>> to_categorical([0, 2, 1], num_classes=3)
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]], dtype=float32)
    """
    x = np.asarray(x)
    if x.dtype.kind not in "iufb":
        raise DataError(f"to_categorical: labels must be integers. Got dtype {x.dtype}. Are they class names?")
    if x.size == 0:
        raise DataError(f"to_categorical: there are no labels. Got shape {x.shape}.")
    if x.dtype.kind == "f" and not np.array_equal(x, np.round(x)):
        raise DataError("to_categorical: labels must be whole numbers. Are they already one-hot or probabilities?")
    labels = x.astype(np.int64)
    shape = labels.shape[:-1] if labels.ndim > 1 and labels.shape[-1] == 1 else labels.shape
    labels = labels.reshape(-1)
    if num_classes is None:
        num_classes = int(labels.max()) + 1
    if labels.min() < 0 or labels.max() >= num_classes:
        raise DataError(
            f"to_categorical: labels must be in 0..{num_classes - 1}. Got {labels.min()}..{labels.max()}. "
            "Do they start at 1, or is num_classes too small?"
        )
    one_hot = np.zeros((labels.size, num_classes), np.float32)
    one_hot[np.arange(labels.size), labels] = 1
    return one_hot.reshape(*shape, num_classes)


def normalize(x: ArrayLike, axis: int = -1, order: int = 2) -> np.ndarray:
    """Divide by the norm along an axis:  y = x / (sum |x|^order)^(1 / order); rows of zeros stay zero.

    Parameters
    ----------
    x : array; integers become float32
    axis : the axis along which the norm is taken
    order : 1 for the sum of absolute values, 2 for the Euclidean length, ...

    Returns
    -------
    array of the shape of `x`

    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    x = np.atleast_1d(np.asarray(x))
    if order < 1:
        raise ArgumentError(f"normalize: order must be 1 or more. Got {order}.")
    if x.dtype.kind != "f":
        x = x.astype(np.float32)
    norm = np.linalg.norm(x, ord=order, axis=axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)
