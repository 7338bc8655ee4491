"""A student's folder: files that begin as starters; what is remembered lies beside them in `.course/`, as JSON."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from minidl.course import catalog
from minidl.course.checker.judging import check_source
from minidl.course.checker.results import Result
from minidl.errors import ArgumentError
from minidl.utils import atomic_write

NAME = "minidl_exercises"
KEPT = ".course"
KINDS: dict[str, type] = {  # of what is remembered; a file that somebody edited may hold anything
    "stars": int, "checks": int, "hints": int, "number": int, "state": str, "started": str, "checked": str,
    "passed": str, "told": dict,
}  # fmt: skip
PAUSE = 20 * 60  # seconds: who has not checked for longer has been away


class Folder:
    """A folder of exercises, found from any folder in it.

    path : where the files are
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def find(cls, start: Path | None = None) -> Folder:
        """Return the folder that `start` lies in, or that lies in it.

        Raises
        ------
        ArgumentError : there is none
        """
        here = (start or Path.cwd()).resolve()
        for place in (here, *here.parents, here / NAME):
            if (place / KEPT).is_dir():
                return cls(place)
        raise ArgumentError(f"exercises: no folder of exercises here. `minidl exercises start` makes {NAME}/.")

    @classmethod
    def make(cls, start: Path | None = None) -> Folder:
        """Return the folder; a new one in `start` where there is none."""
        try:
            return cls.find(start)
        except ArgumentError:
            place = (start or Path.cwd()).resolve() / NAME
            (place / KEPT).mkdir(parents=True)
            return cls(place)

    # -- files --------------------------------------------------------------------------------------------------------

    def file(self, which: int | str) -> Path:
        """Return the path of an exercise's file, whether it is there or not."""
        return self.path / f"{catalog.load(catalog.number_of(which)).label}.py"

    def start(self, which: int | str, again: bool = False) -> tuple[Path, bool]:
        """Write an exercise's starter, and say whether it was written: never over a file that is there.

        again : keep the old file as `NAME.py.1`, and begin anew
        """
        path = self.file(which)
        if path.exists() and not again:
            return path, False
        with atomic_write(path) as unfinished:
            unfinished.write_text(catalog.starter(self.key(which)), encoding="utf-8", newline="\n")
            if path.exists():  # which stays where it is until the new one is on the disk
                n = 1
                while path.with_name(f"{path.name}.{n}").exists():
                    n += 1
                path.rename(path.with_name(f"{path.name}.{n}"))
        self.note(which, started=self.of(which).get("started", now()))
        return path, True

    def source(self, which: int | str) -> str:
        """Return what is in an exercise's file.

        Raises
        ------
        ArgumentError : it has not been started
        """
        path = self.file(which)
        if not path.is_file():
            raise ArgumentError(
                f"exercises: {path.name} is not there. `minidl exercises start {catalog.number_of(which)}` writes it."
            )
        return decoded(path.read_bytes())

    def check(self, which: int | str, **options: Any) -> Result:
        """Check an exercise's file, and remember how it went."""
        result = self.verdict(which, self.source(which), **options)
        kept = self.of(which)
        best = max(result.stars, kept.get("stars", 0))
        state = "passed" if best else result.state if result.state != "failed" else f"failed at {_stage(result)}"
        more: dict[str, Any] = {
            "state": state,
            "stars": best,
            "checks": kept.get("checks", 0) + 1,
            "checked": now(),
            "worked": _worked(kept),
        }
        if result.failure is not None:
            told, key = kept.get("told", {}), result.failure.mistake or result.failure.code
            more["told"] = {**told, key: told.get(key, 0) + 1}
        if result.passed:
            more["passed"] = kept.get("passed", now())
        try:
            self.note(which, **more)
            self.write("last.json", {"exercise": result.number, **result.to_dict()})
        except OSError as error:  # a full disk, somebody else's folder: the verdict is worth having all the same
            result.notes.append(f"not remembered: {error.strerror or error}")
        return result

    def verdict(self, which: int | str, source: str, **options: Any) -> Result:
        """Check a source as this folder's course has it done, and remember nothing."""
        allow = self.read("course.json").get("allow", ())
        given = {"allow": tuple(map(str, allow)), "variant": self.variant(which)}
        return check_source(which, source, **{**given, **options})

    def variant(self, which: int | str) -> str | None:
        """Return the variant that the course has given this folder's student; None where it has given none."""
        given, number = self.read("course.json").get("variants"), catalog.number_of(which)
        found = given.get(str(number)) if isinstance(given, dict) else None
        return found if isinstance(found, str) and found in catalog.variants(number) else None

    def key(self, which: int | str) -> str:
        """Return what the catalog loads an exercise's variant by: the course's, or else the one that the file says."""
        variant, path = self.variant(which), self.file(which)
        if variant is not None:
            return catalog.keyed(catalog.number_of(which), variant)
        return catalog.key_of(which, decoded(path.read_bytes()) if path.is_file() else "")

    # -- what is remembered -------------------------------------------------------------------------------------------

    def read(self, name: str) -> dict[str, Any]:
        """Return one of the remembered files; {} where it is not there, or damaged."""
        try:
            found = json.loads((self.path / KEPT / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def progress(self) -> dict[str, dict[str, Any]]:
        """What is remembered of each exercise, by name; what is not of its kind is left out."""
        found = {name: kept for name, kept in self.read("progress.json").items() if isinstance(kept, dict)}
        return {
            name: {key: value for key, value in kept.items() if isinstance(value, KINDS.get(key, object))}
            for name, kept in found.items()
        }

    def write(self, name: str, data: dict[str, Any]) -> None:
        """Write one of the remembered files, as a whole. A damaged one is kept beside it."""
        path = self.path / KEPT / name
        if path.is_file() and path.stat().st_size and not self.read(name):
            path.replace(path.with_name(f"{name}.damaged"))
        with atomic_write(path) as unfinished:
            text = json.dumps(data, indent=1, ensure_ascii=False, default=str)
            unfinished.write_text(text, encoding="utf-8")

    def of(self, which: int | str) -> dict[str, Any]:
        """Return what is remembered of an exercise: state, stars, checks, hints, times."""
        return self.progress.get(catalog.load(catalog.number_of(which)).name, {})

    def note(self, which: int | str, **more: Any) -> None:
        """Remember more of an exercise, which is the current one from here on."""
        number = catalog.number_of(which)
        progress = self.progress
        name = catalog.load(number).name
        progress[name] = {**progress.get(name, {}), **more}
        progress["current"] = {"number": number}
        self.write("progress.json", progress)

    @property
    def current(self) -> int:
        """The exercise that was last worked at; the first that is not passed where there is none."""
        number = self.progress.get("current", {}).get("number")
        return number if number in catalog.files() else self.next()

    def next(self, after: int = 0) -> int:
        """Return the next exercise that has no star yet."""
        progress = self.progress
        left = [n for n in self.numbers if not progress.get(catalog.load(n).name, {}).get("stars")]
        return next((n for n in left if n > after), left[0] if left else self.numbers[0])

    @property
    def numbers(self) -> list[int]:
        """The exercises of this folder's course; all, where it is of none."""
        chosen = self.read("course.json").get("exercises")
        wanted = set(chosen) if isinstance(chosen, list) else set()
        return [n for n in catalog.files() if n in wanted] or list(catalog.files())

    def begun(self, which: int | str) -> bool:
        """Return whether an exercise's file is there and no longer the starter."""
        return self.file(which).is_file() and self.source(which) != catalog.starter(self.key(which))


def decoded(data: bytes) -> str:
    """Return a file's text as Python reads it, and as editors of Windows write it: UTF-8 or UTF-16 with a mark, CR LF.

    What is not UTF-8 is kept as "�": inside a comment it does no harm, elsewhere Python says where it stands.

    >>> decoded("x = 1\\r\\n".encode("utf-16")), decoded(b"\\xef\\xbb\\xbfy"), decoded(b"# \\xe9")
    ('x = 1\\n', 'y', '# �')
    """
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _stage(result: Result) -> str:
    return result.failure.stage if result.failure else "?"


def _worked(kept: dict[str, Any]) -> int:
    """Seconds at an exercise: from check to check, where no longer than a pause is lies between them."""
    try:
        before = time.mktime(time.strptime((kept.get("checked") or kept["started"])[:19], "%Y-%m-%dT%H:%M:%S"))
    except (KeyError, TypeError, ValueError, OverflowError):
        return kept.get("worked", 0)
    since = time.time() - before
    return int(kept.get("worked", 0) + (since if 0 < since < PAUSE else 0))


def now() -> str:
    """Return the time, to the second, with its zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
