"""Two backends side by side, op by op, down to the first op that is wrong and the thread that made it so.

>>> import minidl, numpy as np
>>> from minidl import lens
>>> model = minidl.Sequential([minidl.layers.Dense(2, activation="softmax", input_shape=(3,), name="out")])
>>> model.compile("sgd", "sparse_categorical_crossentropy")
>>> result = lens.compare(model, np.ones((4, 3), "float32"), np.array([0, 1, 0, 1]), "numpy", "simt")
>>> result.ok, [row.value for row in result.rows if row.direction == "backward"][-2:]
(True, ['dw', 'db'])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cuda_kernels.launch import simt_options
from minidl.backends.devices.arrays import device_name, on_host
from minidl.console import printable
from minidl.lens.comparing import text
from minidl.lens.comparing.patterns import patterns
from minidl.lens.comparing.sides import Side, Spec, aligned, call, prepare, run_side, value_names
from minidl.lens.comparing.tolerances import Truth, difference, tolerance_of
from minidl.observers import OpRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minidl.lens.comparing.faults import Blame


@dataclass(frozen=True)
class Row:
    """One value of the step on both sides.

    direction : "forward", "backward" or "update"
    value : "y", "dw", … or "cache.x_hat", what a forward keeps for its backward
    free : largest |A - B|, each side going on with its own values: what the step as a whole makes of it
    forced : the same with B given A's inputs: what this op alone does; None behind the first divergence
    relative : forced / largest |A|
    tolerance : what rounding explains, for `forced`
    """

    number: int
    direction: str
    layer: str
    op: str
    value: str
    shape: tuple[int, ...]
    free: float
    forced: float | None
    relative: float | None
    tolerance: float

    @property
    def verdict(self) -> str:
        """Return "ok"; "WRONG", by its own doing; "drifts", right by itself, with earlier rounding made large; or "".

        Adam makes values drift: it divides a gradient by its own size, even one that is all rounding. "" is not known.
        """
        if self.forced is None:
            return ""
        if not self.forced <= self.tolerance:
            return "WRONG"
        return "drifts" if self.free > 100 * self.tolerance and self.value[:5] != "cache" else "ok"


@dataclass(frozen=True, eq=False)
class Divergence:
    """The first value that is wrong although its inputs were right.

    index : of the cell that is furthest off; expected, got : its values on the two sides, and exact in float64, where
        that is known
    wrong : bool array, which cells are; patterns : sentences about them
    culprit : the label of the side that is further from float64
    blame : the kernel and thread, where a kernel ran; faults : what the SIMT machine found wrong with it
    """

    row: Row
    index: tuple[int, ...]
    expected: float
    got: float
    exact: float | None
    wrong: np.ndarray = field(repr=False)
    patterns: tuple[str, ...]
    culprit: str
    backend: str
    blame: Blame | None
    faults: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return printable(text.sentence(self))


class Comparison:
    """What `compare` found: `rows`, `divergence` (None if all is well), a table, a picture.

    `ok` : no op was wrong. `labels` : the names of the two sides. `losses` : of the two sides. `faults` : what the SIMT
    machine says against the kernels (a race may give right numbers).
    """

    def __init__(
        self, rows: list[Row], divergence: Divergence | None, labels: tuple[str, str], losses: tuple[float, float],
        faults: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.rows, self.divergence, self.labels, self.losses = rows, divergence, labels, losses
        self.faults = faults

    @property
    def ok(self) -> bool:
        """Whether no op was wrong."""
        return self.divergence is None

    def __repr__(self) -> str:
        return printable(text.table(self))

    def _repr_html_(self) -> str:
        return str(text.html(self))

    def plot(self) -> Figure:
        """Return a picture of the differences along the step, on a logarithmic scale, with what rounding explains."""
        from minidl.lens.comparing.picture import draw

        return draw(self)


def compare(
    model: Any, x: Any, y: Any, first: Spec = "numpy", second: Spec = "simt", *, tolerance: float | None = None
) -> Comparison:
    """Run one training step on two backends, op by op, and find the first op that is wrong.

    Each side runs the whole step, forward, loss, backward and update, with its own values ("free"). Then each op of the
    second side runs once more, alone, on the first side's inputs ("forced"). An error that came in earlier shows in
    `free` only; the op that made it shows in `forced`. What a forward keeps for its backward is compared too. The
    comparison stops at the first op whose forced difference is larger than its tolerance, and says what is wrong there.

    On "simt" and "cuda" it names the kernel and the thread (for cuda by running that op once more on the SIMT
    machine); for a backend in NumPy the op and the index.

    Parameters
    ----------
    model : a compiled model; its weights, states and seeds are as before when `compare` returns
    x, y : one small batch (a few samples do: the SIMT machine is slow)
    first, second : "numpy", "simt", "cuda", a rung ("simt:r1"), a backend of your own (where it has an op; the others
        run on numpy), or a dictionary such as {"conv2d_backward": "mine"}. A layer's own backend= is stronger.
    tolerance : largest relative difference to accept, |A - B| <= tolerance * largest |A|, instead of the one that is
        worked out: 16 sqrt(n) max(eps * largest |A|, A's own distance from float64), with eps of the dtype and n the
        number of terms that a cell sums (see `minidl.lens.comparing.tolerances` for why). Integers must be equal.

    Raises
    ------
    NotCompiledError : the model has no loss
    BackendError : no such backend, or it has no implementation of an op
    ArgumentError : the two sides ran different ops, so that they cannot be held against each other
    """
    batch = prepare(model, x)
    sides = run_side(model, batch, y, first), run_side(model, batch, y, second)
    a, b = sides
    pairs = aligned(a, b)
    rows: list[Row] = []
    divergence = None
    with simt_options(strict=False):
        for value in _values(a, pairs, tolerance):
            if divergence is None and value.row.verdict == "WRONG":
                divergence = value.diverges(a, b)
            elif divergence is not None:
                value.row = _unknown(value.row)
            rows.append(value.row)
    faults = tuple(dict.fromkeys(str(fault) for side in sides for fault in side.faults))
    return Comparison(rows, divergence, (a.label, b.label), (a.loss, b.loss), faults)


@dataclass(eq=False)
class _Value:
    """One value while it is compared."""

    row: Row
    run: OpRun
    backend: str
    position: int
    cache: Any
    expected: np.ndarray
    got: np.ndarray
    exact: np.ndarray | None

    def diverges(self, a: Side, b: Side) -> Divergence:
        """Say what is wrong with this value, and who did it."""
        from minidl.lens.comparing.faults import blame

        apart = difference(self.expected, self.got)
        wrong = apart > self.row.tolerance
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(apart)), apart.shape))
        culprit, backend, run = b.label, self.backend, self.run
        exact = None if self.exact is None else float(self.exact[index])
        if exact is not None and abs(self.expected[index] - exact) > abs(self.got[index] - exact):
            culprit, backend = a.label, self.run.backend
        found = None
        if self.position >= 0 and (culprit != a.label or device_name(backend) is not None):
            found = blame(run, backend, self.cache, self.position, index)
        faults = tuple(dict.fromkeys(str(f) for side in (a, b) if side.label == culprit for f in side.faults))
        return Divergence(
            self.row, index, self.expected[index].item(), self.got[index].item(), exact, wrong,
            tuple(patterns(self.expected, self.got, wrong)), culprit, backend, found, faults,
        )  # fmt: skip


def _values(a: Side, pairs: list[tuple[OpRun, OpRun]], tolerance: float | None) -> Iterator[_Value]:
    """Yield every value of the step, with the second side forced while nothing is wrong yet."""
    forcing = True
    strange = {
        id(run.cache) for run in a.runs
        if run.direction == "forward" and run.backend != "numpy" and device_name(run.backend) is None
    }  # fmt: skip
    for number, (own, other) in enumerate(pairs):
        mine, theirs = on_host(own.outputs, "compare"), on_host(other.outputs, "compare")
        names = value_names(own, len(mine))
        forced: tuple[Any, ...] = (None,) * len(mine)
        made, truth, cache = None, None, own.cache if own.direction == "backward" else None
        if forcing:
            cache = _cache_for(own, other)
            called = call(own, other.backend, cache)
            forced, made = called.outputs, called.cache
            truth = Truth(own, id(own.cache) not in strange)
        direction = "update" if own.op.endswith("_update") else own.direction
        layer = a.weight_of(own) or own.layer or "loss"
        for position, name in enumerate(names):
            if mine[position] is None or theirs[position] is None:
                continue
            exact, off = (None, 0.0) if truth is None else truth.of(position)
            given = forced[position]
            row = _row(number, direction, layer, own, name, position, mine[position], theirs[position], given, off,
                       tolerance)  # fmt: skip
            value = _Value(row, own, other.backend, position, cache, mine[position], given, exact)
            yield value
            forcing = forcing and row.verdict != "WRONG"
        if forcing and own.direction == "forward":
            for name, kept, again in _fields(own.cache, made):
                row = _row(number, direction, layer, own, f"cache.{name}", -1, kept, again, again, 0.0, tolerance)
                if row.verdict == "WRONG":
                    yield _Value(row, own, other.backend, -1, cache, kept, again, None)
                    forcing = False
                    break


def _row(
    number: int, direction: str, layer: str, run: OpRun, name: str, position: int, mine: Any, theirs: Any,
    forced: Any, off: float, tolerance: float | None,
) -> Row:  # fmt: skip
    largest = float(np.max(np.abs(mine[np.isfinite(mine)], dtype=np.float64), initial=0.0))
    allowed = tolerance_of(run, position, mine, off) if tolerance is None else tolerance * largest
    free = float(difference(mine, theirs).max(initial=0.0)) if mine.shape == theirs.shape else np.inf
    own = relative = None
    if forced is not None:
        own = float(difference(mine, forced).max(initial=0.0)) if mine.shape == forced.shape else np.inf
        relative = own / largest if largest else own
    return Row(number, direction, layer, run.op, name, tuple(mine.shape), free, own, relative, allowed)


def _unknown(row: Row) -> Row:
    """A row behind the first divergence: only what the free runs say."""
    return Row(row.number, row.direction, row.layer, row.op, row.value, row.shape, row.free, None, None, row.tolerance)


def _cache_for(run: OpRun, other: OpRun) -> Any:
    """What a backward is forced with: the first side's cache where both sides have the same kind, else its own."""
    if run.direction == "forward":
        return None
    same = type(run.cache) is type(other.cache) or device_name(other.backend) is not None
    return run.cache if same else other.cache


def _fields(cache: Any, made: Any) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the float arrays of two caches of one kind, by name."""
    if type(cache) is not type(made) or not hasattr(cache, "_fields"):
        return
    for name, kept, again in zip(cache._fields, on_host(cache, "compare"), on_host(made, "compare"), strict=True):
        if isinstance(kept, np.ndarray) and isinstance(again, np.ndarray) and kept.dtype.kind == "f":
            yield name, kept, again
