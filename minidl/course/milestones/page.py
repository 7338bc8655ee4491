"""A milestone as one HTML page: what was reached, the pictures, and the student's files that it ran on."""

from __future__ import annotations

import base64
import io
from os import PathLike
from typing import TYPE_CHECKING

from markupsafe import Markup

from minidl.course import catalog
from minidl.course.milestones import Milestone
from minidl.markup import html_table, joined, write_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = Markup("""<style>
main {font-family: system-ui, sans-serif; font-size: 15px; line-height: 1.5; color: #222; max-width: 980px;
  margin: 0 auto; padding: 16px 20px}
h1 {font-size: 24px; margin: 0} h2 {font-size: 18px; margin: 28px 0 8px}
.goal {color: #666; margin: 2px 0 14px} .yes {color: #1b6e2c} .no {color: #a50f15}
dl {display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 0} dt {color: #666} dd {margin: 0}
figure {margin: 14px 0} figure img {max-width: 100%} figcaption {color: #666; font-size: 13px}
table {border-collapse: collapse; font-size: 13px} th {border-bottom: 1px solid #bbb}
details {border: 1px solid #ddd; border-radius: 4px; margin: 6px 0; padding: 4px 10px}
pre {background: #f7f7f7; padding: 8px; font-size: 13px; overflow-x: auto}
</style>""")
WORDS = {
    "reached": ("reached", "达到"), "not": ("not reached", "未达到"), "files": ("Your files", "你的文件"),
    "counted": ("Counted", "计数"),
}  # fmt: skip


def write(milestone: Milestone, path: str | PathLike[str], language: str = "en") -> None:
    """Write the page; only of a milestone whose network ran."""
    write_page(path, milestone.name, body(milestone, language == "zh"), language)


def body(milestone: Milestone, zh: bool) -> Markup:
    """Return the page's inside."""
    reached = milestone.reached
    assert reached is not None
    word = WORDS["reached" if reached.passed else "not"][zh]
    parts = [
        Markup("<h1>{} <span class='{}'>{}</span></h1><div class='goal'>{}</div>").format(
            milestone.name.capitalize(), "yes" if reached.passed else "no", word, milestone.goal[zh]
        ),
        Markup("<dl>{}</dl>").format(
            joined(Markup("<dt>{}</dt><dd>{}</dd>").format(what[zh], value) for what, value in reached.figures)
        ),
    ]
    parts += [
        Markup("<figure><img alt='{0}' src='data:image/png;base64,{1}'><figcaption>{0}</figcaption></figure>").format(
            caption[zh], _png(figure)
        )
        for caption, figure in reached.pictures
    ]
    if reached.table is not None:
        head, rows = reached.table
        parts.append(Markup("<h2>{}</h2>{}").format(WORDS["counted"][zh], html_table(head, rows, right=head[1:])))
    parts.append(Markup("<h2>{}</h2>").format(WORDS["files"][zh]))
    for number, result in milestone.results.items():
        assert result is not None
        exercise = catalog.load(number)
        parts.append(Markup("<details><summary>{} {} {} · {}</summary><pre>{}</pre></details>").format(
            number, exercise.name, "★" * result.stars, exercise.title, result.source))  # fmt: skip
    return STYLE + Markup("<main>{}</main>").format(joined(parts))


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return base64.b64encode(buffer.getvalue()).decode()
