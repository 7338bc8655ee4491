"""A stepper on a page: `save_html` writes the whole step as one file, `filmstrip` a strip of pictures for a notebook.

The file holds its data as JSON; a hundred lines of plain JavaScript (`templates/stepper.js`) show it. It asks for
nothing: a policy in its head forbids every request.
"""

from __future__ import annotations

import json
import re
from html import escape
from importlib import resources
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.errors import ArgumentError
from minidl.lens import formulas
from minidl.lens.step_lines import LineStepper
from minidl.lens.step_moments import Moment, statistics
from minidl.lens.step_pictures import FULL, SMALL, Limits, heat_map, histogram, histogram_svg
from minidl.lens.step_record import place_of
from minidl.lens.step_text import corner, difference_text, static_text
from minidl.utils import atomic_write

if TYPE_CHECKING:
    from minidl.lens.stepper import Stepper

SHOWN = 64  # values in a table; of a larger array a corner of EDGE x EDGE
EDGE = 6
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
    folder = resources.files("minidl.lens") / "templates"
    parts = {name: (folder / f"stepper.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    # "</script>" within a text would end the element that holds the data.
    data = json.dumps(page_data(stepper), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    before, _, after = parts["html"].replace("__TITLE__", escape(title)).partition("__DATA__")
    return before.replace("__STYLE__", parts["css"]) + data + after.replace("__SCRIPT__", parts["js"])


def page_data(stepper: Stepper) -> dict[str, Any]:
    """Return what the page shows: moments, arrays (each once), sources, as lists, texts and numbers."""
    arrays = _Arrays(FULL if len(stepper) <= MANY else SMALL)
    sources: dict[str, dict[str, Any]] = {}
    moments = [_moment_data(stepper, moment, arrays, sources) for moment in stepper.moments]
    backends = ", ".join(sorted({moment.backend for moment in stepper.moments}))
    rest = ", ".join(f"{name} {_number(v)}" for name, v in stepper.logs.items() if name != "loss" and np.ndim(v) == 0)
    summary = f"loss {_number(stepper.loss)}{', ' + rest if rest else ''} · {len(moments)} ops on {backends}"
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

    return {
        "number": moment.number,
        "phase": moment.phase,
        "op": moment.op,
        "direction": moment.direction,
        "layer": moment.layer,
        "weight": moment.weight,
        "title": moment.title,
        "formula": moment.formula,
        "backend": moment.backend,
        "why": moment.why,
        "keywords": static_text(moment),
        "partner": moment.partner,
        "differs": bool(differences),
        "inputs": items(moment.inputs, moment.input_slots, moment.told.inputs),
        "outputs": items(moment.outputs, moment.output_slots, moment.told.run.outputs),
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
            self.items.append(_array_data(array, kernel, self.limits))
        return self.places[key]


def _array_data(array: np.ndarray, kernel: bool, limits: Limits = FULL) -> dict[str, Any]:
    part, left_out = corner(array, EDGE, kernel) if array.size > SHOWN or array.ndim > 2 else (array, "")
    picture, bars = heat_map(array, kernel, limits), histogram(array)
    return {
        "shape": "×".join(map(str, array.shape)) or "one number",
        "dtype": str(array.dtype),
        "statistics": str(statistics(array)),
        "rows": [[_number(value) for value in row] for row in np.atleast_2d(part)],
        "left_out": left_out,
        "picture": picture
        and {"uri": picture.uri, "width": picture.width, "height": picture.height, "caption": picture.caption},
        "histogram": bars and [bars[0], f"{bars[1]:.4g}", f"{bars[2]:.4g}"],
    }


def _number(value: Any) -> str:
    # Adding 0.0 turns -0.0, which nobody asks about, into 0.0.
    return f"{value + 0.0:.6g}" if isinstance(value, float | np.floating) else str(value)


def _with_subscripts(formula: str) -> str:
    """Return a formula as HTML, the indices of a sum below its sign."""
    return re.sub(r"Σ([a-z](?:,[a-z])*)(?![a-z])", r"Σ<sub>\1</sub>", escape(formula))


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
    left_out = f"the first {LINES} of {len(lines)} lines" if len(lines) > LINES else ""
    return {"steps": [[f"{moment.op} {name}", n, values] for name, n, values in steps], "left_out": left_out}


def _line_data(lines: LineStepper, place: int) -> tuple[str, int, list[list[str]]]:
    line = lines.goto(place).now
    return line.function, line.line, [[name, lines.described(name)] for name in line.changed]


# ---- in a notebook


def filmstrip(stepper: Stepper) -> str:
    """Return the step as plain HTML: one strip for each phase, one frame for each op, no script."""
    strips = []
    for phase in dict.fromkeys(moment.phase for moment in stepper.moments):
        frames = "".join(_frame(stepper, moment) for moment in stepper.moments if moment.phase == phase)
        strips.append(f"<h4 style='margin:8px 0 2px'>{phase}</h4><div style='{_STRIP}'>{frames}</div>")
    changed = f" · changed: {escape('; '.join(stepper.changes))}" if stepper.changes else ""
    head = f"<div>loss {_number(stepper.loss)} · {len(stepper)} ops{changed}</div>"
    return f"<div class='minidl-filmstrip' style='font-size:12px'>{head}{''.join(strips)}</div>"


_STRIP = "display:flex;gap:8px;overflow-x:auto;padding-bottom:6px;align-items:stretch"
_FRAME = "flex:none;width:150px;border:1px solid #8888;border-radius:6px;padding:6px;overflow-wrap:anywhere"
_IMAGE = "image-rendering:pixelated;max-width:260px;min-height:10px;border:1px solid #8888"


def _frame(stepper: Stepper, moment: Moment) -> str:
    name, array = next(iter(moment.outputs.items()), ("", np.zeros(0)))
    picture = heat_map(array, is_kernel(moment, name), SMALL)
    image = ""
    if picture is not None:
        scale = max(1, min(16, 130 // picture.width, 130 // picture.height))
        height = max(10, picture.height * scale)
        size = f"width:{min(130, picture.width * scale)}px;height:{min(130, height)}px;border:1px solid #8888"
        image = f"<img alt='{escape(picture.caption)}' src='{picture.uri}' style='image-rendering:pixelated;{size}'>"
    elif array.size:
        image = f"<b>{_number(array.reshape(-1)[0])}</b>"
    border = ";outline:2px solid #1f5fa8" if moment is stepper.now else ""
    differs = " <b title='differs from the unchanged run'>≠</b>" if stepper.differences(moment) else ""
    shape = " × ".join(map(str, array.shape))
    return (
        f"<div style='{_FRAME}{border}'><b>{moment.number} {escape(moment.op)}</b>{differs}<br>"
        f"<span style='opacity:0.7'>{escape(moment.weight or moment.layer or ' ')}<br>{escape(name)} {shape}</span>"
        f"<div style='margin:4px 0'>{image}</div>"
        f"<span style='opacity:0.7;font-size:10px'>{escape(str(statistics(array))) if array.size else ''}</span></div>"
    )


def moment_html(stepper: Stepper) -> str:
    """Return the present moment as plain HTML: formula, and each array with statistics, picture, values, histogram."""
    moment, differences = stepper.now, stepper.differences()
    parts = [
        f"<h3 style='margin:4px 0'>{escape(moment.title)} <small style='opacity:0.7'>{moment.phase}, op "
        f"{moment.number} of {len(stepper) - 1}</small></h3>",
        f"<p style='font-size:1.1em;margin:4px 0'>{_with_subscripts(moment.formula)}</p>",
        f"<p style='opacity:0.7;margin:2px 0'>on {escape(moment.backend)} ({escape(moment.why)})"
        f"{escape(static_text(moment))}</p>",
    ]
    for title, values in (("Inputs", moment.inputs), ("Outputs", moment.outputs)):
        cards = "".join(
            _card(name, array, moment, difference_text(*differences[name]) if name in differences else "")
            for name, array in values.items()
        )
        parts.append(f"<h4 style='margin:8px 0 2px'>{title}</h4><div style='{_STRIP};flex-wrap:wrap'>{cards}</div>")
    return f"<div class='minidl-moment'>{''.join(parts)}</div>"


def _card(name: str, array: np.ndarray, moment: Moment, differs: str) -> str:
    shown = _array_data(array, is_kernel(moment, name))
    picture, bars = shown["picture"], histogram(array)
    image = ""
    if picture:
        scale = max(1, min(20, 220 // max(picture["width"], picture["height"])))
        caption = escape(picture["caption"])
        image = (
            f"<img alt='{caption}' src='{picture['uri']}' width='{picture['width'] * scale}' style='{_IMAGE}'>"
            f"<br><small>{caption}</small><br>"
        )
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in shown["rows"])
    origin = moment.origins.get(name, "") if name in moment.input_slots else ""
    return (
        f"<div style='border:1px solid #8888;border-radius:6px;padding:6px'><b>{escape(name)}</b> {shown['shape']} "
        f"{shown['dtype']}{' from ' + escape(origin) if origin else ''}<br><small>{escape(shown['statistics'])}</small>"
        f"<br>{f'<b>{escape(differs)}</b><br>' if differs else ''}{image}"
        f"<table style='font-size:11px'>{rows}</table><small>{escape(shown['left_out'])}</small>"
        f"{'<br>' + histogram_svg(*bars) if bars else ''}</div>"
    )
