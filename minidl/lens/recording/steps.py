"""One training step as a table: every op forward, then every op backward, with shapes, backend and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minidl.console import one_line, printable
from minidl.errors import NotCompiledError
from minidl.lens.recording.preserved import ensure_built, preserved
from minidl.tape import Entry, GradientTape
from minidl.tensor import convert_to_tensor


@dataclass(frozen=True)
class StepRow:
    """One op in one direction. `ms` is the time of this one run, on the host's clock."""

    direction: str
    layer: str
    op: str
    inputs: str
    outputs: str
    backend: str
    why: str
    ms: float


class StepTable:
    """The rows of a step, to print, to show in a notebook, or to read."""

    COLUMNS = ("direction", "layer", "op", "inputs", "outputs", "backend", "why", "ms")

    def __init__(self, rows: list[StepRow], loss: float) -> None:
        self.rows, self.loss = rows, loss

    def __len__(self) -> int:
        return len(self.rows)

    def total_ms(self, direction: str | None = None) -> float:
        """Return the sum of the ops' times in ms, of one direction or of both."""
        return sum(row.ms for row in self.rows if direction in (None, row.direction))

    def _cells(self) -> list[list[str]]:
        return [
            [f"{getattr(row, c):.3f}" if c == "ms" else one_line(getattr(row, c)) for c in self.COLUMNS]
            for row in self.rows
        ]

    def __repr__(self) -> str:
        cells = self._cells()
        widths = [max(len(r[i]) for r in [list(self.COLUMNS), *cells]) for i in range(len(self.COLUMNS))]

        def line(row: list[str]) -> str:
            padded = [
                c.rjust(w) if i == len(row) - 1 else c.ljust(w)
                for i, (c, w) in enumerate(zip(row, widths, strict=True))
            ]
            return "  ".join(padded).rstrip()

        head = line(list(self.COLUMNS))
        lines = [head, "-" * len(head)]
        for direction in ("forward", "backward"):
            part = [line(c) for c, row in zip(cells, self.rows, strict=True) if row.direction == direction]
            lines += [*part, f"{direction} in all".ljust(len(head) - 10) + f"{self.total_ms(direction):10.3f}", ""]
        return printable("\n".join([*lines, f"loss {self.loss:.4f}"]))

    def _repr_html_(self) -> str:
        from minidl.markup import html_table, paragraphs

        return str(html_table(self.COLUMNS, self._cells(), ("ms",)) + paragraphs([f"loss {self.loss:.4f}"]))


def training_step(model: Any, x: Any, y: Any) -> StepTable:
    """Run one forward and backward pass, and return it op by op. The model is left as it was.

    Parameters
    ----------
    model : a compiled model (its loss is used)
    x, y : one batch of inputs and targets

    Raises
    ------
    NotCompiledError : the model has no loss yet

    >>> import minidl, numpy as np
    >>> model = minidl.Sequential([minidl.layers.Dense(2, activation="softmax", input_shape=(3,))])
    >>> model.compile(loss="sparse_categorical_crossentropy")
    >>> table = training_step(model, np.ones((4, 3), "float32"), np.array([0, 1, 0, 1]))
    >>> [row.op for row in table.rows if row.direction == "backward"][-1]
    'dense'
    """
    if getattr(model, "loss", None) is None:
        raise NotCompiledError("training_step: the model has no loss. Call model.compile(loss=…) first.")
    ensure_built(model, convert_to_tensor(x))
    with preserved(model):
        with GradientTape(persistent=True) as tape:
            y_pred = model(convert_to_tensor(x), training=True)
            loss = model.compute_loss(x=x, y=y, y_pred=y_pred)
        tape.gradient(loss, model.trainable_variables)
    forward = [_forward_row(entry) for entry in tape.entries]
    backward = [_backward_row(entry) for entry in reversed(tape.entries) if entry.ms_backward is not None]
    return StepTable(forward + backward, float(loss))


def _forward_row(entry: Entry) -> StepRow:
    inputs = " ".join(_shape(t) for t in entry.inputs if t is not None)
    outputs = " ".join(_shape(t) for t in entry.outputs)
    layer = entry.layer or "loss"
    return StepRow("forward", layer, entry.op, inputs, outputs, entry.backend, entry.why, entry.ms_forward)


def _backward_row(entry: Entry) -> StepRow:
    gradients = entry.gradients or ()
    found = " ".join(_shape(g) for g in gradients if g is not None)
    dy = " ".join(_shape(t) for t in entry.outputs)
    layer = entry.layer or "loss"
    ms = entry.ms_backward or 0.0
    return StepRow("backward", layer, entry.op, dy, found, entry.backend_backward, entry.why_backward, ms)


def _shape(array: Any) -> str:
    return "(" + ",".join(str(n) for n in array.shape) + ")"
