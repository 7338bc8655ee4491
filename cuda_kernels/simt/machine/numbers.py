"""Arithmetic, comparisons and choices of numbers, in Numba's types (see numeric.py); and of tuples, with operators."""
from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checking import Counter, Faults
from ..errors import UnsupportedSyntax
from ..state import NAMED, Member, Value, View, name_of
from . import numeric

_COMPLEX = (14, 15)
_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_FLOAT32_AND_64 = ((11, 12), (12, 11))


def _binary(name: str) -> Any:
    """The method of an operator of two numbers."""
    function, table, counts = numeric.BINARY[name]
    power = name == "pow"

    def method(self: Numbers, line: int, a: Value, b: Value) -> Value:
        try:
            ta, tb = a.dtype, b.dtype
        except AttributeError:
            return self.operate_on_others(line, name, a, b)
        result = table[ta.num * 64 + tb.num]
        if result.kind in "fc" and self.counter.on:
            if counts:
                self.counter.flop(line, result, 1 if result.kind == "f" else numeric.COMPLEX_OPERATIONS[name])
            elif result.num in (12, 15):
                self.faults.float64(line)
        if ta is result and tb is result and not power:
            return function(a, b)
        return numeric.binary(name, a, b)

    method.__name__ = name
    return method


def _compare(name: str) -> Any:
    """The method of a comparison of two numbers."""
    function = numeric.COMPARE[name]
    ordered = name not in ("eq", "ne")

    def method(self: Numbers, line: int, a: Value, b: Value) -> Value:
        try:
            kinds = a.dtype.num, b.dtype.num
        except AttributeError:
            return self.compare_others(line, name, a, b)
        if ordered and (kinds[0] in _COMPLEX or kinds[1] in _COMPLEX):
            raise UnsupportedSyntax("complex numbers have no order; compare abs(z) or z.real", line)
        if kinds in _FLOAT32_AND_64:
            self.faults.float64(line)
        return function(a, b)

    method.__name__ = name
    return method


@dataclass(eq=False)
class Numbers:
    """Operators."""

    counter: Counter
    faults: Faults

    add, sub, mul, truediv = _binary("add"), _binary("sub"), _binary("mul"), _binary("truediv")
    floordiv, mod, pow = _binary("floordiv"), _binary("mod"), _binary("pow")
    lshift, rshift = _binary("lshift"), _binary("rshift")
    bitand, bitor, bitxor = _binary("bitand"), _binary("bitor"), _binary("bitxor")
    lt, le, gt, ge, eq, ne = map(_compare, ("lt", "le", "gt", "ge", "eq", "ne"))

    def neg(self, line: int, x: Value) -> Value:
        return numeric.negate(x)

    def invert(self, line: int, x: Value) -> Value:
        return numeric.invert(x)

    def pos(self, line: int, x: Value) -> Value:
        return numeric.plus(x)

    def not_(self, line: int, x: Value) -> Value:
        return np.logical_not(numeric.truth(x))

    def and_(self, line: int, a: Value, b: Value) -> Value:
        """`a and b` where `b` costs nothing to evaluate: `b` where `a` holds, else `a`."""
        if a.dtype.num == b.dtype.num == 0:
            return np.logical_and(a, b)
        return self.choose(a, b, a)

    def or_(self, line: int, a: Value, b: Value) -> Value:
        """`a or b` where `b` costs nothing to evaluate: `a` where it holds, else `b`."""
        if a.dtype.num == b.dtype.num == 0:
            return np.logical_or(a, b)
        return self.choose(a, a, b)

    def narrowed(self, line: int, name: str, a: Value, b: Value, constants: tuple[bool, bool]) -> Value:
        """float32(a / b) and the like, where Numba types a / b as float64 only because a constant is float64.

        If both are float32 values or constants that float32 holds exactly, the result is the same in float32, and the
        compiler (LLVM's InstCombine, visitFPTrunc) leaves no float64 instruction; so neither does the machine.
        """
        if all(v.dtype.num == 11 or (c and v.astype(np.float32) == v) for v, c in zip((a, b), constants, strict=True)):
            a, b = numeric.cast(a, numeric.FLOAT32), numeric.cast(b, numeric.FLOAT32)
        return numeric.convert(line, numeric.FLOAT32, getattr(self, name)(line, a, b))

    def choose(self, condition: Value, a: Value, b: Value) -> Value:
        """`a` where the condition holds, else `b`, in their common type."""
        kind = numeric.unify(a.dtype, b.dtype)
        chosen: Value = np.where(numeric.truth(condition), numeric.cast(a, kind), numeric.cast(b, kind))
        return chosen[()]

    def divmod_(self, line: int, a: Value, b: Value) -> tuple:
        if {a.dtype, b.dtype} == {numeric.INT64, numeric.UINT64}:  # for Numba their common type is float64
            a, b = a.astype(np.float64), b.astype(np.float64)
        return self.floordiv(line, a, b), self.mod(line, a, b)

    def same(self, line: int, a: Value, b: Value) -> Value:
        """`a is b`: None, an array and itself; of numbers it is == in Numba."""
        if a is None or b is None:
            return np.bool_(a is b)
        if isinstance(a, View) and isinstance(b, View):
            alike = a.alloc is b.alloc and a.shape == b.shape and a.strides == b.strides
            return np.bool_(alike) & (a.offset == b.offset)
        return self.eq(line, a, b)

    def compare_others(self, line: int, name: str, a: Value, b: Value) -> Value:
        """A comparison of which one side is no number: tuples element by element, None, Enum members."""
        if name in ("eq", "ne"):
            if a is None or b is None or isinstance(a, np.dtype) or isinstance(b, np.dtype):
                return np.bool_((a is b or (isinstance(a, np.dtype) and a == b)) == (name == "eq"))
            if isinstance(a, Member) and isinstance(b, Member):
                if a.of is b.of:
                    return getattr(self, name)(line, a.value, b.value)
                return np.bool_(name == "ne")
        if not all(isinstance(v, tuple) and not isinstance(v, NAMED) for v in (a, b)):
            raise UnsupportedSyntax(f"comparison {_SIGNS.get(name, name)!r} needs numbers, got {name_of(a)} and "
                                    f"{name_of(b)}", line)
        same: Value = np.bool_(len(a) == len(b))
        if name in ("eq", "ne"):
            for p, q in zip(a, b, strict=False):
                same = np.logical_and(same, self.eq(line, p, q))
            return same if name == "eq" else np.logical_not(same)
        result: Value = np.bool_(getattr(operator, name)(len(a), len(b)))
        undecided: Value = np.bool_(True)
        decided = []
        for p, q in zip(a, b, strict=False):
            decided.append((undecided, self.ne(line, p, q), getattr(self, name)(line, p, q)))
            undecided = np.logical_and(undecided, self.eq(line, p, q))
        for still, differ, held in reversed(decided):
            result = np.where(np.logical_and(still, differ), held, result)[()]
        return result

    def operate_on_others(self, line: int, name: str, a: Value, b: Value) -> Value:
        """An operator of which one side is no number: tuples are joined and repeated."""
        if isinstance(a, tuple) and not isinstance(a, NAMED) and not isinstance(b, NAMED):
            if name == "add" and isinstance(b, tuple):
                return (*a, *b)
            if name == "mul" and not isinstance(b, tuple) and np.ndim(b) == 0:
                return a * int(b)
        if isinstance(a, Member) or isinstance(b, Member):
            raise UnsupportedSyntax("an Enum member is no number; take its .value, or make the class an IntEnum", line)
        raise UnsupportedSyntax(f"operator {name!r} needs numbers, got {name_of(a)} and {name_of(b)}", line)
