"""A cell's provenance as a picture: arrays with the cells behind it, the thread in its block, the block in its grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from minidl.lens.figures import BLUE, GREY, INK, ORANGE, RED, bare, edges, hide_rest, new_figure, scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from minidl.lens.origins.provenance import Provenance

MOST_MARKS = 1500
MOST_CELLS = 256  # blocks or threads along a side of a panel
WEIGHTS = ("w", "dw", "u")


def draw(found: Provenance) -> Figure:
    """Return the picture of `Provenance.plot`."""
    panels: list[tuple[str, np.ndarray, dict[str, np.ndarray]]] = []
    if found.receptive is not None and found.image is not None:
        panels.append(("image", found.image, {"definition": found.receptive}))
    for name, array in found.arrays.items():
        masks = {"definition": found.definition.get(name), "used": found.used[name], "reads": found.reads[name]}
        there = {key: mask for key, mask in masks.items() if mask is not None and mask.any()}
        if there:
            panels.append((name, array, there))
    cell = np.zeros(found.result.shape, bool)
    cell[found.index] = True
    panels.append((found.value, found.result, {"cell": cell}))
    columns = {5: 3, 6: 3}.get(len(panels) + 2, min(4, len(panels) + 2))
    rows = -(-(len(panels) + 2) // columns)
    heights = [1.0] * rows
    if rows > 1 and len(panels) <= (rows - 1) * columns:
        heights[-1] = 0.6  # the launch alone: boxes that are wide, not high
    figure = new_figure(3.1 * columns, 3.0 * sum(heights) + 0.9)
    axes = list(figure.subplots(rows, columns, squeeze=False, height_ratios=heights).ravel())
    for place, (name, array, marked) in zip(axes, panels, strict=False):
        alike = (name in WEIGHTS) == (found.value in WEIGHTS)  # the axes mean the same
        _draw_array(place, name, array, marked, found.index if alike else ())
    _draw_extent(axes[len(panels)], "block in the grid", found.grid, [o.block for o in found.owners])
    _draw_extent(axes[len(panels) + 1], "thread in the block", found.block, [o.thread for o in found.owners])
    hide_rest(axes, len(panels) + 2)
    owner = found.owners[0]
    text = owner.text if len(owner.text) < 80 else owner.text[:77] + "…"
    layer = f" of layer {found.layer!r}" if found.layer else ""
    figure.suptitle(
        f"{found.value}{list(found.index)} = {found.number:.4g}, {found.op} {found.direction}{layer}: kernel "
        f"{found.kernel} on the SIMT machine\nthread {owner.thread} of block {owner.block}, line {owner.line}: {text}",
        x=0.01, ha="left", fontsize=10,
    )  # fmt: skip
    _legend(figure, panels, 2 if columns < 4 else 4)
    return figure


def _legend(figure: Figure, panels: list[tuple[str, np.ndarray, dict[str, np.ndarray]]], columns: int) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown = {key for _, _, masks in panels for key in masks}
    entries = {
        "definition": Patch(facecolor="none", edgecolor=ORANGE, lw=2, label="behind the cell, by the op's definition"),
        "used": Line2D([], [], ls="", marker="o", ms=6, color=BLUE, label="entered the value on the machine"),
        "reads": Line2D([], [], ls="", marker="+", ms=8, color=INK, label="read by the cell's own thread"),
        "cell": Patch(facecolor=RED, label="the cell, its thread, its block"),
    }
    handles = [handle for key, handle in entries.items() if key in shown]
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, fontsize=8.5, frameon=False)


def plane_of(
    name: str, array: np.ndarray, masks: dict[str, np.ndarray], cell: tuple[int, ...]
) -> tuple[tuple[Any, ...], str]:
    """Choose what to show of an array: an index that leaves two axes, and a title.

    Of images rows and columns, of weights R and S: of the sample and channel of the cell itself, if cells are marked
    there, else of those with the most marks.
    """
    if array.ndim <= 2:
        return (), f"{name} {array.shape}"
    drawn = (0, 1) if name in WEIGHTS else (1, 2)
    others = [axis for axis in range(array.ndim) if axis not in drawn]
    counts = next(iter(masks.values())).sum(axis=drawn)
    best: tuple[Any, ...] = np.unravel_index(int(np.argmax(counts)), counts.shape)
    own = tuple(cell[axis] for axis in others) if len(cell) == array.ndim else ()
    if own and all(i < n for i, n in zip(own, counts.shape, strict=True)) and counts[own]:
        best = own
    index: list[Any] = [slice(None)] * array.ndim
    for axis, at in zip(others, best, strict=True):
        index[axis] = int(at)
    text = ", ".join(":" if isinstance(part, slice) else str(part) for part in index)
    planes = int((counts > 0).sum())
    word = "plane" if planes == 2 else "planes"
    more = f"\n(and {planes - 1} other {word} of {array.shape})" if planes > 1 else f"\nof {array.shape}"
    return tuple(index), f"{name}[{text}]{more}"


def _draw_array(axes: Axes, name: str, array: np.ndarray, masks: dict[str, np.ndarray], cell: tuple[int, ...]) -> None:
    index, title = plane_of(name, array, masks, cell)
    plane = _matrix(array[index] if index else array)
    marks = {key: _matrix(mask[index] if index else mask) for key, mask in masks.items()}
    colours, norm = scale_of(plane)
    axes.imshow(plane, cmap="gray_r" if colours != "RdBu_r" else colours, norm=norm, alpha=0.55, aspect="auto")
    _proportions(axes, plane.shape[1], plane.shape[0])
    if "definition" in marks:
        edges(axes, np.pad(marks["definition"], 1), -1, -1, color=ORANGE, lw=2, solid_capstyle="projecting")
    if "cell" in marks:
        _fill(axes, marks["cell"])
    size = float(np.clip(110 / max(plane.shape), 2, 9))
    for key, mark, colour in (("used", "o", BLUE), ("reads", "+", INK)):
        if key in marks:
            r, c = np.nonzero(marks[key])
            axes.plot(c[:MOST_MARKS], r[:MOST_MARKS], mark, color=colour, ms=size if mark == "o" else size * 1.3)
    axes.set_title(title, fontsize=8.5)
    axes.tick_params(labelsize=7)


def _matrix(array: np.ndarray) -> np.ndarray:
    """Two axes, whatever there were: a vector is one row."""
    return array if array.ndim == 2 else array.reshape(1, -1)


def _proportions(axes: Axes, wide: int, high: int) -> None:
    """Square cells where that is possible; a long array is drawn as a band. Ticks are whole numbers."""
    axes.set_box_aspect(float(np.clip(high / wide, 0.2, 2.0)) if wide * high > 1 else 0.2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
    if high == 1:
        axes.set_yticks([])
    if wide == 1:
        axes.set_xticks([])


def _fill(axes: Axes, mask: np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    for r, c in np.argwhere(mask):
        axes.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=RED, edgecolor=INK, lw=1))


def _draw_extent(axes: Axes, title: str, extent: tuple[int, int, int], marked: list[tuple[int, int, int]]) -> None:
    """Draw a grid's blocks or a block's threads, x to the right and y down; a line of more than 32 goes on below."""
    from matplotlib.patches import Rectangle

    wide, high, deep = extent
    fold = 32 if wide > 32 and high == 1 else wide
    shown = -(-wide // fold) * (1 if high == 1 else high)
    if shown > MOST_CELLS or fold > MOST_CELLS:
        first = marked[0]
        axes.text(0.5, 0.5, f"{first[0]} of {wide}\n{first[1]} of {high}", ha="center", va="center", fontsize=11,
                  transform=axes.transAxes, color=RED)  # fmt: skip
        bare(axes)
        axes.set_title(f"{title}, {extent}", fontsize=8.5)
        return
    for r in range(shown):
        for c in range(min(fold, wide - r * fold) if high == 1 else fold):
            axes.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor="white", edgecolor=GREY, lw=0.4))
    for x, y, _ in dict.fromkeys(marked):
        r, c = (x // fold, x % fold) if high == 1 else (y, x)
        axes.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=RED, edgecolor=INK, lw=1))
    axes.set(xlim=(-0.5, fold - 0.5), ylim=(shown - 0.5, -0.5))
    _proportions(axes, fold, shown)
    z = f", z = {marked[0][2]} of {deep}" if deep > 1 else ""
    rows = "\n(a row is 32 threads, one warp)" if fold < wide and "thread" in title else ""
    axes.set_title(f"{title}, {extent}{z}{rows}", fontsize=8.5)
    axes.tick_params(labelsize=7)
