"""The translator's expressions: each becomes one line `t3 = m.mul(12, t1, t2)`, and a name or constant stays itself."""
from __future__ import annotations

import ast
import types
from typing import Any

import numpy as np

from . import numeric
from .calls import Calls
from .names import cuda_objects
from .unsupported import NO_STRINGS

_OPERATORS = {
    "Add": "add", "Sub": "sub", "Mult": "mul", "Div": "truediv", "FloorDiv": "floordiv", "Mod": "mod", "Pow": "pow",
    "LShift": "lshift", "RShift": "rshift", "BitAnd": "bitand", "BitOr": "bitor", "BitXor": "bitxor",
}
_COMPARE = {"Lt": "lt", "LtE": "le", "Gt": "gt", "GtE": "ge", "Eq": "eq", "NotEq": "ne"}
_UNARY = {"USub": "neg", "UAdd": "pos", "Invert": "invert", "Not": "not_"}
_AXES = ("x", "y", "z")
UNKNOWN = object()
ANY = "*"  # among the names of arrays that are written to: any of them


class Expressions(Calls):
    """Expressions. Part of `FunctionTranslator`."""

    indent: int

    def value(self, node: ast.expr, hint: str = "") -> str:
        """The Python expression (a name) that holds the value of `node`; emits what computes it."""
        known = self.known(node)
        if known is not None:
            return self.literal(node, known[0])
        if isinstance(node, ast.Call):
            return self.call(node, wanted=True, hint=hint)
        method = getattr(self, "on_" + type(node).__name__, None)
        if method is None:
            raise self.unsupported(node)
        return method(node)

    def result(self, expression: str) -> str:
        name = self.fresh()
        self.emit(f"{name} = {expression}")
        return name

    # -- what is known when translating -------------------------------------------------------------------------------

    def static(self, node: ast.expr) -> Any:
        """The Python object that `node` is at translation (global, closure, constant, attribute of one), or UNKNOWN."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return UNKNOWN if node.id in self.variables or node.id in self.nested else self.lookup(node)
        if isinstance(node, ast.Attribute):
            owner = self.static(node.value)
            if owner is UNKNOWN or cuda_objects().get(id(owner)) in ("threadIdx", "blockIdx", "blockDim", "gridDim"):
                return UNKNOWN
            if isinstance(owner, np.ndarray) and node.attr in ("shape", "size", "ndim"):
                return getattr(owner, node.attr)
            try:
                return getattr(owner, node.attr)
            except AttributeError as cause:
                raise self.fail(node, f"{ast.unparse(node)} does not exist") from cause
        return UNKNOWN

    def lookup(self, node: ast.Name) -> Any:
        """What a name of the surroundings refers to."""
        try:
            return self.source.lookup(node.id)
        except NameError as cause:
            raise self.fail(node, f"{node.id!r} is defined nowhere; assign it in the kernel, pass it as an argument or "
                            "define it at the top of the file") from cause

    def known(self, node: ast.expr) -> tuple[Any] | None:
        """(value,) where `node` is a number, tuple of numbers or array known now; folds constants."""
        if isinstance(node, ast.Constant | ast.Name | ast.Attribute):
            found = self.static(node)
            if isinstance(found, int | float | np.generic | np.ndarray | tuple) and not isinstance(found, type):
                if isinstance(found, tuple) and not _plain(found):
                    return None
                return (found,)
            return None
        if isinstance(node, ast.Tuple):
            parts = [self.known(e) for e in node.elts]
            return None if any(p is None or isinstance(p[0], np.ndarray) for p in parts) else (
                tuple(p[0] for p in parts if p is not None),)
        if isinstance(node, ast.UnaryOp):
            return self._fold_unary(node)
        if isinstance(node, ast.BinOp):
            return self._fold_binary(node)
        if isinstance(node, ast.Call):
            return self.known_call(node)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]).__name__ in _COMPARE:
            a, b = self.known(node.left), self.known(node.comparators[0])
            if a is not None and b is not None and _numbers(a, b):
                return (bool(numeric.COMPARE[_COMPARE[type(node.ops[0]).__name__]](a[0], b[0])),)
        if isinstance(node, ast.Subscript):
            a, b = self.known(node.value), self.known(node.slice)
            if a is not None and b is not None and isinstance(a[0], tuple) and isinstance(b[0], int):
                return (a[0][b[0]],)
        return None

    def _fold_unary(self, node: ast.UnaryOp) -> tuple[Any] | None:
        operand = self.known(node.operand)
        if operand is None or not _numbers(operand):
            return None
        x, name = operand[0], type(node.op).__name__
        if name == "Not":
            return (not x,)
        if isinstance(x, np.generic):
            return ({"USub": numeric.negate, "Invert": numeric.invert, "UAdd": lambda v: v}[name](x),)
        return ({"USub": lambda v: -v, "Invert": lambda v: ~v, "UAdd": lambda v: +v}[name](x),)

    def _fold_binary(self, node: ast.BinOp) -> tuple[Any] | None:
        a, b = self.known(node.left), self.known(node.right)
        if a is None or b is None or not _numbers(a, b):
            return None
        name = self.operator(node.op, node)
        with np.errstate(all="ignore"):
            result = numeric.binary(name, numeric.typed(a[0]), numeric.typed(b[0]))
        return (result.item() if not isinstance(a[0], np.generic) and not isinstance(b[0], np.generic) else result,)

    def literal(self, node: ast.AST, value: Any) -> str:
        """A constant of the program."""
        if isinstance(value, tuple):
            return self.program.constant(_typed(value), "tuple") if value else "()"
        if isinstance(value, np.ndarray):
            name = self.program.constant(value, "array")
            return self.result(f"m.constant({name}, {ast.unparse(node)!r})")
        if isinstance(value, str):
            raise self.fail(node, NO_STRINGS)
        return self.program.constant(numeric.typed(value))

    # -- names, attributes, subscripts --------------------------------------------------------------------------------

    def on_Name(self, node: ast.Name) -> str:
        self.stored.add(node.id)
        return self.variable(node)

    def variable(self, node: ast.expr) -> str:
        """A variable's name in the program."""
        if isinstance(node, ast.Name) and node.id in self.variables:
            if id(node) in self.unsure.reads:
                name = node.id
                self.emit(f"v_{name} = m.assured({self.line(node)}, v_{name}, w_{name}, {name!r})")
            return "v_" + node.id
        if not isinstance(node, ast.Name):
            return self.value(node)
        found = self.lookup(node)
        if isinstance(found, str):
            raise self.fail(node, NO_STRINGS)
        if found is None:
            return "none_"
        if isinstance(found, types.ModuleType):
            raise self.fail(node, f"module {node.id!r} is no value")
        raise self.fail(node, f"{node.id!r} is a {type(found).__name__}; a kernel can use numbers, tuples of numbers "
                        "and NumPy arrays of its surroundings: pass anything else as an argument")

    def on_Constant(self, node: ast.Constant) -> str:
        if node.value is None:
            return "none_"
        if isinstance(node.value, str):
            raise self.fail(node, NO_STRINGS)
        raise self.fail(node, f"a {type(node.value).__name__} has no meaning in a kernel")

    def base(self, node: ast.expr) -> str:
        """An array that is only looked into (so it does not count as handed on)."""
        if isinstance(node, ast.Name) and self.known(node) is None:
            return self.variable(node)
        return self.value(node)

    def on_Attribute(self, node: ast.Attribute) -> str:
        owner = self.static(node.value)
        if owner is not UNKNOWN:
            which = cuda_objects().get(id(owner))
            if which is not None and node.attr in _AXES:
                return f"m.{which}[{_AXES.index(node.attr)}]"
            return self.special(node, self.static(node))
        return self.result(f"m.attribute({self.line(node)}, {self.base(node.value)}, {node.attr!r})")

    def special(self, node: ast.expr, found: Any) -> str:
        """cuda.laneid and the like, used as values."""
        which = cuda_objects().get(id(found))
        if which == "laneid":
            return "m.laneid"
        if which == "warpsize":
            return self.program.constant(np.int32(32))
        raise self.fail(node, f"{ast.unparse(node)} cannot be used as a value in a kernel")

    def on_Subscript(self, node: ast.Subscript) -> str:
        base = self.base(node.value)
        sliced = isinstance(node.slice, ast.Slice) or (isinstance(node.slice, ast.Tuple) and any(
            isinstance(e, ast.Slice) for e in node.slice.elts))
        if sliced:
            self.note_store(node.value)
        index = self.index(node.slice)
        return self.result(f"m.{'part' if sliced else 'index'}({self.line(node)}, {base}, {index})")

    def index(self, node: ast.expr) -> str:
        """What stands in brackets; a negative number there is meant to count from the end."""
        if isinstance(node, ast.Tuple):
            return "(" + "".join(self.index(e) + ", " for e in node.elts).rstrip() + ")"
        known = self.known(node)
        if known is not None and isinstance(known[0], int | np.signedinteger) and known[0] < 0:
            return self.program.constant(numeric.FromEnd(known[0]), "from_end")
        return self.value(node)

    def on_Slice(self, node: ast.Slice) -> str:
        parts = ["None" if p is None else self.value(p) for p in (node.lower, node.upper, node.step)]
        return f"slice({', '.join(parts)})"

    def on_Tuple(self, node: ast.Tuple) -> str:
        return "(" + "".join(self.value(e) + ", " for e in node.elts).rstrip() + ")"

    def note_store(self, node: ast.expr) -> None:
        """The array that `node` names is written to (or may be)."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                self.stored.add(part.id)
                if part.id not in self.parameters and part.id not in self.own_arrays:
                    self.stored.add(ANY)  # another name for an array, or a part of one
                break

    note_escape = note_store

    # -- operators ----------------------------------------------------------------------------------------------------

    def operator(self, op: ast.operator, node: ast.AST) -> str:
        name = _OPERATORS.get(type(op).__name__)
        if name is None:
            raise self.fail(node, f"operator {type(op).__name__} has no meaning on numbers; write a loop for a matrix "
                            "product")
        return name

    def on_BinOp(self, node: ast.BinOp) -> str:
        left = self.value(node.left)
        right = self.value(node.right)
        return self.result(f"m.{self.operator(node.op, node)}({self.line(node)}, {left}, {right})")

    def on_UnaryOp(self, node: ast.UnaryOp) -> str:
        return self.result(f"m.{_UNARY[type(node.op).__name__]}({self.line(node)}, {self.value(node.operand)})")

    def on_Compare(self, node: ast.Compare) -> str:
        if len(node.ops) == 1:
            return self._compare(node, node.ops[0], self.side(node.left), node.comparators[0])
        return self._chain(node)

    def _compare(self, node: ast.Compare, op: ast.cmpop, left: str, right: ast.expr) -> str:
        if isinstance(op, ast.Is | ast.IsNot):
            if not (isinstance(right, ast.Constant) and right.value is None):
                raise self.fail(node, "`is` compares with None only; use ==")
            found = self.result(f"m.is_none({left})")
            return found if isinstance(op, ast.Is) else self.result(f"m.not_({self.line(node)}, {found})")
        name = _COMPARE.get(type(op).__name__)
        if name is None:
            raise self.fail(node, "`in` is not translated; compare with == and or")
        return self.result(f"m.{name}({self.line(node)}, {left}, {self.side(right)})")

    def side(self, node: ast.expr) -> str:
        """One side of a comparison; a float that float32 holds exactly becomes one, as the compiler makes it."""
        known = self.known(node)
        if known is not None and type(known[0]) is float:
            with np.errstate(over="ignore"):
                single = np.float32(known[0])
            if float(single) == known[0]:  # a Python float alone would be compared in float32
                return self.literal(node, single)
        return self.value(node)

    def _chain(self, node: ast.Compare) -> str:
        """A < b < c: each operand once, and later ones only by the threads for which the comparison still holds."""
        left, depth = self.side(node.left), self.indent
        result, first_saved = "", ""
        for k, (op, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            if k and not self._cheap(right):
                saved = self._narrow(result, True)
                first_saved = first_saved or saved
                self.emit("if m.mask.lanes:")
                self.indent += 1
            operand = self.side(right)
            name = _COMPARE.get(type(op).__name__)
            if name is None:
                raise self.fail(node, "only <, <=, >, >=, == and != can be chained")
            compared = self.result(f"m.{name}({self.line(node)}, {left}, {operand})")
            if not k:
                result = compared
            else:
                held = f"m.and_({self.line(node)}, {result}, {compared})"
                self.emit(f"{result} = {f'm.merge({held}, {result})' if first_saved else held}")
            left = operand
        self.indent = depth
        if first_saved:
            self.emit(f"m.mask = {first_saved}")
        return result

    def _cheap(self, node: ast.expr) -> bool:
        """True where evaluating `node` for threads that do not need it changes nothing (no access, no arithmetic)."""
        return not any(isinstance(n, ast.Call | ast.Subscript | ast.BinOp | ast.IfExp) or id(n) in self.unsure.reads
                       for n in ast.walk(node))

    def _narrow(self, condition: str, wanted: bool) -> str:
        saved = self.fresh("s")
        self.emit(f"{saved} = m.mask")
        self.emit(f"m.mask = m.narrow({condition}, {wanted})")
        return saved

    def on_BoolOp(self, node: ast.BoolOp) -> str:
        """and, or: the right side is evaluated only by the threads that need it (a guard before an access)."""
        is_and = isinstance(node.op, ast.And)
        result = self.value(node.values[0])
        for operand in node.values[1:]:
            if self._cheap(operand):
                result = self.result(f"m.{'and_' if is_and else 'or_'}({self.line(node)}, {result}, "
                                     f"{self.value(operand)})")
                continue
            merged = self.result(result)
            saved = self._narrow(merged, is_and)
            self.emit("if m.mask.lanes:")
            self.indent += 1
            right = self.value(operand)
            self.emit(f"{merged} = m.merge({right}, {merged})")
            self.indent -= 1
            self.emit(f"m.mask = {saved}")
            result = merged
        return result

    def on_IfExp(self, node: ast.IfExp) -> str:
        """A if c else b: each side only by the threads that take it."""
        known = self.known(node.test)
        if known is not None:
            return self.value(node.body if known[0] else node.orelse)
        condition = self.value(node.test)
        saved, then, other, result = self.fresh("s"), self.fresh("b"), self.fresh("e"), self.fresh()
        self.emit(f"{saved} = m.mask")
        self.emit(f"{then}, {other} = m.branch({self.line(node)}, {condition})")
        self.emit(f"{result} = None")
        for mask, side in ((then, node.body), (other, node.orelse)):
            self.emit(f"if {mask}.lanes:")
            self.indent += 1
            self.emit(f"m.mask = {mask}")
            self.emit(f"{result} = m.merge({self.value(side)}, {result})")
            self.indent -= 1
        self.emit(f"m.mask = {saved}")
        for side in (node.body, node.orelse):
            constant = self.known(side)
            if constant is not None and _numbers(constant):
                self.emit(f"{result} = m.unify({result}, {self.literal(side, constant[0])})")
        return result


def _numbers(*found: tuple[Any] | None) -> bool:
    return all(f is not None and isinstance(f[0], int | float | np.generic) for f in found)


def _plain(found: Any) -> bool:
    """A number, or a tuple of such."""
    return all(_plain(v) for v in found) if isinstance(found, tuple) else isinstance(found, int | float | np.generic)


def _typed(value: Any) -> Any:
    """A number or tuple of such, each with the type that Numba gives it."""
    return tuple(_typed(v) for v in value) if isinstance(value, tuple) else numeric.typed(value)


