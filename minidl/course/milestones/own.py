"""A student's accepted files as modules: each is checked once more, and only then loaded."""

from __future__ import annotations

import types
from collections.abc import Iterable

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
    return results, own
