"""Tuples and everything that can be looped over: for, enumerate, zip, in, comparison, a varying index."""
from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import UnsupportedSyntax
from . import numeric
from .control import Loop
from .masks import Mask
from .memory import View
from .objects import Choice, Dim3, Flat, Items, Iterator, Member, refusal
from .parts import Part

Value = Any
_ZERO, _ONE = np.int64(0), np.int64(1)


class Sequences(Part):
    """Tuples and loops over things. Part of `Machine`."""

    mask: Mask

    # -- what a loop goes through -------------------------------------------------------------------------------------

    def items(self, line: int, value: Value) -> Items:
        """The elements of an array (its rows), a tuple, range(), enumerate(), zip(), …, one after another."""
        if isinstance(value, Items):
            return value
        if isinstance(value, tuple) and not isinstance(value, Dim3 | Member):
            if len({_kind(v) for v in value}) > 1:
                raise UnsupportedSyntax("Numba loops over a tuple only where its elements are of one type; write them "
                                        "out, or make all of them float32(...)", line)
            return Items(len(value), lambda k: value[int(k)] if np.ndim(k) == 0 else self.tuple_item(line, value, k))
        if isinstance(value, View) and value.shape:
            return Items(value.shape[0], lambda k: self.index(line, value, k))
        if isinstance(value, Flat):
            return Items(_product(value.view.dims()), lambda k: self.index(line, value, k))
        if isinstance(value, Choice):
            return Items(self.attribute(line, value, "shape")[0], lambda k: self.index(line, value, k))
        raise refusal(value, f"a kernel loops over range(), an array, a tuple, enumerate() or zip(); {_name(value)} is "
                      "none of these", line)

    def each(self, line: int, returns: bool, value: Value) -> Loop:
        """Begin `for … in value`."""
        items = self.items(line, value)
        count = np.int64(items.count) if isinstance(items.count, int) else items.count
        loop = self.range(line, returns, None, count, None)
        loop.item = items.item
        return loop

    def range_(self, line: int, *bounds: Value) -> Items:
        """range(…) as a value."""
        start, stop, step = (None, bounds[0], None) if len(bounds) == 1 else (*bounds, None)[:3]
        kind = self.range_dtype(line, start, stop, step)
        first, last = (_ZERO if b is None else b for b in (start, stop))
        by = _ONE if step is None else step
        first, last, by = (numeric.cast(b, numeric.INT64) for b in (first, last, by))
        count = np.maximum(-((first - last) // by), _ZERO)
        return Items(count, lambda k: numeric.cast(first + k * by, kind))

    def enumerate_(self, line: int, value: Value, start: Value = _ZERO) -> Items:
        items = self.items(line, value)
        return Items(items.count, lambda k: (k + start, items.item(k)))

    def zip_(self, line: int, *values: Value) -> Items:
        every = [self.items(line, v) for v in values]
        count = np.int64(every[0].count)
        for items in every[1:]:
            count = np.minimum(count, items.count)
        return Items(count, lambda k: tuple(items.item(k) for items in every))

    def ndindex(self, line: int, *shape: Value) -> Items:
        extent = shape[0] if isinstance(shape[0], tuple) else shape
        return Items(_product(extent), lambda k: self.place(k, extent))

    def ndenumerate(self, line: int, view: Value) -> Items:
        extent = view.dims()
        return Items(_product(extent), lambda k: (self.place(k, extent), self.load(line, view, self.place(k, extent))))

    def nditer(self, line: int, view: Value) -> Items:
        extent = view.dims()
        return Items(_product(extent), lambda k: self.load(line, view, self.place(k, extent)))

    def iter_(self, line: int, value: Value) -> Iterator:
        return Iterator(self.items(line, value))

    def next_(self, line: int, iterator: Value) -> Value:
        if not isinstance(iterator, Iterator):
            raise UnsupportedSyntax(f"next() takes what iter() gave, got {_name(iterator)}", line)
        if np.ndim(iterator.items.count) or iterator.taken >= int(iterator.items.count):
            raise UnsupportedSyntax(f"next() was called {iterator.taken + 1} times, and iter() gave fewer elements, or "
                                    "not the same number in all threads; write a loop", line)
        iterator.taken += 1
        return iterator.items.item(np.int64(iterator.taken - 1))

    def slice_(self, line: int, *bounds: Value) -> slice:
        """slice(…) as a value."""
        return slice(*bounds)

    def place(self, k: Value, extent: tuple[Value, ...]) -> tuple[Value, ...]:
        """The index of element number `k` of an array, in C order."""
        found = []
        for n in reversed(extent):
            found.append(k % n)
            k = k // n
        return tuple(reversed(found))

    # -- tuples -------------------------------------------------------------------------------------------------------

    def unpack(self, line: int, value: Value, count: int) -> tuple:
        """a, b = value: a tuple, or an array's elements (its rows)."""
        if isinstance(value, View) and value.shape:
            items = self.items(line, value)
            if np.any(np.not_equal(items.count, count)):
                raise UnsupportedSyntax(f"{count} names for an array whose length is {np.max(items.count)}: a GPU's "
                                        "thread raises ValueError here, and ends in silence", line)
            return tuple(items.item(np.int64(k)) for k in range(count))
        if not isinstance(value, tuple) or isinstance(value, Dim3 | Member) or len(value) != count:
            got = f"a tuple of {len(value)}" if type(value) is tuple else _name(value)
            raise UnsupportedSyntax(f"cannot unpack {got} into {count} names", line)
        return value

    def static_item(self, line: int, base: Value, index: Value) -> Value:
        """`base[2]`, the index being a constant: a tuple's elements may then be of different types."""
        if type(base) is View and not base.shape and base.dtype.names and 0 <= int(index) < len(base.dtype.names):
            return self.field(line, base, base.dtype.names[int(index)])
        if not isinstance(base, tuple) or isinstance(base, Dim3 | Member):
            return self.index(line, base, index)
        if index.dtype.kind not in "iu" or not -len(base) <= int(index) < len(base):
            raise UnsupportedSyntax(f"index {index} is past the end of a tuple of {len(base)}", line)
        return base[int(index)]

    def tuple_item(self, line: int, base: Value, index: Value) -> Value:
        """`base[i]` of a tuple whose elements have one type; `base[1:]`."""
        if isinstance(base, Dim3 | Member):
            raise UnsupportedSyntax(f"{_name(base)} cannot be indexed; take its .x, .y or .z", line)
        if isinstance(index, slice):
            return base[slice(*(None if p is None else int(p) for p in (index.start, index.stop, index.step)))]
        if getattr(getattr(index, "dtype", None), "kind", "") not in ("i", "u"):
            raise UnsupportedSyntax(f"a tuple's index must be an integer, got {_name(index)}; cast it with int32(...)",
                                    line)
        if len({_kind(v) for v in base}) > 1:
            raise UnsupportedSyntax("Numba takes a varying index only into a tuple whose elements are of one type; "
                                    "index it with a constant, or make all of them float32(...)", line)
        size, saved, result = len(base), self.mask, None
        known = np.ndim(index) == 0
        inside = (index >= -size) & (index < size)
        wrong = self.none if known and inside else saved.narrow(np.atleast_2d(~inside))
        if wrong.lanes:
            self.report_outside_tuple(line, index, size, wrong)
        if known:
            return base[int(index)] if inside else base[0]
        for k, value in enumerate(base):
            self.mask = saved.narrow(np.atleast_2d((index == k) | (index == k - size)))
            if self.mask.lanes:
                result = self.merge(value, result)
        self.mask = saved
        return base[0] if result is None else result

    def report_outside_tuple(self, line: int, index: Value, size: int, bad: Mask) -> None:
        """An index past the end of a tuple: a thread that raises, which a GPU does in silence."""
        lane = int(bad.flat()[0])
        at = int(np.broadcast_to(index, self.shape).reshape(-1)[lane])
        thread, block = self.thread_index(lane), self.block_of(lane)
        if self.checks:
            self.recorder.fault(
                "out-of-bounds", line, threads=(thread,), blocks=(block,), count=bad.lanes, index=(at,),
                message=f"line {line}: thread {thread} of block {block} takes element {at} of a tuple of {size}.")

    def tuple_(self, line: int, value: Value) -> tuple:
        if not isinstance(value, tuple):
            raise UnsupportedSyntax("tuple() takes a tuple in a kernel; write the elements out", line)
        return value

    def sum_(self, line: int, value: Value, start: Value = _ZERO) -> Value:
        """sum(x): the elements one after another, from an int64 0."""
        items, total = self.items(line, value), start
        if np.ndim(items.count):
            raise UnsupportedSyntax("sum() of parts whose lengths differ between threads; write a loop", line)
        for k in range(int(items.count)):
            total = self.add(line, total, items.item(np.int64(k)))
        return total

    def divmod_(self, line: int, a: Value, b: Value) -> tuple:
        if {a.dtype, b.dtype} == {numeric.INT64, numeric.UINT64}:  # for Numba their common type is float64
            a, b = a.astype(np.float64), b.astype(np.float64)
        return self.floordiv(line, a, b), self.mod(line, a, b)

    def contains(self, line: int, x: Value, container: Value) -> Value:
        """`x in container`."""
        if isinstance(container, tuple) and type(container) is tuple and len({_kind(v) for v in container}) > 1:
            raise UnsupportedSyntax("Numba looks into a tuple only where its elements are of one type; compare with == "
                                    "and or", line)
        if isinstance(container, View) and len(container.shape) > 1:
            container = self.nditer(line, container)
        items = self.items(line, container)
        found: Value = np.bool_(False)
        if np.ndim(items.count):
            raise UnsupportedSyntax("`in` a part whose length differs between threads; write a loop", line)
        for k in range(int(items.count)):
            found = np.logical_or(found, self.eq(line, x, items.item(np.int64(k))))
        return found

    def same(self, line: int, a: Value, b: Value) -> Value:
        """`a is b`: None, an array and itself; of numbers it is == in Numba."""
        if a is None or b is None:
            return np.bool_(a is b)
        if isinstance(a, View) and isinstance(b, View):
            alike = a.alloc is b.alloc and a.shape == b.shape and a.strides == b.strides
            return np.bool_(alike) & (a.offset == b.offset)
        return self.eq(line, a, b)

    def compare_others(self, line: int, name: str, a: Value, b: Value) -> Value:
        """A comparison of which one side is no number: tuples element by element, None, Enum members."""
        if name in ("eq", "ne"):
            if a is None or b is None or isinstance(a, np.dtype) or isinstance(b, np.dtype):
                return np.bool_((a is b or (isinstance(a, np.dtype) and a == b)) == (name == "eq"))
            if isinstance(a, Member) and isinstance(b, Member):
                if a.of is b.of:
                    return getattr(self, name)(line, a.value, b.value)
                return np.bool_(name == "ne")
        if not all(isinstance(v, tuple) and not isinstance(v, Dim3 | Member) for v in (a, b)):
            raise UnsupportedSyntax(f"comparison {name!r} needs numbers, got {_name(a)} and {_name(b)}", line)
        same: Value = np.bool_(len(a) == len(b))
        if name in ("eq", "ne"):
            for p, q in zip(a, b, strict=False):
                same = np.logical_and(same, self.eq(line, p, q))
            return same if name == "eq" else np.logical_not(same)
        result: Value = np.bool_(getattr(operator, name)(len(a), len(b)))
        undecided: Value = np.bool_(True)
        decided = []
        for p, q in zip(a, b, strict=False):
            decided.append((undecided, self.ne(line, p, q), getattr(self, name)(line, p, q)))
            undecided = np.logical_and(undecided, self.eq(line, p, q))
        for still, differ, held in reversed(decided):
            result = np.where(np.logical_and(still, differ), held, result)[()]
        return result

    def operate_on_others(self, line: int, name: str, a: Value, b: Value) -> Value:
        """An operator of which one side is no number: tuples are joined and repeated."""
        if name == "add" and isinstance(a, tuple) and isinstance(b, tuple):
            return (*a, *b)
        if name == "mul" and isinstance(a, tuple) and not isinstance(b, tuple) and np.ndim(b) == 0:
            return a * int(b)
        if isinstance(a, Member) or isinstance(b, Member):
            raise UnsupportedSyntax("an Enum member is no number; take its .value, or make the class an IntEnum", line)
        raise UnsupportedSyntax(f"operator {name!r} needs numbers, got {_name(a)} and {_name(b)}", line)


def _kind(value: Value) -> Any:
    """What must be the same of all elements of a tuple that is indexed by a variable."""
    if isinstance(value, tuple):
        return tuple(_kind(v) for v in value)
    return (value.dtype, len(value.shape)) if isinstance(value, View) else getattr(value, "dtype", type(value))


def _name(value: Value) -> str:
    if isinstance(value, Dim3):
        return "an index object such as cuda.threadIdx"
    if isinstance(value, tuple):
        return "an Enum member" if isinstance(value, Member) else f"a tuple of {len(value)}"
    if isinstance(value, View | Choice):
        return "an array"
    return "None" if value is None else "one value" if hasattr(value, "dtype") else f"a {type(value).__name__}"


def _product(extent: tuple[Value, ...]) -> Value:
    size = np.int64(1)
    for n in extent:
        size = size * n
    return size
