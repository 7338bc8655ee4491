"""Loops that never end, told as soon as it is certain, and threads that wait for others.

At turns 4, 8, 16, … of a `while` the machine looks at what decides its end (ending.py), and one turn later again. If
the threads in the loop, the variables and the memory that decide are all the same, every further turn will be as this
one. Then either no other thread can change that memory: the loop is endless. Or one might, which in lockstep does not
come to its turn: the launch begins anew, by turns (see cooperation.py). A loop that changes and does not end either is
stopped at the step limit, or after some seconds.
"""
from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..language.ending import ANYTHING
from .control import PATIENCE, Loop
from .masks import Mask
from .memory import Allocation, View, pick
from .parts import Part

Value = Any
HURRIED_TURNS = 5_000  # are enough after PATIENCE
TOO_LONG = 1000.0  # seconds that a range() would take


class Stalled(Exception):
    """Nothing changes any more in lockstep, though another thread might change it if it had its turn."""


class Progress(Part):
    """Watching loops. Part of `Machine`."""

    mask: Mask
    remaining: Mask
    step_limit: int
    observing: int  # loops that want to know whether memory changes
    cooperation: Any  # by turns: the other threads' chance; None in lockstep

    def look(self, loop: Loop, variables: dict[str, Value]) -> None:
        """Compare a loop's state with what it was a turn ago, or keep it for the comparison."""
        if loop.turns > self.step_limit:
            self.report_step_limit(loop)
        state = self._state(loop, variables)
        if loop.seen is None:
            self.observing += 1
            loop.seen, loop.look = state, loop.turns + 1
            return
        before = loop.seen
        still = _same(before, state)
        if self.cooperation is not None and loop.ending.arrays:
            loop.seen, loop.look = state, loop.turns + 1
            self.cooperation.pass_on(self, loop, still)
            return
        self.look_away(loop)
        if still:
            self._stands_still(loop, variables)
        loop.look = min(2 * loop.turns - 2, loop.turns + 1000, self.step_limit + 1)
        if self.limit_is_default and loop.turns > HURRIED_TURNS and time.monotonic() - loop.since > PATIENCE:
            self.report_step_limit(loop)

    def look_away(self, loop: Loop) -> None:
        """Forget what was seen."""
        self.observing -= 1
        loop.seen = None

    def _state(self, loop: Loop, variables: dict[str, Value]) -> tuple:
        """What decides the loop's end: threads, variables, and how often memory has changed."""
        held = [variables.get("v_" + name) for name in loop.ending.names]
        return self.mask, held, self.recorder.changes if loop.ending.arrays else 0

    def _stands_still(self, loop: Loop, variables: dict[str, Value]) -> None:
        """Every further turn will be as this one."""
        if any(self._others_may_change(variables, name) for name in loop.ending.arrays):
            if self.recorder.may_begin_anew:
                raise Stalled
            self.report_waiting(loop)
        (self.report_waiting if loop.ending.polls else self.report_endless)(loop)

    def _others_may_change(self, variables: dict[str, Value], name: str) -> bool:
        """Is there another thread, and an array that it might write?"""
        if self.mask.lanes == self.blocks * self.threads and self.blocks == np.prod(self.recorder.grid):
            return False  # all threads of the launch are in the loop
        view = variables.get("v_" + name)
        stored = self.recorder.stored
        if isinstance(view, View):
            return view.alloc.space == "shared" or (view.alloc.space == "global" and bool(
                stored & {view.alloc.name, ANYTHING}))
        return name == ANYTHING and bool(stored)

    def observe(self, alloc: Allocation, address: Value, mask: Mask, value: Value) -> None:
        """A store: does it change anything?"""
        held = pick(np.asarray(alloc.gather(self, address)), mask)
        if not _equal(held, pick(np.asarray(value), mask)):
            self.recorder.changes += 1

    def look_ahead(self, loop: Loop) -> None:
        """After some seconds in a range(): how long would all its turns take?"""
        spent = time.monotonic() - loop.since
        if self.limit_is_default and spent * loop.total / loop.turns > TOO_LONG:
            self.report_many_turns(loop, spent)


def _same(a: tuple, b: tuple) -> bool:
    """Are two states the same?"""
    masks = a[0] is b[0] or (a[0].lanes == b[0].lanes and np.array_equal(a[0].full(), b[0].full()))
    return masks and a[2] == b[2] and all(map(_equal, a[1], b[1]))


def _equal(x: Any, y: Any) -> bool:
    """Equal numbers (NaN too), or the same object."""
    if x is y:
        return True
    if isinstance(x, tuple) and isinstance(y, tuple):
        return len(x) == len(y) and all(map(_equal, x, y))
    if isinstance(x, View) and isinstance(y, View):
        return x.alloc is y.alloc and x.strides == y.strides and _equal(x.offset, y.offset)
    if not (isinstance(x, np.ndarray | np.generic) and isinstance(y, np.ndarray | np.generic)) or x.dtype != y.dtype:
        return False
    return bool(np.all((x == y) | ((x != x) & (y != y))))
