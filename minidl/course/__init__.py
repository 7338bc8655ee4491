"""Exercises that teach by the mistake: a checker, a runner, and what a teacher needs.

    from minidl import course
    course.check("vector_add", add)          # what a cell defines
    course.check(24)                         # the current folder's 24_gemm_tiled.py
    g = course.guess("sectors moved")        # before it is measured; then g(512), g.reveal(4096)

At a terminal: `minidl exercises start`, `check`, `watch`. `docs/write_an_exercise.md` says how one is added.
"""

from __future__ import annotations

from typing import Any

from minidl.course.exercise import (
    Answers,
    Bank,
    Case,
    Draw,
    Exercise,
    Function,
    Kernel,
    Seen,
    case,
    constant,
    extreme,
    par,
)

__all__ = [
    "Answers", "Bank", "Case", "Draw", "Exercise", "Function", "Kernel", "Seen", "case", "check", "constant", "extreme",
    "guess", "par",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "check":  # which needs more than an exercise's file does
        from minidl.course.notebook import check

        return check
    if name == "guess":
        from minidl.course.guesses import guess

        return guess
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
