"""Small pictures of arrays without a plotting library: heat maps as PNG, histograms as SVG, both as text for a page.

One colour scale for all: white is 0, orange above, blue below, darkest at the largest size in the array (colour-blind
safe). Images and feature maps (N, H, W, C) become tiles, one row a sample and one column a channel; kernels
(R, S, C, K) tiles with one row an input channel and one column an output channel.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import NamedTuple

import numpy as np

POSITIVE, NEGATIVE, GAP = (179, 88, 6), (33, 102, 172), (128, 128, 128)
NOT_A_NUMBER = (208, 0, 208)
ROWS, COLUMNS = 4, 8  # tiles
CELLS = 64  # rows and columns of a matrix
BINS = 24


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


def heat_map(array: np.ndarray, kernel: bool = False) -> Picture | None:
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
            return _tiled(tiles.transpose(1, 0, 2, 3), "samples")  # images of one channel stand in one row
        return _tiled(tiles, "input channels × output channels" if kernel else "samples × channels")
    if array.ndim == 3:
        return _tiled(values[None], "samples")
    if array.ndim > 4:
        values = values.reshape(values.shape[0], -1)
    matrix = values[None] if values.ndim == 1 else values
    shown = matrix[:CELLS, : CELLS if array.ndim > 1 else CELLS * 2]
    caption = " × ".join(map(str, shown.shape if array.ndim > 1 else shown.shape[1:]))
    if shown.size < array.size:
        caption += f": the first of {' × '.join(map(str, array.shape))}"
    return _picture(_colours(shown), caption)


def _tiled(tiles: np.ndarray, what: str) -> Picture:
    """Draw (rows, columns, height, width) as a grid with lines between."""
    part = tiles[:ROWS, :COLUMNS, :CELLS, :CELLS]
    rows, columns, height, width = part.shape
    canvas = np.empty((rows * (height + 1) - 1, columns * (width + 1) - 1, 3), np.uint8)
    canvas[:] = GAP
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
    """Return (..., 3) uint8: white at 0, towards orange above and blue below."""
    finite = np.isfinite(values)
    size = np.abs(np.where(finite, values, 0.0))
    share = np.where(finite, size / (size.max() or 1.0), 1.0)[..., None]
    ends = np.where((values >= 0)[..., None], POSITIVE, NEGATIVE)
    coloured = 255 - share * (255 - ends)
    coloured[~finite] = NOT_A_NUMBER
    return coloured.round().astype(np.uint8)


def _picture(canvas: np.ndarray, caption: str) -> Picture:
    return Picture(png_bytes(canvas), canvas.shape[1], canvas.shape[0], caption)


def png_bytes(pixels: np.ndarray) -> bytes:
    """Return (H, W, 3) uint8 pixels as a PNG file. Source: the PNG specification (W3C), section 11.

    >>> png_bytes(np.zeros((2, 2, 3), np.uint8))[:4]
    b'\\x89PNG'
    """
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + pixels[i].tobytes() for i in range(height))  # each row begins with its filter: none
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


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


def histogram_svg(counts: list[int], low: float, high: float) -> str:
    """Return the histogram as an SVG element with its ends written below."""
    tallest = max(counts)
    bars = "".join(
        f'<rect x="{k * 8}" y="{48 - 48 * n / tallest:.1f}" width="7" height="{48 * n / tallest:.1f}"/>'
        for k, n in enumerate(counts)
    )
    label = f"histogram of the values from {low:.4g} to {high:.4g}, the fullest bin holds {tallest:,}"
    return (
        f'<svg class="histogram" role="img" aria-label="{label}" viewBox="0 0 192 62" width="192" height="62">'
        f'<g fill="currentColor" opacity="0.65">{bars}</g><g fill="currentColor" font-size="10">'
        f'<text x="0" y="60">{low:.4g}</text><text x="192" y="60" text-anchor="end">{high:.4g}</text></g></svg>'
    )
