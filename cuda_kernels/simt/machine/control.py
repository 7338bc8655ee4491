"""Control flow in lockstep: branches, loops, early exits and variables under masks.

A translated kernel calls these methods. `machine.mask` holds the threads that run the present statement, and
`machine.alive` those that have not returned from the present function: while the two are the same object, an
assignment simply replaces a variable; otherwise the other threads keep their old value.
"""
from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from ..errors import UnsupportedSyntax
from ..language.ending import Ending
from . import numeric
from .masks import Mask
from .memory import View
from .objects import Choice, Mixed
from .parts import Part

Value = Any
FIRST_LOOK = 4
PATIENCE = 4.0  # seconds in one loop, after which it is looked at with less patience
NO_ENDING = Ending((), ())  # of a `for`

_NO_NUMBERS = (tuple, View, Choice, Mixed)
_MIXED = "a variable is {} on one path and {} on another; give them two names"


def _what(x: Value) -> str:
    if isinstance(x, tuple):
        return f"a tuple of {len(x)}"
    return "an array" if isinstance(x, View | Choice) else "a number"


def _options(x: View | Choice) -> list[tuple[View, np.ndarray]]:
    return x.options if isinstance(x, Choice) else [(x, np.ones((1, 1), bool))]


class StepLimit(Exception):
    """A loop never ends, or ran past the step limit; the launch ends."""


