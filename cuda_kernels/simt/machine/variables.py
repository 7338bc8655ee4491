"""What a variable holds where not all threads assign it: both values in one array, in the type that Numba gives it."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checking import Counter, Faults
from ..errors import UnsupportedSyntax
from ..state import NAMED, Choice, Lanes, Mask, Mixed, Value, View, kind_of, name_of
from . import numeric
from .progress import Loop

NO_NUMBERS = (tuple, View, Choice, Mixed)
_MIXED = "a variable is {} on one path and {} on another; give them two names"


def what(x: Value) -> str:
    """What a value is, in a sentence."""
    if isinstance(x, tuple):
        return f"a tuple of {len(x)}"
    return "an array" if isinstance(x, View | Choice) else "a number"


def _options(x: View | Choice) -> list[tuple[View, np.ndarray]]:
    return x.options if isinstance(x, Choice) else [(x, np.ones((1, 1), bool))]


@dataclass(eq=False)
class Variables:
    """Assignment under a mask."""

    lanes: Lanes
    faults: Faults
    counter: Counter

    def put(self, new: Value, old: Value) -> Value:
        """What a variable holds after `variable = new` by the active threads."""
        if old is None or self.lanes.mask is self.lanes.alive:
            return new
        return self.merge(new, old)

    def merge(self, new: Value, old: Value) -> Value:
        """`new` for the active threads, `old` for the others, in the type Numba would give the variable."""
        if old is None or new is old:
            return new
        bits = self.lanes.mask.bits
        if new is None or bits is None:
            return new
        if type(new) is not np.ndarray and not isinstance(new, np.generic) or isinstance(old, NO_NUMBERS):
            return self._merge_others(new, old)
        kind = numeric.unify(new.dtype, old.dtype)
        if kind.kind == "f" and new.dtype.kind in "iu" and old.dtype.kind in "iu":
            self.faults.unified(self.counter.present, "a variable", new.dtype, old.dtype)
        return np.where(bits, numeric.cast(new, kind), numeric.cast(old, kind))

    def replaced(self, old: Value) -> Value:
        """A variable that both branches assign: nothing, unless threads outside of them still need what it holds."""
        return None if self.lanes.mask is self.lanes.alive else old

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
                self.faults.unified(line, repr(name), kind, own)
        return tuple(found)

    def remember(self, assigned: Mask | None) -> Mask:
        """The threads that have assigned a variable, now that the active ones do (see assigned.py)."""
        if assigned is None or assigned is self.lanes.mask:
            return self.lanes.mask
        return assigned if assigned.lanes == self.lanes.everyone.lanes else assigned.union(self.lanes.mask)

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
        return Mixed(_MIXED.format(what(new), what(old)))

    def _merge_views(self, new: View | Choice, old: View | Choice) -> Value:
        if self.lanes.mask.lanes == self.lanes.alive.lanes:
            return new
        if isinstance(new, View) and isinstance(old, View) and new.alloc is old.alloc and all(
                s is t or (type(s) is int and s == t) for s, t in zip(new.strides, old.strides, strict=False)) and len(
                new.strides) == len(old.strides):
            shape = tuple(a if a is b else self.merge(np.int64(a), np.int64(b)) for a, b in zip(
                new.shape, old.shape, strict=True))
            return View(new.alloc, shape, new.strides, self.merge(new.offset, old.offset))
        bits = self.lanes.mask.bits
        assert bits is not None
        options = [(v, b & bits) for v, b in _options(new)] + [(v, b & ~bits) for v, b in _options(old)]
        if len({(v.dtype, v.ndim) for v, _ in options}) > 1:
            return Mixed("a variable is one array on one path and, on another, one of another dtype or number of axes, "
                         "which Numba does not unify; give them two names")
        return Choice(options)

    def unify(self, x: Value, example: Value) -> Value:
        """`x` in the type of a conditional expression whose other side has `example`'s type."""
        if isinstance(x, np.ndarray | np.generic):
            return numeric.cast(x, numeric.unify(x.dtype, example.dtype))
        return x

    def element(self, line: int, base: Value, index: Value) -> Value:
        """`base[i]` of a tuple whose elements have one type; `base[1:]`."""
        if isinstance(base, NAMED):
            raise UnsupportedSyntax(f"{name_of(base)} cannot be indexed; take its .x, .y or .z", line)
        if isinstance(index, slice):
            return base[slice(*(None if p is None else int(p) for p in (index.start, index.stop, index.step)))]
        if getattr(getattr(index, "dtype", None), "kind", "") not in ("i", "u"):
            raise UnsupportedSyntax(f"a tuple's index must be an integer, got {name_of(index)}; cast it with "
                                    "int32(...)", line)
        if len({kind_of(v) for v in base}) > 1:
            raise UnsupportedSyntax("Numba takes a varying index only into a tuple whose elements are of one type; "
                                    "index it with a constant, or make all of them float32(...)", line)
        size, saved, result = len(base), self.lanes.mask, None
        known = np.ndim(index) == 0
        inside = (index >= -size) & (index < size)
        wrong = self.lanes.none if known and inside else saved.narrow(np.atleast_2d(~inside))
        if wrong.lanes and self.faults.checks:  # a thread that raises, which a GPU does in silence
            at = int(self.lanes.threads.held(index, int(wrong.flat()[0])))
            self.faults.of("out-of-bounds", line, wrong, f"takes element {at} of a tuple of {size}.", index=(at,))
        if known:
            return base[int(index)] if inside else base[0]
        for k, value in enumerate(base):
            self.lanes.mask = saved.narrow(np.atleast_2d((index == k) | (index == k - size)))
            if self.lanes.mask.lanes:
                result = self.merge(value, result)
        self.lanes.mask = saved
        return base[0] if result is None else result

    def assured(self, line: int, value: Value, assigned: Mask | None, name: str) -> Value:
        """A variable's value, read where perhaps not every active thread has assigned it (see assigned.py)."""
        mask = self.lanes.mask
        if assigned is not None and (assigned is mask or not self.faults.checks):
            return value
        unknown = mask if assigned is None else mask.minus(assigned)
        if unknown.lanes and self.faults.checks:
            self.faults.of("uninitialised-read", line, unknown, f"reads variable {name!r}, which it never assigned: "
                           "its path to this line has no assignment. Assign it before the branch or loop.", array=name)
        return np.bool_(False) if assigned is None else value  # the one number that changes no other number's type
