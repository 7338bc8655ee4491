"""From which size on one backend is faster than another: for a GPU with its moves, and without them.

Without a GPU its times come from a model, and say so:

    seconds = host + launch + max(operations / peak, bytes / bandwidth) + bytes / link

with the datasheet's peak and bandwidth. `host` is Python and the call, which a GPU has as well: what the first backend
takes at the smallest size beyond its roofline. A launch costs some microseconds whatever it computes, and the link
carries what does not lie on the GPU yet. Leave these out, and a GPU wins at every size, which none does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from minidl.backends.table import named, on_devices
from minidl.console import printable, text_table
from minidl.errors import ArgumentError
from minidl.lens.texts import amount, duration
from minidl.lens.timing.examples import example_shapes
from minidl.lens.timing.results import Timing, Timings
from minidl.lens.timing.timing import time

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LAUNCH = 5e-6  # seconds: from Numba an empty kernel is published to take 4 µs, and 1.6 µs more for each array
LINK = 31.5e9  # bytes a second: PCI Express 4.0 with 16 lanes, in one direction (PCI-SIG)


class CrossoverRow(NamedTuple):
    """One size on both backends."""

    size: int
    first: Timing
    second: Timing


class Crossover:
    """What `lens.crossover` gives.

    size : the smallest size from which on the second backend was faster, its moves included; None where it never was,
        or was not timed
    resident_size : the same without moves, for data that is on the device already
    model_size, model_resident_size : without a GPU, the same by the model
    launch, link : the model's seconds of a launch, and bytes a second of the way to the GPU and back
    host : its seconds of Python and the call
    """

    COLUMNS = ("size", "first", "second", "second with moves", "faster")

    def __init__(
        self, op: str, direction: str, rows: Sequence[CrossoverRow], launch: float = LAUNCH, link: float = LINK
    ) -> None:
        self.op, self.direction, self.rows = op, direction, tuple(rows)
        self.launch, self.link = launch, link
        first = rows[0].first
        self.host = max(0.0, (first.total or 0.0) - first.least_seconds)
        self.size = _from_here_on(rows, lambda t: t.total)
        self.resident_size = _from_here_on(rows, lambda t: t.call.median if t.call and t.kind == "measured" else None)
        self.model_size = _from_here_on(rows, lambda t: self.modelled(t)[1] if t.kind == "bound" else None)
        self.model_resident_size = _from_here_on(rows, lambda t: self.modelled(t)[0] if t.kind == "bound" else None)

    def modelled(self, timing: Timing) -> tuple[float, float]:
        """Return a GPU's seconds by the model: with the data on the device already, and with all moves."""
        there = self.host + self.launch + timing.least_seconds
        return there, there + timing.cost.nbytes / self.link

    @property
    def timings(self) -> Timings:
        """All timings, for `plot_roofline` or a table."""
        return Timings([timing for row in self.rows for timing in (row.first, row.second)])

    def plot(self) -> Figure:
        """Draw the time of both backends against the size."""
        from minidl.lens.timing.pictures import plot_crossover

        return plot_crossover(self)

    def _cells(self) -> list[list[str]]:
        cells = []
        for size, first, second in self.rows:
            if second.kind == "bound":
                there, moved = self.modelled(second)
                faster = second.backend if moved < (first.total or 0.0) else first.backend
                model = [f"model {duration(there)}", f"model {duration(moved)}", f"{faster}, by the model"]
                cells.append([str(size), str(first.call), *model])
                continue
            faster = second.backend if (second.total or 0.0) < (first.total or 0.0) else first.backend
            cells.append([str(size), str(first.call), str(second.call), duration(second.total or 0.0), faster])
        return cells

    def _head(self) -> list[str]:
        first, second = self.rows[0].first.backend, self.rows[0].second.backend
        return ["size", first, second, f"{second} with moves", "faster"]

    def _remarks(self) -> list[str]:
        row = self.rows[-1]
        first, second = row.first.backend, row.second.backend
        what = f"{self.op} {self.direction}"
        devices = f"{first}: measured on {row.first.device}"
        if row.second.kind == "bound":
            answer = (
                f"{what}: no GPU was timed. A model of {row.second.roof.device} is faster "
                f"{_from_size(self.model_size)} with moves, {_from_size(self.model_resident_size)} where the data is "
                f"there already. A model is no measurement. It takes {duration(self.host)} for Python and the call "
                f"(from {first} at the smallest size), {duration(self.launch)} for a launch, "
                f"{amount(self.link, 'B/s')} for moves, and the datasheet's rates of memory and of CUDA cores in "
                "float32, which no kernel quite reaches."
            )
            return [answer, devices]
        parts = [
            f"{second} is faster {_from_size(size)} {text}"
            for size, text in ((self.size, "with moves"), (self.resident_size, "where the data is there already"))
        ]
        return [f"{what}: {', '.join(parts)}.", devices, f"{second}: measured on {row.second.device}"]

    def __repr__(self) -> str:
        table = text_table(self._head(), self._cells(), ["size", *self._head()[1:4]])
        return printable("\n".join([table, "", *self._remarks()]))

    def _repr_html_(self) -> str:
        from minidl.markup import html_table, paragraphs

        return str(html_table(self._head(), self._cells(), self._head()[:4]) + paragraphs(self._remarks()))


def crossover(
    op: str,
    sizes: Sequence[int] = (32, 64, 128, 256, 512, 1024),
    backends: tuple[str, str] | None = None,
    *,
    shapes: Callable[[int], list[Any]] | None = None,
    direction: str = "forward",
    launch: float = LAUNCH,
    link: float = LINK,
    **options: Any,
) -> Crossover:
    """Time an op by growing sizes on two backends, and say from which size on the second is faster.

    Parameters
    ----------
    op : name in `minidl.ops_table()`
    sizes : in any order
    backends : the first is the one to beat; by default "cpu" and "cuda", for an op with kernels
    shapes : input shapes by size; by default square matrices, or square images of 16 channels
    direction, options : as for `lens.time`
    launch, link : seconds and bytes a second, of the model that stands in for a GPU that is not there

    Raises
    ------
    ArgumentError : not two backends, or no sizes; what `lens.time` raises

    >>> found = crossover("relu", [8, 16], ("numpy", "numpy"), repeats=1)
    >>> [row.first.shapes for row in found.rows]
    [((8, 8),), ((16, 16),)]
    """
    if backends is None:
        if not on_devices(op):
            raise ArgumentError(
                f"crossover: {op} runs on the host only, so say which two backends to time. It exists for {named(op)}."
            )
        backends = ("cpu", "cuda")
    if len(backends) != 2 or isinstance(backends, str):
        raise ArgumentError(f"crossover: two backends are needed. Got {backends!r}.")
    if not len(sizes):
        raise ArgumentError("crossover: at least one size is needed. Got none.")
    rows = []
    for size in sorted(set(sizes)):
        inputs = shapes(size) if shapes is not None else example_shapes(op, size)
        first, second = (time(op, inputs, [backend], direction=direction, **options)[0] for backend in backends)
        rows.append(CrossoverRow(size, first, second))
    return Crossover(op, direction, rows, launch, link)


def _from_size(size: int | None) -> str:
    return "at no size here" if size is None else f"from size {size} on"


def _from_here_on(rows: Sequence[CrossoverRow], seconds_of: Callable[[Timing], float | None]) -> int | None:
    """Return the smallest size from which on, at every size, the second backend takes less."""
    found = None
    for row in reversed(rows):
        seconds, other = seconds_of(row.second), row.first.total
        if seconds is None or other is None or seconds >= other:
            break
        found = row.size
    return found
