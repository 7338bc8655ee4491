"""Methods of arrays and numbers: x.sum(), x.reshape(2, 3), x.fill(0), z.conjugate(), grid.sync()."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UnsupportedSyntax
from ..state import Choice, GridGroup, Lanes, Value, View
from . import numeric
from .arrays import Arrays, reshaped
from .barriers import Barriers
from .maths import Maths
from .memory import Memory
from .numbers import Numbers
from .variables import Variables

_NO_METHOD = {
    "max": "Numba has no .max() of an array on a GPU; use max(x), or a loop",
    "min": "Numba has no .min() of an array on a GPU; use min(x), or a loop",
    "astype": "it makes a new array, for which a kernel has no memory; convert the elements: float32(x[i])",
    "copy": "it makes a new array, for which a kernel has no memory; copy the elements into cuda.local.array",
    "ravel": "it may make a new array, for which a kernel has no memory; use .reshape(-1) or .flat",
    "flatten": "it makes a new array, for which a kernel has no memory; use .reshape(-1) or .flat",
    "cumsum": "it makes a new array, for which a kernel has no memory; add up in a loop",
}


@dataclass(eq=False)
class Methods:
    """What `x.name(*arguments)` means."""

    lanes: Lanes
    numbers: Numbers
    memory: Memory
    variables: Variables
    arrays: Arrays
    maths: Maths
    barriers: Barriers

    def call(self, line: int, x: Value, name: str, *arguments: Value) -> Value:
        """`x.name(*arguments)`."""
        if type(x) is Choice:
            return self.arrays.over(x, lambda view: self.call(line, view, name, *arguments))
        if name in ("shape", "size", "real", "imag") and not arguments:  # np.shape(x)
            return self.arrays.attribute(line, x, name)
        if type(x) is View and x.shape:
            method, *how = _METHODS.get(name, (None,))
            if method is not None and (not arguments or name in ("reshape", "view", "fill")):
                return method(self, line, x, *how, *arguments)
            hint = _NO_METHOD.get(name, "it is not part of numba.cuda, or not with these arguments; write a loop")
            raise UnsupportedSyntax(f"method .{name}() of an array has no meaning in a kernel: {hint}", line)
        if type(x) is GridGroup and name == "sync" and not arguments:
            return self.barriers.grid_sync(line)
        if isinstance(x, np.dtype) and name == "type":
            return numeric.convert(line, x, *arguments)
        number = isinstance(x, np.ndarray | np.generic) and x.dtype.kind != "b"
        if number and name in ("conjugate", "conj") and not arguments:
            return np.conjugate(x)
        if number and name == "angle":
            return np.angle(numeric.cast(x, numeric.COMPLEX128))
        if isinstance(x, np.ndarray | np.generic) and name == "item" and not arguments:
            return x
        if type(x) is tuple and name == "index" and len(arguments) == 1:
            return self._index_in_tuple(line, x, arguments[0])
        raise UnsupportedSyntax(f"method .{name}() of a value has no meaning in a kernel; write it with arithmetic, "
                                "loops and cuda.* functions", line)

    def _index_in_tuple(self, line: int, x: tuple, wanted: Value) -> Value:
        place: Value = np.int64(-1)
        for k in reversed(range(len(x))):
            place = self.numbers.choose(self.numbers.eq(line, x[k], wanted), np.int64(k), place)
        return place

    def view_as(self, line: int, x: View, kind: Value) -> View:
        """The same bits as another type of the same size."""
        if not isinstance(kind, np.dtype) or kind.itemsize != x.alloc.itemsize or x.alloc.space == "local":
            raise UnsupportedSyntax(f"view() of {x.alloc.name!r} takes a type of {x.alloc.itemsize} bytes, and no "
                                    "local array; convert the elements instead: float32(x[i])", line)
        return View(x.alloc.field(self.memory.checker, kind), x.shape, x.strides, x.offset)

    def fill(self, line: int, x: View, value: Value) -> None:
        self.arrays.store_part(line, x, ..., value)

    def item(self, line: int, x: View) -> Value:
        return self.memory.load(line, x, (np.int64(0),) * len(x.shape))

    def fold(self, line: int, x: View, start: Value, step: Callable[[Value, Value], Value]) -> Value:
        """`step(total, element)` for one element after another."""
        total = start
        for place, part in self.arrays.places(x):
            new = step(total, self.memory.load(line, x, place))
            total = self.variables.merge(new, total) if part else new
        return total

    def sum(self, line: int, x: View) -> Value:
        return self.fold(line, x, _zero(x), lambda a, b: self.numbers.add(line, a, b))

    def prod(self, line: int, x: View) -> Value:
        return self.fold(line, x, _zero(x) + _zero(x).dtype.type(1), lambda a, b: self.numbers.mul(line, a, b))

    def mean(self, line: int, x: View) -> Value:
        """In float64 (complex128), whatever the elements are."""
        zero = np.complex128(0) if x.dtype.kind == "c" else np.float64(0)
        return self.numbers.truediv(line, self.fold(line, x, zero, lambda a, b: self.numbers.add(line, a, b)),
                            self.arrays.attribute(line, x, "size"))

    def var(self, line: int, x: View) -> Value:
        middle = self.mean(line, x)

        def step(total: Value, element: Value) -> Value:
            far = np.abs(self.numbers.sub(line, element, middle))
            return self.numbers.add(line, total, self.numbers.mul(line, far, far))

        total = self.fold(line, x, np.float64(0), step)
        return self.numbers.truediv(line, total, self.arrays.attribute(line, x, "size"))

    def std(self, line: int, x: View) -> Value:
        return self.maths.math(line, "sqrt", self.var(line, x))

    def best(self, line: int, x: View, better: str) -> Value:
        """The place of the greatest (or least) element, the first of equal ones."""
        best = place = None
        for k, (index, _) in enumerate(self.arrays.places(x)):
            value = self.memory.load(line, x, index)
            if best is None:
                best, place = value, np.int64(0)
                continue
            wins = getattr(self.numbers, better)(line, value, best)
            best, place = self.numbers.choose(wins, value, best), self.numbers.choose(wins, np.int64(k), place)
        return place

    def until(self, line: int, x: View, wanted: bool) -> Value:
        """Is an element true (or: not one false)? A thread that has found one looks no further."""
        found: Value = np.bool_(not wanted)
        saved = self.lanes.mask
        for place, _ in self.arrays.places(x):
            self.lanes.mask = self.lanes.mask.narrow(np.atleast_2d(found != wanted))
            if self.lanes.mask.lanes:
                found = self.variables.merge(numeric.truth(self.memory.load(line, x, place)), found)
            self.lanes.mask = saved
        return found

    def least(self, line: int, x: View, function: Any) -> Value:
        """min(x), max(x) of an array."""
        if x.dtype.kind == "c":
            raise UnsupportedSyntax("complex numbers have no order; compare abs(z) or z.real", line)
        best = None
        for place, part in self.arrays.places(x):
            value = self.memory.load(line, x, place)
            new = value if best is None else function(best, value)
            best = self.variables.merge(new, best) if part and best is not None else new
        return best


NUMPY_METHODS = {
    getattr(np, name): name for name in "sum prod mean var std argmax argmin any all shape size angle real imag".split()
}
_METHODS: dict[str, tuple] = {  # name -> what does it, and how
    **{name: (getattr(Methods, name),) for name in "fill item sum prod mean var std".split()},
    "argmax": (Methods.best, "gt"), "argmin": (Methods.best, "lt"), "any": (Methods.until, True),
    "all": (Methods.until, False), "view": (Methods.view_as,), "reshape": (lambda _, *given: reshaped(*given),),
    "transpose": (lambda _, line, x: View(x.alloc, x.shape[::-1], x.strides[::-1], x.offset),),
}


def _zero(x: View) -> Value:
    """Where Numba begins a sum: integers in 64 bits, floats in their own type."""
    kind = x.dtype
    return (numeric.UINT64 if kind.kind == "u" else numeric.INT64 if kind.kind in "bi" else kind).type(0)
