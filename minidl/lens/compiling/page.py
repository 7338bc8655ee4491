"""A listing, a comparison or a walk as HTML: in a notebook, or as one page without scripts and requests."""

from __future__ import annotations

import io
import keyword
import tokenize
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from os import PathLike
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from cuda_kernels.ptx.places import Place
from minidl.console import one_line
from minidl.lens.compiling.kinds import counted
from minidl.lens.compiling.text import head_lines
from minidl.markup import joined, write_page

if TYPE_CHECKING:
    from minidl.lens.compiling.listing import PtxListing, Row
    from minidl.lens.compiling.steps import PtxSteps

OPEN = 16  # instructions of a line up to which they are open from the start
NOTEBOOK = 40  # instructions of a line that a notebook shows; a saved page has all


def notebook(listing: PtxListing) -> Markup:
    """The listing for a notebook: of a line that became many instructions the first ones."""
    return in_a_box(body(listing, NOTEBOOK))


def save(listing: PtxListing, path: str | PathLike[str]) -> None:
    """Write the listing as one page."""
    write_page(path, listing.title, in_a_box(body(listing, None)))


def in_a_box(inside: Any) -> Markup:
    """HTML with the style that it needs, and nothing that touches the rest of a notebook."""
    return Markup("<style>{}</style><div class='minidl-ptx'>{}</div>").format(Markup(_style()), inside)


def _style() -> str:
    return (resources.files("minidl.lens.compiling") / "templates" / "ptx.css").read_text(encoding="utf-8")


def body(listing: PtxListing, most: int | None) -> Markup:
    """The listing's parts. most : instructions shown of a line; None is all"""
    parts = [Markup("<h2>{}</h2>").format(one_line(listing.title)), facts(head_lines(listing))]
    parts.append(
        Markup(
            "<p class='how'>On the left Python, on the right what became of the line: counts, then PTX with what each "
            "instruction does, and the GPU's own instructions (SASS) where nvdisasm is installed. Lines that became "
            "many instructions open at a click. An ellipsis (…) stands where instructions of other lines come between. "
            "Rest the pointer on an instruction for its section of the PTX ISA.</p>"
        )
    )
    for source in listing.sources:
        lines = joined(_line(listing, Place(source.file, n), text, most) for n, text in source.lines.items())
        section = Markup("<h3 id='{}'>{}</h3><div class='lines'>{}</div>")
        parts.append(section.format(f"f-{source.title}", one_line(source.title), lines))
    nowhere = listing.own(None)
    if nowhere:
        parts.append(Markup("<h3>Of no one line: moved or shared by the compiler</h3>"))
        parts.append(
            Markup("<div class='lines'><div class='line'><div></div><div>{}{}</div></div></div>").format(
                badges(counted(row.instruction for row in nowhere)), _instructions(listing, None, most)
            )
        )
    return joined(parts)


def facts(lines: Iterable[tuple[str, str]]) -> Markup:
    """What is said of the whole, as a table."""
    row = Markup("<tr class='{}'><th>{}</th><td>{}</td></tr>")
    return Markup("<table class='facts'>{}</table>").format(
        joined(row.format("wrong" if name == "float64" else "", name, one_line(sentence)) for name, sentence in lines)
    )


def badges(counts: Counter[str]) -> Markup:
    """Counts, each a label in the colour of its kind."""
    badge = Markup("<span class='badge {}'>{} {}</span> ")
    return joined(badge.format(colour(kind), count, kind) for kind, count in counts.items())


def colour(kind: str) -> str:
    """The style's class of a kind of instruction."""
    first = kind.partition(" ")[0].rstrip(",")
    if "float64" in kind:
        return "wrong"
    groups = {"load": "memory", "store": "memory", "atomic": "memory", "fma": "work", "tensor": "work",
              "float32": "work", "float16": "work", "branch": "way", "barrier": "meet", "warp": "meet",
              "shuffle/vote": "meet"}  # fmt: skip
    return groups.get(first, "other")


