"""Record what a training step does: every op, kernel and move between host and device, each with its times.

>>> import minidl
>>> with record() as recording:
...     y = minidl.Tensor([1.0, 2.0]) * 3.0
>>> [(op.op, op.inputs[0].shape) for op in recording.ops]
[('multiply', (2,))]

The times are of `time.perf_counter`, the host's clock. What a recording itself takes is measured too, and stands
beside the rest as "lens": the parts of a recording add up to its wall time, nothing is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from os import PathLike
from typing import TYPE_CHECKING, Any

from cuda_kernels.launched import launches
from minidl.backends.devices.facts import DEVICES, DeviceFacts
from minidl.backends.devices.ledger import Ledger, transfers
from minidl.errors import ArgumentError, NotCompiledError
from minidl.lens.recording.events import RecordedLaunch, RecordedOp, facts_of, phases_of
from minidl.lens.recording.preserved import ensure_built, preserved
from minidl.lens.recording.spans import Span, arrange, place_on_host_clock
from minidl.observers import OpRun, observing
from minidl.optimizers import SGD
from minidl.tape import no_grad

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minidl.lens.recording.table import Timeline


class Recording:
    """What `record()` gives: complete when its block has ended.

    ops, launches, ledger : in the order of their ends; the ledger is the one of `minidl.backends.transfers`
    started, finished : of the block, seconds of `time.perf_counter`
    result : what the model's step returned, in a recording of one
    gradients : what the optimizer of a recorded model was given last, by the weights' paths, where `keep="arrays"`
    """

    def __init__(self, keep: str = "shapes", model: Any = None) -> None:
        if keep not in ("shapes", "arrays"):
            raise ArgumentError(f"record: keep must be 'shapes' or 'arrays'. Got {keep!r}.")
        self.keep = keep
        self.ops: list[RecordedOp] = []
        self.launches: list[RecordedLaunch] = []
        self.ledger = Ledger()
        self.started = self.finished = 0.0
        self.result: Any = None
        self.gradients: dict[str, Any] = {}
        self._model = model
        self._updating = False
        self._found: list[Any] = []  # launches that are not yet written down
        self._events: list[tuple[RecordedLaunch, tuple[Any, Any]]] = []
        self.pauses: list[tuple[float, float]] = []
        self.waited: tuple[float, float] | None = None
        self._spans: list[Span] = []

    @property
    def wall(self) -> float:
        """Seconds from the beginning of the block to its end."""
        return self.finished - self.started

    @property
    def devices(self) -> list[DeviceFacts]:
        """The devices on which kernels ran, and what is true of each."""
        return [DEVICES[place] for place in dict.fromkeys(launch.place for launch in self.launches)]

    @property
    def step(self) -> list[RecordedOp]:
        """The ops up to the last one of a backward or update: without what a metric of one's own computes behind it."""
        worked = [place for place, op in enumerate(self.ops, start=1) if op.phase in ("backward", "update")]
        return self.ops[: worked[-1]] if worked else list(self.ops)

    def spans(self) -> list[Span]:
        """Return the wall time in pieces, in order, without gaps: each ends where the next one starts."""
        return list(self._spans)

    def seconds(self, kind: str | None = None, phase: str | None = None) -> float:
        """Return the sum of the pieces of one kind, one phase, or both.

        >>> with record() as recording:
        ...     pass
        >>> recording.seconds() == recording.wall
        True
        """
        return sum(s.seconds for s in self._spans if kind in (None, s.kind) and phase in (None, s.phase))

    def table(self) -> Timeline:
        """Return every op, kernel and move as a table; also `lens.timeline(recording)`."""
        from minidl.lens.recording.table import timeline

        return timeline(self)

    def plot(self) -> Figure:
        """Draw the recording; also `lens.plot_timeline(recording)`."""
        from minidl.lens.recording.picture import plot_timeline

        return plot_timeline(self)

    def save_trace(self, path: str | PathLike[str]) -> None:
        """Write a trace that chrome://tracing and ui.perfetto.dev open; see `minidl.lens.recording.trace`."""
        from minidl.lens.recording.trace import save_trace

        save_trace(self, path)

    def __repr__(self) -> str:
        return (
            f"<Recording of {len(self.ops)} ops, {len(self.launches)} kernels, {len(self.ledger)} moves in "
            f"{self.wall * 1e3:.3f} ms>"
        )

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    # ---- while the block runs

    def _note(self, run: OpRun) -> None:
        entered = time.perf_counter()
        weight = self._path_of(run.inputs[0]) if self._model is not None and run.op.endswith("_update") else ""
        layer = weight.rpartition("/")[0] or run.layer
        self.ops.append(
            RecordedOp(
                run.op, run.direction, layer, run.backend, run.why, tuple(map(facts_of, run.inputs)),
                tuple(map(facts_of, run.outputs)), run.static, None, run.needs, run.started, run.called, run.finished,
                run.single, weight=weight, updating=self._updating, run=run if self.keep == "arrays" else None,
            )
        )  # fmt: skip
        if self._found:
            self._note_launches()
        self.pauses.append((entered, time.perf_counter()))

    def _path_of(self, array: Any) -> str:
        weights = self._model.weights
        found = (path for path, weight in zip(unique_paths(weights), weights, strict=True) if weight.data is array)
        return next(found, "")

    @contextmanager
    def _watching_the_optimizer(self) -> Iterator[None]:
        """Note what the model's optimizer is given, and while which ops it is at work."""
        optimizer = getattr(self._model, "optimizer", None)
        if optimizer is None:
            yield
            return
        apply, outer = optimizer.apply, vars(optimizer).get("apply")  # recordings nest

        def watched(grads: Any, trainable_variables: Any = None) -> Any:
            grads = list(grads)
            variables = None if trainable_variables is None else list(trainable_variables)
            if variables is not None and self.keep == "arrays":
                arrays = [getattr(gradient, "data", gradient) for gradient in grads]
                self.gradients |= dict(zip(unique_paths(variables), arrays, strict=False))
            self._updating = True
            try:
                return apply(grads, variables)
            finally:
                self._updating = False

        vars(optimizer)["apply"] = watched
        try:
            yield
        finally:
            vars(optimizer).pop("apply", None)
            vars(optimizer).update({} if outer is None else {"apply": outer})

    def _note_launches(self) -> None:
        """Write the launches down and let go of their arrays."""
        for found in self._found:
            launch = RecordedLaunch(
                found.name, found.grid, found.block, found.shared_bytes, found.place,
                tuple(map(facts_of, found.args)), found.started, found.finished,
                None if found.report is None else found.report.figures,
            )  # fmt: skip
            self.launches.append(launch)
            if found.events is not None:
                self._events.append((launch, found.events))
            elif DEVICES[found.place].timed:
                launch.seconds, launch.device_started = found.finished - found.started, found.started
        self._found.clear()

    def _close(self) -> None:
        """Wait for the GPU, then put everything in order. Runs as the block ends, also by an error."""
        self._note_launches()
        if self._events:
            entered = time.perf_counter()
            self._events[-1][1][1].synchronize()
            self.waited = (entered, time.perf_counter())
        self.finished = time.perf_counter()
        place_on_host_clock(self._events)
        self._events.clear()
        for op, phase in zip(self.ops, phases_of(self.ops), strict=True):
            op.phase = phase
        self._spans = arrange(self)


