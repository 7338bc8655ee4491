"""From which size on one backend is faster than another: for a GPU with its moves, and without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from minidl.backends.table import named, on_devices
from minidl.console import printable
from minidl.errors import ArgumentError
from minidl.lens.texts import duration, text_table
from minidl.lens.timing.examples import example_shapes
from minidl.lens.timing.results import Timing, Timings
from minidl.lens.timing.timing import time

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    possible_size : without a GPU, the smallest size from which on its datasheet does not rule out that it is faster
    """

    COLUMNS = ("size", "first", "second", "second with moves", "faster")

    def __init__(self, op: str, direction: str, rows: Sequence[CrossoverRow]) -> None:
        self.op, self.direction, self.rows = op, direction, tuple(rows)
        self.size = _from_here_on(rows, lambda t: t.total)
        self.resident_size = _from_here_on(rows, lambda t: t.call.median if t.call and t.kind == "measured" else None)
        self.possible_size = _from_here_on(rows, lambda t: t.least_seconds if t.kind == "bound" else None)

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
                bound = f"bound ≥ {duration(second.least_seconds)}"
                cells.append([str(size), str(first.call), bound, "", "not timed"])
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
            possible = "at no size here" if self.possible_size is None else f"from size {self.possible_size} on"
            answer = (
                f"{what}: no GPU was timed, so no crossover is known. The datasheet of {row.second.roof.device}, "
                f"launches and moves left out, does not rule out that it is faster {possible}."
            )
            return [answer, devices]
        parts = [
            f"{second} is faster {'at no size here' if size is None else f'from size {size} on'} {text}"
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
    return Crossover(op, direction, rows)


def _from_here_on(rows: Sequence[CrossoverRow], seconds_of: Callable[[Timing], float | None]) -> int | None:
    """Return the smallest size from which on, at every size, the second backend takes less."""
    found = None
    for row in reversed(rows):
        seconds, other = seconds_of(row.second), row.first.total
        if seconds is None or other is None or seconds >= other:
            break
        found = row.size
    return found
