"""The ladders: every kernel family as rungs, each of which changes one thing, from the naive kernel to the fast one.

A family is a folder of this package whose `__init__.py` lists `RUNGS`, in the order in which they are read. A rung is
a module whose last lines make a `Rung`; the last rung of an op that is not `optional` is its default. `conventions.md`
beside this file shows how one looks.

    from cuda_kernels import ladder
    ladder.ops()                          # ("gemm", "conv2d", …)
    ladder.rung("gemm").run(a, b)         # the default rung
    ladder.rung("gemm", "r3_shared").run(a, b)
"""
from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cuda_kernels
from cuda_kernels._cuda import SIMULATOR

NO_FAMILY = ("simt", "intrinsics", "compile")


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


@functools.cache
def families() -> tuple[str, ...]:
    """The names of all families: the folders of this package that hold ladders."""
    return tuple(m.name for m in pkgutil.iter_modules(cuda_kernels.__path__) if m.ispkg and m.name not in NO_FAMILY)


@functools.cache
def family_rungs(family: str) -> tuple[Rung, ...]:
    """The rungs of a family, in order. Raises ImportError if its folder lists none, or Numba's simulator is on."""
    if SIMULATOR:
        raise ImportError(f"ladder: {SIMULATOR}.")
    module = importlib.import_module(f"cuda_kernels.{family}")
    if not getattr(module, "RUNGS", ()):
        raise ImportError(f"ladder: cuda_kernels/{family}/__init__.py lists no RUNGS = (r1_….RUNG, …).")
    return tuple(module.RUNGS)


def ops() -> tuple[str, ...]:
    """The names of all ops that have kernels."""
    return tuple(dict.fromkeys(rung.op for family in families() for rung in family_rungs(family)))


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
