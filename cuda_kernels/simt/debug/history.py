"""The record of a launch that a `Stepper` walks through: its moments, and every change of memory."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..machine.control import StepLimit
from ..machine.machine import Machine
from ..machine.masks import Mask
from ..machine.memory import Allocation

Value = Any


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
    machine: Machine | None = None

    def before_store(self, machine: Machine, alloc: Allocation) -> None:
        """Called ahead of each store: keep the memory as it was first, and look at it again at the next statement."""
        if self.machine is not machine:
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


class RecordingMachine(Machine):
    """A machine that writes the history of its first batch."""

    def step(self, line: int, function: str, variables: dict[str, Value]) -> None:
        history: History = self.recorder.history
        if history.machine is None:
            history.machine = self
        if history.machine is not self:
            return
        history.settle()
        if len(history.moments) >= history.limit:
            raise StepLimit
        held = {k[2:]: v for k, v in variables.items() if k.startswith("v_") and v is not None}
        history.moments.append(Moment(line, function, held, self.mask))

    def breakpoint(self, line: int, function: str, variables: dict[str, Value]) -> None:
        history: History = self.recorder.history
        if history.machine is self and history.moments:
            history.moments[-1].stop = True
