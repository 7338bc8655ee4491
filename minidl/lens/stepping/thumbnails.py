"""Small pictures of arrays without a plotting library: heat maps as PNG, histograms as SVG, both as text for a page.

One colour scale for all: white is 0, orange above, blue below, darkest at the largest size in the array (colour-blind
safe). Images and feature maps (N, H, W, C) become tiles, one row a sample and one column a channel; kernels
(R, S, C, K) tiles with one row an input channel and one column an output channel.
"""

from __future__ import annotations

import base64
import io
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from minidl.markup import joined

POSITIVE, NEGATIVE, GAP_COLOUR, NAN_COLOUR = (179, 88, 6), (33, 102, 172), (128, 128, 128), (208, 0, 208)
# A pixel is a number from the palette: 0 not finite, 1 the line between tiles, 128 zero, 2 and 254 the largest sizes.
NOT_A_NUMBER, GAP, ZERO, LEVELS = 0, 1, 128, 126
BINS = 24


class Limits(NamedTuple):
    """How much of an array is drawn: rows and columns of tiles, and cells of a tile or matrix along an axis."""

    rows: int = 4
    columns: int = 8
    cells: int = 64


FULL, SMALL = Limits(), Limits(2, 4, 32)


class Picture(NamedTuple):
    """A heat map: PNG bytes, its size in cells, and a sentence on what it shows and what was left out."""

    png: bytes
    width: int
    height: int
    caption: str

    @property
    def uri(self) -> str:
        """The picture as a `data:` address."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


def heat_map(array: np.ndarray, kernel: bool = False, limits: Limits = FULL) -> Picture | None:
    """Return an array as a picture; None for a single number, or no numbers at all.

    kernel : the array is a convolution's kernel (R, S, C, K)

    >>> heat_map(np.arange(6.0).reshape(2, 3)).caption
    '2 × 3'
    """
    if array.size < 2:
        return None
    values = array.astype(np.float64)
    if array.ndim == 4:
        tiles = values.transpose((2, 3, 0, 1) if kernel else (0, 3, 1, 2))
        if not kernel and tiles.shape[1] == 1:
            return _tiled(tiles.transpose(1, 0, 2, 3), "samples", limits)  # images of one channel stand in one row
        return _tiled(tiles, "input channels × output channels" if kernel else "samples × channels", limits)
    if array.ndim == 3:
        return _tiled(values[None], "samples", limits)
    if array.ndim > 4:
        values = values.reshape(values.shape[0], -1)
    matrix = values[None] if values.ndim == 1 else values
    shown = matrix[: limits.cells, : limits.cells if array.ndim > 1 else limits.cells * 2]
    caption = " × ".join(map(str, shown.shape if array.ndim > 1 else shown.shape[1:]))
    if shown.size < array.size:
        caption += f": the first of {' × '.join(map(str, array.shape))}"
    return _picture(_colours(shown), caption)


def _tiled(tiles: np.ndarray, what: str, limits: Limits) -> Picture:
    """Draw (rows, columns, height, width) as a grid with lines between."""
    part = tiles[: limits.rows, : limits.columns, : limits.cells, : limits.cells]
    rows, columns, height, width = part.shape
    canvas = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), GAP, np.uint8)
    coloured = _colours(part)
    for i in range(rows):
        for j in range(columns):
            top, left = i * (height + 1), j * (width + 1)
            canvas[top : top + height, left : left + width] = coloured[i, j]
    counted = f"{rows} × {columns} {what}" if "×" in what else f"{columns} {what}"
    caption = f"{counted}, each {height} × {width}"
    if part.size < tiles.size:
        all_tiles = f"{tiles.shape[0]} × {tiles.shape[1]}" if "×" in what else f"{tiles.shape[1]}"
        caption += f"; the first of {all_tiles}, each {tiles.shape[2]} × {tiles.shape[3]}"
    return _picture(canvas, caption)


def _colours(values: np.ndarray) -> np.ndarray:
    """Return each value's number in the palette."""
    finite = np.isfinite(values)
    size = np.where(finite, values, 0.0)
    levels = ZERO + np.rint(size * (LEVELS / (np.abs(size).max() or 1.0)))
    return np.where(finite, levels, NOT_A_NUMBER).astype(np.uint8)


def _palette() -> bytes:
    """Return 256 colours, three bytes each: white at ZERO, towards orange above and blue below."""
    share = (np.arange(256)[:, None] - ZERO) / LEVELS
    ends = np.where(share >= 0, POSITIVE, NEGATIVE)
    colours = np.clip(255 - np.abs(share) * (255 - ends), 0, 255).round().astype(np.uint8)
    colours[NOT_A_NUMBER], colours[GAP] = NAN_COLOUR, GAP_COLOUR
    return colours.tobytes()


def _picture(canvas: np.ndarray, caption: str) -> Picture:
    return Picture(png_bytes(canvas), canvas.shape[1], canvas.shape[0], caption)


def png_bytes(pixels: np.ndarray) -> bytes:
    """Return (H, W) uint8 pixels, numbers of the palette, as a PNG file.

    >>> png_bytes(np.zeros((2, 2), np.uint8))[:4]
    b'\x89PNG'
    """
    from PIL import Image

    image, buffer = Image.fromarray(pixels), io.BytesIO()
    image.putpalette(_palette())
    image.save(buffer, "png")
    return buffer.getvalue()


def histogram(array: np.ndarray) -> tuple[list[int], float, float] | None:
    """Return counts in BINS bins, and the ends; None where there are too few values, or all are the same.

    >>> counts, low, high = histogram(np.arange(48.0))
    >>> counts == [2] * 24, low, high
    (True, 0.0, 47.0)
    """
    values = np.asarray(array, np.float64).ravel()
    values = values[np.isfinite(values)]
    if values.size < 2 * BINS or values.min() == values.max():
        return None
    counts, edges = np.histogram(values, BINS)
    return [int(n) for n in counts], float(edges[0]), float(edges[-1])


def histogram_svg(counts: list[int], low: float, high: float) -> Markup:
    """Return the histogram as an SVG element with its ends written below."""
    tallest = max(counts)
    bar = Markup('<rect x="{}" y="{:.1f}" width="7" height="{:.1f}"/>')
    bars = [bar.format(k * 8, 48 - 48 * n / tallest, 48 * n / tallest) for k, n in enumerate(counts)]
    return Markup(
        '<svg class="histogram" role="img" aria-label="histogram of the values from {low:.4g} to {high:.4g}, the '
        'fullest bin holds {tallest:,}" viewBox="0 0 192 62" width="192" height="62">'
        '<g fill="currentColor" opacity="0.65">{bars}</g><g fill="currentColor" font-size="10">'
        '<text x="0" y="60">{low:.4g}</text><text x="192" y="60" text-anchor="end">{high:.4g}</text></g></svg>'
    ).format(low=low, high=high, tallest=tallest, bars=joined(bars))
