"""Cut a recording's wall time into pieces that leave nothing out: ops, moves, kernels, the lens, and Python between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from minidl.backends.devices.ledger import Transfer
from minidl.lens.recording.events import RecordedLaunch, RecordedOp

if TYPE_CHECKING:
    from minidl.lens.recording.recording import Recording


class Span(NamedTuple):
    """A piece of a recording's wall time. `kind` is op, move, kernel, lens, wait (for the GPU) or python.

    `phase` of a piece between two ops is that of the op that follows, "after" behind the last one.
    """

    kind: str
    started: float
    finished: float
    phase: str
    item: RecordedOp | RecordedLaunch | Transfer | None

    @property
    def seconds(self) -> float:
        """Seconds from its start to its end."""
        return self.finished - self.started


def arrange(recording: Recording) -> list[Span]:
    """Put moves and launches under the op that made them, ops inside ops, and return what is left side by side.

    Intervals of one thread nest or follow each other. A piece starts where the one before it ends, and what nobody
    claims is Python's: so the seconds of the pieces add up to the wall time, whatever happened.
    """
    intervals: list[tuple[float, float, str, Any]] = [
        *((op.started, op.finished, "op", op) for op in recording.ops),
        *((move.started, move.finished, "move", move) for move in recording.ledger),
        *((launch.started, launch.finished, "kernel", launch) for launch in recording.launches),
        *((started, finished, "lens", None) for started, finished in recording.pauses),
    ]
    if recording.waited is not None:
        intervals.append((*recording.waited, "wait", None))
    intervals.sort(key=lambda interval: (interval[0], -interval[1]))
    outermost: list[tuple[float, float, str, Any]] = []
    open_ops: list[RecordedOp] = []
    for interval in intervals:
        started, finished, kind, item = interval
        while open_ops and finished > open_ops[-1].finished:
            open_ops.pop()
        if not open_ops:
            outermost.append(interval)
        else:
            _put_under(open_ops, kind, item, finished - started)
        if kind == "op":
            open_ops.append(item)
    return _without_gaps(outermost, recording.started, recording.finished)


def _put_under(open_ops: list[RecordedOp], kind: str, item: Any, seconds: float) -> None:
    parent = open_ops[-1]
    if kind == "move":
        parent.moves.append(item)
    elif kind == "kernel":
        parent.launches.append(item)
    else:
        parent.inside += seconds
        if kind == "op":
            item.depth = len(open_ops)


def _without_gaps(outermost: list[tuple[float, float, str, Any]], started: float, finished: float) -> list[Span]:
    spans: list[Span] = []
    phase_ahead = "after"
    at = finished
    for begin, end, kind, item in reversed(outermost):
        if isinstance(item, RecordedOp):
            phase_ahead, phase = (item.phase,) * 2
        else:
            phase = phase_ahead
        if end < at:
            spans.append(Span("python", end, at, _behind(spans), None))
        spans.append(Span(kind, begin, min(end, at), phase, item))
        at = begin
    if at > started or not outermost:
        spans.append(Span("python", started, at, _behind(spans), None))
    return spans[::-1]


def _behind(later: list[Span]) -> str:
    return later[-1].phase if later else "after"


def place_on_host_clock(events: list[tuple[RecordedLaunch, tuple[Any, Any]]]) -> None:
    """Read the GPU's events: how long each kernel ran, and when, counted from the first kernel of the recording.

    The first kernel is taken to start when its launch returned; a GPU tells no time of the host's clock.
    """
    if not events:
        return
    from cuda_kernels._cuda import cuda

    origin, (first, _) = events[0]
    for launch, (before, after) in events:
        launch.seconds = float(cuda.event_elapsed_time(before, after)) / 1e3
        launch.device_started = origin.finished + float(cuda.event_elapsed_time(first, before)) / 1e3
