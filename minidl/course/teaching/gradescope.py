"""Gradescope: the autograder's zip, and results.json of what a student uploads.

    python -m minidl.course.teaching.gradescope COURSE.toml SUBMISSION_FOLDER results.json

Uploaded are a file of `minidl exercises submit`, or exercises' own files. Points stand at the hidden cases, which a
student sees when grades are published; the verdict on the public cases is seen at once, and is worth no points.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from minidl.course import catalog
from minidl.course.teaching import course_file, submission, wheel
from minidl.course.teaching.course_file import Course
from minidl.course.teaching.grading import Grade, grade
from minidl.course.teaching.submission import Submission
from minidl.errors import ArgumentError, MinidlError

SETUP = """#!/usr/bin/env bash
set -e
cd /autograder/source
# The image's own Python where it is new enough and can make environments; else one of its distribution's packages.
suits() { "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1; }
found() { for each in python3 python3.13 python3.12 python3.11; do if suits $each; then echo $each; return; fi; done; }
python=$(found)
if [ -z "$python" ]; then
  apt-get update
  for version in 3.13 3.12 3.11; do
    if apt-get install -y python$version python$version-venv; then break; fi
  done
  python=$(found)
fi
if [ -z "$python" ]; then
  echo "setup.sh: minidl needs Python 3.11 or newer with venv, and this image has none: choose a newer base image." >&2
  exit 1
fi
$python -m venv /autograder/env
if ls wheels/numpy-* > /dev/null 2>&1; then offline="--no-index"; fi
/autograder/env/bin/pip install $offline --find-links wheels wheels/minidl-*.whl  # this one, and none of an index
"""
RUN = """#!/usr/bin/env bash
export OPENBLAS_NUM_THREADS=1
cd /autograder/source
/autograder/env/bin/python -m minidl.course.teaching.gradescope course.toml /autograder/submission \\
  /autograder/results/results.json
"""


def archive(course: Course, wheels: Path | None = None) -> bytes:
    """Return the autograder's zip.

    wheels : a folder of wheels of what minidl needs, for a set-up without a network: `pip download -d wheels …`

    Raises
    ------
    ArgumentError : there is no wheel in the folder
    """
    files = {"setup.sh": SETUP.encode(), "run_autograder": RUN.encode(), "course.toml": course.text().encode(),
             f"wheels/{wheel.name()}": wheel.made()}  # fmt: skip
    if wheels is not None:
        found = sorted(wheels.glob("*.whl"))
        if not found:
            raise ArgumentError(
                f"gradescope: no wheel in {wheels}. `pip download --dest {wheels} numpy numba …` gets some."
            )
        files |= {f"wheels/{path.name}": path.read_bytes() for path in found}
    return wheel.zipped(files, ("setup.sh", "run_autograder"))


def results(course: Course, folder: Path) -> dict[str, Any]:
    """Return results.json for what lies in a folder; an upload that cannot be graded gets a sentence and no points."""
    started = time.perf_counter()
    try:
        handed_in, problems = submission.gathered(folder, set(course.exercises))
        problems += _named(course, handed_in, uploaders(folder))
        graded = grade(course, handed_in, problems, jobs=1)
        tests = [test for g in graded.grades for test in _tests(course, g)]
        problems = graded.problems
    except MinidlError as error:
        tests, problems = [], [str(error)]
    if not tests:
        problems = [*problems, "Nothing here can be graded: upload the file that `minidl exercises submit` writes."]
    return {
        "tests": tests or [{"name": "upload", "score": 0, "max_score": 0, "status": "failed", "output": problems[-1],
                            "visibility": "visible"}],
        "output": "\n".join(problems), "output_format": "text", "visibility": "visible", "stdout_visibility": "hidden",
        "execution_time": round(time.perf_counter() - started),
    }  # fmt: skip


def uploaders(folder: Path) -> list[str]:
    """Return the names and addresses under which Gradescope knows who has uploaded; none where it does not say.

    They stand in submission_metadata.json, beside the folder of the submission.
    """
    try:
        found = json.loads((folder.parent / "submission_metadata.json").read_text(encoding="utf-8"))
        return [user[key] for user in found["users"] for key in ("name", "email") if isinstance(user.get(key), str)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def _named(course: Course, handed_in: list[Submission], names: list[str]) -> list[str]:
    """Draw variants for who has uploaded, whatever a file says; return sentences of what was found odd."""
    said = []
    for one in handed_in if course.variants else ():
        if names and one.student.casefold() not in [name.casefold() for name in names]:
            if not one.path.endswith(".py"):
                said.append(f"{one.path} names {one.student}; variants are those of {names[0]}, who has uploaded it.")
            one.student = names[0]
        elif not names and one.path.endswith(".py"):
            said.append(f"{one.path} does not say whose it is, and variants are drawn for a name: upload what "
                        "`minidl exercises submit` writes.")  # fmt: skip
    return said


def _tests(course: Course, g: Grade) -> list[dict[str, Any]]:
    label = catalog.load(g.number).label
    each = catalog.load(g.number).points / 10
    hidden = "right on all cases" if g.passed else g.shown.text()
    rows = [
        ("public cases", 0.0, 0.0, g.public.passed, g.public.text(), "visible"),
        ("hidden cases", g.points["correct"], course.points["correct"] * each, g.passed, hidden, "after_published"),
        ("par", g.points["par"], course.points["par"] * each, g.passed and g.public.stars >= 2, "", "after_published"),
        ("a guess", g.points["guess"], course.points["guess"] * each, g.points["guess"] > 0, "", "visible"),
    ]  # fmt: skip
    if g.late:
        rows.append((f"{g.late} days late", g.points.get("late", 0.0), 0.0, False, "", "visible"))
    return [
        {"name": f"{label}: {name}", "score": score, "max_score": most, "status": "passed" if passed else "failed",
         "output": output, "output_format": "text", "visibility": seen}
        for name, score, most, passed, output, seen in rows
    ]  # fmt: skip


def main(arguments: list[str]) -> None:
    """Write results.json."""
    course, folder, out = map(Path, arguments)
    found = results(course_file.read(course), folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8", errors="replace")


if __name__ == "__main__":
    main(sys.argv[1:])
