"""`utils.plot_model`: the graph of a model as a picture, and as mermaid text. No graphviz is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from minidl.errors import ArgumentError, NotBuiltError
from minidl.layers.base.symbolic import flatten
from minidl.utils.files import PICTURES, local_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "Input": "#e8e8e8", "Conv": "#cfe3f7", "Dense": "#f9dcc4", "Pool": "#d8f0d2", "Norm": "#f6efc2", "Drop": "#eadcf4",
    "LSTM": "#f4d5dc", "GRU": "#f4d5dc", "RNN": "#f4d5dc",
}  # fmt: skip


PASSING_WIDTH = 0.3  # of a box's width, for an arrow that passes a row
Place = tuple[float, int]  # boxes across, rows down


class Box(NamedTuple):
    """A layer in the picture: its lines of text, and its place (column across, row down)."""

    lines: list[str]
    colour: str
    across: float
    down: int


def plot_model(
    model: Any,
    to_file: str | Path | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    **ignored: Any,
) -> Figure:
    """Draw a model's layers as boxes and its tensors as arrows, and write it to a file.

    Parameters
    ----------
    model : a functional model, or a Sequential whose input shape is known
    to_file : .png, .svg or .pdf; None writes nothing
    show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable : what each box says
    rankdir : "TB" from top to bottom, "LR" from left to right
    expand_nested : accepted for Keras' sake; a model inside the model is one box
    dpi : dots an inch of a PNG

    Returns
    -------
    the matplotlib figure (shown by a notebook when it is the last line of a cell)

    Raises
    ------
    NotBuiltError : the model has no graph; ArgumentError : another kind of file, or another rankdir
    """
    check_drawable("plot_model", model, rankdir)
    target = None if to_file is None else local_path(to_file, "plot_model")
    if target is not None and target.suffix.lower() not in PICTURES:
        raise ArgumentError(f"plot_model: to_file must end in .png, .svg or .pdf. Got {str(to_file)!r}.")
    shown = {"shapes": show_shapes, "dtype": show_dtype, "names": show_layer_names}
    shown |= {"activations": show_layer_activations, "trainable": show_trainable}
    figure = draw(*layout(model, lambda layer: _lines(layer, shown)), rankdir)
    if target is not None:
        from minidl.picture import write_picture

        write_picture(figure, target, dpi)
    return figure


def to_mermaid(model: Any) -> str:
    """Return the graph as mermaid text, which GitHub and JupyterLab draw.

    >>> from minidl import Sequential, layers
    >>> print(to_mermaid(Sequential([layers.Input((4,), name="x"), layers.Dense(2, name="y")])))
    flowchart TB
      l0["x<br/>InputLayer"]
      l1["y<br/>Dense"]
      l0 -->|"(None, 4)"| l1
    """
    check_drawable("to_mermaid", model)
    order = [node.layer for node in model.graph.nodes]
    numbers = {id(layer): i for i, layer in enumerate({id(layer): layer for layer in order}.values())}
    lines = ["flowchart TB"]
    for layer in {id(layer): layer for layer in order}.values():
        lines.append(f'  l{numbers[id(layer)]}["{layer.name}<br/>{type(layer).__name__}"]')
    for node in model.graph.nodes:
        for tensor in node.inputs:
            start = numbers[id(model.graph.node_of(tensor).layer)]
            lines.append(f'  l{start} -->|"{tensor.shape}"| l{numbers[id(node.layer)]}')
    return "\n".join(lines)


def check_drawable(name: str, model: Any, rankdir: str = "TB") -> None:
    """Refuse, for the function `name`, what `layout` and `draw` cannot draw; see `plot_model`."""
    if rankdir not in ("TB", "LR"):
        raise ArgumentError(f"{name}: rankdir must be 'TB' or 'LR'. Got {rankdir!r}.")
    if getattr(model, "graph", None) is None:
        raise NotBuiltError(
            f"{name}: model {getattr(model, 'name', model)!r} has no graph. Give a Sequential its input shape; "
            "a subclassed model has none to draw."
        )


def layout(model: Any, lines_of: Callable[[Any], list[str]]) -> tuple[list[Box], list[list[Place]]]:
    """Return the boxes, with what `lines_of` says of each layer, and for every arrow the places that it passes.

    A layer stands on the row of its longest way from an input. An arrow over several rows gets a narrow place of its
    own in each row between, so that it runs beside boxes and not through them (Sugiyama, Tagawa & Toda, 1981).
    """
    layers: dict[Any, Any] = {}
    depth: dict[Any, int] = {}
    links: list[tuple[Any, Any]] = []
    for node in model.graph.nodes:
        key = id(node.layer)
        layers[key] = node.layer
        parents = [id(model.graph.node_of(t).layer) for t in node.inputs]
        depth[key] = max([depth.get(key, 0), *(depth[p] + 1 for p in parents)])
        links += [(p, key) for p in parents]
    chains = []
    rows: dict[int, list[Any]] = {}
    for key in layers:
        rows.setdefault(depth[key], []).append(key)
    for start, end in links:
        between = [(start, end, level) for level in range(depth[start] + 1, depth[end])]
        for passing in between:
            if passing not in rows[passing[2]]:
                rows[passing[2]].append(passing)
        chains.append([start, *between, end])
    place = _place(rows, chains)
    boxes = [Box(lines_of(layer), _colour(layer), *place[key]) for key, layer in layers.items()]
    return boxes, [[place[key] for key in chain] for chain in chains]


def _place(rows: dict[int, list[Any]], chains: list[list[Any]]) -> dict[Any, Place]:
    """Order each row by the mean place of what leads to it, and centre it."""
    above: dict[Any, list[Any]] = {}
    for chain in chains:
        for start, end in zip(chain, chain[1:], strict=False):
            above.setdefault(end, []).append(start)
    place: dict[Any, Place] = {}
    for level in sorted(rows):
        means = {key: [place[a][0] for a in above.get(key, []) if a in place] for key in rows[level]}
        row = sorted(rows[level], key=lambda key: sum(means[key]) / len(means[key]) if means[key] else 0.0)
        widths = [PASSING_WIDTH if isinstance(key, tuple) else 1.0 for key in row]
        across = -sum(widths) / 2
        for key, width in zip(row, widths, strict=True):
            place[key] = (across + width / 2, level)
            across += width
    return place


def _lines(layer: Any, shown: dict[str, bool]) -> list[str]:
    title = type(layer).__name__
    lines = [f"{layer.name} ({title})" if shown["names"] else title]
    activation = getattr(getattr(layer, "activation", None), "__name__", None)
    if shown["activations"] and activation:
        lines.append(f"activation: {activation}")
    node = layer.inbound_nodes[0]
    if shown["shapes"]:
        inputs = ", ".join(str(t.shape) for t in node.inputs)
        outputs = ", ".join(str(t.shape) for t in flatten(node.output_structure))
        lines.append(f"{inputs} → {outputs}" if inputs else outputs)
    if shown["dtype"]:
        lines.append(f"dtype: {layer.dtype}")
    if shown["trainable"] and layer.weights:
        lines.append("trainable" if layer.trainable else "frozen")
    return lines


def _colour(layer: Any) -> str:
    name = type(layer).__name__
    return next((colour for part, colour in COLOURS.items() if part in name), "#f4f4f4")


def draw(boxes: list[Box], arrows: list[list[Place]], rankdir: str) -> Figure:
    """Draw what `layout` placed; rankdir is "TB" or "LR"."""
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path as Line

    from minidl.picture import Picture

    width = 0.35 + 0.088 * max(len(line) for box in boxes for line in box.lines)
    height = 0.22 + 0.2 * max(len(box.lines) for box in boxes)
    down = rankdir == "TB"
    step_across, step_down = (width + 0.4, height + 0.38) if down else (height + 0.4, width + 0.5)

    def centre(place: Place) -> tuple[float, float]:
        across, deep = place[0] * step_across, place[1] * step_down
        return (across, -deep) if down else (deep, -across)

    centres = [centre((box.across, box.down)) for box in boxes]
    xs, ys = zip(*centres, *(centre(place) for chain in arrows for place in chain), strict=True)
    margin = 0.15
    left, right = min(xs) - width / 2 - margin, max(xs) + width / 2 + margin
    low, high = min(ys) - height / 2 - margin, max(ys) + height / 2 + margin
    figure = Picture(figsize=(right - left, high - low))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(left, right), ylim=(low, high))
    axes.axis("off")
    for box, (x, y) in zip(boxes, centres, strict=True):
        shape = "round,pad=0,rounding_size=0.06"
        corner = (x - width / 2, y - height / 2)
        axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle=shape, fc=box.colour, ec="#555555"))
        axes.text(x, y, "\n".join(box.lines), ha="center", va="center", fontsize=9)
    reach_x, reach_y = (0.0, height / 2) if down else (width / 2, 0.0)
    for chain in arrows:
        (x, y), *between, (end_x, end_y) = [centre(place) for place in chain]
        points = [(x + reach_x, y - reach_y)]
        for px, py in between:  # straight along the box beside it
            points += [(px - reach_x, py + reach_y), (px + reach_x, py - reach_y)]
        points.append((end_x - reach_x, end_y + reach_y))
        axes.add_patch(
            FancyArrowPatch(path=Line(points), arrowstyle="-|>", mutation_scale=10, color="#555555", fill=False)
        )
    return figure
