"""A stepper in a notebook, as plain HTML without a script: the filmstrip of the whole step, and one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from minidl.console import one_line
from minidl.lens.stepping.moments import Moment, statistics
from minidl.lens.stepping.page import array_data, is_kernel, number_text
from minidl.lens.stepping.text import difference_text, static_text
from minidl.lens.stepping.thumbnails import SMALL, heat_map, histogram, histogram_svg
from minidl.markup import joined, replaced

if TYPE_CHECKING:
    from minidl.lens.stepping.stepper import Stepper


def filmstrip(stepper: Stepper) -> Markup:
    """Return the step as plain HTML: one strip for each phase, one frame for each op, no script."""
    strip = Markup("<h4 style='margin:8px 0 2px'>{phase}</h4><div style='{style}'>{frames}</div>")
    strips = []
    for phase in dict.fromkeys(moment.phase for moment in stepper.moments):
        frames = joined(_frame(stepper, moment) for moment in stepper.moments if moment.phase == phase)
        strips.append(strip.format(phase=phase, style=_STRIP, frames=frames))
    changed = f" · changed: {'; '.join(stepper.changes)}" if stepper.changes else ""
    return Markup(
        "<div class='minidl-filmstrip' style='font-size:12px;line-height:1.35'>"
        "<div>loss {loss} · {count} ops{changed}</div>{strips}</div>"
    ).format(loss=number_text(stepper.loss), count=len(stepper), changed=changed, strips=joined(strips))


_STRIP = "display:flex;gap:8px;overflow-x:auto;padding-bottom:6px;align-items:stretch"
_FRAME = "flex:none;width:150px;border:1px solid #8888;border-radius:6px;padding:6px;overflow-wrap:anywhere"
_IMAGE = "image-rendering:pixelated;max-width:260px;min-height:10px;border:1px solid #8888"


def _frame(stepper: Stepper, moment: Moment) -> Markup:
    name, array = next(iter(moment.outputs.items()), ("", np.zeros(0)))
    picture = heat_map(array, is_kernel(moment, name), SMALL)
    image = Markup()
    if picture is not None:
        scale = max(1, min(16, 130 // picture.width, 130 // picture.height))
        height = max(10, picture.height * scale)
        size = f"width:{min(130, picture.width * scale)}px;height:{min(130, height)}px;border:1px solid #8888"
        image = Markup("<img alt='{}' src='{}' style='image-rendering:pixelated;{}'>").format(
            picture.caption, picture.uri, size
        )
    elif array.size:
        image = Markup("<b>{}</b>").format(number_text(array.reshape(-1)[0]))
    return Markup(
        "<div style='{style}'><b>{number} {op}</b>{differs}<br><span style='opacity:0.7'>{owner}<br>{name} {shape}"
        "</span><div style='margin:4px 0'>{image}</div><span style='opacity:0.7;font-size:10px'>{facts}</span></div>"
    ).format(
        style=_FRAME + (";outline:2px solid #1f5fa8" if moment is stepper.now else ""),
        number=moment.number,
        op=Markup("_<wbr>").join(moment.op.split("_")),  # where a long name may be broken
        differs=Markup(" <b title='differs from the unchanged run'>≠</b>") if stepper.differences(moment) else "",
        owner=one_line(moment.weight or moment.layer or " "),
        name=name,
        shape=" × ".join(map(str, array.shape)),
        image=image,
        facts=statistics(array) if array.size else "",
    )


def moment_html(stepper: Stepper) -> Markup:
    """Return the present moment as plain HTML: formula, and each array with statistics, picture, values, histogram."""
    moment, differences = stepper.now, stepper.differences()
    parts = [
        Markup(
            "<h3 style='margin:4px 0'>{title} <small style='opacity:0.7'>{phase}, op {number} of {last}</small></h3>"
            "<p style='font-size:1.1em;margin:4px 0'>{formula}</p>"
            "<p style='opacity:0.7;margin:2px 0'>on {backend} ({why}){keywords}</p>"
        ).format(
            title=one_line(moment.title),
            phase=moment.phase,
            number=moment.number,
            last=len(stepper) - 1,
            formula=_with_subscripts(moment.formula),
            backend=moment.backend,
            why=moment.why,
            keywords=static_text(moment),
        )
    ]
    for title, values in (("Inputs", moment.inputs), ("Outputs", moment.outputs)):
        cards = joined(
            _card(name, array, moment, difference_text(*differences[name]) if name in differences else "")
            for name, array in values.items()
        )
        group = Markup("<h4 style='margin:8px 0 2px'>{}</h4><div style='{};flex-wrap:wrap'>{}</div>")
        parts.append(group.format(title, _STRIP, cards))
    return Markup("<div class='minidl-moment' style='line-height:1.35'>{}</div>").format(joined(parts))


def _card(name: str, array: np.ndarray, moment: Moment, differs: str) -> Markup:
    shown = array_data(array, is_kernel(moment, name))
    picture, bars = shown["picture"], histogram(array)
    image = Markup()
    if picture:
        scale = max(1, min(20, 220 // max(picture["width"], picture["height"])))
        image = Markup("<img alt='{0}' src='{1}' width='{2}' style='{3}'><br><small>{0}</small>").format(
            picture["caption"], picture["uri"], picture["width"] * scale, _IMAGE
        )
    cell = Markup("<td style='text-align:right;padding:0 4px'>{}</td>")
    rows = joined(Markup("<tr>{}</tr>").format(joined(map(cell.format, row))) for row in shown["rows"])
    values = Markup("<table style='font-size:11px'>{}</table><small>{}</small>").format(rows, shown["left_out"])
    looks = [look for look in (image, values, histogram_svg(*bars) if bars else "") if look]
    origin = moment.origins.get(name, "") if name in moment.input_slots else ""
    return Markup(
        "<div style='border:1px solid #8888;border-radius:6px;padding:6px'><b>{name}</b> {shape} {dtype}{origin}<br>"
        "<small>{facts}</small><br>{differs}<div style='display:flex;flex-wrap:wrap;gap:12px'>{looks}</div></div>"
    ).format(
        name=name,
        shape=shown["shape"],
        dtype=shown["dtype"],
        origin=f" from {one_line(origin)}" if origin else "",
        facts=shown["statistics"],
        differs=Markup("<b>{}</b><br>").format(differs) if differs else "",
        looks=joined(Markup("<div>{}</div>").format(look) for look in looks),
    )


def _with_subscripts(formula: str) -> Markup:
    """Return a formula as HTML, the indices of a sum below its sign."""
    return replaced(r"Σ([a-z](?:,[a-z])*)(?![a-z])", r"Σ<sub>\1</sub>", formula)
