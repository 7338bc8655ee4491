"""Threads that wait for each other, by turns: one task for each block of the grid, or for each thread.

In lockstep all threads do the same, so one that waits in a loop for what another has yet to do waits for ever. Here
each task is a Python thread that runs the translated program on a machine of its own, one task at a time: when a loop
looks at memory in vain it passes the turn on. As on a GPU, blocks begin in the order of their numbers, no more at a
time than are resident on the GPU, and the next begins when one has ended. If every task waits and nothing changes any
more, it is a deadlock.
"""
from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..report.gpus import GPUS, resident_blocks
from .control import Loop, StepLimit
from .machine import Machine
from .masks import Mask
from .progress import Stalled

Value = Any
MOST_TASKS = 4096  # Python threads at a time
STACK_BYTES = 1 << 20


class Stopped(Exception):
    """A task is told to end: the launch is over."""


class Task(threading.Thread):
    """Runs the program on one machine, whenever it has the turn."""

    def __init__(self, turns: Turns, machine: Machine) -> None:
        super().__init__(daemon=True)
        self.turns = turns
        self.machine = machine
        self.go = threading.Semaphore(0)
        self.error: BaseException | None = None
        self.over = self.idle = False
        self.loop: Loop | None = None  # where it waits

    def run(self) -> None:
        self.go.acquire()
        try:
            if not self.turns.stopped:
                with np.errstate(all="ignore"):
                    self.turns.program(self.machine)
        except Stopped:
            pass
        except BaseException as error:  # handed on to the thread that launched
            self.error = error
        self.over = True
        self.turns.back.release()


class Turns:
    """Gives the turn to one task after the other.

    machines : makes the machines, a list for each block: of one that runs all its threads, or of one for each thread
    program : runs the program on a machine
    resident : how many blocks a GPU holds at a time
    """

    def __init__(self, machines: Iterator[list[Machine]], program: Callable[[Machine], None], recorder: Any,
                 resident: int, gpu: str) -> None:
        self.machines = machines
        self.program = program
        self.recorder = recorder
        self.resident = resident
        self.gpu = gpu
        self.back = threading.Semaphore(0)
        self.waiting: deque[Task] = deque()
        self.current: Task | None = None
        self.stopped = self.all_begun = False
        self.last: Machine | None = None
        self.alive: dict[int, int] = {}  # first block -> its tasks that have not ended

    def run(self) -> None:
        """Run all blocks; `last` is the machine that ran last. Raises StepLimit after a deadlock was reported."""
        size = threading.stack_size(STACK_BYTES)
        try:
            idle, changes = 0, -1
            while True:
                task = self._next(idle)
                if task is None:
                    return
                self.last = task.machine
                self._resume(task)
                if task.over:
                    self.alive[task.machine.first_block] -= 1
                    if not self.alive[task.machine.first_block]:
                        del self.alive[task.machine.first_block]
                else:
                    self.waiting.append(task)
                if task.over or not task.idle or self.recorder.changes != changes:
                    idle, changes = 0, self.recorder.changes
                else:
                    idle += 1
        finally:
            threading.stack_size(size)
            self._end()

    def _next(self, idle: int) -> Task | None:
        """A block that has not begun, if one more is resident; else the task that has waited longest."""
        if not self.all_begun and len(self.alive) < self.resident and len(self.waiting) < MOST_TASKS:
            machines = next(self.machines, None)
            if machines is not None:
                self.alive[machines[0].first_block] = len(machines)
                for machine in machines:
                    machine.cooperation = self
                    task = Task(self, machine)
                    task.start()
                    self.waiting.append(task)
                return self.waiting.popleft()
            self.all_begun = True
        if not self.waiting:
            return None
        if idle > 2 * len(self.waiting):
            self._deadlock()
        return self.waiting.popleft()

    def _resume(self, task: Task) -> None:
        task.idle, self.current = False, task
        task.go.release()
        self.back.acquire()
        if task.error is not None:
            raise task.error

    def pass_on(self, machine: Machine, loop: Loop | None, idle: bool) -> None:
        """Called by a task that waits: the others' turn."""
        task = self.current
        assert task is not None
        task.idle, task.loop = idle, loop
        self.back.release()
        task.go.acquire()
        if self.stopped:
            raise Stopped

    def _deadlock(self) -> None:
        task = next((t for t in self.waiting if t.loop is not None), None)
        if task is None or task.loop is None:
            raise Stalled
        if not self.all_begun and len(self.alive) >= self.resident:
            task.machine.report_not_resident(task.loop, self.resident, self.gpu)
        if self.recorder.may_begin_anew:
            raise Stalled
        task.machine.report_waiting(task.loop)

    def _end(self) -> None:
        """Every task ends: those that wait wake up once more, and stop."""
        self.stopped = True
        for task in self.waiting:
            task.go.release()
        if self.current is not None and self.current not in self.waiting and not self.current.over:
            self.current.go.release()


