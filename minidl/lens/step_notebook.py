"""A stepper in a notebook, as plain HTML without a script: the filmstrip of the whole step, and one moment."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from minidl.lens.step_html import array_data, is_kernel, number_text
from minidl.lens.step_moments import Moment, statistics
from minidl.lens.step_pictures import SMALL, heat_map, histogram, histogram_svg
from minidl.lens.step_text import difference_text, static_text

if TYPE_CHECKING:
    from minidl.lens.stepper import Stepper


def filmstrip(stepper: Stepper) -> str:
    """Return the step as plain HTML: one strip for each phase, one frame for each op, no script."""
    strips = []
    for phase in dict.fromkeys(moment.phase for moment in stepper.moments):
        frames = "".join(_frame(stepper, moment) for moment in stepper.moments if moment.phase == phase)
        strips.append(f"<h4 style='margin:8px 0 2px'>{phase}</h4><div style='{_STRIP}'>{frames}</div>")
    changed = f" · changed: {escape('; '.join(stepper.changes))}" if stepper.changes else ""
    head = f"<div>loss {number_text(stepper.loss)} · {len(stepper)} ops{changed}</div>"
    return f"<div class='minidl-filmstrip' style='font-size:12px;line-height:1.35'>{head}{''.join(strips)}</div>"


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
        image = f"<b>{number_text(array.reshape(-1)[0])}</b>"
    border = ";outline:2px solid #1f5fa8" if moment is stepper.now else ""
    differs = " <b title='differs from the unchanged run'>≠</b>" if stepper.differences(moment) else ""
    shape = " × ".join(map(str, array.shape))
    return (
        f"<div style='{_FRAME}{border}'><b>{moment.number} {escape(moment.op).replace('_', '_<wbr>')}</b>{differs}<br>"
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
    return f"<div class='minidl-moment' style='line-height:1.35'>{''.join(parts)}</div>"


def _card(name: str, array: np.ndarray, moment: Moment, differs: str) -> str:
    shown = array_data(array, is_kernel(moment, name))
    picture, bars = shown["picture"], histogram(array)
    image = ""
    if picture:
        scale = max(1, min(20, 220 // max(picture["width"], picture["height"])))
        caption = escape(picture["caption"])
        image = (
            f"<img alt='{caption}' src='{picture['uri']}' width='{picture['width'] * scale}' style='{_IMAGE}'>"
            f"<br><small>{caption}</small>"
        )
    cell = "<td style='text-align:right;padding:0 4px'>"
    rows = "".join("<tr>" + "".join(f"{cell}{text}</td>" for text in row) + "</tr>" for row in shown["rows"])
    origin = moment.origins.get(name, "") if name in moment.input_slots else ""
    looks = [
        image,
        f"<table style='font-size:11px'>{rows}</table><small>{escape(shown['left_out'])}</small>",
        histogram_svg(*bars) if bars else "",
    ]
    return (
        f"<div style='border:1px solid #8888;border-radius:6px;padding:6px'><b>{escape(name)}</b> {shown['shape']} "
        f"{shown['dtype']}{' from ' + escape(origin) if origin else ''}<br><small>{escape(shown['statistics'])}</small>"
        f"<br>{f'<b>{escape(differs)}</b><br>' if differs else ''}<div style='display:flex;flex-wrap:wrap;gap:12px'>"
        f"{''.join(f'<div>{look}</div>' for look in looks if look)}</div></div>"
    )


def _with_subscripts(formula: str) -> str:
    """Return a formula as HTML, the indices of a sum below its sign."""
    return re.sub(r"Σ([a-z](?:,[a-z])*)(?![a-z])", r"Σ<sub>\1</sub>", escape(formula))