@contextmanager
def record(keep: str = "shapes", model: Any = None) -> Iterator[Recording]:
    """Record every op, kernel launch and move that runs inside the block.

    Parameters
    ----------
    keep : "shapes" keeps no array alive; "arrays" keeps every op's `OpRun` with its inputs, outputs and cache
    model : names the layers whose weights its optimizer updates

    Recordings nest. After an error in the block, the recording holds what ran before it.
    """
    recording = Recording(keep, model)
    with ExitStack() as stack:
        stack.enter_context(recording._watching_the_optimizer())
        recording.ledger = stack.enter_context(transfers())
        recording._found = stack.enter_context(launches())
        stack.enter_context(observing(recording._note))
        recording.started = time.perf_counter()
        try:
            yield recording
        finally:
            recording._close()


def record_step(model: Any, x: Any, y: Any, *, keep: str = "shapes", update: bool = True) -> Recording:
    """Run one real training step, the model's own `train_step`, and return what it did.

    Parameters
    ----------
    model : a compiled model
    x, y : one batch of inputs and targets
    keep : as for `record`
    update : False leaves the model as it was: weights, states, the optimizer, metrics and seeds (see `preserved`)

    Raises
    ------
    NotCompiledError : the model has no loss or no optimizer yet

    >>> import minidl, numpy as np
    >>> model = minidl.Sequential([minidl.layers.Dense(2, activation="softmax", input_shape=(3,))])
    >>> model.compile("sgd", "sparse_categorical_crossentropy")
    >>> recording = record_step(model, np.ones((4, 3), "float32"), np.array([0, 1, 0, 1]))
    >>> [op.op for op in recording.ops if op.phase == "update"]
    ['sgd_update', 'sgd_update']
    """
    require_compiled(model, "record_step")
    ensure_built(model, x)
    with nullcontext() if update else preserved(model), record(keep, model) as recording:
        recording.result = model.train_step((x, y))
    return recording


def record_batch(model: Any, x: Any, y: Any, keep: str = "shapes") -> Recording:
    """Run `model.train_on_batch` and return what it did: its result is the batch's own, and the model stays as it was.

    Tables, comparisons and provenance are views of such a recording. A model without an optimizer is lent one.
    """
    ensure_built(model, x)
    with preserved(model), no_grad():  # an outer tape does not see the step
        if model.optimizer is None:
            model.optimizer = SGD()
        with record(keep, model) as recording:
            recording.result = model.train_on_batch(x, y, return_dict=True)
    return recording


def record_prediction(model: Any, x: Any) -> list[OpRun]:
    """Run a model on a batch, as it predicts, and return its ops with their arrays. The model stays as it was."""
    ensure_built(model, x, optimizer=False)
    with preserved(model), no_grad(), observing() as runs:
        model(x, training=False)
    return list(runs)


def require_compiled(model: Any, look: str, optimizer: bool = True) -> None:
    """Raise NotCompiledError, in the name of a look, where the model has no loss (or no optimizer)."""
    missing = getattr(model, "loss", None) is None or (optimizer and getattr(model, "optimizer", None) is None)
    if missing and optimizer:
        raise NotCompiledError(f"{look}: the model has no loss or optimizer. Call model.compile('adam', loss=…).")
    if missing:
        raise NotCompiledError(f"{look}: the model has no loss. Call model.compile('adam', loss=…) first.")


def unique_paths(variables: Any) -> list[str]:
    """Return the variables' paths, with a number behind those that occur twice."""
    seen: dict[str, int] = {}
    names = []
    for variable in variables:
        path = variable.path or variable.name or ""
        seen[path] = seen.get(path, 0) + 1
        names.append(path if seen[path] == 1 else f"{path} ({seen[path]})")
    return names
