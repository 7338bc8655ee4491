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
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from cuda_kernels.launch import simt_options
from minidl.backends.devices.arrays import device_name, on_host
from minidl.backends.selection import HOST
from minidl.console import printable
from minidl.lens.comparing import text
from minidl.lens.comparing.patterns import patterns
from minidl.lens.comparing.sides import Side, Spec, aligned
from minidl.lens.comparing.tolerances import difference, tolerance_of, truths
from minidl.lens.formulas import array_names
from minidl.lens.recording.events import RecordedOp
from minidl.lens.recording.recording import require_compiled
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


@dataclass(eq=False)
class Comparison:
    """What `compare` found: `rows`, `divergence` (None if all is well), a table, a picture.

    `ok` : no op was wrong. `labels` : the names of the two sides. `losses` : of the two sides. `faults` : what the SIMT
    machine says against the kernels (a race may give right numbers).
    """

    rows: list[Row]
    divergence: Divergence | None
    labels: tuple[str, str]
    losses: tuple[float, float]
    faults: tuple[str, ...] = ()

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
    first, second : "numpy", "cpu", "simt", "cuda", a rung ("simt:r1"), a backend of your own (where it has an op; the
        others run on numpy), or a dictionary such as {"conv2d_backward": "mine"}. A layer's own backend= is stronger.
    tolerance : largest relative difference to accept, |A - B| <= tolerance * largest |A|, instead of the one that is
        worked out: 16 sqrt(n) max(eps * largest |A|, A's own distance from float64), with eps of the dtype and n the
        number of terms that a cell sums (see `minidl.lens.comparing.tolerances` for why). Integers must be equal.

    Raises
    ------
    NotCompiledError : the model has no loss
    BackendError : no such backend, or it has no implementation of an op
    ArgumentError : the two sides ran different ops, so that they cannot be held against each other
    """
    require_compiled(model, "lens", optimizer=False)
    a, b = Side(model, x, y, first), Side(model, x, y, second)
    # What a forward of one's own keeps nobody else can read: there is no truth about its backward.
    strange = {id(op.run.cache) for op in a.ops if op.run is not None and op.direction == "forward" and _is_own(op)}
    rows: list[Row] = []
    divergence = None
    with simt_options(strict=False):
        for number, (op, own, other) in enumerate(aligned(a, b)):
            given = _given(own, other)
            alone = given.again(other.backend) if divergence is None else None
            exact = [] if divergence is not None else truths(own, id(own.cache) not in strange)
            for value in (*_outputs(own, other, alone, exact), *_cache(own, alone)):
                row = _row(number, op, own, value, tolerance)
                if divergence is not None:  # what is behind it went in wrong: only the free runs say something
                    row = replace(row, forced=None, relative=None)
                if value.position >= 0 or row.verdict == "WRONG":
                    rows.append(row)
                if row.verdict == "WRONG":
                    divergence = _divergence(row, value, given, other.backend, a, b)
    faults = tuple(dict.fromkeys(str(fault) for side in (a, b) for fault in side.faults))
    return Comparison(rows, divergence, (a.label, b.label), (a.loss, b.loss), faults)


@dataclass(eq=False)
class _Value:
    """One array of the step: of the first side, of the second side, of the second side's op alone; exact if known.

    position : among the op's outputs, -1 for a part of its cache; off : how far rounding takes NumPy from the exact one
    """

    name: str
    position: int
    own: np.ndarray
    other: np.ndarray
    alone: np.ndarray | None
    exact: np.ndarray | None = None
    off: float = 0.0


def _is_own(op: OpRun) -> bool:
    return op.backend not in HOST and device_name(op.backend) is None


def _given(own: OpRun, other: OpRun) -> OpRun:
    """What the second side's op is given alone: all of the first side's, its cache where both keep the same kind."""
    inputs, cache = on_host((tuple(own.inputs), own.cache), "compare")
    same = type(own.cache) is type(other.cache) or device_name(other.backend) is not None
    return replace(own, inputs=inputs, cache=cache if own.direction == "forward" or same else other.cache)


def _outputs(
    own: OpRun, other: OpRun, alone: OpRun | None, exact: list[tuple[np.ndarray | None, float]]
) -> Iterator[_Value]:
    """Yield the results that both sides have."""
    names, parts = array_names(own)[1], (own.outputs, other.outputs, () if alone is None else tuple(alone.outputs))
    for position, (name, mine, theirs, forced) in enumerate(zip_longest(names, *on_host(parts, "compare"))):
        if mine is not None and theirs is not None:
            yield _Value(name, position, mine, theirs, forced, *(exact[position] if exact else ()))


def _cache(own: OpRun, alone: OpRun | None) -> Iterator[_Value]:
    """Yield the float arrays that a forward keeps for its backward, where both sides keep the same kind."""
    if alone is None or own.direction == "backward" or type(own.cache) is not type(alone.cache):
        return
    fields = getattr(own.cache, "_fields", ())
    for name, kept, again in zip(fields, *on_host((own.cache, alone.cache), "compare"), strict=True) if fields else ():
        if isinstance(kept, np.ndarray) and isinstance(again, np.ndarray) and kept.dtype.kind == "f":
            yield _Value(f"cache.{name}", -1, kept, again, again)


def _row(number: int, op: RecordedOp, run: OpRun, value: _Value, tolerance: float | None) -> Row:
    mine = value.own
    largest = float(np.max(np.abs(mine[np.isfinite(mine)], dtype=np.float64), initial=0.0))
    allowed = tolerance_of(run, value.position, mine, value.off) if tolerance is None else tolerance * largest

    def apart(array: np.ndarray) -> float:
        return float(difference(mine, array).max(initial=0.0)) if mine.shape == array.shape else np.inf

    forced = None if value.alone is None else apart(value.alone)
    relative = None if forced is None else forced / largest if largest else forced
    direction = "update" if op.op.endswith("_update") else op.direction
    layer = op.weight or op.layer or "loss"
    shape = tuple(mine.shape)
    return Row(number, direction, layer, op.op, value.name, shape, apart(value.other), forced, relative, allowed)


def _divergence(row: Row, value: _Value, given: OpRun, backend: str, a: Side, b: Side) -> Divergence:
    """Say what is wrong with a value, and who did it."""
    from minidl.lens.comparing.faults import blame

    assert value.alone is not None
    apart = difference(value.own, value.alone)
    wrong = apart > row.tolerance
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(apart)), apart.shape))
    expected, got = value.own[index].item(), value.alone[index].item()
    culprit, exact = b, None if value.exact is None else float(value.exact[index])
    if exact is not None and abs(expected - exact) > abs(got - exact):
        culprit, backend = a, given.backend
    found = None
    if value.position >= 0 and (culprit is not a or device_name(backend) is not None):
        found = blame(given, backend, value.position, index)
    return Divergence(
        row, index, expected, got, exact, wrong, tuple(patterns(value.own, value.alone, wrong)), culprit.label, backend,
        found, tuple(dict.fromkeys(map(str, culprit.faults))),
    )  # fmt: skip
