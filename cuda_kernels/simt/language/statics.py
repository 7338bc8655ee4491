"""What the translator knows before the kernel runs: constants, aliases, the shapes of shared and local arrays.

`T = 16` is a variable like any other, but Numba takes it as a shape, because it is assigned once, from a literal. And
`t = cuda.threadIdx` names no number at all: such a variable is an *alias*, and is replaced by what it stands for.
"""
from __future__ import annotations

import ast
import difflib
import dis
import enum
import math
import types
from typing import Any

import numpy as np

from ..machine import numeric
from ..machine.maths import math_arguments
from .draft import Draft
from .names import as_dtype, cuda_objects, operation

OPERATORS = {
    "Add": "add", "Sub": "sub", "Mult": "mul", "Div": "truediv", "FloorDiv": "floordiv", "Mod": "mod", "Pow": "pow",
    "LShift": "lshift", "RShift": "rshift", "BitAnd": "bitand", "BitOr": "bitor", "BitXor": "bitxor",
}
COMPARE = {"Lt": "lt", "LtE": "le", "Gt": "gt", "GtE": "ge", "Eq": "eq", "NotEq": "ne"}
DIMENSIONS = ("threadIdx", "blockIdx", "blockDim", "gridDim")
_OF_CUDA = (*DIMENSIONS, "grid", "gridsize", "syncthreads", "shared", "local", "atomic", "laneid", "warpsize")
UNKNOWN = object()
_NUMBERS = (int, float, complex, np.generic)
_VALUES = (*_NUMBERS, tuple, np.ndarray, enum.Enum, type(None))  # what a variable of the kernel may hold
_LIBRARIES = ("numba", "numpy", "math", "cmath", "operator", "builtins", "llvmlite")
_FOREIGN_OBJECT = ("{} is an attribute of a Python object ({}), which Numba refuses: a kernel sees numbers, tuples, "
                   "NumPy arrays, modules and Enum members of its surroundings. Write {} = {} at the top of the file, "
                   "or pass it as an argument")


