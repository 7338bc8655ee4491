"""A recording as a table: every op, kernel and move, what they add up to, and what lies between them; or the ops alone,
forward and back."""

from __future__ import annotations

from typing import Any, NamedTuple

from minidl.backends.devices.ledger import Ledger, Transfer
from minidl.console import one_line, printable, text_table
from minidl.errors import ArgumentError
from minidl.lens.recording.events import PHASES, ArrayFacts, RecordedLaunch, RecordedOp
from minidl.lens.recording.recording import Recording, record_batch, require_compiled
from minidl.lens.texts import milliseconds, shape_text, share
from minidl.lens.timing.machines import machine

GROUPS = ("phase", "layer", "op", "direction", "backend")


class TimelineRow(NamedTuple):
    """One line of the table. `kind` is op, kernel or move; `gap` are the seconds of Python ahead of an op.

    `seconds` of a kernel are those on the GPU, or of this processor for a compiled one ("ptx"); None on the SIMT
    machine, whose simulation says nothing about a GPU.
    `nbytes` of an op: of the arrays that it was given and gave; of a kernel on the SIMT machine: of the 32-byte sectors
    that it moved; of a move: what was moved.
    """

    kind: str
    phase: str
    layer: str
    name: str
    inputs: str
    outputs: str
    backend: str
    gap: float
    seconds: float | None
    nbytes: int | None
    depth: int


class Total(NamedTuple):
    """A sum over some ops. `gap` are the seconds of Python ahead of them; up and down are bytes moved by them."""

    name: str
    ops: int
    seconds: float
    gap: float
    kernels: int
    up: int
    down: int


class Timeline:
    """What `lens.timeline` gives: rows to print, to show in a notebook, or to read."""

    COLUMNS = ("phase", "layer", "op", "inputs", "outputs", "backend", "gap ms", "ms", "bytes")
    RIGHT = ("gap ms", "ms", "bytes")

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.rows = list(_rows(recording))

    def __len__(self) -> int:
        return len(self.rows)

    def totals(self, by: str = "phase") -> list[Total]:
        """Add up the ops by "phase", "layer", "op", "direction" or "backend"; the largest first, phases in order.

        Moves and kernels count where their op does; those outside any op stand under "outside the ops".
        """
        if by not in GROUPS:
            raise ArgumentError(f"totals: by must be one of {GROUPS}. Got {by!r}.")
        groups: dict[str, list[RecordedOp]] = {}
        for op in self.recording.ops:
            groups.setdefault(_group(op, by), []).append(op)
        gaps = {id(op): gap for op, gap in _with_gaps(self.recording)}
        found = [
            Total(
                name,
                len(ops),
                sum(op.seconds for op in ops),
                sum(gaps.get(id(op), 0.0) for op in ops),
                sum(len(op.launches) for op in ops),
                *(Ledger(move for op in ops for move in op.moves).total(way) for way in ("up", "down")),
            )
            for name, ops in groups.items()
        ]
        found.sort(key=lambda t: PHASES.index(t.name) if t.name in PHASES else -t.seconds)
        loose = [s for s in self.recording.spans() if s.kind in ("move", "kernel")]
        if loose:
            moves = Ledger(s.item for s in loose if isinstance(s.item, Transfer))
            seconds, moved = sum(s.seconds for s in loose), (moves.total("up"), moves.total("down"))
            found.append(Total("outside the ops", 0, seconds, 0.0, len(loose) - len(moves), *moved))
        return found

    def parts(self) -> dict[str, float]:
        """Return what the wall time consists of, in seconds; the values add up to `recording.wall`."""
        seconds = self.recording.seconds
        parts = {
            "ops": seconds("op"),
            "moves outside the ops": seconds("move"),
            "kernels outside the ops": seconds("kernel"),
            "waiting for the GPU": seconds("wait"),
            "Python between the ops": seconds("python"),
            "the recording itself": seconds("lens"),
        }
        # An op around other ops holds their recording too.
        within = sum(op.inside for op in self.recording.ops) - sum(
            op.finished - op.started for op in self.recording.ops if op.depth
        )
        parts["ops"] -= within
        parts["the recording itself"] += within
        return {name: value for name, value in parts.items() if value or name in ("ops", "Python between the ops")}

    def _summary(self) -> list[str]:
        recording, ledger = self.recording, self.recording.ledger
        parts = " + ".join(
            f"{name} {milliseconds(value)} ({share(value, recording.wall)})" for name, value in self.parts().items()
        )
        lines = [f"wall {milliseconds(recording.wall)} ms = {parts}"]
        up, down = (sum(move.direction == way for move in ledger) for way in ("up", "down"))
        lines.append(f"moved up {ledger.total('up'):,} bytes in {up}, down {ledger.total('down'):,} bytes in {down}")
        for device in recording.devices:
            own = [launch.seconds or 0.0 for launch in recording.launches if launch.place == device.name]
            took = f"{len(own)} kernels took {milliseconds(sum(own))} ms"
            lines.append(
                {
                    "": f"{len(own)} kernels on {device.runs_on}: the ms of their ops and of the moves are a "
                    "simulation's on the CPU, and say nothing about a GPU",
                    "host": f"{took} of {device.runs_on}: no GPU was timed",
                    "gpu": f"{took} on {device.runs_on}, {device.times}; the ms of an op are the host's, until its "
                    "kernels were queued",
                }[device.timed]
            )
        return [*lines, f"measured on {machine()}"]

    def _cells(self) -> list[list[str]]:
        return [
            [
                row.phase, row.layer, "  " * row.depth + row.name, row.inputs, row.outputs, row.backend,
                milliseconds(row.gap) if row.kind == "op" and not row.depth else "",
                "" if row.seconds is None else milliseconds(row.seconds),
                "" if row.nbytes is None else f"{row.nbytes:,}",
            ]
            for row in self.rows
        ]  # fmt: skip

    def __repr__(self) -> str:
        table = text_table(self.COLUMNS, self._cells(), self.RIGHT)
        return printable("\n".join([table, "", totals_text(self.totals()), "", *self._summary()]))

    def _repr_html_(self) -> str:
        from minidl.markup import html_table, paragraphs

        head, rows = _total_cells(self.totals())
        tables = html_table(self.COLUMNS, self._cells(), self.RIGHT) + html_table(head, rows, head[1:])
        return str(tables + paragraphs(self._summary()))


