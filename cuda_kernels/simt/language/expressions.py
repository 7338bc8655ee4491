"""The translator's expressions: each becomes one line `t3 = m.mul(12, t1, t2)`, and a name or constant stays itself."""
from __future__ import annotations

import ast
import enum
import types
from typing import Any

import numpy as np

from ..host.memory import DeviceArray
from ..machine import numeric
from ..machine.objects import Member
from .calls import Calls
from .names import as_dtype, cuda_objects
from .statics import COMPARE, DIMENSIONS, OPERATORS, UNKNOWN, Statics, numbers, typed
from .unsupported import NO_STRINGS

_UNARY = {"USub": "neg", "UAdd": "pos", "Invert": "invert", "Not": "not_"}
_RELATIONS = {"Is": "same", "IsNot": "not_same", "In": "contains", "NotIn": "not_contains"}
_CHEAP = (*"x y z shape size ndim real imag dtype itemsize laneid warpsize".split(), *DIMENSIONS)
_AXES = ("x", "y", "z")
ANY = "*"  # among the names of arrays that are written to: any of them


class Expressions(Calls, Statics):
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

    def literal(self, node: ast.AST, value: Any) -> str:
        """A constant of the program."""
        if isinstance(value, tuple):
            return self.program.constant(typed(value), "tuple") if value else "()"
        if isinstance(value, np.ndarray):
            name = self.program.constant(value, "array")
            return self.result(f"m.constant({name}, {ast.unparse(node)!r})")
        return self.program.constant(numeric.typed(value))

    # -- names, attributes, subscripts --------------------------------------------------------------------------------

    def on_Name(self, node: ast.Name) -> str:
        self.stored.add(node.id)
        return self.variable(node)

    def variable(self, node: ast.expr) -> str:
        """A variable's name in the program."""
        if isinstance(node, ast.Name) and node.id in self.variables and self.static(node) is UNKNOWN:
            if id(node) in self.unsure.reads:
                name = node.id
                self.emit(f"v_{name} = m.assured({self.line(node)}, v_{name}, w_{name}, {name!r})")
            return "v_" + node.id
        if not isinstance(node, ast.Name):
            return self.value(node)
        return self.special(node, self.static(node))

    def on_Constant(self, node: ast.Constant) -> str:
        return "..." if node.value is ... else self.special(node, node.value)

    def on_NamedExpr(self, node: ast.NamedExpr) -> str:
        """(a := value): assigned, and then read."""
        self.assign(node.target, self.value(node.value), node)
        return self.variable(ast.copy_location(ast.Name(node.target.id, ast.Load()), node))

    def base(self, node: ast.expr) -> str:
        """An array that is only looked into (so it does not count as handed on)."""
        if isinstance(node, ast.Name) and self.known(node) is None:
            return self.variable(node)
        return self.value(node)

    def on_Attribute(self, node: ast.Attribute) -> str:
        owner = self.static(node.value)
        if owner is not UNKNOWN:
            which = cuda_objects().get(id(owner))
            if which in DIMENSIONS:
                if node.attr not in _AXES:
                    raise self.fail(node, f"{ast.unparse(node)} does not exist; cuda.{which} has .x, .y and .z")
                return f"m.{which}[{_AXES.index(node.attr)}]"
            if not isinstance(owner, np.ndarray | np.generic | complex):
                return self.special(node, self.static(node))
        return self.result(f"m.attribute({self.line(node)}, {self.base(node.value)}, {node.attr!r})")

    def special(self, node: ast.expr, found: Any) -> str:
        """An object of the surroundings that is no number, as a value: cuda.laneid, cuda.threadIdx, an Enum member."""
        which = cuda_objects().get(id(found))
        if which == "laneid" or which in DIMENSIONS:
            return f"m.{which}"
        if which == "warpsize":
            return self.program.constant(np.int32(32))
        if found is None:
            return "none_"
        if isinstance(found, enum.Enum):
            return self.program.constant(Member(type(found), numeric.typed(found.value)), "member")
        dtype = as_dtype(found)
        if dtype is not None:
            return self.program.constant(dtype, "dtype")
        if isinstance(found, str):
            raise self.fail(node, NO_STRINGS)
        shown = ast.unparse(node)
        if isinstance(found, DeviceArray):
            name = self.program.constant(found, "device_array")
            return self.result(f"m.captured({name}, {shown!r})")
        if isinstance(found, types.ModuleType):
            raise self.fail(node, f"module {shown!r} is no value")
        raise self.fail(node, f"{shown!r} is a {type(found).__name__}; a kernel can use numbers, tuples of numbers and "
                        "NumPy arrays of its surroundings: pass anything else as an argument")

    def on_Subscript(self, node: ast.Subscript) -> str:
        base, line = self.base(node.value), self.line(node)
        field = self.static(node.slice)
        if isinstance(field, str):  # a record's field
            return self.result(f"m.attribute({line}, {base}, {field!r})")
        if isinstance(node.slice, ast.Constant) and node.slice.value is ...:
            raise self.fail(node, "Numba has no x[...]; write x itself, or x[:]")
        if is_part(node.slice):
            self.note_store(node.value)
            return self.result(f"m.part({line}, {base}, {self.index(node.slice)})")
        if type(field) is int or isinstance(node.slice, ast.UnaryOp) and self.known(node.slice) is not None:
            return self.result(f"m.static_item({line}, {base}, {self.index(node.slice)})")
        return self.result(f"m.index({line}, {base}, {self.index(node.slice)})")

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
        name = OPERATORS.get(type(op).__name__)
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
        name = _RELATIONS.get(type(op).__name__) or COMPARE[type(op).__name__]
        if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List):
            right = ast.copy_location(ast.Tuple(right.elts, ast.Load()), right)
        if name.removeprefix("not_") in ("same", "contains"):
            found = self.result(f"m.{name.removeprefix('not_')}({self.line(node)}, {left}, {self.value(right)})")
            return self.result(f"m.not_({self.line(node)}, {found})") if name.startswith("not_") else found
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
            name = _RELATIONS.get(type(op).__name__) or COMPARE[type(op).__name__]
            compared = self.result(f"m.{name.removeprefix('not_')}({self.line(node)}, {left}, {operand})")
            if name.startswith("not_"):
                compared = self.result(f"m.not_({self.line(node)}, {compared})")
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
        return not any(
            isinstance(n, ast.Call | ast.Subscript | ast.BinOp | ast.IfExp | ast.NamedExpr)
            or id(n) in self.unsure.reads
            or isinstance(n, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in n.ops)
            or isinstance(n, ast.Attribute) and n.attr not in _CHEAP for n in ast.walk(node))

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
            if constant is not None and numbers(constant):
                self.emit(f"{result} = m.unify({result}, {self.literal(side, constant[0])})")
        return result


def is_part(node: ast.AST) -> bool:
    """Does an index take a part of an array: has it a slice, `...` or None?"""
    return any(isinstance(e, ast.Slice) or (isinstance(e, ast.Constant) and e.value in (None, ...))
               for e in (node.elts if isinstance(node, ast.Tuple) else [node]))
