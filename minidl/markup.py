"""HTML for notebooks: what is put into it is escaped, unless it is HTML already.

All HTML of the package is `markupsafe.Markup`, a str that knows that it is HTML. Values come in by its `format` and
`join`, which escape whatever is plain text. So a layer's name, which may come with a file of somebody else, stays text.
A `_repr_html_` gives a plain str, for those who add to it.

>>> from markupsafe import Markup
>>> Markup("<b>{}</b> {}").format("<script>", Markup("<i>is</i>"))
Markup('<b>&lt;script&gt;</b> <i>is</i>')
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from os import PathLike
from typing import Any

from markupsafe import Markup, escape

from minidl.console import one_line
from minidl.utils import atomic_write


def joined(parts: Iterable[Any], between: str = "") -> Markup:
    """Return parts, escaped where they are plain text, one behind the other."""
    return Markup(between).join(parts)


def html_table(
    head: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = (), colours: Sequence[str] = ()
) -> Markup:
    """Return rows under a head as a table; the columns named in `right` are aligned to the right.

    colours : the CSS of each row, for a table whose rows differ

    >>> print(html_table(["op"], [["a < b"]]))
    <table><thead><tr><th style='text-align:left;white-space:pre;padding:1px 8px'>op</th></tr></thead>...a &lt; b...
    """
    cell = Markup("<{tag} style='text-align:{side};white-space:pre;padding:1px 8px'>{text}</{tag}>")

    def line(tag: str, row: Sequence[Any], css: str = "") -> Markup:
        sides = ["right" if name in right else "left" for name in head]
        cells = (cell.format(tag=tag, side=side, text=text) for text, side in zip(row, sides, strict=True))
        return Markup("<tr style='{0}'>{1}</tr>" if css else "<tr>{1}</tr>").format(css, joined(cells))

    body = joined(line("td", row, css) for row, css in zip_longest(rows, colours))
    return Markup("<table><thead>{}</thead><tbody>{}</tbody></table>").format(line("th", head), body)


def replaced(pattern: str, replacement: str, text: str) -> Markup:
    """Return a text as HTML, escaped, with what fits a pattern replaced by HTML, in which `\\1` is its first group.

    >>> replaced("_([a-z])", r"<sub>\\1</sub>", "x_i < 1")
    Markup('x<sub>i</sub> &lt; 1')
    """
    # Trap: of a Markup `re.sub` escapes the replacements too, so it is given a plain str.
    return Markup(re.sub(pattern, replacement, str(escape(text))))


def paragraphs(lines: Iterable[Any]) -> Markup:
    """Return each line as a paragraph."""
    return joined(Markup("<p>{}</p>").format(line) for line in lines)


def write_page(path: str | PathLike[str], title: str, inside: Markup, language: str = "en") -> None:
    """Write one HTML file, whose policy forbids every request; it is there in full or not at all."""
    page = Markup(
        "<!DOCTYPE html>\n<html lang='{}'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        "<meta http-equiv='Content-Security-Policy' "
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
        "<link rel='icon' href='data:,'>\n<title>{}</title>\n<style>body {{ margin: 0 }}</style>\n</head>\n<body>\n{}\n"
        "</body>\n</html>\n"
    ).format(language, one_line(title), inside)
    with atomic_write(path) as unfinished:
        unfinished.write_text(str(page), encoding="utf-8")
