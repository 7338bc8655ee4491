"""Into an op: its NumPy source, run line by line, with every local array as it was after each line.

The op's function is run once more, on what it was given in the step, under a line tracer (`sys.settrace`): at each
line the tracer copies the local variables. Going back is looking further up the record. Helpers of `minidl.ops` that
the op calls are followed too; checks of arguments are not.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import minidl.ops
from minidl.console import printable
from minidl.errors import ArgumentError
from minidl.lens import formulas
from minidl.lens.stepping.moments import Moment, statistics
from minidl.lens.stepping.unwritten import fresh_memory_marked, unwritten

LIMIT = 2000  # lines recorded; the op runs to its end all the same
MEMORY = 256 << 20  # bytes of copies; beyond, of further arrays only shape and dtype are kept
_OPS = str(Path(minidl.ops.__file__).parent)
_NOT_FOLLOWED = {"checks.py", "labels.py"}
_CHECKS = ("<", "check", "_check", "require", "_require", "_is_")  # functions, by the beginning of their names


@dataclass(eq=False)
class Line:
    """One line as it ran: where, and the local variables before and after it (names to arrays, numbers, text)."""

    function: str
    line: int
    depth: int
    before: dict[str, Any]
    after: dict[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> list[str]:
        """Names of the variables that this line made or changed."""
        return [name for name, value in self.after.items() if not _same(self.before.get(name, _NOTHING), value)]


class NotKept(str):
    """Stands for an array of which no copy was kept: its shape and dtype."""


_NOTHING = NotKept("nothing yet")


class LineStepper:
    """An op's run, line by line, and a position in it; `lens.step(…).into()` makes one.

    `position` counts lines from 0. The line at it has run: `values` are the variables after it. A line that calls a
    helper comes ahead of the helper's lines; of those, the ones that change nothing are left out. `next`, `back`,
    `over` (past a helper), `goto` and `to_line` move. Cells of np.empty that are
    not written yet hold a mark: see `unwritten`.
    """

    def __init__(self, title: str, lines: list[Line], sources: dict[str, dict[int, str]], result: Any) -> None:
        self.title, self.lines, self.sources, self.result = title, lines, sources, result
        self.position = 0
        self.note = ""  # printed below the title

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def now(self) -> Line:
        """The present line."""
        return self.lines[self.position]

    @property
    def line(self) -> int:
        """Its number in the file."""
        return self.now.line

    @property
    def text(self) -> str:
        """Its source."""
        return self.sources[self.now.function].get(self.line, "").strip()

    @property
    def values(self) -> dict[str, Any]:
        """The local variables after the line."""
        return self.now.after

    @property
    def changed(self) -> list[str]:
        """Names of those that it made or changed."""
        return self.now.changed

    def goto(self, position: int) -> LineStepper:
        """Go to a line by its place in the run (clipped to it)."""
        self.position = max(0, min(int(position), len(self) - 1))
        return self

    def next(self, lines: int = 1) -> LineStepper:
        """Run on."""
        return self.goto(self.position + lines)

    def back(self, lines: int = 1) -> LineStepper:
        """Take lines back."""
        return self.goto(self.position - lines)

    def over(self) -> LineStepper:
        """Run on to the next line of the same function, or of the one that called it."""
        later = (k for k in range(self.position + 1, len(self)) if self.lines[k].depth <= self.now.depth)
        return self.goto(next(later, len(self) - 1))

    def to_line(self, line: int, backwards: bool = False) -> LineStepper:
        """Go to the next (or last) time that a line of the file ran.

        Raises
        ------
        ArgumentError : it does not run there
        """
        order = range(self.position - 1, -1, -1) if backwards else range(self.position + 1, len(self))
        for place in order:
            if self.lines[place].line == line:
                return self.goto(place)
        when = "before" if backwards else "after"
        raise ArgumentError(f"to_line: line {line} does not run {when} step {self.position} of {len(self) - 1}.")

    def listing(self, around: int = 5) -> str:
        """Return the source around the present line, with an arrow at it."""
        source = self.sources[self.now.function]
        near = [n for n in sorted(source) if abs(n - self.line) <= around]
        return "\n".join(f"{'->' if n == self.line else '  '} {n:4d} | {source[n]}" for n in near)

    def described(self, name: str) -> str:
        """Return a variable after the present line, in one line of text."""
        return describe(self.values[name])

    def __str__(self) -> str:
        head = f"{self.title}: step {self.position} of {len(self) - 1}, in {self.now.function}{self.note}"
        rows = [f"   {name} {'*' if name in self.changed else ' '} {self.described(name)}" for name in self.values]
        return printable("\n".join([head, self.listing(), "after this line (* made or changed by it):", *rows]))

    def __repr__(self) -> str:
        return f"<LineStepper {self.title}, line {self.line}, step {self.position} of {len(self) - 1}>"


def describe(value: Any) -> str:
    """Return a value in one line: a small array's numbers, a large one's shape and statistics."""
    if isinstance(value, np.ndarray) and (missing := unwritten(value)).any():
        if missing.all():
            return f"{value.dtype} {value.shape}, memory that is not written yet"
        written = value[~missing]
        return f"{value.dtype} {value.shape}, {written.size:,} of {value.size:,} cells written: {statistics(written)}"
    if isinstance(value, np.ndarray) and value.size <= 8:
        numbers = np.array2string(value, precision=4, separator=" ", max_line_width=10_000).replace("\n", "")
        return f"{value.dtype} {value.shape} {numbers}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {statistics(value) if value.dtype.kind in 'fiub' else ''}".rstrip()
    if isinstance(value, tuple) and _holds_arrays(value):
        return f"({', '.join(str(describe(part)) for part in value)}{',' if len(value) == 1 else ''})"
    return value if isinstance(value, NotKept) else f"{value!r}"[:200]


def line_steps(moment: Moment, function: Callable[..., Any], run: Callable[[], object]) -> LineStepper:
    """Run `run`, which calls `function`, and return its lines.

    Raises
    ------
    ArgumentError : the function has no Python lines to show
    """
    inner = getattr(function, "func", function)
    code = getattr(inner, "__code__", None)
    if code is None:
        raise ArgumentError(f"into: {moment.op} {moment.direction} is no Python function: {inner!r}.")
    tracer = _Tracer(code)
    before = sys.gettrace()
    sys.settrace(tracer.enter)
    try:
        with fresh_memory_marked(tracer.ours):
            run()
    finally:
        sys.settrace(before)
    if not tracer.lines:
        raise ArgumentError(f"into: no line of {moment.op} {moment.direction} ran. Is its source file there?")
    lines = [line for line in tracer.lines if line.depth == 0 or line.changed]
    stepper = LineStepper(f"{moment.op} {moment.direction}", lines, tracer.sources, tracer.result)
    if moment.backend != formulas.host_backend(moment.op):
        stepper.note = f"\nNumPy's plain lines; in the step the op ran on {moment.backend}"
    return stepper


class _Tracer:
    """Copies the local variables at every line of the op's function and of the helpers that it calls."""

    def __init__(self, code: Any) -> None:
        self.code = code
        self.lines: list[Line] = []
        self.sources: dict[str, dict[int, str]] = {}
        self.open: dict[int, Line | None] = {}  # by the id of a frame: the line that is running in it
        self.copied = 0
        self.result: Any = None  # what the op's function returned

    def ours(self, path: str) -> bool:
        """Whether a file is one of those whose code is followed."""
        folder, _, file = path.rpartition(os.sep)
        return file not in _NOT_FOLLOWED and (path == self.code.co_filename or folder.startswith(_OPS))

    def enter(self, frame: Any, event: str, argument: Any) -> Any:
        """Decide whether a call is followed."""
        code = frame.f_code
        started = bool(self.open) or code is self.code
        if event != "call" or not started or not self.ours(code.co_filename) or code.co_name.startswith(_CHECKS):
            return None
        if code is not self.code and not _holds_arrays(tuple(frame.f_locals.values())):
            return None  # it computes sizes, not values
        if code.co_name not in self.sources:
            self.sources[code.co_name] = _source(code)
        self.open[id(frame)] = None
        return self.trace

    def trace(self, frame: Any, event: str, argument: Any) -> Any:
        """Close the line that ran, and open the one that is about to run."""
        key = id(frame)
        if event == "exception" or (event == "line" and len(self.lines) >= LIMIT):
            return self.trace
        running = self.open.get(key)
        values = self.keep(frame.f_locals, running.before if running is not None else {})
        if running is not None:
            running.after = {**values, "return": self.one(argument, _NOTHING)} if event == "return" else values
        if event == "return":
            self.open.pop(key, None)
            self.result = argument  # the last to return is the op's own function
        elif event == "line":
            line = Line(frame.f_code.co_name, frame.f_lineno, len(self.open) - 1, values, values)
            self.lines.append(line)
            self.open[key] = line
        return self.trace

    def keep(self, values: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
        """Return copies of the local variables; what did not change since `before` is not copied again."""
        return {name: self.one(value, before.get(name, _NOTHING)) for name, value in values.items()}

    def one(self, value: Any, before: Any) -> Any:
        if isinstance(value, np.ndarray):
            if _same(before, value):
                return before
            if self.copied + value.nbytes > MEMORY:
                return NotKept(f"{value.dtype} {value.shape}, not kept: the arrays before it fill {MEMORY >> 20} MB")
            self.copied += value.nbytes
            return np.array(value, subok=False)
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            old = before if isinstance(before, tuple) and len(before) == len(value) else (_NOTHING,) * len(value)
            return tuple(self.one(part, was) for part, was in zip(value, old, strict=True))
        if value is None or isinstance(value, int | float | str | bool | slice | np.generic):
            return value
        return NotKept(type(value).__name__)


def _holds_arrays(values: tuple[Any, ...]) -> bool:
    return any(isinstance(v, np.ndarray) or (isinstance(v, tuple) and _holds_arrays(v)) for v in values)


def _same(a: Any, b: Any) -> bool:
    """Whether two kept values are equal, bit by bit."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a is b or (a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and (a is b or bool(a == b))


def _source(code: Any) -> dict[int, str]:
    try:
        lines, first = inspect.getsourcelines(code)
    except OSError:  # typed at a prompt: there is no file to read it from
        return {}
    return {first + k: line.rstrip("\n") for k, line in enumerate(lines)}
