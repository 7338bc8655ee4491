"""Functions a kernel may call: math.*, min, max, abs, round, casts, bit operations, libdevice, print."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import UnsupportedSyntax
from . import numeric
from .masks import Mask
from .memory import View
from .objects import Choice, Flat, Items
from .parts import Part

Value = Any
_erf = np.vectorize(math.erf, otypes=[float])
_erfc = np.vectorize(math.erfc, otypes=[float])
_gamma = np.vectorize(lambda x: math.gamma(x) if x > 0 or x % 1 else math.nan, otypes=[float])
_lgamma = np.vectorize(lambda x: math.lgamma(x) if x > 0 or x % 1 else math.inf, otypes=[float])

# math.* of one argument: float32 stays float32, integers become float64 (the types that numba-cuda 0.30.4 gave).
MATH1: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt, "exp": np.exp, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "fabs": np.fabs, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc,
    "degrees": np.degrees, "radians": np.radians, "exp2": np.exp2, "erf": _erf, "erfc": _erfc,
    "gamma": _gamma, "lgamma": _lgamma,
}
MATH2: dict[str, Callable[..., Any]] = {
    "pow": np.power, "atan2": np.arctan2, "hypot": np.hypot, "copysign": np.copysign, "fmod": np.fmod,
    "remainder": lambda a, b: a - b * np.round(a / b), "nextafter": np.nextafter,
}
_STAY_FLOAT16 = ("ceil", "cos", "exp", "exp2", "fabs", "floor", "log", "log10", "log2", "sin", "sqrt", "trunc", "tanh")
_SELECTED = "int16 int32 int64 uint16 uint32 uint64 float32 float64".split()
_ONE_FLOAT = ("atan2", "hypot")  # float32 only where an argument is a float
TEST1: dict[str, Callable[..., Any]] = {"isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite}
_LIBDEVICE_NAMES: dict[str, Callable[..., Any]] = {
    "rsqrt": lambda x: 1 / np.sqrt(x), "saturate": lambda x: np.clip(x, 0, 1), "exp10": lambda x: np.power(10.0, x),
    "tanh": np.tanh, "cbrt": np.cbrt, "normcdf": lambda x: 0.5 * _erfc(-x / math.sqrt(2)),
}


_CMATH: dict[str, Callable[..., Any]] = {
    **{n: MATH1[n] for n in "acos acosh asin asinh atan atanh cos cosh exp log log10 sin sinh sqrt tan tanh".split()},
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite, "phase": np.angle, "polar": np.abs,
}

_CMATH_OF_COMPLEX = ("acosh", "cosh", "log10", "phase", "polar", "sinh", "tanh")


def math_arguments(name: str) -> tuple[int, ...]:
    """With how many arguments numba.cuda knows math.<name>; () for what it lacks (compiled with numba-cuda 0.30.4).

    >>> math_arguments("sqrt"), math_arguments("ldexp"), math_arguments("comb")
    ((1,), (2,), ())
    """
    if name in MATH1 or name in TEST1 or name in ("frexp", "modf"):
        return (1,)
    return (2,) if name in MATH2 or name == "ldexp" else ()


class Functions(Part):
    """Math, casts and builtins. Part of `Machine`."""

    mask: Mask

    def cast(self, line: int, dtype: np.dtype, x: Value) -> Value:
        """`float32(x)`, `int32(x)`, …: a C cast."""
        if not isinstance(x, np.generic | np.ndarray):
            raise TypeError(f"line {line}: {dtype}() needs a number, got {type(x).__name__}")
        if dtype.kind == "b":
            return numeric.truth(x)
        if x.dtype.kind == "c" and dtype.kind != "c":
            raise UnsupportedSyntax(f"Numba makes no {dtype} of a complex number; take its .real, .imag or abs()", line)
        if dtype.kind in "iu" and x.dtype.kind == "f":
            return _float_to_int(x, dtype)
        return x if x.dtype == dtype else x.astype(dtype)

    def int_(self, line: int, x: Value) -> Value:
        """int(x): integers keep their type, floats are cut to int64."""
        return x if x.dtype.kind in "iu" else self.cast(line, numeric.INT64, x)

    def float_(self, line: int, x: Value) -> Value:
        """float(x): floats keep their type, integers become float64."""
        if x.dtype.kind == "b":
            raise UnsupportedSyntax("Numba has no float() of a boolean; write float32(...), or 1.0 if condition else "
                                    "0.0", line)
        return x if x.dtype.kind == "f" else self.cast(line, numeric.FLOAT64, x)

    def bool_(self, line: int, x: Value) -> Value:
        return numeric.truth(x)

    def abs_(self, line: int, x: Value) -> Value:
        x = _number(x, "abs", line)
        return x.astype(np.int8) if x.dtype.kind == "b" else np.abs(x)

    def round_(self, line: int, x: Value, digits: Value = None) -> Value:
        """round(x) is int64, round(x, n) a float; halves go to the even neighbour."""
        _real(_number(x, "round", line), "round", line)
        if digits is None:
            return self.cast(line, numeric.INT64, np.rint(x))
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
            return self.least(line, values[0], function)
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
        if kind.num == 12 and self.watch_float64:
            self.report_float64(line)
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
            return self.items(line, x).count
        raise UnsupportedSyntax("len() takes an array or a tuple, got a number", line)

    def math(self, line: int, name: str, *x: Value) -> Value:
        """math.<name>(*x)."""
        if name in TEST1:
            _real(x[0], f"math.{name}", line)
            return TEST1[name](x[0]) if x[0].dtype.kind == "f" else np.bool_(name == "isfinite")
        if name in ("frexp", "modf", "ldexp"):
            return self._math_special(name, *x)
        for v in x:
            _real(v, f"math.{name}", line)
        function = MATH1.get(name) if len(x) == 1 else MATH2.get(name)
        if function is None:
            raise UnsupportedSyntax(f"math.{name} with {len(x)} arguments has no meaning in a CUDA kernel", line)
        kind = _math_dtype(name, [v.dtype for v in x])
        if kind.num == 12 and self.watch_float64 and name not in ("floor", "ceil", "trunc", "fabs", "copysign"):
            self.report_float64(line)
        return numeric.cast(np.asarray(function(*(numeric.cast(v, kind) for v in x)))[()], kind)

    def _math_special(self, name: str, *x: Value) -> Value:
        kind = numeric.FLOAT32 if x[0].dtype in numeric.IN_FLOAT32 else numeric.FLOAT64
        if name == "frexp":
            part, power = np.frexp(numeric.cast(x[0], kind))
            return part, power.astype(np.int32)
        if name == "modf":
            return np.modf(x[0] if x[0].dtype == numeric.FLOAT32 else numeric.cast(x[0], numeric.FLOAT64))
        return np.ldexp(numeric.cast(x[0], kind), numeric.cast(x[1], numeric.INT32))

    def libdevice(self, line: int, name: str, *x: Value) -> Value:
        """cuda.libdevice.<name>: computed exactly, where the GPU's fast_ forms approximate."""
        plain = name.removeprefix("fast_")
        single = plain.endswith("f") and plain not in ("erf",)
        plain = plain[:-1] if single else plain
        kind = numeric.FLOAT32 if single else numeric.FLOAT64
        x = tuple(numeric.cast(v, kind) if v.dtype.kind == "f" else v for v in x)
        if plain == "fdivide":
            return self.truediv(line, *x)
        if plain == "fma":
            return self.fma(line, *x)
        if plain in ("fmax", "fmin", "fabs"):
            return numeric.cast(getattr(np, plain)(*x), kind)
        function = _LIBDEVICE_NAMES.get(plain) or (MATH1 if len(x) == 1 else MATH2).get(plain)
        if function is None:
            raise UnsupportedSyntax(f"libdevice.{name} has no meaning in NumPy here; use math.* or register one with "
                                    "simt.register_intrinsic", line)
        return numeric.cast(np.asarray(function(*x))[()], kind)

    def complex_(self, line: int, real: Value, imaginary: Value | None = None) -> Value:
        """complex(x), complex(x, y): complex64 of two float32, else complex128."""
        if real.dtype.kind == "b" or (imaginary is not None and "c" in (real.dtype.kind, imaginary.dtype.kind)):
            raise UnsupportedSyntax("complex() takes one number, or two that are not complex, and no booleans", line)
        if imaginary is None:
            return self.cast(line, numeric.COMPLEX64 if real.dtype == numeric.FLOAT32 else numeric.COMPLEX128, real)
        single = {real.dtype, imaginary.dtype} <= numeric.IN_FLOAT32 and "f" in (real.dtype.kind, imaginary.dtype.kind)
        kind = numeric.FLOAT32 if single else numeric.FLOAT64
        i = np.complex64(1j) if single else np.complex128(1j)
        return numeric.cast(real, kind) + numeric.cast(imaginary, kind) * i

    def cmath(self, line: int, name: str, *x: Value) -> Value:
        """cmath.<name>(x)."""
        if len(x) != 1 or name not in _CMATH:
            raise UnsupportedSyntax(f"cmath.{name} with {len(x)} arguments is not part of numba.cuda", line)
        z = x[0]
        if z.dtype.kind != "c":
            if name in _CMATH_OF_COMPLEX:
                raise UnsupportedSyntax(f"Numba has cmath.{name} of complex numbers only; write complex(x)", line)
            z = z.astype(numeric.COMPLEX64 if z.dtype in numeric.IN_FLOAT32 else numeric.COMPLEX128)
        if name in ("isnan", "isinf", "isfinite"):
            return getattr(np, name)(z)
        if name == "phase":
            return np.angle(z)
        if name == "polar":
            return np.abs(z), np.angle(z)
        z = numeric.cast(z, numeric.COMPLEX128) if name in ("acosh", "log10", "tanh") else z
        if z.dtype == numeric.COMPLEX128 and self.watch_float64:
            self.report_float64(line)
        return _CMATH[name](z)

    # -- cuda.* -------------------------------------------------------------------------------------------------------

    def fma(self, line: int, a: Value, b: Value, c: Value) -> Value:
        """The fused a * b + c, rounded once: in float64 for float32 (exact product), in long double for float64."""
        kind = numeric.FLOAT32 if {a.dtype, b.dtype, c.dtype} <= numeric.IN_FLOAT32 else numeric.FLOAT64
        if self.counting:
            self.flop(line, kind, 2)
        wide = np.dtype("f8") if kind.itemsize <= 4 else np.dtype("longdouble")
        return (a.astype(wide) * b.astype(wide) + c.astype(wide)).astype(kind)

    def selp(self, line: int, condition: Value, a: Value, b: Value) -> Value:
        """`a` where the condition holds, else `b`."""
        if a.dtype != b.dtype or a.dtype.name not in _SELECTED:
            raise UnsupportedSyntax(f"cuda.selp chooses between two numbers of one type ({', '.join(_SELECTED)}), got "
                                    f"{a.dtype} and {b.dtype}; cast them, or write a if condition else b", line)
        return self.choose(condition, a, b)

    def choose(self, condition: Value, a: Value, b: Value) -> Value:
        """`a` where the condition holds, else `b`, in their common type."""
        kind = numeric.unify(a.dtype, b.dtype)
        chosen: Value = np.where(numeric.truth(condition), numeric.cast(a, kind), numeric.cast(b, kind))
        return chosen[()]

    def cbrt(self, line: int, x: Value) -> Value:
        return np.cbrt(numeric.cast(x, numeric.FLOAT32 if x.dtype in numeric.IN_FLOAT32 else numeric.FLOAT64))

    def popc(self, line: int, x: Value) -> Value:
        """How many bits are set, in the type of `x`."""
        x = _whole(x)
        return np.bitwise_count(_unsigned(x)).astype(x.dtype)

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
        places = np.bitwise_count(low - y.dtype.type(1)).astype(np.uint32) + np.uint32(1)
        return np.where(y == 0, np.uint32(0), places)[()]

    def print_(self, line: int, *values: Any) -> None:
        """Print from the kernel: one line for each of the first 64 active threads."""
        def of_lane(value: Any, lane: int) -> Any:
            if isinstance(value, tuple):
                return tuple(of_lane(v, lane) for v in value)
            if isinstance(value, View) or getattr(getattr(value, "dtype", None), "kind", "") == "c":
                raise UnsupportedSyntax("Numba prints numbers and tuples of numbers, no arrays and no complex numbers; "
                                        "print the elements, z.real and z.imag", line)
            return value if isinstance(value, str) else np.broadcast_to(value, self.shape).reshape(-1)[lane]

        for lane in self.mask.flat()[:64]:
            print(*(of_lane(v, lane) for v in values))


