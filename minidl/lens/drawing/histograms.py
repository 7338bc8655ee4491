"""How weights, gradients and activations are spread, and how that changes while a network learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize

from minidl.callbacks import Callback
from minidl.errors import ArgumentError, DataError
from minidl.lens.drawing.layers import layer_outputs
from minidl.lens.figures import BLUE, RED, grid_of, hide_rest, new_figure, values_of
from minidl.lens.recording.recording import record_step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("weights", "gradients", "activations")
BINS = 48


@dataclass(frozen=True)
class Histogram:
    """How many values of one array lie in each bin, at one time. `counts` is shorter than `edges` by one.

    when : of training, in epochs; zeros : how many values are exactly 0; unusual : how many are NaN or infinite
    """

    when: float
    counts: np.ndarray
    edges: np.ndarray
    mean: float
    deviation: float
    zeros: int
    unusual: int

    @property
    def size(self) -> int:
        """Number of values, unusual ones too."""
        return int(self.counts.sum()) + self.unusual


def histogram_of(values: np.ndarray, when: float = 0.0, bins: int = BINS) -> Histogram:
    """Count an array's values in bins of equal width between the smallest and the largest; few values in fewer bins.

    >>> h = histogram_of(np.array([0.0, 1.0, 2.0, np.nan]), bins=2)
    >>> h.counts.tolist(), h.edges.tolist(), h.zeros, h.unusual
    ([1, 2], [0.0, 1.0, 2.0], 1, 1)
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if low == high:  # NumPy would make a bin as wide as 1 of it
        low, high = low - 1e-3 * max(1.0, abs(low)), high + 1e-3 * max(1.0, abs(high))
    counts, edges = np.histogram(finite, bins=min(bins, max(4, int(2 * finite.size**0.5))), range=(low, high))
    mean, deviation = (float(finite.mean()), float(finite.std())) if finite.size else (0.0, 0.0)
    return Histogram(when, counts, edges, mean, deviation, int((finite == 0).sum()), int(values.size - finite.size))


class HistogramRecorder(Callback):
    """A callback that keeps histograms of weights, gradients and activations, always for the same batch.

    Parameters
    ----------
    x, y : the batch; some hundred samples are enough
    every : "epoch", or a number of batches
    bins : of each histogram

    The first is taken before training. Each runs one training step on the batch and takes it back: neither weights, nor
    the optimizer's state, nor random numbers change. `found[kind][name]` is a list of `Histogram`; kind is "weights",
    "gradients" or "activations", and name that of the weight or the layer.

    >>> import minidl
    >>> x, y = np.ones((8, 3), "float32"), np.zeros((8, 1), "float32")
    >>> model = minidl.Sequential([minidl.layers.Dense(1, name="out")])
    >>> model.compile("sgd", "mse")
    >>> recorder = HistogramRecorder(x, y)
    >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[recorder])
    >>> [h.when for h in recorder.found["gradients"]["out/kernel"]]
    [0.0, 1.0, 2.0]
    """

    def __init__(self, x: Any, y: Any, every: str | int = "epoch", bins: int = BINS) -> None:
        super().__init__()
        if every != "epoch" and not (isinstance(every, int) and every > 0):
            raise ArgumentError(f"HistogramRecorder: every must be 'epoch' or a number of batches. Got {every!r}.")
        if len(x) != len(y):
            raise DataError(f"HistogramRecorder: x and y must be one batch. Got {len(x)} and {len(y)} samples.")
        self.x, self.y, self.every, self.bins = x, y, every, bins
        self.found: dict[str, dict[str, list[Histogram]]] = {kind: {} for kind in KINDS}
        self._epoch = self._batches = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Take the first histograms."""
        if not any(self.found.values()):
            self._take(0.0)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember which epoch it is."""
        self._epoch, self._batches = epoch, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Take histograms every so many batches."""
        self._batches += 1
        if self.every != "epoch" and self._batches % int(self.every) == 0:
            self._take(self._epoch + self._batches / (self.params.get("steps") or self._batches))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Take histograms after an epoch."""
        if self.every == "epoch":
            self._take(float(epoch + 1))

    def _take(self, when: float) -> None:
        recording = record_step(self.model, self.x, self.y, keep="arrays", update=False)
        runs = [op.run for op in recording.ops if op.run is not None and op.phase == "forward"]
        updates = {op.weight: op.run.inputs[1] for op in recording.ops if op.weight and op.run is not None}
        self._keep("weights", when, {v.path or v.name: v.data for v in self.model.trainable_variables})
        self._keep("gradients", when, updates)
        self._keep("activations", when, layer_outputs(runs, self.model.name, len(self.x)))

    def _keep(self, kind: str, when: float, arrays: dict[str, Any]) -> None:
        for name, array in arrays.items():
            taken = histogram_of(values_of(array), when, self.bins)
            self.found[kind].setdefault(name, []).append(taken)


