"""The record of a launch that a `Stepper` walks through: its moments, and every change of memory."""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..checking import StepLimit
from ..machine.machine import Machine
from ..state import Allocation, Mask, Threads, Value


@dataclass
class Moment:
    """Just before a statement: where, who, and what the variables hold."""

    line: int
    function: str
    variables: dict[str, Value]
    mask: Mask
    stop: bool = False


@dataclass
class History:
    """The moments of a recorded launch, and the changes made to each piece of memory."""

    limit: int
    moments: list[Moment] = field(default_factory=list)
    before: dict[Allocation, np.ndarray] = field(default_factory=dict)
    latest: dict[Allocation, np.ndarray] = field(default_factory=dict)
    changes: dict[Allocation, list[tuple[int, np.ndarray, np.ndarray]]] = field(default_factory=dict)
    touched: set[Allocation] = field(default_factory=set)
    threads: Threads | None = None  # of the first batch, which is the one that is recorded

    def step(self, machine: Machine, line: int, function: str, variables: dict[str, Value]) -> None:
        """A statement is about to run."""
        if self.threads is None:
            self.threads = machine.threads
        if self.threads is not machine.threads:
            return
        self.settle()
        if len(self.moments) >= self.limit:
            raise StepLimit
        held = {k[2:]: v for k, v in variables.items() if k.startswith("v_") and v is not None}
        self.moments.append(Moment(line, function, held, machine.lanes.mask))

    def breakpoint(self, machine: Machine) -> None:
        """The statement before was breakpoint()."""
        if self.threads is machine.threads and self.moments:
            self.moments[-1].stop = True

    def before_store(self, threads: Threads, alloc: Allocation) -> None:
        """Called ahead of each store: keep the memory as it was first, and look at it again at the next statement."""
        if self.threads is not threads:
            return
        if alloc not in self.before:
            self.before[alloc] = alloc.data.copy()
            self.latest[alloc] = alloc.data.copy()
            self.changes[alloc] = []
        self.touched.add(alloc)

    def settle(self) -> None:
        """Enter what the statement before this one changed."""
        for alloc in self.touched:
            now, old = alloc.data.reshape(-1), self.latest[alloc].reshape(-1)
            places = np.flatnonzero((now != old) & ~((now != now) & (old != old)))
            if places.size:
                self.changes[alloc].append((len(self.moments), places, now[places].copy()))
                old[places] = now[places]
        self.touched.clear()

    def memory(self, alloc: Allocation, position: int) -> np.ndarray:
        """An allocation's data at a moment; of records and complex numbers their fields' too."""
        if alloc not in self.before:
            if not any(part in self.before for part in alloc.fields.values()):
                return alloc.data
            data = alloc.data.copy()
            for name, part in alloc.fields.items():
                if alloc.dtype.names:
                    data[name] = self.memory(part, position)
            return data
        data = self.before[alloc].copy()
        flat = data.reshape(-1)
        for when, places, values in self.changes[alloc]:
            if when > position:
                break
            flat[places] = values
        return data
