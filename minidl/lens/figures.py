"""What all pictures of the lens share: figures that show themselves in a notebook, scales and grids.

No pyplot: a figure needs no display, and nobody has to close it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.ticker import MaxNLocator

from minidl.backends.devices.arrays import to_host
from minidl.picture import Picture
from minidl.tensor import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#222222"
BLUE, ORANGE, RED, GREY = "#0072b2", "#e69f00", "#d55e00", "#999999"  # Okabe & Ito
SIGNED, POSITIVE = "RdBu_r", "viridis"


def new_figure(width: float, height: float) -> Picture:
    """Return an empty figure of this many inches."""
    return Picture(figsize=(width, height), layout="constrained")


def values_of(array: Any) -> np.ndarray:
    """Return the values of an array or a tensor on the host, wherever they are."""
    data = array.data if isinstance(array, Tensor) else array
    return np.asarray(to_host(data, "a picture"))


def scale_of(values: np.ndarray) -> tuple[str, Normalize]:
    """Return the colours for values: two colours with white at 0 if some are negative, else from dark to light.

    >>> scale_of(np.array([-1.0, 3.0]))[0], scale_of(np.array([0.0, 3.0]))[0]
    ('RdBu_r', 'viridis')
    """
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if low < 0:
        most = max(-low, high)
        return SIGNED, TwoSlopeNorm(0.0, -most, most)
    return POSITIVE, Normalize(0.0, high or 1.0)


def grid_of(count: int, columns: int | None = None) -> tuple[int, int]:
    """Return (rows, columns) for so many panels: wider than high.

    >>> grid_of(5), grid_of(16), grid_of(3, columns=2)
    ((2, 3), (2, 8), (2, 2))
    """
    if columns is None:
        columns = count if count <= 4 else 3 if count <= 6 else 8 if count >= 8 else 4
    return math.ceil(count / columns), columns


def bare(axes: Axes) -> None:
    """Take the ticks away and leave a thin frame."""
    axes.set(xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set(linewidth=0.5, color=GREY)


def whole_numbers(axes: Axes) -> None:
    """Put ticks at whole numbers only, on both axes."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))


def edges(axes: Axes, cells: np.ndarray, left: int = 0, top: int = 0, **style: Any) -> None:
    """Draw a line wherever two neighbouring cells differ; the first one lies at (left, top)."""
    for row, col in np.argwhere(cells[:, 1:] != cells[:, :-1]):
        axes.plot([left + col + 0.5] * 2, [top + row - 0.5, top + row + 0.5], **style)
    for row, col in np.argwhere(cells[1:] != cells[:-1]):
        axes.plot([left + col - 0.5, left + col + 0.5], [top + row + 0.5] * 2, **style)


def hide_rest(panels: Sequence[Axes], used: int) -> None:
    """Take away the panels of a grid that hold nothing."""
    for axes in panels[used:]:
        axes.remove()
