"""Control flow in lockstep: branches and loops. Threads that wait for others are in nobody's mask until their turn."""
from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np

from ..checking import Counter, Faults
from ..errors import UnsupportedSyntax
from ..state import Lanes, Mask, Value
from . import numeric
from .progress import PATIENCE, Ending, Loop, Progress
from .variables import NO_NUMBERS, what

NO_ENDING = Ending((), ())  # of a `for`


@dataclass(eq=False)
class Control:
    """Who goes which way."""

    lanes: Lanes
    counter: Counter
    faults: Faults
    progress: Progress

    def branch(self, line: int, condition: Value) -> tuple[Mask, Mask]:
        """The threads that take the branch and those that do not."""
        mask, none = self.lanes.mask, self.lanes.none
        condition = numeric.truth(condition)
        if condition.size == 1:
            self.counter.branch(line)
            return (mask, none) if condition.item() else (none, mask)
        then = mask.narrow(condition)
        if then.lanes == mask.lanes or not then.lanes:
            self.counter.branch(line)
            return (mask, none) if then.lanes else (none, mask)
        other = mask.narrow(~condition)
        self.counter.branch(line, then, other)
        return then, other

    def narrow(self, condition: Value, wanted: bool) -> Mask:
        """The active threads where `condition` is `wanted` (for `and`, `or`)."""
        condition = numeric.truth(condition)
        if condition.size == 1:
            return self.lanes.mask if bool(condition.item()) == wanted else self.lanes.none
        then = self.lanes.mask.narrow(condition if wanted else ~condition)
        return self.lanes.mask if then.lanes == self.lanes.mask.lanes else then

    # -- loops --------------------------------------------------------------------------------------------------------

    def loop(self, line: int, returns: bool, ending: Ending) -> Loop:
        """Begin a `while`; `returns` says whether its body contains `return`, `ending` what decides its end."""
        return Loop(line, self.lanes.mask, self.lanes.none, returns, ending)

    def again(self, loop: Loop) -> bool:
        """Begin the next turn of a `while` with the threads still in it; False when there are none."""
        if not self._turn(loop):
            return False
        loop.turns += 1
        if loop.turns >= loop.look:
            self.progress.look(loop, sys._getframe(1).f_locals)
        return True

    def _turn(self, loop: Loop) -> bool:
        if loop.first:
            loop.first = False
        elif loop.waiting.lanes:
            self.lanes.mask = self.lanes.union(self.lanes.mask, loop.waiting)
            if self.lanes.mask.lanes == loop.entry.lanes:
                self.lanes.mask = loop.entry
            loop.waiting = self.lanes.none
        return self.lanes.mask.lanes > 0

    def test(self, loop: Loop, condition: Value) -> bool:
        """The condition of a `while`: threads where it fails are done. False when none go on."""
        go, stop = self.branch(loop.line, condition)
        if stop.lanes:
            loop.done = loop.done.union(stop)
            self.lanes.mask = go
        return go.lanes > 0

    def break_(self, loop: Loop) -> None:
        """`break` for the active threads."""
        loop.done = loop.done.union(self.lanes.mask)
        loop.broken = loop.broken.union(self.lanes.mask)
        self.lanes.mask = self.lanes.none

    def continue_(self, loop: Loop) -> None:
        """`continue` for the active threads."""
        loop.waiting = loop.waiting.union(self.lanes.mask)
        self.lanes.mask = self.lanes.none

    def leave(self, loop: Loop) -> None:
        """After a loop: everyone who entered and has not returned."""
        if loop.seen is not None:
            self.progress.look_away(loop)
        if not loop.returns:
            self.lanes.mask = loop.entry
            return
        left = self.lanes.union(self.lanes.union(self.lanes.mask, loop.waiting), loop.done)
        self.lanes.mask = loop.entry if left.lanes == loop.entry.lanes else left

    def unbroken(self, loop: Loop) -> Mask:
        """The threads that run a loop's `else`: those behind it that did not leave it by `break`."""
        return self.lanes.mask.minus(loop.broken) if loop.broken.lanes else self.lanes.mask

    def rejoin(self, before: Mask, loop: Loop) -> Mask:
        """After an `else` that threads may leave: those still there, and those that came by `break`."""
        kept = before.narrow(np.atleast_2d(loop.broken.full())) if loop.broken.lanes else self.lanes.none
        return self.lanes.union(self.lanes.mask, kept)

    def range_dtype(self, line: int, *bounds: Value) -> np.dtype:
        """The type of what range() gives: int32 for small integers and floats, int64, uint64 for unsigned ones."""
        kinds = set()
        for bound in bounds:
            if bound is None:
                continue
            if getattr(getattr(bound, "dtype", None), "kind", "c") not in "biuf":
                got = what(bound) if isinstance(bound, NO_NUMBERS) else getattr(bound, "dtype", type(bound).__name__)
                raise UnsupportedSyntax(f"range() takes integers, got {got}; cast with int32(...)", line)
            kinds.add(numeric.INT64 if bound.dtype == numeric.INT64 else numeric.UINT64 if bound.dtype.kind == "u" else
                      numeric.INT32)
        return kinds.pop() if len(kinds) == 1 else numeric.INT64

    def range(self, line: int, returns: bool, start: Value | None, stop: Value, step: Value | None) -> Loop:
        """Begin `for … in range(start, stop, step)`: a plain loop where all threads agree, else a masked one."""
        loop = Loop(line, self.lanes.mask, self.lanes.none, returns, NO_ENDING)
        loop.kind = self.range_dtype(line, start, stop, step).type
        start, stop, step = (np.int64(default) if bound is None else numeric.convert(line, numeric.INT64, bound)
                             for bound, default in ((start, 0), (stop, 0), (step, 1)))
        if start.size == stop.size == step.size == 1:
            turns = range(start.item(), stop.item(), step.item() or 1)
            if step.item() == 0:
                self._no_step(line, self.lanes.mask)
                turns = range(0)
            loop.total = len(turns)
            loop.values = iter(turns)
        else:
            loop.value, loop.stop, loop.step = start, stop, step
            self._varying_range(loop)
        return loop

    def _varying_range(self, loop: Loop) -> None:
        """Threads with a step of 0 make no turn."""
        still = self.lanes.mask.narrow(np.atleast_2d(loop.step == 0))
        if still.lanes:
            self._no_step(loop.line, still)
            loop.stop = np.where(loop.step == 0, loop.value, loop.stop)
            loop.step = np.where(loop.step == 0, np.int64(1), loop.step)
        loop.total = int(((loop.stop - loop.value) // loop.step).max())

    def _no_step(self, line: int, still: Mask) -> None:
        """range() with a step of 0."""
        self.faults.of("step-limit", line, still, "loops over a range() whose step is 0, which is a ValueError in "
                       "Python. In a kernel nobody sees it: the thread ends there. Here it makes no turn.")

    def next(self, loop: Loop) -> Value:
        """The loop variable of the next turn for the threads still in the loop, or None when it is over."""
        begun = not loop.first
        if not self._turn(loop):
            return None
        if begun and time.monotonic() > loop.since + PATIENCE:
            self.progress.look_ahead(loop)
        loop.turns += 1
        if loop.values is not None:
            for i in loop.values:
                return loop.kind(i) if loop.item is None else loop.item(loop.kind(i))
            return None
        if begun:
            loop.value = loop.value + loop.step
        if loop.step.ndim == 0:
            inside = loop.value < loop.stop if loop.step > 0 else loop.value > loop.stop
        else:
            inside = np.where(loop.step > 0, loop.value < loop.stop, loop.value > loop.stop)
        if not self.test(loop, inside):
            return None
        return numeric.cast(loop.value, np.dtype(loop.kind)) if loop.item is None else loop.item(loop.value)
