"""What a check of a kernel found, as HTML for a notebook. A module of its own, so that a check needs no HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from minidl.markup import html_table, joined, paragraphs, replaced

if TYPE_CHECKING:
    from minidl.testing.kernels.results import KernelCheck, Stage


def page(check: KernelCheck) -> str:
    """Return the stages, the sentence and the line of a failure, its likely cause, remarks, and the tables."""
    from minidl.testing.kernels.results import NOTE

    head = check.verdict if check.passed else f"failed at “{check.failed_stage}”"
    out = [
        Markup("<p><b><code>{}</code></b>: {}</p><table>{}</table>").format(
            check.target, head, joined(map(_stage_row, check.stages))
        )
    ]
    if check.explanation:
        out.append(Markup("<p>{}</p>").format(_with_code(check.explanation)))
    if check.source:
        out.append(Markup("<pre>{}</pre>").format(check.source))
    if check.cause:
        out.append(Markup("<p><b>Likely cause:</b> {}</p>").format(_with_code(check.cause)))
    out.append(paragraphs([check.left_out] if check.left_out else []))
    out += [Markup("<p><b>Right, but:</b> {}</p>").format(_with_code(remark)) for remark in check.remarks]
    for title, rows in check.tables():
        columns = list(rows[0])
        cells = [list(row.values()) for row in rows]
        out.append(paragraphs([title]) + html_table(columns, cells, right=columns[1:]))
    out.append(paragraphs([NOTE] if check.traffic else []))
    return str(joined(out))


def preformatted(text: str) -> str:
    """Return text as it stands, for several checks."""
    return str(Markup("<pre>{}</pre>").format(text))


def _stage_row(stage: Stage) -> Markup:
    colour, sign = {"passed": ("#006d2c", "✓"), "FAILED": ("#a50f15", "✗")}.get(stage.verdict, ("#636363", "–"))
    left = "text-align:left"
    return Markup(
        "<tr><td style='{left}'>{name}</td><td style='color:{colour};{left}'><b>{sign} {verdict}</b></td>"
        "<td style='{left}'>{text}</td></tr>"
    ).format(left=left, colour=colour, sign=sign, name=stage.name, verdict=stage.verdict, text=stage.text)


def _with_code(text: str) -> Markup:
    """Text as HTML, what stands between backticks as code."""
    return replaced(r"`([^`]+)`", r"<code>\1</code>", text)
