"""What decides whether a `while` ends: found in its source, so that a loop that can never end is told at once.

    while value != 1:
        value = value // 2 if value % 2 == 0 else 3 * value + 1
        count += 1

Here it is `value`: the condition reads it, and what it becomes depends on itself alone. `count` changes with each turn
and decides nothing. Once `value` stays as it was for one turn, the loop can never end (see progress.py).
"""
from __future__ import annotations

import ast
from collections.abc import Callable

from ..machine.progress import ANYTHING, Ending


def what_ends(loop: ast.While, pure: Callable[[ast.Call], bool]) -> Ending:
    """What decides whether a loop ends; `pure` says of a call that it reads nothing but its arguments."""
    exits = [loop.test, *_exit_conditions(loop.body, [])]
    names: set[str] = set()
    arrays: set[str] = set()
    waiting = list(exits)
    while waiting:
        node = waiting.pop()
        arrays |= _arrays(node, pure)
        new = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - names
        names |= new
        for target, conditions, value in _assignments(loop.body, []):
            if target in new:
                waiting += [*conditions, value]
    return Ending(tuple(sorted(names)), tuple(sorted(arrays)), bool(arrays) and _only_polls(loop, pure))


def _exit_conditions(body: list[ast.stmt], around: list[ast.expr]) -> list[ast.expr]:
    """The conditions of every `if` and loop around a `break`, `return` or `continue`."""
    found: list[ast.expr] = []
    for statement, conditions in _statements(body, around):
        if isinstance(statement, ast.Break | ast.Return | ast.Continue | ast.Raise | ast.Assert):
            found += conditions
            if isinstance(statement, ast.Assert):
                found.append(statement.test)
    return found


def _assignments(body: list[ast.stmt], around: list[ast.expr]) -> list[tuple[str, list[ast.expr], ast.expr]]:
    """(variable, conditions around, value) of each assignment."""
    found = []
    for statement, conditions in _statements(body, around):
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AugAssign | ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        elif isinstance(statement, ast.For):
            targets, value = [statement.target], statement.iter
        for target in targets:
            for name in ast.walk(target):
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store) and value is not None:
                    found.append((name.id, conditions, value))
        for inner in ast.walk(statement) if not hasattr(statement, "body") else ():
            if isinstance(inner, ast.NamedExpr):
                found.append((inner.target.id, conditions, inner.value))
    return found


def _statements(body: list[ast.stmt], around: list[ast.expr]) -> list[tuple[ast.stmt, list[ast.expr]]]:
    """Every statement under `body`, with the conditions that it stands under."""
    found: list[tuple[ast.stmt, list[ast.expr]]] = []
    for statement in body:
        found.append((statement, around))
        if isinstance(statement, ast.If | ast.While):
            inside = [*around, statement.test]
        elif isinstance(statement, ast.For):
            inside = [*around, statement.iter]
        else:
            continue
        found += _statements(statement.body + statement.orelse, inside)
    return found


def _arrays(node: ast.AST, pure: Callable[[ast.Call], bool]) -> set[str]:
    """Names of the arrays that an expression reads; "*" where a function that it calls might."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript):
            found.add(part.value.id if isinstance(part.value, ast.Name) else ANYTHING)
        elif isinstance(part, ast.Call):
            name = ast.unparse(part.func)
            if ".atomic." in name or name.startswith("atomic."):
                array = part.args[0] if part.args else None
                found.add(array.id if isinstance(array, ast.Name) else ANYTHING)
            elif isinstance(part.func, ast.Name) and not pure(part):
                found.add(ANYTHING)
    return found


def _only_polls(loop: ast.While, pure: Callable[[ast.Call], bool]) -> bool:
    """Has the body nothing but looks at memory, tests of them, and pauses?"""
    for statement, _ in _statements(loop.body, []):
        if isinstance(statement, ast.Pass | ast.If | ast.Break | ast.Continue | ast.Return):
            continue
        if isinstance(statement, ast.Assign) and _arrays(statement.value, pure) and all(
                isinstance(t, ast.Name) for t in statement.targets):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call | ast.Constant):
            continue
        return False
    return True
