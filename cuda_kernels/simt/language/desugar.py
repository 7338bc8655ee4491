"""Python in plainer Python: `match` as if and elif, `assert` as if and raise, `f = lambda` as def."""
from __future__ import annotations

import ast
from collections import Counter


def desugar(function: ast.FunctionDef) -> ast.FunctionDef:
    """The function's tree in plainer Python; new nodes have the place of those that they stand for."""
    nodes = list(ast.walk(function))
    if not any(isinstance(n, ast.Lambda | ast.Match | ast.Assert) for n in nodes):
        return function
    stores = Counter(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    changed = _Desugar(stores).visit(function)
    return ast.fix_missing_locations(changed)


class _Desugar(ast.NodeTransformer):
    def __init__(self, stores: Counter) -> None:
        self.stores = stores
        self.subjects = 0

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        target = node.targets[0]
        if (isinstance(node.value, ast.Lambda) and len(node.targets) == 1 and isinstance(target, ast.Name)
                and self.stores[target.id] == 1):
            return ast.copy_location(as_function(target.id, node.value), node)
        self.generic_visit(node)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        failed = ast.Call(ast.Name("AssertionError", ast.Load()), [node.msg] if node.msg else [], [])
        raised = ast.copy_location(ast.Raise(failed, None), node)
        return ast.copy_location(ast.If(ast.UnaryOp(ast.Not(), node.test), [raised], []), node)

    def visit_Match(self, node: ast.Match) -> ast.AST | list[ast.AST]:
        self.generic_visit(node)
        self.subjects += 1
        name = f"subject_{self.subjects}"
        first: list[ast.AST] = [ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], node.subject), node)]
        orelse: list[ast.stmt] = []
        for case in reversed(node.cases):
            captured: list[ast.stmt] = []
            test = self._test(ast.Name(name, ast.Load()), case.pattern, captured)
            if test is None:  # a pattern that is not understood: the translator refuses `match`
                return node
            body: list[ast.stmt] = [*captured, *case.body]
            if case.guard is not None:
                body = [*captured, ast.copy_location(ast.If(case.guard, list(case.body), orelse), case.guard)]
            orelse = [ast.copy_location(ast.If(test, body, orelse), case.pattern)]
        return [*first, *orelse]

    def _test(self, subject: ast.expr, pattern: ast.pattern, captured: list[ast.stmt]) -> ast.expr | None:
        """The condition under which the pattern fits; names that it captures are assigned in `captured`."""
        found: ast.expr | None = None
        if isinstance(pattern, ast.MatchValue):
            found = ast.Compare(subject, [ast.Eq()], [pattern.value])
        elif isinstance(pattern, ast.MatchSingleton):
            found = ast.Compare(subject, [ast.Is()], [ast.Constant(pattern.value)])
        elif isinstance(pattern, ast.MatchOr):
            tests = [self._test(subject, p, captured) for p in pattern.patterns]
            found = None if None in tests else ast.BoolOp(ast.Or(), [t for t in tests if t is not None])
        elif isinstance(pattern, ast.MatchAs):
            found = ast.Constant(True) if pattern.pattern is None else self._test(subject, pattern.pattern, captured)
            if pattern.name is not None and found is not None:
                target = ast.Name(pattern.name, ast.Store())
                captured.append(ast.copy_location(ast.Assign([target], subject), pattern))
        return found if found is None else ast.copy_location(found, pattern)


def as_function(name: str, value: ast.Lambda) -> ast.FunctionDef:
    """`name = lambda …: …` as a def."""
    returned = ast.copy_location(ast.Return(value.body), value.body)
    return ast.copy_location(ast.FunctionDef(name, value.args, [returned], [], None, None), value)
