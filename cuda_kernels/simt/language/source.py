"""From a kernel to its parsed source, and the names that it sees."""
from __future__ import annotations

import ast
import copy
from collections import Counter
from typing import Any

from ..errors import UnsupportedSyntax
from .captured import value_of
from .desugar import desugar
from .reading import lambda_of, lines_of


class Source:
    """A function's syntax tree (line numbers of its file), text lines, globals and closure."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.name = function.__name__
        self.filename = function.__code__.co_filename
        if function.__code__.co_name == "<lambda>":
            self._read_lambda(function)
            return
        lines, self.first_line = lines_of(function)
        self.lines = {self.first_line + k: text.rstrip("\n") for k, text in enumerate(lines)}
        indented = lines[0][:1].isspace()  # inside a function: a block around it saves dedenting its strings
        tree = ast.parse(("if True:\n" if indented else "") + "".join(lines))
        ast.increment_lineno(tree, self.first_line - 1 - indented)
        node = tree.body[0].body[0] if isinstance(tree.body[0], ast.If) else tree.body[0]
        if not isinstance(node, ast.FunctionDef):
            raise UnsupportedSyntax(f"{self.name!r} is not a plain `def` function; write the kernel with def",
                                    self.first_line, self.filename, lines[0].strip())
        self.tree = node = desugar(node)
        self.definition: ast.FunctionDef = node
        self.captured: list[str] = []

    def _read_lambda(self, function: Any) -> None:
        """A lambda is a function that returns its one expression."""
        node, lines = lambda_of(function)
        self.name = self.name if self.name.isidentifier() else "lambda_"
        self.first_line = node.lineno
        self.lines = {n: lines[n - 1].rstrip("\n") for n in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
        returned = ast.copy_location(ast.Return(node.body), node.body)
        definition = ast.FunctionDef(self.name, node.args, [returned], [])
        self.tree = self.definition = ast.fix_missing_locations(ast.copy_location(definition, node))
        self.captured = []

    def inner(self, definition: ast.FunctionDef, around: set[str]) -> Source:
        """A function defined inside this one; the variables of `around` that it uses become its first parameters."""
        functions = {n.name: n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef)}
        free: set[str] = set()
        waiting, seen = [definition], {definition.name}
        while waiting:  # also what the functions need that this one calls
            current = waiting.pop()
            used = {n.id for n in ast.walk(current) if isinstance(n, ast.Name)} - assigned_names(current)
            free |= used - functions.keys()
            waiting += [functions[name] for name in used & functions.keys() if name not in seen]
            seen |= used
        source = copy.copy(self)
        source.name = definition.name
        source.definition = definition
        source.captured = sorted(free & around)
        source.tree = copy.copy(definition)
        source.tree.args = copy.copy(definition.args)
        source.tree.args.args = [ast.arg(name) for name in source.captured] + definition.args.args
        return source

    def fail(self, node: ast.AST, message: str) -> UnsupportedSyntax:
        """The error to raise for `node`."""
        line = getattr(node, "lineno", self.first_line)
        return UnsupportedSyntax(message, line, self.filename, self.lines.get(line, "").strip())

    def lookup(self, name: str) -> Any:
        """What a name that the function does not assign refers to. Raises NameError."""
        try:
            return value_of(self.function, name)
        except KeyError as cause:
            raise NameError(f"simt: {self.name!r} ({self.filename}, from line {self.first_line}) uses {name!r}, which "
                            "is defined nowhere") from cause


def assigned_names(function: ast.FunctionDef) -> set[str]:
    """Parameters and every name that the body assigns (nested functions apart)."""
    given = function.args
    names = {a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg) if a is not None}

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            if isinstance(node, ast.FunctionDef):
                names.add(node.name)
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        for child in ast.iter_child_nodes(node):
            visit(child)

    for statement in function.body:
        visit(statement)
    return names


def assignments(function: ast.FunctionDef) -> dict[str, list[tuple[ast.expr, bool]]]:
    """Of each variable that is assigned by `name = value` alone (or a tuple of such): the values, in their order.

    With each value: does its statement stand in no branch and no loop? Parameters are not among the variables.
    """
    nodes = list(ast.walk(function))
    stores = Counter(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    found: dict[str, list[tuple[ast.expr, bool]]] = {}

    def pair(target: ast.expr, value: ast.expr, outermost: bool) -> None:
        if isinstance(target, ast.Name):
            found.setdefault(target.id, []).append((value, outermost))
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for element, part in zip(target.elts, value.elts, strict=True):
                pair(element, part, outermost)

    for node in sorted((n for n in nodes if isinstance(n, ast.Assign | ast.AnnAssign)), key=lambda n: n.lineno):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pair(target, node.value, node in function.body)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pair(node.target, node.value, node in function.body)
    for walrus in nodes:
        if isinstance(walrus, ast.NamedExpr) and stores[walrus.target.id] == 1:
            pair(walrus.target, walrus.value, False)
    given = function.args
    parameters = {a.arg for a in (*given.posonlyargs, *given.args, given.vararg) if a is not None}
    return {name: values for name, values in found.items()
            if len(values) == stores[name] and name not in parameters}


def leaves(node: ast.AST, kinds: tuple[type, ...], inside_loop: bool = False) -> bool:
    """Does `node` contain a statement of `kinds` that leaves *it* (break and continue bind to the nearest loop)?"""
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        return False
    if isinstance(node, ast.Return | ast.Raise):
        return ast.Return in kinds
    if isinstance(node, ast.Break | ast.Continue):
        return not inside_loop and type(node) in kinds
    inner = inside_loop or isinstance(node, ast.For | ast.While)
    return any(leaves(child, kinds, inner) for child in ast.iter_child_nodes(node))


ESCAPES = (ast.Return, ast.Break, ast.Continue)


def escapes(node: ast.AST) -> bool:
    """Can threads be lost while `node` runs (return, or break and continue of a loop around it)?"""
    return leaves(node, ESCAPES)
