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

from ..state import Mask
from .barriers import Barriers
from .machine import Machine
from .progress import Loop, Stalled
from .warps import Warps

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
                    self.alive[task.machine.threads.first_block] -= 1
                    if not self.alive[task.machine.threads.first_block]:
                        del self.alive[task.machine.threads.first_block]
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
                self.alive[machines[0].threads.first_block] = len(machines)
                for machine in machines:
                    machine.progress.cooperation = self
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

    def pass_on(self, loop: Loop | None, idle: bool) -> None:
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
        if len(self.alive) >= self.resident and next(self.machines, None) is not None:
            task.machine.progress.not_resident(task.loop, self.resident, self.gpu)
        if self.recorder.may_begin_anew:
            raise Stalled
        task.machine.progress.waits_for_ever(task.loop)

    def _end(self) -> None:
        """Every task ends: those that wait wake up once more, and stop."""
        self.stopped = True
        for task in self.waiting:
            task.go.release()
        if self.current is not None and self.current not in self.waiting and not self.current.over:
            self.current.go.release()


class LoneWarps(Warps):
    """Of a thread that is a task of its own. Warp-wide operations need the other lanes' values at the same moment."""

    def _unable(self, *_: Any, **__: Any) -> Any:
        raise Stalled

    shuffle = _ballot = activemask = _unable


class TeamBarriers(Barriers):
    """Of a thread that is a task of its own: it waits until every thread of the block that has not ended is here."""

    team: Team
    machine: Machine

    def syncthreads(self, line: int) -> None:
        """Wait for the others."""
        self.team.arrive(self.machine, line)

    def _unable(self, *_: Any, **__: Any) -> Any:
        raise Stalled

    syncwarp = _vote = _unable


class Team:
    """The threads of one block, as tasks: their shared memory and their barrier."""

    def __init__(self) -> None:
        self.machines: list[Machine] = []
        self.arrived: list[Machine] = []
        self.opened = 0

    def join(self, machine: Machine) -> None:
        """One more thread: with the first one's shared memory, and a barrier that waits for the others."""
        if self.machines:
            first = self.machines[0]
            machine.memory.shared, machine.memory.dynamic = first.memory.shared, first.memory.dynamic
            machine.memory.dynamic_memory = first.memory.dynamic_block()
            machine.order.shadows, machine.checker.names = first.order.shadows, first.checker.names
        m = machine
        machine.warps = LoneWarps(m.threads, m.lanes, m.counter, m.faults)
        machine.barriers = TeamBarriers(m.threads, m.lanes, m.counter, m.faults, m.order, m.warps)
        machine.barriers.team, machine.barriers.machine = self, machine
        self.machines.append(machine)

    def arrive(self, machine: Machine, line: int) -> None:
        """`machine` is at a barrier; the last one opens it for all."""
        self.arrived.append(machine)
        now, turns = self.opened, machine.progress.cooperation
        while self.opened == now:
            if len(self.arrived) == turns.alive[machine.threads.first_block]:
                self._open(machine, line)
                break
            turns.pass_on(None, True)

    def _open(self, machine: Machine, line: int) -> None:
        if machine.faults.checks:
            if len(self.arrived) < len(self.machines):
                bits = np.logical_or.reduce([m.lanes.mask.full() for m in self.arrived])
                machine.barriers.divergent(line, Mask(bits, machine.threads.shape), np.ones(1, bool))
            now = machine.order.tick(line)
            for each in self.machines:
                each.order.barrier_times = each.order.least_barrier = now
            machine.order.barrier(now)
        machine.recorder.changes += 1
        self.arrived.clear()
        self.opened += 1


def by_threads(make: Callable[[int, int], Machine], blocks: int, threads: int) -> Iterator[list[Machine]]:
    """A machine for each thread of each block; `make` is given both."""
    for block in range(blocks):
        team = Team()
        for lane in range(threads):
            team.join(make(block, lane))
        yield team.machines
