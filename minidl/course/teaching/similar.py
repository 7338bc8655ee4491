"""Which texts of a class are alike: pairs for a person to look at, no verdict.

Two texts are compared by what is left when names, numbers, texts, docstrings and types are taken away, and operands of
commuting operators are put in order: the lines' shapes, three in a row, each weighted by how rare it is in the class.
What the starter gives, and what most of the class writes, counts little; a short exercise makes everybody alike.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from minidl.course import catalog
from minidl.course.teaching.submission import Submission

IN_A_ROW = 3
COMMUTE = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)


@dataclass(frozen=True)
class Pair:
    """Two texts of one exercise, and how alike they are: 0 nothing in common, 1 the same but for names and numbers."""

    number: int
    one: str
    other: str
    alike: float
    same_text: bool


class _Plain(ast.NodeTransformer):
    """A program without what is easily changed in a copy."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name("_", ast.Load())

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg("_")

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(0)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return self.generic_visit(ast.Assign([node.target], node.value or ast.Constant(0)))

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return self.generic_visit(ast.Assign([node.target], ast.BinOp(node.target, node.op, node.value)))

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, COMMUTE):
            node.left, node.right = sorted((node.left, node.right), key=ast.dump)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Gt | ast.GtE):  # a > b is b < a
            turned = ast.Lt() if isinstance(node.ops[0], ast.Gt) else ast.LtE()
            return ast.Compare(node.comparators[0], [turned], [node.left])
        return node


def shape(source: str) -> Counter[tuple[str, ...]]:
    """Return the runs of lines' shapes of a text; those of a text that is no Python are its lines."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        lines = [" ".join(line.split()) for line in source.splitlines() if line.strip()]
    else:
        lines = list(_lines(_Plain().visit(tree).body))
    runs = [tuple(lines[k : k + IN_A_ROW]) for k in range(max(1, len(lines) - IN_A_ROW + 1))]
    return Counter(runs)


def _lines(body: Iterable[ast.stmt]) -> Iterable[str]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            continue
        inner = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
        if any(inner):
            test = getattr(node, "test", getattr(node, "iter", None))
            yield f"{type(node).__name__} {ast.dump(test) if test is not None else ''}"
            for part in inner:
                yield from _lines(part)
        else:
            yield ast.dump(node)


def pairs(submissions: Sequence[Submission], past: Sequence[Submission] = (), least: float = 0.8) -> list[Pair]:
    """Return the pairs that are most alike, of this class and with past ones and the course's own solutions.

    least : how alike a pair has to be, from 0 to 1
    """
    found = []
    for number in sorted({n for s in submissions for n in s.entries}):
        mine = [(s.student, s.entries[number].source) for s in submissions if number in s.entries]
        others = [(f"{s.student} (past)", s.entries[number].source) for s in past if number in s.entries]
        others += [(f"our solution {style!r}", text) for style, text in _solutions(number)]
        known = shape(catalog.starter(number))
        shapes = [(who, text, shape(text)) for who, text in mine + others]
        weight = _weights([s for _, _, s in shapes[: len(mine)]], known)
        for k, (one, text, first) in enumerate(shapes[: len(mine)]):
            for other, text2, second in shapes[k + 1 :]:
                alike = _alike(first, second, weight)
                if alike >= least:
                    found.append(Pair(number, one, other, round(alike, 3), text == text2))
    return sorted(found, key=lambda pair: (pair.number, -pair.same_text, -pair.alike, pair.one, pair.other))


def _solutions(number: int) -> list[tuple[str, str]]:
    try:
        return list(catalog.bank(number).rights().items())
    except ValueError:  # only the wheel is installed
        return []


def _weights(shapes: list[Counter[tuple[str, ...]]], known: Counter[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
    seen = Counter(run for one in shapes for run in one)
    n = len(shapes)
    return {run: 0.0 if run in known else math.log((n + 1) / count) for run, count in seen.items()}


def _alike(a: Counter[tuple[str, ...]], b: Counter[tuple[str, ...]], weight: dict[tuple[str, ...], float]) -> float:
    rare = math.log(2 + len(weight))
    both = sum(min(n, b[run]) * weight.get(run, rare) for run, n in a.items())
    either = sum(max(a[run], b[run]) * weight.get(run, rare) for run in a.keys() | b.keys())
    return both / either if either else 0.0


def text(found: Sequence[Pair]) -> str:
    """Return pairs as a table."""
    rows = []
    for p in found:
        how = "the same text" if p.same_text else f"{100 * p.alike:3.0f} % alike"
        rows.append(f"{catalog.load(p.number).label:<24}{how:<15}{p.one}  |  {p.other}")
    return "\n".join([*rows, "" if rows else "No two texts are so much alike."]).strip("\n")
