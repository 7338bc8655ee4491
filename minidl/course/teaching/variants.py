"""Variants: an exercise with other numbers for each student, drawn from the course's secret and the student's name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from minidl.course import catalog
from minidl.course.teaching.course_file import Course
from minidl.errors import ArgumentError


def drawn(course: Course, number: int, student: str) -> str:
    """Return a student's variant of an exercise, "" for the public one: always the same, and not to be guessed.

    >>> [drawn(Course("GPU", secret="s"), 24, name) for name in ("ann", "bob", "eve")]
    ['', '', 'TILE=8']
    """
    there = list(catalog.variants(number))
    digest = hashlib.sha256(f"{course.secret} {number} {student.strip().casefold()}".encode()).digest()
    return there[int.from_bytes(digest[:8], "big") % len(there)]


def starter(course: Course, number: int, student: str) -> str:
    """Return the starter of a student's variant.

    Raises
    ------
    ArgumentError : the exercise has no variants
    """
    if len(catalog.variants(number)) < 2:
        have = ", ".join(catalog.load(n).label for n in catalog.files() if len(catalog.variants(n)) > 1)
        raise ArgumentError(
            f"variant: {catalog.load(number).label} has no numbers that could differ. These have: {have}."
        )
    variant = drawn(course, number, student)
    return catalog.starter(f"{number}@{variant}" if variant else number)


def students(file: Path) -> list[str]:
    """Return the students of a file, a name a line; empty lines and what follows a comma do not count.

    Raises
    ------
    ArgumentError : there is no such file, nobody is in it, one stands there twice, or a name cannot be a folder's
    """
    if not file.is_file():
        raise ArgumentError(f"variant: --students is a file with a name a line. Got {str(file)!r}, which is no file.")
    names = [line.split(",")[0].strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    names = [name for name in names if name]
    folded = [name.casefold() for name in names]
    for name in names:
        if name in (".", "..") or any(c in name for c in '/\\:*?"<>|\0'):
            raise ArgumentError(f"variant: {name!r} cannot be the name of a folder, which each student gets.")
        if folded.count(name.casefold()) > 1:
            raise ArgumentError(f"variant: {name!r} stands in {file.name} twice.")
    if not names:
        raise ArgumentError(f"variant: nobody is in {file}.")
    return names


def write(course: Course, numbers: Iterable[int], names: Iterable[str], out: Path) -> list[Path]:
    """Write each student's starters into a folder of the student's name; nothing is written where one is there already.

    Raises
    ------
    ArgumentError : an exercise has no variants, or a file is there
    """
    numbers = list(numbers)
    texts = {out / name / f"{catalog.load(n).label}.py": starter(course, n, name) for name in names for n in numbers}
    if there := [path for path in texts if path.exists()]:
        raise ArgumentError(f"variant: nothing is written: {there[0]} is there already. Choose another --out.")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return list(texts)
