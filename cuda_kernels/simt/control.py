"""Control flow in lockstep: branches, loops, early exits and variables under masks.

A translated kernel calls these methods. `machine.mask` holds the threads that run the present statement, and
`machine.alive` those that have not returned from the present function: while the two are the same object, an
assignment simply replaces a variable; otherwise the other threads keep their old value.
"""
from __future__ import annotations

import sys
from typing import Any

import numpy as np

from . import numeric
from .ending import Ending
from .errors import UnsupportedSyntax
from .masks import Mask
from .memory import View
from .parts import Part

Value = Any
FIRST_LOOK = 4

_MIXED = "a variable is {} on one path and {} on another; give them two names"


def _what(x: Value) -> str:
    return f"a tuple of {len(x)}" if isinstance(x, tuple) else "an array" if isinstance(x, View) else "a number"


class StepLimit(Exception):
    """A loop never ends, or ran past the step limit; the launch ends."""


class Loop:
    """One running loop: who entered, who left for good (`done`), who waits for the next turn (`waiting`)."""

    __slots__ = ("line", "entry", "done", "waiting", "value", "stop", "step", "turns", "values", "returns", "first",
                 "ending", "look", "seen", "since")

    def __init__(self, line: int, entry: Mask, none: Mask, returns: bool, ending: Ending | None = None) -> None:
        self.line = line
        self.entry = entry
        self.done = none
        self.waiting = none
        self.returns = returns
        self.turns = 0
        self.first = True
        self.values: Any = None
        self.value: Value = None
        self.stop: Value = None
        self.step: Value = None
        self.ending = ending  # of a `while`; see progress.py for the rest
        self.look = FIRST_LOOK
        self.seen: Any = None
        self.since = 0.0


