"""The graph of a model as a picture: every layer with its ops, output shape and number of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backends import using
from minidl.layers.base.symbolic import flatten
from minidl.lens.recording.recording import record_prediction
from minidl.models.plotting import check_drawable, draw, layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FREE_AXIS = 4  # the length on which ops are tried, of an axis that the model leaves open


def plot_graph(model: Any, rankdir: str = "TB") -> Figure:
    """Draw a model's layers as boxes and its tensors as arrows; a box says which ops its layer runs.

    Parameters
    ----------
    model : a functional model, or a Sequential whose input shape is known
    rankdir : "TB" from top to bottom, "LR" from left to right

    The ops are found by running the model once on zeros. Branches stand side by side, and an arrow that skips layers
    (a residual connection) runs beside them.

    Raises
    ------
    NotBuiltError : the model has no graph; ArgumentError : another rankdir

    >>> from minidl import Sequential, layers
    >>> figure = plot_graph(Sequential([layers.Input((4,)), layers.Dense(2, activation="relu", name="hidden")]))
    >>> print(figure.axes[0].texts[1].get_text())
    hidden · Dense
    dense → relu
    (None, 2) · 10 weights
    """
    check_drawable("plot_graph", model, rankdir)
    ops = layer_ops(model)
    return draw(*layout(model, lambda layer: _lines(layer, ops.get(layer.name, []))), rankdir)


def layer_ops(model: Any) -> dict[str, list[str]]:
    """Return, by a layer's name, the ops that it runs in a prediction, in order; {} where zeros cannot be its input.

    >>> from minidl import Sequential, layers
    >>> layer_ops(Sequential([layers.Input((3,)), layers.Dense(2, activation="softmax", name="out")]))
    {'out': ['dense', 'softmax']}
    """
    zeros = [
        np.zeros([1 if axis == 0 else length or FREE_AXIS for axis, length in enumerate(t.shape)], t.dtype)
        for t in model.graph.input_tensors
    ]
    with using("numpy"):
        try:
            runs = record_prediction(model, zeros[0] if len(zeros) == 1 else zeros)
        except (ValueError, TypeError):  # an open axis that must be longer, or a layer that asks for real values
            return {}
    found: dict[str, list[str]] = {}
    for layer in model.operations:
        names = {one.name for one in layer._all_layers()}
        found[layer.name] = [run.op for run in runs if run.layer.rpartition("/")[2] in names]
    return found


def _lines(layer: Any, names: list[str]) -> list[str]:
    shapes = ", ".join(str(t.shape) for t in flatten(layer.inbound_nodes[0].output_structure))
    size = sum(variable.size for variable in layer.weights)
    lines = [f"{layer.name} · {type(layer).__name__}"]
    if names:
        lines.append(" → ".join(names[:3]) + (f" → … ({len(names)} ops)" if len(names) > 3 else ""))
    weights = f" · {size:,} weights" if size else ""
    return [*lines, shapes + weights]
