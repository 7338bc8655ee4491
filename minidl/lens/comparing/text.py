"""A comparison as text and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from minidl.console import one_line, text_table
from minidl.lens.texts import shape_text
from minidl.markup import html_table

if TYPE_CHECKING:
    from minidl.lens.comparing.comparison import Comparison, Divergence, Row

COLUMNS = ("direction", "layer", "op", "value", "shape", "free run", "op alone", "relative", "tolerance", "verdict")
NUMBERS = slice(5, 9)
FEW = 6  # rows of the short table
TERMS = """\
  free run   both sides run the whole step with their own values: earlier errors are in it
  op alone   the second side's op is given the first side's inputs: what this op itself does
  relative   op alone, in terms of the largest value; tolerance: what rounding explains of op alone"""


def cells(row: Row) -> list[str]:
    """Return a row as texts."""
    alone = ["-" if v is None else f"{v:.1e}" for v in (row.forced, row.relative)]
    what = [row.direction, one_line(row.layer), row.op, row.value]
    return [*what, shape_text(row.shape), f"{row.free:.1e}", *alone, f"{row.tolerance:.1e}", row.verdict]


def shown(comparison: Comparison) -> list[Row]:
    """Return the rows up to the first divergence."""
    last = comparison.divergence.row if comparison.divergence is not None else None
    if last is None:
        return comparison.rows
    return comparison.rows[: comparison.rows.index(last) + 1]


def table(comparison: Comparison) -> str:
    """Return the comparison as a text: the verdict, what the numbers are, a short table, and the whole one."""
    rows, few = shown(comparison), closest(comparison)
    parts = [conclusion(comparison), "", heading(comparison), TERMS, "", *_lines(few)]
    if len(few) < len(rows):
        parts += ["", f"all {len(rows)} values, in the order of the step:", *_lines(rows)]
    return "\n".join(parts)


def closest(comparison: Comparison) -> list[Row]:
    """Return the few rows that matter: those that lead to the first divergence, or those closest to their tolerance."""
    rows = shown(comparison)
    if comparison.divergence is not None:
        return rows[-FEW:]

    def share(k: int) -> float:
        row = rows[k]
        return (row.forced or 0.0) / row.tolerance if row.tolerance else 0.0

    return [rows[k] for k in sorted(sorted(range(len(rows)), key=share)[-FEW:])]


def _lines(shown_rows: list[Row]) -> list[str]:
    return text_table(COLUMNS, list(map(cells, shown_rows)), COLUMNS[NUMBERS]).split("\n")


def heading(comparison: Comparison) -> str:
    """Return what the numbers are."""
    a, b = comparison.labels
    losses = ", ".join(f"{loss:.6g}" for loss in comparison.losses)
    return f"Largest differences, {a} against {b} (losses {losses}):"


def conclusion(comparison: Comparison) -> str:
    """Return the verdict on the whole."""
    if comparison.divergence is not None:
        return str(comparison.divergence)
    a, b = comparison.labels
    drifting = sum(row.verdict == "drifts" for row in comparison.rows)
    note = f" {drifting} values drift: earlier rounding, made large by the ops between." if drifting else ""
    if comparison.faults:
        note += f"\nBut the SIMT machine reports {len(comparison.faults)} faults, the first:\n{comparison.faults[0]}"
    return f"{a} and {b} agree: no op's own difference is larger than rounding explains.{note}"


def sentence(found: Divergence) -> str:
    """Return what is wrong, in lines."""
    row = found.row
    where = f"{row.value}{list(found.index)}" if found.index else row.value
    exact = "" if found.exact is None else f" (in float64: {found.exact:.9g})"
    count = int(found.wrong.sum())
    doing = {"backward": "the backward of", "update": "the update"}.get(row.direction, "the forward of")
    lines = [
        f"FIRST DIVERGENCE in {doing} {row.op}, layer {row.layer!r}: {found.culprit} is wrong",
        f"  {where}: expected {found.expected:.9g}, got {found.got:.9g}{exact}; tolerance {row.tolerance:.1e}",
        f"  {count} of {found.wrong.size} cells of {row.value} {row.shape} are wrong"
        + "".join(f"; {pattern}" for pattern in found.patterns),
    ]
    if found.blame is not None:
        lines += ["  " + text for text in str(found.blame).split("\n")]
    else:
        lines.append(
            f"  computed by backend {found.backend!r}, where no kernel ran that the SIMT machine can look into"
        )
    if found.faults:
        lines.append(f"  the SIMT machine also reports {len(found.faults)} faults on this side, the first:")
        lines += ["    " + text for text in found.faults[0].split("\n")]
    return "\n".join(lines)


def html(comparison: Comparison) -> Markup:
    """Return the comparison as HTML: the verdict, a short table, and the whole one to unfold."""
    rows, few = shown(comparison), closest(comparison)
    page = Markup("<pre>{}</pre><p>{}</p>{}<pre>{}</pre>").format(
        conclusion(comparison), heading(comparison), _html_table(few), TERMS
    )
    if len(few) < len(rows):
        page += Markup("<details><summary>all {} values</summary>{}</details>").format(len(rows), _html_table(rows))
    return page


def _html_table(rows: list[Row]) -> Markup:
    """A table, rows coloured by their verdict."""
    colours = {"WRONG": "background:#f4c7b4;color:#222", "drifts": "background:#fbeec8;color:#222"}
    return html_table(
        COLUMNS, list(map(cells, rows)), COLUMNS[NUMBERS], colours=[colours.get(row.verdict, "") for row in rows]
    )
