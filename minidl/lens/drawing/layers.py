"""What a network sees and has learnt: the outputs of its layers as maps, and its kernels as small images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import Normalize

from minidl.errors import ArgumentError, NotBuiltError, ShapeError
from minidl.layers.base.symbolic import flatten
from minidl.lens.figures import bare, grid_of, hide_rest, new_figure, scale_of, values_of, whole_numbers
from minidl.lens.recording.recording import record_prediction
from minidl.observers import OpRun

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure

MAPS = 16  # feature maps of a layer that are drawn, unless more are asked for
COLUMNS = 8
MOVES_ONLY = frozenset({"reshape", "transpose", "dropout"})  # ops whose output shows nothing new


def activations_of(model: Any, x: Any) -> dict[str, np.ndarray]:
    """Return what each layer gave for the inputs in a prediction, by its name, in order.

    x : a batch of inputs
    A layer that was called several times has its last output; layers that only move values are left out.

    >>> import minidl
    >>> model = minidl.Sequential([minidl.layers.Dense(2, name="hidden"), minidl.layers.Dense(1, name="out")])
    >>> [(name, y.shape) for name, y in activations_of(model, np.ones((4, 3), "float32")).items()]
    [('hidden', (4, 2)), ('out', (4, 1))]
    """
    return layer_outputs(record_prediction(model, x), model.name, len(flatten(x)[0]))


def layer_outputs(runs: Iterable[OpRun], model_name: str, samples: int) -> dict[str, np.ndarray]:
    """Return what layers gave in a forward, by their names; those that only move values are left out."""
    found: dict[str, np.ndarray] = {}
    for run in runs:
        y = run.outputs[0]
        of_samples = run.direction == "forward" and len(y.shape) > 0 and y.shape[0] == samples  # a penalty is no output
        if run.layer not in ("", model_name) and of_samples and (run.op not in MOVES_ONLY or run.layer in found):
            found[run.layer] = values_of(y)
    return found


def plot_activations(
    model: Any, x: Any, layers: str | Sequence[str] | None = None, sample: int = 0, maps: int = MAPS
) -> Figure:
    """Draw what layers give for one sample: a grid of feature maps for an image, a strip for a vector.

    Parameters
    ----------
    x : a batch of inputs
    layers : names of layers; None draws all that compute
    sample : which one of the batch
    maps : channels drawn of a layer, from the first

    Each layer has a scale of its own, beside it: dark is 0 and light the largest value, or, where there are negative
    values, blue is below and red above 0.

    Raises
    ------
    ArgumentError : no such layer, no such sample
    """
    wanted = [layers] if isinstance(layers, str) else layers
    outputs = activations_of(model, x)
    names = list(outputs) if wanted is None else list(wanted)
    for name in names:
        if name not in outputs:
            raise ArgumentError(
                f"plot_activations: there is no layer {name!r} that computes. There are: {', '.join(outputs)}."
            )
    batch = len(next(iter(outputs.values())))
    if not 0 <= sample < batch:
        raise ArgumentError(f"plot_activations: sample must be 0 to {batch - 1}, a place in the batch. Got {sample}.")
    chosen = {name: outputs[name][sample] for name in names}
    heights = [_height(y, maps) for y in chosen.values()]
    figure = new_figure(9.6, sum(heights))
    parts = figure.subfigures(len(chosen), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, (name, y) in zip(parts, chosen.items(), strict=True):
        _draw_output(part, name, y, maps)
    return figure


def _height(y: np.ndarray, maps: int) -> float:
    if y.ndim != 3:
        return 1.15 if y.ndim < 2 else 2.4
    rows, columns = grid_of(min(maps, y.shape[-1]), COLUMNS)
    return 0.55 + rows * (8.4 / columns) * min(1.5, y.shape[0] / y.shape[1])


def _draw_output(part: SubFigure, name: str, y: np.ndarray, maps: int) -> None:
    colours, norm = scale_of(y)
    axes_names = {1: "units", 2: "steps × features", 3: "rows × columns × channels"}.get(y.ndim, "")
    shown = min(maps, y.shape[-1]) if y.ndim == 3 else 0
    few = f", channels 0 to {shown - 1}" if 0 < shown < y.shape[-1] else ""
    shape = " × ".join(map(str, y.shape)) or "one number"
    part.suptitle(f"{name}: {shape} {axes_names}{few}", fontsize=9, x=0.01, ha="left")
    if y.ndim == 3:
        rows, columns = grid_of(shown, COLUMNS)
        panels = list(part.subplots(rows, columns, squeeze=False).flat)
        for channel, axes in enumerate(panels[:shown]):
            image = axes.imshow(y[..., channel], cmap=colours, norm=norm, interpolation="nearest")
            axes.set_title(str(channel), fontsize=7, pad=2)
            bare(axes)
        hide_rest(panels, shown)
        part.colorbar(image, ax=panels[:shown], fraction=0.02, pad=0.01).ax.tick_params(labelsize=7)
        return
    axes = part.subplots()
    image = axes.imshow(y.reshape(-1, y.shape[-1] if y.ndim else 1), cmap=colours, norm=norm, aspect="auto")
    whole_numbers(axes)
    axes.set(yticks=[]) if y.ndim < 2 else axes.set_ylabel("step", fontsize=8)
    axes.tick_params(labelsize=7)
    part.colorbar(image, ax=axes, fraction=0.02, pad=0.01).ax.tick_params(labelsize=7)


def plot_filters(
    model: Any, layer: str | None = None, image_shape: tuple[int, int] | None = None, filters: int = 64
) -> Figure:
    """Draw kernels as small images: of a convolution, or of a dense layer that sees the pixels of an image.

    Parameters
    ----------
    model : a model, or one layer
    layer : its name in the model; None takes the first layer that has such weights
    image_shape : (rows, columns) of the image that a dense layer sees, flattened
    filters : kernels drawn, from the first

    With three input channels a kernel is shown in colour: grey is 0. Else each input channel (at most the first four)
    has a picture: blue is below and red above 0. All share one scale.

    Raises
    ------
    NotBuiltError : no weights yet; ArgumentError : no such layer, or it has no kernels to draw;
    ShapeError : image_shape does not fit
    """
    chosen = _layer_with_kernels(model, layer, image_shape)
    kernels = _kernels(chosen, image_shape)
    rows_in, columns_in, channels, count = kernels.shape
    shown = min(filters, count)
    most = float(np.abs(kernels).max()) or 1.0
    colour = channels == 3
    inputs = 1 if colour else min(channels, 4)
    rows, columns = grid_of(shown) if inputs == 1 else (inputs, min(shown, 16))
    shown = min(shown, rows * columns if inputs == 1 else columns)
    side = min(1.4, 9.2 / columns)
    figure = new_figure(side * columns + 1.2, side * rows * rows_in / columns_in + 0.75)
    panels = figure.subplots(rows, columns, squeeze=False)
    cmap, norm = ("gray", Normalize(-most, most)) if colour else scale_of(np.array([-most, most]))
    for number in range(shown):
        for channel in range(inputs):
            axes = panels.flat[number] if inputs == 1 else panels[channel, number]
            image = _draw_kernel(axes, kernels[:, :, slice(None) if colour else channel, number], most, cmap, norm)
            if channel == 0:
                axes.set_title(str(number), fontsize=7, pad=2)
            if inputs > 1 and number == 0:
                axes.set_ylabel(f"input {channel}", fontsize=7)
    if inputs == 1:
        hide_rest(list(panels.flat), shown)
    left_out = f", {shown} of {count} shown" if shown < count else ""
    left_out += f", {inputs} of {channels} input channels" if inputs < channels and not colour else ""
    figure.suptitle(f"{chosen.name}: {count} kernels {rows_in} × {columns_in} × {channels}{left_out}", fontsize=9)
    if not colour:
        figure.colorbar(image, ax=list(panels.flat[:shown]) if inputs == 1 else panels, label="weight", fraction=0.03)
    return figure


def _draw_kernel(axes: Any, kernel: np.ndarray, most: float, cmap: str | Colormap, norm: Normalize) -> Any:
    bare(axes)
    if kernel.ndim == 3:
        return axes.imshow(0.5 + 0.5 * kernel / most, interpolation="nearest")
    return axes.imshow(kernel, cmap=cmap, norm=norm, interpolation="nearest")


def _layer_with_kernels(model: Any, name: str | None, image_shape: tuple[int, int] | None) -> Any:
    candidates = list(getattr(model, "layers", None) or [model])
    if not any(one.weights for one in candidates):
        raise NotBuiltError("plot_filters: there are no weights yet. Give the model its input shape, or call it once.")
    if name is not None:
        candidates = [one for one in candidates if one.name == name]
        if not candidates:
            known = ", ".join(one.name for one in model.layers)
            raise ArgumentError(f"plot_filters: there is no layer {name!r}. There are: {known}.")
    for one in candidates:
        shapes = [tuple(w.shape) for w in one.weights[:1]]
        if shapes and (len(shapes[0]) == 4 or (len(shapes[0]) == 2 and image_shape is not None)):
            return one
    raise ArgumentError(
        "plot_filters: no layer has kernels (R, S, C, K). For a dense layer that sees an image give "
        "image_shape=(rows, columns)."
    )


def _kernels(layer: Any, image_shape: tuple[int, int] | None) -> np.ndarray:
    kernels = values_of(layer.weights[0])
    if kernels.ndim == 4:
        return kernels
    rows, columns = image_shape or (0, 0)
    if rows * columns == 0 or kernels.shape[0] % (rows * columns):
        raise ShapeError(
            f"plot_filters: image_shape must fit the {kernels.shape[0]} inputs of {layer.name!r}. Got {image_shape}."
        )
    return kernels.reshape(rows, columns, -1, kernels.shape[1])
