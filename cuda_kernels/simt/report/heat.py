"""The source with bars for each line: where a kernel's traffic, conflicts, arithmetic and idle lanes come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .plots import INK, UNUSED, Picture
from .report import Figures, Report
from .text import shown_lines

ROW_INCHES = 0.21


class Measure(NamedTuple):
    """A column of bars: its heading, its value for a line, and its colour."""

    heading: str
    value: Callable[[Figures], float]
    colour: str


MEASURES = (
    Measure("sectors moved", lambda f: f.global_sectors, "#8fb3d9"),
    Measure("shared passes", lambda f: f.shared_wavefronts, "#9fd3cf"),
    Measure("atomics", lambda f: f.atomics, "#d3aac9"),
    Measure("operations", lambda f: f.flops, "#9ccf94"),
    Measure("idle lanes", lambda f: 32 * f.executions - f.active_lanes, "#f2a3a2"),
)


def heat(report: Report) -> Picture:
    """The kernel's source with a bar for each line and figure; the longest bar of a column is its costliest
    line.

    Raises ValueError if no line has figures (the launch was not run with checks).
    """
    if not report.by_line:
        raise ValueError("plot: no line has figures. Was the kernel launched with checks=False, or never run?")
    numbers = shown_lines(report)
    measures = [m for m in MEASURES if any(m.value(f) for f in report.by_line.values())]
    sources = [report.source.get(number, "").rstrip()[:100] for number in numbers]
    text_inches = 0.5 + 0.072 * max(len(source) for source in sources)
    figure = Picture(
        figsize=(text_inches + 1.5 * len(measures), 0.6 + ROW_INCHES * len(numbers)), layout="constrained"
    )
    ratios = [text_inches, *(1.5 for _ in measures)]
    panels = figure.subplots(1, 1 + len(measures), squeeze=False, width_ratios=ratios)[0]
    faulty = {line for fault in report.faults for line in fault.lines}
    for row, (number, source) in enumerate(zip(numbers, sources, strict=True)):
        ink = "#d62728" if number in faulty else INK
        panels[0].text(
            0, row, f"{number:>4}  {source}", family="monospace", fontsize=8, va="center", color=ink, parse_math=False
        )
    panels[0].set_title(report.kernel, loc="left", fontsize=9)
    for panel, measure in zip(panels[1:], measures, strict=True):
        values = [measure.value(report.by_line.get(number, Figures())) for number in numbers]
        largest = max(values) or 1
        for row, value in enumerate(values):
            panel.barh(row, 1, height=0.8, color=UNUSED if row % 2 else "#f2f2f2")
            if value:
                panel.barh(row, value / largest, height=0.8, color=measure.colour)
                panel.text(0.03, row, f"{value:,}", fontsize=7, va="center", color=INK)
        panel.set_title(measure.heading, loc="left", fontsize=8)
        panel.set_xlim(0, 1)
    for panel in panels:
        panel.set_ylim(len(numbers) - 0.4, -0.6)
        panel.axis("off")
    return figure
