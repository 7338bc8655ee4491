"""What an op did when it ran, how it runs once more, and who is told of it: the lens listens here.

With no observer, an op pays for one look at a variable.

>>> import minidl
>>> with observing() as runs:
...     y = minidl.Tensor([1.0, 2.0]) * 3.0
>>> runs[0].op, runs[0].direction, runs[0].outputs[0]
('multiply', 'forward', array([3., 6.], dtype=float32))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl.backends import table
from minidl.backends.devices.arrays import placed
from minidl.errors import BackendError
from minidl.scope import Scope


@dataclass(slots=True, eq=False)
class OpRun:
    """One op in one direction, as it ran.

    `started`, `called` and `finished` are seconds of `time.perf_counter`: before its inputs were moved to where the
    backend wants them, when its function was called, and when that returned (a GPU may still be computing then).

    >>> import numpy as np
    >>> square = run_op("square", "numpy", (np.array([3.0]),))
    >>> square.outputs, square.again(inputs=(np.array([4.0]),)).outputs, square.backward().outputs
    ((array([9.]),), (array([16.]),), (array([6.]),))
    """

    op: str
    direction: str  # "forward" or "backward"; an optimizer's update is the forward of an op such as adam_update
    layer: str
    backend: str
    why: str
    inputs: tuple[Any, ...]  # arrays as the function got them; of a backward the gradients of the outputs
    outputs: tuple[Any, ...]  # arrays as it gave them; of a backward one gradient, or None, an input
    static: dict[str, Any]
    cache: Any
    needs: tuple[bool, ...]  # of a backward: which gradients were asked for
    started: float
    called: float
    finished: float
    single: bool = True  # the op has one output: its forward gives an array, its backward is given one, no tuple

    def again(self, backend: str | None = None, inputs: tuple[Any, ...] | None = None) -> OpRun:
        """Run the op once more in this direction, by another backend or on other inputs; return that run.

        Its arrays go to where the backend wants them. A backward takes this run's cache: `dataclasses.replace(run,
        cache=…).again()` gives it another one. Nobody is told.

        Raises
        ------
        BackendError : the op has no such backend, or not in this direction
        """
        backend = backend or self.backend
        function = table.load(self.op, backend, self.direction)
        if function is None:
            raise BackendError(
                f"{self.op} has no {self.direction} on {backend!r}. It exists for {table.named(self.op)}."
            )
        started = time.perf_counter()
        given, cache = placed((self.inputs if inputs is None else inputs, self.cache), backend, "run again")
        called = time.perf_counter()
        if self.direction == "forward":
            result, cache = function(*given, **self.static)
        else:
            keywords = {"needs": self.needs} if self.needs and takes_needs(function) else {}
            result = function(given[0] if self.single else given, cache, **keywords)
        finished = time.perf_counter()
        single = not isinstance(result, tuple) if self.direction == "forward" else self.single
        outputs = result if isinstance(result, tuple) else (result,)
        return replace(
            self, backend=backend, why="run again", inputs=given, outputs=outputs, cache=cache, started=started,
            called=called, finished=finished, single=single,
        )  # fmt: skip

    def backward(self, dy: tuple[Any, ...] | None = None, needs: tuple[bool, ...] = ()) -> OpRun:
        """Run the backward of this forward, on the same backend, and return that run.

        dy : the gradients of the outputs, by default all ones; needs : which gradients are asked for, by default all
        """
        dy = tuple(np.ones_like(y) for y in self.outputs) if dy is None else dy
        return replace(self, direction="backward", needs=needs).again(inputs=dy)


def run_op(op: str, backend: str, inputs: tuple[Any, ...], static: dict[str, Any] | None = None) -> OpRun:
    """Run an op of the table on arrays, and return what it did. Nobody is told, and no tape records it."""
    return OpRun(op, "forward", "", backend, "", inputs, (), static or {}, None, (), 0.0, 0.0, 0.0).again()


def takes_needs(function: Any) -> bool:
    """Whether a backward declares the keyword `needs`."""
    # A device's adapter is a partial; a function that `functools.wraps` names is asked for what it runs.
    function = getattr(function, "func", getattr(function, "__wrapped__", function))
    code = getattr(function, "__code__", None)
    return code is not None and "needs" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


Observer = Callable[[OpRun], None]

# `why` of the "add" that sums the gradients of a value that was used twice: it belongs to the walk back.
GRADIENT_SUM = "a value used twice: its gradients are summed"

OBSERVERS: Scope[Observer] = Scope("minidl_observers")


@contextmanager
def observing(observer: Observer | None = None) -> Iterator[list[OpRun]]:
    """Call `observer` with every op that runs inside the block, right after it; without one, collect them in the list.

    Blocks nest: all observers are told, the outermost first. What an observer raises ends the op's caller.
    """
    runs: list[OpRun] = []
    with OBSERVERS.block(observer or runs.append):
        yield runs


def by_way_of(observers: tuple[Observer, ...], direction: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an op's function as the observers have it run: one with a method `around` may change what goes in or out.

    `around(direction, function)` returns what is called in the function's place.
    """
    for observer in observers:
        around = getattr(observer, "around", None)
        function = function if around is None else around(direction, function)
    return function


def tell(run: OpRun) -> None:
    """Tell every observer, the outermost first. Ops that the observers themselves run are not told of."""
    observers = OBSERVERS.get()
    with OBSERVERS.empty():
        for observer in observers:
            observer(run)
