"""A student's accepted files as modules: each is checked once more, and only then loaded."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any

from cuda_kernels import simt
from minidl.course import catalog
from minidl.course.checker.results import Result
from minidl.course.checker.running import student_module
from minidl.course.folder import Folder

Own = dict[str, types.ModuleType]  # an exercise's name -> the student's file


def accepted(folder: Folder, needs: Iterable[int]) -> tuple[dict[int, Result | None], Own]:
    """Return each exercise's verdict, None where there is no file; and the files that passed, loaded."""
    results: dict[int, Result | None] = {}
    own: Own = {}
    for number in needs:
        if not folder.file(number).is_file():
            results[number] = None
            continue
        result = results[number] = folder.check(number)
        if result.passed:
            name = catalog.load(number).name
            own[name] = student_module(str(folder.file(number)), result.source, f"student_{name}")
            variant = folder.key(number).partition("@")[2]
            own[name].__dict__["__constants__"] = catalog.variants(number)[variant]
    return results, own


def launched(kernel: Any, grid: Any, block: Any, *arrays: Any) -> Any:
    """Launch a kernel on the SIMT machine, and return the report."""
    return simt.launch(kernel, grid, block, *arrays, outputs=())


class Launches:
    """Launches of the student's kernels, counted by exercise."""

    def __init__(self, own: Own) -> None:
        self.own = own
        self.counted: dict[str, tuple[int, int]] = {}
        self.faults: list[str] = []

    def __call__(self, name: str, kernel: str, grid: Any, block: Any, *arrays: Any) -> None:
        """Launch one kernel of one exercise."""
        report = launched(getattr(self.own[name], kernel), grid, block, *arrays)
        n, sectors = self.counted.get(name, (0, 0))
        self.counted[name] = (n + 1, sectors + report.figures.global_sectors)
        self.faults += [str(fault) for fault in report.faults]

    def constant(self, name: str, which: str) -> int:
        """Return a number of the student's variant of an exercise, which its kernel is launched by."""
        found: dict[str, int] = self.own[name].__dict__["__constants__"]
        return found[which]

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(n for n, _ in self.counted.values())

    @property
    def sectors(self) -> int:
        """The sectors that all of them moved."""
        return sum(sectors for _, sectors in self.counted.values())

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Head and rows for a page."""
        rows = [[name, f"{n:,}", f"{sectors:,}"] for name, (n, sectors) in self.counted.items()]
        return ["exercise", "launches", "sectors"], rows
