"""One fault's page: its words, and a program that is run as a student's file would be."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from minidl.course.checker.results import Result
from minidl.course.exercise import Exercise, Kernel, Sentence


@dataclass(frozen=True)
class Program:
    """A fault, and the smallest program that has it.

    title, why : what it is called, and why it is one, English and Chinese
    text : the program; it needs no import but numba's, which `source` puts above it
    task : how it is launched, and what is right
    """

    title: Sentence
    why: Sentence
    text: str
    task: Kernel

    @property
    def source(self) -> str:
        """The program as a file."""
        body = textwrap.dedent(self.text).strip("\n")
        names = ["cuda", *(["float32"] if "float32" in body else [])]
        return f"from numba import {', '.join(names)}\n\n@cuda.jit\n{body}\n"

    def result(self) -> Result:
        """Run the program, and return the verdict."""
        from minidl.course.checker.judging import Judge
        from minidl.course.checker.running import run

        exercise = Exercise(title=self.title[0], tasks=(self.task,), says={}, hints=(("", ""),) * 3, name="explained")
        return Judge(exercise, self.source).verdict(run(exercise, self.source), 0)
