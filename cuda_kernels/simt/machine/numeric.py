"""Numba's typing of arithmetic in CUDA kernels, as tables of NumPy dtypes.

A value in the machine is a NumPy scalar (the same in every thread) or an array that broadcasts to (blocks, threads).
It always has a dtype, and NumPy's own promotion is not used, because Numba's differs:

- integers widen to 64 bits: int32 + int32 is int64, uint32 + uint32 is uint64, mixed signs give int64;
- int / int is float64; float32 with a 32- or 64-bit integer is float64; float32 with float32 stays float32;
- float32 ** integer stays float32;
- -x and ~x are computed in the type of x, and then widened: ~uint8(0) is 255, as uint64.

Source: numba, `numba/core/typing/builtins.py` (choose_result_int, BinOpPower), NBEP 1 "Changes in integer typing"; the
types that numba-cuda 0.30.4 gave for every operator and every pair of types, and its PTX for `-` and `~`.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import UnsupportedSyntax

Value = Any
INT64, UINT64, FLOAT32, FLOAT64 = np.dtype("i8"), np.dtype("u8"), np.dtype("f4"), np.dtype("f8")
BOOL, INT8, INT32, _UINT8, _UINT16 = np.dtype("?"), np.dtype("i1"), np.dtype("i4"), np.dtype("u1"), np.dtype("u2")
_FLOAT16 = np.dtype("f2")
IN_FLOAT32 = {np.dtype(c) for c in "?bhBef"}  # the types that Numba converts to float32 where a function asks for it
COMPLEX64, COMPLEX128 = np.dtype("c8"), np.dtype("c16")
_DTYPES = [np.dtype(c) for c in "?bBhHiIlLqQefdFD"]
COMPLEX_OPERATIONS = {"add": 2, "sub": 2, "mul": 6, "truediv": 11}  # real ones, written out


def arithmetic_dtype(a: np.dtype, b: np.dtype) -> np.dtype:
    """The dtype of a + b, a - b, a * b."""
    if a.kind in "biu" and b.kind in "biu":
        return UINT64 if a.kind == "u" and b.kind == "u" else INT64
    both = {a, b}
    if _UINT16 in both and both & {_FLOAT16, FLOAT32}:  # Numba's conversion table has no safe way from uint16
        return FLOAT64
    if _UINT16 in both and COMPLEX64 in both:
        return COMPLEX128
    return FLOAT32 if both == {_UINT8, _FLOAT16} else np.promote_types(a, b)


def _floor_dtype(a: np.dtype, b: np.dtype) -> np.dtype:
    """The dtype of a // b and a % b."""
    result = arithmetic_dtype(a, b)
    if result.kind == "c":
        raise UnsupportedSyntax(f"// and % take no complex numbers, got {a} and {b}")
    return FLOAT32 if result == _FLOAT16 else result


def _division_dtype(a: np.dtype, b: np.dtype) -> np.dtype:
    result = arithmetic_dtype(a, b)
    return result if result.kind in "fc" else FLOAT64


def _power_dtype(a: np.dtype, b: np.dtype) -> np.dtype:
    if "c" in (a.kind, b.kind):
        return arithmetic_dtype(a, b)
    if a.kind == "f" and b.kind in "biu":
        return FLOAT32 if a == _FLOAT16 else a
    return FLOAT32 if (a, b) == (BOOL, INT32) else _floor_dtype(a, b)


def _bitwise_dtype(a: np.dtype, b: np.dtype) -> np.dtype:
    if a.kind == "b" and b.kind == "b":
        return BOOL
    if a.kind in "fc" or b.kind in "fc":
        raise UnsupportedSyntax(f"& | ^ take integers and booleans, got {a} and {b}; cast with int32(...)")
    return arithmetic_dtype(a, b)


def _shift_dtype(a: np.dtype, b: np.dtype) -> np.dtype:
    if a.kind in "fc" or b.kind in "fc":
        raise UnsupportedSyntax(f"<< and >> take integers, got {a} and {b}; cast with int32(...)")
    return UINT64 if a.kind == "u" else INT64


class _Table(dict):
    """(dtype, dtype) -> dtype, filled when first asked."""

    def __init__(self, rule: Callable[[np.dtype, np.dtype], np.dtype]) -> None:
        super().__init__()
        self.rule = rule

    def __missing__(self, key: int) -> np.dtype:
        by_number: dict[int, np.dtype] = {d.num: d for d in _DTYPES}
        a, b = by_number[key // 64], by_number[key % 64]
        self[key] = self.rule(a, b)
        return self[key]


_arith, _shift, _bit = _Table(arithmetic_dtype), _Table(_shift_dtype), _Table(_bitwise_dtype)
# operation -> (NumPy function, result table, does a float result count as one operation)
BINARY: dict[str, tuple[Any, _Table, bool]] = {
    "add": (np.add, _arith, True),
    "sub": (np.subtract, _arith, True),
    "mul": (np.multiply, _arith, True),
    "truediv": (np.true_divide, _Table(_division_dtype), True),
    "floordiv": (np.floor_divide, _Table(_floor_dtype), False),
    "mod": (np.remainder, _Table(_floor_dtype), False),
    "pow": (np.power, _Table(_power_dtype), False),
    "lshift": (np.left_shift, _shift, False),
    "rshift": (np.right_shift, _shift, False),
    "bitand": (np.bitwise_and, _bit, False),
    "bitor": (np.bitwise_or, _bit, False),
    "bitxor": (np.bitwise_xor, _bit, False),
}

COMPARE = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}


