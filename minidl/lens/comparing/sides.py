"""One side of a comparison: a training step on a backend, every op written down, and nothing of the model changed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels.launch import simt_options
from minidl.backends import table
from minidl.backends.devices.arrays import device_name, on_host, to_device
from minidl.backends.selection import ALL, using
from minidl.errors import ArgumentError, BackendError, NotCompiledError
from minidl.lens.recording.preserved import ensure_built, preserved
from minidl.observers import OpRun, observing
from minidl.tape import GradientTape, takes_needs
from minidl.tensor import convert_to_tensor

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
    if spec == "numpy":
        return {ALL: "numpy"}
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
    return {ALL: "numpy", **own}


def selected(spec: Spec) -> Any:
    """Return a `with` block in which a side's backends are selected."""
    chosen = choices_of(spec)
    rest = {key: value for key, value in chosen.items() if key != ALL}
    return using(chosen.get(ALL), **rest)


def prepare(model: Any, x: Any) -> Any:
    """Return the batch as a tensor, the model and its optimizer built, so that two sides begin alike.

    Raises
    ------
    NotCompiledError : the model has no loss
    """
    if getattr(model, "loss", None) is None:
        raise NotCompiledError("lens: the model has no loss. Call model.compile(optimizer, loss=…) first.")
    x = [convert_to_tensor(part) for part in x] if isinstance(x, list | tuple) else convert_to_tensor(x)
    ensure_built(model, x)
    return x


class Side:
    """What one side did: the ops of a step in order, its loss, and the faults that the SIMT machine saw."""

    def __init__(self, spec: Spec, runs: list[OpRun], loss: float, names: dict[int, str], reports: list[Any]) -> None:
        self.spec, self.runs, self.loss, self.names = spec, runs, loss, names
        self.faults = [fault for report in reports for fault in report.faults]

    @property
    def label(self) -> str:
        """The side's backend in words."""
        if isinstance(self.spec, str):
            return self.spec
        rest = ", ".join(f"{key}={name}" for key, name in self.spec.items() if key != ALL)
        return " with ".join(part for part in (self.spec.get(ALL, ""), rest) if part)

    def weight_of(self, run: OpRun) -> str:
        """The path of the weight that an update op changes, or ""."""
        return self.names.get(id(run.inputs[0]), "") if run.op.endswith("_update") else ""


def run_side(model: Any, x: Any, y: Any, spec: Spec) -> Side:
    """Run a training step (forward, loss, backward, update) on a side's backends; the model is left as it was."""
    fresh = [convert_to_tensor(part.numpy()) for part in x] if isinstance(x, list) else convert_to_tensor(x.numpy())
    with preserved(model), selected(spec), simt_options(strict=False) as reports, observing() as runs:
        model.clear_losses()
        with GradientTape() as tape:
            y_pred = model(fresh, training=True)
            loss = model.compute_loss(x=fresh, y=y, y_pred=y_pred, training=True)
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables) if variables else []
        # The arrays that the ops saw: a device's ops have moved the weights by now, and an update is told by them.
        names = {id(variable.data): variable.path for variable in variables}
        if getattr(model, "optimizer", None) is not None and any(g is not None for g in gradients):
            model.optimizer.apply(gradients, variables)
        names |= {id(run.inputs[0]): v.path for run, v in zip(_updates(runs), variables, strict=False)}
        return Side(spec, list(runs), float(loss), names, list(reports))


def _updates(runs: list[OpRun]) -> list[OpRun]:
    return [run for run in runs if run.op.endswith("_update")]


