"""LivePlot: curves of loss and metrics, drawn anew after each epoch."""

from __future__ import annotations

import io
import os
import sys
import warnings
from typing import Any

from minidl.callbacks.callback import Callback
from minidl.errors import ArgumentError
from minidl.utils.files import PICTURES, local_path

Logs = dict[str, Any] | None


class LivePlot(Callback):
    """Draws the curves of a training while it runs: in a notebook below the cell, and into a file if `path` is given.

    Parameters
    ----------
    path : a PNG or SVG file that is written after each epoch
    metrics : names to draw, without "val_"; by default all
    every : draw after every so many epochs
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, metrics: Any = None, every: int = 1) -> None:
        super().__init__()
        self.path = None if path is None else local_path(path, "LivePlot")
        if self.path is not None and self.path.suffix.lower() not in PICTURES:
            raise ArgumentError(f"LivePlot: path must end in .png, .svg or .pdf. Got {str(path)!r}.")
        self.names = None if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
        self.every = every
        self.history: dict[str, list[tuple[int, float]]] = {}
        self._display: Any = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start with empty curves."""
        self.history = {}
        self._display = None
        if self.path is None and not _in_notebook():
            warnings.warn(
                "LivePlot: there is no notebook to draw in. Give path='curves.png' to have a file written.",
                stacklevel=2,
            )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add a point to each curve, and draw."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append((epoch + 1, float(value)))
        if (epoch + 1) % self.every == 0:
            self._draw()

    def on_train_end(self, logs: Logs = None) -> None:
        """Draw the last state."""
        if self.history:
            self._draw()

    def figure(self) -> Any:
        """Return the curves as a matplotlib Figure: one plot a metric, training and validation in it."""
        from minidl.picture import curves

        names = self.names or list(dict.fromkeys(name.removeprefix("val_") for name in sorted(self.history)))
        return curves(names, self.history)

    def _draw(self) -> None:
        if self.path is None and not _in_notebook():
            return
        figure = self.figure()
        if self.path is not None:
            from minidl.picture import write_picture

            write_picture(figure, self.path, dpi=120)
        if _in_notebook():
            self._show(figure)

    def _show(self, figure: Any) -> None:
        from IPython.display import Image, display

        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=90)
        image = Image(data=picture.getvalue())
        if self._display is None:
            self._display = display(image, display_id=True)
        else:
            self._display.update(image)


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules
