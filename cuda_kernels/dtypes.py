"""Which dtypes the kernels take. They compute in float32; integers and bools are moved, chosen and simply counted with.

    MOVED     may be moved about: transposed, cut, joined, padded, chosen by `where`, cast
    COUNTED   may be added, subtracted, multiplied and negated too, and the larger one taken; what overflows wraps round

float64 is in neither: most GPUs compute it at a small fraction of float32's speed, and an accident that turns all into
float64 would pass unnoticed.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from cuda_kernels.launch import check_array

COUNTED = ("float32", "int32", "int64", "uint8")
MOVED = (*COUNTED, "bool")


def check_dtype(function: str, name: str, a: Any, dtypes: tuple[str, ...], **limits: Any) -> None:
    """As `check_array`, for an array of any of these dtypes. Raises TypeError, ValueError.

    >>> check_dtype("slice", "x", np.zeros(3), MOVED)
    Traceback (most recent call last):
    TypeError: slice: x must be float32, int32, int64, uint8 or bool. Got float64 of shape (3,). Convert it with \
x.astype(np.float32).
    """
    check_array(function, name, a, dtype=None, **limits)
    if np.dtype(a.dtype).name not in dtypes:
        raise TypeError(f"{function}: {name} must be {', '.join(dtypes[:-1])} or {dtypes[-1]}. Got {a.dtype} of shape "
                        f"{tuple(a.shape)}. Convert it with {name}.astype(np.float32).")


def check_same(function: str, a: Any, b: Any) -> None:
    """Raise TypeError unless two arrays have one dtype: nothing is promoted silently."""
    if a.dtype != b.dtype:
        raise TypeError(f"{function}: all arrays must have the same dtype. Got {a.dtype} and {b.dtype}. Cast one.")


def flat(a: Any) -> Any:
    """The array's memory as one row; a bool is the byte 0 or 1."""
    row = a.reshape(-1)
    return row.view(np.uint8) if a.dtype == np.bool_ else row
