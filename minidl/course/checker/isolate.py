"""A student's file runs in a process of its own, with limits of time and memory; what comes back is data, no code.

Where a process can be forked cheaply (Linux, one thread) a child is forked off; elsewhere a fresh Python is started,
and a warm one can be kept ready (`Spare`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import asdict
from typing import Any

import numpy as np

from minidl.course import catalog
from minidl.course.checker.running import Elsewhere, Ran, Runs, run
from minidl.course.checker.sealed import seal

SECONDS = 10.0
PATIENCE = 6  # times SECONDS may pass where the machine is busy with something else
COMPILING = 60.0  # more, for NVIDIA's compilers and several runs of what they make
MEMORY = 1 << 30  # bytes more than what the checker itself has
CALLS = 1000  # within calls, that a student's file may make: Python's own limit


def isolated(
    which: int | str, source: str, seed: int | str = 0, *, seconds: float = SECONDS, compiled: bool = False,
    fork: bool | None = None,
) -> Runs:  # fmt: skip
    """Run a student's file on an exercise's cases in a child process.

    fork : by default where it can be done. A GPU's driver does not survive it
    """
    seconds += COMPILING if compiled else 0
    job = {"which": which, "source": source, "seed": seed, "compiled": compiled}
    if (can_fork() and not compiled) if fork is None else fork:
        return _forked(job, seconds)
    with Spare() as spare:
        return spare.run(job, seconds)


def can_fork() -> bool:
    """Return whether a child may be forked off: on Linux, and not beside other threads of Python."""
    return sys.platform.startswith("linux") and threading.active_count() == 1


def warm(which: int | str) -> None:
    """Import what a check of this exercise needs, before it is needed."""
    for module in catalog.load(catalog.number_of(which)).allow:
        importlib.import_module(module)
    from cuda_kernels import simt  # noqa: F401
    from minidl.testing.kernels import faults  # noqa: F401


# -- from a job to an answer -------------------------------------------------------------------------------------------


def answer(job: dict[str, Any]) -> bytes:
    """Run a job, and return what came of it."""
    exercise = catalog.load(job["which"])
    # Trap: a forked child has the limit that its parent has set (jedi does, hypothesis too), and counts the calls that
    # led here: one file would be told two things.
    sys.setrecursionlimit(_depth() + CALLS)
    seal(f"<{exercise.label}.py>")
    return packed(run(exercise, job["source"], job["seed"], job["compiled"]))


def _depth() -> int:
    """The calls within which this one lies."""
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def packed(runs: Runs) -> bytes:
    """Return results as bytes: JSON, and arrays without objects."""
    arrays: dict[str, np.ndarray] = {}

    def plain(ran: Ran) -> dict[str, Any]:
        numbers = range(len(arrays), len(arrays) + len(ran.outputs or ()))
        arrays.update(zip(map(str, numbers), ran.outputs or (), strict=True))
        return asdict(dataclasses.replace(ran, outputs=None)) | {"outputs": None if ran.outputs is None else [*numbers]}

    text = json.dumps(
        {
            "ran": [plain(ran) for ran in runs.ran], "error": runs.error, "printed": runs.printed,
            "elsewhere": [{"stage": e.stage, "missing": e.missing, "ran": [plain(r) for r in e.ran]}
                          for e in runs.elsewhere],
        }, default=_plain,
    )  # fmt: skip
    buffer = io.BytesIO()
    np.savez(buffer, text=np.frombuffer(text.encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpacked(data: bytes) -> Runs:
    """Return results from bytes, which a student's code may have written: nothing in them is run."""
    with np.load(io.BytesIO(data), allow_pickle=False) as files:

        def ran(entry: dict[str, Any]) -> Ran:
            kept = entry.pop("outputs")
            outputs = None if kept is None else [files[str(n)] for n in kept]
            return Ran(**entry | {name: _pair(entry[name]) for name in ("error", "changed")}, outputs=outputs)

        found = json.loads(files["text"].tobytes().decode())
        elsewhere = [Elsewhere(e["stage"], e["missing"], [ran(r) for r in e["ran"]]) for e in found["elsewhere"]]
        return Runs([ran(r) for r in found["ran"]], _pair(found["error"]), found["printed"], elsewhere)


