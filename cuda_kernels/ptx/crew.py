"""The threads of the processor that run launches. They wait for work; handing it over takes some microseconds.

A launch's own thread only waits, so that Ctrl-C reaches it at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Generic, TypeVar

import numpy as np

Block = TypeVar("Block")

PATIENCE = 2.0  # seconds that threads have to stop when they are told to


class Job:
    """Something to run, and a lock that is free when it is done."""

    def __init__(self, run: Callable[[], None]) -> None:
        self.run, self.error = run, None
        self.done = threading.Lock()
        self.done.acquire()

    error: BaseException | None


class Crew:
    """Threads that take jobs from one queue. They end with the process."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Job] = SimpleQueue()
        self.size = 0

    def _work(self) -> None:
        while True:
            job = self.jobs.get()
            try:
                job.run()
            except BaseException as error:  # for the thread that waits
                job.error = error
            job.done.release()
            del job  # what it holds, a launch's arrays, is not held until the next one

    def give(self, run: Callable[[], None], threads: int) -> list[Job]:
        """Let so many threads run this."""
        while self.size < threads:
            self.size += 1
            threading.Thread(target=self._work, name=f"ptx-{self.size}", daemon=True).start()
        jobs = [Job(run) for _ in range(threads)]
        for job in jobs:
            self.jobs.put(job)
        return jobs


_crew: tuple[int, Crew] = (0, Crew())


def crew() -> Crew:
    """The crew of this process: a forked one has no threads, and needs a crew of its own."""
    global _crew
    if _crew[0] != os.getpid():
        _crew = os.getpid(), Crew()
    return _crew[1]


def cores() -> int:
    """How many cores this process may use; where the system does not say, all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(work: Callable[[], None], threads: int, limit: float, stop: Callable[[], None]) -> bool:
    """Run `work` in so many threads at once, and wait for all.

    limit : seconds, after which `stop` is called, that is to end them soon. So it is at Ctrl-C
    Returns whether they ended within the limit.
    """
    global _crew
    jobs = crew().give(work, threads)
    in_time = True
    try:
        if not _wait(jobs, limit):
            in_time = False
            stop()
            if not _wait(jobs, PATIENCE):
                _crew = 0, Crew()  # they are left behind
    except BaseException:
        stop()
        if not _wait(jobs, PATIENCE):
            _crew = 0, Crew()
        raise
    for job in jobs:
        if job.error is not None:
            raise job.error
    return in_time


def _wait(jobs: list[Job], seconds: float) -> bool:
    end = time.monotonic() + seconds
    for job in jobs:
        if not job.done.acquire(timeout=max(0.0, min(end - time.monotonic(), threading.TIMEOUT_MAX))):
            return False
        job.done.release()
    return True


class Turns(Generic[Block]):
    """Blocks that wait for each other: those that a GPU would hold together run in turn, each until all its threads
    wait. So none waits for ever for one that is resident; for one that is not, it does, as on a GPU.

    begin : makes a block of its number
    resident : how many may have begun and not ended
    rng : which takes the next turn; in the order of numbers without it
    """

    def __init__(
        self, numbers: Iterable[int], begin: Callable[[int], Block], resident: int, rng: np.random.Generator | None
    ) -> None:
        self.numbers, self.begin, self.rng = iter(numbers), begin, rng
        self.room = resident
        self.waiting: list[Block] = []
        self.lock = threading.Lock()

    def take(self) -> Block | None:
        """The block whose turn it is: one that has not begun where there is room for it. None where no one waits."""
        with self.lock:
            if self.room and (number := next(self.numbers, None)) is not None:
                self.room -= 1
                return self.begin(int(number))
            if not self.waiting:
                return None
            return self.waiting.pop(0 if self.rng is None else int(self.rng.integers(len(self.waiting))))

    def back(self, block: Block, ended: bool) -> None:
        """A block after its turn."""
        with self.lock:
            if ended:
                self.room += 1
            else:
                self.waiting.append(block)
