"""From the record of a training step to what is looked at: one moment for each op, with names for its arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from minidl.backends.devices import arrays
from minidl.console import printable
from minidl.lens import formulas
from minidl.lens.recording.events import RecordedOp
from minidl.lens.recording.recording import Recording
from minidl.observers import OpRun


class Statistics(NamedTuple):
    """What one line can say of an array. Of values that are not finite only the counts tell."""

    smallest: float
    largest: float
    mean: float
    deviation: float
    zeros: float  # share of the values that are exactly 0
    nans: int
    infinities: int

    def __str__(self) -> str:
        text = f"min {self.smallest:.4g}  max {self.largest:.4g}  mean {self.mean:.4g}  std {self.deviation:.4g}"
        text += f"  zeros {self.zeros:.1%}"
        text += f"  NaN {self.nans}" if self.nans else ""
        return text + (f"  infinite {self.infinities}" if self.infinities else "")


def statistics(array: Any) -> Statistics:
    """Return an array's statistics, computed in float64 over its finite values.

    >>> print(statistics(np.array([0.0, 1.0, 5.0, np.nan])))
    min 0  max 5  mean 2  std 2.16  zeros 25.0%  NaN 1
    """
    with np.errstate(all="ignore"):  # memory that is not written yet holds anything
        values = np.asarray(array).astype(np.float64)
    finite = values[np.isfinite(values)]
    nans = int(np.isnan(values).sum())
    if not finite.size:
        return Statistics(np.nan, np.nan, np.nan, np.nan, 0.0, nans, values.size - nans)
    with np.errstate(all="ignore"):
        mean, deviation = float(finite.mean()), float(finite.std())
    return Statistics(
        float(finite.min()), float(finite.max()), mean, deviation,
        float((values == 0).mean()), nans, int(values.size - nans - finite.size),
    )  # fmt: skip


@dataclass(eq=False)
class Moment:
    """One op of the step, in one direction.

    number : its place in the step, from 0
    recorded : what the recording holds of it: phase, layer, backend, times; run : the same with its arrays
    call : its number among the calls of ops, None for a sum that the tape makes by itself
    input_slots, output_slots : the places of the named inputs and outputs among the op's own (some are None)
    partner : number of the backward of this forward, or of the forward of this backward; None where there is none
    forward : of a backward: the forward's run
    origins : for each input, where it comes from: a weight's path, or "moment 3: relu"
    """

    number: int
    recorded: RecordedOp
    run: OpRun
    call: int | None
    input_slots: dict[str, int]
    output_slots: dict[str, int]
    partner: int | None = None
    forward: OpRun | None = None
    origins: dict[str, str] = field(default_factory=dict)

    # "forward", "loss", "backward" or "update"; its op; "forward" or "backward"; of an update the weight's path
    phase = property(lambda self: self.recorded.phase)
    op = property(lambda self: self.recorded.op)
    direction = property(lambda self: self.recorded.direction)
    layer = property(lambda self: self.recorded.layer)
    weight = property(lambda self: self.recorded.weight)
    backend = property(lambda self: self.recorded.backend)
    why = property(lambda self: self.recorded.why)
    static = property(lambda self: self.recorded.static)
    is_sum = property(lambda self: self.recorded.is_sum)

    @property
    def formula(self) -> str:
        """The op's maths in this direction, one line."""
        return formulas.GRADIENT_SUM if self.is_sum else formulas.formula(self.op, self.direction)

    @cached_property
    def inputs(self) -> dict[str, np.ndarray]:
        """What it was given, by name, on the host, read-only; of a backward the gradients of the outputs."""
        return {name: _looked_at(self.run.inputs[slot]) for name, slot in self.input_slots.items()}

    @cached_property
    def outputs(self) -> dict[str, np.ndarray]:
        """What it gave, by name; of a backward the gradients of the inputs."""
        return {name: _looked_at(self.run.outputs[slot]) for name, slot in self.output_slots.items()}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Inputs and outputs together."""
        return {**self.inputs, **self.outputs}

    @property
    def title(self) -> str:
        """Op, direction where it matters, and layer or weight."""
        what = f"{self.op} backward" if self.direction == "backward" else self.op
        where = self.weight or self.layer
        return f"{what} · {where}" if where else what

    def __repr__(self) -> str:
        return printable(f"<Moment {self.number} {self.phase}: {self.title}>")


def _looked_at(array: Any) -> np.ndarray:
    view = np.asarray(arrays.on_host(array, "lens.step")).view()
    view.flags.writeable = False
    return view


def place_of(array: Any) -> Any:
    """Where an array lies: two arrays at one place and of one shape are the same value. All of a record are alive."""
    if array is None or not hasattr(array, "shape"):
        return None
    memory = array.memory if isinstance(array, arrays.HostedArray) else array
    interface = memory.__array_interface__ if isinstance(memory, np.ndarray) else memory.__cuda_array_interface__
    return interface["data"][0], tuple(array.shape)


def moments_of(recording: Recording, calls: list[int | None], homes: dict[Any, str]) -> list[Moment]:
    """Return the moments of a step in the order in which they ran, each with its names, origins and partner.

    calls : the number of each op among the calls; homes : where weights and slots lay (see `place_of`), by path
    """
    moments: list[Moment] = []
    forwards: dict[int, Moment] = {}  # by the id of `static`, which the tape hands from an op's forward to its backward
    sources = dict(homes)
    for recorded, call in zip(recording.step, calls, strict=False):
        run = recorded.run
        assert run is not None
        inputs, outputs = (
            {name: slot for slot, (name, array) in enumerate(zip(names, arrays, strict=True)) if array is not None}
            for names, arrays in zip(formulas.array_names(run), (run.inputs, run.outputs), strict=True)
        )
        moment = Moment(len(moments), recorded, run, call, inputs, outputs)
        moment.origins = {name: sources.get(place_of(run.inputs[slot]), "") for name, slot in inputs.items()}
        forward = forwards.get(id(run.static)) if run.direction == "backward" else None
        if forward is not None:
            moment.partner, forward.partner, moment.forward = forward.number, moment.number, forward.run
        elif moment.phase in ("forward", "loss"):
            forwards[id(run.static)] = moment
        of_layer = f" of {moment.layer}" if moment.layer else ""
        for name, slot in outputs.items():
            output = name if len(outputs) > 1 else moment.op
            sources[place_of(run.outputs[slot])] = f"moment {moment.number}: {output}{of_layer}"
        moments.append(moment)
    return moments
