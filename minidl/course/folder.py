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

NAME = "minidl_exercises"
KEPT = ".course"
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
        if path.exists():
            n = 1
            while path.with_name(f"{path.name}.{n}").exists():
                n += 1
            path.rename(path.with_name(f"{path.name}.{n}"))
        path.write_text(catalog.starter(catalog.number_of(which)), encoding="utf-8", newline="\n")
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
        return path.read_text(encoding="utf-8", errors="replace")

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
        self.note(which, **more)
        self.write("last.json", {"exercise": result.number, **result.to_dict()})
        return result

    def verdict(self, which: int | str, source: str, **options: Any) -> Result:
        """Check a source as this folder's course has it done, and remember nothing."""
        allow = self.read("course.json").get("allow", ())
        return check_source(which, source, **{"allow": tuple(map(str, allow)), **options})

    # -- what is remembered -------------------------------------------------------------------------------------------

    def read(self, name: str) -> dict[str, Any]:
        """Return one of the remembered files; {} where it is not there, or damaged."""
        try:
            found = json.loads((self.path / KEPT / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, name: str, data: dict[str, Any]) -> None:
        """Write one of the remembered files, as a whole."""
        path = self.path / KEPT / name
        new = path.with_name(f"{path.name}.new")
        new.write_text(json.dumps(data, indent=1, ensure_ascii=False, default=str), encoding="utf-8")
        new.replace(path)

    def of(self, which: int | str) -> dict[str, Any]:
        """Return what is remembered of an exercise: state, stars, checks, hints, times."""
        return self.read("progress.json").get(catalog.load(catalog.number_of(which)).name, {})

    def note(self, which: int | str, **more: Any) -> None:
        """Remember more of an exercise, which is the current one from here on."""
        number = catalog.number_of(which)
        progress = self.read("progress.json")
        name = catalog.load(number).name
        progress[name] = {**progress.get(name, {}), **more}
        progress["current"] = {"number": number}
        self.write("progress.json", progress)

    @property
    def current(self) -> int:
        """The exercise that was last worked at; the first that is not passed where there is none."""
        number = self.read("progress.json").get("current", {}).get("number")
        return number if number in catalog.files() else self.next()

    def next(self, after: int = 0) -> int:
        """Return the next exercise that has no star yet."""
        progress = self.read("progress.json")
        left = [n for n in catalog.files() if not progress.get(catalog.load(n).name, {}).get("stars")]
        return next((n for n in left if n > after), left[0] if left else next(iter(catalog.files())))


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
