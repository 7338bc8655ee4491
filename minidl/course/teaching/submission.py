"""A submission: one file with sources, and what the student's own computer found. Sources count; the rest is a claim.

    {"format": "minidl-course-submission/1", "course": "…", "minidl": "0.1.0", "student": "…",
     "made": "2026-11-30T14:10:02+0100",
     "exercises": [{"id": "gemm_tiled", "number": 24, "state": "passed", "stars": 2, "points": 8, "of": 10,
       "stages": [{"name": "machine", "verdict": "passed"}, …], "ms": 310, "failure": null,
       "figures": {"sectors": 4480}, "hints": 1, "checks": 14, "minutes": 41, "told": {"F5": 3},
       "variant": "TILE=8", "source": "…", "sha256": "…",
       "environment": {"python": "3.12.4", …}}],
     "guesses": [{"what": "sectors …", "said": 512, "was": 4096, "off": 8.0, …}]}

Only exercises that have variants name one, "" for the public one; `grade` draws it anew.
`read` takes the exercises' source, hints, checks and minutes, the guesses and the student's name; whatever is damaged
in one is told in a sentence, and the others are read.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minidl.course import catalog
from minidl.course.guesses import all_guesses
from minidl.errors import ArgumentError, FileFormatError
from minidl.utils import atomic_write

if TYPE_CHECKING:
    from minidl.course.folder import Folder

FORMAT = "minidl-course-submission/1"
LARGEST = 8 << 20  # bytes of a submission
LONGEST = 200_000  # characters of a source


def environment() -> dict[str, Any]:
    """Return on what a check was made."""
    import numba
    import numpy

    found = {"python": platform.python_version(), "numpy": numpy.__version__, "numba": numba.__version__}
    return {**found, "system": platform.system(), "gpu": None}


def made(folder: Folder, numbers: list[int], student: str = "") -> dict[str, Any]:
    """Check exercises once more and return a submission of them.

    student : name or number; by default the one that the folder has remembered
    """
    from minidl import __version__
    from minidl.course.folder import now

    course = folder.read("course.json")
    exercises = []
    for number in numbers:
        source, mine = folder.source(number), folder.of(number)
        result = folder.verdict(number, source)
        varied = {"variant": folder.key(number).partition("@")[2]} if len(catalog.variants(number)) > 1 else {}
        exercises.append({
            **result.to_dict(), **varied, "ms": round(1000 * result.seconds), "hints": mine.get("hints", 0),
            "checks": mine.get("checks", 0), "minutes": round(mine.get("worked", 0) / 60),
            "told": mine.get("told", {}), "started": mine.get("started"), "source": source,
            "sha256": digest(source), "environment": environment(),
        })  # fmt: skip
    guesses = [g for g in all_guesses() if "was" in g]
    return {
        "format": FORMAT, "course": course.get("name", ""), "minidl": __version__,
        "student": student or course.get("student", ""), "made": now(), "exercises": exercises, "guesses": guesses,
    }  # fmt: skip


def digest(source: str) -> str:
    """Return a source's SHA-256, in hexadecimal."""
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()


def write(path: Path, data: dict[str, Any]) -> None:
    """Write a submission, as a whole or not at all."""
    with atomic_write(path) as unfinished:
        unfinished.write_text(json.dumps(data, indent=1, ensure_ascii=False, default=str), encoding="utf-8")


# -- what is handed in -------------------------------------------------------------------------------------------------


@dataclass
class Entry:
    """One exercise of a submission.

    told : how often the student was told which sentence, by its name, while working at it
    claims : what the student's computer said of it, for comparison alone
    """

    number: int
    source: str
    hints: int = 0
    checks: int = 0
    minutes: int = 0
    told: dict[str, int] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The exercise's name."""
        return catalog.load(self.number).name


@dataclass
class Submission:
    """What one student handed in, by exercise; `remarks` says in sentences what is odd about it."""

    student: str
    made: str = ""
    entries: dict[int, Entry] = field(default_factory=dict)
    guesses: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    path: str = ""


