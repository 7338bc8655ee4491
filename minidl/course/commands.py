"""What the commands of `minidl exercises` do, as functions that return text."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from minidl.course import catalog
from minidl.course.checker.results import Result, wrapped
from minidl.course.folder import Folder, now
from minidl.course.sentences import LANGUAGES, language
from minidl.errors import ArgumentError, unknown_name

TRACKS = {
    "A": "backprop in NumPy", "B": "first kernels", "C": "memory", "D": "parallel patterns", "E": "time",
    "F": "networks' kernels", "G": "the framework",
}  # fmt: skip
LEVELS = ("a question", "the idea", "the shape of the code")
__all__ = ["LEVELS", "TRACKS", "hint", "language", "listing", "picture", "rows", "submit"]


def rows(folder: Folder | None, track: str = "") -> list[dict[str, Any]]:
    """Return what is to be said of each exercise, as plain data.

    Raises
    ------
    UnknownNameError : there is no such track
    """
    if track and track.upper() not in TRACKS:
        raise unknown_name("track", track, list(TRACKS))
    progress = folder.progress if folder else {}
    following = folder.next() if folder else next(iter(catalog.files()))
    found = []
    for number in folder.numbers if folder else catalog.files():
        e = catalog.load(number)
        if track and e.track != track.upper():
            continue
        mine = progress.get(e.name, {})
        begun = "begun" if folder and folder.begun(number) else "not begun"
        found.append({
            "number": number, "name": e.name, "track": e.track, "title": e.title, "difficulty": e.stars,
            "minutes": e.minutes, "points": e.points, "needs": list(e.needs), "state": mine.get("state", begun),
            "stars": mine.get("stars", 0), "next": number == following,
        })  # fmt: skip
    return found


def listing(folder: Folder | None, track: str = "", width: int = 120) -> str:
    """Return the table of exercises: in a narrow terminal without what they need, then without minutes and titles."""
    lines, last = [], ""
    for row in rows(folder, track):
        if row["track"] != last:
            last = row["track"]
            lines.append(f"{last} · {TRACKS[last]}")
        mark = "★" * row["stars"] or {"not begun": "–", "begun": "…"}.get(row["state"], "✗")
        state = row["state"] if row["state"].startswith("failed") else ""
        needs = f"after {', '.join(row['needs'])}" if row["needs"] else ""
        arrow = "→" if row["next"] else " "
        parts = (f"{arrow} {row['number']:2d} {row['name']:<22}{mark:<4}", f"{row['title']:<42}",
                 f"{row['minutes']:3d} min  ", f"{needs}{' · ' if needs and state else ''}{state}")  # fmt: skip
        line = parts[0]
        for part in parts[1:]:
            line += part if len((line + part).rstrip()) <= width else ""
        lines.append(line.rstrip())
    return "\n".join(lines)


def hint(folder: Folder, which: int | str, chosen: str = "en") -> str:
    """Return the next of three hints, and remember that it was asked for."""
    e = catalog.load(folder.key(which))
    level = min(folder.of(which).get("hints", 0), 2)
    with contextlib.suppress(OSError):  # where nothing can be written a hint is still a hint
        folder.note(which, hints=level + 1)
    return f"{e.number} {e.name}, hint {level + 1} of 3, {LEVELS[level]}: {e.hints[level][LANGUAGES.index(chosen)]}"


def picture(folder: Folder, result: Result, chosen: str = "en", out: Path | None = None) -> Path:
    """Write a verdict with its picture as one HTML file, by default beside the exercise's own, and return its path."""
    from minidl.course.explaining.picture import write

    path = out or folder.file(result.number).with_suffix(".html")
    write(result, path, chosen)
    return path


def set_in_lines(text: str, width: int) -> str:
    """Return a text whose prose fits a width; what is indented, drawings and examples, stays as it is.

    A line of some 90 characters is one that was full, and goes on in the next.

    >>> print(set_in_lines("One line.\\nAnother, of three words more.\\n\\n    x   y", 20))
    One line.
    Another, of three
    words more.
    <BLANKLINE>
        x   y
    """
    lines: list[str] = []
    full = False
    for line in text.splitlines():
        prose = bool(line) and not line[:1].isspace()
        if prose and full:
            lines[-1] += f" {line}"
        else:
            lines.append(line)
        full = prose and len(line) >= 90
    return "\n".join(line if not line or line[:1].isspace() else "\n".join(wrapped(line, width)) for line in lines)


def submit(folder: Folder, which: list[str], out: Path | None = None, student: str = "") -> tuple[Path, dict[str, Any]]:
    """Check exercises once more and write one file with sources and verdicts; all that were begun by default.

    Raises
    ------
    ArgumentError : nothing was begun
    """
    from minidl.course.teaching import submission

    numbers = [catalog.number_of(w) for w in which] or [n for n in folder.numbers if folder.begun(n)]
    if not numbers:
        raise ArgumentError("submit: no exercise has been started.")
    data = submission.made(folder, numbers, student)
    names = f"{numbers[0]:02d}" if len(numbers) == 1 else "all" if not which else "-".join(f"{n:02d}" for n in numbers)
    path = out or folder.path / f"submission-{names}-{now()[:10]}.json"
    submission.write(path, data)
    return path, data
