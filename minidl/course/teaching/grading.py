"""Grades: each source is run again, on public cases and on hidden ones; what a submission says of itself is a claim.

A source runs as any check does, in a process of its own; the right results are worked out afterwards, in this one.
"""

from __future__ import annotations

import ast
import datetime
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from minidl.course import catalog
from minidl.course.checker.judging import check_source
from minidl.course.checker.results import Result
from minidl.course.checker.running import cases_of
from minidl.course.exercise import Answers
from minidl.course.teaching import variants
from minidl.course.teaching.course_file import Course
from minidl.course.teaching.submission import Entry, Submission
from minidl.errors import ArgumentError

SECONDS = 10.0  # for a source: of the processor, where the system tells them
WORDS = 30  # of an explanation
Job = tuple[int, str, str, tuple[str, ...], str | None]  # number, source, hidden seed or "", allowed modules, variant


@dataclass
class Grade:
    """An exercise of a student.

    public, hidden : the verdicts on the public and on the hidden cases; hidden only where the public ones are passed
    points : by what they are for; an explanation's are given by hand
    words : of the longest docstring that the student wrote
    late : days
    variant : that was asked for; "" where it is the public one
    """

    student: str
    entry: Entry
    public: Result
    hidden: Result | None
    points: dict[str, float]
    words: int
    late: int = 0
    variant: str = ""

    @property
    def number(self) -> int:
        """The exercise."""
        return self.entry.number

    @property
    def shown(self) -> Result:
        """The verdict that explains the grade."""
        return self.public if self.hidden is None or self.hidden.passed else self.hidden

    @property
    def passed(self) -> bool:
        """Whether it is right on all cases."""
        return self.shown.passed

    @property
    def state(self) -> str:
        """The verdict in words."""
        return "passed on the public cases only" if self.public.passed and not self.passed else self.shown.state

    @property
    def mistake(self) -> str:
        """The name of the sentence it was told, or ""."""
        failure = self.shown.failure
        return (failure.mistake or failure.code) if failure else ""

    @property
    def total(self) -> float:
        """Points without those that are given by hand."""
        return sum(self.points.values())

    @property
    def claimed(self) -> bool:
        """Whether the student's own computer said otherwise: an altered checker, or an altered file."""
        return self.entry.claims.get("state") == "passed" and not self.public.passed


@dataclass
class Graded:
    """A class: its grades in order of students and exercises, and sentences of what went wrong on the way."""

    course: Course
    submissions: list[Submission]
    grades: list[Grade]
    problems: list[str] = field(default_factory=list)

    def of(self, student: str) -> list[Grade]:
        """Return a student's grades."""
        return [g for g in self.grades if g.student == student]

    @property
    def numbers(self) -> list[int]:
        """The exercises that somebody handed in, in order."""
        return sorted({g.number for g in self.grades})


def grade(course: Course, submissions: Sequence[Submission], problems: Sequence[str] = (), *, seed: str = "",
          jobs: int = 0, say: Callable[[str], None] = lambda text: None) -> Graded:  # fmt: skip
    """Run every source and return the grades.

    Parameters
    ----------
    seed : of the hidden cases; by default the course's secret
    jobs : processes; by default as many as there are processors
    say : is told how far it is
    """
    told = list(problems)
    used = {n for s in submissions for n in s.entries}
    seeds = {n: _rehearsed(n, seed or course.secret, told, n in course.variants) for n in sorted(used)}

    def job(student: str, number: int, source: str) -> Job:
        variant = variants.drawn(course, number, student) if number in course.variants else None
        return number, source, seeds[number], course.allow, variant

    wanted = {job(s.student, n, entry.source): None for s in submissions for n, entry in s.entries.items()}
    found = dict(zip(wanted, _all(list(wanted), jobs or os.cpu_count() or 1, say), strict=True))
    grades = []
    for one in submissions:
        for k, (number, entry) in enumerate(one.entries.items()):
            asked = job(one.student, number, entry.source)
            public, hidden = found[asked]
            grades.append(_grade(course, one, entry, public, hidden, guessed=k < len(one.guesses)))
            said, grades[-1].variant = entry.claims.get("variant"), asked[-1] or ""
            if asked[-1] is not None and isinstance(said, str) and said != asked[-1]:
                label = catalog.load(number).label
                told.append(
                    f"{one.student}: {label} was worked at as {said or 'the public variant'}; it is graded as "
                    f"{asked[-1] or 'the public one'}, which the secret draws for this name."
                )
    return Graded(course, list(submissions), grades, told)