def _pair(value: Any) -> Any:
    return tuple(value) if value is not None else None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def _limits() -> None:
    """Limits of memory for this process, where the system knows them."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _died(how: str) -> Runs:
    return Runs(error=("died", {"how": how, "L": 0}))


def _late(seconds: float) -> Runs:
    return Runs(error=("no-return", {"seconds": f"{seconds:g}", "L": 0}))


def _read(data: bytes, how: str) -> Runs:
    try:
        return unpacked(data)
    except Exception:  # cut off, or written by something else than `packed`
        return _died(how)


# -- forked ------------------------------------------------------------------------------------------------------------


def _forked(job: dict[str, Any], seconds: float) -> Runs:
    warm(job["which"])
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # BLAS has threads of its own, which it parks itself
        child = os.fork()
    if not child:
        _child(job, reading, writing)
    os.close(writing)
    data, patience = bytearray(), _Patience(child, seconds)
    try:
        while True:
            left = patience.left()
            if not left:
                os.kill(child, signal.SIGKILL)
                return _late(seconds)
            if not select.select([reading], [], [], left)[0]:
                continue
            part = os.read(reading, 1 << 16)
            if not part:
                break
            data += part
    finally:
        os.close(reading)
        _, status = os.waitpid(child, 0)
    return _read(bytes(data), f"status {os.waitstatus_to_exitcode(status)}")


class _Patience:
    """How long a child is still waited for: until it has computed for so many seconds, on a busy machine longer."""

    def __init__(self, pid: int, seconds: float) -> None:
        self.pid, self.seconds = pid, seconds
        self.end = time.monotonic() + seconds
        self.last = self.end + (PATIENCE - 1) * seconds

    def left(self) -> float:
        """Return the seconds to wait before asking again; 0.0 when it is over."""
        now = time.monotonic()
        if now >= self.end:
            used = _processor_time(self.pid)
            if used >= self.seconds or now >= self.last:
                return 0.0
            self.end = min(self.last, now + max(0.05, self.seconds - used))
        return self.end - now


def _processor_time(pid: int) -> float:
    """Seconds that a process has computed: on a busy machine fewer than have passed. Infinite where nobody says."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return float("inf")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _child(job: dict[str, Any], reading: int, writing: int) -> None:
    code = 1
    try:
        os.close(reading)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        _limits()
        data = answer(job)
        with open(writing, "wb") as pipe:
            pipe.write(data)
        code = 0
    finally:
        os._exit(code)


# -- a fresh Python ----------------------------------------------------------------------------------------------------


class Spare:
    """A Python that has been started ahead, and waits for one job.

    python -m minidl.course.checker.isolate : reads a job from standard input, writes the answer to standard output
    """

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minidl.course.checker.isolate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )  # fmt: skip

    def run(self, job: dict[str, Any], seconds: float) -> Runs:
        """Do the job. The limit has two seconds for the start."""
        given: bytes | None = json.dumps(job).encode()
        patience = _Patience(self.process.pid, seconds + 2)
        while left := patience.left():
            try:
                data, _ = self.process.communicate(given, timeout=left)
            except subprocess.TimeoutExpired:
                given = None  # it has been sent
                continue
            return _read(data, f"status {self.process.returncode}")
        self.close()
        return _late(seconds)

    def close(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def __enter__(self) -> Spare:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.poll() is None:
            self.close()


def _serve() -> None:
    from cuda_kernels import simt  # noqa: F401
    from minidl.testing.kernels import faults  # noqa: F401

    job = json.loads(sys.stdin.buffer.read())
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a student's file prints is not an answer
    _limits()
    out.write(answer(job))
    out.close()


if __name__ == "__main__":
    _serve()
