"""Python's builtins in a kernel, casts, and cuda.* of bits: int, abs, round, min, len, print, popc, selp."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checking import Faults
from ..errors import UnsupportedSyntax
from ..state import Choice, Flat, Items, Lanes, Value, Vector, View
from . import numeric
from .maths import real
from .methods import Methods
from .numbers import Numbers
from .sequences import Sequences

_SELECTED = "int16 int32 int64 uint16 uint32 uint64 float32 float64".split()


@dataclass(eq=False)
class Builtins:
    """Casts and builtins."""

    lanes: Lanes
    faults: Faults
    numbers: Numbers
    sequences: Sequences
    methods: Methods

    def cast(self, line: int, dtype: np.dtype, x: Value) -> Value:
        """`float32(x)`, `int32(x)`, …"""
        return numeric.convert(line, dtype, x)

    def vector(self, line: int, kind: Any, dtype: np.dtype, *given: Value) -> Any:
        """cuda.float32x4(…) and its like: numbers, and smaller vectors."""
        parts = [p for v in given for p in (v if isinstance(v, Vector) else (v,))]
        if len(parts) != len(kind._fields):
            raise UnsupportedSyntax(f"cuda.{kind.__name__} takes {len(kind._fields)} numbers, or smaller vectors that "
                                    f"have as many together, got {len(parts)}", line)
        return kind(*(self.cast(line, dtype, p) for p in parts))

    def int_(self, line: int, x: Value) -> Value:
        """int(x): integers keep their type, floats are cut to int64."""
        return x if x.dtype.kind in "iu" else numeric.convert(line, numeric.INT64, x)

    def float_(self, line: int, x: Value) -> Value:
        """float(x): floats keep their type, integers become float64."""
        if x.dtype.kind == "b":
            raise UnsupportedSyntax("Numba has no float() of a boolean; write float32(...), or 1.0 if condition else "
                                    "0.0", line)
        return x if x.dtype.kind == "f" else numeric.convert(line, numeric.FLOAT64, x)

    def bool_(self, line: int, x: Value) -> Value:
        return numeric.truth(x)

    def abs_(self, line: int, x: Value) -> Value:
        x = _number(x, "abs", line)
        return x.astype(np.int8) if x.dtype.kind == "b" else np.abs(x)

    def round_(self, line: int, x: Value, digits: Value = None) -> Value:
        """round(x) is int64, round(x, n) a float; halves go to the even neighbour."""
        real(_number(x, "round", line), "round", line)
        if digits is None:
            return numeric.convert(line, numeric.INT64, np.rint(x))
        kind = numeric.FLOAT32 if x.dtype in numeric.IN_FLOAT32 else numeric.FLOAT64
        x = numeric.cast(x, kind)
        if digits.ndim == 0:
            return np.round(x, int(digits))
        places = np.unique(digits)
        return np.select([digits == n for n in places], [np.round(x, int(n)) for n in places])

    def min_(self, line: int, *values: Value) -> Value:
        """The least of numbers in their common type; a NaN loses, as on the GPU."""
        return self._fold(line, np.fmin, values)

    def max_(self, line: int, *values: Value) -> Value:
        """The greatest of numbers in their common type; a NaN loses, as on the GPU."""
        return self._fold(line, np.fmax, values)

    def _fold(self, line: int, function: Any, values: tuple[Value, ...]) -> Value:
        if len(values) == 1 and isinstance(values[0], tuple):
            values = values[0]
        if len(values) == 1 and type(values[0]) is View:
            if len(values[0].shape) > 1:
                raise UnsupportedSyntax("min and max of a matrix compare its rows, which Numba refuses; write a loop",
                                        line)
            return self.methods.least(line, values[0], function)
        if any(not hasattr(v, "dtype") or isinstance(v, View) for v in values) or len(values) < 2:
            raise UnsupportedSyntax("min and max take numbers, a tuple of numbers or one array", line)
        if any(v.dtype.kind == "c" for v in values):
            raise UnsupportedSyntax("complex numbers have no order; compare abs(z) or z.real", line)
        if len({v.dtype.kind == "b" for v in values}) == 2:
            raise UnsupportedSyntax("Numba has no min and max of a boolean and a number; cast the condition, "
                                    "int32(a > b), or write a conditional expression", line)
        kind = values[0].dtype
        for v in values[1:]:
            kind = numeric.unify(kind, v.dtype)
        if kind.num == 12:
            self.faults.float64(line)
        result = numeric.cast(values[0], kind)
        for v in values[1:]:
            result = function(result, numeric.cast(v, kind))
        return result

    def len_(self, line: int, x: Value) -> Value:
        """The length of an array (its first axis) or a tuple."""
        if isinstance(x, tuple):
            return np.int64(len(x))
        if isinstance(x, View) and x.shape:
            return x.dims()[0]
        if isinstance(x, Choice | Flat | Items):
            return self.sequences.items(line, x).count
        raise UnsupportedSyntax("len() takes an array or a tuple, got a number", line)

    def complex_(self, line: int, real: Value, imaginary: Value | None = None) -> Value:
        """complex(x), complex(x, y): complex64 of two float32, else complex128."""
        if real.dtype.kind == "b" or (imaginary is not None and "c" in (real.dtype.kind, imaginary.dtype.kind)):
            raise UnsupportedSyntax("complex() takes one number, or two that are not complex, and no booleans", line)
        if imaginary is None:
            single = real.dtype == numeric.FLOAT32
            return numeric.convert(line, numeric.COMPLEX64 if single else numeric.COMPLEX128, real)
        single = {real.dtype, imaginary.dtype} <= numeric.IN_FLOAT32 and "f" in (real.dtype.kind, imaginary.dtype.kind)
        kind = numeric.FLOAT32 if single else numeric.FLOAT64
        i = np.complex64(1j) if single else np.complex128(1j)
        return numeric.cast(real, kind) + numeric.cast(imaginary, kind) * i

    def selp(self, line: int, condition: Value, a: Value, b: Value) -> Value:
        """`a` where the condition holds, else `b`."""
        if a.dtype != b.dtype or a.dtype.name not in _SELECTED:
            raise UnsupportedSyntax(f"cuda.selp chooses between two numbers of one type ({', '.join(_SELECTED)}), got "
                                    f"{a.dtype} and {b.dtype}; cast them, or write a if condition else b", line)
        return self.numbers.choose(condition, a, b)

    def popc(self, line: int, x: Value) -> Value:
        """How many bits are set, in the type of `x`."""
        x = _whole(x)
        return _ones(_unsigned(x)).astype(x.dtype)

    def brev(self, line: int, x: Value) -> Value:
        """The bits in reverse order (uint64 for uint64, else uint32)."""
        kind = np.dtype("u8") if x.dtype == np.uint64 else np.dtype("u4")
        y, bits, result = x.astype(kind), kind.itemsize * 8, kind.type(0)
        for k in range(bits):
            result = result | ((y >> kind.type(k) & kind.type(1)) << kind.type(bits - 1 - k))
        return result

    def clz(self, line: int, x: Value) -> Value:
        """Leading zero bits, in the type of `x`."""
        x = _whole(x)
        y, count = _unsigned(x), np.int64(x.dtype.itemsize * 8)
        for k in range(x.dtype.itemsize * 8):
            count = count - ((y >> y.dtype.type(k)) != 0)
        return count.astype(x.dtype)

    def ffs(self, line: int, x: Value) -> Value:
        """1 + the place of the lowest set bit, 0 where none is (uint32)."""
        if x.dtype.kind not in "iu" or x.dtype.itemsize < 4:
            raise UnsupportedSyntax(f"Numba has cuda.ffs for 32- and 64-bit integers only, got {x.dtype}; cast with "
                                    "int32(...)", line)
        y = _unsigned(x)
        low = y & (~y + y.dtype.type(1))
        places = _ones(low - y.dtype.type(1)).astype(np.uint32) + np.uint32(1)
        return np.where(y == 0, np.uint32(0), places)[()]

    def print_(self, line: int, *values: Any) -> None:
        """Print from the kernel: one line for each of the first 64 active threads."""
        def of_lane(value: Any, lane: int) -> Any:
            if isinstance(value, tuple):
                return tuple(of_lane(v, lane) for v in value)
            if isinstance(value, View) or getattr(getattr(value, "dtype", None), "kind", "") == "c":
                raise UnsupportedSyntax("Numba prints numbers and tuples of numbers, no arrays and no complex numbers; "
                                        "print the elements, z.real and z.imag", line)
            return value if isinstance(value, str) else self.lanes.threads.held(value, lane)

        for lane in self.lanes.mask.flat()[:64]:
            print(*(of_lane(v, lane) for v in values))

    def tuple_(self, line: int, value: Value) -> tuple:
        if not isinstance(value, tuple):
            raise UnsupportedSyntax("tuple() takes a tuple in a kernel; write the elements out", line)
        return value

    def limits(self, line: int, kind: str, of: Value) -> Any:
        """np.finfo(x.dtype), np.iinfo(x.dtype)."""
        return getattr(np, kind)(of if isinstance(of, np.dtype) else of.dtype)

    def isinstance_(self, line: int, x: Value, kinds: tuple[type, ...]) -> Value:
        """Numba answers when it compiles: int for integers, float and complex for such, bool for booleans, tuple."""
        kind = getattr(getattr(x, "dtype", None), "kind", "")
        found = {"b": bool, "i": int, "u": int, "f": float, "c": complex}.get(kind)
        found = tuple if isinstance(x, tuple) else np.ndarray if isinstance(x, View) else found
        return np.bool_(found is not None and any(found is k for k in kinds))


def _number(x: Value, what: str, line: int) -> Value:
    if not hasattr(x, "dtype"):
        raise UnsupportedSyntax(f"{what}() takes one number, got {type(x).__name__}; take each element by itself", line)
    return x


def _whole(x: Value) -> Value:
    """An integer; Numba makes int8 of everything else that it is given as bits."""
    return x if x.dtype.kind in "iu" else numeric.cast(x, numeric.INT8)


def _unsigned(x: Value) -> Value:
    return x.astype(np.dtype(f"u{x.dtype.itemsize}"))


def _ones(x: Value) -> Value:
    """How many bits of an unsigned number are set (NumPy 2 has bitwise_count)."""
    count = np.int64(0)
    for k in range(x.dtype.itemsize * 8):
        count = count + ((x >> x.dtype.type(k) & x.dtype.type(1)) != 0)
    return count
