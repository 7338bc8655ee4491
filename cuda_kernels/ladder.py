"""The ladders: every kernel family as rungs, each of which changes one thing, from the naive kernel to the fast one.

A family is a folder of this package with files r1_….py, r2_….py, … in it, or in its folders. Such a file is a rung: its
last lines make `RUNG` (or `RUNGS`, for several ops). They are found by their names and ordered by their numbers; the
last rung of an op that is not `optional` is its default. `conventions.md` beside this file shows how one looks.

    from cuda_kernels import ladder
    ladder.ops()                          # ("gemm", "conv2d", …)
    ladder.rung("gemm").run(a, b)         # the default rung
    ladder.rung("gemm", "r3_shared").run(a, b)
"""
from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cuda_kernels
from cuda_kernels._cuda import SIMULATOR


@dataclass(frozen=True)
class Claims:
    """What a kernel says of its machine code (SASS); `python -m cuda_kernels.compile` holds it to that.

    registers : at most so many a thread
    local_bytes : at most so many bytes a thread of local memory (spilled registers, arrays that are no registers)
    contains : instructions that must be there, by the beginning of their names: ("LDG.E.128", "HMMA.1688.F32.TF32")
    lacks : instructions that must not be there: ("LDL", "STL")
    loop : ("FFMA", 0.8): the main loop, the one with the most of these instructions, consists of them to at least this
        share, and moves no local memory
    float64 : True if the kernel is meant to compute in float64
    """

    registers: int = 255
    local_bytes: int = 0
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    loop: tuple[str, float] | None = None
    float64: bool = False


@dataclass(frozen=True)
class Build:
    """One kernel to compile: the `@cuda.jit` kernel, its argument types, and what it claims.

    args : Numba types: float32[::1] for a C-contiguous 1-D array, float32[:, ::1] for a 2-D one, int32 for a number
    since : the oldest GPU that has its instructions: (7, 5) Turing, (8, 0) Ampere, (9, 0) Hopper
    label : tells builds of one factory apart ("transpose_a"); "" for the only one
    """

    kernel: Any
    args: tuple[Any, ...]
    claims: Claims = Claims()
    since: tuple[int, int] = (7, 5)
    label: str = ""

    @property
    def name(self) -> str:
        """The kernel's name, with the label: "gemm_naive", "gemm_naive[transpose_a]"."""
        name = getattr(self.kernel, "py_func", self.kernel).__name__
        return f"{name}[{self.label}]" if self.label else name


@dataclass(frozen=True)
class Rung:
    """One rung of the ladder of `op`.

    op : "gemm", "conv2d", "conv2d_backward_data", …
    name : its module's name, "r3_shared"
    change : the one thing that differs from the rung before, one sentence
    run : the host function: takes arrays, chooses grid and block, launches, returns arrays
    builds : the kernels to compile, with their claims
    optional : why this rung is never taken unasked ("rounds its operands to TF32"); "" where it may be the default
    """

    op: str
    name: str
    change: str
    run: Callable[..., Any]
    builds: tuple[Build, ...]
    optional: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"r\d+_\w+", self.name):
            raise ValueError(f"Rung: name must be r<number>_<what>, as its module. Got {self.name!r}.")
        if not self.builds:
            raise ValueError(f"Rung: {self.op}:{self.name} lists no kernel to compile. Add Build(kernel, args).")


def bound(host: Callable[..., Any], *parts: Any) -> Callable[..., Any]:
    """A host function whose first arguments are a rung's own: what launches its kernels.

    >>> bound(pow, 2)(5), bound(pow, 2).__name__
    (32, 'pow')
    """
    run = functools.partial(host, *parts)
    run.__name__, run.__doc__ = host.__name__, host.__doc__  # type: ignore[attr-defined]
    return run


@functools.cache
def _files() -> dict[str, tuple[str, ...]]:
    """Of each family the modules of its rungs, by number."""
    found: dict[str, list[tuple[int, str]]] = {}
    for folder in map(Path, cuda_kernels.__path__):
        for file in sorted(folder.rglob("r[0-9]*_*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            number = parts[-1][1:].partition("_")[0]
            if number.isdecimal():
                found.setdefault(parts[0], []).append((int(number), ".".join(("cuda_kernels", *parts))))
    return {family: tuple(module for _, module in sorted(found[family])) for family in sorted(found)}


def families() -> tuple[str, ...]:
    """The names of all families: the folders of this package that hold rungs."""
    return tuple(_files())


@functools.cache
def family_rungs(family: str) -> tuple[Rung, ...]:
    """The rungs of a family, by number. Raises ImportError if a rung's file makes none, or Numba's simulator is on."""
    if SIMULATOR:
        raise ImportError(f"ladder: {SIMULATOR}.")
    rungs: list[Rung] = []
    for name in _files()[family]:
        module = importlib.import_module(name)
        made = getattr(module, "RUNGS", getattr(module, "RUNG", None))
        made = made if isinstance(made, tuple) else (made,)
        if not made or not all(isinstance(rung, Rung) and rung.name == name.rpartition(".")[2] for rung in made):
            raise ImportError(f"ladder: {name} must end in RUNG = Rung(…), or RUNGS = (…), named as the file is.")
        rungs += made
    return tuple(rungs)


def ops() -> tuple[str, ...]:
    """The names of all ops that have kernels."""
    return tuple(op for family in families() for op in sorted({rung.op for rung in family_rungs(family)}))


def rungs(op: str) -> tuple[Rung, ...]:
    """The ladder of an op, from the first rung to the last. Raises KeyError for an unknown op.

    The families whose names the op begins with are looked at first, so that one op does not import all kernels.
    """
    for family in sorted(families(), key=lambda name: (not op.startswith(name), -len(name))):
        found = tuple(r for r in family_rungs(family) if r.op == op)
        if found:
            return found
    raise KeyError(f"ladder: no kernels for op {op!r}. There are: {', '.join(ops())}.")


def rung(op: str, name: str | None = None) -> Rung:
    """One rung of an op by name; without a name the default, the last that is not optional. Raises KeyError.

    `name` may be shortened to its number: "r3".
    """
    ladder = rungs(op)
    if name is None:
        return [found for found in ladder if not found.optional][-1]
    for found in ladder:
        if name in (found.name, found.name.split("_")[0]):
            return found
    raise KeyError(f"ladder: op {op!r} has no rung {name!r}. There are: {', '.join(r.name for r in ladder)}.")