def _line(listing: PtxListing, place: Place, text: str, most: int | None) -> Markup:
    rows, calls = listing.own(place), listing.called(place)
    known = {source.title for source in listing.sources}
    links = joined(
        Markup("<a class='badge call' href='#{}'>{} in {}</a> ").format(f"f-{title}", count, one_line(title))
        if title in known
        else Markup("<span class='badge call'>{} in {}</span> ").format(count, one_line(title))
        for title, count in calls.items()
    )
    right = Markup("{}{}{}").format(
        badges(counted(r.instruction for r in rows)), links, _instructions(listing, place, most)
    )
    kind = "line" if rows or calls else "line empty"
    wrong = " wrong" if any(row.is_float64 for row in rows) else ""
    left = Markup("<div class='python'><span class='number'>{}</span><code>{}</code></div>")
    return Markup("<div class='{}{}'>{}<div class='made'>{}</div></div>").format(
        kind, wrong, left.format(place.line, python(text)), right if rows or calls else ""
    )


def _instructions(listing: PtxListing, place: Place | None, most: int | None) -> Markup:
    rows = listing.own(place)
    if not rows:
        return Markup()
    shown = rows if most is None else rows[:most]
    left_out = Markup("<p class='how'>and {} more: .save(\"ptx.html\") writes all</p>").format(len(rows) - len(shown))
    inside = instruction_table(shown, machine=listing.machine_words) + (left_out if len(shown) < len(rows) else "")
    made = sum(len(listing.machine_words.get(row.number, ())) for row in rows)
    summary = f"{len(rows)} PTX" + (f", {made} SASS" if listing.sass.words else "")
    state = Markup(" open") if len(rows) <= OPEN else ""
    return Markup("<details{}><summary>{}</summary>{}</details>").format(state, summary, inside)


def instruction_table(
    rows: Iterable[Row], present: int = -1, machine: Mapping[int, Sequence[str]] | None = None
) -> Markup:
    """Instructions, each beside what it does and the machine's own; where others come between stands an ellipsis."""
    last, lines = None, []
    for row in rows:
        if last is not None and row.number != last + 1:
            lines.append(Markup("<tr class='gap'><td></td><td>…</td><td></td></tr>"))
        last = row.number
        title = f"{row.kind}; number {row.number} of the kernel" + (f"; PTX ISA {row.section}" if row.section else "")
        classes = f"{colour('float64' if row.is_float64 else row.kind)} loops{min(row.loops, 3)}"
        if row.number == present:
            classes += " present"
        cell = Markup("<tr class='{}' title='{}'><td>{}</td><td>{}</td><td>{}</td>{}</tr>")
        sass = Markup("<td>{}</td>").format("\n".join(machine.get(row.number, ()))) if machine else ""
        lines.append(cell.format(classes, title, f"{row.label}:" if row.label else "", row.text, row.words, sass))
    return Markup("<table class='ptx'>{}</table>").format(joined(lines))


def python(text: str) -> Markup:
    """A line of Python with keywords, numbers, strings and comments marked, as far as it can be read."""
    text = one_line(text.replace("\t", "    "))
    parts, at = [], 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text.strip() + "\n").readline):
            kind = _TOKENS.get(token.type, "")
            if token.type == tokenize.NAME and keyword.iskeyword(token.string):
                kind = "kw"
            if kind and token.start[0] == 1:
                parts.append(escape(text.strip()[at : token.start[1]]))
                parts.append(Markup("<span class='{}'>{}</span>").format(kind, token.string))
                at = token.end[1]
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass  # a bracket that is closed further down
    indent = len(text) - len(text.lstrip())
    return joined([" " * indent, *parts, text.strip()[at:]])


_TOKENS = {tokenize.NUMBER: "num", tokenize.STRING: "str", tokenize.COMMENT: "com"}


def steps(walk: PtxSteps) -> Markup:
    """A position of a walk, for a notebook."""
    lines = walk.heading()
    names = walk.shown(14)
    new = {name: walk.just_written(name) for name in names}
    heads = joined(Markup("<th>{}</th>").format(name) for name in ["lane", *map(walk.title, names)])
    rows = []
    for lane in range(walk.lanes):
        cells = joined(
            Markup("<td class='{}'>{}</td>").format("new" if new[name][lane] else "", walk.cell(name, lane))
            for name in names
        )
        state = "" if walk.active[lane] else "idle"
        rows.append(Markup("<tr class='{}'><td>{}</td>{}</tr>").format(state, lane, cells))
    table = Markup("<div class='scroll'><table class='lanes'><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>")
    return in_a_box(
        Markup("<h2>{}</h2>{}{}{}").format(
            lines[0],
            joined(Markup("<p class='how'>{}</p>").format(line) for line in lines[1:]),
            instruction_table(walk.around(3), walk.row.number),
            table.format(heads, joined(rows)),
        )
    )
