"""A stepper in text: the present moment, and the table of all moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.console import text_table
from minidl.lens.stepping.moments import Moment, statistics

if TYPE_CHECKING:
    from minidl.lens.stepping.stepper import Stepper

SHOWN = 64  # values; of a larger array only a corner is shown, EDGE x EDGE
EDGE = 6


def describe_moment(stepper: Stepper) -> str:
    """Return the present moment: where it is, the formula, and every array with its statistics and values."""
    moment = stepper.now
    lines = [
        f"{moment.number} of {len(stepper) - 1}  {moment.phase}  {moment.title}",
        f"  {moment.formula}",
        f"  on {moment.backend} ({moment.why}){static_text(moment)}",
    ]
    differences = stepper.differences()
    for kind, arrays in (("input", moment.inputs), ("output", moment.outputs)):
        for name, array in arrays.items():
            origin = moment.origins.get(name, "") if kind == "input" else ""
            lines.append(f"{kind} {name} {array.shape} {array.dtype}" + (f"   from {origin}" if origin else ""))
            lines.append(f"  {statistics(array)}")
            if name in differences:
                lines.append(f"  {difference_text(*differences[name])}")
            lines += [f"    {row}" for row in values_text(array).splitlines()]
    partner = stepper.partner
    if partner is not None and moment.direction == "forward":
        lines.append(f"gradients, at {partner.number} {partner.title}")
        for name, array in partner.arrays.items():
            lines.append(f"  {name} {array.shape}  {statistics(array)}")
    if stepper.changes:
        lines.append("changed: " + "; ".join(stepper.changes))
    return "\n".join(lines)


def static_text(moment: Moment) -> str:
    """Return an op's keywords: "  strides=(1, 1)"."""
    shown = {name: value for name, value in moment.static.items() if value is not None}
    return "".join(f"  {name}={_short(value)}" for name, value in shown.items())


def _short(value: Any) -> str:
    if hasattr(value, "dtype") and np.size(value) == 1:
        value = np.asarray(value).item()
    text = f"{value:.6g}" if isinstance(value, float) else f"{value!r}"
    return text if len(text) <= 60 else text[:57] + "…"


def difference_text(count: int, largest: float) -> str:
    """Return what a change did to an array: how many values, and by how much."""
    values = "value differs" if count == 1 else "values differ"
    return f"≠ {count:,} {values} from the unchanged run, by {largest:.4g} at most"


def values_text(array: np.ndarray) -> str:
    """Return an array's values, of a large one the first rows and columns of its first part, and what was left out."""
    part, left_out = corner(array, EDGE) if array.size > SHOWN else (array, "")
    with np.printoptions(precision=4, suppress=False, linewidth=110, threshold=10_000):
        text = str(part)
    return f"{text}\n{left_out}" if left_out else text


def corner(array: np.ndarray, edge: int, kernel: bool = False) -> tuple[np.ndarray, str]:
    """Return at most `edge` rows and columns of an array, and a sentence on what was left out.

    Of images and feature maps (N, H, W, C) it is the middle of the first sample's first channel; of a `kernel`
    (R, S, C, K) the first input and output channel; of other arrays the first rows of the first matrix.

    >>> part, left_out = corner(np.zeros((4, 10, 10, 3)), 6)
    >>> part.shape, left_out
    ((6, 6), '36 of 1,200 values: [0, 2:8, 2:8, 0]')
    """
    images = array.ndim == 4 and not kernel
    front = 1 if images else 0 if array.ndim <= 2 or array.ndim == 4 else array.ndim - 2
    shown = array.shape[front : front + 2]
    counts = [min(size, edge if len(shown) > 1 else edge * 4) for size in shown]
    starts = [(size - n) // 2 if images else 0 for size, n in zip(shown, counts, strict=True)]
    cut = [slice(start, start + n) for start, n in zip(starts, counts, strict=True)]
    back = array.ndim - front - len(shown)
    key: tuple[Any, ...] = (*(0,) * front, *cut, *(0,) * back)
    part = array[key]
    words = ["0"] * front + [f"{c.start or ''}:{c.stop}" for c in cut] + ["0"] * back
    return part, f"{part.size:,} of {array.size:,} values: [{', '.join(words)}]" if part.size < array.size else ""


def moments_table(stepper: Stepper) -> str:
    """Return one line for each moment, the present one marked by an arrow, those that differ by ≠."""
    rows = []
    for moment in stepper.moments:
        mark = "->" if moment.number == stepper.position else "  "
        differs = "≠" if stepper.differences(moment) else " "
        outputs = " ".join(str(array.shape) for array in moment.outputs.values())
        rows.append(
            [mark + differs, str(moment.number), moment.phase, moment.weight or moment.layer, moment.op, outputs]
        )
    head, _, *lines = text_table(("", "", "phase", "layer", "op", "outputs"), rows).split("\n")
    return "\n".join([head, *lines, f"loss {stepper.loss:.6g}"])
