"""What `lens.time` gives: medians with their spread, rates, and how far from the roofline they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minidl.console import printable, text_table
from minidl.errors import ArgumentError
from minidl.lens.texts import amount, duration
from minidl.lens.timing.costs import Cost
from minidl.lens.timing.rooflines import Roofline

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Spread(NamedTuple):
    """Median and quartiles of some repeats, in seconds."""

    median: float
    low: float
    high: float
    repeats: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        """Return the median, the lower and the upper quartile.

        >>> Spread.of([1.0, 2.0, 3.0, 4.0, 100.0])
        Spread(median=3.0, low=2.0, high=4.0, repeats=5)
        """
        if not len(samples):
            raise ArgumentError("Spread.of: at least one sample is needed. Got none.")
        low, median, high = (float(q) for q in np.percentile(samples, (25, 50, 75)))
        return cls(median, low, high, len(samples))

    def __str__(self) -> str:
        return printable(f"{duration(self.median)} [{duration(self.low)} – {duration(self.high)}]")


class Counted(NamedTuple):
    """What the SIMT machine counted in the kernels of one call: no times."""

    kernels: int
    flops: int
    asked_bytes: int  # by the threads
    sector_bytes: int  # moved for them, in sectors of 32 bytes


@dataclass(frozen=True)
class Timing:
    """One op on one backend.

    kind : "measured", or "bound": no time, the least that the datasheet of `roof`'s GPU allows
    first : seconds of the first call in this process: it compiles kernels, and finds its memory
    call : of a call as the tape makes it, inputs where the backend wants them, until the results are there
    kernel : of the kernels alone, by the GPU's events, or of compiled ones by the host's clock; None without kernels
    flushed : the caches were filled with other data before each repeat
    up, down : of moving the inputs to the GPU, and the results back
    """

    op: str
    direction: str
    shapes: tuple[tuple[int, ...] | None, ...]
    backend: str
    kind: str
    device: str
    cost: Cost
    roof: Roofline
    first: float | None = None
    call: Spread | None = None
    kernel: Spread | None = None
    up: Spread | None = None
    down: Spread | None = None
    counted: Counted | None = None
    flushed: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def seconds(self) -> float | None:
        """Median of the kernels where they were timed alone, else of the call; None for a bound."""
        best = self.kernel or self.call
        return best.median if best is not None and self.kind == "measured" else None

    @property
    def total(self) -> float | None:
        """Median seconds of a call with all moves: inputs up, results down."""
        if self.call is None or self.kind != "measured":
            return None
        return self.call.median + sum(part.median for part in (self.up, self.down) if part is not None)

    @property
    def least_seconds(self) -> float:
        """Seconds that nothing on this device can be faster than."""
        return self.roof.least_seconds(self.cost)

    @property
    def flops_per_second(self) -> float | None:
        """Operations a second, by the formula of the op; None for a bound or an unknown op."""
        return None if self.seconds is None or self.cost.flops is None else self.cost.flops / self.seconds

    @property
    def bytes_per_second(self) -> float | None:
        """Compulsory bytes a second."""
        return None if self.seconds is None else self.cost.nbytes / self.seconds

    @property
    def cold(self) -> bool:
        """Whether the roof of memory is the one to compare with: the caches held nothing of the op.

        An op may be faster nevertheless, because it leaves its results in the caches; then the caches' roof counts.
        """
        return self.flushed and self.roof.least_seconds(self.cost, cold=True) <= (self.seconds or 0.0)

    @property
    def share(self) -> float | None:
        """Least seconds over measured ones: 1.0 would be as fast as the roofline."""
        return None if not self.seconds else self.roof.least_seconds(self.cost, self.cold) / self.seconds


class Timings(Sequence[Timing]):
    """The timings of a call of `lens.time`, or of several, to print, to show, to draw, or to read."""

    COLUMNS = ("op", "shapes", "backend", "first", "up", "call", "kernel", "down", "GFLOP/s", "GB/s", "op/byte",
               "of roof")  # fmt: skip
    RIGHT = ("first", "up", "call", "kernel", "down", "GFLOP/s", "GB/s", "op/byte", "of roof")

    def __init__(self, timings: Sequence[Timing]) -> None:
        self._timings = tuple(timings)

    def __getitem__(self, key: Any) -> Any:
        """Return one by its place, or by the name of its backend."""
        if isinstance(key, str):
            for timing in self._timings:
                if timing.backend == key:
                    return timing
            raise ArgumentError(f"Timings: no timing of backend {key!r}. Got {[t.backend for t in self._timings]}.")
        return self._timings[key]

    def __len__(self) -> int:
        return len(self._timings)

    def __iter__(self) -> Iterator[Timing]:
        return iter(self._timings)

    def __add__(self, other: Sequence[Timing]) -> Timings:
        """Put timings together, for one table and one picture."""
        return Timings([*self._timings, *other])

    def plot(self) -> Figure:
        """Draw bars with quartiles; also `lens.plot_timings(timings)`."""
        from minidl.lens.timing.pictures import plot_timings

        return plot_timings(self)

    def to_json(self) -> list[dict[str, Any]]:
        """Return all figures as dictionaries that `json.dumps` takes; times in seconds."""
        return [_as_dict(timing) for timing in self._timings]

    def __repr__(self) -> str:
        table = text_table(self.COLUMNS, [_cells(timing) for timing in self._timings], self.RIGHT)
        return printable("\n".join([table, "", *self._remarks()]))

    def _repr_html_(self) -> str:
        from minidl.markup import html_table, paragraphs

        table = html_table(self.COLUMNS, [_cells(timing) for timing in self._timings], self.RIGHT)
        return str(table + paragraphs(self._remarks()))

    def _remarks(self) -> list[str]:
        lines = []
        if any(t.kind == "measured" for t in self._timings):
            lines.append("Medians; a call also with its quartiles. First: the first call in this process, once.")
        for timing in self._timings:
            where = f"{timing.backend}: {'measured on ' if timing.kind == 'measured' else ''}{timing.device}"
            lines += [where, f"  roof: {timing.roof.limits()}"]
            name = f"{timing.op} {timing.direction} {_shapes(timing)}"
            lines += [f"  {name}: {note}" for note in timing.notes]
            if timing.counted is not None:
                c = timing.counted
                lines.append(
                    f"  {name}, counted: {c.kernels} kernels, {c.flops:,} operations, "
                    f"{amount(c.asked_bytes, 'B')} asked for, {amount(c.sector_bytes, 'B')} moved in 32-byte sectors "
                    f"(at least {amount(timing.cost.nbytes, 'B')} must be)"
                )
        return list(dict.fromkeys(lines))


def _cells(t: Timing) -> list[str]:
    shapes = _shapes(t)
    name = t.op if t.direction == "forward" else f"{t.op} {t.direction}"
    intensity = "" if t.cost.intensity is None else f"{t.cost.intensity:.3g}"
    if t.kind == "bound":
        bound = f"bound ≥ {duration(t.least_seconds)}"
        rates = [_rate(t.cost.flops, t.least_seconds, "≤ "), _rate(t.cost.nbytes, t.least_seconds, "≤ ")]
        return [name, shapes, t.backend, "no GPU", "", bound, "", "", *rates, intensity, ""]
    parts = ["" if part is None else duration(part.median) for part in (t.kernel, t.down)]
    return [
        name, shapes, t.backend, "" if t.first is None else duration(t.first),
        "" if t.up is None else duration(t.up.median), str(t.call), *parts,
        _rate(t.cost.flops, t.seconds or 0.0), _rate(t.cost.nbytes, t.seconds or 0.0), intensity,
        "" if t.share is None or not t.least_seconds else f"{t.share:.0%} of {t.roof.limit(t.cost, t.cold)}",
    ]  # fmt: skip


def _shapes(t: Timing) -> str:
    return " ".join("-" if s is None else "×".join(map(str, s)) or "()" for s in t.shapes)


def _rate(count: int | None, seconds: float, mark: str = "") -> str:
    return f"{mark}{count / seconds / 1e9:.3g}" if count and seconds else ""


def _as_dict(t: Timing) -> dict[str, Any]:
    parts = {"call": t.call, "kernel": t.kernel, "up": t.up, "down": t.down}
    return {
        "op": t.op, "direction": t.direction, "shapes": [None if s is None else list(s) for s in t.shapes],
        "backend": t.backend, "kind": t.kind, "device": t.device, "flops": t.cost.flops, "bytes": t.cost.nbytes,
        "formula": t.cost.formula, "first_seconds": t.first, "least_seconds": t.least_seconds,
        "share_of_roofline": t.share, "flushed": t.flushed, "roofline": t.roof._asdict(), "notes": list(t.notes),
        **{name: None if part is None else part._asdict() for name, part in parts.items()},
        "counted": None if t.counted is None else t.counted._asdict(),
    }  # fmt: skip
