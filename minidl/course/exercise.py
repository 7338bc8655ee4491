"""An exercise as data: its text, tasks, cases, sentences and hints; and its bank of right and wrong solutions.

The public half of an exercise is a file in `minidl/course/exercises`, its bank one of the same name in `course/`, which
is in no wheel and in no student's copy. `docs/write_an_exercise.md` shows both.
"""

from __future__ import annotations

import inspect
import textwrap
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from minidl.errors import ArgumentError
from minidl.testing.sentences import Sentence

SHORT = 5  # shorter axes are colours, corners, listed values: hidden cases leave them as they are


VARIANT: ContextVar[Mapping[str, int]] = ContextVar("VARIANT", default=MappingProxyType({}))  # of who is loaded


def constant(name: str, choices: Sequence[int] = ()) -> int:
    """Return a number that differs from variant to variant of an exercise: the first choice where nothing is drawn.

    An exercise's file gives the choices, and names them in `Exercise.constants`; its bank asks for the name alone.

    >>> constant("TILE", (16, 8))
    16
    """
    return VARIANT.get()[name] if name in VARIANT.get() else choices[0]


class Draw:
    """Numbers for the cases of an exercise, the same at each check: seeded by its name.

    >>> d = Draw("gemm_tiled")
    >>> d(2, 3).shape, d(2).dtype.name, bool((Draw("gemm_tiled")(4) == Draw("gemm_tiled")(4)).all())
    ((2, 3), 'float32', True)

    resized : every length of an axis from SHORT on grows, equal ones alike, as hidden cases have it
    """

    def __init__(self, name: str, seed: int | str = 0, resized: bool = False) -> None:
        self.name, self.resized = f"{name} {seed}", resized
        self.random = np.random.default_rng(zlib.crc32(self.name.encode()))

    def _size(self, n: int) -> int:
        if not self.resized or n < SHORT:
            return n
        drawn = np.random.default_rng(zlib.crc32(f"{self.name} {n}".encode()))
        return n + int(drawn.integers(1, min(n // 2, 40) + 1))

    def __call__(self, *shape: int, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
        """Return normal numbers in float32, all distinct as good as surely."""
        shape = tuple(map(self._size, shape))
        return (self.random.standard_normal(shape) * scale + shift).astype(np.float32)

    def integers(self, low: int, high: int, *shape: int) -> np.ndarray:
        """Return whole numbers from low to high - 1, in int32."""
        return self.random.integers(low, high, tuple(map(self._size, shape)), dtype=np.int32)


@dataclass(frozen=True)
class Case:
    """One set of inputs. `kind` is "plain", "extreme" (compared cell by cell, last), or "par" (figures are of it)."""

    label: str
    inputs: tuple[Any, ...]
    kind: str = "plain"


def case(label: str, *inputs: Any) -> Case:
    """Return a case; where the label is "", its inputs' shapes describe it."""
    return Case(label, inputs)


def extreme(label: str, *inputs: Any) -> Case:
    """Return a case of values at which formulas break: ties, -200, ±inf, NaN, zeros."""
    return Case(label, inputs, "extreme")


def par(label: str, *inputs: Any) -> Case:
    """Return the case whose figures are held against the task's par."""
    return Case(label, inputs, "par")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One function that the student writes.

    signature : "add(a, b, y, size)", as the student has to write it
    cases : from a `Draw` to cases; the plainest first
    reference : from the inputs, floating ones in float64, to the right result (a tuple of several)
    tolerance : relative to the largest value expected; in an extreme case to each cell's own
    smallest : a value as small as this, or smaller, may be wrong by as much as this one may: what rounding leaves of
        sums that cancel
    results : names of the results, for sentences; "dw db"
    inputs : names of what a case gives, where they are not the parameters: of a `drive`, or for outputs' shapes
    resized : hidden cases have axes of other lengths; False where lengths hang together otherwise than by equality
    """

    signature: str
    cases: Callable[[Draw], Iterable[Case]]
    reference: Callable[..., Any]
    tolerance: float = 5e-5
    smallest: float = 0.01
    results: str = ""
    inputs: str = ""
    resized: bool = True

    @property
    def name(self) -> str:
        """The function's name."""
        return self.signature.partition("(")[0].strip()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The function's parameters."""
        inside = self.signature.partition("(")[2].rpartition(")")[0]
        return tuple(part.partition("=")[0].strip() for part in inside.split(",") if part.strip())

    @property
    def input_names(self) -> tuple[str, ...]:
        """What a case gives, in order."""
        return tuple(self.inputs.split()) or self.parameters

    @property
    def result_names(self) -> tuple[str, ...]:
        """What is compared."""
        return tuple(self.results.split()) or ("the result",)


@dataclass(frozen=True, kw_only=True)
class Function(Task):
    """A function (or class) in NumPy.

    drive : `drive(f, *inputs)` calls it and returns what is compared; by default `f(*inputs)`
    keeps_dtype : results have to be of the first floating input's dtype
    par, third : figures that two and three stars ask for: {"steps": 200}, lines of the file run on the `par` case
    """

    drive: Callable[..., Any] | None = None
    keeps_dtype: bool = True
    par: Mapping[str, float] = field(default_factory=dict)
    third: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Kernel(Task):
    """A kernel of numba.cuda, run on the SIMT machine.

    outputs : of each output parameter its shape, as a function of the parameters that it names: {"c": lambda a, b: …}
    start : what an output holds before the launch; NaN where it is not named
    given : parameters that follow from others, {"size": lambda a: a.size}; a case does not list them
    threads : of a block, x first
    grid : blocks, as a function of parameters it names; by default enough to cover the first output, x on its last axis
    par : figures that two stars ask for, at most: {"sectors": 4480, "shared_passes": 1.0, "barriers": …, "atomics": …}
    third : the figures that three stars ask for
    naive : the figure of a plain solution, for the report: {"sectors": 31360}
    outside : what lies beyond the edge of an input with windows: {"x": "0"}, {"x": "−∞"}
    float64 : the kernel may compute in float64
    drive : for several launches: `drive(module, launch, *inputs)` returns the outputs;
        `launch(kernel, grid, block, *args)` runs, watches, and returns the SIMT machine's report
    """

    outputs: Mapping[str, Callable[..., tuple[int, ...] | np.ndarray]] = field(default_factory=dict)
    start: Mapping[str, float] = field(default_factory=dict)
    given: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    threads: int | tuple[int, ...] = 128
    grid: Callable[..., Any] | None = None
    par: Mapping[str, float] = field(default_factory=dict)
    third: Mapping[str, float] = field(default_factory=dict)
    naive: Mapping[str, float] = field(default_factory=dict)
    outside: Mapping[str, str] = field(default_factory=dict)
    drive: Callable[..., Any] | None = None

    @property
    def input_names(self) -> tuple[str, ...]:
        """What a case gives, in order."""
        return tuple(self.inputs.split()) or tuple(
            p for p in self.parameters if p not in self.outputs and p not in self.given
        )

    @property
    def result_names(self) -> tuple[str, ...]:
        """The outputs."""
        return tuple(self.results.split()) or tuple(self.outputs)


@dataclass(frozen=True, kw_only=True)
class Answers(Task):
    """Predictions: the student fills in a dict of this name. `reference()` gives the right numbers or words by key.

    wrong : of each key what else is said, and the sentence (a key of `says`) for it: {"shifted": {4: "alignment"}}
    """

    signature: str = "answers"
    cases: Callable[[Draw], Iterable[Case]] = lambda d: ()
    wrong: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An exercise without its solutions.

    title : one line; `text` is by default the docstring of its file: goal, signature, one figure or example
    stars : of its difficulty; `minutes` it takes; `needs` names of others that come before
    tasks : the functions, in order
    says : the sentences of its mistakes by name, English and Chinese; {…} are facts, or computed from them
    hints : three: a question, the idea, the shape of the code
    recognise : from what was seen (`Seen`) to a name in `says`: for mistakes that show in the source; ""
        where there is none, None where results are to tell
    allow : modules that a solution may import besides numpy, math and numba
    most_changed : lines of the starter that a repair may change
    constants : numbers that differ between students' variants, with their choices: {"TILE": (16, 8)}
    """

    title: str
    tasks: tuple[Task, ...]
    says: Mapping[str, Sentence]
    hints: tuple[Sentence, Sentence, Sentence]
    stars: int = 1
    minutes: int = 20
    points: int = 10
    needs: tuple[str, ...] = ()
    section: str = ""
    text: str = ""
    recognise: Callable[[Seen], str | None] | None = None
    allow: tuple[str, ...] = ()
    most_changed: int | None = None
    third: Sentence | None = None
    constants: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    # told by the file's place
    number: int = 0
    name: str = ""
    track: str = ""
    # told by who loads it
    variant: str = ""

    @property
    def label(self) -> str:
        """Number and name, as a student's file is called."""
        return f"{self.number:02d}_{self.name}"

    @property
    def key(self) -> str:
        """What the catalog loads this variant by: "24", "24@TILE=8"; "" of an exercise that is in no file."""
        return f"{self.number}@{self.variant}" if self.variant else str(self.number or "")


@dataclass
class Seen:
    """What is known of a failure, for `Exercise.recognise`.

    stage, code : "machine", "F6"; code is "" where it is no fault
    facts : what the sentence's {…} may name
    source : the student's text
    case : the case that shows it; `got` and `expected` its results, where there are any
    """

    stage: str
    code: str
    facts: dict[str, Any]
    source: str
    task: Task
    case: Case | None = None
    got: Any = None
    expected: Any = None

    def has(self, *texts: str) -> bool:
        """Return whether one of these texts stands in the student's source, spaces apart."""
        dense = "".join(self.source.split())
        return any("".join(text.split()) in dense for text in texts)


# -- the bank ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """A wrong solution: a source, the stage that it has to fail at, and the sentence it has to be told.

    says : a fault, "F5", or a name in the exercise's `says`; "F1 + name" for a fault with a sentence of the exercise's
    """

    name: str
    stage: str
    says: str
    source: str


@dataclass
class Bank:
    """The right solutions (two styles at least) and the wrong ones of an exercise.

    The first right one is what starters are made of: lines from `# begin` to `# end` are replaced by `...`.
    """

    right: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, Wrong] = field(default_factory=dict)
    given: str = ""

    def solution(self, source: str, style: str = "") -> None:
        """Add a right solution."""
        self.right[style or f"style {len(self.right) + 1}"] = _text(source)

    def mistake(self, name: str, stage: str, says: str, *edits: str, source: str = "", of: int = 0) -> None:
        """Add a wrong solution: a source of its own, or the right one with edits "old => new".

        Each old text has to occur once, so that a change of the solution cannot leave a mistake behind; "" deletes it.
        of : which of the right solutions is edited
        """
        text = _text(source) if source else _clean(list(self.right.values())[of])
        for edit in edits:
            old, arrow, new = edit.partition(" => ")
            if not arrow and edit.endswith(" =>"):
                old, arrow, new = edit[:-3], "=>", ""
            if not arrow or text.count(old) != 1:
                raise ArgumentError(
                    f"mistake {name!r}: an edit is 'old => new', and old occurs once. Got {edit!r}, found "
                    f"{text.count(old)} times."
                )
            text = text.replace(old, new)
        if name in self.wrong:
            raise ArgumentError(f"mistake {name!r} is there twice.")
        self.wrong[name] = Wrong(name, stage, says, text)

    def starter_is(self, source: str) -> None:
        """Give the starter of an exercise that is to be repaired."""
        self.given = _text(source)

    def starter(self) -> str:
        """Return the starter: given, or the first right solution without what stands between the marks."""
        if self.given:
            return self.given
        kept: list[str] = []
        inside: list[str] | None = None
        for line in next(iter(self.right.values())).splitlines():
            mark = line.strip()
            if mark.startswith("# begin"):
                inside = []
                indent = line[: len(line) - len(line.lstrip())]
            elif mark.startswith("# end") and inside is not None:
                many = f"about {len(inside)} lines" if len(inside) > 1 else "one line"
                kept.append(f"{indent}...  # {many}")
                inside = None
            elif inside is None:
                kept.append(line)
            elif mark:
                inside.append(line)
        return "\n".join(kept) + "\n"

    def rights(self) -> dict[str, str]:
        """Return the right solutions without marks."""
        return {style: _clean(text) for style, text in self.right.items()}


def _text(source: str) -> str:
    return textwrap.dedent(source).strip("\n") + "\n"


def _clean(source: str) -> str:
    marks = ("# begin", "# end")
    return "".join(line for line in source.splitlines(True) if not line.strip().startswith(marks))


def named(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call a function with those of the values that its parameters name."""
    return function(**{name: values[name] for name in inspect.signature(function).parameters})
