"""Loops that never end, told as soon as it is certain, and threads that wait for others.

At turns 4, 8, 16, … of a `while` the machine looks at what decides its end (ending.py), and one turn later again. If
the threads in the loop, the variables and the memory that decide are all the same, every further turn will be as this
one. Then either no other thread can change that memory: the loop is endless. Or one might, which in lockstep does not
come to its turn: the launch begins anew, by turns (see cooperation.py). A loop that changes and does not end either is
stopped at the step limit, or after some seconds.
"""
from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..checking import Faults, Recorder, StepLimit
from ..state import Allocation, Lanes, Mask, Threads, Value, View, pick

FIRST_LOOK = 4
STEP_LIMIT = 100_000
PATIENCE = 4.0  # seconds in one loop, after which it is looked at with less patience
HURRIED_TURNS = 5_000  # are enough after PATIENCE
TOO_LONG = 1000.0  # seconds that a range() would take
ANYTHING = "*"


class Ending(NamedTuple):
    """The variables that decide, and the arrays ("*": perhaps any): both empty where only the mask of threads can.

    polls : the loop does nothing but look at memory until it changes
    """

    names: tuple[str, ...]
    arrays: tuple[str, ...]
    polls: bool = False


class Stalled(Exception):
    """Nothing changes any more in lockstep, though another thread might change it if it had its turn."""


class Loop:
    """One running loop: who entered, who left for good (`done`), who waits for the next turn (`waiting`)."""

    __slots__ = ("line", "entry", "done", "waiting", "broken", "value", "stop", "step", "kind", "item", "turns",
                 "values", "returns", "first", "ending", "look", "seen", "since", "total", "kinds")

    def __init__(self, line: int, entry: Mask, none: Mask, returns: bool, ending: Ending) -> None:
        self.line = line
        self.entry = entry
        self.done = none
        self.waiting = none
        self.broken = none  # left by `break`: no `else` for these
        self.returns = returns
        self.turns = 0
        self.first = True
        self.values: Any = None
        self.value: Value = None
        self.stop: Value = None
        self.step: Value = None
        self.kind: Any = None
        self.item: Any = None  # what the loop goes through, by number; None where that is the number itself
        self.ending = ending  # of a `while`
        self.look = FIRST_LOOK
        self.seen: Any = None
        self.since = time.monotonic()
        self.total = 0  # turns of a range()
        self.kinds: list[Any] | None = None  # of the variables that it carries from turn to turn


