"""Expressions: each becomes one line `t3 = numbers.mul(12, t1, t2)`, and a name or constant stays itself."""
from __future__ import annotations

import ast
import enum
import types
from typing import Any

import numpy as np

from ..errors import UnsupportedSyntax
from ..machine import numeric
from ..state import Member
from .calls import Calls
from .draft import Draft
from .names import as_dtype, cuda_objects
from .statics import COMPARE, DIMENSIONS, UNKNOWN, Statics, numbers, typed
from .unsupported import INSTEAD, NO_STRINGS

_UNARY = {"USub": "neg", "UAdd": "pos", "Invert": "invert", "Not": "not_"}
_RELATIONS = {"Is": "numbers.same", "IsNot": "numbers.same", "In": "sequences.contains", "NotIn": "sequences.contains"}
_CHEAP = (*"x y z shape size ndim real imag dtype itemsize laneid warpsize".split(), *DIMENSIONS)
_AXES = ("x", "y", "z")


class Expressions:
    """Values, and what is assigned."""

    def __init__(self, draft: Draft, statics: Statics) -> None:
        self.draft = draft
        self.statics = statics
        self.calls = Calls(draft, statics, self)

    def value(self, node: ast.expr, hint: str = "") -> str:
        """The Python expression (a name) that holds the value of `node`; emits what computes it."""
        known = self.statics.known(node)
        if known is not None:
            return self.literal(node, known[0])
        if isinstance(node, ast.Call):
            return self.calls.call(node, wanted=True, hint=hint)
        method = getattr(self, "on_" + type(node).__name__, None)
        if method is None:
            raise unsupported(self.draft, node)
        return method(node)

    def literal(self, node: ast.AST, value: Any) -> str:
        """A constant of the program."""
        if isinstance(value, tuple):
            return self.draft.program.constant(typed(value), "tuple") if value else "()"
        if isinstance(value, np.ndarray):
            name = self.draft.program.constant(value, "array")
            return self.draft.result(f"memory.constant({name}, {ast.unparse(node)!r})")
        return self.draft.program.constant(numeric.typed(value))

    # -- names, attributes, subscripts --------------------------------------------------------------------------------

    def on_Name(self, node: ast.Name) -> str:
        self.draft.stored.add(node.id)
        return self.variable(node)

    def variable(self, node: ast.expr) -> str:
        """A variable's name in the program."""
        if isinstance(node, ast.Name) and node.id in self.draft.variables and self.statics.static(node) is UNKNOWN:
            if id(node) in self.draft.unsure.reads:
                name = node.id
                self.draft.do(node, "variables.assured", f"v_{name}", f"w_{name}", repr(name), to=f"v_{name}")
            return "v_" + node.id
        if not isinstance(node, ast.Name):
            return self.value(node)
        return self.special(node, self.statics.static(node))

    def on_Constant(self, node: ast.Constant) -> str:
        return "..." if node.value is ... else self.special(node, node.value)

    def on_NamedExpr(self, node: ast.NamedExpr) -> str:
        """(a := value): assigned, and then read."""
        self.assign(node.target, self.value(node.value), node)
        return self.variable(ast.copy_location(ast.Name(node.target.id, ast.Load()), node))

    def base(self, node: ast.expr) -> str:
        """An array that is only looked into (so it does not count as handed on)."""
        if isinstance(node, ast.Name) and self.statics.known(node) is None:
            return self.variable(node)
        return self.value(node)

    def on_Attribute(self, node: ast.Attribute) -> str:
        owner = self.statics.static(node.value)
        if owner is not UNKNOWN:
            which = cuda_objects().get(id(owner))
            if which in DIMENSIONS:
                if node.attr not in _AXES:
                    raise self.draft.fail(node, f"{ast.unparse(node)} does not exist; cuda.{which} has .x, .y and .z")
                return f"threads.{which}[{_AXES.index(node.attr)}]"
            if not isinstance(owner, np.ndarray | np.generic | complex):
                return self.special(node, self.statics.static(node))
        return self.draft.call(node, "arrays.attribute", self.base(node.value), repr(node.attr))

    def special(self, node: ast.expr, found: Any) -> str:
        """An object of the surroundings that is no number, as a value: cuda.laneid, cuda.threadIdx, an Enum member."""
        which = cuda_objects().get(id(found))
        if which == "laneid" or which in DIMENSIONS:
            return f"threads.{which}"
        if which == "warpsize":
            return self.draft.program.constant(np.int32(32))
        if found is None:
            return "none_"
        if isinstance(found, enum.Enum):
            return self.draft.program.constant(Member(type(found), numeric.typed(found.value)), "member")
        dtype = as_dtype(found)
        if dtype is not None:
            return self.draft.program.constant(dtype, "dtype")
        if isinstance(found, str):
            raise self.draft.fail(node, NO_STRINGS)
        shown = ast.unparse(node)
        if hasattr(found, "__cuda_memory__") and hasattr(found, "ary"):  # a device array of host/memory.py
            name = self.draft.program.constant(found, "device_array")
            return self.draft.result(f"memory.captured({name}, {shown!r})")
        if isinstance(found, types.ModuleType):
            raise self.draft.fail(node, f"module {shown!r} is no value")
        raise self.draft.fail(node, f"{shown!r} is a {type(found).__name__}; a kernel can use numbers, tuples of "
                                    "numbers and NumPy arrays of its surroundings: pass anything else as an "
                                    "argument")

    def on_Subscript(self, node: ast.Subscript) -> str:
        base, line = self.base(node.value), self.draft.line(node)
        field = self.statics.static(node.slice)
        if isinstance(field, str):  # a record's field
            return self.draft.result(f"arrays.attribute({line}, {base}, {field!r})")
        if isinstance(node.slice, ast.Constant) and node.slice.value is ...:
            raise self.draft.fail(node, "Numba has no x[...]; write x itself, or x[:]")
        if is_part(node.slice):
            self.draft.note_store(node.value)
            return self.draft.result(f"arrays.part({line}, {base}, {self.index(node.slice)})")
        if type(field) is int or isinstance(node.slice, ast.UnaryOp) and self.statics.known(node.slice) is not None:
            return self.draft.result(f"arrays.static_item({line}, {base}, {self.index(node.slice)})")
        return self.draft.result(f"arrays.index({line}, {base}, {self.index(node.slice)})")

    def index(self, node: ast.expr) -> str:
        """What stands in brackets; a negative number there is meant to count from the end."""
        if isinstance(node, ast.Tuple):
            return "(" + "".join(self.index(e) + ", " for e in node.elts).rstrip() + ")"
        known = self.statics.known(node)
        if known is not None and isinstance(known[0], int | np.signedinteger) and known[0] < 0:
            return self.draft.program.constant(numeric.FromEnd(known[0]), "from_end")
        return self.value(node)

    def on_Slice(self, node: ast.Slice) -> str:
        parts = ["None" if p is None else self.value(p) for p in (node.lower, node.upper, node.step)]
        return f"slice({', '.join(parts)})"

    def on_Tuple(self, node: ast.Tuple) -> str:
        return "(" + "".join(self.value(e) + ", " for e in node.elts).rstrip() + ")"

    # -- operators ----------------------------------------------------------------------------------------------------

    def on_BinOp(self, node: ast.BinOp) -> str:
        left = self.value(node.left)
        right = self.value(node.right)
        return self.draft.call(node, f"numbers.{self.statics.operator(node.op, node)}", left, right)

    def on_UnaryOp(self, node: ast.UnaryOp) -> str:
        return self.draft.call(node, f"numbers.{_UNARY[type(node.op).__name__]}", self.value(node.operand))

    def on_Compare(self, node: ast.Compare) -> str:
        if len(node.ops) == 1:
            return self._compare(node, node.ops[0], self.side(node.left), node.comparators[0])
        return self._chain(node)

    def _compare(self, node: ast.Compare, op: ast.cmpop, left: str, right: ast.expr) -> str:
        if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List):
            right = ast.copy_location(ast.Tuple(right.elts, ast.Load()), right)
        related = type(op).__name__ in _RELATIONS
        return self._compared(node, op, left, self.value(right) if related else self.side(right))

    def _compared(self, node: ast.Compare, op: ast.cmpop, left: str, right: str) -> str:
        kind = type(op).__name__
        call = _RELATIONS[kind] if kind in _RELATIONS else f"numbers.{COMPARE[kind]}"
        found = self.draft.call(node, call, left, right)
        return self.draft.call(node, "numbers.not_", found) if "Not" in kind and kind != "NotEq" else found

    def side(self, node: ast.expr) -> str:
        """One side of a comparison; a float that float32 holds exactly becomes one, as the compiler makes it."""
        known = self.statics.known(node)
        if known is not None and type(known[0]) is float:
            with np.errstate(over="ignore"):
                single = np.float32(known[0])
            if float(single) == known[0]:  # a Python float alone would be compared in float32
                return self.literal(node, single)
        return self.value(node)

    def _chain(self, node: ast.Compare) -> str:
        """A < b < c: each operand once, and later ones only by the threads for which the comparison still holds."""
        left, depth = self.side(node.left), self.draft.indent
        result, first_saved = "", ""
        for k, (op, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            if k and not self._cheap(right):
                saved = self._narrow(result, True)
                first_saved = first_saved or saved
                self.draft.emit("if lanes.mask.lanes:")
                self.draft.indent += 1
            operand = self.side(right)
            compared = self._compared(node, op, left, operand)
            if not k:
                result = compared
            else:
                held = self.draft.text_of(node, "numbers.and_", result, compared)
                self.draft.emit(f"{result} = {f'variables.merge({held}, {result})' if first_saved else held}")
            left = operand
        self.draft.indent = depth
        if first_saved:
            self.draft.emit(f"lanes.mask = {first_saved}")
        return result

    def _cheap(self, node: ast.expr) -> bool:
        """True where evaluating `node` for threads that do not need it changes nothing (no access, no arithmetic)."""
        return not any(
            isinstance(n, ast.Call | ast.Subscript | ast.BinOp | ast.IfExp | ast.NamedExpr)
            or id(n) in self.draft.unsure.reads
            or isinstance(n, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in n.ops)
            or isinstance(n, ast.Attribute) and n.attr not in _CHEAP for n in ast.walk(node))

    def _narrow(self, condition: str, wanted: bool) -> str:
        saved = self.draft.fresh("s")
        self.draft.emit(f"{saved} = lanes.mask")
        self.draft.emit(f"lanes.mask = control.narrow({condition}, {wanted})")
        return saved

    def on_BoolOp(self, node: ast.BoolOp) -> str:
        """and, or: the right side is evaluated only by the threads that need it (a guard before an access)."""
        is_and = isinstance(node.op, ast.And)
        result = self.value(node.values[0])
        for operand in node.values[1:]:
            if self._cheap(operand):
                result = self.draft.call(node, "numbers.and_" if is_and else "numbers.or_", result, self.value(operand))
                continue
            merged = self.draft.result(result)
            saved = self._narrow(merged, is_and)
            with self.draft.under("if lanes.mask.lanes:"):
                self.draft.emit(f"{merged} = variables.merge({self.value(operand)}, {merged})")
            self.draft.emit(f"lanes.mask = {saved}")
            result = merged
        return result

    def on_IfExp(self, node: ast.IfExp) -> str:
        """A if c else b: each side only by the threads that take it."""
        known = self.statics.known(node.test)
        if known is not None:
            return self.value(node.body if known[0] else node.orelse)
        condition = self.value(node.test)
        saved, then, other, result = (self.draft.fresh(prefix) for prefix in "sbet")
        self.draft.emit(f"{saved} = lanes.mask")
        self.draft.do(node, "control.branch", condition, to=f"{then}, {other}")
        self.draft.emit(f"{result} = None")
        for mask, side in ((then, node.body), (other, node.orelse)):
            with self.draft.under(f"if {mask}.lanes:"):
                self.draft.emit(f"lanes.mask = {mask}")
                self.draft.emit(f"{result} = variables.merge({self.value(side)}, {result})")
        self.draft.emit(f"lanes.mask = {saved}")
        for side in (node.body, node.orelse):
            constant = self.statics.known(side)
            if constant is not None and numbers(constant):
                self.draft.emit(f"{result} = variables.unify({result}, {self.literal(side, constant[0])})")
        return result

    # -- targets ------------------------------------------------------------------------------------------------------

    def assign(self, target: ast.expr, value: str, node: ast.AST) -> None:
        if isinstance(target, ast.Name):
            self.draft.held.add(target.id)
            self.draft.emit(f"v_{target.id} = variables.put({value}, v_{target.id})")
            if target.id in self.draft.unsure.names:
                self.draft.emit(f"w_{target.id} = variables.remember(w_{target.id})")
        elif isinstance(target, ast.Tuple | ast.List):
            parts = [self.draft.fresh() for _ in target.elts]
            left = ", ".join(parts) + "," * (len(parts) == 1)
            self.draft.do(node, "sequences.unpack", value, len(parts), to=left)
            for element, part in zip(target.elts, parts, strict=True):
                self.assign(element, part, node)
        elif isinstance(target, ast.Subscript):
            base, field = self.value(target.value), self.statics.static(target.slice)
            self.draft.note_store(target.value)
            if isinstance(field, str):
                self.draft.do(node, "arrays.set_field", base, repr(field), value)
                return
            kind = "store_part" if is_part(target.slice) else "store"
            self.draft.do(node, f"arrays.{kind}", base, self.index(target.slice), value)
        elif isinstance(target, ast.Attribute):
            base = self.value(target.value)
            self.draft.note_store(target.value)
            self.draft.do(node, "arrays.set_field", base, repr(target.attr), value)
        else:
            raise self.draft.fail(node, "only variables, array elements and a record's fields can be assigned in a "
                                        "kernel")


def unsupported(draft: Draft, node: ast.AST) -> UnsupportedSyntax:
    """The error for Python that a kernel cannot contain."""
    what = INSTEAD.get(type(node).__name__, f"{type(node).__name__}; write it with plain assignments, if and loops")
    return draft.fail(node, "a kernel cannot contain " + what + ".")


def is_part(node: ast.AST) -> bool:
    """Does an index take a part of an array: has it a slice, `...` or None?"""
    return any(isinstance(e, ast.Slice) or (isinstance(e, ast.Constant) and e.value in (None, ...))
               for e in (node.elts if isinstance(node, ast.Tuple) else [node]))
