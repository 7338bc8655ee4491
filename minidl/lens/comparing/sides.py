"""One side of a comparison: a training step on a backend, every op written down, and nothing of the model changed."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from cuda_kernels.launch import simt_options
from minidl.backends import table
from minidl.backends.devices.arrays import device_name
from minidl.backends.selection import ALL, HOST, PLAIN, using
from minidl.errors import ArgumentError, BackendError
from minidl.lens.recording.events import RecordedOp
from minidl.lens.recording.recording import record_batch
from minidl.observers import OpRun

Spec = str | Mapping[str, str]


def choices_of(spec: Spec) -> dict[str, str]:
    """Return a side's backend as a selection: "*", ops and directions -> backend.

    spec : a backend for all ops ("simt"), a rung for all ops that have it ("simt:r1", the others by their best), a
        backend of one's own, for those ops and directions that have it (the others on numpy), or a dictionary as
        `minidl.using` takes it: {"conv2d_backward": "mine"}, with "*" for all ops

    >>> choices_of({"relu": "simt"})
    {'relu': 'simt'}
    >>> choices_of("simt:r2")["gemm"], choices_of("simt:r2")["*"]
    ('simt:r2', 'simt')
    """
    if isinstance(spec, Mapping):
        return dict(spec)
    place, _, rung = spec.partition(":")
    if device_name(spec) is not None:
        chosen = {ALL: place}
        if rung:
            chosen |= {op: spec for op in table.ops() if table.has_rung(op, spec)}
            if len(chosen) == 1:
                raise BackendError(
                    f"compare: no op has a rung {rung!r}. Did you mean 'simt:r1'? See ops_table('gemm')."
                )
        return chosen
    if spec in HOST:
        return {ALL: spec}
    own = {
        f"{op}_{direction}": spec
        for op in table.ops()
        for direction in table.DIRECTIONS
        if spec in table.backends(op) and spec in table.implementing(op, direction)
    }
    if not own:
        raise BackendError(
            f"compare: no op has a backend {spec!r}. Known: {', '.join(map(repr, table.backends()))}. Was it "
            "registered, minidl.register_backend(op, name, forward, backward)?"
        )
    return {ALL: PLAIN, **own}


class Side:
    """A step on one side's backends: its ops in order, its loss, and the faults that the SIMT machine saw."""

    def __init__(self, model: Any, x: Any, y: Any, spec: Spec) -> None:
        """Run the step; the model is left as it was."""
        chosen = choices_of(spec)
        with using(chosen.pop(ALL, None), **chosen), simt_options(strict=False) as reports:
            recording = record_batch(model, x, y, "arrays")
        self.spec = spec
        self.ops = [op for op in recording.step if op.phase != "update" or model.optimizer is not None]
        self.loss = float(recording.result.get("loss", "nan"))
        self.faults = [fault for report in reports for fault in report.faults]

    @property
    def label(self) -> str:
        """The side's backend in words."""
        if isinstance(self.spec, str):
            return self.spec
        rest = ", ".join(f"{key}={name}" for key, name in self.spec.items() if key != ALL)
        return " with ".join(part for part in (self.spec.get(ALL, ""), rest) if part)


def aligned(a: Side, b: Side) -> list[tuple[RecordedOp, OpRun, OpRun]]:
    """Return the ops that both sides ran: the record of the first side, and its run beside that of the second side.

    A side may run ops of its own beside the step: on a device the moving averages of a batch norm are ops, on the host
    plain arithmetic.

    Raises
    ------
    ArgumentError : such an op feeds one that both sides ran, so that they did not run the same step
    """
    mine, theirs = ([(op.op, op.direction, op.layer) for op in side.ops] for side in (a, b))
    blocks = SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks()
    pairs = [(a.ops[i + k], b.ops[j + k]) for i, j, size in blocks for k in range(size)]
    for side, own in ((a, {id(op) for op, _ in pairs}), (b, {id(op) for _, op in pairs})):
        runs = [(id(op) in own, op.run) for op in side.ops if op.run is not None]
        extra = {id(y) for common, run in runs if not common for y in run.outputs if y is not None}
        fed = [run for common, run in runs if common and any(id(x) in extra for x in run.inputs)]
        if fed:
            raise ArgumentError(
                f"compare: the sides ran different steps, {len(a.ops)} ops on {a.label!r} and {len(b.ops)} on "
                f"{b.label!r}; they part before {fed[0].op}, layer {fed[0].layer or 'loss'!r}. Does the model's call "
                "depend on values or on random numbers?"
            )
    return [(op, op.run, other.run) for op, other in pairs if op.run is not None and other.run is not None]
