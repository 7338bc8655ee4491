"""Whole arrays, parts of them, and records: slices, reshape, sums, fields, an array chosen by a condition.

A part is a `View` of the same memory, so the checks and counters see through it. A record's fields are arrays of their
own over the same bytes (`Allocation.field`): each has its shadow, and its addresses are those of its bytes.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import UnsupportedSyntax
from . import numeric
from .masks import Mask
from .memory import View, c_strides
from .objects import Choice, Flat, GridGroup, Member, refusal
from .parts import Part

Value = Any
_ATTRIBUTES = "shape size ndim strides itemsize nbytes dtype T flat real imag".split()
_NO_METHOD = {
    "max": "Numba has no .max() of an array on a GPU; use max(x), or a loop",
    "min": "Numba has no .min() of an array on a GPU; use min(x), or a loop",
    "astype": "it makes a new array, for which a kernel has no memory; convert the elements: float32(x[i])",
    "copy": "it makes a new array, for which a kernel has no memory; copy the elements into cuda.local.array",
    "ravel": "it may make a new array, for which a kernel has no memory; use .reshape(-1) or .flat",
    "flatten": "it makes a new array, for which a kernel has no memory; use .reshape(-1) or .flat",
    "cumsum": "it makes a new array, for which a kernel has no memory; add up in a loop",
}


class Arrays(Part):
    """Arrays as a whole. Part of `Machine`."""

    mask: Mask

    # -- parts --------------------------------------------------------------------------------------------------------

    def part(self, line: int, base: Value, index: Value) -> Value:
        """`base[i]`, `base[i, :]`, `base[a:b:c]`, `base[..., 1]`, `base[None, :]`: an array that shares the memory."""
        if isinstance(base, tuple):
            return self.tuple_item(line, base, index)
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
        offset, _, _ = self.locate(line, base, whole, "slice", tuple(not isinstance(i, slice) for i in numbered))
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
        saved = self.mask
        varying = any(np.ndim(n) for n in view.shape)
        extent = tuple(int(np.max(n)) for n in view.shape)
        for place in np.ndindex(*extent):
            if varying:
                inside = np.logical_and.reduce(np.broadcast_arrays(*(np.atleast_2d(k < n) for k, n in zip(
                    place, view.shape, strict=True))))
                self.mask = saved.narrow(inside)
                if not self.mask.lanes:
                    continue
            yield tuple(np.int64(k) for k in place), varying
        self.mask = saved

    def over(self, choice: Choice, action: Callable[[View], Value]) -> Value:
        """Do something with each of the arrays that a variable stands for, by the threads that have it."""
        saved, result = self.mask, None
        for view, bits in choice.options:
            self.mask = saved.narrow(bits)
            if self.mask.lanes:
                result = self.merge(action(view), result)
        self.mask = saved
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
            return self.reshape(line, x, np.int64(-1)) if whole else Flat(x)
        if name in ("real", "imag") and x.alloc.dtype.kind == "c":
            return View(x.alloc.field(self, name), x.shape, x.strides, x.offset)
        if name == "real":
            return x
        raise UnsupportedSyntax(f"attribute .{name} is not translated here; arrays have {_listed(_ATTRIBUTES)}", line)

    def limits(self, line: int, kind: str, of: Value) -> Any:
        """np.finfo(x.dtype), np.iinfo(x.dtype)."""
        return getattr(np, kind)(of if isinstance(of, np.dtype) else of.dtype)

    def isinstance_(self, line: int, x: Value, kinds: tuple[type, ...]) -> Value:
        """Numba answers when it compiles: int for integers, float and complex for such, bool for booleans, tuple."""
        kind = getattr(getattr(x, "dtype", None), "kind", "")
        found = {"b": bool, "i": int, "u": int, "f": float, "c": complex}.get(kind)
        found = tuple if isinstance(x, tuple) else np.ndarray if isinstance(x, View) else found
        return np.bool_(found is not None and any(found is k for k in kinds))

    # -- records ------------------------------------------------------------------------------------------------------

    def field(self, line: int, x: View, name: str) -> Value:
        """A field: of one record its value, of an array of records an array."""
        if x.alloc.dtype[name].subdtype is not None:
            raise UnsupportedSyntax(f"field {name!r} is an array inside a record, which the machine does not run; use "
                                    "a field for each element", line)
        view = View(x.alloc.field(self, name), x.shape, x.strides, x.offset)
        return view if x.shape else self.load(line, view, ())

    def set_field(self, line: int, x: Value, name: str, value: Value) -> None:
        """`x[i].name = value`."""
        if type(x) is not View or x.shape or name not in (x.alloc.dtype.names or ()):
            raise UnsupportedSyntax(f"only a record's field can be assigned, x[i].{name} = …", line)
        self.store(line, View(x.alloc.field(self, name), (), (), x.offset), (), value)

    def store_record(self, line: int, x: View, index: tuple[Value, ...], value: Value) -> None:
        """`x[i] = y[j]` of records: field by field."""
        names = x.alloc.dtype.names or ()
        if not isinstance(value, View) or value.shape or value.alloc.dtype.names != names:
            raise UnsupportedSyntax(f"an element of {x.alloc.name!r} is a record; assign its fields, or another record",
                                    line)
        for name in names:
            self.store(line, View(x.alloc.field(self, name), x.shape, x.strides, x.offset), index,
                       self.field(line, value, name))

    # -- methods ------------------------------------------------------------------------------------------------------

    def method(self, line: int, x: Value, name: str, *arguments: Value) -> Value:
        """`x.name(*arguments)`."""
        if type(x) is Choice:
            return self.over(x, lambda view: self.method(line, view, name, *arguments))
        if name in ("shape", "size", "real", "imag") and not arguments:  # np.shape(x)
            return self.attribute(line, x, name)
        if type(x) is View and x.shape:
            method = _METHODS.get(name)
            if method is not None and (not arguments or name in ("reshape", "view", "fill")):
                return getattr(self, method)(line, x, *arguments)
            hint = _NO_METHOD.get(name, "it is not part of numba.cuda, or not with these arguments; write a loop")
            raise UnsupportedSyntax(f"method .{name}() of an array has no meaning in a kernel: {hint}", line)
        if type(x) is GridGroup and name == "sync" and not arguments:
            return self.grid_sync(line)
        if isinstance(x, np.dtype) and name == "type":
            return self.cast(line, x, *arguments)
        number = isinstance(x, np.ndarray | np.generic) and x.dtype.kind != "b"
        if number and name in ("conjugate", "conj") and not arguments:
            return np.conjugate(x)
        if number and name == "angle":
            return np.angle(numeric.cast(x, numeric.COMPLEX128))
        if isinstance(x, np.ndarray | np.generic) and name == "item" and not arguments:
            return x
        if type(x) is tuple and name == "index" and len(arguments) == 1:
            return self._index_in_tuple(line, x, arguments[0])
        raise UnsupportedSyntax(f"method .{name}() of a value has no meaning in a kernel; write it with arithmetic, "
                                "loops and cuda.* functions", line)

    def _index_in_tuple(self, line: int, x: tuple, wanted: Value) -> Value:
        place: Value = np.int64(-1)
        for k in reversed(range(len(x))):
            place = self.choose(self.eq(line, x[k], wanted), np.int64(k), place)
        return place

    def reshape(self, line: int, x: View, *shape: Value) -> View:
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

    def transpose(self, line: int, x: View) -> View:
        return View(x.alloc, x.shape[::-1], x.strides[::-1], x.offset)

    def view_as(self, line: int, x: View, kind: Value) -> View:
        """The same bits as another type of the same size."""
        if not isinstance(kind, np.dtype) or kind.itemsize != x.alloc.itemsize or x.alloc.space == "local":
            raise UnsupportedSyntax(f"view() of {x.alloc.name!r} takes a type of {x.alloc.itemsize} bytes, and no "
                                    "local array; convert the elements instead: float32(x[i])", line)
        return View(x.alloc.field(self, kind), x.shape, x.strides, x.offset)

    def fill(self, line: int, x: View, value: Value) -> None:
        self.store_part(line, x, ..., value)

    def item(self, line: int, x: View) -> Value:
        return self.load(line, x, (np.int64(0),) * len(x.shape))

    def fold(self, line: int, x: View, start: Value, step: Callable[[Value, Value], Value]) -> Value:
        """`step(total, element)` for one element after another."""
        total = start
        for place, part in self.places(x):
            new = step(total, self.load(line, x, place))
            total = self.merge(new, total) if part else new
        return total

    def sum(self, line: int, x: View) -> Value:
        return self.fold(line, x, _zero(x), lambda a, b: self.add(line, a, b))

    def prod(self, line: int, x: View) -> Value:
        return self.fold(line, x, _zero(x) + _zero(x).dtype.type(1), lambda a, b: self.mul(line, a, b))

    def mean(self, line: int, x: View) -> Value:
        """In float64 (complex128), whatever the elements are."""
        zero = np.complex128(0) if x.dtype.kind == "c" else np.float64(0)
        return self.truediv(line, self.fold(line, x, zero, lambda a, b: self.add(line, a, b)),
                            self.attribute(line, x, "size"))

    def var(self, line: int, x: View) -> Value:
        middle = self.mean(line, x)

        def step(total: Value, element: Value) -> Value:
            far = self.abs_(line, self.sub(line, element, middle))
            return self.add(line, total, self.mul(line, far, far))

        return self.truediv(line, self.fold(line, x, np.float64(0), step), self.attribute(line, x, "size"))

    def std(self, line: int, x: View) -> Value:
        return self.math(line, "sqrt", self.var(line, x))

    def argmax(self, line: int, x: View) -> Value:
        return self._argbest(line, x, "gt")

    def argmin(self, line: int, x: View) -> Value:
        return self._argbest(line, x, "lt")

    def _argbest(self, line: int, x: View, better: str) -> Value:
        best = place = None
        for k, (index, _) in enumerate(self.places(x)):
            value = self.load(line, x, index)
            if best is None:
                best, place = value, np.int64(0)
                continue
            wins = getattr(self, better)(line, value, best)
            best, place = self.choose(wins, value, best), self.choose(wins, np.int64(k), place)
        return place

    def any(self, line: int, x: View) -> Value:
        return self._until(line, x, True)

    def all(self, line: int, x: View) -> Value:
        return self._until(line, x, False)

    def _until(self, line: int, x: View, wanted: bool) -> Value:
        """Is an element true (or: not one false)? A thread that has found one looks no further."""
        found: Value = np.bool_(not wanted)
        saved = self.mask
        for place, _ in self.places(x):
            self.mask = self.mask.narrow(np.atleast_2d(found != wanted))
            if self.mask.lanes:
                found = self.merge(numeric.truth(self.load(line, x, place)), found)
            self.mask = saved
        return found

    def least(self, line: int, x: View, function: Any) -> Value:
        """min(x), max(x) of an array."""
        if x.dtype.kind == "c":
            raise UnsupportedSyntax("complex numbers have no order; compare abs(z) or z.real", line)
        best = None
        for place, part in self.places(x):
            value = self.load(line, x, place)
            new = value if best is None else function(best, value)
            best = self.merge(new, best) if part and best is not None else new
        return best


_METHODS = {
    "reshape": "reshape", "transpose": "transpose", "view": "view_as", "fill": "fill", "item": "item", "sum": "sum",
    "prod": "prod", "mean": "mean", "var": "var", "std": "std", "argmax": "argmax", "argmin": "argmin", "any": "any",
    "all": "all",
}


def _zero(x: View) -> Value:
    """Where Numba begins a sum: integers in 64 bits, floats in their own type."""
    kind = x.dtype
    return (numeric.UINT64 if kind.kind == "u" else numeric.INT64 if kind.kind in "bi" else kind).type(0)


def _listed(words: list[str]) -> str:
    return ", ".join("." + w for w in words[:-1]) + f" and .{words[-1]}"


