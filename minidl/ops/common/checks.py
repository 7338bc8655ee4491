"""Checks that many ops share. Each raises with the function, the rule, what was got and the likely cause."""

from __future__ import annotations

import operator
from collections.abc import Iterable

import numpy as np

from minidl.errors import ArgumentError, DTypeError

FLOAT_TYPES = (np.dtype(np.float32), np.dtype(np.float64))


def require_float(op: str, **arrays: np.ndarray) -> None:
    """Raise `DTypeError` unless every array is float32 or float64 and all have one dtype.

    >>> require_float("exp", x=np.arange(3))
    Traceback (most recent call last):
        ...
    minidl.errors.DTypeError: exp: x must be float32 or float64. Got int64 of shape (3,). Cast it first: \
x.astype(np.float32).
    """
    for name, array in arrays.items():
        require_array(op, name, array)
        if array.dtype not in FLOAT_TYPES:
            raise DTypeError(
                f"{op}: {name} must be float32 or float64. Got {array.dtype} of shape {array.shape}. "
                f"Cast it first: {name}.astype(np.float32)."
            )
    _check_same_dtype(op, arrays)


def require_same_dtype(op: str, **arrays: np.ndarray) -> None:
    """Raise `DTypeError` unless all arrays have one dtype: nothing is promoted silently."""
    for name, array in arrays.items():
        require_array(op, name, array)
    _check_same_dtype(op, arrays)


def _check_same_dtype(op: str, arrays: dict[str, np.ndarray]) -> None:
    if len({array.dtype for array in arrays.values()}) > 1:
        got = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        cause = "NumPy makes float64 by default: was one of them not cast to float32?"
        for name, array in arrays.items():
            if array.dtype.kind != "f":
                cause = f"Cast the {array.dtype} first: {name}.astype('float32')."
        raise DTypeError(f"{op}: all inputs must have the same dtype. Got {got}. {cause}")


def require_number(op: str, **arrays: np.ndarray) -> None:
    """Raise `DTypeError` unless every array holds integers or floats, all of one dtype."""
    for name, array in arrays.items():
        require_array(op, name, array)
        if array.dtype.kind not in "iuf":
            raise DTypeError(
                f"{op}: {name} must hold numbers. Got {array.dtype} of shape {array.shape}. "
                "A mask? Cast it to the dtype the result shall have."
            )
    _check_same_dtype(op, arrays)


def require_divisor(op: str, a: np.ndarray, b: np.ndarray) -> None:
    """Raise `ArgumentError` where whole numbers meet a 0: NumPy would call the result 0, with a warning.

    Under np.errstate(divide="ignore") it may be 0: a graph is tried on zeros, to find its shapes.
    """
    if a.dtype.kind in "iu" and b.dtype.kind in "iu" and not b.all() and np.geterr()["divide"] != "ignore":
        raise ArgumentError(
            f"{op}: whole numbers cannot be divided by 0. Got a {a.dtype} {a.shape}, b {b.dtype} {b.shape}. "
            "As floats they can, with inf and NaN: x.astype('float32')."
        )


def require_array(op: str, name: str, array: object) -> None:
    """Raise `DTypeError` unless `array` is a NumPy array (a list or a number is not)."""
    if not isinstance(array, np.ndarray):
        raise DTypeError(
            f"{op}: {name} must be a NumPy array. Got {type(array).__name__}: {array!r:.60}. "
            "Wrap it: np.asarray(value, dtype=np.float32)."
        )


def normalize_axis(op: str, axis: int, ndim: int, shape: tuple[int, ...] | None = None) -> int:
    """Return `axis` counted from the front, or raise `ArgumentError` where there is no such axis.

    >>> normalize_axis("softmax", -1, 3)
    2
    """
    got = "" if shape is None else f" for shape {shape}"
    try:
        index = operator.index(axis)
    except TypeError:
        raise ArgumentError(f"{op}: axis must be an integer. Got {axis!r}{got}.") from None
    if isinstance(axis, bool) or not -ndim <= index < ndim:
        raise ArgumentError(
            f"{op}: axis must lie in [{-ndim}, {ndim}). Got {axis!r}{got}. "
            "Axis 0 is the batch, -1 the last; is the array of the rank you expect?"
        )
    return index % ndim


def normalize_axes(op: str, axes: int | Iterable[int] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return sorted axes counted from the front; `None` means all of them.

    >>> normalize_axes("reduce_sum", (-1, 0), (2, 3, 4))
    (0, 2)
    """
    if axes is None:
        return tuple(range(len(shape)))
    listed = tuple(axes) if isinstance(axes, Iterable) else (axes,)
    found = sorted(normalize_axis(op, axis, len(shape), shape) for axis in listed)
    if len(set(found)) < len(found):
        raise ArgumentError(f"{op}: an axis may be named once. Got {listed} for shape {shape}.")
    return tuple(found)