class Control(Part):
    """Masks, variables, branches and loops. Part of `Machine`."""

    mask: Mask
    full_mask: Mask
    alive: Mask
    none: Mask
    shape: tuple[int, int]
    counting: bool
    step_limit: int
    depth: int
    exits: list[tuple[Mask, int]]
    remaining: Mask

    # -- variables ----------------------------------------------------------------------------------------------------

    def put(self, new: Value, old: Value) -> Value:
        """What a variable holds after `variable = new` by the active threads."""
        if old is None or self.mask is self.alive:
            return new
        return self.merge(new, old)

    def merge(self, new: Value, old: Value) -> Value:
        """`new` for the active threads, `old` for the others, in the type Numba would give the variable."""
        if old is None or new is old:
            return new
        if isinstance(new, tuple):
            if not isinstance(old, tuple):
                raise UnsupportedSyntax(_MIXED.format("a tuple", _what(old)))
            if len(old) != len(new):
                raise UnsupportedSyntax(_MIXED.format(f"a tuple of {len(new)}", f"a tuple of {len(old)}"))
            return tuple(self.merge(a, b) for a, b in zip(new, old, strict=True))
        if isinstance(new, View):
            return self._merge_views(new, old)
        if new is None:
            return new
        if isinstance(old, tuple | View):
            raise UnsupportedSyntax(_MIXED.format("a number", _what(old)))
        bits = self.mask.bits
        if bits is None:
            return new
        kind = numeric.unify(new.dtype, old.dtype)
        return np.where(bits, numeric.cast(new, kind), numeric.cast(old, kind))

    def remember(self, assigned: Mask | None) -> Mask:
        """The threads that have assigned a variable, now that the active ones do (see assigned.py)."""
        if assigned is None or assigned is self.mask:
            return self.mask
        return assigned if assigned.lanes == self.full_mask.lanes else assigned.union(self.mask)

    def _merge_views(self, new: View, old: Value) -> View:
        if not isinstance(old, View) or self.mask.lanes == self.alive.lanes:
            return new
        if new.alloc is not old.alloc or new.strides != old.strides:
            raise UnsupportedSyntax("the threads of one launch choose different arrays for one variable here; "
                                    "index one array instead, or write both branches out")
        shape = tuple(a if a is b else self.merge(np.int64(a), np.int64(b)) for a, b in zip(
            new.shape, old.shape, strict=True))
        return View(new.alloc, shape, new.strides, self.merge(new.offset, old.offset))

    def unify(self, x: Value, example: Value) -> Value:
        """`x` in the type of a conditional expression whose other side has `example`'s type."""
        if isinstance(x, np.ndarray | np.generic):
            return numeric.cast(x, numeric.unify(x.dtype, example.dtype))
        return x

    # -- branches -----------------------------------------------------------------------------------------------------

    def branch(self, line: int, condition: Value) -> tuple[Mask, Mask]:
        """The threads that take the branch and those that do not."""
        mask = self.mask
        condition = numeric.truth(condition)
        if condition.size == 1:
            if self.counting:
                self.lines[line].branches += mask.warps
            return (mask, self.none) if condition.item() else (self.none, mask)
        then = mask.narrow(condition)
        if then.lanes == mask.lanes or not then.lanes:
            if self.counting:
                self.lines[line].branches += mask.warps
            return (mask, self.none) if then.lanes else (self.none, mask)
        other = mask.narrow(~condition)
        if self.counting:
            figures = self.lines[line]
            figures.branches += mask.warps
            figures.divergent_branches += then.warps + other.warps - mask.warps
        return then, other

    def narrow(self, condition: Value, wanted: bool) -> Mask:
        """The active threads where `condition` is `wanted` (for `and`, `or`)."""
        condition = numeric.truth(condition)
        if condition.size == 1:
            return self.mask if bool(condition.item()) == wanted else self.none
        then = self.mask.narrow(condition if wanted else ~condition)
        return self.mask if then.lanes == self.mask.lanes else then

    def union(self, a: Mask, b: Mask) -> Mask:
        """Both groups together again."""
        if not b.lanes:
            return a
        if not a.lanes:
            return b
        both = a.union(b)
        return self.alive if both.lanes == self.alive.lanes else both

    # -- leaving early ------------------------------------------------------------------------------------------------

    def leave_function(self, line: int, kernel: bool) -> None:
        """`return`: the active threads are gone until the function ends (for good, in the kernel)."""
        if kernel and self.mask.lanes:
            self.exits.append((self.mask, line))
            self.remaining = self.remaining.minus(self.mask)
        self.alive = self.none if self.mask is self.alive else self.alive.minus(self.mask)
        self.mask = self.none

    def enter(self) -> tuple[Mask, Mask]:
        """A device function begins: its own `alive`."""
        before = (self.mask, self.alive)
        self.alive = self.mask
        self.depth += 1
        return before

    def exit(self, before: tuple[Mask, Mask]) -> None:
        """A device function ends: all threads that called it go on."""
        self.mask, self.alive = before
        self.depth -= 1

    # -- loops --------------------------------------------------------------------------------------------------------

    def loop(self, line: int, returns: bool, ending: Ending) -> Loop:
        """Begin a `while`; `returns` says whether its body contains `return`, `ending` what decides its end."""
        return Loop(line, self.mask, self.none, returns, ending)

    def again(self, loop: Loop) -> bool:
        """Begin the next turn of a `while` with the threads still in it; False when there are none."""
        if not self._turn(loop):
            return False
        loop.turns += 1
        if loop.turns >= loop.look:
            self.look(loop, sys._getframe(1).f_locals)
        return True

    def _turn(self, loop: Loop) -> bool:
        if loop.first:
            loop.first = False
        elif loop.waiting.lanes:
            self.mask = self.union(self.mask, loop.waiting)
            if self.mask.lanes == loop.entry.lanes:
                self.mask = loop.entry
            loop.waiting = self.none
        return self.mask.lanes > 0

    def test(self, loop: Loop, condition: Value) -> bool:
        """The condition of a `while`: threads where it fails are done. False when none go on."""
        go, stop = self.branch(loop.line, condition)
        if stop.lanes:
            loop.done = loop.done.union(stop)
            self.mask = go
        return go.lanes > 0

    def break_(self, loop: Loop) -> None:
        """`break` for the active threads."""
        loop.done = loop.done.union(self.mask)
        self.mask = self.none

    def continue_(self, loop: Loop) -> None:
        """`continue` for the active threads."""
        loop.waiting = loop.waiting.union(self.mask)
        self.mask = self.none

    def leave(self, loop: Loop) -> None:
        """After a loop: everyone who entered and has not returned."""
        if loop.seen is not None:
            self.look_away(loop)
        if not loop.returns:
            self.mask = loop.entry
            return
        left = self.union(self.union(self.mask, loop.waiting), loop.done)
        self.mask = loop.entry if left.lanes == loop.entry.lanes else left

    def range(self, line: int, returns: bool, start: Value, stop: Value, step: Value) -> Loop:
        """Begin `for … in range(start, stop, step)`: a plain loop where all threads agree, else a masked one."""
        loop = Loop(line, self.mask, self.none, returns)
        kind: np.dtype = numeric.INT64
        for bound in (start, stop, step):
            if bound.dtype.kind not in "biu":
                raise UnsupportedSyntax(f"range() needs integers, got {bound.dtype}; cast with int32(...)", line)
        if all(b.dtype == np.int32 for b in (start, stop, step)):
            kind = numeric.INT32
        if start.size == stop.size == step.size == 1:
            turns = range(start.item(), stop.item(), step.item() or 1)
            if step.item() == 0:
                self.report_no_step(line, self.mask)
                turns = range(0)
            self.count_range(loop, len(turns))
            loop.values = iter(turns)
            loop.value = kind.type
        else:
            loop.value = numeric.cast(start, numeric.INT64)
            loop.stop = numeric.cast(stop, numeric.INT64)
            loop.step = numeric.cast(step, numeric.INT64)
            self._varying_range(loop)
        return loop

    def _varying_range(self, loop: Loop) -> None:
        """Threads with a step of 0 make no turn; more turns than can be run are told now."""
        still = self.mask.narrow(np.atleast_2d(loop.step == 0))
        if still.lanes:
            self.report_no_step(loop.line, still)
            loop.stop = np.where(loop.step == 0, loop.value, loop.stop)
        step = np.where(loop.step == 0, np.int64(1), loop.step)
        turns = np.broadcast_to((loop.stop - loop.value) // step, self.shape)[self.mask.full()]
        self.count_range(loop, int(turns.max(initial=0)))

    def next(self, loop: Loop) -> Value:
        """The loop variable of the next turn for the threads still in the loop, or None when it is over."""
        begun = not loop.first
        if not self._turn(loop):
            return None
        if loop.values is not None:
            for i in loop.values:
                return loop.value(i)
            return None
        if begun:
            loop.value = loop.value + loop.step
        if loop.step.ndim == 0:
            inside = loop.value < loop.stop if loop.step > 0 else loop.value > loop.stop
        else:
            inside = np.where(loop.step > 0, loop.value < loop.stop, loop.value > loop.stop)
        return loop.value if self.test(loop, inside) else None
