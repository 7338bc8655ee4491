"""Which reads of a variable may come before its first assignment, found in the source before anything runs.

    if i < n:
        v = x[i]
    y[i] = v

Threads past `n` never assigned `v`. A walk through the syntax tree keeps the set of variables that every path to a
place has assigned; a read of any other variable is *unsure*. Only variables with such a read are watched while the
kernel runs (`Variables.remember`, `Variables.assured`): all others, which are nearly all, cost nothing.
"""
from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

_FOREIGN = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.ClassDef)


class UnsureReads:
    """Walks one function. `reads` are the ids of the unsure name nodes, `names` the variables to watch.

    variables : the function's variables; `parameters` among them are assigned from the start
    known : the value of a condition that is known when translating, as (value,), or None
    """

    def __init__(self, function: ast.FunctionDef, variables: set[str], parameters: list[str],
                 known: Callable[[ast.expr], tuple[Any] | None]) -> None:
        self.variables = variables - {n.name for n in ast.walk(function) if isinstance(n, ast.FunctionDef)}
        self.known = known
        self.reads: set[int] = set()
        self.names: set[str] = set()
        self.sure: set[str] = set(parameters)  # assigned on every path to the present place
        self.left: list[list[set[str]]] = []  # for each loop around: what was sure at each `break`
        self.block(function.body)

    # -- statements ---------------------------------------------------------------------------------------------------

    def block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            method = getattr(self, "at_" + type(statement).__name__, self.expressions)
            method(statement)

    def at_Assign(self, node: ast.Assign) -> None:
        self.expressions(node.value)
        for target in node.targets:
            self.target(target)

    def at_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.expressions(node.value)
            self.target(node.target)

    def at_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.read(node.target)
        self.expressions(node.value)
        self.target(node.target)

    def target(self, node: ast.expr) -> None:
        """What an assignment assigns."""
        if isinstance(node, ast.Name):
            self.sure.add(node.id)
        elif isinstance(node, ast.Tuple | ast.List):
            for element in node.elts:
                self.target(element)
        else:
            self.expressions(node)

    def at_If(self, node: ast.If) -> None:
        known = self.known(node.test)
        if known is not None:
            self.block(node.body if known[0] else node.orelse)
            return
        self.expressions(node.test)
        before = set(self.sure)
        self.block(node.body)
        after, self.sure = self.sure, before
        self.block(node.orelse)
        self.sure &= after

    def at_While(self, node: ast.While) -> None:
        self.expressions(node.test)
        known = self.known(node.test)
        endless = known is not None and bool(known[0])
        self.loop(node.body, node.orelse, set(self.variables) if endless else set(self.sure))

    def at_For(self, node: ast.For) -> None:
        self.expressions(node.iter)
        before = set(self.sure)
        self.target(node.target)
        self.loop(node.body, node.orelse, before)

    def loop(self, body: list[ast.stmt], orelse: list[ast.stmt], after: set[str]) -> None:
        """A loop's body may run no time at all: behind it is sure what was sure before, and at every `break`."""
        self.left.append([])
        self.block(body)
        breaks = self.left.pop()
        self.sure = after
        self.block(orelse)
        self.sure = self.sure.intersection(*breaks)

    def at_Break(self, node: ast.Break) -> None:
        self.left[-1].append(set(self.sure))
        self.at_Return()

    def at_Raise(self, node: ast.Raise) -> None:
        self.at_Return()

    def at_Return(self, node: ast.Return | None = None) -> None:
        if node is not None:
            self.expressions(node)
        self.sure = set(self.variables)  # nobody comes by the end of this path

    def at_Continue(self, node: ast.Continue) -> None:
        self.at_Return()

    def at_FunctionDef(self, node: ast.FunctionDef) -> None:
        """A function inside: its own variables are its own."""

    # -- expressions --------------------------------------------------------------------------------------------------

    def expressions(self, node: ast.AST) -> None:
        """Every read under `node`, in order of evaluation."""
        if isinstance(node, _FOREIGN):
            return
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                self.read(node)
        elif isinstance(node, ast.NamedExpr):
            self.expressions(node.value)
            self.target(node.target)
        elif isinstance(node, ast.BoolOp):
            self.expressions(node.values[0])
            self.perhaps(*node.values[1:])
        elif isinstance(node, ast.Compare):
            self.expressions(node.left)
            self.expressions(node.comparators[0])
            self.perhaps(*node.comparators[1:])
        elif isinstance(node, ast.IfExp):
            known = self.known(node.test)
            if known is not None:
                self.expressions(node.body if known[0] else node.orelse)
                return
            self.expressions(node.test)
            self.perhaps(node.body)
            self.perhaps(node.orelse)
        else:
            for child in ast.iter_child_nodes(node):
                self.expressions(child)

    def perhaps(self, *nodes: ast.expr) -> None:
        """Expressions that only some threads evaluate."""
        before = set(self.sure)
        for node in nodes:
            self.expressions(node)
        self.sure = before

    def read(self, node: ast.Name) -> None:
        """A read; behind an unsure one the variable counts as assigned, so that each path reports it once."""
        if node.id in self.variables and node.id not in self.sure:
            self.reads.add(id(node))
            self.names.add(node.id)
            self.sure.add(node.id)
