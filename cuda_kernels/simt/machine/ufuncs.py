"""NumPy functions in a kernel: the ufuncs that Numba compiles for a GPU, and what np.sum(x) and its like mean.

Numba picks the first loop of the ufunc that takes the arguments: integers go to float32 or float64 by what holds them,
and beside a float an integer counts as one (float32 with int64 is float32: not as the operators have it).
"""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..errors import UnsupportedSyntax
from . import numeric
from .memory import View
from .parts import Part

Value = Any
# Compiled with numba-cuda 0.30.4; np.exp, np.sqrt, np.abs, np.floor, np.add and others it types, and cannot lower.
UFUNCS = frozenset(
    "arccos arccosh arcsin arcsinh arctan arctanh arctan2 cos cosh sin sinh tan tanh deg2rad degrees rad2deg radians "
    "hypot log log2 log10 divide fmax fmin maximum minimum equal not_equal less less_equal greater greater_equal isnan "
    "logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor invert left_shift right_shift "
    "conjugate".split())
NUMPY_METHODS = {
    np.sum: "sum", np.prod: "prod", np.mean: "mean", np.var: "var", np.std: "std", np.argmax: "argmax",
    np.argmin: "argmin", np.any: "any", np.all: "all", np.shape: "shape", np.size: "size", np.angle: "angle",
    np.real: "real", np.imag: "imag",
}


class Ufuncs(Part):
    """NumPy's functions on single numbers. Part of `Machine`."""

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
        if self.watch_float64 and loop[0].num == 12 and name not in ("maximum", "minimum", "fmax", "fmin"):
            self.report_float64(line)
        result = function(*(numeric.cast(v, kind) for v, kind in zip(values, loop, strict=False)))
        return numeric.cast(np.asarray(result)[()], loop[-1])

    def _into(self, line: int, name: str, *values: Value) -> None:
        """np.sin(x, out): every thread computes the whole of it."""
        out, given = values[-1], values[:-1]
        if any(np.ndim(n) for v in values if isinstance(v, View) for n in v.shape):
            raise UnsupportedSyntax(f"np.{name} of parts whose lengths differ between threads; write a loop", line)
        for place in np.ndindex(*(int(n) for n in out.shape)):
            index = tuple(np.int64(k) for k in place)
            self.store(line, out, index, self.ufunc(line, name, *(
                self.load(line, v, index[len(index) - len(v.shape):]) if isinstance(v, View) else v for v in given)))


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
