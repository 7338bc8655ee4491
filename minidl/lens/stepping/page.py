"""A stepper on a page: `save_html` writes the whole step as one file.

The file holds its data as JSON; a hundred lines of plain JavaScript (`templates/stepper.js`) show it. It asks for
nothing: a policy in its head forbids every request.
"""

from __future__ import annotations

import json
from importlib import resources
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import escape

from minidl.console import one_line
from minidl.errors import ArgumentError
from minidl.lens import formulas
from minidl.lens.stepping.lines import LineStepper
from minidl.lens.stepping.moments import Moment, place_of, statistics
from minidl.lens.stepping.text import EDGE, SHOWN, corner, difference_text, static_text
from minidl.lens.stepping.thumbnails import FULL, SMALL, Limits, heat_map, histogram
from minidl.utils import atomic_write

if TYPE_CHECKING:
    from minidl.lens.stepping.stepper import Stepper

LINES = 80  # of an op's run
MANY = 120  # ops; of a longer step the pictures show less, so that the page stays small


def save_html(stepper: Stepper, path: str | PathLike[str], title: str | None = None) -> None:
    """Write the step as one HTML file; the file is there in full or not at all.

    Of large arrays it holds a picture of the first samples and channels and a corner of the values, and says so.
    """
    text = page(stepper, title or f"One training step of {stepper.model.name!r}")
    with atomic_write(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def page(stepper: Stepper, title: str) -> str:
    """Return the page's text."""
    folder = resources.files("minidl.lens.stepping") / "templates"
    parts = {name: (folder / f"stepper.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    # "</script>" within a text would end the element that holds the data.
    data = json.dumps(page_data(stepper), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    before, _, after = parts["html"].replace("__TITLE__", str(escape(one_line(title)))).partition("__DATA__")
    return before.replace("__STYLE__", parts["css"]) + data + after.replace("__SCRIPT__", parts["js"])


def page_data(stepper: Stepper) -> dict[str, Any]:
    """Return what the page shows: moments, arrays (each once), sources, as lists, texts and numbers."""
    arrays = _Arrays(FULL if len(stepper) <= MANY else SMALL)
    sources: dict[str, dict[str, Any]] = {}
    moments = [_moment_data(stepper, moment, arrays, sources) for moment in stepper.moments]
    backends = ", ".join(sorted({moment.backend for moment in stepper.moments}))
    rest = ", ".join(
        f"{name} {number_text(v)}" for name, v in stepper.logs.items() if name != "loss" and np.ndim(v) == 0
    )
    summary = f"loss {number_text(stepper.loss)}{', ' + rest if rest else ''} · {len(moments)} ops on {backends}"
    if stepper.changes:
        summary += " · changed: " + "; ".join(stepper.changes)
    layers = [name for name in stepper.layers if name]
    return {"summary": summary, "layers": layers, "moments": moments, "arrays": arrays.items, "sources": sources}


def _moment_data(stepper: Stepper, moment: Moment, arrays: _Arrays, sources: dict[str, Any]) -> dict[str, Any]:
    differences = stepper.differences(moment)

    def items(values: dict[str, np.ndarray], slots: dict[str, int], given: tuple[Any, ...]) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "array": arrays.place(array, given[slots[name]], is_kernel(moment, name)),
                "from": moment.origins.get(name, "") if values is moment.inputs else "",
                "differs": difference_text(*differences[name]) if name in differences else "",
            }
            for name, array in values.items()
        ]

    plain = "number phase op direction layer weight title formula backend why partner".split()
    return {name: getattr(moment, name) for name in plain} | {
        "keywords": static_text(moment),
        "differs": bool(differences),
        "inputs": items(moment.inputs, moment.input_slots, moment.run.inputs),
        "outputs": items(moment.outputs, moment.output_slots, moment.run.outputs),
        "lines": _lines_data(stepper, moment, sources),
    }


def is_kernel(moment: Moment, name: str) -> bool:
    """Whether an array is a convolution's kernel (R, S, C, K): to be drawn as one, not as images."""
    plain = name.removeprefix("d").removesuffix(" new")
    return moment.phase == "update" or (plain == "w" and "conv2d" in moment.op)


class _Arrays:
    """The arrays of a page. One that is the output of an op and the input of the next is written once."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.items: list[dict[str, Any]] = []
        self.places: dict[Any, int] = {}

    def place(self, array: np.ndarray, held: Any, kernel: bool) -> int:
        """Return the number of an array among the items."""
        key = (place_of(held), kernel)
        if key not in self.places:
            self.places[key] = len(self.items)
            self.items.append(array_data(array, kernel, self.limits))
        return self.places[key]


def array_data(array: np.ndarray, kernel: bool, limits: Limits = FULL) -> dict[str, Any]:
    """Return what is shown of an array: shape, statistics, picture, histogram, and its values or a corner of them."""
    part, left_out = corner(array, EDGE, kernel) if array.size > SHOWN or array.ndim > 2 else (array, "")
    picture, bars = heat_map(array, kernel, limits), histogram(array)
    return {
        "shape": "×".join(map(str, array.shape)) or "one number",
        "dtype": str(array.dtype),
        "statistics": str(statistics(array)),
        "rows": [[number_text(value) for value in row] for row in np.atleast_2d(part)],
        "left_out": left_out,
        "picture": picture
        and {"uri": picture.uri, "width": picture.width, "height": picture.height, "caption": picture.caption},
        "histogram": bars and [bars[0], f"{bars[1]:.4g}", f"{bars[2]:.4g}"],
    }


def number_text(value: Any) -> str:
    """Return a number with six digits.

    >>> number_text(np.float32(1) / 3), number_text(-0.0), number_text(7)
    ('0.333333', '0', '7')
    """
    # Adding 0.0 turns -0.0, which nobody asks about, into 0.0.
    return f"{value + 0.0:.6g}" if isinstance(value, float | np.floating) else str(value)


def _lines_data(stepper: Stepper, moment: Moment, sources: dict[str, Any]) -> dict[str, Any] | None:
    """Return an op's run line by line, and put its functions' texts into `sources`; None where there is no source."""
    if moment.is_sum or formulas.numpy_function(moment.op, moment.direction) is None:
        return None
    try:
        lines = stepper.lines_of(moment)
    except ArgumentError:  # an op of one's own without Python source
        return None
    if not lines.sources[lines.lines[0].function]:
        return None
    steps = [_line_data(lines, place) for place in range(min(LINES, len(lines)))]
    for line in lines.lines[:LINES]:
        key, source = f"{moment.op} {line.function}", lines.sources[line.function]
        first = min(source)
        sources[key] = {"first": first, "text": [source[n] for n in sorted(source)]}
    left_out = f"The first {LINES} of {len(lines)} steps" if len(lines) > LINES else ""
    notes = ". ".join(note for note in (lines.note.strip(), left_out) if note)
    return {"steps": [[f"{moment.op} {name}", n, values] for name, n, values in steps], "left_out": notes}


def _line_data(lines: LineStepper, place: int) -> tuple[str, int, list[list[str]]]:
    line = lines.goto(place).now
    return line.function, line.line, [[name, lines.described(name)] for name in line.changed]