@dataclass(eq=False)
class Progress:
    """Watches loops.

    step_limit : turns after which a `while` is stopped; None: STEP_LIMIT, or fewer after some seconds
    observing : how many loops want to know whether memory changes
    cooperation : by turns, the other threads' chance; None in lockstep
    """

    recorder: Recorder
    threads: Threads
    lanes: Lanes
    faults: Faults
    step_limit: int | None
    observing: int = 0
    cooperation: Any = None

    def look(self, loop: Loop, variables: dict[str, Value]) -> None:
        """Compare a loop's state with what it was a turn ago, or keep it for the comparison."""
        if loop.turns > self._limit():
            self._stop_at_limit(loop)
        state = self._state(loop, variables)
        if loop.seen is None:
            self.observing += 1
            loop.seen, loop.look = state, loop.turns + 1
            return
        before = loop.seen
        still = _same(before, state)
        if self.cooperation is not None and loop.ending.arrays:
            loop.seen, loop.look = state, loop.turns + 1
            self.cooperation.pass_on(loop, still)
            return
        self.look_away(loop)
        if still:
            self._stands_still(loop, variables)
        loop.look = min(2 * loop.turns - 2, loop.turns + 1000, self._limit() + 1)
        if self.step_limit is None and loop.turns > HURRIED_TURNS and time.monotonic() - loop.since > PATIENCE:
            self._stop_at_limit(loop)

    def look_away(self, loop: Loop) -> None:
        """Forget what was seen."""
        self.observing -= 1
        loop.seen = None

    def _state(self, loop: Loop, variables: dict[str, Value]) -> tuple:
        """What decides the loop's end: threads, variables, and how often memory has changed."""
        held = [variables.get("v_" + name) for name in loop.ending.names]
        return self.lanes.mask, held, self.recorder.changes if loop.ending.arrays else 0

    def _stands_still(self, loop: Loop, variables: dict[str, Value]) -> None:
        """Every further turn will be as this one."""
        if any(self._others_may_change(variables, name) for name in loop.ending.arrays):
            if self.recorder.may_begin_anew:
                raise Stalled
            self.waits_for_ever(loop)
        (self.waits_for_ever if loop.ending.polls else self._never_ends)(loop)

    def _others_may_change(self, variables: dict[str, Value], name: str) -> bool:
        """Is there another thread, and an array that it might write?"""
        if self.lanes.mask.lanes == self.threads.blocks * self.threads.per_block and self.threads.all_blocks():
            return False  # all threads of the launch are in the loop
        view = variables.get("v_" + name)
        stored = self.recorder.stored
        if isinstance(view, View):
            return view.alloc.space == "shared" or (view.alloc.space == "global" and bool(
                stored & {view.alloc.name, ANYTHING}))
        return name == ANYTHING and bool(stored)

    def observe(self, alloc: Allocation, address: Value, mask: Mask, value: Value) -> None:
        """A store: does it change anything?"""
        held = pick(np.asarray(alloc.gather(self.threads, address)), mask)
        if not _equal(held, pick(np.asarray(value), mask)):
            self.recorder.changes += 1

    def look_ahead(self, loop: Loop) -> None:
        """After some seconds in a range(): how long would all its turns take?"""
        spent = time.monotonic() - loop.since
        if self.step_limit is None and spent * loop.total / loop.turns > TOO_LONG:
            self._stop_at(loop, f"has {loop.total} turns, of which the SIMT machine made {loop.turns} in "
                          f"{spent:.0f} s; the launch was stopped ({{who}} is in it). Try smaller numbers, or pass "
                          "step_limit= to run it all the same.")

    # -- sentences ----------------------------------------------------------------------------------------------------

    def _limit(self) -> int:
        return STEP_LIMIT if self.step_limit is None else self.step_limit

    def _stop_at(self, loop: Loop, what: str) -> None:
        """A loop that does not end; the launch is given up."""
        active = self.faults.active()
        who = f"thread {active['threads'][0]} of block {active['blocks'][0]}"
        self.recorder.fault("step-limit", loop.line, **active,
                            message=f"the loop at line {loop.line} " + what.format(who=who))
        raise StepLimit

    def _stop_at_limit(self, loop: Loop) -> None:
        """A loop that went round very often."""
        self._stop_at(loop, f"has not ended after {loop.turns - 1} turns ({{who}} is still in it); the launch was "
                      "stopped. If it does end, pass a larger step_limit=.")

    def _never_ends(self, loop: Loop) -> None:
        """A loop that can never end."""
        names = [*loop.ending.names, *(a for a in loop.ending.arrays if a not in (ANYTHING, *loop.ending.names))]
        held = f"what decides its end ({', '.join(names)}) stays as it is" if names else "nothing ends it"
        self._stop_at(loop, f"never ends: {{who}} is in it after {loop.turns - 1} turns, and {held} from one turn to "
                      "the next. Is a step forward missing, or the condition wrong?")

    def waits_for_ever(self, loop: Loop) -> None:
        """A loop that waits for what nobody does."""
        what = ", ".join(a for a in loop.ending.arrays if a != ANYTHING) or "memory"
        self._stop_at(loop, f"waits for ever: {{who}} looks at {what} again and again, and every other thread has "
                      "ended or waits too, so that nobody changes it. Is it set under the right index, by one that "
                      "does not have to wait itself?")

    def not_resident(self, loop: Loop, resident: int, gpu: str) -> None:
        """Blocks that wait for one that begins only when one of them has ended."""
        blocks = int(np.prod(self.recorder.grid))
        self._stop_at(loop, f"waits for a block that cannot begin: {{who}} waits, and so do all {resident} blocks that "
                      f"fit on the GPU ({gpu}) at a time, of {blocks}. A block begins only when another has ended: "
                      "launch no more blocks than fit (with a grid-stride loop), or end the kernel where all must have "
                      "arrived.")


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
