"""What a check found, and how it is printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from minidl.course.sentences import STAGES as STAGE_SENTENCES
from minidl.testing.sentences import Sentence, code_of

MARKS = {"passed": "✓", "failed": "✗", "not run": "–", "over": "·"}


@dataclass
class Failure:
    """What went wrong.

    code : a fault or a stage's sentence, "F5", "values"; `mistake` the name of the exercise's own sentence, or ""
    said : the sentences, in English and Chinese
    lines : numbers of the lines concerned, worst first
    shown : the case that shows it, beside what is right (`Compared`), for a picture; None where nothing was run
    """

    stage: str
    code: str
    said: Sentence
    mistake: str = ""
    case: str = ""
    lines: tuple[int, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    shown: Any = field(default=None, repr=False, compare=False)


@dataclass(repr=False)
class Result:
    """The verdict on a file.

    state : "passed", "failed" or "not begun"
    stages : each stage's verdict: "passed", "failed", "not run", and of par "over"
    remarks : what is said of a right one: which par it missed, and why
    notes : why a stage was not run, where it was asked for; why the verdict could not be remembered
    """

    number: int
    name: str
    title: str
    state: str
    stages: dict[str, str]
    stars: int = 0
    points: float = 0.0
    of: int = 10
    failure: Failure | None = None
    remarks: list[Failure] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    par: dict[str, float] = field(default_factory=dict)
    summary: str = ""
    notes: list[str] = field(default_factory=list)
    third: Sentence | None = None
    printed: str = ""
    seconds: float = 0.0
    source: str = field(default="", repr=False)

    @property
    def passed(self) -> bool:
        """Whether it is right."""
        return self.state == "passed"

    def text(self, language: str = "en", width: int = 100, timed: bool = False, when: str = "") -> str:
        """Return what a terminal shows; `timed` with the seconds it took, `when` the time of day it was saved."""
        stars = "★" * self.stars
        first = {"passed": f"{stars} passed", "failed": f"✗ {self.failure.stage if self.failure else ''}",
                 "not begun": "… not begun"}[self.state]  # fmt: skip
        head = f"{self.number} {self.name}   {first}"
        took = " · ".join([*([f"saved {when}"] if when else []), *([f"{self.seconds:.2f} s"] if timed else [])])
        gap = width - len(head) - len(took)
        lines = [head + " " * gap + took if took and gap > 2 else head]
        if self.state == "not begun":
            lines += [f"   {line}" for line in wrapped(STAGE_SENTENCES["not-begun"][language == "zh"], width - 3)]
        else:
            stages = "   ".join(f"{stage} {MARKS[v]}" for stage, v in self.stages.items())
            fits = len(stages) + 3 <= width
            lines += [f"   {line}" for line in ([stages] if fits else wrapped(" ".join(stages.split()), width - 3))]
        lines += [f"   {line}" for line in wrapped(self.summary, width - 3)]
        lines += [f"   {line}" for note in self.notes for line in wrapped(note, width - 3)]
        if self.third:
            lines += [f"   {line}" for line in wrapped(self.third[language == "zh"], width - 3)]
        for found in [*([self.failure] if self.failure else []), *self.remarks]:
            lines += self._told(found, language, width)
        if self.printed:
            lines += ["   it printed:", *[f"      {line}" for line in self.printed.splitlines()]]
        return "\n".join(line.rstrip() for line in lines)

    def _told(self, found: Failure, language: str, width: int) -> list[str]:
        lines = [f"   {line}" for line in wrapped(found.case, width - 3)]
        texts = self.source.splitlines()
        for n in (n for n in found.lines if 0 < n <= len(texts)):
            line = f"   {n:4d} | {texts[n - 1].rstrip()}"
            lines.append(line if len(line) <= width else f"{line[: width - 1]}…")
        said = found.said[language == "zh"]
        lines += [f"   {line}" for line in wrapped(said, width - 3)]
        if found.code[:1] == "F" and found.code[1:2].isdigit():
            lines.append(f"   minidl exercises explain {code_of(found.code)}")
        return lines

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from minidl.course.explaining.picture import picture

        return str(picture(self))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, for a submission."""
        failure = self.failure
        figures = {k: v for k, v in self.figures.items() if k != "lines"}
        return {
            "id": self.name, "number": self.number, "state": self.state, "stars": self.stars, "points": self.points,
            "of": self.of, "stages": [{"name": s, "verdict": v} for s, v in self.stages.items()],
            "failure": failure and {"stage": failure.stage, "code": failure.code, "mistake": failure.mistake,
                                    "said": failure.said[0], "lines": list(failure.lines), "case": failure.case},
            "figures": figures, "remarks": [r.said[0] for r in self.remarks],
        }  # fmt: skip


def wrapped(text: str, width: int) -> list[str]:
    """Return text in lines of at most `width` columns; a Chinese character takes two."""
    import unicodedata

    lines, now, used = [], "", 0
    pieces: list[str] = []
    for word in text.split(" "):
        pieces += [*(list(word) if any(ord(c) > 0x2E7F for c in word) else [word]), " "]
    for piece in pieces:
        size = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in piece)
        if used + size > width and piece != " ":
            lines.append(now.rstrip())
            now, used = "", 0
        if piece != " " or now:
            now, used = now + piece, used + size
    return [*lines, now.rstrip()] if now.strip() else lines