def _math_dtype(name: str, kinds: list[np.dtype]) -> np.dtype:
    """The type of math.<name>, and of its arguments."""
    if len(kinds) == 1:
        if kinds[0].itemsize > 2 and kinds[0].kind == "f" or (kinds[0].kind == "f" and name in _STAY_FLOAT16):
            return kinds[0]
        return numeric.FLOAT32 if kinds[0].kind == "f" else numeric.FLOAT64
    single = all(k in numeric.IN_FLOAT32 for k in kinds)
    if name == "pow":  # a power that is an integer is one of its own (powi)
        single |= kinds[0] in numeric.IN_FLOAT32 and kinds[1] == numeric.INT32
        single |= kinds[0] == numeric.FLOAT32 and kinds[1] == np.uint16
    if name in _ONE_FLOAT:
        single &= any(k.kind == "f" for k in kinds)
    return numeric.FLOAT32 if single else numeric.FLOAT64


def _number(x: Value, what: str, line: int) -> Value:
    if not hasattr(x, "dtype"):
        raise UnsupportedSyntax(f"{what}() takes one number, got {type(x).__name__}; take each element by itself", line)
    return x


def _real(x: Value, what: str, line: int) -> None:
    if x.dtype.kind == "c":
        raise UnsupportedSyntax(f"{what}() takes no complex number; use cmath, .real, .imag or abs()", line)


def _whole(x: Value) -> Value:
    """An integer; Numba makes int8 of everything else that it is given as bits."""
    return x if x.dtype.kind in "iu" else numeric.cast(x, numeric.INT8)


def _unsigned(x: Value) -> Value:
    return x.astype(np.dtype(f"u{x.dtype.itemsize}"))


def _float_to_int(x: Value, dtype: np.dtype) -> Value:
    """Cut towards zero; out of range saturates and NaN gives 0, as CUDA's cvt does.

    Numba's 8-bit integers come from a cvt to 16 bits, whose upper half is dropped: 300 becomes 44, and not 255.
    """
    through = np.dtype(f"{dtype.kind}{max(dtype.itemsize, 2)}")
    info = np.iinfo(through)
    wide = np.nan_to_num(np.trunc(x.astype(np.float64)), nan=0.0, posinf=np.inf, neginf=-np.inf)
    highest = float(info.max) if dtype.itemsize < 8 else np.nextafter(float(info.max), 0)
    return np.clip(wide, float(info.min), highest).astype(through).astype(dtype)
