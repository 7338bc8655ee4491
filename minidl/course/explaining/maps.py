"""Wrong values as pictures: what is right and what came out side by side, and where they differ."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from minidl.lens.stepping.thumbnails import Picture, heat_map
from minidl.markup import joined

SIDE = 8  # rows and columns of the tables of numbers
ACROSS = 12  # columns of a vector's table
MOST = 64  # cells along an axis of a map


class Slice(NamedTuple):
    """Two axes of an array, and how they were cut out of it: "y[0, :, :, 2]"."""

    right: np.ndarray
    got: np.ndarray
    wrong: np.ndarray
    label: str


def sliced(name: str, right: np.ndarray, got: np.ndarray, wrong: np.ndarray) -> Slice:
    """Return the two axes in which the first wrong cell lies: of images rows and columns, of others the last two."""
    first = np.argwhere(wrong)[0] if wrong.any() else np.zeros(right.ndim, int)
    if right.ndim <= 2:
        rows = (1, -1) if right.ndim < 2 else right.shape
        return Slice(right.reshape(rows), got.reshape(rows), wrong.reshape(rows), name)
    kept = (1, 2) if right.ndim == 4 else (right.ndim - 2, right.ndim - 1)
    key = tuple(slice(None) if axis in kept else int(first[axis]) for axis in range(right.ndim))
    label = ", ".join(":" if axis in kept else str(first[axis]) for axis in range(right.ndim))
    return Slice(right[key], got[key], wrong[key], f"{name}[{label}]")


def maps(name: str, right: np.ndarray, got: np.ndarray, wrong: np.ndarray, words: tuple[str, str, str]) -> Markup:
    """Return tables of the numbers about the first wrong cell, and maps of the whole where it is larger than they are.

    words : for right, got, and wrong
    """
    part = sliced(name, np.asarray(right), np.asarray(got), np.asarray(wrong))
    r, c = (int(n) for n in np.argwhere(part.wrong)[0]) if part.wrong.any() else (0, 0)
    high, wide = part.right.shape
    across = ACROSS if high == 1 else SIDE
    top, left = (max(0, min(at - most // 2, n - most)) for at, most, n in ((r, SIDE, high), (c, across, wide)))
    window = slice(top, top + SIDE), slice(left, left + across)
    tables = [
        _table(f"{part.label} · {word}", values[window], part.wrong[window], top, left, high == 1, coloured)
        for word, values, coloured in ((words[0], part.right, False), (words[1], part.got, True))
    ]
    whole = Markup("")
    if high > SIDE or wide > across:
        whole = _whole(part, words)
    return Markup("<div class='pair'>{}</div>{}").format(joined(tables), whole)


def _table(title: str, values: np.ndarray, wrong: np.ndarray, top: int, left: int, one_row: bool,
           coloured: bool) -> Markup:  # fmt: skip
    head = joined(Markup("<th>{}</th>").format(left + k) for k in range(values.shape[1]))
    rows = []
    for r, row in enumerate(values):
        cells = joined(
            Markup("<td class='{}'>{}</td>").format(("bad" if coloured else "good") if wrong[r, k] else "", _number(v))
            for k, v in enumerate(row)
        )
        rows.append(Markup("<tr><th>{}</th>{}</tr>").format("" if one_row else top + r, cells))
    return Markup("<table><caption>{}</caption><tr><th></th>{}</tr>{}</table>").format(title, head, joined(rows))


def _number(value: object) -> str:
    plain = np.asarray(value)
    if plain.dtype.kind in "iub":
        return str(plain)
    number = float(plain)
    if not math.isfinite(number):
        return {math.inf: "∞", -math.inf: "−∞"}.get(number, "NaN")
    return f"{number:.3g}".replace("-", "−")


def _whole(part: Slice, words: tuple[str, str, str]) -> Markup:
    """Right and got in one scale of colours, and the wrong cells dark."""
    rows = part.right.shape[0]
    fold = 32 if rows == 1 and part.right.shape[1] > MOST else 0
    right, got, wrong = (_folded(a, fold) for a in (part.right, part.got, part.wrong))
    right, got = (np.where(np.isfinite(a), a, np.nan).astype(np.float64) for a in (right, got))
    scale = float(np.nanmax(np.abs(right), initial=0.0)) or 1.0
    figures = []
    for word, values in zip(words, (right, np.clip(got, -scale, scale), wrong), strict=True):
        drawn = heat_map(values)
        if drawn is not None:
            figures.append(_image(drawn, word))
    return Markup("<div class='pair'>{}</div>").format(joined(figures))


def _folded(values: np.ndarray, across: int) -> np.ndarray:
    """A long row as several of a length, as text is set in lines."""
    if not across:
        return values
    flat = values.reshape(-1)[: across * MOST]
    return flat[: flat.size // across * across].reshape(-1, across) if flat.size >= across else values


def _image(drawn: Picture, word: str) -> Markup:
    zoom = max(2, min(10, 260 // max(drawn.width, drawn.height)))
    return Markup(
        "<figure><img alt='{0}' src='{1}' width='{2}' height='{3}'><figcaption>{0} · {4}</figcaption></figure>"
    ).format(word, drawn.uri, zoom * drawn.width, zoom * drawn.height, drawn.caption)
