"""A recording in the Trace Event Format, which chrome://tracing, ui.perfetto.dev and Speedscope open.

Source of the format: "Trace Event Format", the Chromium project's public document. Times are µs since the start of the
recording. Process 1 is Python: thread 1 holds phases, layers and ops inside each other; thread 2 the moves between
host and device; thread 3 what the recording itself took. Process 2 is the device: thread 1 its kernels; an arrow goes
from the op that launched one. Two counters add up the bytes moved up and down.
"""

from __future__ import annotations

import json
from os import PathLike
from typing import Any

from minidl.backends.devices.ledger import Ledger, Transfer
from minidl.lens.recording.events import ArrayFacts, RecordedLaunch, RecordedOp
from minidl.lens.recording.recording import Recording
from minidl.lens.timing.machines import machine
from minidl.utils import atomic_write

Event = dict[str, Any]
HOST, DEVICE = 1, 2
OPS, MOVES, LENS = 1, 2, 3


def save_trace(recording: Recording, path: str | PathLike[str]) -> None:
    """Write the recording's trace as JSON; the file appears when it is complete.

    Raises
    ------
    FileNotFoundError : the folder does not exist
    IsADirectoryError : `path` is a folder
    """
    text = json.dumps(trace_of(recording), indent=1, allow_nan=False)
    with atomic_write(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def trace_of(recording: Recording) -> dict[str, Any]:
    """Return the trace as a dictionary that `json.dumps` takes.

    >>> import minidl
    >>> from minidl.lens import record
    >>> with record() as recording:
    ...     y = minidl.Tensor([1.0]) + 2.0
    >>> [event["name"] for event in trace_of(recording)["traceEvents"] if event["ph"] == "X"]
    ['forward', 'add', 'lens']
    """
    events = _names(recording)
    events += _groups(recording)
    events += [_op_event(recording, op) for op in recording.ops]
    events += [_move_event(recording, move) for move in recording.ledger]
    events += _counters(recording)
    events += _kernel_events(recording)
    events += [_complete(recording, "lens", "lens", *pause, HOST, LENS) for pause in recording.pauses]
    about = {"machine": str(machine()), "wall_us": recording.wall * 1e6}
    notes = " ".join(place.note for place in recording.devices if place.note)
    if notes:
        about["note"] = notes
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": about}


def _us(recording: Recording, moment: float) -> float:
    return max(0.0, (moment - recording.started) * 1e6)


def _complete(
    recording: Recording, name: str, category: str, started: float, finished: float, process: int, thread: int,
    args: dict[str, Any] | None = None,
) -> Event:  # fmt: skip
    """A slice: phase "X" of the format, an event with a duration."""
    begin = _us(recording, started)
    return {
        "name": name, "cat": category, "ph": "X", "ts": begin, "dur": max(0.0, _us(recording, finished) - begin),
        "pid": process, "tid": thread, "args": args or {},
    }  # fmt: skip


def _names(recording: Recording) -> list[Event]:
    def metadata(what: str, process: int, thread: int, args: dict[str, Any]) -> Event:
        return {"name": what, "ph": "M", "ts": 0, "pid": process, "tid": thread, "args": args}

    threads = [(HOST, OPS, "ops"), (HOST, MOVES, "moves host ↔ device"), (HOST, LENS, "the recording itself")]
    events = [metadata("process_name", HOST, 0, {"name": "minidl, on the host"})]
    if recording.launches:
        device = ", ".join(
            f"{place.runs_on} ({place.times}: no GPU times)" if place.note else "GPU" for place in recording.devices
        )
        events.append(metadata("process_name", DEVICE, 0, {"name": device}))
        threads.append((DEVICE, 1, "kernels"))
    for process, thread, name in threads:
        events.append(metadata("thread_name", process, thread, {"name": name}))
        events.append(metadata("thread_sort_index", process, thread, {"sort_index": thread}))
    return events


def _groups(recording: Recording) -> list[Event]:
    """Phases, and within them layers, as slices around the ops that follow each other."""
    outermost = [op for op in recording.ops if not op.depth]
    events = []
    for category, keys in (("phase", ("phase",)), ("layer", ("phase", "layer"))):
        groups: list[list[RecordedOp]] = []
        for op in outermost:
            same = groups and all(getattr(groups[-1][0], key) == getattr(op, key) for key in keys)
            if same:
                groups[-1].append(op)
            else:
                groups.append([op])
        for ops in groups:
            name = getattr(ops[0], category)
            if name:
                events.append(
                    _complete(recording, name, category, ops[0].started, ops[-1].finished, HOST, OPS, {"ops": len(ops)})
                )
    return events


def _op_event(recording: Recording, op: RecordedOp) -> Event:
    args = {
        "direction": op.direction, "phase": op.phase, "layer": op.layer, "backend": op.backend, "why": op.why,
        "inputs": list(map(_facts, op.inputs)), "outputs": list(map(_facts, op.outputs)),
        "bytes": op.nbytes, "bytes_up": Ledger(op.moves).total("up"), "bytes_down": Ledger(op.moves).total("down"),
        "static": {name: str(value) for name, value in op.static.items()},
    }  # fmt: skip
    return _complete(recording, op.op, "op", op.started, op.finished, HOST, OPS, args)


def _move_event(recording: Recording, move: Transfer) -> Event:
    args = {"bytes": move.nbytes, "shape": list(move.shape), "cause": move.cause, "direction": move.direction}
    name = f"{move.direction}: {move.cause}"
    return _complete(recording, name, "move", move.started, move.finished, HOST, MOVES, args)


def _counters(recording: Recording) -> list[Event]:
    """Bytes moved so far, at the beginning and after every move."""
    moved = {"up": 0, "down": 0}
    events = []
    for at, move in [(recording.started, None), *((move.finished, move) for move in recording.ledger)]:
        if move is not None:
            moved[move.direction] += move.nbytes
        args = dict(moved)
        events.append({"name": "bytes moved", "ph": "C", "ts": _us(recording, at), "pid": HOST, "tid": 0, "args": args})
    return events


def _kernel_events(recording: Recording) -> list[Event]:
    owners = {id(launch): op for op in recording.ops for launch in op.launches}
    events = []
    for number, launch in enumerate(recording.launches, start=1):
        started, finished = launch.started, launch.finished
        if launch.seconds is not None and launch.device_started is not None:
            started, finished = launch.device_started, launch.device_started + launch.seconds
        events.append(_complete(recording, launch.kernel, "kernel", started, finished, DEVICE, 1, _kernel_args(launch)))
        if id(launch) in owners:  # an arrow: it leaves the op's slice where the kernel was launched
            ends = (("s", HOST, OPS, launch.started), ("f", DEVICE, 1, started))
            for phase, process, thread, at in ends:
                arrow = {
                    "name": "launch", "cat": "launch", "ph": phase, "id": number, "ts": _us(recording, at),
                    "pid": process, "tid": thread,
                }  # fmt: skip
                events.append(arrow | ({"bp": "e"} if phase == "f" else {}))
    return events


def _kernel_args(launch: RecordedLaunch) -> dict[str, Any]:
    args: dict[str, Any] = {
        "grid": list(launch.grid), "block": list(launch.block), "shared_bytes": launch.shared_bytes,
        "place": launch.place, "arguments": [_facts(facts) for facts in launch.arguments if facts is not None],
    }  # fmt: skip
    if launch.figures is not None:
        args["simulated"] = True
        args["flops"] = launch.figures.flops
        args["sector_bytes"] = 32 * launch.figures.global_sectors
    return args


def _facts(facts: ArrayFacts | None) -> str | None:
    return None if facts is None else f"{facts.dtype}{list(facts.shape)}"
