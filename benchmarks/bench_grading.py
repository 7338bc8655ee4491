"""How long a class takes to grade: submissions made from an exercise's bank, each a text of its own.

    python benchmarks/bench_grading.py 24 --submissions 100 --jobs 2

Prints seconds by the clock and of the processor, and the report's first lines.
"""

import argparse
import hashlib
import json
import os
import resource
import tempfile
import time
from pathlib import Path

from minidl.course import catalog
from minidl.course.teaching import gradebook, grading, report, submission
from minidl.course.teaching.course_file import Course


def submissions(folder: Path, number: int, count: int) -> None:
    """Write submissions: right ones in all styles and each wrong one in turn, no two texts the same."""
    bank = catalog.bank(number)
    sources = [*bank.rights().values(), *[wrong.source for wrong in bank.wrong.values()]]
    for k in range(count):
        source = f"{sources[k % len(sources)]}\n# {k}\n"
        entry = {
            "id": catalog.load(number).name,
            "number": number,
            "source": source,
            "checks": k % 9,
            "minutes": 20 + k,
        }
        entry["sha256"] = hashlib.sha256(source.encode()).hexdigest()
        data = {"format": submission.FORMAT, "student": f"student {k:03d}", "made": "2026-09-10", "exercises": [entry]}
        (folder / f"submission-{k:03d}.json").write_text(json.dumps(data), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exercises", nargs="*", default=["24"])
    parser.add_argument("--submissions", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    for which in options.exercises:
        number = catalog.number_of(which)
        with tempfile.TemporaryDirectory() as place:
            submissions(Path(place), number, options.submissions)
            began, used = time.perf_counter(), cpu()
            handed_in, problems = submission.gathered(Path(place))
            graded = grading.grade(Course("bench", secret="bench"), handed_in, problems, jobs=options.jobs)
            gradebook.write(graded, Path(place) / "grades", report.html(graded))
            seconds = time.perf_counter() - began
            busy = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
            used, label = cpu() - used, catalog.load(number).label
            print(f"{label}: {len(graded.grades)} submissions in {seconds:.1f} s, {used:.1f} s of the processor;")
            print(f"{options.jobs} processes on {os.cpu_count()} processors, {busy}")
            print(report.text(graded))


def cpu() -> float:
    """Return the processor's seconds of this process and of its children."""
    return sum(
        u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    main()
