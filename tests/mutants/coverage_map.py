"""Which tests run a line, and how long each takes: recorded once by coverage, and kept in .mutants."""

from __future__ import annotations

import difflib
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

KEPT = Path(".mutants")
MAP = KEPT / "tests_of_lines.json"


def record() -> None:
    """Run the fast tests under coverage, and write for every file its text and {line: [tests]}."""
    KEPT.mkdir(exist_ok=True)
    print("mutants: recording which tests run which lines; some 15 minutes, once")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow", "-q", "-n", "2", "--cov",
               "--cov-context=test", "--cov-report=", f"--junitxml={KEPT / 'times.xml'}"]  # fmt: skip
    subprocess.run(command, check=False, env=None)
    write_map(Path(".coverage"), KEPT / "times.xml", Path.cwd())


def write_map(coverage_file: Path, times: Path, root: Path) -> None:
    """Turn what coverage and pytest wrote into one file. Tests that failed see nothing."""
    from coverage import CoverageData

    seconds = _seconds(times)
    data = CoverageData(str(coverage_file))
    data.read()
    numbers = {test: number for number, test in enumerate(seconds)}
    files: dict[str, Any] = {}
    for path in data.measured_files():
        lines = {}
        for line, contexts in data.contexts_by_lineno(path).items():
            tests = {numbers[test] for test in (context.rpartition("|")[0] for context in contexts) if test in numbers}
            lines[line] = sorted(tests)
        name = Path(path)
        name = name.relative_to(root) if name.is_absolute() else name
        files[str(name)] = {"source": (root / name).read_text(encoding="utf-8"), "lines": lines}
    MAP.parent.mkdir(exist_ok=True)
    MAP.write_text(json.dumps({"tests": list(seconds.items()), "files": files}))


def line_before(before: str, now: str, line: int) -> int:
    """The number that a line had in an earlier text of its file, 0 if it is new or was changed.

    >>> line_before("a\\nb\\nc\\n", "a\\nnew\\nb\\nchanged\\n", 3), line_before("a\\nb\\n", "a\\nnew\\n", 2)
    (2, 0)
    """
    if before == now:
        return line
    matcher = difflib.SequenceMatcher(None, before.splitlines(), now.splitlines(), autojunk=False)
    places = (old + line - new for old, new, count in matcher.get_matching_blocks() if new < line <= new + count)
    return next(places, 0)


def _seconds(times: Path) -> dict[str, float]:
    found = {}
    for case in ElementTree.parse(times).iter("testcase"):
        if len(case) == 0:  # neither failed nor skipped
            *parts, last = case.get("classname", "").split(".")
            found[f"{'/'.join([*parts, last])}.py::{case.get('name')}"] = float(case.get("time", 0))
    return found


class Tests:
    """The recorded map: the tests that should see a fault in a line."""

    def __init__(self) -> None:
        kept = json.loads(MAP.read_text())
        self.names = [name for name, _ in kept["tests"]]
        self.times = [seconds for _, seconds in kept["tests"]]
        self.files = kept["files"]

    def of(self, file: str, source: str, line: int, budget: float) -> list[str]:
        """Tests for `budget` seconds: fastest first, in turn from each test file.

        A line that runs only at import, or that is new since, is seen by the tests of the whole file; a new file by
        those of the folder.
        """
        known = self.files.get(file)
        tests = known["lines"].get(str(line_before(known["source"], source, line)), []) if known else []
        tests = tests or self._of_path(file) or next(filter(None, map(self._of_folder, Path(file).parents)), [])
        chosen, spent = [], 0.0
        for test in self._in_turn(tests):
            spent += self.times[test] + 0.005
            if chosen and spent > budget:
                break
            chosen.append(self.names[test])
        return chosen

    def _of_path(self, *paths: str) -> list[int]:
        lines = (tests for path in paths if path in self.files for tests in self.files[path]["lines"].values())
        return sorted(set(itertools.chain.from_iterable(lines)))

    def _of_folder(self, folder: Path) -> list[int]:
        return self._of_path(*(path for path in self.files if folder in Path(path).parents))

    def _in_turn(self, tests: list[int]) -> list[int]:
        of_file: dict[str, list[int]] = {}
        for test in sorted(tests, key=lambda test: self.times[test]):
            of_file.setdefault(self.names[test].partition("::")[0], []).append(test)
        rounds = itertools.zip_longest(*of_file.values())
        return [test for one in rounds for test in one if test is not None]