def timeline(recording: Recording) -> Timeline:
    """Return a recording as a table with totals.

    >>> import minidl
    >>> from minidl.lens import record
    >>> with record() as recording, minidl.using(negative="simt"):
    ...     y = -minidl.Tensor([[1.0, 2.0]])
    >>> [(row.kind, row.name) for row in timeline(recording).rows]
    [('op', 'negative'), ('move', 'up: negative forward'), ('kernel', 'unary_wide')]
    """
    return Timeline(recording)


def totals_text(totals: list[Total]) -> str:
    """Return totals as lines of text."""
    head, rows = _total_cells(totals)
    return text_table(head, rows, head[1:])


def _total_cells(totals: list[Total]) -> tuple[list[str], list[list[str]]]:
    head = ["total", "ops", "ms", "gap ms", "kernels", "bytes up", "bytes down"]
    return head, [
        [
            t.name, str(t.ops), milliseconds(t.seconds), milliseconds(t.gap), str(t.kernels), f"{t.up:,}",
            f"{t.down:,}",
        ]
        for t in totals
    ]  # fmt: skip


def _group(op: RecordedOp, by: str) -> str:
    if by == "layer":
        return op.layer or f"({op.phase})"
    return str(getattr(op, by))


def _with_gaps(recording: Recording) -> list[tuple[RecordedOp, float]]:
    """Return the outermost ops with the seconds of Python since whatever was before them."""
    found, gap = [], 0.0
    for span in recording.spans():
        if isinstance(span.item, RecordedOp):
            found.append((span.item, gap))
            gap = 0.0
        elif span.kind == "python":
            gap += span.seconds
    return found


