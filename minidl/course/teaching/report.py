"""The report of a class: how each exercise went, the mistakes by sentence with counts, and what to say on Monday."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from html import escape
from statistics import median
from typing import Any

from minidl.course import catalog
from minidl.course.explaining import programs
from minidl.course.guesses import calibration
from minidl.course.sentences import FAULTS, GENERIC, STAGES
from minidl.course.teaching.gradebook import page, source_of
from minidl.course.teaching.grading import Grade, Graded
from minidl.testing.sentences import code_of

OFTEN = 5  # checks after which a sentence has not helped


@dataclass(frozen=True)
class Mistake:
    """A sentence that students of a class were told.

    had : students who made it at some time; `often` those who were told it in more than five checks
    have : students whose file still makes it
    """

    name: str
    sentence: str
    had: int
    often: int
    have: int


def sentence_of(number: int, name: str) -> str:
    """Return a sentence with the names of what a student's own numbers are; of a fault its number and title.

    >>> sentence_of(24, "tail_lost")
    'The last a1 % 16 terms of each sum are missing: how many tiles cover K = a1?'
    >>> sentence_of(24, "F5")
    'F5, a race in shared memory: read, then written.'
    """
    fault = programs().get(code_of(name))
    if name in FAULTS and fault is not None:
        return f"{code_of(name)}, {fault.title[0]}."
    said = catalog.load(number).says.get(name) or {**FAULTS, **STAGES, **GENERIC}.get(name)
    return re.sub(r"\{([^{}]*)\}", r"\1", said[0]) if said else name


def mistakes(grades: list[Grade]) -> list[Mistake]:
    """Return the mistakes of an exercise, the most frequent first."""
    had: Counter[str] = Counter()
    often: Counter[str] = Counter()
    have: Counter[str] = Counter()
    for g in grades:
        told = {name: n for name, n in g.entry.told.items() if n and sentence_of(g.number, name) != name}
        if g.mistake:
            have[g.mistake] += 1
            told.setdefault(g.mistake, 1)
        had.update(told.keys())
        often.update(name for name, n in told.items() if n > OFTEN)
    return [Mistake(name, sentence_of(grades[0].number, name), n, often[name], have[name])
            for name, n in sorted(had.items(), key=lambda item: (-item[1], item[0]))]  # fmt: skip


def text(graded: Graded) -> str:
    """Return the report for a terminal: a block an exercise."""
    lines = []
    for number in graded.numbers:
        mine = [g for g in graded.grades if g.number == number]
        lines.append(f"{catalog.load(number).label}: {_went(mine)}")
        lines += [f"   {_said(m, len(mine))}" for m in mistakes(mine)[:5]]
    lines += ["", *(f"Monday: {said}" for said in monday(graded))]
    lines += [f"note: {problem}" for problem in graded.problems]
    return "\n".join(lines).strip("\n")


def _went(grades: list[Grade]) -> str:
    n, passed = len(grades), [g for g in grades if g.passed]
    parts = [f"{len(passed)} of {n} passed"]
    for stars in (2, 3):
        count = sum(g.public.stars >= stars for g in passed)
        parts += [f"{count} with {'★' * stars}"] if count or stars == 2 else []
    for what in ("minutes", "checks", "hints"):
        values = [value for g in grades if (value := getattr(g.entry, what))]
        parts += [f"median {what} {median(values):g}"] if values else []
    only = sum(g.state == "passed on the public cases only" for g in grades)
    return ", ".join(parts + ([f"{only} on the public cases only"] if only else []))


def _said(m: Mistake, n: int) -> str:
    more = [f"{m.have} still make it"] if m.have else []
    more += [f"{m.often} did not find it in {OFTEN} checks"] if m.often else []
    return f"{m.had} of {n}: {m.sentence}{' (' + '; '.join(more) + ')' if more else ''}"


def monday(graded: Graded) -> list[str]:
    """Return what to say on Monday: the sentences that most were told, three at most, each with a question to ask."""
    found: list[tuple[int, int, Mistake, int]] = []
    for number in graded.numbers:
        mine = [g for g in graded.grades if g.number == number]
        found += [(m.had + m.have + m.often, number, m, len(mine)) for m in mistakes(mine) if m.had > 1]
    told = []
    for _, number, m, n in sorted(found, key=lambda entry: (-entry[0], entry[1], entry[2].name))[:3]:
        e = catalog.load(number)
        code = code_of(m.name)
        show = f" Show `minidl exercises explain {code}`." if m.name in FAULTS and code[1:].isdigit() else ""
        told.append(f"{e.label}, {_said(m, n)} Ask: {e.hints[0][0]}{show}")
    return told


def instructive(grades: list[Grade]) -> list[Grade]:
    """Return the shortest sources of the two mistakes that most files still make."""
    still = [m.name for m in sorted(mistakes(grades), key=lambda m: -m.have) if m.have]
    return [min((g for g in grades if g.mistake == name), key=lambda g: len(g.entry.source)) for name in still[:2]]


def html(graded: Graded) -> str:
    """Return the report as a page. Students are not named in it: it may be shown in class."""
    body = [f"<p>{len(graded.submissions)} students, {len(graded.grades)} files.</p>"]
    said = monday(graded)
    if said:
        body += ["<h2>What to say on Monday</h2><ol>", *(f"<li>{escape(text)}</li>" for text in said), "</ol>"]
    for number in graded.numbers:
        body += _exercise(number, [g for g in graded.grades if g.number == number])
    body += _guesses(graded)
    if graded.problems:
        body += ["<h2>What could not be read, or is odd</h2><ul>"]
        body += [f"<li>{escape(problem)}</li>" for problem in graded.problems] + ["</ul>"]
    return page(f"{graded.course.name}: report", "\n".join(body))


def _exercise(number: int, grades: list[Grade]) -> list[str]:
    e, n = catalog.load(number), len(grades)
    body = [f"<h2>{escape(e.label)}: {escape(e.title)}</h2><p>{escape(_went(grades))}.</p>"]
    rows = []
    for m in mistakes(grades):
        bar = f"<span class=bar style='width:{8 * m.had / n:.2f}em'></span>"
        rows.append(f"<tr><td class=n>{m.had} of {n}<td>{bar}<td>{escape(m.sentence)}<td class=n>{m.have or ''}"
                    f"<td class=n>{m.often or ''}</tr>")  # fmt: skip
    if rows:
        heads = f"<tr><th class=n>told<th><th>sentence<th class=n>still<th class=n>in more than {OFTEN} checks</tr>"
        body += ["<table>", heads, *rows, "</table>"]
    for g in instructive(grades):
        failure = g.shown.failure
        if failure is not None:
            body += [f"<h3>One that says it: {escape(failure.said[0])}</h3>", source_of(g.entry.source, failure.lines)]
    return body


def _guesses(graded: Graded) -> list[str]:
    found: list[dict[str, Any]] = [g for one in graded.submissions for g in one.guesses]
    if not found:
        return []
    c = calibration(found)
    body = [
        f"<h2>Guesses</h2><p>{c['numbers']} numbers were guessed, {c['near']} within a factor of 2; of {c['others']} "
        f"words and drawings {c['exact']} were right.</p>",
        "<table><tr><th>question<th class=n>guessed<th class=n>near</tr>",
    ]
    for what, count in Counter(g["what"] for g in found).most_common(20):
        near = calibration([g for g in found if g["what"] == what])
        body.append(f"<tr><td>{escape(what)}<td class=n>{count}<td class=n>{near['near'] + near['exact']}</tr>")
    return [*body, "</table>"]
