"""A crossover as a picture: time against size, on two backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.lens.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minidl.lens.timing.crossovers import Crossover

FIRST, SECOND = "#0072B2", "#D55E00"  # Okabe and Ito's colours


def plot_crossover(crossover: Crossover) -> Figure:
    """Draw the time of both backends against the size, quartiles as a band; a bound is a dashed line, and no time."""
    figure = new_figure(8.0, 4.2)
    axes = figure.subplots()
    sizes = [row.size for row in crossover.rows]
    first, second = crossover.rows[0].first, crossover.rows[0].second
    _draw_measured(axes, sizes, [row.first for row in crossover.rows], FIRST, first.backend)
    if second.kind == "bound":
        least = [row.second.least_seconds * 1e6 for row in crossover.rows]
        label = f"{second.backend}: not timed. No program can be faster on {second.roof.device}, by its datasheet"
        axes.plot(sizes, least, "--", color=SECOND, label=label)
    else:
        timings = [row.second for row in crossover.rows]
        _draw_measured(axes, sizes, timings, SECOND, second.backend)
        total = [(timing.total or 0.0) * 1e6 for timing in timings]
        axes.plot(sizes, total, ":", color=SECOND, label=f"{second.backend} with its moves up and down")
    if crossover.size is not None:
        axes.axvline(crossover.size, color="0.5", linewidth=1)
        said = f"{second.backend} is faster from {crossover.size} on, moves included"
        axes.text(crossover.size, 0.97, f" {said}", transform=axes.get_xaxis_transform(), va="top", fontsize=8)
    axes.set(xscale="log", yscale="log", xlabel="size", ylabel="µs", title=_title(crossover))
    axes.set_xticks(sizes, [str(size) for size in sizes], minor=False)
    axes.minorticks_off()
    axes.title.set_fontsize(9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def _draw_measured(axes: Any, sizes: list[int], timings: list[Any], colour: str, backend: str) -> None:
    axes.plot(
        sizes, [t.call.median * 1e6 for t in timings], "o-", markersize=4, color=colour, label=f"{backend}, measured"
    )
    low, high = [t.call.low * 1e6 for t in timings], [t.call.high * 1e6 for t in timings]
    axes.fill_between(sizes, low, high, color=colour, alpha=0.2, linewidth=0)


def _title(crossover: Crossover) -> str:
    row = crossover.rows[-1]
    devices = dict.fromkeys(timing.device for timing in (row.first, row.second) if timing.kind == "measured")
    return "\n".join([f"{crossover.op} {crossover.direction}", *(f"measured on {device}" for device in devices)])
