"""Runs pytest again and again in a copy of the tree, each time in a fork of a process that has imported what is heavy.

Reads a line `seconds` from its input, runs the tests that stand in the file `chosen`, writes what they print into the
file `printed`, and answers with pytest's exit code, or with `late`. The seconds are of the processor's time: that a
computer is busy is no fault's doing.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import time
import traceback
from pathlib import Path

HEAVY = (
    "numpy",
    "numpy.testing",
    "numba",
    "numba.cuda",
    "h5py",
    "hypothesis",
    "matplotlib",
    "pytest",
)  # nothing of ours
WAITING = 5  # times as long by the clock: what waits for ever uses no time of the processor
OPTIONS = ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning", "-p", "no:cacheprovider",
           "-p", "no:xdist", "-p", "no:cov", "-x", "-q", "--tb=no", "--no-header", "-m", "slow or not slow",
           "@chosen"]  # fmt: skip


def serve() -> None:
    """Answer one line after the other."""
    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        print(run(float(line)), flush=True)


def run(seconds: float) -> str:
    """Run the tests in a fork, which is killed, with all that it started, if it takes too long."""
    child = os.fork()
    if child == 0:
        os.setsid()
        printed = os.open("printed", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(printed, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        import pytest

        code = 99
        try:
            code = int(pytest.main(OPTIONS))
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)
    until, ended = time.monotonic() + WAITING * seconds, 0
    while ended == 0 and time.monotonic() < until and used_by(child) < seconds:
        time.sleep(0.02)
        ended, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what tests left running, too
    if ended == 0:
        os.waitpid(child, 0)
        return "late"
    return str(os.waitstatus_to_exitcode(status))


def used_by(child: int) -> float:
    """Seconds of the processor's time that a process and those that it waited for have used; 0 where nobody tells."""
    try:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    serve()
