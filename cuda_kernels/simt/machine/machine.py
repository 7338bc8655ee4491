"""The machine: what a translated kernel's program calls, put together from parts.

Each part is an object with a few names, and is handed the parts that it needs. The program takes out those that it
calls, `numbers, arrays = m.numbers, m.arrays`, and the text says which does what: `numbers.add(…)`, `arrays.store(…)`.
"""
from __future__ import annotations

import inspect
from typing import Any

from ..checking import Checker, Counter, Faults, Order, Recorder
from ..state import Lanes, Threads, Value, dynamic_size
from .arrays import Arrays
from .atomics import Atomics
from .barriers import Barriers
from .builtins import Builtins
from .control import Control
from .intrinsics import Context
from .maths import Maths
from .memory import Memory
from .methods import Methods
from .numbers import Numbers
from .progress import Progress
from .sequences import Sequences
from .variables import Variables
from .warps import Warps


class Machine:
    """Runs one batch of blocks, `first_block` and the `blocks` - 1 after it, all threads in lockstep.

    checks : look for faults, and count
    dynamic_bytes : shared memory of a block that the launch gives
    step_limit : turns of a loop, see progress.py
    watch_float64 : float64 arithmetic is a fault
    only : the one thread of its block that runs (see cooperation.py); None for all of them
    """

    def __init__(self, recorder: Recorder, first_block: int, blocks: int, *, checks: bool, dynamic_bytes: int,
                 step_limit: int | None, watch_float64: bool, only: int | None = None) -> None:
        self.recorder = recorder
        self.kept: dict[str, Any] = {}  # what intrinsics remember from one call to the next
        # who there is, and who is active
        self.threads = Threads(recorder.grid, recorder.block, first_block, blocks)
        self.lanes = Lanes(self.threads, only)
        # what watches them
        self.faults = Faults(recorder, self.threads, self.lanes, checks, checks and watch_float64)
        self.counter = Counter(recorder, self.threads, self.lanes, self.faults, on=checks and only is None)
        self.order = Order(recorder, self.threads, self.lanes)
        self.checker = Checker(recorder, self.threads, self.lanes, self.faults, self.order,
                               dynamic_size(dynamic_bytes) // 4)
        self.progress = Progress(recorder, self.threads, self.lanes, self.faults, step_limit)
        # variables, branches and loops
        self.variables = Variables(self.lanes, self.faults, self.counter)
        self.control = Control(self.lanes, self.counter, self.faults, self.progress)
        # memory, and what a kernel makes of it
        self.memory = Memory(recorder, self.lanes, self.faults, self.checker, self.counter, self.progress,
                             dynamic_bytes)
        self.numbers = Numbers(self.counter, self.faults)
        self.arrays = Arrays(self.lanes, self.memory, self.variables)
        self.sequences = Sequences(self.control, self.numbers, self.memory, self.variables, self.arrays)
        # what threads do together
        self.warps = Warps(self.threads, self.lanes, self.counter, self.faults)
        self.barriers = Barriers(self.threads, self.lanes, self.counter, self.faults, self.order, self.warps)
        self.atomics = Atomics(recorder, self.threads, self.faults, self.counter, self.checker, self.progress,
                               self.memory, self.arrays)
        # functions
        self.maths = Maths(self.faults, self.counter, self.numbers, self.memory)
        self.methods = Methods(self.lanes, self.numbers, self.memory, self.variables, self.arrays, self.maths,
                               self.barriers)
        self.builtins = Builtins(self.lanes, self.faults, self.numbers, self.sequences, self.methods)

    def intrinsic(self, line: int, meaning: Any, *arguments: Value) -> Any:
        """Call a registered intrinsic's meaning."""
        return meaning(Context(self, line), *arguments)

    def breakpoint(self, line: int, function: str, variables: dict[str, Value]) -> None:
        """breakpoint(): stops only in a recorded launch, see debug/history.py."""
        if self.recorder.history is not None:
            self.recorder.history.breakpoint(self)

    def step(self, line: int, function: str, variables: dict[str, Value]) -> None:
        """A statement begins, in a program translated for stepping; see debug/history.py."""
        if self.recorder.history is not None:
            self.recorder.history.step(self, line, function, variables)


PARTS: dict[str, type] = {
    "threads": Threads, "lanes": Lanes, "faults": Faults, "counter": Counter, "variables": Variables,
    "control": Control, "memory": Memory, "numbers": Numbers, "arrays": Arrays,
    "sequences": Sequences, "warps": Warps, "barriers": Barriers, "atomics": Atomics, "maths": Maths,
    "methods": Methods, "builtins": Builtins,
}
_OPERATIONS = {name: part for part, kind in PARTS.items() for name, _ in inspect.getmembers(kind, inspect.isfunction)}


def part_method(name: str) -> str:
    """A part's method as a program writes it.

    >>> part_method("popc"), part_method("syncthreads")
    ('builtins.popc', 'barriers.syncthreads')
    """
    return f"{_OPERATIONS[name]}.{name}"
