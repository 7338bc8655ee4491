"""Setting samples aside for validation, and weights from classes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.data.checks import check_same_size
from minidl.data.structure import as_arrays, take
from minidl.errors import ArgumentError, DataError


def split_validation(
    x: Any, y: Any, sample_weight: Any, fraction: float, function: str = "fit"
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """Set the last `fraction` of the samples aside for validation, as Keras does: before any shuffling.

    Parameters
    ----------
    x, y, sample_weight : arrays, or lists, tuples, dicts of arrays; y and sample_weight may be `None`
    fraction : share of the samples for validation, between 0 and 1

    Returns
    -------
    (x, y, sample_weight) for training, (x, y, sample_weight) for validation: views, no copies

    Raises
    ------
    ArgumentError : `fraction` is not between 0 and 1, or the data is a generator or PyDataset
    DataError : one part would have no samples, or the arrays differ in size

    >>> train, validation = split_validation(np.arange(10), None, None, 0.2)
    >>> validation[0].tolist()
    [8, 9]
    """
    if isinstance(fraction, bool) or not isinstance(fraction, int | float | np.number) or not 0 < fraction < 1:
        raise ArgumentError(
            f"{function}: validation_split must be a fraction between 0 and 1. Got {fraction!r}. "
            "Is it a percentage, or a number of samples?"
        )
    if not isinstance(x, list | tuple | dict) and not hasattr(x, "__array__"):
        raise ArgumentError(
            f"{function}: validation_split needs arrays. Got x of type {type(x).__name__}; "
            "give validation_data= instead."
        )
    data = (
        as_arrays(x, "x", function),
        as_arrays(y, "y", function),
        as_arrays(sample_weight, "sample_weight", function),
    )
    size = check_same_size(*data, function=function)
    split_at = math.floor(size * (1.0 - float(fraction)))
    if split_at in (0, size):
        empty = "training" if split_at == 0 else "validation"
        raise DataError(
            f"{function}: validation_split={fraction} of {size} samples leaves none for {empty}. Use more samples."
        )

    def cut(where: slice) -> tuple[Any, Any, Any]:
        x, y, sample_weight = (take(part, where) for part in data)
        return x, y, sample_weight

    return cut(slice(None, split_at)), cut(slice(split_at, None))


def class_weight_to_sample_weight(
    y: np.ndarray, class_weight: Mapping[int, float], function: str = "fit"
) -> np.ndarray:
    """Give every sample the weight of its class; classes that are not named weigh 1.

    Parameters
    ----------
    y : labels (N,) or (N, 1), or one-hot rows (N, C)
    class_weight : weight of each class number

    Returns
    -------
    float32 array (N,)

    Raises
    ------
    ArgumentError : `class_weight` is no dict of class numbers and non-negative weights
    DataError : `y` is not a single array of one label a sample

    >>> class_weight_to_sample_weight(np.array([0, 2, 1]), {0: 1.0, 2: 0.5})
    array([1. , 0.5, 1. ], dtype=float32)
    """
    if not isinstance(class_weight, Mapping) or not class_weight:
        raise ArgumentError(
            f"{function}: class_weight must be a dict such as {{0: 1.0, 1: 5.0}}. Got {class_weight!r}."
        )
    for label, weight in class_weight.items():
        whole = isinstance(label, int | np.integer) and not isinstance(label, bool) and label >= 0
        if not whole or not isinstance(weight, int | float | np.floating) or not 0 <= weight < math.inf:
            raise ArgumentError(
                f"{function}: class_weight maps class numbers (0, 1, ...) to weights of 0 or more. "
                f"Got {label!r}: {weight!r}. Are the keys class names?"
            )
    if not isinstance(y, np.ndarray) or y.ndim not in (1, 2):
        got = f"shape {y.shape}" if isinstance(y, np.ndarray) else type(y).__name__
        raise DataError(f"{function}: class_weight needs one label a sample: y (N,), (N, 1) or (N, C). Got {got}.")
    labels = np.argmax(y, axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
    weights = np.ones(len(labels), np.float32)
    for label, weight in class_weight.items():
        weights[labels == label] = weight
    return weights
