"""What the commands of `minidl exercises` do, as functions that return text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minidl.course import catalog
from minidl.course.checker.results import Result
from minidl.course.folder import Folder, now
from minidl.course.sentences import LANGUAGES, language
from minidl.errors import ArgumentError

TRACKS = {
    "A": "backprop in NumPy", "B": "first kernels", "C": "memory", "D": "parallel patterns", "E": "time",
    "F": "networks' kernels", "G": "the framework",
}  # fmt: skip
LEVELS = ("a question", "the idea", "the shape of the code")
__all__ = ["LEVELS", "TRACKS", "hint", "language", "listing", "picture", "rows", "submit"]


def rows(folder: Folder | None, track: str = "") -> list[dict[str, Any]]:
    """Return what is to be said of each exercise, as plain data."""
    progress = folder.read("progress.json") if folder else {}
    following = folder.next() if folder else next(iter(catalog.files()))
    found = []
    for number in catalog.files():
        e = catalog.load(number)
        if track and e.track != track.upper():
            continue
        mine = progress.get(e.name, {})
        begun = "begun" if folder and folder.file(number).exists() else "not begun"
        found.append({
            "number": number, "name": e.name, "track": e.track, "title": e.title, "difficulty": e.stars,
            "minutes": e.minutes, "points": e.points, "needs": list(e.needs), "state": mine.get("state", begun),
            "stars": mine.get("stars", 0), "next": number == following,
        })  # fmt: skip
    return found


def listing(folder: Folder | None, track: str = "") -> str:
    """Return the table of exercises."""
    lines, last = [], ""
    for row in rows(folder, track):
        if row["track"] != last:
            last = row["track"]
            lines.append(f"{last} · {TRACKS[last]}")
        mark = "★" * row["stars"] or {"not begun": "–", "begun": "…"}.get(row["state"], "✗")
        state = row["state"] if row["state"].startswith("failed") else ""
        needs = f"after {', '.join(row['needs'])}" if row["needs"] else ""
        arrow = "→" if row["next"] else " "
        lines.append(f"{arrow} {row['number']:2d} {row['name']:<20}{mark:<5}{row['title']:<42}{row['minutes']:3d} min  "
                     f"{needs}{state}".rstrip())  # fmt: skip
    return "\n".join(lines)


def hint(folder: Folder, which: int | str, chosen: str = "en") -> str:
    """Return the next of three hints, and remember that it was asked for."""
    e = catalog.load(catalog.number_of(which))
    level = min(folder.of(which).get("hints", 0), 2)
    folder.note(which, hints=level + 1)
    return f"{e.number} {e.name}, hint {level + 1} of 3, {LEVELS[level]}: {e.hints[level][LANGUAGES.index(chosen)]}"


def picture(folder: Folder, result: Result, chosen: str = "en", out: Path | None = None) -> Path:
    """Write a verdict with its picture as one HTML file, by default beside the exercise's own, and return its path."""
    from minidl.course.explaining.picture import write

    path = out or folder.file(result.number).with_suffix(".html")
    write(result, path, chosen)
    return path


def submit(folder: Folder, which: list[str], out: Path | None = None, student: str = "") -> tuple[Path, dict[str, Any]]:
    """Check exercises once more and write one file with sources and verdicts; all that were begun by default.

    Raises
    ------
    ArgumentError : nothing was begun
    """
    from minidl.course.teaching import submission

    numbers = [catalog.number_of(w) for w in which] or [n for n in catalog.files() if folder.file(n).exists()]
    if not numbers:
        raise ArgumentError("submit: no exercise has been started.")
    data = submission.made(folder, numbers, student)
    names = f"{numbers[0]:02d}" if len(numbers) == 1 else "all" if not which else "-".join(f"{n:02d}" for n in numbers)
    path = out or folder.path / f"submission-{names}-{now()[:10]}.json"
    submission.write(path, data)
    return path, data