def plot_histograms(
    recorder: HistogramRecorder, what: str = "weights", names: Any = None, kind: str = "ridge"
) -> Figure:
    """Draw a recorder's histograms: a panel for each weight or layer, time from front to back.

    Parameters
    ----------
    recorder : a `HistogramRecorder` that was with a training
    what : "weights", "gradients" or "activations"
    names : of weights or layers; None draws all
    kind : "ridge" draws a curve for each time, "heat" one column of colour

    Raises
    ------
    ArgumentError : what, a name or kind is not one of those above; DataError : nothing was recorded
    """
    if what not in KINDS or kind not in ("ridge", "heat"):
        raise ArgumentError(
            f"plot_histograms: what must be one of {', '.join(KINDS)}, kind 'ridge' or 'heat'. Got {what!r}, {kind!r}."
        )
    found = getattr(recorder, "found", None)
    if found is None:
        raise ArgumentError(f"plot_histograms: needs a HistogramRecorder. Got {type(recorder).__name__}.")
    if not found[what]:
        raise DataError("plot_histograms: nothing was recorded. Was the recorder among the callbacks of fit?")
    chosen = list(found[what]) if names is None else [names] if isinstance(names, str) else list(names)
    for name in chosen:
        if name not in found[what]:
            raise ArgumentError(f"plot_histograms: no {what} of {name!r}. There are: {', '.join(found[what])}.")
    rows, columns = grid_of(len(chosen), min(4, len(chosen)))
    figure = new_figure(3.1 * columns + 0.6, 2.9 * rows + 0.4)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, name in zip(panels, chosen, strict=False):
        (_ridge if kind == "ridge" else _heat)(axes, found[what][name], what)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
    hide_rest(panels, len(chosen))
    figure.suptitle(f"{what} over training", fontsize=10)
    return figure


def _ridge(axes: Axes, history: list[Histogram], what: str) -> None:
    colours, last = colormaps["viridis"], max(h.when for h in history) or 1.0
    step = last / max(1, len(history) - 1)
    for h in reversed(history):
        centres = (h.edges[1:] + h.edges[:-1]) / 2
        top = h.when + 1.6 * step * h.counts / max(1, h.counts.max())
        axes.fill_between(centres, h.when, top, color=colours(0.9 * h.when / last), alpha=0.75, zorder=last - h.when)
        axes.plot(centres, top, color="white", linewidth=0.6, zorder=last - h.when)
        if h.unusual:
            axes.text(
                h.edges[-1], h.when, f"{h.unusual} NaN or inf", color=RED, fontsize=7, ha="right", zorder=last + 1
            )
    axes.set_xlabel(f"value of {what} (height: count, each curve to its own peak)", fontsize=6.5)
    axes.set_ylabel("epochs trained", fontsize=8)


def _heat(axes: Axes, history: list[Histogram], what: str) -> None:
    low, high = min(h.edges[0] for h in history), max(h.edges[-1] for h in history)
    edges = np.linspace(low, high, BINS + 1)
    share = np.stack([rebinned(h, edges) for h in history], axis=1)
    times = np.array([h.when for h in history])
    borders = np.concatenate([times, [times[-1] + (times[-1] - times[-2] if len(times) > 1 else 1.0)]])
    image = axes.pcolormesh(borders, edges, share, cmap="viridis", norm=Normalize(0.0, float(share.max())))
    axes.plot(borders[:-1] + np.diff(borders) / 2, [h.mean for h in history], color="white", linewidth=1.2)
    axes.set_xlabel("epochs trained (line: mean)", fontsize=8)
    axes.set_ylabel(f"value of {what}", fontsize=8)
    axes.figure.colorbar(image, ax=axes, label="share of the values").ax.tick_params(labelsize=6)
    axes.spines[:].set_color(BLUE)


def rebinned(h: Histogram, edges: np.ndarray) -> np.ndarray:
    """Return the share of a histogram's values in other bins, which take them evenly from each old bin.

    >>> rebinned(histogram_of(np.array([0.0, 1.0, 2.0, 3.0]), bins=2), np.array([-3.0, 0.0, 3.0]))
    array([0., 1.])
    """
    total = max(1, h.counts.sum())
    below = np.concatenate([[0.0], np.cumsum(h.counts) / total])
    return np.diff(np.interp(edges, h.edges, below))
