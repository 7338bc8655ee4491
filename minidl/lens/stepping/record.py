"""Run a model's own training step and keep all of it: every op with its arrays; if asked, with values changed.

What runs is `model.train_on_batch`, nothing else, so its numbers are the step's numbers. A value is changed between
two ops: for the time of the step the tape's `resolve` hands out functions that change what they are given or give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from minidl.backends import table
from minidl.backends.devices import arrays
from minidl.lens.recording.preserved import preserved
from minidl.observers import OpRun, observing
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


@dataclass(slots=True, eq=False)
class Told:
    """An op that ran, with its number among the calls (None for sums that the tape makes by itself)."""

    run: OpRun
    call: int | None
    inputs: tuple[Any, ...]  # as the function got them, changes included
    updating: bool  # while the optimizer worked
    single: bool = True  # of a backward: whether its op has one output, and `dy` is no tuple


@dataclass(eq=False)
class Record:
    """A whole step.

    weights : (path, before, after) of each
    gradients : what the optimizer was given, by path
    homes : where each weight and optimizer slot lay during the step (see `place_of`), with its path
    held : their arrays: while these are alive, nothing else can lie there
    """

    told: list[Told] = field(default_factory=list)
    weights: list[tuple[str, Any, Any]] = field(default_factory=list)
    gradients: dict[str, Any] = field(default_factory=dict)
    logs: dict[str, Any] = field(default_factory=dict)
    homes: dict[Any, str] = field(default_factory=dict)
    held: list[Any] = field(default_factory=list)


def record_batch(model: Any, batch: dict[str, Any], changes: tuple[Change, ...] = (), keep: bool = False) -> Record:
    """Run `model.train_on_batch(**batch)` with values changed; unless `keep`, the model is as before afterwards."""
    record = Record()
    with ExitStack() as stack:
        if not keep:
            stack.enter_context(preserved(model))
        stack.enter_context(no_grad())  # an outer tape does not see the step
        _change_weights(model, changes)
        before = [variable.data for variable in model.weights]
        homes = _Homes(model, record.homes)
        record.held = homes.held
        editor = stack.enter_context(_editing(changes))
        updating = stack.enter_context(_watching(model, record.gradients))

        def note(run: OpRun) -> None:
            call, given, single = editor.last if run.why != tape_sum() else (None, run.inputs, True)
            record.told.append(Told(run, call, given, bool(updating), single))
            homes.note()

        stack.enter_context(observing(note))
        record.logs = model.train_on_batch(**batch, return_dict=True)
        names = unique_paths(model.weights)
        record.weights = [
            (name, old, variable.data) for name, old, variable in zip(names, before, model.weights, strict=True)
        ]
    return record


class _Homes:
    """Notes where weights and slots lie: an op on a device may just have moved one there, a layer replaced one."""

    def __init__(self, model: Any, homes: dict[Any, str]) -> None:
        self.model, self.homes = model, homes
        self.seen: dict[int, Any] = {}  # by the id of a variable: its array. `held` keeps all of them alive
        self.held: list[Any] = []

    def note(self) -> None:
        """Look at every variable; those whose array is the one of the last look are passed over."""
        for variables in (self.model.weights, getattr(self.model.optimizer, "variables", [])):
            if all(self.seen.get(id(variable)) is variable.data for variable in variables):
                continue
            for path, variable in zip(unique_paths(variables), variables, strict=True):
                self.seen[id(variable)] = variable.data
                self.held.append(variable.data)
                self.homes.setdefault(place_of(variable.data), path)


def place_of(array: Any) -> Any:
    """Where an array lies: two arrays at one place and of one shape are the same value. All of a record are alive."""
    if array is None or not hasattr(array, "shape"):
        return None
    memory = array.memory if isinstance(array, arrays.SimtArray) else array
    interface = memory.__array_interface__ if isinstance(memory, np.ndarray) else memory.__cuda_array_interface__
    return interface["data"][0], tuple(array.shape)


def tape_sum() -> str:
    """Return the reason that the tape gives for adding two gradients."""
    from minidl import observers

    return getattr(observers, "GRADIENT_SUM", "a value used twice: its gradients are summed")


def unique_paths(variables: Any) -> list[str]:
    """Return the variables' paths, with a number behind those that occur twice."""
    seen: dict[str, int] = {}
    names = []
    for variable in variables:
        seen[variable.path] = seen.get(variable.path, 0) + 1
        names.append(variable.path if seen[variable.path] == 1 else f"{variable.path} ({seen[variable.path]})")
    return names


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
    """Counts the calls of ops, and changes what some of them get or give."""

    def __init__(self, changes: tuple[Change, ...]) -> None:
        self.calls = 0
        self.last: tuple[int | None, tuple[Any, ...], bool] = (None, (), True)
        self.changes: dict[int, list[Change]] = {}
        for change in changes:
            if change.call is not None:
                self.changes.setdefault(change.call, []).append(change)

    def wrap(self, direction: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls this one by way of the editor."""
        edit_call = self.edit_forward if direction == "forward" else self.edit_backward

        def run(*args: Any, **kwargs: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1  # before the call: an op may call ops
            result, given = edit_call(function, args, kwargs, self.changes.get(number, []))
            self.last = (number, given, not isinstance(args[0], tuple))
            return result

        run.func = getattr(function, "func", function)  # type: ignore[attr-defined]  # where the tape looks for `needs`
        return run

    def edit_forward(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], changes: list[Change]
    ) -> tuple[Any, tuple[Any, ...]]:
        """Call a forward: its changed inputs go into its cache, its changed outputs do not."""
        args = _edit_all(args, changes, "input")
        result = function(*args, **kwargs)
        if any(change.side == "output" for change in changes):
            y, cache = result
            parts = _edit_all(y if isinstance(y, tuple) else (y,), changes, "output")
            result = (parts if isinstance(y, tuple) else parts[0], cache)
        return result, args

    def edit_backward(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], changes: list[Change]
    ) -> tuple[Any, tuple[Any, ...]]:
        """Call a backward with changed gradients in, or change those that it gives."""
        dy, cache = args
        given = _edit_all(dy if isinstance(dy, tuple) else (dy,), changes, "input")
        result = function(given if isinstance(dy, tuple) else given[0], cache, **kwargs)
        return _edit_all(result, changes, "output"), given


def _edit_all(given: tuple[Any, ...], changes: list[Change], side: str) -> tuple[Any, ...]:
    changed = list(given)
    for slot in {change.slot for change in changes if change.side == side}:
        changed[slot] = edited(changed[slot], [c for c in changes if c.side == side and c.slot == slot])
    return tuple(changed)


@contextmanager
def _editing(changes: tuple[Change, ...]) -> Iterator[_Editor]:
    editor, original = _Editor(changes), table.load

    def load(op: str, backend: str, direction: str) -> Callable[..., Any] | None:
        function = original(op, backend, direction)
        return function and editor.wrap(direction, function)

    table.load = load
    try:
        yield editor
    finally:
        table.load = original


@contextmanager
def _watching(model: Any, gradients: dict[str, Any]) -> Iterator[list[bool]]:
    """Note what the optimizer is given; the list that is yielded is not empty while it works."""
    optimizer = model.optimizer
    if optimizer is None:  # train_on_batch will say so
        yield []
        return
    working: list[bool] = []
    original = optimizer.apply

    def apply(grads: Any, trainable_variables: Any = None) -> Any:
        grads = list(grads)
        if trainable_variables is not None:
            variables = list(trainable_variables)
            for name, gradient in zip(unique_paths(variables), grads, strict=False):
                gradients[name] = getattr(gradient, "data", gradient)
            trainable_variables = variables
        working.append(True)
        try:
            return original(grads, trainable_variables)
        finally:
            working.clear()

    optimizer.apply = apply
    try:
        yield working
    finally:
        vars(optimizer).pop("apply", None)