class Loop:
    """One running loop: who entered, who left for good (`done`), who waits for the next turn (`waiting`)."""

    __slots__ = ("line", "entry", "done", "waiting", "broken", "value", "stop", "step", "kind", "item", "turns",
                 "values", "returns", "first", "ending", "look", "seen", "since", "total", "kinds")

    def __init__(self, line: int, entry: Mask, none: Mask, returns: bool, ending: Ending = NO_ENDING) -> None:
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
        self.ending = ending  # of a `while`; see progress.py for the rest
        self.look = FIRST_LOOK
        self.seen: Any = None
        self.since = time.monotonic()
        self.total = 0  # turns of a range()
        self.kinds: list[Any] | None = None  # of the variables that it carries from turn to turn


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
        bits = self.mask.bits
        if new is None or bits is None:
            return new
        if type(new) is not np.ndarray and not isinstance(new, np.generic) or isinstance(old, _NO_NUMBERS):
            return self._merge_others(new, old)
        kind = numeric.unify(new.dtype, old.dtype)
        if kind.kind == "f" and new.dtype.kind in "iu" and old.dtype.kind in "iu":
            self.report_unified(self.present, "a variable", new.dtype, old.dtype)
        return np.where(bits, numeric.cast(new, kind), numeric.cast(old, kind))

    def replaced(self, old: Value) -> Value:
        """A variable that both branches assign: nothing, unless threads outside of them still need what it holds."""
        return None if self.mask is self.alive else old

    def carry(self, line: int, loop: Loop, names: tuple[str, ...], *values: Value) -> tuple[Value, ...]:
        """Variables at the beginning of a loop's turn, in the type that they have before it and after a turn."""
        if loop.kinds is None:
            loop.kinds = [getattr(v, "dtype", None) for v in values]
            return values
        found = list(values)
        for k, (name, value, kind) in enumerate(zip(names, values, loop.kinds, strict=True)):
            own = getattr(value, "dtype", None)
            if own is kind or own is None or kind is None or own == kind or {own.kind, kind.kind} - set("iuf"):
                continue
            loop.kinds[k] = numeric.unify(own, kind)
            found[k] = numeric.cast(value, loop.kinds[k])
            if loop.kinds[k].kind == "f" and {own.kind, kind.kind} <= {"i", "u"}:
                self.report_unified(line, repr(name), kind, own)
        return tuple(found)

    def remember(self, assigned: Mask | None) -> Mask:
        """The threads that have assigned a variable, now that the active ones do (see assigned.py)."""
        if assigned is None or assigned is self.mask:
            return self.mask
        return assigned if assigned.lanes == self.full_mask.lanes else assigned.union(self.mask)

    def _merge_others(self, new: Value, old: Value) -> Value:
        """Tuples element by element, arrays as a choice; what does not go together is an error when used."""
        if isinstance(new, tuple) and isinstance(old, tuple) and len(old) == len(new):
            if type(new) is not type(old):
                return Mixed("a variable is a named tuple or an index object on one path and another one on the other; "
                             "give them two names")
            parts = [a if a is b else self.merge(a, b) for a, b in zip(new, old, strict=True)]
            return tuple(parts) if type(new) is tuple else type(new)(*parts)
        if isinstance(new, View | Choice) and isinstance(old, View | Choice):
            return self._merge_views(new, old)
        if type(new) is type(old) and not isinstance(new, tuple | np.ndarray | np.generic):
            return Mixed("the threads of one launch hold different things to loop over in one variable here; write "
                         "both branches out")
        return Mixed(_MIXED.format(_what(new), _what(old)))

    def _merge_views(self, new: View | Choice, old: View | Choice) -> Value:
        if self.mask.lanes == self.alive.lanes:
            return new
        if isinstance(new, View) and isinstance(old, View) and new.alloc is old.alloc and all(
                s is t or (type(s) is int and s == t) for s, t in zip(new.strides, old.strides, strict=False)) and len(
                new.strides) == len(old.strides):
            shape = tuple(a if a is b else self.merge(np.int64(a), np.int64(b)) for a, b in zip(
                new.shape, old.shape, strict=True))
            return View(new.alloc, shape, new.strides, self.merge(new.offset, old.offset))
        bits = self.mask.bits
        assert bits is not None
        options = [(v, b & bits) for v, b in _options(new)] + [(v, b & ~bits) for v, b in _options(old)]
        if len({(v.dtype, v.ndim) for v, _ in options}) > 1:
            return Mixed("a variable is one array on one path and, on another, one of another dtype or number of axes, "
                         "which Numba does not unify; give them two names")
        return Choice(options)

    def raised(self, line: int, text: str) -> None:
        """`raise`, or an `assert` that fails: compiled without debug=True, the thread ends there and nobody is told."""
        if self.checks:
            self.report_exception(line, text)

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
        loop.broken = loop.broken.union(self.mask)
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

    def unbroken(self, loop: Loop) -> Mask:
        """The threads that run a loop's `else`: those behind it that did not leave it by `break`."""
        return self.mask.minus(loop.broken) if loop.broken.lanes else self.mask

    def rejoin(self, before: Mask, loop: Loop) -> Mask:
        """After an `else` that threads may leave: those still there, and those that came by `break`."""
        kept = before.narrow(np.atleast_2d(loop.broken.full())) if loop.broken.lanes else self.none
        return self.union(self.mask, kept)

    def range_dtype(self, line: int, *bounds: Value) -> np.dtype:
        """The type of what range() gives: int32 for small integers and floats, int64, uint64 for unsigned ones."""
        kinds = set()
        for bound in bounds:
            if bound is None:
                continue
            if getattr(getattr(bound, "dtype", None), "kind", "c") not in "biuf":
                got = _what(bound) if isinstance(bound, _NO_NUMBERS) else getattr(bound, "dtype", type(bound).__name__)
                raise UnsupportedSyntax(f"range() takes integers, got {got}; cast with int32(...)", line)
            kinds.add(numeric.INT64 if bound.dtype == numeric.INT64 else numeric.UINT64 if bound.dtype.kind == "u" else
                      numeric.INT32)
        return kinds.pop() if len(kinds) == 1 else numeric.INT64

    def range(self, line: int, returns: bool, start: Value | None, stop: Value, step: Value | None) -> Loop:
        """Begin `for … in range(start, stop, step)`: a plain loop where all threads agree, else a masked one."""
        loop = Loop(line, self.mask, self.none, returns)
        loop.kind = self.range_dtype(line, start, stop, step).type
        start, stop, step = (np.int64(default) if bound is None else self.cast(line, numeric.INT64, bound)
                             for bound, default in ((start, 0), (stop, 0), (step, 1)))
        if start.size == stop.size == step.size == 1:
            turns = range(start.item(), stop.item(), step.item() or 1)
            if step.item() == 0:
                self.report_no_step(line, self.mask)
                turns = range(0)
            loop.total = len(turns)
            loop.values = iter(turns)
        else:
            loop.value, loop.stop, loop.step = start, stop, step
            self._varying_range(loop)
        return loop

    def _varying_range(self, loop: Loop) -> None:
        """Threads with a step of 0 make no turn."""
        still = self.mask.narrow(np.atleast_2d(loop.step == 0))
        if still.lanes:
            self.report_no_step(loop.line, still)
            loop.stop = np.where(loop.step == 0, loop.value, loop.stop)
            loop.step = np.where(loop.step == 0, np.int64(1), loop.step)
        loop.total = int(((loop.stop - loop.value) // loop.step).max())

    def next(self, loop: Loop) -> Value:
        """The loop variable of the next turn for the threads still in the loop, or None when it is over."""
        begun = not loop.first
        if not self._turn(loop):
            return None
        if begun and time.monotonic() > loop.since + PATIENCE:
            self.look_ahead(loop)
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
