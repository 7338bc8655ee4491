"""Plants single-place faults at random, one at a time in a copy of the tree, and lists those that no test sees.

make mutants N=100 SEED=7
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import os
import py_compile
import queue
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.mutants import coverage_map
from tests.mutants.faults import Fault, faults_of, files_of
from tests.mutants.meaningless import reason_of

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("minidl", "cuda_kernels")
CHECKED_HASH = py_compile.PycInvalidationMode.CHECKED_HASH
MEMORY = 8 << 30  # of one run's address space
# A fault can write, replace or remove anything: as root, all but the copy is read-only for a run.
FENCE = 'mount --bind . . && mount -o remount,bind,ro / && mount -o remount,bind,ro /dev; cd "$PWD"; exec "$@"'


class Outcome(NamedTuple):
    """What became of a fault: `seen` by a test (its name), by time, or by nothing ("")."""

    fault: Fault
    source: str
    tests: list[str]
    seen: str


def choose(count: int, seed: int, only: str) -> list[tuple[Fault, str]]:
    """Faults at random: every kind as often, within a kind every place."""
    chance = random.Random(seed)
    of_kind: dict[str, list[tuple[Fault, str]]] = {}
    for file, source in files_of(ROOT):
        if only in file:
            for fault in faults_of(file, source):
                of_kind.setdefault(fault.kind, []).append((fault, source))
    kinds = sorted(of_kind)
    return [chance.choice(of_kind[chance.choice(kinds)]) for _ in range(count)]


class Copy:
    """A copy of the tree that faults are planted in, and its tests run in."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        left_out = shutil.ignore_patterns(".*", "_build", "__pycache__", "demo_output", "*.egg-info")
        shutil.copytree(ROOT, self.tree, ignore=left_out)
        (self.tree / "home").mkdir()
        (self.tree / "temporary").mkdir()
        self.environment = {
            **os.environ, "PYTHONPATH": str(self.tree), "HOME": str(self.tree / "home"), "OPENBLAS_NUM_THREADS": "1",
            "TMPDIR": str(self.tree / "temporary"), "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg",
        }  # fmt: skip
        # Told apart by their text: a fault may come and go within what a file's time can show.
        for package in PACKAGES:
            compileall.compile_dir(self.tree / package, quiet=2, invalidation_mode=CHECKED_HASH)
        self.server: subprocess.Popen[str] | None = None

    def outcome(self, fault: Fault, source: str, tests: list[str], seconds: float) -> Outcome:
        """Plant the fault, run the tests until one fails, and take the fault out again."""
        path = self.tree / fault.file
        path.write_text(fault.apply(source), encoding="utf-8")
        try:
            return Outcome(fault, source, tests, self.failed(tests, seconds) if tests else "")
        finally:
            path.write_text(source, encoding="utf-8")

    def failed(self, tests: list[str], seconds: float) -> str:
        """The first test that fails, "" if none does."""
        (self.tree / "chosen").write_text("\n".join(tests))
        server = self.server = self.server if self.server and self.server.poll() is None else self._serve()
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(f"{seconds}\n")
        server.stdin.flush()
        code = server.stdout.readline().strip()
        shutil.rmtree(self.tree / "temporary", ignore_errors=True)
        (self.tree / "temporary").mkdir(exist_ok=True)
        if not code:
            raise RuntimeError("mutants: the process that runs the tests ended")
        if code == "late":
            return f"no end within {seconds:.0f} s"
        if code == "0":
            return ""
        printed = (self.tree / "printed").read_text(errors="replace")
        gone = [line.partition("not found: ")[2].removeprefix(f"{self.tree}/") for line in printed.splitlines()
                if line.startswith("ERROR: ") and "not found: " in line]  # fmt: skip
        left = [test for test in tests if test not in gone and test.partition("[")[0] not in gone]
        if len(left) < len(tests):  # the others have other names since the lines were recorded
            return self.failed(left, seconds) if left else ""
        named = [line.split(" - ")[0].split(" ", 1)[1] for line in printed.splitlines()
                 if line.startswith(("FAILED ", "ERROR "))]  # fmt: skip
        return named[0] if named else f"pytest ended with {code}: {printed[-200:]}"

    def _serve(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.mutants.server"]
        if os.geteuid() == 0 and shutil.which("unshare"):
            command = ["unshare", "-m", "sh", "-c", FENCE, "sh", *command]
        return subprocess.Popen(
            command, cwd=self.tree, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )  # fmt: skip

    def close(self) -> None:
        """End the server."""
        if self.server is not None:
            self.server.communicate()


@contextlib.contextmanager
def copied() -> Iterator[Copy]:
    """A copy, and away with it."""
    with tempfile.TemporaryDirectory(prefix="mutants") as folder:
        copy = Copy(Path(folder))
        try:
            yield copy
        finally:
            copy.close()


def run(chosen: list[tuple[Fault, str]], budget: float, workers: int) -> list[Outcome]:
    """What becomes of each, on `workers` copies at once."""
    known = coverage_map.Tests()
    waiting: queue.Queue[tuple[Fault, str]] = queue.Queue()
    for one in chosen:
        waiting.put(one)
    outcomes: list[Outcome] = []

    def work() -> None:
        with copied() as copy:
            while True:
                try:
                    fault, source = waiting.get_nowait()
                except queue.Empty:
                    return
                begin = time.perf_counter()
                tests = known.of(fault.file, source, fault.line(source), budget)
                outcome = copy.outcome(fault, source, tests, 60 + 4 * budget)
                outcomes.append(outcome)
                line = f"{len(outcomes):4}/{len(chosen)} {'seen' if outcome.seen else 'NOT SEEN':8} "
                line += f"{fault.file}:{fault.line(source)}  {fault.kind}  {time.perf_counter() - begin:.0f} s  "
                print(line + outcome.seen[:90], flush=True)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def unfounded(outcomes: list[Outcome], budget: float) -> set[str]:
    """The tests that fail in a copy without any fault: what they saw, they did not see."""
    named = sorted({outcome.seen for outcome in outcomes if "::" in outcome.seen})
    wrong: set[str] = set()
    with copied() as copy:
        while named and (failed := copy.failed(named, 600 + budget * len(named))):
            wrong.add(failed)
            if failed not in named:
                break
            named = named[named.index(failed) + 1 :]
    return wrong


def report(outcomes: list[Outcome], wrong: set[str]) -> int:
    """Print the survivors, and how many were seen; 1 if fewer than 95 % of those that mean something were."""
    survivors = [outcome for outcome in outcomes if not outcome.seen or outcome.seen in wrong]
    missed = 0
    for fault, source, tests, seen in survivors:
        reason = reason_of(fault, source)
        missed += not reason
        print(f"\n{fault.file}:{fault.line(source)}  {fault.kind}{f'  means nothing: {reason}' if reason else ''}")
        print(fault.diff(source))
        if seen:
            print(f"  {seen} fails without a fault too")
        elif not reason:
            print(f"  {len(tests)} tests ran: {', '.join(tests[:4])}{', …' if len(tests) > 4 else ''}")
    meaning = len(outcomes) - len(survivors) + missed
    late = sum(outcome.seen.startswith("no end") for outcome in outcomes)
    print(f"\n{len(outcomes)} faults, {meaning} that mean something, {meaning - missed} of them seen "
          f"({(meaning - missed) / max(1, meaning):.1%}), {late} because nothing ended")  # fmt: skip
    return int(meaning - missed < 0.95 * meaning)


def main() -> int:
    """Read the options, run, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="how many faults")
    parser.add_argument("--seed", type=int, default=0, help="chooses them")
    parser.add_argument("--seconds", type=float, default=30.0, help="of tests for each fault")
    parser.add_argument("--workers", type=int, default=2, help="copies that run at once")
    parser.add_argument("--only", default="", help="part of a path: faults in these files only")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    if not coverage_map.MAP.exists():
        coverage_map.record()
    outcomes = run(choose(chosen.count, chosen.seed, chosen.only), chosen.seconds, chosen.workers)
    return report(outcomes, unfounded(outcomes, chosen.seconds))


if __name__ == "__main__":
    sys.exit(main())
