"""From the record of a training step to what is looked at: one moment for each op, with names for its arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from minidl.backends.devices import arrays
from minidl.console import printable
from minidl.lens import formulas
from minidl.lens.stepping.record import Record, Told, place_of, tape_sum

PHASES = ("forward", "loss", "backward", "update")


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
    phase : "forward", "loss", "backward" or "update"
    partner : number of the backward of this forward, or of the forward of this backward; None where there is none
    origins : for each input, where it comes from: a weight's path, or "moment 3: relu"
    slots : the places of the named inputs and outputs among the op's own (some are None)
    """

    number: int
    phase: str
    told: Told
    op: str
    layer: str
    input_slots: dict[str, int]
    output_slots: dict[str, int]
    partner: int | None = None
    origins: dict[str, str] = field(default_factory=dict)
    weight: str = ""  # of an update: the weight's path
    forward: Told | None = None  # of a backward: the forward it belongs to

    @property
    def direction(self) -> str:
        """Whether the op ran "forward" or "backward"; an update is a forward."""
        return self.told.run.direction

    @property
    def backend(self) -> str:
        """Where it ran."""
        return self.told.run.backend

    @property
    def why(self) -> str:
        """Who chose the backend."""
        return self.told.run.why

    @property
    def static(self) -> dict[str, Any]:
        """The op's keywords: strides, rate, learning_rate …"""
        return self.told.run.static

    @property
    def is_sum(self) -> bool:
        """Whether this is not an op of the model, but the tape adding two gradients."""
        return self.told.run.why == tape_sum()

    @property
    def formula(self) -> str:
        """The op's maths in this direction, one line."""
        return formulas.GRADIENT_SUM if self.is_sum else formulas.formula(self.op, self.direction)

    @cached_property
    def inputs(self) -> dict[str, np.ndarray]:
        """What it was given, by name, on the host, read-only; of a backward the gradients of the outputs."""
        return {name: _looked_at(self.told.inputs[slot]) for name, slot in self.input_slots.items()}

    @cached_property
    def outputs(self) -> dict[str, np.ndarray]:
        """What it gave, by name; of a backward the gradients of the inputs."""
        return {name: _looked_at(self.told.run.outputs[slot]) for name, slot in self.output_slots.items()}

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


def moments_of(record: Record) -> list[Moment]:
    """Return the moments of a step in the order in which they ran, each with its phase, names, origins and partner."""
    phases = _phases(record.told)
    moments: list[Moment] = []
    forwards: dict[int, Moment] = {}  # by the id of `static`, which the tape hands from an op's forward to its backward
    sources = dict(record.homes)
    for told, phase in zip(record.told, phases, strict=True):
        if not phase:
            continue
        forward = forwards.get(id(told.run.static)) if told.run.direction == "backward" else None
        moment = _moment(len(moments), phase, told, forward)
        for name, slot in moment.input_slots.items():
            moment.origins[name] = sources.get(place_of(told.inputs[slot]), "")
        if phase == "update":
            moment.weight = moment.origins.get("w", "")
            moment.layer = moment.weight.rpartition("/")[0]
        if forward is not None:
            moment.partner, forward.partner = forward.number, moment.number
        elif phase in ("forward", "loss"):
            forwards[id(told.run.static)] = moment
        for name, slot in moment.output_slots.items():
            output = name if len(moment.output_slots) > 1 else moment.op
            sources[place_of(told.run.outputs[slot])] = f"moment {moment.number}: {output}" + (
                f" of {moment.layer}" if moment.layer else ""
            )
        moments.append(moment)
    return moments


def _moment(number: int, phase: str, told: Told, forward: Moment | None) -> Moment:
    run = told.run
    if run.direction == "backward":
        ins = forward.told.run.inputs if forward is not None else run.outputs
        outs = forward.told.run.outputs if forward is not None else run.inputs
        names_in = tuple(f"d{name}" for name in formulas.output_names(run.op, len(outs)))
        names_out = tuple(f"d{name}" for name in formulas.input_names(run.op, len(ins)))
    else:
        names_in = formulas.input_names(run.op, len(run.inputs))
        there = tuple(name for name, array in zip(names_in, run.inputs, strict=True) if array is not None)
        names_out = formulas.output_names(run.op, len(run.outputs), there)
    return Moment(
        number, phase, told, run.op, run.layer,
        {name: slot for slot, name in enumerate(names_in) if told.inputs[slot] is not None},
        {name: slot for slot, name in enumerate(names_out) if run.outputs[slot] is not None},
        forward=forward.told if forward is not None else None,
    )  # fmt: skip


def _phases(told: list[Told]) -> list[str]:
    """Name the phase of each op; "" for what runs behind the last update (a metric of one's own)."""
    found = ["update" if t.updating else "backward" if _is_back(t) else "" for t in told]
    last = max((k for k, phase in enumerate(found) if phase), default=len(found))
    start = 0
    while start < min(last, len(found)):
        end = start
        while end < len(found) and not found[end]:
            end += 1
        in_layers = [k for k in range(start, end) if told[k].run.layer]
        border = in_layers[-1] + 1 if in_layers else start
        for k in range(start, end):
            found[k] = "forward" if k < border else "loss"
        start = end + 1
    return found


def _is_back(told: Told) -> bool:
    return told.run.direction == "backward" or told.run.why == tape_sum()