def read(path: Path) -> Submission:
    """Return a submission: a file written by `submit`, or a student's 24_gemm_tiled.py, whose folder is his name.

    Raises
    ------
    FileFormatError : it is no submission, is too large, or of another version
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise FileFormatError(f"{path.name}: a submission has at most {LARGEST >> 20} MiB; this one has {size >> 20}.")
    if path.suffix == ".py":
        number = catalog.number_of(path.name)
        source = path.read_text(encoding="utf-8", errors="replace")
        return Submission(path.parent.name, entries={number: Entry(number, source)}, path=path.name)
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=float)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"{path.name}: not a whole JSON file ({_short(error)}). It may have been cut off."
        ) from error
    name = data.get("format") if isinstance(data, dict) else None
    if name != FORMAT:
        kind = FORMAT.partition("/")[0]
        of = f"of another version, {name!r}" if str(name).startswith(f"{kind}/") else "no submission of an exercise"
        raise FileFormatError(f"{path.name}: is {of}; {FORMAT!r} is read. `minidl exercises submit` writes it.")
    if not isinstance(data.get("exercises"), list):
        raise FileFormatError(f"{path.name}: has no list of exercises.")
    student = _line(data.get("student")) or path.stem
    found = Submission(student, _line(data.get("made")), guesses=_guesses(data.get("guesses")), path=path.name)
    for given in data["exercises"]:
        _add(found, given)
    return found


def _add(found: Submission, given: Any) -> None:
    """Add an exercise, or a sentence of what is wrong with it."""
    if not isinstance(given, dict):
        found.remarks.append("one of the exercises is not one, and is left out.")
        return
    which = _line(given.get("id")) or _line(given.get("number"))
    try:
        number = catalog.number_of(which)
    except ArgumentError:
        found.remarks.append(f"{which!r} is no exercise of this version, and is left out.")
        return
    source = given.get("source")
    if not isinstance(source, str) or len(source) > LONGEST:
        what = "has no source" if not isinstance(source, str) else f"has a source of {len(source):,} characters"
        found.remarks.append(f"{number} {which} {what}, and is left out.")
        return
    if given.get("sha256") != digest(source):
        found.remarks.append(
            f"{number} {which} was changed after it was handed in, or is damaged; it is graded as it is."
        )
    if number in found.entries:
        found.remarks.append(f"{number} {which} is in it twice; the first counts.")
        return
    hints, checks, minutes = (_number(given.get(key)) for key in ("hints", "checks", "minutes"))
    told = given.get("told")
    told = {_line(key): _number(n) for key, n in list(told.items())[:50]} if isinstance(told, dict) else {}
    found.entries[number] = Entry(number, source, hints, checks, minutes, told, given)


def gathered(folder: Path, course: set[int] | None = None) -> tuple[list[Submission], list[str]]:
    """Return all submissions of a folder and its subfolders, one a student, and sentences of what could not be read.

    Of what a student handed in twice, the later one counts.
    course : the exercises that are graded; by default all

    Raises
    ------
    ArgumentError : the folder is not there, or nothing is in it
    """
    if not folder.is_dir():
        raise ArgumentError(f"{folder}: there is no such folder of submissions.")
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and _may_be(p))
    found: dict[str, Submission] = {}
    problems: list[str] = []
    for path in paths:
        try:
            one = read(path)
        except (FileFormatError, OSError) as error:
            problems.append(str(error))
            continue
        one.path = path.relative_to(folder).as_posix()
        problems += [f"{one.path}: {remark}" for remark in one.remarks]
        before = found.get(one.student)
        found[one.student] = one if before is None else _later(before, one, problems)
    if not paths:
        raise ArgumentError(f"{folder}: no submission in it. `minidl exercises submit` writes submission-….json.")
    for one in found.values():
        one.entries = {n: e for n, e in sorted(one.entries.items()) if course is None or n in course}
    return [found[name] for name in sorted(found)], problems


def _may_be(path: Path) -> bool:
    if path.suffix == ".py":
        try:
            return bool(catalog.number_of(path.name)) and path.stem[:1].isdigit()
        except ArgumentError:
            return False
    return path.suffix == ".json" and ".course" not in path.parts


def _later(one: Submission, other: Submission, problems: list[str]) -> Submission:
    """Two submissions of one student as one: of each exercise the later."""
    first, last = (one, other) if one.made <= other.made else (other, one)
    twice = [str(n) for n in last.entries if n in first.entries and first.entries[n].source != last.entries[n].source]
    if twice:
        problems.append(f"{last.student} handed in {', '.join(twice)} twice; {last.path}, the later, counts.")
    guesses = first.guesses + [g for g in last.guesses if g not in first.guesses]
    return Submission(last.student, last.made, {**first.entries, **last.entries}, guesses,
                      first.remarks + last.remarks, last.path)  # fmt: skip


def _line(value: Any) -> str:
    """A name as one line of at most 100 printable characters."""
    text = str(value) if isinstance(value, str | int) else ""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:100]


def _guesses(given: Any) -> list[dict[str, Any]]:
    """Guesses that were answered, as far as they are whole."""
    whole = []
    for g in given if isinstance(given, list) else []:
        if isinstance(g, dict) and isinstance(g.get("what"), str) and "said" in g and "was" in g:
            off = g.get("off")
            off = off if isinstance(off, int | float) and math.isfinite(off) and off >= 1 else None
            whole.append({**g, "what": _line(g["what"]), "kind": str(g.get("kind", "number")), "off": off})
    return whole


def _number(value: Any) -> int:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return max(0, min(int(value), 100_000)) if good else 0


def _short(error: Exception) -> str:
    return str(error)[:80]
