"""What grading writes: grades.csv and details.csv, a page for each student; the report of a class is `report`'s."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from html import escape
from pathlib import Path
from typing import Any

from minidl.course import catalog
from minidl.course.teaching.grading import WORDS, Grade, Graded
from minidl.utils import atomic_write

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:left;"
    "vertical-align:top}td.n,th.n{text-align:right;white-space:nowrap}"
    "pre{background:#f6f6f4;padding:.7em 1em;overflow:auto;"
    "font-size:14px}"
    "mark{background:#ffe3a3}.bar{display:inline-block;height:.7em;background:#c66;vertical-align:baseline}"
    "@media print{pre{white-space:pre-wrap}}"
)


def page(title: str, body: str) -> str:
    """Return a whole page, which needs nothing from elsewhere."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def source_of(text: str, lines: tuple[int, ...] = ()) -> str:
    """Return a source as HTML, with numbers; `lines` are marked."""
    rows = []
    for n, line in enumerate(text.splitlines(), 1):
        row = f"{n:4d} | {escape(line)}"
        rows.append(f"<mark>{row}</mark>" if n in lines else row)
    return "<pre>" + "\n".join(rows) + "</pre>"


def cell(value: Any) -> Any:
    """Return what a table's cell holds: a text that a spreadsheet takes for a formula gets a quote before it.

    >>> cell("=1+1"), cell("ada"), cell(-2.5)
    ("'=1+1", 'ada', -2.5)
    """
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def table(rows: list[list[Any]]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[cell(v) for v in row] for row in rows])
    return text.getvalue()


def grades(graded: Graded) -> str:
    """Return a row a student: total, then points by exercise; "" where nothing was handed in."""
    numbers = graded.numbers
    rows: list[list[Any]] = [["student", "total", *[catalog.load(n).label for n in numbers]]]
    for one in graded.submissions:
        mine = {g.number: g.total for g in graded.of(one.student)}
        rows.append([one.student, round(sum(mine.values()), 2), *[mine.get(n, "") for n in numbers]])
    return table(rows)


def details(graded: Graded) -> str:
    """Return a row an exercise of a student; the explanation's points are empty where one is to be read, else 0."""
    heads = ["student", "exercise", "state", "stars", "correct", "par", "guess", "explanation", "words", "late_days",
             "minutes", "checks", "hints", "told", "sentence", "claimed_otherwise", "variant"]  # fmt: skip
    rows: list[list[Any]] = [heads]
    for g in graded.grades:
        failure = g.shown.failure
        rows.append([
            g.student, catalog.load(g.number).label, g.state, g.public.stars if g.passed else 0, g.points["correct"],
            g.points["par"], g.points["guess"], "" if g.words >= WORDS else 0, g.words, g.late, g.entry.minutes,
            g.entry.checks, g.entry.hints, g.mistake, failure.said[0] if failure else "", int(g.claimed), g.variant,
        ])  # fmt: skip
    return table(rows)


def slug(student: str) -> str:
    """Return a file's name for a student's; a name that had to be changed gets a number, so that no two are one.

    >>> slug("Ada Lovelace"), slug("../<b>") != slug("../<i>")
    ('Ada_Lovelace', True)
    """
    plain = re.sub(r"[^\w.-]+", "_", student.replace(" ", "_")).strip("._")[:60]
    reserved = plain.upper().partition(".")[0] in ("", "CON", "PRN", "AUX", "NUL") or not plain.isascii()
    same = plain == student.replace(" ", "_") and not reserved
    return plain if same else f"{plain or 'student'}_{hashlib.sha256(student.encode()).hexdigest()[:6]}"


def student_page(graded: Graded, student: str) -> str:
    """Return the page of a student: points, and of each exercise what is said of it, and its text."""
    mine = graded.of(student)
    rows = ["<tr><th>exercise<th>verdict<th class=n>correct<th class=n>par<th class=n>guess<th class=n>points</tr>"]
    for g in mine:
        e = catalog.load(g.number)
        stars = "★" * g.public.stars if g.passed else ""
        points = "".join(f"<td class=n>{g.points[key]:g}" for key in ("correct", "par", "guess"))
        rows.append(f"<tr><td><a href='#e{g.number}'>{escape(e.label)}</a><td>{stars} {escape(g.state)}{points}"
                    f"<td class=n>{g.total:g}</tr>")  # fmt: skip
    total = sum(g.total for g in mine)
    body = [
        f"<p>{escape(graded.course.name)}: {total:g} points, without those for explanations, which a person reads.</p>"
    ]
    body += ["<table>", *rows, "</table>"]
    for one in graded.submissions:
        if one.student == student:
            body += [f"<p>{escape(remark)}</p>" for remark in one.remarks]
    body += [_exercise(g) for g in mine]
    return page(student, "\n".join(body))


def _exercise(g: Grade) -> str:
    e = catalog.load(g.number)
    failure = g.shown.failure
    words = (
        "On the cases that you see it passes; on others, of other numbers and sizes, it does not."
        if g.public.passed and not g.passed
        else ""
    )
    late = f"{g.late} day{'s' * (g.late > 1)} late." if g.late else ""
    return "\n".join([
        f"<h2 id='e{g.number}'>{escape(e.label)}: {escape(e.title)}</h2>", f"<p>{words} {late}</p>",
        f"<pre>{escape(g.shown.text())}</pre>", source_of(g.entry.source, failure.lines if failure else ()),
    ])  # fmt: skip


def write(graded: Graded, out: Path, report: str) -> list[Path]:
    """Write all files of a grading into a folder; all texts are made before the first is written."""
    texts = {"grades.csv": grades(graded), "details.csv": details(graded), "report.html": report}
    for one in graded.submissions:
        texts[f"students/{slug(one.student)}.html"] = student_page(graded, one.student)
    (out / "students").mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with atomic_write(out / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8", errors="replace")
    return [out / name for name in texts]
