"""Timings as pictures: bars with quartiles, points under a roofline, time against size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.errors import DataError
from minidl.lens.figures import BLUE, RED, new_figure
from minidl.lens.texts import amount, duration
from minidl.lens.timing.results import Timing
from minidl.lens.timing.rooflines import Roofline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minidl.lens.timing.crossovers import Crossover

# Okabe and Ito's colours. A bound is no time: it has no colour.
PARTS = {"up": ("moves up", "#56B4E9"), "call": ("call", "#0072B2"), "kernel": ("kernels", "#D55E00"),
         "down": ("moves down", "#E69F00")}  # fmt: skip
ROOF_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


def plot_timings(timings: Sequence[Timing]) -> Figure:
    """Draw each op's backends as bars: medians, with lines from the lower to the upper quartile.

    The kernels of a GPU are drawn inside their call. A bound is an empty, dashed bar: nothing was timed.

    Raises
    ------
    DataError : no timings
    """
    from matplotlib.patches import Patch

    groups = _groups(timings, "plot_timings")
    heights = [0.5 * len(group) + 0.75 for group in groups.values()]
    figure = new_figure(9.5, sum(heights) + 1.3)
    panels = np.atleast_1d(figure.subplots(len(groups), 1, height_ratios=heights))
    drawn: dict[str, Any] = {}
    for axes, (title, group) in zip(panels, groups.items(), strict=True):
        scale, unit = _unit(max(_extent(t) for t in group))
        for place, timing in enumerate(group):
            drawn |= _draw_bars(axes, place, timing, scale)
        axes.set_yticks(range(len(group)), [t.backend for t in group])
        axes.set_ylim(len(group) - 0.5, -0.5)
        axes.set_xlim(0, 1.4 * scale * max(_extent(t) for t in group))
        axes.set_xlabel(unit)
        axes.set_title(title, fontsize=9, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    handles = [Patch(**style, label=label) for label, style in drawn.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
    figure.suptitle(_where(timings), fontsize=8.5)
    return figure


def plot_roofline(timings: Sequence[Timing]) -> Figure:
    """Draw the rooflines of the devices, and each timing as a numbered point: operations a byte, operations a second.

    An op has one number on all backends. An empty point on the roof is a bound, not a time. Ops without operations have
    no place here; they are named below.

    Raises
    ------
    DataError : no timings
    """
    groups = _groups(timings, "plot_roofline")
    drawn = {title: group for title, group in groups.items() if all(t.cost.flops and t.cost.nbytes for t in group)}
    left_out = {title: group for title, group in groups.items() if title not in drawn}
    figure = new_figure(9.5, 5.6 + 0.17 * (len(drawn) + len(left_out)))
    axes = figure.subplots()
    intensities = [t.cost.intensity or 1.0 for group in drawn.values() for t in group] + [t.roof.ridge for t in timings]
    low, high = min(intensities) / 4, max(intensities) * 6
    # One line a device: the CPU's roofline may have been measured a second time in between.
    roofs = {t.roof.device: t.roof for t in timings}
    colours = dict(zip(roofs, ROOF_COLOURS * (1 + len(roofs) // 4), strict=False))
    handles = [
        handle for device, roof in roofs.items() for handle in _draw_roof(axes, roof, colours[device], low, high)
    ]
    for number, (title, group) in enumerate(drawn.items(), start=1):
        handles.append(_draw_points(axes, number, title, group, colours))
    axes.set(xscale="log", yscale="log", xlim=(low, high), xlabel="operations a byte (of the arrays, each moved once)",
             ylabel="FLOP/s", title=_where(timings))  # fmt: skip
    axes.title.set_fontsize(8.5)
    axes.grid(which="major", alpha=0.3)
    handles += [_invisible(f"not drawn, no operations: {t}: {_byte_rates(group)}") for t, group in left_out.items()]
    figure.legend(handles=handles, fontsize=7.5, loc="outside lower left", ncols=1, frameon=False)
    return figure


def _groups(timings: Sequence[Timing], function: str) -> dict[str, list[Timing]]:
    groups: dict[str, list[Timing]] = {}
    for timing in timings:
        groups.setdefault(_title(timing), []).append(timing)
    if not groups:
        raise DataError(f"{function}: there are no timings. Got an empty list; lens.time(…) gives some.")
    return groups


def _title(timing: Timing) -> str:
    shapes = ", ".join("none" if s is None else "×".join(map(str, s)) or "()" for s in timing.shapes)
    return f"{timing.op} {timing.direction}, inputs {shapes}"


def _where(timings: Sequence[Timing]) -> str:
    measured = dict.fromkeys(t.device for t in timings if t.kind == "measured")
    bounds = dict.fromkeys(t.roof.device for t in timings if t.kind == "bound")
    lines = [f"Measured on {device}" for device in measured]
    lines += [f"{device}: no time was measured; a bound by its datasheet" for device in bounds]
    return "\n".join(lines)


def _unit(longest: float) -> tuple[float, str]:
    if longest >= 1.0:
        return 1.0, "s"
    return (1e3, "ms") if longest >= 1e-3 else (1e6, "µs")


def _extent(timing: Timing) -> float:
    if timing.kind == "bound":
        return timing.least_seconds
    extra = timing.call.high - timing.call.median if timing.call else 0.0
    return (timing.total or 0.0) + min(extra, timing.total or 0.0)


def _draw_bars(axes: Any, place: int, timing: Timing, scale: float) -> dict[str, Any]:
    """Draw one backend; return what the legend has to say."""
    if timing.kind == "bound":
        least = timing.least_seconds * scale
        style = {"facecolor": "none", "edgecolor": "#666666", "linestyle": "--"}
        axes.barh(place, least, height=0.5, **style)
        text = f" at least {duration(timing.least_seconds)}: a bound of the {timing.roof.device}, not a time"
        axes.text(least, place, text, va="center", fontsize=8, color="#444444")
        return {"bound, not a time": style}
    drawn, left = {}, 0.0
    for name in ("up", "call", "down"):
        spread = getattr(timing, name)
        if spread is None:
            continue
        label, colour = PARTS[name]
        axes.barh(place, spread.median * scale, left=left * scale, height=0.5, color=colour)
        drawn[label] = {"facecolor": colour}
        if name == "call":
            ends = [[(spread.median - spread.low) * scale], [(spread.high - spread.median) * scale]]
            axes.errorbar((left + spread.median) * scale, place, xerr=ends, color="black", capsize=3, linewidth=1)
            if timing.kernel is not None:
                label, colour = PARTS["kernel"]
                axes.barh(place, timing.kernel.median * scale, left=left * scale, height=0.25, color=colour)
                drawn[label] = {"facecolor": colour}
        left += spread.median
    axes.text(_extent(timing) * scale, place, f"  {_summary(timing)}", va="center", fontsize=8)
    return drawn


def _summary(timing: Timing) -> str:
    parts = [duration(timing.total or 0.0)]
    if timing.flops_per_second:
        parts.append(amount(timing.flops_per_second, "FLOP/s"))
    elif timing.bytes_per_second:
        parts.append(amount(timing.bytes_per_second, "B/s"))
    if timing.share:
        parts.append(f"{timing.share:.0%} of {timing.roof.limit(timing.cost, timing.cold)}")
    return ", ".join(parts)


def _draw_roof(axes: Any, roof: Roofline, colour: str, low: float, high: float) -> list[Any]:
    x = np.geomspace(low, high, 200)
    kind = "measured" if "measured" in roof.source else "by its datasheet"
    text = (
        f"{roof.device.split(';')[0]}: {amount(roof.flops, 'FLOP/s')}, {amount(roof.bytes_per_second, 'B/s')} ({kind})"
    )
    lines = axes.plot(x, [roof.attainable(i) for i in x], color=colour, linewidth=2, label=text)
    if roof.cache_bytes:
        y = np.minimum(roof.flops, x * roof.cache_bytes_per_second)
        label = f"    from its caches: {amount(roof.cache_bytes_per_second, 'B/s')}"
        lines += axes.plot(x, y, color=colour, linewidth=1, linestyle="--", label=label)
    return lines


def _draw_points(axes: Any, number: int, title: str, group: list[Timing], colours: dict[str, str]) -> Any:
    """Draw an op's points with its number beside them; return its line of the legend."""
    found = []
    for timing in group:
        colour, bound = colours[timing.roof.device], timing.kind == "bound"
        rate = (timing.cost.flops or 0) / (timing.least_seconds if bound else timing.seconds or 1.0)
        face = "white" if bound else colour
        place = (timing.cost.intensity or 0.0, rate)
        axes.plot(*place, marker="o", markersize=7, linestyle="none", markerfacecolor=face, markeredgecolor=colour)
        axes.annotate(str(number), place, xytext=(6, -9), textcoords="offset points", fontsize=8, color=colour)
        roof = timing.roof.limit(timing.cost, timing.cold)
        what = "a bound, not a time" if bound else f"{amount(rate, 'FLOP/s')}, {timing.share:.0%} of {roof}"
        found.append(f"{timing.backend} {what}")
    return _invisible(f"{title}: {'; '.join(found)}", f"${number}$")


