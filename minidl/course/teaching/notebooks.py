"""Exercises as a notebook for nbgrader, and as tests for otter. Cells and tests only call the checker."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from minidl.course import catalog
from minidl.course.checker.judging import check_source
from minidl.course.checker.results import Result
from minidl.course.exercise import Exercise
from minidl.course.notebook import source_of
from minidl.course.teaching.course_file import POINTS, Course

SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")


@functools.lru_cache(maxsize=256)
def _verdict(number: int, source: str, seed: str) -> Result:
    return check_source(number, source, seed=seed or 0)


def require(which: int | str, stage: str, *functions: Any, seed: str = "") -> None:
    """Check what a notebook defines, and raise where it does not get past a stage; a stage "par" asks for two stars.

    seed : of hidden cases

    Raises
    ------
    AssertionError : with the check's text
    """
    number = catalog.number_of(which)
    if any(f is None for f in functions):
        names = ", ".join(task.name for task in catalog.load(number).tasks)
        raise AssertionError(f"{catalog.load(number).label}: the notebook defines no {names}.")
    source = source_of(which, *functions)
    result = _verdict(number, source, seed)
    good = result.stages.get(stage) == "passed"
    if stage == "par":  # whose figures are those of the public cases
        good = result.passed and _verdict(number, source, "").stars >= 2
    if not good:
        raise AssertionError(result.text())


def names_of(exercise: Exercise) -> list[str]:
    """Return what a notebook has to define."""
    return list(dict.fromkeys(task.name for task in exercise.tasks))


# -- nbgrader ----------------------------------------------------------------------------------------------------------


def nbgrader(numbers: Sequence[int], course: Course) -> str:
    """Return the source notebook of an assignment: for each exercise its text, an answer cell, locked tests.

    In the source the answers are there, between nbgrader's marks; `nbgrader generate_assignment` takes them out.
    """
    cells = [_cell("markdown", f"# {course.name}\n\nRun every cell; the cells that begin with `result` say how it is.")]
    for number in numbers:
        e = catalog.load(number)
        call = f"course.check({e.name!r}, {', '.join(names_of(e))}"
        text = f"## {e.number} · {e.name} {'★' * e.stars}\n\n{_markdown(e.text)}"
        cells.append(_cell("markdown", text, e.label, "text", locked=True))
        answer = _answer(e)
        marked = SOLUTION[0] in answer
        cells.append(_cell("code", answer, e.label, "answer", solution=True) if marked else _cell("code", answer))
        secret = f"{course.secret} {number}"
        right = (
            f"from minidl import course\n\nresult = {call})\nprint(result)\nassert result.passed\n"
            f'### BEGIN HIDDEN TESTS\nhidden = {call}, seed="{secret}")\n'
            "result = result if hidden.passed else hidden\n"
            'assert result.passed, "right on the public cases only"\n### END HIDDEN TESTS'
        )
        each = e.points / 10
        cells.append(_cell("code", right, e.label, "", grade=True, locked=True, points=course.points["correct"] * each))
        par = "assert result.passed and result.stars >= 2, result.text()"
        cells.append(_cell("code", par, e.label, "par", grade=True, locked=True, points=course.points["par"] * each))
        why = "Why is it right? Some 30 words."
        cells.append(_cell("markdown", why, e.label, "why", grade=True, solution=True,
                           points=course.points["explanation"] * each))  # fmt: skip
    return notebook(cells)


def _answer(e: Exercise) -> str:
    """The first right solution with nbgrader's marks; the starter where the task is to mend it."""
    bank = catalog.bank(e.number)
    if bank.given:
        return bank.starter()
    text = next(iter(bank.right.values()))
    if "# begin" not in text:
        return f"{SOLUTION[0]}\n{text}{SOLUTION[1]}"
    return text.replace("# begin", SOLUTION[0]).replace("# end", SOLUTION[1]).rstrip("\n")


def _markdown(text: str) -> str:
    """An exercise's text as Markdown: indented parts are code, and stay as they are."""
    return text.replace("*", r"\*") if "\n    " not in text else text


def _cell(kind: str, source: str, label: str = "", part: str = "", *, grade: bool = False, locked: bool = False,
          solution: bool = False, points: float | None = None) -> dict[str, Any]:  # fmt: skip
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source.splitlines(True)}
    if label:
        cell["metadata"]["nbgrader"] = {
            "grade": grade, "grade_id": f"{label}_{part}" if part else label, "locked": locked, "schema_version": 3,
            "solution": solution, "task": False, **({} if points is None else {"points": points}),
        }  # fmt: skip
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def notebook(cells: list[dict[str, Any]]) -> str:
    """Return cells as a notebook's JSON."""
    for k, cell in enumerate(cells):
        cell["id"] = hashlib.sha256(f"{k} {cell['source']}".encode()).hexdigest()[:8]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    data = {"cells": cells, "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
            "nbformat": 4, "nbformat_minor": 5}  # fmt: skip
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


# -- otter -------------------------------------------------------------------------------------------------------------


def otter(number: int, course: Course | None = None) -> str:
    """Return a test file of otter's, which is told by exceptions: a test case a stage.

    course : whose points, and whose hidden cases; None for the students' own tests, which have none
    """
    e = catalog.load(number)
    points = course.points if course else POINTS
    each = e.points / 10
    from minidl.course.checker.judging import Judge

    stages = Judge(e, "").stages()
    names = ", ".join(names_of(e))
    lines = [
        f'"""{e.label}: {e.title}. Made by `minidl course export otter {number}`."""', "",
        "from otter.test_files import test_case", "", "from minidl.course.teaching.notebooks import require", "",
        "OK_FORMAT = False", f"name = {f'q{e.label}'!r}", "points = None",
    ]  # fmt: skip

    def add(label: str, stage: str, worth: float, hidden: str = "") -> None:
        seed = f", seed={hidden!r}" if hidden else ""
        lines.extend([
            "", "", f"@test_case(name={label!r}, points={worth:g}, hidden={bool(hidden)})",
            f"def test_{label}({names}):", f"    require({e.name!r}, {stage!r}, {names}{seed})",
        ])  # fmt: skip

    for stage in stages:
        if stage != "par":
            worth = points["correct"] * each if stage == "values" and course is None else 0
            add(stage, stage, worth)
    if course is not None:
        add("hidden_cases", "values", points["correct"] * each, f"{course.secret} {number}")
    add("par", "par", points["par"] * each, f"{course.secret} {number}" if course else "")
    return "\n".join(lines) + "\n"


Export = Callable[[Sequence[int], Course], dict[str, str]]


def exported(form: str, numbers: Sequence[int], course: Course) -> dict[str, str]:
    """Return the files of an export by their paths: of "nbgrader" or "otter"."""
    if form == "nbgrader":
        return {f"{course.name.replace('/', '_')}.ipynb": nbgrader(numbers, course)}
    files = {}
    for number in numbers:
        label = catalog.load(number).label
        files[f"tests/q{label}.py"] = otter(number, course)
        files[f"student_tests/q{label}.py"] = otter(number)
    return files
