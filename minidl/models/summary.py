"""`model.summary()`: the table that Keras prints."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from minidl.console import one_line, say
from minidl.errors import ArgumentError
from minidl.layers.base.symbolic import flatten

WIDTH = 100  # characters of the longest line
NARROWEST = 12  # no column gets narrower than this


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Any = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a model's layers, output shapes and numbers of weights; see `Model.summary`.

    Parameters
    ----------
    line_length : longest line, in characters
    positions : accepted for Keras' sake; columns are as wide as they need to be
    print_fn : called with the text, instead of `print`
    expand_nested : also list the layers of models inside the model
    show_trainable : a column that says Y or N
    layer_range : names of the first and the last layer to list
    """
    text = "\n".join(summary_lines(model, line_length or WIDTH, expand_nested, show_trainable, layer_range))
    (print_fn or say)(text)


def summary_lines(
    model: Any, line_length: int, expand_nested: bool, show_trainable: bool, layer_range: Sequence[str] | None
) -> list[str]:
    """Return the lines of the summary."""
    connected = model.graph is not None and not _is_chain(model)
    header = ["Layer (type)", "Output Shape", "Param #"]
    right = [False, False, True]
    if connected:
        header.append("Connected to")
        right.append(False)
    if show_trainable:
        header.append("Trainable")
        right.append(False)
    rows = []
    for layer, depth in _listed(model, expand_nested, layer_range):
        row = [
            "  " * depth + f"{one_line(layer.name)} ({type(layer).__name__})",
            _shape_text(layer),
            _count_text(layer),
        ]
        if connected:
            row.append(_connections(layer, model))
        if show_trainable:
            row.append("-" if not layer.weights else "Y" if layer.trainable else "N")
        rows.append(row)
    return [f'Model: "{one_line(model.name)}"', *_table(header, rows, right, line_length), *_totals(model)]


def _is_chain(model: Any) -> bool:
    """Whether every layer is called once, on the output of the one before: connections then say nothing."""
    nodes = model.graph.nodes
    return (
        all(len(node.inputs) <= 1 for node in nodes)
        and len({id(n.layer) for n in nodes}) == len(nodes)
        and (len({id(t) for node in nodes for t in node.inputs}) == sum(len(node.inputs) for node in nodes))
    )


def _listed(model: Any, expand: bool, layer_range: Sequence[str] | None, depth: int = 0) -> list[tuple[Any, int]]:
    layers = model.operations
    if layer_range is not None and depth == 0:
        names = [layer.name for layer in layers]
        if len(layer_range) != 2 or any(name not in names for name in layer_range):
            raise ArgumentError(f"summary: layer_range must be two layer names of the model. Got {layer_range!r}.")
        first, last = sorted(names.index(name) for name in layer_range)
        layers = layers[first : last + 1]
    found = []
    for layer in layers:
        found.append((layer, depth))
        if expand and hasattr(layer, "layers"):
            found.extend(_listed(layer, expand, None, depth + 1))
    return found


def _shape_text(layer: Any) -> str:
    if not layer.inbound_nodes:
        return "?"
    shapes = [str(tuple(t.shape)) for t in flatten(layer.inbound_nodes[0].output_structure)]
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def _count_text(layer: Any) -> str:
    if not layer.built and not layer.weights:
        return "0 (unbuilt)"
    return f"{sum(v.size for v in layer.weights):,}"


def _connections(layer: Any, model: Any) -> str:
    nodes = [node for node in model.graph.nodes if node.layer is layer]
    sources = []
    for node in nodes:
        for tensor in node.inputs:
            source, node_index, output_index = tensor.history
            sources.append(f"{one_line(source.name)}[{node_index}][{output_index}]")
    return ", ".join(sources) or "-"


def _table(header: list[str], rows: list[list[str]], right: list[bool], limit: int) -> list[str]:
    widths = [max(len(cells[i]) for cells in [header, *rows]) for i in range(len(header))]
    while sum(widths) + 3 * len(widths) + 1 > limit and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1  # the longest column gives way, until a line fits

    def line(left: str, fill: str, cross: str, end: str) -> str:
        return left + cross.join(fill * (w + 2) for w in widths) + end

    def text(cells: list[str], bar: str) -> list[str]:
        wrapped = [_wrap(cell, w) for cell, w in zip(cells, widths, strict=True)]
        height = max(len(parts) for parts in wrapped)
        lines = []
        for i in range(height):
            parts = [w[i] if i < len(w) else "" for w in wrapped]
            aligned = [p.rjust(w) if r else p.ljust(w) for p, w, r in zip(parts, widths, right, strict=True)]
            lines.append(f"{bar} " + f" {bar} ".join(aligned) + f" {bar}")
        return lines

    lines = [line("┏", "━", "┳", "┓"), *text(header, "┃"), line("┡", "━", "╇", "┩")]
    if not rows:
        lines.append(line("└", "─", "┴", "┘"))
    for i, row in enumerate(rows):
        lines += text(row, "│")
        lines.append(line("├", "─", "┼", "┤") if i + 1 < len(rows) else line("└", "─", "┴", "┘"))
    return lines


def _wrap(text: str, width: int) -> list[str]:
    indent = text[: len(text) - len(text.lstrip())]  # of a layer inside a model
    return textwrap.wrap(text, width, break_on_hyphens=False, subsequent_indent=indent) or [""]


def _totals(model: Any) -> list[str]:
    trainable = sum(v.size for v in model.trainable_weights)
    other = sum(v.size for v in model.non_trainable_weights)
    itemsize = {id(v): v.dtype.itemsize for v in model.weights}
    bytes_each = max(itemsize.values(), default=4)
    optimizer = getattr(model, "optimizer", None)
    slots = sum(v.size for v in optimizer.variables) if optimizer is not None and optimizer.built else 0

    def show(label: str, count: int) -> str:
        return f" {label}: {count:,} ({readable_size(count * bytes_each)})"

    lines = [show("Total params", trainable + other + slots), show("Trainable params", trainable)]
    lines.append(show("Non-trainable params", other))
    if slots:
        lines.append(show("Optimizer params", slots))
    return lines


def readable_size(count: int) -> str:
    """Return a number of bytes as a person reads it.

    >>> readable_size(0), readable_size(3330), readable_size(5_000_000)
    ('0.00 B', '3.25 KB', '4.77 MB')
    """
    if count == 0:
        return "0.00 B"
    power = min(int(math.log(count, 1024)), 4)
    return f"{count / 1024**power:.2f} {['B', 'KB', 'MB', 'GB', 'TB'][power]}"
