"""In which dtype two values meet: Keras' rules, for operators and functions. The ops themselves promote nothing.

A Python number (and a NumPy scalar, which is one number too) follows the arrays, if its kind allows: `x + 1` and
`x * 0.5` keep the dtype of a float `x`. Among arrays booleans become integers, and those floats; of two integer types
the one that holds both is taken, of two float types the wider one.

>>> import numpy as np
>>> x = np.ones(2, np.float32)
>>> [str(result_type(x, y)) for y in (2, np.float64(0.5), np.ones(2, np.int64), np.ones(2, np.float64))]
['float32', 'float32', 'float32', 'float64']
>>> [str(result_type(np.ones(2, np.int32), y)) for y in (2, 0.5, True, np.ones(2, np.int64))]
['int32', 'float32', 'int32', 'int64']
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import config
from minidl.errors import DTypeError

RANKS = {"b": 0, "i": 1, "u": 1, "f": 2}
Number = bool | int | float | np.generic


def is_array(value: Any) -> bool:
    """Whether a value has a dtype that others must follow: a tensor, a symbolic one, or a NumPy array."""
    return hasattr(value, "dtype") and not isinstance(value, np.generic)


def result_type(*values: Any) -> np.dtype:
    """Return the dtype in which arrays and numbers meet."""
    dtypes = [np.dtype(value.dtype) for value in values if is_array(value)]
    numbers = [np.asarray(value).dtype.kind for value in values if not is_array(value)]
    unknown = next((kind for kind in (*(d.kind for d in dtypes), *numbers) if kind not in RANKS), None)
    if unknown is not None:
        raise DTypeError(f"values must be numbers or booleans to be computed with. Got {values!r:.100}.")
    floats = [dtype for dtype in dtypes if dtype.kind == "f"]
    found = np.result_type(*(floats or dtypes)) if dtypes else np.dtype(bool)
    if found.kind == "f" and not floats:
        found = np.dtype(config.floatx())  # NumPy would take float64 for int64 and uint64
    kind = max(numbers, key=RANKS.__getitem__, default="b")
    if RANKS[kind] <= RANKS[found.kind]:
        return found
    return np.dtype(config.floatx() if kind == "f" else np.int32)


def promoted(*values: Any, floating: bool = False) -> tuple[Any, ...]:
    """Return the values in one dtype: arrays cast, on the tape; numbers as tensors, or as floats that follow an array.

    Parameters
    ----------
    values : tensors, symbolic tensors, arrays, nested lists, numbers
    floating : the result is a float type, `floatx` where all are integers

    Raises
    ------
    DTypeError : a whole number that the arrays' integer type cannot hold; values that are no numbers
    """
    if _need_nothing(values):
        return values
    values = tuple(value if is_array(value) or isinstance(value, Number) else _tensor(value) for value in values)
    wanted = result_type(*values)
    if floating and wanted.kind != "f":
        wanted = np.dtype(config.floatx())
    some_array = any(map(is_array, values))
    return tuple(cast_to(value, wanted) if is_array(value) else _number(value, wanted, some_array) for value in values)


def _need_nothing(values: tuple[Any, ...]) -> bool:
    """Whether the values are the usual ones: arrays of one float type, and Python's numbers, which follow them."""
    common = None
    for value in values:
        dtype = getattr(value, "dtype", None)
        if dtype is None:
            if type(value) is not float and type(value) is not int:
                return False
        elif dtype.kind != "f" or isinstance(value, np.generic) or (common is not None and dtype != common):
            return False
        else:
            common = dtype
    return common is not None


def floating(x: Any) -> Any:
    """Return x, or where it holds integers or booleans, x as `floatx`: for functions that only floats have.

    >>> floating([1, 2]), floating(2.5)
    (<Tensor (2,) float32 [1. 2.]>, <Tensor () float32 2.5>)
    """
    x = x if is_array(x) else _tensor(x)
    return x if x.dtype.kind == "f" else cast_to(x, np.dtype(config.floatx()))


def cast_to(x: Any, dtype: np.dtype) -> Any:
    """Return an array, tensor or symbolic tensor in this dtype; itself, where it has it."""
    if x.dtype == dtype:
        return x
    from minidl.tape import apply  # the tape builds on tensors, whose operators promote

    return x.astype(dtype) if isinstance(x, np.ndarray) else apply("cast", x, dtype=dtype.name)


def _number(value: Any, dtype: np.dtype, follows: bool) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if dtype.kind == "f" and follows:
        return float(value)  # `apply` gives it the dtype of the first float tensor
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    if limits is not None and not limits.min <= value <= limits.max:
        raise DTypeError(
            f"the number {value} does not fit the dtype {dtype} that it meets. Cast the tensor first: "
            "x.astype('int32'), or to a float type."
        )
    return _tensor(np.asarray(value, dtype))


def _tensor(value: Any) -> Any:
    from minidl.tensor import convert_to_tensor

    return convert_to_tensor(value)