class Statics:
    """What is known of a draft's names and expressions."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.aliases: dict[str, Any] = {}

    def static(self, node: ast.AST) -> Any:
        """The Python object that `node` is at translation (global, closure, constant, attribute of one), or UNKNOWN."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            if node.id in self.draft.bound:
                return self.draft.bound[node.id]
            if node.id in self.draft.variables or node.id in self.draft.nested:
                return self.alias(node.id)
            return self.lookup(node)
        if isinstance(node, ast.Attribute):
            return self._static_attribute(node)
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            found = self.static(node.func)
            if found in (np.finfo, np.iinfo, np.dtype):
                what = self.static(node.args[0])
                return UNKNOWN if what is UNKNOWN else found(getattr(what, "name", what) if found is not np.dtype
                                                             else what)
        return UNKNOWN

    def _static_attribute(self, node: ast.Attribute) -> Any:
        owner = self.static(node.value)
        if owner is UNKNOWN or cuda_objects().get(id(owner)) in DIMENSIONS:
            return UNKNOWN
        if isinstance(owner, enum.Enum) and node.attr == "name":
            raise self.draft.fail(node, f"{ast.unparse(node)} is a text; a kernel has no strings: use .value")
        try:
            found = getattr(owner, node.attr)
        except AttributeError as cause:
            near = difflib.get_close_matches(node.attr, dir(owner), 1)
            meant = f"; did you mean {ast.unparse(node.value)}.{near[0]}?" if near else ""
            raise self.draft.fail(node, f"{ast.unparse(node)} does not exist{meant}") from cause
        if isinstance(found, enum.Flag):
            raise self.draft.fail(node, f"{ast.unparse(node)} is a Flag, which Numba does not type; take its .value")
        if isinstance(owner, np.finfo | np.iinfo) and self.static(node.value) is not UNKNOWN and isinstance(
                node.value, ast.Name) and node.value.id not in self.draft.variables:
            raise self.draft.fail(node, f"{node.value.id!r} is a global {type(owner).__name__} object, which Numba "
                                        "refuses; write np.finfo(...) in the kernel, or give the number a name at "
                                        "the top of the file")
        if not _seen_by_numba(owner) and isinstance(found, (*_NUMBERS, tuple, np.ndarray)):
            raise self.draft.fail(node, _FOREIGN_OBJECT.format(
                ast.unparse(node), type(owner).__name__, node.attr.upper(), ast.unparse(node)))
        return found

    def alias(self, name: str) -> Any:
        """What a variable stands for that is assigned once and holds no value (t = cuda.threadIdx, f = helper)."""
        if name not in self.aliases:
            self.aliases[name] = UNKNOWN  # in case it is assigned from itself
            if name in self.draft.once:
                found = self.static(self.draft.once[name])
                if not isinstance(found, _VALUES) or isinstance(found, type):
                    self.aliases[name] = found
        return self.aliases[name]

    def lookup(self, node: ast.Name) -> Any:
        """What a name of the surroundings refers to."""
        try:
            return self.draft.source.lookup(node.id)
        except NameError as cause:
            near = difflib.get_close_matches(node.id, self.draft.variables, 1, 0.75)
            meant = f"cuda.{node.id}" if node.id in _OF_CUDA else near[0] if near else ""
            define = "assign it in the kernel, pass it as an argument or define it at the top of the file"
            cure = f"did you mean {meant}?" if meant else define
            raise self.draft.fail(node, f"{node.id!r} is defined nowhere; {cure}") from cause

    def known(self, node: ast.expr) -> tuple[Any] | None:
        """(value,) where `node` is a number, tuple of numbers or array known now; folds constants."""
        if isinstance(node, ast.Constant | ast.Name | ast.Attribute):
            found = self.static(node)
            if isinstance(found, (*_NUMBERS, np.ndarray, tuple)) and not isinstance(found, type):
                if isinstance(found, tuple) and not _plain(found):
                    return None
                return (found,)
            return None
        if isinstance(node, ast.Tuple):
            parts = [self.known(e) for e in node.elts]
            return None if any(p is None or isinstance(p[0], np.ndarray) for p in parts) else (
                tuple(p[0] for p in parts if p is not None),)
        if isinstance(node, ast.UnaryOp | ast.BinOp):
            folded = _folded_by_python(node)
            if folded is not None:
                return folded
        if isinstance(node, ast.UnaryOp):
            return self._fold_unary(node)
        if isinstance(node, ast.BinOp):
            return self._fold_binary(node)
        if isinstance(node, ast.Call):
            return self._fold_call(node)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._fold_compare(node)
        if isinstance(node, ast.Subscript):
            a, b = self.known(node.value), self.known(node.slice)
            if a is not None and b is not None and isinstance(a[0], tuple) and isinstance(b[0], int):
                return (a[0][b[0]],)
        return None

    def _fold_compare(self, node: ast.Compare) -> tuple[Any] | None:
        name = COMPARE.get(type(node.ops[0]).__name__)
        if name is None:
            return None
        a, b = self.known(node.left), self.known(node.comparators[0])
        if a is not None and b is not None:
            ordered = name in ("eq", "ne") or not any(isinstance(f[0], complex | np.complexfloating) for f in (a, b))
            return (bool(numeric.COMPARE[name](a[0], b[0])),) if numbers(a, b) and ordered else None
        left, right = self.static(node.left), self.static(node.comparators[0])
        if name in ("eq", "ne") and type(left) is type(right) and isinstance(left, str | np.dtype | enum.Enum):
            return ((left == right) == (name == "eq"),)
        return None

    def _fold_unary(self, node: ast.UnaryOp) -> tuple[Any] | None:
        operand = self.known(node.operand)
        if operand is None or not numbers(operand):
            return None
        x, name = operand[0], type(node.op).__name__
        if name == "Not":
            return (not x,)
        if isinstance(x, np.generic):
            return ({"USub": numeric.negate, "Invert": numeric.invert, "UAdd": lambda v: v}[name](x),)
        return ({"USub": lambda v: -v, "Invert": lambda v: ~v, "UAdd": lambda v: +v}[name](x),)

    def _fold_binary(self, node: ast.BinOp) -> tuple[Any] | None:
        a, b = self.known(node.left), self.known(node.right)
        if a is None or b is None or not numbers(a, b):
            return None
        name = self.operator(node.op, node)
        with np.errstate(all="ignore"):
            result = numeric.binary(name, numeric.typed(a[0]), numeric.typed(b[0]))
        return (result.item() if not isinstance(a[0], np.generic) and not isinstance(b[0], np.generic) else result,)

    def operator(self, op: ast.operator, node: ast.AST) -> str:
        name = OPERATORS.get(type(op).__name__)
        if name is None:
            raise self.draft.fail(node, f"operator {type(op).__name__} has no meaning on numbers; write a loop for a "
                                        "matrix product")
        return name

    def _fold_call(self, node: ast.Call) -> tuple[Any] | None:
        """float32(0), -math.inf, min(TILE, 8), math.sqrt(2.0), len(SIZES): constants."""
        if node.keywords or not node.args:
            return None
        found = self.static(node.func)
        if found is UNKNOWN:
            return None
        if len(node.args) == 1 and found in (float, len, ord):
            text = self.static(node.args[0])
            if isinstance(text, str):
                return (found(text),)
        arguments = [self.known(a) for a in node.args]
        if any(a is None or isinstance(a[0], np.ndarray) for a in arguments):
            return None
        values = [a[0] for a in arguments if a is not None]
        dtype = as_dtype(found)
        if dtype is not None and len(values) == 1 and not isinstance(values[0], tuple):
            with np.errstate(all="ignore"):
                return (numeric.cast(numeric.typed(values[0]), dtype),)
        name = operation(found) or ""
        if name == "builtin.complex" and all(isinstance(v, int | float) for v in values):
            return (complex(*values),)
        if name in ("builtin.min", "builtin.max", "builtin.int", "builtin.abs", "builtin.len"):
            return (found(*values),)
        if (name.startswith("math.") and len(values) in math_arguments(name[5:])
                and all(isinstance(v, int | float) for v in values)):
            try:
                result = getattr(math, name[5:])(*values)
            except (ValueError, OverflowError):  # nan or inf on a GPU
                return None
            return (float(result) if isinstance(result, int) and not isinstance(result, bool) else result,) if (
                isinstance(result, int | float)) else None
        return None

    # -- shapes of shared and local arrays ----------------------------------------------------------------------------

    def constant_shape(self, node: ast.expr) -> tuple[int, ...] | None:
        """The shape that Numba reads from `node` (compiled with numba-cuda 0.30.4), or None where it reads none.

        Literals, global or closure ints, tuples of them, and variables that are assigned from such: Numba does not
        compute shapes, so (TILE, TILE + 1) is none, nor is a NumPy integer or an attribute of a module.
        """
        if isinstance(node, ast.Name) and node.id in self.draft.variables:
            return self._shape_of_variable(node)
        if isinstance(node, ast.Tuple):
            parts = [self.constant_shape(e) for e in node.elts]
            return None if any(p is None or len(p) != 1 for p in parts) else tuple(p[0] for p in parts if p)
        if isinstance(node, ast.Attribute) or any(isinstance(n, ast.Call) for n in ast.walk(node)):
            return None
        if (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
                and node.value.id in self.draft.variables):
            whole, place = self.constant_shape(node.value), self.known(node.slice)
            return None if whole is None or place is None else _constant_of(whole[place[0]])
        literal = not any(isinstance(n, ast.Name) for n in ast.walk(node))
        if not literal and not isinstance(node, ast.Name | ast.Subscript):
            return None
        found = self.known(node)
        return None if found is None else _constant_of(found[0])

    def _shape_of_variable(self, node: ast.Name) -> tuple[int, ...] | None:
        """What a variable holds where it is a shape: a constant on every path, or a literal argument of the call."""
        if node.id in self.draft.literals:
            self.draft.literals_used = True
            return _constant_of(self.draft.literals[node.id])
        values = self.draft.values_of.pop(node.id, [])  # out of the way, in case one refers to itself
        before = [v for v, outermost in values if v.lineno <= node.lineno] if all(o for _, o in values) else []
        shapes = {self.constant_shape(v) for v in before[-1:] or [v for v, _ in values]}
        self.draft.values_of[node.id] = values
        return shapes.pop() if len(shapes) == 1 else None


