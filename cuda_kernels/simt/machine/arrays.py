"""Whole arrays, parts of them, and records: `x[i]`, slices, reshape, fields, an array chosen by a condition.

A part is a `View` of the same memory, so the checks and counters see through it. A record's fields are arrays of their
own over the same bytes (`Allocation.field`): each has its shadow, and its addresses are those of its bytes.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import UnsupportedSyntax
from ..state import NAMED, Choice, Flat, Lanes, Member, Value, View, c_strides, place_of, refusal
from . import numeric
from .memory import Memory
from .variables import Variables

_ATTRIBUTES = "shape size ndim strides itemsize nbytes dtype T flat real imag".split()


@dataclass(eq=False)
class Arrays:
    """Arrays as a kernel names them: their elements, parts, attributes and fields."""

    lanes: Lanes
    memory: Memory
    variables: Variables

    def index(self, line: int, base: Value, index: Value) -> Value:
        """`base[index]`: an element of an array or tuple, or a part of an array where indices are missing."""
        if type(base) is not View:
            return self._index_other(line, base, index)
        if type(index) is not tuple:
            if type(index) is slice:
                return self.part(line, base, index)
            index = (index,)
        if len(index) == len(base.shape):
            return self.memory.load(line, base, index)
        return self.part(line, base, index)

    def _index_other(self, line: int, base: Value, index: Value) -> Value:
        if type(base) is Choice:
            return self.over(base, lambda view: self.index(line, view, index))
        if isinstance(base, tuple):
            return self.variables.element(line, base, index)
        if type(base) is Flat:
            return self.memory.load(line, base.view, place_of(index, base.view.dims()))
        raise refusal(base, "only arrays and tuples can be indexed", line)

    def static_item(self, line: int, base: Value, index: Value) -> Value:
        """`base[2]`, the index being a constant: a tuple's elements may then be of different types."""
        if type(base) is View and not base.shape and base.dtype.names and 0 <= int(index) < len(base.dtype.names):
            return self.field(line, base, base.dtype.names[int(index)])
        if not isinstance(base, tuple) or isinstance(base, NAMED):
            return self.index(line, base, index)
        if index.dtype.kind not in "iu" or not -len(base) <= int(index) < len(base):
            raise UnsupportedSyntax(f"index {index} is past the end of a tuple of {len(base)}", line)
        return base[int(index)]

    def store(self, line: int, view: Value, index: Value, value: Value) -> None:
        """`view[index] = value` for each active thread."""
        if type(view) is not View:
            self._store_other(line, view, index, value)
            return
        if type(index) is not tuple:
            index = (index,)
        if len(index) != len(view.shape):
            self.store_part(line, view, index, value)
            return
        if view.alloc.record:
            self.store_record(line, view, index, value)
            return
        if not hasattr(value, "dtype") or isinstance(value, View):
            what = ("no value: was the variable assigned on this path?" if value is None else
                    f"a {type(value).__name__.lower()}")
            raise UnsupportedSyntax(f"an array's element must be one number, got {what}", line)
        self.memory.store(line, view, index, value)

    def _store_other(self, line: int, base: Value, index: Value, value: Value) -> None:
        if type(base) is Choice:
            self.over(base, lambda view: self.store(line, view, index, value))
        elif type(base) is Flat:
            self.store(line, base.view, place_of(index, base.view.dims()), value)
        else:
            raise refusal(base, "only an array's elements can be assigned; a tuple's cannot", line)

    # -- parts --------------------------------------------------------------------------------------------------------

    def part(self, line: int, base: Value, index: Value) -> Value:
        """`base[i]`, `base[i, :]`, `base[a:b:c]`, `base[..., 1]`, `base[None, :]`: an array that shares the memory."""
        if isinstance(base, tuple):
            return self.variables.element(line, base, index)
        if type(base) is Choice:
            return self.over(base, lambda view: self.part(line, view, index))
        if type(base) is not View:
            raise refusal(base, "only arrays can be sliced", line)
        items = list(index) if type(index) is tuple else [index]
        given = sum(i is not None and i is not ... for i in items)
        if given > len(base.shape):
            raise UnsupportedSyntax(f"too many indices ({given}) for an array of {len(base.shape)} axes", line)
        rest = [slice(None)] * (len(base.shape) - given)
        dots = next((k for k, i in enumerate(items) if i is ...), len(items))
        items[dots:dots + 1] = rest
        numbered = [i for i in items if i is not None]
        whole = tuple(np.int64(0) if isinstance(i, slice) else i for i in numbered)
        offset, _, _ = self.memory.locate(line, base, whole, "slice", tuple(not isinstance(i, slice) for i in numbered))
        shape: list[Value] = []
        strides: list[Value] = []
        axes = zip(base.shape, base.strides, strict=True)
        for item in items:
            size, stride = (1, 0) if item is None else next(axes)
            if item is None:
                shape.append(1)
                strides.append(0)
            elif isinstance(item, slice):
                start, count, step = self._slice(line, item, size)
                offset = offset + start * np.int64(stride)
                shape.append(count)
                strides.append(stride * step)
        return View(base.alloc, tuple(shape), tuple(strides), offset)

    def _slice(self, line: int, item: slice, size: Value) -> tuple[Value, Value, Value]:
        """(first element, how many, step) of a slice of an axis, as Python has it."""
        if item.start is None and item.stop is None and item.step is None:
            return np.int64(0), size, 1
        start, stop, step = (None if p is None else numeric.cast(p, numeric.INT64) for p in (
            item.start, item.stop, item.step))
        step = np.int64(1) if step is None else step
        if step.ndim == 0 and step == 0:
            raise UnsupportedSyntax("a slice's step cannot be 0; leave it out for 1", line)
        back = step < 0
        lowest, highest = np.where(back, -1, 0), np.where(back, size - 1, size)
        first, last = np.where(back, size - 1, 0), np.where(back, -1, size)
        first = first if start is None else np.clip(np.where(start < 0, start + size, start), lowest, highest)
        last = last if stop is None else np.clip(np.where(stop < 0, stop + size, stop), lowest, highest)
        span = np.where(back, first - last, last - first)
        count = np.where(span > 0, (span - 1) // np.where(step == 0, 1, np.abs(step)) + 1, 0)
        return np.int64(first) if first.ndim == 0 else first, int(count) if count.ndim == 0 else count, (
            int(step) if step.ndim == 0 else step)

    def store_part(self, line: int, base: Value, index: Value, value: Value) -> None:
        """`base[a:b] = value`: every element one number, or a tuple's elements one after another."""
        view = self.part(line, base, index)
        if isinstance(value, View | Choice):
            raise UnsupportedSyntax("Numba assigns no array to a part of an array on a GPU; assign it in a loop",
                                    line)
        if not isinstance(value, tuple):
            for place, _ in self.places(view):
                self.store(line, view, place, value)
            return
        if len(view.shape) != 1 or np.ndim(view.shape[0]) or int(view.shape[0]) != len(value):
            raise UnsupportedSyntax(f"a tuple of {len(value)} is assigned to a part of shape {tuple(view.shape)}", line)
        for k, element in enumerate(value):
            self.store(line, view, np.int64(k), element)

    def places(self, view: View) -> Iterator[tuple[tuple[Value, ...], bool]]:
        """The index of each element in C order, under the mask of the threads whose array has it; are they part?"""
        saved = self.lanes.mask
        varying = any(np.ndim(n) for n in view.shape)
        extent = tuple(int(np.max(n)) for n in view.shape)
        for place in np.ndindex(*extent):
            if varying:
                inside = np.logical_and.reduce(np.broadcast_arrays(*(np.atleast_2d(k < n) for k, n in zip(
                    place, view.shape, strict=True))))
                self.lanes.mask = saved.narrow(inside)
                if not self.lanes.mask.lanes:
                    continue
            yield tuple(np.int64(k) for k in place), varying
        self.lanes.mask = saved

    def over(self, choice: Choice, action: Callable[[View], Value]) -> Value:
        """Do something with each of the arrays that a variable stands for, by the threads that have it."""
        saved, result = self.lanes.mask, None
        for view, bits in choice.options:
            self.lanes.mask = saved.narrow(bits)
            if self.lanes.mask.lanes:
                result = self.variables.merge(action(view), result)
        self.lanes.mask = saved
        return result

    # -- attributes ---------------------------------------------------------------------------------------------------

    def attribute(self, line: int, x: Value, name: str) -> Value:
        """`.shape` and its like of an array, a field of a record, `.x` of an index object or named tuple, `.real`."""
        if type(x) is View:
            if x.alloc.dtype.names:
                if name in x.alloc.dtype.names:
                    return self.field(line, x, name)
                if not x.shape:
                    raise UnsupportedSyntax(f"a record of {x.alloc.name!r} has no field {name!r}; it has "
                                            f"{', '.join(x.alloc.dtype.names)}", line)
            return self._of_array(line, x, name)
        if type(x) is Choice:
            return self.over(x, lambda view: self.attribute(line, view, name))
        if isinstance(x, tuple) and name in getattr(x, "_fields", ()) and not (isinstance(x, Member) and name == "of"):
            return getattr(x, name)
        if name in ("real", "imag") and isinstance(x, np.ndarray | np.generic) and x.dtype.kind != "b":
            return getattr(x, name)
        if isinstance(x, np.finfo | np.iinfo):
            return numeric.typed(getattr(x, name))
        raise refusal(x, f"attribute .{name} is not translated here; arrays have {_listed(_ATTRIBUTES)}, records and "
                      "named tuples their fields, complex numbers .real and .imag", line)

    def _of_array(self, line: int, x: View, name: str) -> Value:
        if name == "shape":
            return x.dims()
        if name in ("size", "nbytes"):
            size = np.int64(1)
            for n in x.dims():
                size = size * n
            return size if name == "size" else size * np.int64(x.alloc.itemsize)
        if name == "ndim":
            return np.int64(x.ndim)
        if name == "strides":
            return tuple(np.int64(s) * np.int64(x.alloc.stride) for s in x.strides)
        if name == "itemsize":
            return np.int64(x.alloc.itemsize)
        if name == "dtype":
            return x.alloc.dtype
        if name == "T":
            return View(x.alloc, x.shape[::-1], x.strides[::-1], x.offset)
        if name == "flat":
            whole = not any(np.ndim(n) for n in (*x.shape, *x.strides)) and x.strides == c_strides(x.shape)
            return reshaped(line, x, np.int64(-1)) if whole else Flat(x)
        if name in ("real", "imag") and x.alloc.dtype.kind == "c":
            return View(x.alloc.field(self.memory.checker, name), x.shape, x.strides, x.offset)
        if name == "real":
            return x
        raise UnsupportedSyntax(f"attribute .{name} is not translated here; arrays have {_listed(_ATTRIBUTES)}", line)

    # -- records ------------------------------------------------------------------------------------------------------

    def field(self, line: int, x: View, name: str) -> Value:
        """A field: of one record its value, of an array of records an array."""
        if x.alloc.dtype[name].subdtype is not None:
            raise UnsupportedSyntax(f"field {name!r} is an array inside a record, which the machine does not run; use "
                                    "a field for each element", line)
        view = View(x.alloc.field(self.memory.checker, name), x.shape, x.strides, x.offset)
        return view if x.shape else self.memory.load(line, view, ())

    def set_field(self, line: int, x: Value, name: str, value: Value) -> None:
        """`x[i].name = value`."""
        if type(x) is not View or x.shape or name not in (x.alloc.dtype.names or ()):
            raise UnsupportedSyntax(f"only a record's field can be assigned, x[i].{name} = …", line)
        self.store(line, View(x.alloc.field(self.memory.checker, name), (), (), x.offset), (), value)

    def store_record(self, line: int, x: View, index: tuple[Value, ...], value: Value) -> None:
        """`x[i] = y[j]` of records: field by field."""
        names = x.alloc.dtype.names or ()
        if not isinstance(value, View) or value.shape or value.alloc.dtype.names != names:
            raise UnsupportedSyntax(f"an element of {x.alloc.name!r} is a record; assign its fields, or another record",
                                    line)
        for name in names:
            self.store(line, View(x.alloc.field(self.memory.checker, name), x.shape, x.strides, x.offset), index,
                       self.field(line, value, name))


def reshaped(line: int, x: View, *shape: Value) -> View:
    """The same elements in another shape; the array must lie in one piece."""
    extent = list(shape[0] if isinstance(shape[0], tuple) else shape)
    if any(np.ndim(n) for n in (*extent, *x.shape, *x.strides)):
        raise UnsupportedSyntax("reshape with sizes that differ between threads is not translated; index instead",
                                line)
    sizes, size = [int(n) for n in extent], int(np.prod([int(n) for n in x.shape]))
    if tuple(x.strides) != c_strides(tuple(int(n) for n in x.shape)):
        raise UnsupportedSyntax("Numba reshapes an array only if its elements lie in one piece, row by row; "
                                "compute the index instead", line)
    if -1 in sizes:
        sizes[sizes.index(-1)] = size // max(1, -int(np.prod(sizes)))
    if int(np.prod(sizes)) != size:
        wanted = tuple(int(n) for n in extent)
        raise UnsupportedSyntax(f"an array of {size} elements cannot be reshaped to {wanted}", line)
    return View(x.alloc, tuple(sizes), c_strides(tuple(sizes)), x.offset)


def _listed(words: list[str]) -> str:
    return ", ".join("." + w for w in words[:-1]) + f" and .{words[-1]}"


