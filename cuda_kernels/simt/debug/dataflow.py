"""Following the data of one block: from a stored value back to the elements of global arrays it was computed from.

A value of the machine is an array over threads that is never changed in place, so it has an origin: the load, the
arithmetic, the shuffle or the branch that made it. `Tracer` keeps these origins beside the values, and each
store to memory with the origin of what it stored. Going back is walking the origins, lane by lane; a load from shared
or local memory goes on at the store that wrote the element last.

Only values that come from memory have an origin: indices, constants and loop counters have none and cost nothing.
"""
from __future__ import annotations

import bisect
import functools
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..machine import numeric
from ..machine.intrinsics import Context
from ..machine.machine import Machine
from ..state import WARP, Allocation, Mask, Value, View


class Leaf(NamedTuple):
    """An element of a global (or constant) array, read by a lane of the block at a line."""

    alloc: Allocation
    address: int
    lane: int
    line: int


class Load:
    """A load: the address of each active lane, and when it was."""

    __slots__ = ("alloc", "address", "mask", "line", "time")

    def __init__(self, alloc: Allocation, address: Value, mask: Mask, line: int, time: int) -> None:
        self.alloc, self.address, self.mask, self.line, self.time = alloc, address, mask, line, time

    def address_of(self, lane: int) -> int | None:
        """Where this lane read, None if it did not take part."""
        if self.mask.bits is not None and not self.mask.full().reshape(-1)[lane]:
            return None
        return int(self.address if self.address.ndim == 0 else np.broadcast_to(
            self.address, self.mask.shape).reshape(-1)[lane])


class Join(NamedTuple):
    """Arithmetic: each lane's value comes from its own operands."""

    parents: tuple[Any, ...]


class Choice(NamedTuple):
    """A variable assigned under a mask, or a conditional expression: lane by lane one of the two."""

    bits: np.ndarray
    new: Any
    old: Any


class Shuffle(NamedTuple):
    """Lane i's value comes from lane `lanes[i]` of its warp."""

    parent: Any
    lanes: np.ndarray


class Whole(NamedTuple):
    """An operation of a whole warp (mma.sync): each lane's value may come from every lane's operands."""

    parents: tuple[Any, ...]


class Store(NamedTuple):
    """A store or atomic: addresses and lanes (both flat), the origin of the value."""

    time: int
    address: Value
    mask: Mask
    origin: Any
    atomic: bool


