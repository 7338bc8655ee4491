"""The differences of two backends along a training step, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.lens.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from minidl.lens.comparing.comparison import Comparison, Row

FREE, FORCED, LIMIT, WRONG = "#999999", "#0072B2", "#333333", "#D55E00"
MOST_LABELS = 60
WIDE = 10.5  # inches, from which on the legend fits in one line


def draw(comparison: Comparison) -> Figure:
    """Return the picture of `Comparison.plot`."""
    rows = comparison.rows
    places = np.arange(len(rows))
    limits = np.array([row.tolerance for row in rows])
    floor = 10.0 ** np.floor(np.log10(max(np.percentile(limits[limits > 0], 10) / 1e3, 1e-12)))
    width = min(22.0, max(8.5, 2.5 + 0.22 * len(rows)))
    figure = new_figure(width, 5.6)
    axes = figure.subplots()
    axes.step(places, np.maximum(limits, floor), where="mid", color=LIMIT, lw=1.2, label="what rounding explains")
    free = _above([row.free for row in rows], floor)
    axes.plot(places, free, "s", color=FREE, ms=4, label="free run: each side goes on with its own values")
    alone = [k for k, row in enumerate(rows) if row.forced is not None]
    axes.plot(alone, _above([rows[k].forced or 0.0 for k in alone], floor), "o", color=FORCED, ms=5.5, mfc="none",
              label="op alone: the second side given the first one's inputs")  # fmt: skip
    axes.set_yscale("log")
    _mark_divergence(axes, comparison, floor)
    _mark_directions(axes, rows)
    _label(axes, rows, places)
    a, b = comparison.labels
    axes.set(ylabel="largest absolute difference", xlim=(-0.7, len(rows) - 0.3))
    figure.suptitle(f"{a} against {b}: every value of one training step", x=0.01, ha="left", fontsize=11)
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4 if width >= WIDE else 2, fontsize=8, frameon=False)
    return figure


def _above(values: list[float], floor: float) -> np.ndarray:
    """Differences of 0 stand on the floor of the logarithmic axis; infinite ones far above."""
    return np.clip(np.nan_to_num(values, posinf=1e9), floor, 1e9)


def _mark_divergence(axes: Any, comparison: Comparison, floor: float) -> None:
    if comparison.divergence is None:
        return
    row = comparison.divergence.row
    k = comparison.rows.index(row)
    axes.axvspan(k - 0.5, k + 0.5, color=WRONG, alpha=0.25, lw=0)
    axes.plot([k], _above([row.forced or 0.0], floor), "o", color=WRONG, ms=8, zorder=5, label="first divergence")


def _mark_directions(axes: Any, rows: list[Row]) -> None:
    for k, row in enumerate(rows):
        if k == 0 or rows[k - 1].direction != row.direction:
            if k:
                axes.axvline(k - 0.5, color="#bbbbbb", lw=0.8)
            axes.text(k - 0.4, 1.01, row.direction, transform=axes.get_xaxis_transform(), fontsize=9, color="#555555")


def _label(axes: Any, rows: list[Row], places: np.ndarray) -> None:
    if len(rows) > MOST_LABELS:
        axes.set_xlabel("values, in the order in which they are computed")
        return
    short = {"sparse_categorical_crossentropy": "crossentropy", "categorical_crossentropy": "crossentropy"}
    texts = [
        f"{row.layer} {row.value}" if row.direction == "update"
        else f"{row.layer.split('/')[-1]} {short.get(row.op, row.op)} {row.value}"
        for row in rows
    ]  # fmt: skip
    axes.set_xticks(places, texts, rotation=90, fontsize=7)
