"""Exercises that teach by the mistake: a checker, a runner, and what a teacher needs.

    from minidl import course
    course.check("vector_add", add)          # what a cell defines
    course.check(24)                         # the current folder's 24_gemm_tiled.py

At a terminal: `minidl exercises start`, `check`, `watch`. `docs/write_an_exercise.md` says how one is added.
"""

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
    extreme,
    par,
)

__all__ = ["Answers", "Bank", "Case", "Draw", "Exercise", "Function", "Kernel", "Seen", "case", "extreme", "par"]
