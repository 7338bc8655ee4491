"""How long a student waits for a verdict: every exercise with every solution of its bank.

    python benchmarks/bench_course.py              # all
    python benchmarks/bench_course.py 13 24        # some exercises
    python benchmarks/bench_course.py --cold 0     # none in a process of its own

"watched" is a check in a process that has everything imported, as `minidl exercises watch` makes it at each save.
"cold" is `minidl exercises check` in a process of its own from its start, for the first right and the first wrong
solution of each exercise (`--cold N`: so many of each). The processor time says what the work costs on a machine that
others use too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run from a checkout, installed or not

GOALS = {"watched": (0.3, 0.8), "cold": (2.0, 3.0)}  # seconds: of the median, of 95 of 100
Timed = tuple[float, float]  # wall, processor


def solutions(number: int) -> list[str]:
    """Return the sources of an exercise's bank, a right one and a wrong one first."""
    from minidl.course import catalog

    bank = catalog.bank(number)
    right, wrong = list(bank.rights().values()), [w.source for w in bank.wrong.values()]
    return [*right[:1], *wrong[:1], *right[1:], *wrong[1:]]


def timed(work: Callable[[], object]) -> Timed:
    """Return what a piece of work takes, the processes that it waits for included."""
    wall, before = time.perf_counter(), os.times()
    work()
    after = os.times()
    return time.perf_counter() - wall, sum(after[:4]) - sum(before[:4])


def watched(numbers: list[int]) -> Iterator[tuple[int, Timed]]:
    """Check every solution in this process."""
    from minidl.course.checker.isolate import warm
    from minidl.course.checker.judging import check_source

    for number in numbers:
        warm(number)
        for source in solutions(number):
            yield number, timed(lambda number=number, source=source: check_source(number, source))


def cold(numbers: list[int], most: int) -> Iterator[tuple[int, Timed]]:
    """Check the first solutions, each in a process of its own."""
    from minidl.course.folder import Folder

    with tempfile.TemporaryDirectory() as place:
        folder = Folder.make(Path(place))
        command = [sys.executable, "-m", "minidl", "exercises", "check"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        for number in numbers:
            folder.start(number)
            for source in solutions(number)[:most]:
                folder.file(number).write_text(source, encoding="utf-8")

                def run(number: int = number) -> None:
                    found = subprocess.run([*command, str(number)], cwd=folder.path, env=environment, check=False,
                                           capture_output=True)  # fmt: skip
                    if found.returncode not in (0, 1):
                        raise SystemExit(found.stderr.decode())

                yield number, timed(run)


def report(name: str, found: list[tuple[int, Timed]]) -> None:
    """Print median and 95 % beside the goals, and the slowest exercises."""
    times = np.array([t for _, t in found])
    middle, most = (np.percentile(times, q, axis=0) for q in (50, 95))
    goal = GOALS[name]
    print(f"{name:<8} {len(found):5d} checks")
    for k, what in enumerate(("wall", "processor")):
        print(
            f"         {what:<10} median {middle[k]:.2f} s (goal {goal[0]:g}), 95 % {most[k]:.2f} s (goal {goal[1]:g})"
        )
    each: dict[int, list[float]] = {}
    for number, (_, used) in found:
        each.setdefault(number, []).append(used)
    slowest = sorted(((float(np.median(used)), number) for number, used in each.items()), reverse=True)[:5]
    print("         slowest, by the median of processor time: "
          + ", ".join(f"{number}: {used:.2f} s" for used, number in slowest))  # fmt: skip


def main(arguments: list[str]) -> None:
    """Time all exercises, or those that are named."""
    from minidl.course import catalog

    most = 2
    if "--cold" in arguments:
        at = arguments.index("--cold")
        most = int(arguments[at + 1])
        del arguments[at : at + 2]
    numbers = [catalog.number_of(a) for a in arguments] or list(catalog.files())
    report("watched", list(watched(numbers)))
    if most:
        report("cold", list(cold(numbers, most)))


if __name__ == "__main__":
    main(sys.argv[1:])
