"""Run a model's own training step and keep all of it: every op with its arrays; if asked, with values changed.

What runs is `model.train_on_batch`, nothing else, so its numbers are the step's numbers.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from minidl.backends.devices import arrays
from minidl.lens.recording.preserved import preserved
from minidl.lens.recording.recording import Recording, record, unique_paths
from minidl.lens.stepping.changes import Change, Editor, edited
from minidl.lens.stepping.moments import Moment, moments_of, place_of
from minidl.observers import OpRun, observing
from minidl.tape import no_grad


@dataclass(eq=False)
class Record:
    """A whole step.

    recording : its ops, their runs with arrays, changes included; moments : the same with names
    weights : (path, before, after) of each
    held : where weights and slots lay: while these are alive, nothing else can lie there
    """

    recording: Recording
    moments: list[Moment]
    weights: list[tuple[str, Any, Any]]
    held: list[Any]

    @property
    def gradients(self) -> dict[str, Any]:
        """What the optimizer was given, by path."""
        return self.recording.gradients


def record_changed(model: Any, batch: dict[str, Any], changes: tuple[Change, ...] = (), keep: bool = False) -> Record:
    """Run `model.train_on_batch(**batch)` with values changed; unless `keep`, the model is as before afterwards."""
    with ExitStack() as stack:
        if not keep:
            stack.enter_context(preserved(model))
        stack.enter_context(no_grad())  # an outer tape does not see the step
        _change_weights(model, changes)
        before = [variable.data for variable in model.weights]
        editor, homes = Editor(changes), _Homes(model)
        for observer in (editor, homes):
            stack.enter_context(observing(observer))
        recording = stack.enter_context(record("arrays", model))
        recording.result = model.train_on_batch(**batch, return_dict=True)
        after = [variable.data for variable in model.weights]
        weights = list(zip(unique_paths(model.weights), before, after, strict=True))
    return Record(recording, moments_of(recording, editor.numbers, homes.homes), weights, homes.held)


class _Homes:
    """Notes where weights and slots lie: an op on a device may just have moved one there, a layer replaced one."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.homes: dict[Any, str] = {}  # where each of them lay during the step, with its path
        self.seen: dict[int, Any] = {}  # by the id of a variable: its array. `held` keeps all of them alive
        self.held: list[Any] = []

    def __call__(self, run: OpRun) -> None:
        """Look at every variable; those whose array is the one of the last look are passed over."""
        for variables in (self.model.weights, getattr(self.model.optimizer, "variables", [])):
            if all(self.seen.get(id(variable)) is variable.data for variable in variables):
                continue
            for path, variable in zip(unique_paths(variables), variables, strict=True):
                self.seen[id(variable)] = variable.data
                self.held.append(variable.data)
                self.homes.setdefault(place_of(variable.data), path)


def _change_weights(model: Any, changes: tuple[Change, ...]) -> None:
    for change in changes:
        if change.side == "weight":
            variable = model.weights[change.slot]
            variable.assign(edited(arrays.on_host(variable.data, "lens.step"), [change]))