def _folded_by_python(node: ast.expr) -> tuple[Any] | None:
    """(value,) of an expression of literals, which Python itself has computed when it compiled the kernel: 2 ** -1."""
    if any(isinstance(n, ast.Name | ast.Call | ast.Attribute | ast.Subscript) for n in ast.walk(node)):
        return None
    code = compile(ast.Expression(node), "literals", "eval")
    if any(i.opname.startswith(("BINARY", "UNARY")) for i in dis.get_instructions(code)):
        return None  # Python leaves out what is large, or raises
    value = eval(code, {"__builtins__": {}})  # noqa: S307
    return (value,) if isinstance(value, int | float | complex) or _plain(value) else None


def _constant_of(value: Any) -> tuple[int, ...] | None:
    """A shape made of Python's own ints, or None."""
    extent = value if type(value) is tuple else (value,)
    return extent if extent and all(type(n) is int for n in extent) else None


def _seen_by_numba(owner: Any) -> bool:
    """Does Numba type attributes of this object: a module's, an array's, an Enum's, a named tuple's?"""
    if isinstance(owner, types.ModuleType | np.ndarray | enum.Enum | enum.EnumMeta | np.dtype | int | float | complex):
        return True
    if isinstance(owner, tuple) and hasattr(owner, "_fields"):
        return True
    kind = owner if isinstance(owner, type) else type(owner)
    return kind.__module__.split(".")[0] in _LIBRARIES


def numbers(*found: tuple[Any] | None) -> bool:
    """Are all of these known, and numbers?"""
    return all(f is not None and isinstance(f[0], _NUMBERS) for f in found)


def _plain(found: Any) -> bool:
    """A number, or a tuple of such."""
    return all(_plain(v) for v in found) if isinstance(found, tuple) else isinstance(found, _NUMBERS)


def typed(value: Any) -> Any:
    """A number or tuple of such, each with the type that Numba gives it."""
    if not isinstance(value, tuple):
        return numeric.typed(value)
    parts = [typed(v) for v in value]
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
