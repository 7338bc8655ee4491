"""Everything that can be looped over: for, range, enumerate, zip, iter; and unpacking, sum, in."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import UnsupportedSyntax
from ..state import NAMED, Choice, Flat, Items, Iterator, Value, View, kind_of, name_of, place_of, refusal
from . import numeric
from .arrays import Arrays
from .control import Control
from .memory import Memory
from .numbers import Numbers
from .progress import Loop
from .variables import Variables

_ZERO, _ONE = np.int64(0), np.int64(1)


@dataclass(eq=False)
class Sequences:
    """What a loop goes through, one after another."""

    control: Control
    numbers: Numbers
    memory: Memory
    variables: Variables
    arrays: Arrays

    def items(self, line: int, value: Value) -> Items:
        """The elements of an array (its rows), a tuple, range(), enumerate(), zip(), …, one after another."""
        if isinstance(value, Items):
            return value
        if isinstance(value, tuple) and not isinstance(value, NAMED):
            if len({kind_of(v) for v in value}) > 1:
                raise UnsupportedSyntax("Numba loops over a tuple only where its elements are of one type; write them "
                                        "out, or make all of them float32(...)", line)
            return Items(len(value), lambda k: (
                value[int(k)] if np.ndim(k) == 0 else self.variables.element(line, value, k)))
        if isinstance(value, View) and value.shape:
            return Items(value.shape[0], lambda k: self.arrays.index(line, value, k))
        if isinstance(value, Flat):
            return Items(_product(value.view.dims()), lambda k: self.arrays.index(line, value, k))
        if isinstance(value, Choice):
            return Items(self.arrays.attribute(line, value, "shape")[0], lambda k: self.arrays.index(line, value, k))
        raise refusal(value, "a kernel loops over range(), an array, a tuple, enumerate() or zip(); "
                      f"{name_of(value)} is none of these", line)

    def each(self, line: int, returns: bool, value: Value) -> Loop:
        """Begin `for … in value`."""
        items = self.items(line, value)
        count = np.int64(items.count) if isinstance(items.count, int) else items.count
        loop = self.control.range(line, returns, None, count, None)
        loop.item = items.item
        return loop

    def range_(self, line: int, *bounds: Value) -> Items:
        """range(…) as a value."""
        start, stop, step = (None, bounds[0], None) if len(bounds) == 1 else (*bounds, None)[:3]
        kind = self.control.range_dtype(line, start, stop, step)
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
        return Items(_product(extent), lambda k: place_of(k, extent))

    def ndenumerate(self, line: int, view: Value) -> Items:
        extent = view.dims()
        return Items(_product(extent), lambda k: (
            place_of(k, extent), self.memory.load(line, view, place_of(k, extent))))

    def nditer(self, line: int, view: Value) -> Items:
        extent = view.dims()
        return Items(_product(extent), lambda k: self.memory.load(line, view, place_of(k, extent)))

    def iter_(self, line: int, value: Value) -> Iterator:
        return Iterator(self.items(line, value))

    def next_(self, line: int, iterator: Value) -> Value:
        if not isinstance(iterator, Iterator):
            raise UnsupportedSyntax(f"next() takes what iter() gave, got {name_of(iterator)}", line)
        if np.ndim(iterator.items.count) or iterator.taken >= int(iterator.items.count):
            raise UnsupportedSyntax(f"next() was called {iterator.taken + 1} times, and iter() gave fewer elements, or "
                                    "not the same number in all threads; write a loop", line)
        iterator.taken += 1
        return iterator.items.item(np.int64(iterator.taken - 1))

    def slice_(self, line: int, *bounds: Value) -> slice:
        """slice(…) as a value."""
        return slice(*bounds)

    def unpack(self, line: int, value: Value, count: int) -> tuple:
        """a, b = value: a tuple, or an array's elements (its rows)."""
        if isinstance(value, View) and value.shape:
            items = self.items(line, value)
            if np.any(np.not_equal(items.count, count)):
                raise UnsupportedSyntax(f"{count} names for an array whose length is {np.max(items.count)}: a GPU's "
                                        "thread raises ValueError here, and ends in silence", line)
            return tuple(items.item(np.int64(k)) for k in range(count))
        if not isinstance(value, tuple) or isinstance(value, NAMED) or len(value) != count:
            got = f"a tuple of {len(value)}" if type(value) is tuple else name_of(value)
            raise UnsupportedSyntax(f"cannot unpack {got} into {count} names", line)
        return value

    def sum_(self, line: int, value: Value, start: Value = _ZERO) -> Value:
        """sum(x): the elements one after another, from an int64 0."""
        items, total = self.items(line, value), start
        if np.ndim(items.count):
            raise UnsupportedSyntax("sum() of parts whose lengths differ between threads; write a loop", line)
        for k in range(int(items.count)):
            total = self.numbers.add(line, total, items.item(np.int64(k)))
        return total

    def contains(self, line: int, x: Value, container: Value) -> Value:
        """`x in container`."""
        if isinstance(container, tuple) and type(container) is tuple and len({kind_of(v) for v in container}) > 1:
            raise UnsupportedSyntax("Numba looks into a tuple only where its elements are of one type; compare with == "
                                    "and or", line)
        if isinstance(container, View) and len(container.shape) > 1:
            container = self.nditer(line, container)
        items = self.items(line, container)
        found: Value = np.bool_(False)
        if np.ndim(items.count):
            raise UnsupportedSyntax("`in` a part whose length differs between threads; write a loop", line)
        for k in range(int(items.count)):
            found = np.logical_or(found, self.numbers.eq(line, x, items.item(np.int64(k))))
        return found


def _product(extent: tuple[Value, ...]) -> Value:
    size = np.int64(1)
    for n in extent:
        size = size * n
    return size