class OneThread:
    """A machine's part where each thread is a task of its own. Shared memory and barriers are the block's.

    Warp-wide operations need the other lanes' values at the same moment: with them, threads cannot go by turns.
    """

    team: Team

    def of_team(self, team: Team, lane: int) -> None:
        """Be thread `lane` of a block."""
        machine: Any = self
        bits = np.zeros((1, machine.shape[1]), bool)
        bits[0, lane] = True
        machine.mask = machine.alive = machine.remaining = machine.full_mask = Mask(bits, machine.shape)
        machine.team, machine.counting = team, False
        machine.shared, machine.shared_shadows, machine.dynamic = team.shared, team.shared_shadows, team.dynamic
        machine.dynamic_memory = team.machines[0].dynamic_memory if team.machines else machine.dynamic_block()
        team.machines.append(machine)

    def syncthreads(self, line: int) -> None:
        """Wait until every thread of the block that has not ended is here."""
        self.team.arrive(self, line)

    def _unable(self, *_: Any, **__: Any) -> Any:
        raise Stalled

    syncwarp = _shuffle = _ballot = activemask = _vote = _unable


class Team:
    """The threads of one block, as tasks: their shared memory and their barrier."""

    def __init__(self) -> None:
        self.machines: list[Any] = []
        self.shared: dict[int, Any] = {}
        self.dynamic: dict[Any, Any] = {}
        self.shared_shadows: list[Any] = []
        self.arrived: list[Any] = []
        self.opened = 0

    def arrive(self, machine: Any, line: int) -> None:
        """`machine` is at a barrier; the last one opens it for all."""
        self.arrived.append(machine)
        now = self.opened
        while self.opened == now:
            if len(self.arrived) == machine.cooperation.alive[machine.first_block]:
                self._open(machine, line)
                break
            machine.cooperation.pass_on(machine, None, True)

    def _open(self, machine: Any, line: int) -> None:
        if machine.checks:
            if len(self.arrived) < len(self.machines):
                own = machine.mask
                bits = np.logical_or.reduce([m.mask.full() for m in self.arrived])
                machine.mask = Mask(bits, machine.shape)
                machine.report_divergent(line, np.ones(1, bool))
                machine.mask = own
            now = machine.tick(line)
            for each in self.machines:
                each.barrier_times = each.least_barrier = now
            for shadow in self.shared_shadows:
                shadow.barrier()
        machine.recorder.changes += 1
        self.arrived.clear()
        self.opened += 1


def by_blocks(make: Callable[[int], Machine], blocks: int) -> Iterator[list[Machine]]:
    """A machine for each block."""
    return ([make(block)] for block in range(blocks))


def by_threads(make: Callable[[int], Any], blocks: int, threads: int) -> Iterator[list[Machine]]:
    """A machine for each thread of each block; `make` makes machines that are `OneThread`."""
    for block in range(blocks):
        team = Team()
        for lane in range(threads):
            make(block).of_team(team, lane)
        yield team.machines


def residency(gpu: str, threads: int, shared_bytes: int) -> int:
    """Blocks of a kernel that a GPU holds at a time. Raises ValueError for a GPU that is not in `simt.GPUS`."""
    if gpu not in GPUS:
        raise ValueError(f"simt.launch: unknown GPU {gpu!r}. Known: {', '.join(GPUS)}.")
    return resident_blocks(GPUS[gpu], threads, shared_bytes)


__all__ = ["OneThread", "StepLimit", "Turns", "by_blocks", "by_threads", "residency"]