def _invisible(text: str, marker: str = "") -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", marker=marker or "None", color="black", markeredgewidth=0, label=text)


def _byte_rates(group: list[Timing]) -> str:
    rates = [
        (t, "a bound, not a time" if t.kind == "bound" else amount(t.bytes_per_second or 0.0, "B/s")) for t in group
    ]
    return "; ".join(f"{t.backend} {rate}" for t, rate in rates)


def plot_crossover(crossover: Crossover) -> Figure:
    """Draw the time of both backends against the size, quartiles as a band; a model's band has dashed edges."""
    figure = new_figure(8.0, 4.2)
    axes = figure.subplots()
    sizes = [row.size for row in crossover.rows]
    first, second = crossover.rows[0].first, crossover.rows[0].second
    _draw_measured(axes, sizes, [row.first for row in crossover.rows], BLUE, first.backend)
    if second.kind == "bound":
        there, moved = np.transpose([crossover.modelled(row.second) for row in crossover.rows]) * 1e6
        label = f"{second.backend}: a MODEL of {second.roof.device}, not timed; below where the data is there already"
        axes.fill_between(sizes, there, moved, color=RED, alpha=0.2, linewidth=0, label=label)
        axes.plot(sizes, there, "--", color=RED)
        axes.plot(sizes, moved, "--", color=RED)
    else:
        timings = [row.second for row in crossover.rows]
        _draw_measured(axes, sizes, timings, RED, second.backend)
        total = [(timing.total or 0.0) * 1e6 for timing in timings]
        axes.plot(sizes, total, ":", color=RED, label=f"{second.backend} with its moves up and down")
    if crossover.size is not None:
        axes.axvline(crossover.size, color="0.5", linewidth=1)
        said = f"{second.backend} is faster from {crossover.size} on, moves included"
        axes.text(crossover.size, 0.97, f" {said}", transform=axes.get_xaxis_transform(), va="top", fontsize=8)
    axes.set(xscale="log", yscale="log", xlabel="size", ylabel="µs", title=_crossover_title(crossover))
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


def _crossover_title(crossover: Crossover) -> str:
    row = crossover.rows[-1]
    devices = dict.fromkeys(timing.device for timing in (row.first, row.second) if timing.kind == "measured")
    return "\n".join([f"{crossover.op} {crossover.direction}", *(f"measured on {device}" for device in devices)])
