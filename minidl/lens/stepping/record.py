"""Run a model's own training step and keep all of it: every op with its arrays; if asked, with values changed.

What runs is `model.train_on_batch`, nothing else, so its numbers are the step's numbers. A value is changed between
two ops, by an observer that the tape runs the ops' functions by way of.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minidl.backends.devices import arrays
from minidl.lens.recording.preserved import preserved
from minidl.lens.recording.recording import Recording, record, unique_paths
from minidl.lens.stepping.moments import Moment, moments_of, place_of
from minidl.observers import GRADIENT_SUM, OpRun, observing
from minidl.tape import no_grad


class Change(NamedTuple):
    """One value put in another's place.

    call : the number of the op in the step, forwards and backwards counted together; None for a weight
    side : "input" or "output" of that op, or "weight"
    slot : which of its inputs or outputs; of a weight its place in `model.weights`
    index, value : what is written there
    """

    call: int | None
    side: str
    slot: int
    index: Any
    value: Any
    label: str


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
    def logs(self) -> dict[str, Any]:
        """Loss and metrics."""
        return self.recording.result

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
        editor, homes = _Editor(changes), _Homes(model)
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


def edited(array: Any, changes: list[Change]) -> Any:
    """Return a copy of an array, on its device, with the changes written into it."""
    device = arrays.device_of(array)
    host = np.array(arrays.on_host(array, "lens.step"))
    for change in changes:
        host[change.index] = change.value
    return host if device is None else arrays.to_device(host, device, "lens.step")


class _Editor:
    """An observer that counts the calls of ops, and changes what some of them get or give."""

    def __init__(self, changes: tuple[Change, ...]) -> None:
        self.changes = changes
        self.calls = 0
        self.numbers: list[int | None] = []  # of the ops that were told of, in order
        self.last: tuple[int, tuple[Any, ...]] = (0, ())

    def __call__(self, run: OpRun) -> None:
        """Give the op its number, and the inputs that it really got."""
        if run.why == GRADIENT_SUM:  # the tape adds by itself
            self.numbers.append(None)
        else:
            number, run.inputs = self.last
            self.numbers.append(number)

    def around(self, direction: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls this one on changed values, and changes what it gives."""

        def run(*args: Any, **keywords: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1  # before the call: an op may call ops
            here = [change for change in self.changes if change.call == number]
            if direction == "forward":  # changed inputs go into the cache, changed outputs do not
                given = _edited_all(args, here, "input")
                result = function(*given, **keywords)
                if any(change.side == "output" for change in here):
                    result = (_edited_all(result[0], here, "output"), result[1])
            else:
                given = _edited_all(args[0], here, "input")
                result = _edited_all(function(given, args[1], **keywords), here, "output")
            self.last = number, given if isinstance(given, tuple) else (given,)
            return result

        return run


def _edited_all(given: Any, changes: list[Change], side: str) -> Any:
    """Return an array, or a tuple of them, with the changes of one side made."""
    parts = list(given) if isinstance(given, tuple) else [given]
    for slot in {change.slot for change in changes if change.side == side}:
        parts[slot] = edited(parts[slot], [c for c in changes if c.side == side and c.slot == slot])
    return tuple(parts) if isinstance(given, tuple) else parts[0]
