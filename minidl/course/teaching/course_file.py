"""`course.toml`: a course's name, weeks, exercises, points, and the secret that its hidden cases are made from."""

from __future__ import annotations

import datetime
import json
import re
import secrets
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minidl.course import catalog
from minidl.errors import ArgumentError, FileFormatError

FORMAT = "minidl-course/1"
FILE = "course.toml"
POINTS = {"correct": 6.0, "par": 2.0, "guess": 1.0, "explanation": 1.0}  # of each exercise


@dataclass(frozen=True)
class Week:
    """What is done in a week, and until when."""

    number: int
    starts: datetime.date
    due: datetime.date
    exercises: tuple[int, ...] = ()
    notebooks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Course:
    """A course.

    points : for right results, for par, for a guess made, for an explanation (which a person reads)
    late : points that each exercise loses for every day it is late, down to none
    allow : modules that solutions may import, besides those that an exercise allows
    secret : what hidden cases and variants are drawn from; never in a student's copy
    variants : exercises of which each student has a variant
    """

    name: str
    weeks: tuple[Week, ...] = ()
    points: dict[str, float] = field(default_factory=lambda: dict(POINTS))
    late: float = 0.0
    allow: tuple[str, ...] = ()
    secret: str = ""
    path: Path = Path()
    variants: tuple[int, ...] = ()

    @property
    def exercises(self) -> list[int]:
        """The exercises, in order; all there are where no week has one."""
        return [n for week in self.weeks for n in week.exercises] or list(catalog.files())

    @property
    def notebooks(self) -> list[str]:
        """The notebooks' numbers, in order."""
        return [n for week in self.weeks for n in week.notebooks]

    def due(self, number: int) -> datetime.date | None:
        """Return the last day of an exercise."""
        return next((week.due for week in self.weeks if number in week.exercises), None)

    def text(self) -> str:
        """Return the file's text."""
        return _text(self)


def numbers(text: str) -> list[int]:
    """Return exercises by numbers, ranges, names or tracks.

    >>> numbers("13-15, gemm_tiled, 1"), numbers("B")[0]
    ([13, 14, 15, 24, 1], 13)
    """
    found: list[int] = []
    for part in filter(None, re.split(r"[\s,]+", text)):
        ends = re.fullmatch(r"(\d+)-(\d+)", part)
        if ends:
            found += [n for n in catalog.files() if int(ends[1]) <= n <= int(ends[2])]
        elif re.fullmatch("[A-Ga-g]", part):
            found += [n for n in catalog.files() if catalog.load(n).track == part.upper()]
        else:
            found.append(catalog.number_of(part))
    if not found:
        raise ArgumentError(f"course: {text!r} names no exercise; '13-24', '1, gemm_tiled' or a track's letter do.")
    return list(dict.fromkeys(found))


def new_secret() -> str:
    """Return a new secret."""
    return secrets.token_hex(8)


def _text(course: Course) -> str:
    quoted = json.dumps  # a basic string of TOML is written as one of JSON
    lines = [
        "# The course, for `minidl course`. Keep the secret out of what students see: hidden cases come from it.",
        f"format = {quoted(FORMAT)}",
        f"name = {quoted(course.name, ensure_ascii=False)}",
        f"secret = {quoted(course.secret)}",
        f"allow = {quoted(list(course.allow))}    # modules that solutions may import besides numpy, math and numba",
        f"variants = {list(course.variants)}    # exercises of which `minidl course variant` makes each student's own",
        "",
        "[points]    # of each exercise; an explanation is a docstring of 30 words, which you read",
        *[f"{key} = {value:g}" for key, value in course.points.items()],
        f"late = {course.late:g}    # taken off an exercise for each day that it is late",
    ]
    for week in course.weeks:
        names = ", ".join(catalog.load(n).name for n in week.exercises)
        lines += [
            "", "[[week]]", f"starts = {week.starts}", f"due = {week.due}",
            f"notebooks = {quoted(list(week.notebooks))}",
            f"exercises = {list(week.exercises)}    # {names}" if names else "exercises = []",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def read(place: Path) -> Course:
    """Return the course of a folder, or of its course.toml.

    Raises
    ------
    ArgumentError : there is none
    FileFormatError : it is no TOML, or something in it is of another kind than it has to be
    """
    path = place / FILE if place.is_dir() else place
    if not path.is_file():
        raise ArgumentError(f"{place}: no {FILE} there. `minidl course new {place.name or 'my_course'}` makes one.")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    if data.get("format") != FORMAT:
        raise FileFormatError(f"{path}: has the format {data.get('format')!r}; {FORMAT!r} is read.")
    known = {"format", "name", "secret", "allow", "variants", "points", "week"}
    if unknown := sorted(data.keys() - known):
        raise FileFormatError(f"{path}: nothing is known of {unknown[0]!r}. There are {', '.join(sorted(known))}.")
    try:
        points = {**POINTS, "late": 0.0, **_of(data, "points", dict, {})}
        if unknown := sorted(points.keys() - POINTS.keys() - {"late"}):
            raise ValueError(f"there are no points for {unknown[0]!r}; there are for {', '.join(POINTS)} and late")
        kept = {key: _points(key, value) for key, value in points.items()}
        weeks = tuple(_week(k, week) for k, week in enumerate(_of(data, "week", list, []), 1))
        allow = tuple(_all(data, "allow", str))
        varied = tuple(catalog.number_of(n) for n in _all(data, "variants", (int, str)))
        if plain := [n for n in varied if len(catalog.variants(n)) < 2]:
            raise ValueError(f"variants: exercise {plain[0]} has no numbers that could differ")
        name, secret = _of(data, "name", str, path.parent.name), _of(data, "secret", str, "")
    except (ValueError, ArgumentError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    if not secret:
        raise FileFormatError(f"{path}: has no secret, which hidden cases are made from. Any text will do.")
    return Course(name, weeks, kept, kept.pop("late"), allow, secret, path, varied)


def _of(data: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    value = data.get(key, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{key} has to be a {kind.__name__}; got {value!r}")
    return value


def _all(data: dict[str, Any], key: str, kind: type | tuple[type, ...]) -> list[Any]:
    values = _of(data, key, list, [])
    for value in values:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"{key}: {value!r} is of another kind than it has to be")
    return values


def _points(key: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e6:
        raise ValueError(f"points.{key} has to be a number from 0 on; got {value!r}")
    return float(value)


def _week(k: int, week: Any) -> Week:
    known = {"starts", "due", "notebooks", "exercises"}
    unknown = sorted(week.keys() - known) if isinstance(week, dict) else [week]
    if unknown:
        raise ValueError(f"week {k}: it has starts, due, notebooks and exercises; got {unknown[0]!r}")
    try:
        days = []
        for key in ("starts", "due"):
            day = week.get(key, week.get("starts"))
            day = day.date() if isinstance(day, datetime.datetime) else day
            if not isinstance(day, datetime.date):
                raise ValueError(f"{key} is a date, such as 2026-09-07, without quotes; got {day!r}")
            days.append(day)
        if days[1] < days[0]:
            raise ValueError(f"it is due on {days[1]}, before it starts on {days[0]}")
        exercises = tuple(catalog.number_of(n) for n in _all(week, "exercises", (int, str)))
        return Week(k, days[0], days[1], exercises, tuple(_all(week, "notebooks", str)))
    except (ValueError, ArgumentError) as error:
        raise ValueError(f"week {k}: {error}") from error
