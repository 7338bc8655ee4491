"""Who is told of every op that runs: the lens listens here. With no observer, an op pays for one look at a variable.

>>> import minidl
>>> with observing() as runs:
...     y = minidl.Tensor([1.0, 2.0]) * 3.0
>>> runs[0].op, runs[0].direction, runs[0].outputs[0]
('multiply', 'forward', array([3., 6.], dtype=float32))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from minidl.scope import Scope


@dataclass(slots=True, eq=False)
class OpRun:
    """One op in one direction, as it ran.

    `started`, `called` and `finished` are seconds of `time.perf_counter`: before its inputs were moved to where the
    backend wants them, when its function was called, and when that returned (a GPU may still be computing then).
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


def tell(run: OpRun) -> None:
    """Tell every observer, the outermost first. Ops that the observers themselves run are not told of."""
    observers = OBSERVERS.get()
    with OBSERVERS.empty():
        for observer in observers:
            observer(run)