class Tracer:
    """Follows one block: keeps the origin of every value, and every load and store of memory."""

    def __init__(self) -> None:
        self.origins: dict[int, tuple[Any, Any]] = {}  # id of a value -> (the value or a weak reference, its origin)
        self.loads: list[Load] = []
        self.stores: dict[str, dict[str, list[Store]]] = {}
        self.clock = 0

    def attach(self, machine: Machine) -> None:
        """Look over the shoulder of a machine's parts: each method named here is called through this tracer."""
        self.machine = machine
        self.width = machine.threads.width
        for part, names in _JOINED.items():
            of = getattr(machine, part)
            for name in names:
                setattr(of, name, functools.partial(self._joining, getattr(of, name)))
        for of, name, own in (
                (machine.checker, "load", self._checked_load), (machine.memory, "load", self._load),
                (machine.memory, "write", self._write), (machine.atomics, "atomic", self._atomic),
                (machine.variables, "merge", self._merge), (machine.builtins, "selp", self._selp),
                (machine.warps, "shuffle", self._shuffle), (machine, "intrinsic", self._intrinsic)):
            setattr(of, name, functools.partial(own, getattr(of, name)))

    def _joining(self, plain: Any, line: int, *values: Any) -> Value:
        """Arithmetic: the result comes from all operands."""
        result = plain(line, *values)
        if result is not None and self.origin(result) is None:
            self.tag(result, self.join(values))
        return result

    # -- origins ------------------------------------------------------------------------------------------------------

    def origin(self, value: Value) -> Any:
        """The origin of a value, or None."""
        held = self.origins.get(id(value))
        if held is None:
            return None
        kept = held[0]() if isinstance(held[0], weakref.ref) else held[0]
        return held[1] if kept is value else None

    def tag(self, value: Value, origin: Any) -> Value:
        """Remember where a value comes from."""
        if origin is not None and isinstance(value, np.ndarray | np.generic):
            kept = weakref.ref(value) if isinstance(value, np.ndarray) else value
            self.origins[id(value)] = (kept, origin)
        return value

    def join(self, values: Iterable[Value]) -> Any:
        """The origin of a result computed from values (tuples of them are looked into)."""
        parents: dict[int, Any] = {}
        for value in values:
            origin = self.join(value) if isinstance(value, tuple) else self.origin(value)
            if origin is not None:
                parents[id(origin)] = origin
        if len(parents) < 2:
            return next(iter(parents.values()), None)
        return Join(tuple(parents.values()))

    # -- memory -------------------------------------------------------------------------------------------------------

    def _checked_load(self, plain: Any, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        plain(line, alloc, address, mask)
        self.clock += 1
        self.loads.append(Load(alloc, address, mask, line, self.clock))

    def _load(self, plain: Any, line: int, view: View, index: tuple[Value, ...]) -> Value:
        count = len(self.loads)
        value = plain(line, view, index)
        return self.tag(value, self.loads[-1]) if len(self.loads) > count else value

    def _write(self, plain: Any, line: int, alloc: Allocation, address: Value, mask: Mask, value: Value) -> None:
        if mask.lanes:
            self._stored(alloc, address, mask, self.origin(value), False)
        plain(line, alloc, address, mask, value)

    def _atomic(self, plain: Any, line: int, name: str, wanted: bool, view: Value, index: Value,
                *values: Value) -> Value:
        before = plain(line, name, wanted, view, index, *values)
        address, mask, _ = self.machine.memory.locate(line, view, index if type(index) is tuple else (index,), "atomic")
        if mask.lanes:
            self.clock += 1
            seen = Load(view.alloc, address, mask, line, self.clock)
            self._stored(view.alloc, address, mask, self.join(values), True)
            if wanted:
                self.tag(before, seen)
        return before

    def _stored(self, alloc: Allocation, address: Value, mask: Mask, origin: Any, atomic: bool) -> None:
        """Enter a store under its address where that is the same for all lanes, else among the others."""
        self.clock += 1
        place = str(int(address)) if address.ndim == 0 else ""
        stores = self.stores.setdefault(_key(alloc), {}).setdefault(place, [])
        stores.append(Store(self.clock, address, mask, origin, atomic))

    # -- what moves values between lanes and paths --------------------------------------------------------------------

    def _merge(self, plain: Any, new: Value, old: Value) -> Value:
        value = plain(new, old)
        if isinstance(value, np.ndarray) and value is not new and value is not old:
            a, b = self.origin(new), self.origin(old)
            if a is not None or b is not None:
                assert self.machine.lanes.mask.bits is not None
                self.tag(value, Choice(self.machine.lanes.mask.bits, a, b))
        return value

    def _selp(self, plain: Any, line: int, condition: Value, a: Value, b: Value) -> Value:
        value = plain(line, condition, a, b)
        first, second = self.origin(a), self.origin(b)
        if first is not None or second is not None:
            self.tag(value, Choice(np.atleast_2d(numeric.truth(condition)), first, second))
        return value

    def _shuffle(self, plain: Any, line: int, mask: Value, value: Value, source: np.ndarray, what: str) -> Value:
        result = plain(line, mask, value, source, what)
        origin = self.origin(value)
        return result if origin is None else self.tag(result, Shuffle(origin, np.atleast_2d(source)))

    def _intrinsic(self, plain: Any, line: int, meaning: Any, *arguments: Value) -> Any:
        context = TracingContext(self, line)
        result = meaning(context, *arguments)
        parents = self.join(arguments)
        if parents is not None:
            parents = Whole((parents,)) if context.crossed else parents
            for value in result if isinstance(result, tuple) else (result,):
                if self.origin(value) is None:
                    self.tag(value, parents)
        return result

    # -- going back ---------------------------------------------------------------------------------------------------

    def behind(self, array: str, address: int, lane: int) -> list[Leaf]:
        """What the value that `lane` stored last at an address of a global array was computed from."""
        found: dict[Leaf, None] = {}
        seen: set[tuple[int, int]] = set()
        waiting = [(s.origin, lane) for s in self._written(array, address, self.clock + 1, lane)]
        while waiting:
            origin, at = waiting.pop()
            if origin is None or (id(origin), at) in seen:
                continue
            seen.add((id(origin), at))
            if type(origin) is Load:
                waiting += self._through_memory(origin, at, found)
            else:
                waiting += _step(origin, at, self.width)
        return list(found)

    def _through_memory(self, load: Load, lane: int, found: dict[Leaf, None]) -> Iterator[tuple[Any, int]]:
        address = load.address_of(lane)
        if address is None:
            return
        own = lane if load.alloc.space == "local" else None
        stores = list(self._written(_key(load.alloc), address, load.time, own))
        if load.alloc.space in ("global", "const") and (not stores or stores[-1].atomic):
            found[Leaf(load.alloc, address, lane, load.line)] = None
        for store in stores:
            for writer in _lanes(store, address):
                if own is None or writer == own:
                    yield store.origin, writer

    def _written(self, key: str, address: int, before: int, lane: int | None) -> Iterator[Store]:
        """The last plain store to an address ahead of a time, and the atomics since; the last first."""
        places = self.stores.get(key, {})
        same, other = places.get(str(address), []), places.get("", [])
        i, j = (bisect.bisect_left(stores, before, key=lambda s: s.time) - 1 for stores in (same, other))
        while i >= 0 or j >= 0:
            if j < 0 or (i >= 0 and same[i].time > other[j].time):
                store, i = same[i], i - 1
            else:
                store, j = other[j], j - 1
            writers = _lanes(store, address)
            if writers.size and (lane is None or lane in writers):
                yield store
                if not store.atomic:
                    return


class TracingContext(Context):
    """A context whose loads have origins, and whose stores know the loads where their values lost them (cp.async)."""

    def __init__(self, tracer: Tracer, line: int) -> None:
        super().__init__(tracer.machine, line)
        self.tracer = tracer
        self.crossed = False
        self.begun: list[tuple[int, Load]] = []  # element of a wide access, load

    def load(self, array: Any, index: Value, count: int = 1) -> Any:
        first = len(self.tracer.loads)
        values = super().load(array, index, count)
        loads = self.tracer.loads[first:]
        self.begun += [(k if count > 1 else -1, load) for k, load in enumerate(loads)]
        for value, load in zip(values if isinstance(values, tuple) else (values,), loads, strict=False):
            self.tracer.tag(value, load)
        return values

    def store(self, array: Any, index: Value, values: Any) -> None:
        for k, value in enumerate(values if isinstance(values, tuple) else (values,)):
            if self.begun and self.tracer.origin(value) is None:
                self.tracer.tag(value, Join(tuple(load for place, load in self.begun if place in (k, -1))))
        super().store(array, index, values)

    def by_warp(self, value: Value) -> np.ndarray:
        self.crossed = True
        return super().by_warp(value)


def _key(alloc: Allocation) -> str:
    return alloc.name if alloc.space == "global" else f"{alloc.space} {id(alloc)}"


def _lanes(store: Store, address: int) -> np.ndarray:
    """The lanes that stored to an address."""
    if store.address.ndim == 0:
        return store.mask.flat() if int(store.address) == address else np.empty(0, int)
    lanes = store.mask.flat()
    return lanes[np.broadcast_to(store.address, store.mask.shape).reshape(-1)[lanes] == address]


def _step(origin: Any, lane: int, width: int) -> list[tuple[Any, int]]:
    """The origins one step back, each with the lane that it is asked of."""
    if type(origin) is Join:
        return [(parent, lane) for parent in origin.parents]
    if type(origin) is Choice:
        bit = np.broadcast_to(origin.bits, (origin.bits.shape[0], width)).reshape(-1)[lane]
        return [(origin.new if bit else origin.old, lane)]
    if type(origin) is Shuffle:
        lanes = np.broadcast_to(origin.lanes, (origin.lanes.shape[0], width)).reshape(-1)
        return [(origin.parent, lane // WARP * WARP + int(lanes[lane]) % WARP)]
    first = lane // WARP * WARP
    return [(parent, other) for parent in origin.parents for other in range(first, first + WARP)]


_JOINED = {  # the methods of the machine's parts whose result comes from all operands
    "numbers": (*numeric.BINARY, "neg", "pos", "invert", "narrowed", "divmod_"),
    "builtins": "cast int_ float_ bool_ abs_ round_ min_ max_ popc brev clz ffs complex_".split(),
    "maths": "math libdevice fma cbrt ufunc cmath".split(),
    "arrays": ("attribute",),
    "methods": ("call",),
}
