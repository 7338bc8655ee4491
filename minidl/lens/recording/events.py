"""What a recording holds: ops, launches, and the phase that each op belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from minidl.backends.devices.ledger import Transfer
from minidl.observers import GRADIENT_SUM, OpRun
from minidl.ops.op import of_form, records

PHASES = ("forward", "loss", "backward", "update")
LOSSES = frozenset(op.name for op in records().values() if op.file == "losses")
UPDATES = frozenset(of_form("update"))


class ArrayFacts(NamedTuple):
    """What is kept of an array: not its values."""

    shape: tuple[int, ...]
    dtype: np.dtype
    nbytes: int


@dataclass(slots=True, eq=False)
class RecordedOp(OpRun):
    """One op in one direction, with the facts of its arrays in their place, and its own place in the recording.

    `layer` of an optimizer's update is that of its weight.
    """

    phase: str = "forward"
    depth: int = 0  # 1 for an op that ran inside another one
    inside: float = 0.0  # seconds of what else is counted: ops inside this one, and the recording of them
    launches: list[RecordedLaunch] = field(default_factory=list)
    moves: list[Transfer] = field(default_factory=list)
    weight: str = ""  # the path of the weight that an optimizer's update changes, in a recording of a model
    updating: bool = False  # it ran while the model's optimizer was at work
    run: OpRun | None = None  # with its arrays, where `keep="arrays"`

    @property
    def is_sum(self) -> bool:
        """Whether this is not an op of the model, but the tape adding two gradients."""
        return self.why == GRADIENT_SUM

    @property
    def seconds(self) -> float:
        """Seconds in this op: its moves and kernels too, without the ops that ran inside it."""
        return self.finished - self.started - self.inside

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that it was given and gave."""
        return sum(facts.nbytes for facts in (*self.inputs, *self.outputs) if facts is not None)


@dataclass(slots=True, eq=False)
class RecordedLaunch:
    """One kernel launch. `seconds` is its time on a GPU, or on "ptx" this processor's; None on the SIMT machine.

    `started` and `finished` are the host's: on a GPU until the launch was queued, elsewhere until the kernel was done.
    `figures` are the SIMT machine's counts.
    """

    kernel: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    shared_bytes: int
    place: str
    arguments: tuple[ArrayFacts | None, ...]  # None for a number
    started: float
    finished: float
    figures: Any = None
    seconds: float | None = None
    device_started: float | None = None  # on the host's clock, as near as events tell


def facts_of(array: Any) -> ArrayFacts | None:
    """Return shape, dtype and bytes of an array; None for what is none.

    >>> facts_of(np.zeros((2, 3), np.float32))
    ArrayFacts(shape=(2, 3), dtype=dtype('float32'), nbytes=24)
    """
    if isinstance(array, np.ndarray) or hasattr(array, "copy_to_host"):  # Numba's device arrays have the latter
        return ArrayFacts(array.shape, array.dtype, array.nbytes)
    return None


def arrays_of(cache: Any) -> list[Any]:
    """Return the arrays of a cache, also of nested tuples."""
    if isinstance(cache, tuple):
        return [array for part in cache for array in arrays_of(part)]
    return [cache] if hasattr(cache, "size") else []  # a dtype has a shape, but no size


def phases_of(ops: list[RecordedOp]) -> list[str]:
    """Tell, for each op in order of time, whether it belongs to forward, loss, backward or update.

    A backward and the summing of gradients are backward, an update op is update. What an optimizer computes besides (as
    it works on a recorded model, or between the backward and the updates) is update too. Of a run of forward ops that a
    backward follows, or that holds an op of `minidl.ops.losses`, those behind the last one of a layer are the loss.
    """
    order = sorted(range(len(ops)), key=lambda i: ops[i].started)
    found = [""] * len(ops)
    for i in order:
        op = ops[i]
        back = (op.direction == "backward" or op.is_sum) and not op.updating
        found[i] = "backward" if back else "update" if op.updating or op.op in UPDATES else ""
    at = 0
    while at < len(order):
        end = at
        while end < len(order) and not found[order[end]]:
            end += 1
        run = order[at:end]
        before = found[order[at - 1]] if at else ""
        after = found[order[end]] if end < len(order) else ""
        if before in ("backward", "update") and after == "update":
            first_loss, name = 0, "update"
        else:
            first_loss, name = _first_of_loss([ops[i] for i in run], after == "backward"), "loss"
        for place, i in enumerate(run):
            found[i] = name if place >= first_loss else "forward"
        at = end + 1
    return found


def _first_of_loss(run: list[RecordedOp], backward_follows: bool) -> int:
    losses = [place for place, op in enumerate(run) if op.op in LOSSES]
    if not losses and not backward_follows:
        return len(run)
    layers = [place for place, op in enumerate(run) if op.layer]
    if layers:
        return layers[-1] + 1
    return losses[0] if losses else len(run)