def _rows(recording: Recording) -> list[TimelineRow]:
    gaps = {id(op): gap for op, gap in _with_gaps(recording)}
    timed: list[tuple[float, float, RecordedOp | RecordedLaunch | Transfer]] = [
        *((op.started, -op.finished, op) for op in recording.ops),
        *((s.started, -s.finished, s.item) for s in recording.spans() if s.kind in ("move", "kernel") and s.item),
    ]
    rows: list[TimelineRow] = []
    for _, _, item in sorted(timed, key=lambda entry: entry[:2]):
        if isinstance(item, RecordedOp):
            name = f"{item.op} (sum of gradients)" if item.is_sum else item.op
            given, gave = (" ".join(map(_facts_text, facts)) for facts in (item.inputs, item.outputs))
            gap = gaps.get(id(item), 0.0)
            rows.append(
                TimelineRow(
                    "op", item.phase, item.layer, name, given, gave, item.backend, gap, item.seconds, item.nbytes,
                    item.depth,
                )
            )  # fmt: skip
            parts: list[RecordedLaunch | Transfer] = [*item.moves, *item.launches]
            inner = sorted(parts, key=lambda part: part.started)
            rows += [_part_row(part, item.phase, item.layer, item.depth + 1) for part in inner]
        else:
            rows.append(_part_row(item, "", "", 0))
    return rows


def _part_row(part: RecordedLaunch | Transfer, phase: str, layer: str, depth: int) -> TimelineRow:
    if isinstance(part, Transfer):
        seconds: float | None = part.finished - part.started
        name, shape = f"{part.direction}: {part.cause}", shape_text(part.shape)
        given, gave = (shape, "") if part.direction == "up" else ("", shape)
        return TimelineRow("move", phase, layer, name, given, gave, "", 0.0, seconds, part.nbytes, depth)
    grid = f"grid {shape_text(part.grid)} block {shape_text(part.block)}"
    moved = None if part.figures is None else 32 * part.figures.global_sectors
    return TimelineRow("kernel", phase, layer, part.kernel, grid, "", part.place, 0.0, part.seconds, moved, depth)


def _facts_text(facts: ArrayFacts | None) -> str:
    return "-" if facts is None else shape_text(facts.shape)


# ---- the ops of one step alone


class StepRow(NamedTuple):
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

    COLUMNS = StepRow._fields

    def __init__(self, rows: list[StepRow], loss: float) -> None:
        self.rows, self.loss = rows, loss

    def __len__(self) -> int:
        return len(self.rows)

    def total_ms(self, direction: str | None = None) -> float:
        """Return the sum of the ops' times in ms, of one direction or of both."""
        return sum(row.ms for row in self.rows if direction in (None, row.direction))

    def _cells(self) -> list[list[str]]:
        return [[*row[:-1], f"{row.ms:.3f}"] for row in self.rows]

    def __repr__(self) -> str:
        head, rule, *rows = text_table(self.COLUMNS, self._cells(), ("ms",)).split("\n")
        lines = [head, rule]
        for direction in ("forward", "backward"):
            lines += [line for line, row in zip(rows, self.rows, strict=True) if row.direction == direction]
            lines += [f"{direction} in all".ljust(len(head) - 10) + f"{self.total_ms(direction):10.3f}", ""]
        return printable("\n".join([*lines, f"loss {self.loss:.4f}"]))

    def _repr_html_(self) -> str:
        from minidl.markup import html_table, paragraphs

        cells = [[one_line(cell) for cell in row] for row in self._cells()]
        return str(html_table(self.COLUMNS, cells, ("ms",)) + paragraphs([f"loss {self.loss:.4f}"]))


def training_step(model: Any, x: Any, y: Any) -> StepTable:
    """Run one training step, and return its forward and backward op by op. The model is left as it was.

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
    require_compiled(model, "training_step", optimizer=False)
    recording = record_batch(model, x, y)
    ops = [op for op in recording.step if op.phase != "update" and not op.is_sum]
    return StepTable([_step_row(op) for op in ops], float(recording.result["loss"]))


def _step_row(op: RecordedOp) -> StepRow:
    given, gave = (" ".join(shape_text(a.shape) for a in facts if a is not None) for facts in (op.inputs, op.outputs))
    ms = (op.finished - op.called) * 1e3
    return StepRow(op.direction, op.layer or "loss", op.op, given, gave, op.backend, op.why, ms)
