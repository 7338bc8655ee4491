"""One function's translation under way: what is known of the function, and the program's lines so far."""
from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import UnsupportedSyntax
from .source import Source, assigned_names, assignments

if TYPE_CHECKING:
    from .assigned import UnsureReads
    from .program import Program

ANY = "*"  # among the names of arrays that are written to: any of them


class Draft:
    """Handed to each part of the translator. `kernel` is False for a device function.

    foreign : a function of another file, whose lines are those of its call
    bound : its parameters that are functions, known at each call
    literals : arguments that are literals at this call; a shape may be one
    """

    unsure: UnsureReads

    def __init__(self, program: Program, source: Source, kernel: bool = True, foreign: bool = False,
                 bound: dict[str, Any] | None = None, literals: dict[str, Any] | None = None) -> None:
        self.program = program
        self.source = source
        self.name = source.name
        self.kernel = kernel
        self.foreign = foreign
        self.bound = bound or {}
        self.literals = literals or {}
        self.literals_used = False
        self.variables = assigned_names(source.tree)
        self.values_of = assignments(source.tree)
        self.once = {name: values[0][0] for name, values in self.values_of.items() if len(values) == 1}
        self.nested: dict[str, Source] = {}
        self.stored: set[str] = set()  # names of arrays that are written to, or handed on
        self.own_arrays: set[str] = set()  # names of shared and local arrays
        self.parameters: list[str] = []
        self.held: set[str] = set()  # variables that are assigned so far
        self.call_node: ast.AST = source.tree
        self.lines: list[str] = []
        self.indent = 1
        self.temporaries = 0

    def emit(self, text: str) -> None:
        """One more line."""
        self.lines.append("    " * self.indent + text)

    @contextlib.contextmanager
    def under(self, head: str = "") -> Iterator[None]:
        """The lines that are emitted meanwhile stand under `if …:`, or the line before."""
        if head:
            self.emit(head)
        self.indent += 1
        yield
        self.indent -= 1

    def fresh(self, prefix: str = "t") -> str:
        """A name that is not used yet."""
        self.temporaries += 1
        return f"{prefix}{self.temporaries}"

    def result(self, expression: str) -> str:
        """A line that gives a value a name; the name."""
        name = self.fresh()
        self.emit(f"{name} = {expression}")
        return name

    def call(self, node: ast.AST, what: str, *arguments: object) -> str:
        """`t3 = what(12, …)`: a call of the machine, at the line of a node; the name of its result."""
        return self.result(self.text_of(node, what, *arguments))

    def do(self, node: ast.AST, what: str, *arguments: object, to: str = "") -> None:
        """The same without a result, or with one that goes `to` names that exist."""
        self.emit(to + " = " * bool(to) + self.text_of(node, what, *arguments))

    def text_of(self, node: ast.AST, what: str, *arguments: object) -> str:
        """What is called, as text."""
        return f"{what}({', '.join(map(str, (self.line(node), *arguments)))})"

    def line(self, node: ast.AST) -> str:
        """A node's line number, as the program has it."""
        return "line" if self.foreign else str(getattr(node, "lineno", self.source.first_line))

    def fail(self, node: ast.AST, message: str) -> UnsupportedSyntax:
        """The error for a node."""
        return self.source.fail(node, message)

    def note_store(self, node: ast.expr) -> None:
        """The array that `node` names is written to (or may be), or handed on."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                self.stored.add(part.id)
                if part.id not in self.parameters and part.id not in self.own_arrays:
                    self.stored.add(ANY)  # another name for an array, or a part of one
                break
