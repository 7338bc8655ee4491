"""math.*, cmath.*, libdevice.* and NumPy's ufuncs of numbers, in the types that Numba gives them.

Of a ufunc Numba picks the first loop that takes the arguments: integers go to float32 or float64 by what holds them,
and beside a float an integer counts as one (float32 with int64 is float32: not as the operators have it).
"""
from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checking import Counter, Faults
from ..errors import UnsupportedSyntax
from ..state import Value, View
from . import numeric
from .memory import Memory
from .numbers import Numbers

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

# Compiled with numba-cuda 0.30.4; np.exp, np.sqrt, np.abs, np.floor, np.add and others it types, and cannot lower.
UFUNCS = frozenset(
    "arccos arccosh arcsin arcsinh arctan arctanh arctan2 cos cosh sin sinh tan tanh deg2rad degrees rad2deg radians "
    "hypot log log2 log10 divide fmax fmin maximum minimum equal not_equal less less_equal greater greater_equal isnan "
    "logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor invert left_shift right_shift "
    "conjugate".split())


def math_arguments(name: str) -> tuple[int, ...]:
    """With how many arguments numba.cuda knows math.<name>; () for what it lacks (compiled with numba-cuda 0.30.4).

    >>> math_arguments("sqrt"), math_arguments("ldexp"), math_arguments("comb")
    ((1,), (2,), ())
    """
    if name in MATH1 or name in TEST1 or name in ("frexp", "modf"):
        return (1,)
    return (2,) if name in MATH2 or name == "ldexp" else ()


@dataclass(eq=False)
class Maths:
    """Functions of numbers."""

    faults: Faults
    counter: Counter
    numbers: Numbers
    memory: Memory

    def math(self, line: int, name: str, *x: Value) -> Value:
        """math.<name>(*x)."""
        if name in TEST1:
            real(x[0], f"math.{name}", line)
            return TEST1[name](x[0]) if x[0].dtype.kind == "f" else np.bool_(name == "isfinite")
        if name in ("frexp", "modf", "ldexp"):
            return self._math_special(name, *x)
        for v in x:
            real(v, f"math.{name}", line)
        function = MATH1.get(name) if len(x) == 1 else MATH2.get(name)
        if function is None:
            raise UnsupportedSyntax(f"math.{name} with {len(x)} arguments has no meaning in a CUDA kernel", line)
        kind = _math_dtype(name, [v.dtype for v in x])
        if kind.num == 12 and name not in ("floor", "ceil", "trunc", "fabs", "copysign"):
            self.faults.float64(line)
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
            return self.numbers.truediv(line, *x)
        if plain == "fma":
            return self.fma(line, *x)
        if plain in ("fmax", "fmin", "fabs"):
            return numeric.cast(getattr(np, plain)(*x), kind)
        function = _LIBDEVICE_NAMES.get(plain) or (MATH1 if len(x) == 1 else MATH2).get(plain)
        if function is None:
            raise UnsupportedSyntax(f"libdevice.{name} has no meaning in NumPy here; use math.* or register one with "
                                    "simt.register_intrinsic", line)
        return numeric.cast(np.asarray(function(*x))[()], kind)

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
        if z.dtype == numeric.COMPLEX128:
            self.faults.float64(line)
        return _CMATH[name](z)

    def fma(self, line: int, a: Value, b: Value, c: Value) -> Value:
        """The fused a * b + c, rounded once: in float64 for float32 (exact product), in long double for float64."""
        kind = numeric.FLOAT32 if {a.dtype, b.dtype, c.dtype} <= numeric.IN_FLOAT32 else numeric.FLOAT64
        if self.counter.on:
            self.counter.flop(line, kind, 2)
        wide = np.dtype("f8") if kind.itemsize <= 4 else np.dtype("longdouble")
        return (a.astype(wide) * b.astype(wide) + c.astype(wide)).astype(kind)

    def cbrt(self, line: int, x: Value) -> Value:
        return np.cbrt(numeric.cast(x, numeric.FLOAT32 if x.dtype in numeric.IN_FLOAT32 else numeric.FLOAT64))

    def ufunc(self, line: int, name: str, *values: Value) -> Value:
        """np.<name>(x) or np.<name>(x, y); with an array behind them, np.<name>(x, out), for each element."""
        function = getattr(np, name)
        if len(values) == function.nin + 1 and isinstance(values[-1], View):
            return self._into(line, name, *values)
        if len(values) != function.nin:
            raise UnsupportedSyntax(f"np.{name} takes {function.nin} numbers in a kernel, got {len(values)}", line)
        if any(not hasattr(v, "dtype") or isinstance(v, View) for v in values):
            raise UnsupportedSyntax(f"np.{name} of a whole array needs an array for the result as its last argument; "
                                    "take single elements, or loop", line)
        loop = _loop(function, tuple(v.dtype for v in values))
        if loop is None:
            given = " and ".join(str(v.dtype) for v in values)
            raise UnsupportedSyntax(f"np.{name} does not take {given} in Numba", line)
        if loop[0].num == 12 and name not in ("maximum", "minimum", "fmax", "fmin"):
            self.faults.float64(line)
        result = function(*(numeric.cast(v, kind) for v, kind in zip(values, loop, strict=False)))
        return numeric.cast(np.asarray(result)[()], loop[-1])

    def _into(self, line: int, name: str, *values: Value) -> None:
        """np.sin(x, out): every thread computes the whole of it."""
        out, given = values[-1], values[:-1]
        if any(np.ndim(n) for v in values if isinstance(v, View) for n in v.shape):
            raise UnsupportedSyntax(f"np.{name} of parts whose lengths differ between threads; write a loop", line)
        for place in np.ndindex(*(int(n) for n in out.shape)):
            index = tuple(np.int64(k) for k in place)
            numbers = (self.memory.load(line, v, index[len(index) - len(v.shape):]) if isinstance(v, View) else v
                       for v in given)
            self.memory.store(line, out, index, self.ufunc(line, name, *numbers))


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


def real(x: Value, what: str, line: int) -> None:
    """Refuse a complex number."""
    if x.dtype.kind == "c":
        raise UnsupportedSyntax(f"{what}() takes no complex number; use cmath, .real, .imag or abs()", line)


@functools.lru_cache(maxsize=1024)
def _loop(function: np.ufunc, kinds: tuple[np.dtype, ...]) -> tuple[np.dtype, ...] | None:
    """The types of the arguments and of the result, as Numba's `ufunc_find_matching_loop` finds them."""
    mixed = any(k.kind in "iu" for k in kinds) and any(k.kind in "fc" for k in kinds)
    for text in function.types:
        loop = [np.dtype(c) for c in text.replace("->", "")] if not set(text) & set("eOmMgG") else []
        if not loop or (function.__name__ == "divide" and loop[0].kind in "iu"):
            continue
        if all(np.can_cast(k, to, "same_kind" if mixed and k.kind in "iu" and to.kind in "fc" else "safe")
               for k, to in zip(kinds, loop, strict=False)):
            return tuple(loop)
    return None
