"""A matplotlib figure as this package makes them: it shows itself in a notebook, and every text stands as it is."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter

from minidl.utils.files import atomic_write


class Picture(Figure):
    """A figure that needs neither pyplot nor a display.

    A text between two dollar signs is no formula here: a layer may be called `$x`. Only what matplotlib writes itself,
    powers of ten on a logarithmic axis, is.
    """

    def draw(self, renderer: Any) -> None:
        """Draw the figure with its texts as they stand."""
        for text in self.findobj(Text):
            text.set_parse_math(text.get_text().startswith(r"$\mathdefault"))
        for axis in self.findobj(Axis):
            if isinstance(axis.get_major_formatter(), FixedFormatter):  # names on the ticks
                for tick in axis.get_major_ticks(len(axis.get_majorticklocs())):
                    tick.label1.set_parse_math(False)
        super().draw(renderer)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def curves(names: Sequence[str], points: Mapping[str, Sequence[tuple[float, float]]]) -> Picture:
    """Draw the (epoch, value) of a training: one panel for each name, with those of "val_" + name dashed."""
    figure = Picture(figsize=(5.2 * max(1, len(names)), 3.8), layout="constrained")
    for place, name in enumerate(names, 1):
        axes: Any = figure.add_subplot(1, len(names), place)
        for key, style, label in ((name, "-o", "training"), (f"val_{name}", "--s", "validation")):
            if points.get(key):
                axes.plot(*zip(*points[key], strict=True), style, markersize=3.5, label=label)
        axes.set(xlabel="epoch", ylabel=name, title=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    return figure


def write_picture(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write a picture in the format that the path's ending says; whole or not at all."""
    with atomic_write(path) as unfinished:
        figure.savefig(unfinished, dpi=dpi, format=path.suffix[1:].lower())