def binary(name: str, a: Value, b: Value) -> Value:
    """A (operation) b with Numba's result type.

    >>> binary("add", np.int32(2), np.int32(3)).dtype, binary("mul", np.float32(2), np.int64(3)).dtype
    (dtype('int64'), dtype('float64'))
    """
    function, table, _ = BINARY[name]
    ta, tb = a.dtype, b.dtype
    result = table[ta.num * 64 + tb.num]
    if ta is result and tb is result and name != "pow":
        return function(a, b)
    if name == "pow" and result.kind in "iu":
        return _integer_power(cast(a, result), cast(b, result))
    return function(cast(a, result), cast(b, result))


def _integer_power(a: Value, b: Value) -> Value:
    """Integer power; a negative exponent gives 0, as truncation does (NumPy would raise)."""
    return np.where(b < 0, a.dtype.type(0), np.power(a, np.maximum(b, b.dtype.type(0))))[()]


def cast(x: Value, dtype: np.dtype) -> Value:
    """`x` as `dtype`, as a C cast does (truncates, wraps)."""
    if x.dtype is dtype:
        return x
    return x.astype(dtype)


def convert(line: int, dtype: np.dtype, x: Any) -> Value:
    """`float32(x)`, `int32(x)`, … of a kernel: a C cast, where Numba has one."""
    if not isinstance(x, np.generic | np.ndarray):
        raise TypeError(f"line {line}: {dtype}() needs a number, got {type(x).__name__}")
    if dtype.kind == "b":
        return truth(x)
    if x.dtype.kind == "c" and dtype.kind != "c":
        raise UnsupportedSyntax(f"Numba makes no {dtype} of a complex number; take its .real, .imag or abs()", line)
    if dtype.kind in "iu" and x.dtype.kind == "f":
        return _float_to_int(x, dtype)
    return x if x.dtype == dtype else x.astype(dtype)


def _float_to_int(x: Value, dtype: np.dtype) -> Value:
    """Cut towards zero; out of range saturates and NaN gives 0, as CUDA's cvt does.

    Numba's 8-bit integers come from a cvt to 16 bits, whose upper half is dropped: 300 becomes 44, and not 255.
    """
    through = np.dtype(f"{dtype.kind}{max(dtype.itemsize, 2)}")
    info = np.iinfo(through)
    wide = np.nan_to_num(np.trunc(x.astype(np.float64)), nan=0.0, posinf=np.inf, neginf=-np.inf)
    highest = float(info.max) if dtype.itemsize < 8 else np.nextafter(float(info.max), 0)
    return np.clip(wide, float(info.min), highest).astype(through).astype(dtype)


class FromEnd(np.int64):
    """A negative number that stands in the source as an index, `a[-1]`: it is meant to count from the end."""


def typed(x: Any) -> Value:
    """A Python number as the NumPy scalar of the type Numba gives it (int -> int64, float -> float64)."""
    if isinstance(x, np.generic):
        return x
    if isinstance(x, bool):
        return np.bool_(x)
    if isinstance(x, int):
        return np.int64(x) if -(2**63) <= x < 2**63 else np.uint64(x)
    if isinstance(x, float):
        return np.float64(x)
    if isinstance(x, complex):
        return np.complex128(x)
    raise TypeError(f"{x!r} is not a number")


def unify(a: np.dtype, b: np.dtype) -> np.dtype:
    """The type of a variable that is `a` on one path and `b` on another."""
    return a if a == b else np.promote_types(a, b)


def negate(x: Value) -> Value:
    """-x: computed in the type of x, then widened to 64 bits."""
    return plus(np.negative(cast(x, INT64) if x.dtype.kind == "b" else x))


def plus(x: Value) -> Value:
    """+x: integers widen to 64 bits."""
    return cast(x, UINT64 if x.dtype.kind == "u" else INT64) if x.dtype.kind in "biu" else x


def invert(x: Value) -> Value:
    """~x: computed in the type of x, then widened to 64 bits; a boolean stays one."""
    if x.dtype.kind in "fc":
        raise UnsupportedSyntax(f"~ takes integers and booleans, got {x.dtype}; cast with int32(...)")
    return np.invert(x) if x.dtype.kind == "b" else plus(np.invert(x))


def truth(x: Value) -> Value:
    """`x` as a condition: a number that is not 0, a tuple that is not empty."""
    if type(x) is tuple:
        return np.bool_(len(x) > 0)
    return x if x.dtype.kind == "b" else x != 0
