"""Checks of data before it is trained on. Their errors say where the data is wrong, and why perhaps."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.data.structure import named_arrays
from minidl.errors import DataError

MOST_NAMED = 8  # arrays that an error lists
CHUNK_VALUES = 1 << 20  # np.isfinite makes a temporary array; a chunk of this many values keeps it small


def check_same_size(x: Any, y: Any = None, sample_weight: Any = None, function: str = "fit") -> int:
    """Check that all arrays have the same number N ≥ 1 of samples, and return N.

    Raises
    ------
    DataError : there are no arrays, no samples, or the numbers differ; every array is named with its shape

    >>> check_same_size(np.zeros((3, 2)), np.zeros(3))
    3
    """
    arrays = [*named_arrays(x, "x"), *named_arrays(y, "y"), *named_arrays(sample_weight, "sample_weight")]
    if not any(name.startswith("x") for name, _array in arrays):
        raise DataError(f"{function}: there is no data: x is {x!r}.")
    sizes = {len(array) for _name, array in arrays}
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays[:MOST_NAMED])
    shapes += f" and {len(arrays) - MOST_NAMED} more" if len(arrays) > MOST_NAMED else ""
    if len(sizes) > 1:
        hint = swapped_hint(x, y) or "Are they from different splits, or was only one of them filtered?"
        if len(arrays) > MOST_NAMED:
            hint = "A list of arrays means several inputs; for a list of samples, make one array: np.stack(x)."
        raise DataError(
            f"{function}: all arrays need the same number of samples (their first axis). Got {shapes}. {hint}"
        )
    if sizes == {0}:
        raise DataError(f"{function}: the data is empty. Got {shapes}. Did a filter or a split leave nothing?")
    return sizes.pop()


def check_finite(data: Any, name: str = "x", function: str = "fit") -> None:
    """Check that there is no NaN and no infinity in an array, or in any array of a list, tuple or dict.

    Raises
    ------
    DataError : with the first bad index and the number of bad values

    >>> check_finite(np.array([[1.0, 2.0], [np.nan, 4.0]]))
    Traceback (most recent call last):
    minidl.errors.DataError: fit: x must be finite. Got nan at index (1, 0); 1 of 4 values ...
    """
    for label, array in named_arrays(data, name):
        if array.dtype.kind != "f" or array.size == 0:
            continue
        rows = max(1, CHUNK_VALUES // max(1, array[0].size))
        for start in range(0, len(array), rows):
            finite = np.isfinite(array[start : start + rows])
            if not finite.all():
                first = np.argwhere(~finite)[0]
                first[0] += start
                index = tuple(int(i) for i in first)
                bad = array.size - np.count_nonzero(np.isfinite(array))
                raise DataError(
                    f"{function}: {label} must be finite. Got {array[index]} at index {index}; {bad} of "
                    f"{array.size} "
                    "values are NaN or infinite. Was something divided by zero, or a missing value left in?"
                )


def check_labels(
    y: np.ndarray, num_classes: int, name: str = "y", function: str = "fit", ignore_class: int | None = None
) -> None:
    """Check that class numbers are whole numbers in 0..num_classes - 1.

    Parameters
    ----------
    y : labels of any shape, integers or whole floats
    num_classes : number of classes, the size of the model's last axis
    ignore_class : a label that is allowed beside them (a loss' `ignore_class`)

    Raises
    ------
    DataError : with the first bad label and its index

    >>> check_labels(np.array([1, 2, 3]), 3)
    Traceback (most recent call last):
    minidl.errors.DataError: fit: labels in y must be whole numbers in 0..2, ... Do the labels start at 1?
    """
    wrong = (y < 0) | (y >= num_classes)
    if y.dtype.kind == "f":
        wrong |= y != np.floor(y)  # NaN is unequal to itself, so it is caught too
    if ignore_class is not None:
        wrong &= y != ignore_class
    if not wrong.any():
        return
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    if y.min() >= 1 and y.max() == num_classes:
        hint = "Do the labels start at 1?"
    elif y.dtype.kind == "f" and not np.array_equal(y, np.floor(y)):
        hint = "Are these values to be predicted (use a regression loss) or probabilities?"
    else:
        hint = "Has the last layer too few units?" if y.min() >= 0 else "Is -1 a mark for missing labels?"
    raise DataError(
        f"{function}: labels in {name} must be whole numbers in 0..{num_classes - 1}, "
        f"as the model has {num_classes} outputs. Got {y[index]} at index {index}. {hint}"
    )


def swapped_hint(x: Any, y: Any) -> str:
    """Return a hint if `x` looks like labels and `y` like the images they belong to, else an empty string.

    >>> swapped_hint(np.zeros(10, np.uint8), np.zeros((12, 28, 28), np.uint8))
    'x looks like labels and y like images: are x and y swapped?'
    """
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray):
        return ""
    looks_like_labels = x.dtype.kind in "iub" and x.shape[1:] in ((), (1,))
    if looks_like_labels and y.ndim >= 3:
        return "x looks like labels and y like images: are x and y swapped?"
    return ""
