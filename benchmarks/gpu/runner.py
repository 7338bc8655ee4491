"""Runs families of cases in processes of their own, within a time budget, and loses nothing when one of them dies.

A worker appends a line of JSON before a case (`{"started": name}`) and one after it. So when a worker crashes or hangs,
what it did is kept, the case that it died in is known, and a new worker goes on with the case after.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

Record = dict  # "case", "status" ("passed", "failed", "crashed", "not run"), and what the case says of itself
MOST_RESTARTS = 8
CONTEXT_LOST = "the process ended with code 3"  # worker.CONTEXT_LOST: it asks for a new process


@dataclass
class Family:
    """One family: its name, the command that runs it (the runner adds `--records FILE --after N`), seconds for all."""

    name: str
    command: list[str]
    seconds: float = 300.0
    silence: float = 120.0  # a worker whose case takes longer than this hangs


@dataclass
class Outcome:
    """What became of a family."""

    name: str
    records: list[Record] = field(default_factory=list)
    seconds: float = 0.0
    not_run: str = ""  # why it did not run, or did not run to its end

    def count(self, status: str) -> int:
        """Return how many cases ended so."""
        return sum(record["status"] == status for record in self.records)

    @property
    def bad(self) -> list[Record]:
        """The cases that failed or crashed."""
        return [record for record in self.records if record["status"] in ("failed", "crashed")]


def run_families(
    families: Iterable[Family], minutes: float, jobs: int = 1, tell: Callable[[Outcome], None] = lambda outcome: None
) -> list[Outcome]:
    """Run the families in order, `jobs` at a time, and stop when the minutes are over; `tell` hears of each at once."""
    deadline = time.monotonic() + 60 * minutes

    def one(family: Family) -> Outcome:
        outcome = run_family(family, deadline)
        tell(outcome)
        return outcome

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        return list(pool.map(one, families))


def run_family(family: Family, deadline: float) -> Outcome:
    """Run one family to its end, the deadline, or its own time limit."""
    began = time.monotonic()
    outcome = Outcome(family.name)
    limit = min(deadline, began + family.seconds)
    with tempfile.TemporaryDirectory() as folder:
        started = 0
        for restart in range(MOST_RESTARTS + 1):
            if time.monotonic() >= limit:
                over = "the time budget (--minutes) was used up" if limit == deadline else "its time limit was reached"
                outcome.not_run = f"{over} before {'it began' if restart == 0 else f'case {started + 1}'}"
                break
            file = Path(folder, f"{restart}.jsonl")
            file.touch()
            command = [*family.command, "--records", str(file), "--after", str(started)]
            ended, said = watch(command, file, limit, family.silence)
            records, begun, open_case = read(file)
            outcome.records += records
            started += begun
            if ended == "finished":
                break
            if ended == "limit":
                over = "the time budget (--minutes) was used up" if limit == deadline else "its time limit was reached"
                outcome.not_run = f"{over} in case {started}, {open_case}"
                break
            if ended == CONTEXT_LOST and begun and open_case is None:
                continue  # the failure is written down; a new process has a new context
            where = open_case or ("(after its last case)" if begun else "(before its first case)")
            outcome.records.append({"case": where, "status": "crashed", "why": f"{ended}\n{said}"})
            if open_case is None:  # compute-sanitizer's findings end here too
                break
        else:
            outcome.not_run = f"given up after {MOST_RESTARTS} restarts, {started} cases begun"
    outcome.seconds = time.monotonic() - began
    return outcome


def watch(command: list[str], file: Path, limit: float, silence: float) -> tuple[str, str]:
    """Run a worker. Returns how it ended ("finished", "limit", or a description), and the end of what it printed."""
    with tempfile.TemporaryFile("w+") as printed:
        worker = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True)
        size, heard, ended = -1, time.monotonic(), ""
        while worker.poll() is None:
            time.sleep(0.05)
            now = time.monotonic()
            if file.stat().st_size != size:
                size, heard = file.stat().st_size, now
            if now > limit:
                ended = "limit"
            elif now - heard > silence:
                ended = f"hangs: nothing for {silence:.0f} s"
            if ended:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()
                break
        else:
            code = worker.returncode
            ended = (
                "finished"
                if code == 0
                else f"the process ended with code {code}" + (f" ({signal.Signals(-code).name})" if code < 0 else "")
            )
        printed.seek(0)
        return ended, printed.read()[-3000:]


def read(file: Path) -> tuple[list[Record], int, str | None]:
    """Return the finished records of a worker's file, how many cases it began, and the one it did not finish."""
    records, begun, open_case = [], 0, None
    for line in file.read_text().splitlines():
        try:
            found = json.loads(line)
        except json.JSONDecodeError:  # cut off in the middle of a line
            break
        if "started" in found:
            begun, open_case = begun + 1, found["started"]
        else:
            open_case = None
            records.append(found)
    return records, begun, open_case