def aligned(a: Side, b: Side) -> list[tuple[OpRun, OpRun]]:
    """Return the ops that both sides ran, in pairs.

    A side may run ops of its own beside the step: on a device the moving averages of a batch norm are ops, on the host
    plain arithmetic.

    Raises
    ------
    ArgumentError : such an op feeds one that both sides ran, so that they did not run the same step
    """
    mine, theirs = ([(run.op, run.direction, run.layer) for run in side.runs] for side in (a, b))
    blocks = SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks()
    pairs = [(i + k, j + k) for i, j, size in blocks for k in range(size)]
    for side, own in ((a, {i for i, _ in pairs}), (b, {j for _, j in pairs})):
        extra = {id(y) for k, run in enumerate(side.runs) if k not in own for y in run.outputs if y is not None}
        fed = [run for k, run in enumerate(side.runs) if k in own and any(id(x) in extra for x in run.inputs)]
        if fed:
            raise ArgumentError(
                f"compare: the sides ran different steps, {len(a.runs)} ops on {a.label!r} and {len(b.runs)} on "
                f"{b.label!r}; they part before {fed[0].op}, layer {fed[0].layer or 'loss'!r}. Does the model's call "
                "depend on values or on random numbers?"
            )
    return [(a.runs[i], b.runs[j]) for i, j in pairs]


class Called(NamedTuple):
    """An op that was run again: its results on the host and as the backend gave them, a forward's cache, its inputs."""

    outputs: tuple[Any, ...]
    raw: tuple[Any, ...]
    cache: Any
    inputs: tuple[Any, ...]  # where the backend had them; of a backward the gradients
    kept: Any  # of a backward: the cache it was given, where the backend had it


def call(run: OpRun, backend: str, cache: Any) -> Called:
    """Run the op of `run`, on its own inputs, by another backend; `cache` is what a backward is given."""
    function = table.load(run.op, backend, run.direction)
    if function is None:
        raise BackendError(f"compare: {run.op} has no {run.direction} on {backend!r}.")
    inputs = placed(on_host(tuple(run.inputs), "compare"), backend)
    if run.direction == "forward":
        result, made = function(*inputs, **run.static)
        raw = result if isinstance(result, tuple) else (result,)
        return Called(on_host(raw, "compare"), raw, made, inputs, None)
    kept = placed(on_host(cache, "compare"), backend)
    keywords = {"needs": run.needs} if takes_needs(function) else {}
    raw = tuple(function(inputs[0] if len(inputs) == 1 else inputs, kept, **keywords))
    return Called(on_host(raw, "compare"), raw, None, inputs, kept)


def placed(value: Any, backend: str) -> Any:
    """Return arrays, and tuples or caches of them, where the backend wants them: float32 on its device, if it has one.

    Each is a C-contiguous copy or the array itself; integers stay on the host, where the ops check them.
    """
    device = device_name(backend)
    if isinstance(value, tuple):
        parts = [placed(part, backend) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if device is None or not isinstance(value, np.ndarray) or value.dtype != np.float32 or not value.size:
        return value
    return to_device(value, device, "compare")


def value_names(run: OpRun, count: int) -> list[str]:
    """Return the names of an op's results: "y", or "dx", "dw", "db" after the inputs of its forward.

    >>> from minidl.observers import OpRun
    >>> run = OpRun("conv2d", "backward", "", "numpy", "", (), (), {}, None, (), 0, 0, 0)
    >>> value_names(run, 3)
    ['dx', 'dw', 'db']
    """
    inputs = input_names(run.op)
    if run.direction == "backward":
        return [f"d{inputs[k] if k < len(inputs) else f' of input {k}'}" for k in range(count)]
    if run.op.endswith("_update"):
        kept = [name for name in inputs if name != "dw"]
        return [f"new {kept[k]}" if k < len(kept) else f"output {k}" for k in range(count)]
    known = {"batch_norm": ["y", "mean", "variance"], "simple_rnn": ["sequence", "h"], "gru": ["sequence", "h"],
             "lstm": ["sequence", "h", "c"]}  # fmt: skip
    return known.get(run.op) or (["y"] if count == 1 else [f"y{k}" for k in range(count)])


def input_names(op: str) -> list[str]:
    """Return the names of an op's input arrays, by the signature of its NumPy forward."""
    function = table.load(op, table.backends(op)[0], "forward")
    if function is None:
        return []
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in kinds]