def _rehearsed(number: int, secret: str, problems: list[str], varied: bool = False) -> str:
    """Return the seed of an exercise's hidden cases; "" where our own solution fails on them, which is told."""
    exercise, seed, why = catalog.load(number), f"{secret} {number}", ""
    for variant in catalog.variants(number) if varied else [""]:
        key = f"{number}@{variant}" if variant else str(number)
        try:
            source = next(iter(catalog.bank(key).rights().values()))
        except ArgumentError:  # only the wheel is installed: it has no solutions
            source = ""
        try:
            if source:
                result = check_source(key, source, seed=seed, seconds=SECONDS)
                why = why or ("" if result.passed or result.failure is None else result.failure.said[0])
            else:
                for task in catalog.load(key).tasks:
                    if not isinstance(task, Answers):
                        cases_of(catalog.load(key), task, seed)
        except Exception as error:
            why = why or f"{type(error).__name__}: {error}"
    if why:
        problems.append(f"{exercise.label}: its hidden cases are left out, because a right solution fails there: {why}")
    return "" if why else seed


def judged(job: Job) -> tuple[Result, Result | None]:
    """Return the verdicts on a source: on the public cases, and on the hidden ones where those are passed."""
    number, source, seed, allow, variant = job
    options: dict[str, Any] = {"seconds": SECONDS, "allow": allow, "variant": variant}
    public = _plain(check_source(number, source, **options))
    return public, _plain(check_source(number, source, seed=seed, **options)) if public.passed and seed else None


def _plain(result: Result) -> Result:
    """A result without the arrays that pictures are made from, as it goes from process to process."""
    for failure in filter(None, [result.failure, *result.remarks]):
        failure.shown = None
    return result


def _all(jobs: list[Job], processes: int, say: Callable[[str], None]) -> list[tuple[Result, Result | None]]:
    found = []
    if min(processes, len(jobs)) < 2:
        for k, job in enumerate(jobs, 1):
            found.append(judged(job))
            say(f"{k} of {len(jobs)} sources run")
        return found
    with ProcessPoolExecutor(min(processes, len(jobs)), multiprocessing.get_context("spawn")) as pool:
        for k, one in enumerate(pool.map(judged, jobs), 1):
            found.append(one)
            say(f"{k} of {len(jobs)} sources run")
    return found


def _grade(
    course: Course, one: Submission, entry: Entry, public: Result, hidden: Result | None, guessed: bool
) -> Grade:
    right = public.passed and (hidden is None or hidden.passed)
    each = catalog.load(entry.number).points / 10  # those of the course are for an exercise of ten points
    points = {
        "correct": course.points["correct"] * right, "par": course.points["par"] * (right and public.stars >= 2),
        "guess": course.points["guess"] * guessed,
    }  # fmt: skip
    late = _late(course.due(entry.number), one.made)
    kept = {key: round(value * each, 2) for key, value in points.items()}
    if late and course.late:
        kept["late"] = -min(sum(kept.values()), late * course.late)
    return Grade(one.student, entry, public, hidden, kept, explained(entry), late)


def explained(entry: Entry) -> int:
    """Return the words of the longest docstring that is not the starter's."""
    try:
        tree = ast.parse(entry.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0
    starter = catalog.starter(catalog.key_of(entry.number, entry.source))
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.FunctionDef | ast.ClassDef)]
    found = [ast.get_docstring(n, clean=False) or "" for n in nodes]
    return max((len(text.split()) for text in found if text.strip() not in starter), default=0)


def _late(due: datetime.date | None, made: str) -> int:
    try:
        return max(0, (datetime.date.fromisoformat(made[:10]) - due).days) if due else 0
    except ValueError:
        return 0
