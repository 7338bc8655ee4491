"""Data as a user gives it: an array, a list or tuple of arrays (several inputs), or a dict of arrays by name.

The functions here do one thing to every array in such a structure, and keep its form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.errors import DataError, DTypeError

NUMBERS = "biuf"  # NumPy's kinds: bool, signed, unsigned, floating


def as_arrays(data: Any, name: str = "x", function: str = "fit") -> Any:
    """Turn everything array-like in `data` into NumPy arrays; dtypes stay as they are.

    Parameters
    ----------
    data : array, nested lists of numbers, anything with `__array__` (a Tensor, a DataFrame), `None`, or a
        list, tuple or dict of these. A list or tuple with arrays in it is several inputs; one of plain
        numbers is one array.
    name, function : what an error calls the data, and the function that was called

    Returns
    -------
    the same structure, of arrays with at least one axis

    Raises
    ------
    DataError : rows differ in length, or there is no batch axis
    DTypeError : text, objects, dates or complex numbers

    >>> as_arrays([[0, 1], [1, 1], [2, 3]]).shape
    (3, 2)
    >>> left, right = as_arrays([np.zeros((3, 2)), np.ones((3, 4))])
    >>> right.shape
    (3, 4)
    """
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: as_arrays(value, f"{name}[{key!r}]", function) for key, value in data.items()}
    if isinstance(data, list | tuple) and any(_is_array(item) or isinstance(item, dict) for item in data):
        return type(data)(as_arrays(item, f"{name}[{i}]", function) for i, item in enumerate(data))
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise DataError(
            f"{function}: the rows of {name} differ in length, so that they make no array. "
            "Pad them with minidl.utils.pad_sequences."
        ) from error
    if array.dtype.kind not in NUMBERS:
        raise DTypeError(
            f"{function}: {name} must hold numbers. Got dtype {array.dtype} from a {type(data).__name__}. "
            "Text and class names have to be turned into numbers first."
        )
    if array.ndim == 0:
        raise DataError(f"{function}: {name} needs a batch axis (N, ...). Got the single number {array}.")
    return array


def _is_array(value: object) -> bool:
    """Tell an array from a number or a list of numbers."""
    return hasattr(value, "__array__") and getattr(value, "ndim", 1) != 0


def map_arrays(function: Callable[[np.ndarray], Any], data: Any) -> Any:
    """Apply `function` to every array, and keep the structure. `None` stays `None`.

    >>> map_arrays(len, {"left": np.zeros((3, 2)), "right": None})
    {'left': 3, 'right': None}
    """
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: map_arrays(function, value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(map_arrays(function, item) for item in data)
    return function(data)


def take(data: Any, where: slice | np.ndarray) -> Any:
    """Take the same samples of every array: a view for a slice, a copy for an array of indices.

    >>> take({"x": np.arange(4), "y": np.arange(4) * 10}, slice(1, 3))
    {'x': array([1, 2]), 'y': array([10, 20])}
    """
    return map_arrays(lambda array: array[where], data)


def named_arrays(data: Any, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every array with the name that an error calls it by.

    >>> [name for name, _array in named_arrays({"left": np.zeros(3), "right": np.ones(3)}, "x")]
    ["x['left']", "x['right']"]
    """
    if data is None:
        return
    if isinstance(data, dict):
        for key, value in data.items():
            yield from named_arrays(value, f"{name}[{key!r}]")
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from named_arrays(value, f"{name}[{index}]")
    else:
        yield name, data
