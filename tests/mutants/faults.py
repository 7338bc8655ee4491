"""Single-place faults: every place in a source file where one small change makes the program wrong.

What only a reader sees is left alone: docstrings and other strings, messages, annotations, `__repr__`, looks.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

OPERATORS: dict[type, tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"), ast.Pow: ("**", "*"), ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.BitXor: ("^", "&"), ast.MatMult: ("@", "*"),
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"), ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any",
         "argmax": "argmin", "argmin": "argmax", "floor": "ceil", "ceil": "floor", "zeros": "ones", "ones": "zeros",
         "zeros_like": "ones_like", "ones_like": "zeros_like", "sum": "max", "append": "extend",
         "sin": "cos", "cos": "sin", "sorted": "list", "reversed": "list"}  # fmt: skip
# Calls whose arguments are words for a reader, and keywords that say how a picture or a line of text looks.
WORDS = ("Error", "Warning", "warn", "print", "echo", "set_title", "set_xlabel", "set_ylabel", "annotate", "text",
         "Option", "Argument", "Note", "Finding", "add_argument", "cast", "TypeVar", "NewType")  # fmt: skip
LOOKS = {"figsize", "fontsize", "size", "color", "colors", "c", "alpha", "lw", "linewidth", "ls", "linestyle", "marker",
         "cmap", "ha", "va", "pad", "zorder", "labelpad", "dpi", "rotation", "weight", "edgecolor", "facecolor", "help",
         "width_ratios", "height_ratios", "constrained_layout", "stacklevel", "family", "from_none", "hspace",
         "wspace", "markersize", "ms", "s", "labelsize", "bbox_inches", "bbox_to_anchor", "frameon", "loc", "length",
         "description", "hints", "frozen", "slots", "repr", "maxsize", "indent"}  # fmt: skip
# Two arguments that may change places.
COMMUTE = ("min", "max", "minimum", "maximum", "add", "multiply", "gcd", "array_equal", "isclose", "logical_and",
           "logical_or", "hypot", "broadcast_shapes", "result_type", "promote_types", "commonpath")  # fmt: skip
# What a rung declares for the compile gate, whose tests run in another environment.
FOR_THE_GATE = ("Build", "Shapes", "Claims", "builds")
LEFT_OUT = ("__repr__", "__str__", "_repr_html_", "_repr_mimebundle_", "_ipython_display_", "__dir__")


class Fault(NamedTuple):
    """Text between two positions of a file, with what stands there instead."""

    file: str
    start: int
    end: int
    kind: str
    new: str

    def apply(self, source: str) -> str:
        """The file with the fault in it."""
        return source[: self.start] + self.new + source[self.end :]

    def line(self, source: str) -> int:
        """The line that it begins in."""
        return source.count("\n", 0, self.start) + 1

    def diff(self, source: str) -> str:
        """The lines before and after."""
        lines = difflib.unified_diff(source.splitlines(), self.apply(source).splitlines(), lineterm="", n=0)
        return "\n".join(line for line in lines if line[:3] not in ("---", "+++") and line[:2] != "@@")


def faults_of(file: str, source: str) -> list[Fault]:
    """Every fault that can be planted in this file."""
    found = dict.fromkeys(_Finder(file, source).faults(ast.parse(source)))
    return [fault for fault in found if source[fault.start : fault.end] != fault.new]


def files_of(root: Path) -> Iterator[tuple[str, str]]:
    """Path and text of what faults are planted in: both packages, without the compile gate (another environment)."""
    for package in ("minidl", "cuda_kernels"):
        for path in sorted((root / package).rglob("*.py")):
            if path.parent != root / "cuda_kernels" / "compile":
                yield str(path.relative_to(root)), path.read_text(encoding="utf-8")


def _is_promise(call: ast.AST, part: ast.AST) -> bool:
    """Whether this is the `strict=True` of a zip: a promise that lengths are equal, which nothing relies on."""
    of_zip = isinstance(call, ast.Call) and getattr(call.func, "id", "") == "zip"
    return of_zip and isinstance(part, ast.keyword) and getattr(part.value, "value", None) is True


class _Finder:
    """Walks a tree, leaving out what only a reader sees."""

    def __init__(self, file: str, source: str) -> None:
        self.file, self.source = file, source
        self.begins = [0]  # of each line, in characters
        for line in source.splitlines(keepends=True):
            self.begins.append(self.begins[-1] + len(line))
        self.lines = [line.encode() for line in source.splitlines()]

    def faults(self, node: ast.AST) -> Iterator[Fault]:
        """The faults at a node, then those below it."""
        if self._only_for_readers(node):
            return
        if not isinstance(node, ast.Constant | ast.Name | ast.Attribute | ast.arguments):
            yield from self._at_structure(node)
        yield from self._at_leaf(node)
        for child in self._children(node):
            yield from self.faults(child)

    def _only_for_readers(self, node: ast.AST) -> bool:
        match node:
            case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.Global() | ast.Nonlocal():
                return True
            case ast.FunctionDef(name=name):
                return name in LEFT_OUT
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                return True
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="v"))) if self.file.startswith("minidl/testing/"):
                return True  # an input of some size: another is as good
            case ast.Call(func=ast.Name(id="case" | "extreme" | "_extreme")):  # likewise
                return self.file.startswith(("minidl/testing/", "minidl/course/exercises/"))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                return name.endswith(WORDS) or name in ("fail", "refuse", *FOR_THE_GATE)
            case ast.keyword(arg=name):
                return name in LOOKS or name in ("builds", "shapes")
        return False

    def _children(self, node: ast.AST) -> Iterator[ast.AST]:
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "type_comment", "type_params", "ctx"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _is_promise(node, child):
                    yield child

    def _at(self, node: ast.AST, end: bool = False) -> int:
        line, column = (node.end_lineno, node.end_col_offset) if end else (node.lineno, node.col_offset)
        return self.begins[line - 1] + len(self.lines[line - 1][:column].decode())

    def _text(self, node: ast.AST) -> str:
        return self.source[self._at(node) : self._at(node, end=True)]

    def _replaced(self, node: ast.AST, kind: str, new: str) -> Fault:
        return Fault(self.file, self._at(node), self._at(node, end=True), kind, new)

    def _operator(self, left: ast.AST, right: ast.AST, operator: ast.AST) -> Iterator[Fault]:
        old, new = OPERATORS[type(operator)]
        start = self.source.find(old, self._at(left, end=True), self._at(right))
        if start >= 0:
            kind = {ast.cmpop: "comparison", ast.boolop: "and/or"}.get(type(operator).__base__, "sign")
            yield Fault(self.file, start, start + len(old), kind, new)

    def _at_structure(self, node: ast.AST) -> Iterator[Fault]:
        """A changed operator, a dropped term, keyword or statement, swapped arguments, a negated condition."""
        match node:
            case ast.BinOp(left=left, right=right, op=operator):
                if not isinstance(left, ast.Constant) or not isinstance(left.value, str):
                    yield from self._operator(left, right, operator)
                    if isinstance(operator, ast.Add | ast.Sub | ast.Mult):
                        yield self._replaced(node, "term dropped", self._text(left))
            case ast.Compare(left=left, ops=operators, comparators=others):
                for before, after, operator in zip([left, *others[:-1]], others, operators, strict=True):
                    yield from self._operator(before, after, operator)
            case ast.BoolOp(values=values, op=operator):
                yield from self._operator(values[0], values[1], operator)
                yield self._replaced(node, "term dropped", f"({', '.join(map(self._text, values[:1]))})")
            case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
                yield self._replaced(node, "sign", f"({self._text(operand)})")
            case ast.Call(args=arguments, keywords=keywords):
                for keyword in filter(lambda keyword: not _is_promise(node, keyword), keywords):
                    if keyword.arg and keyword.arg not in LOOKS and len(keywords) + len(arguments) > 1:
                        yield self._without(keyword, "keyword dropped")
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                for first, second in zip(arguments, arguments[1:], strict=False):
                    if len(arguments) == 2 and name in COMMUTE:
                        continue
                    if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
                        between = self.source[self._at(first, end=True) : self._at(second)]
                        new = self._text(second) + between + self._text(first)
                        yield Fault(self.file, self._at(first), self._at(second, end=True), "arguments swapped", new)
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                if not isinstance(test, ast.Constant | ast.Compare) or len(getattr(test, "ops", "12")) > 1:
                    yield self._replaced(test, "condition negated", f"(not ({self._text(test)}))")
            case ast.AugAssign(target=target, value=value, op=operator):
                yield from self._operator(target, value, operator)
                yield self._replaced(node, "statement removed", "pass")
            case ast.Expr(value=ast.Call() | ast.Yield()) | ast.Raise() | ast.Continue() | ast.Break():
                yield self._replaced(node, "statement removed", "pass")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                yield self._replaced(node, "statement removed", "pass")
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(value)):
                    yield self._replaced(node, "statement removed", "pass")

    def _without(self, keyword: ast.keyword, kind: str) -> Fault:
        start, end = self._at(keyword), self._at(keyword, end=True)
        while self.source[start - 1] in " \n":
            start -= 1
        if self.source[start - 1] == ",":
            start -= 1
        elif self.source[end] == ",":
            end += 1
        return Fault(self.file, start, end, kind, "")

    def _at_leaf(self, node: ast.AST) -> Iterator[Fault]:
        """Another constant, axis or function of the same kind."""
        match node:
            case ast.Constant(value=bool(value)):
                yield self._replaced(node, "constant", str(not value))
            case ast.Constant(value=int(value)):
                yield self._replaced(node, "constant", str(value + 1))
                if value > 1:
                    yield self._replaced(node, "constant", str(value - 1))
            case ast.Constant(value=float(value)):
                yield self._replaced(node, "constant", repr(value * 2 if value else 1.0))
            case ast.keyword(arg="axis" | "axes", value=ast.UnaryOp() as value):
                yield self._replaced(value, "axis", "0")
            case ast.Name(id=name, ctx=ast.Load()) if name in NAMES:
                yield self._replaced(node, "another function", NAMES[name])
            case ast.Call(func=ast.Attribute(attr=name, end_lineno=_) as function) if name in NAMES:
                end = self._at(function, end=True)
                yield Fault(self.file, end - len(name), end, "another function", NAMES[name])
