"""A guess before the measurement: said in a cell, kept with its time, and held against what came out.

Nothing is sent anywhere. Guesses lie in the `.course/` of the folder of exercises that the notebook is in or beside,
else in minidl's own folder of this user (`MINIDL_HOME`).
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.course.exercise import Sentence
from minidl.course.folder import KEPT, Folder, now
from minidl.course.sentences import fill, language
from minidl.errors import ArgumentError
from minidl.utils import atomic_write
from minidl.utils.files import minidl_home

FILE = "guesses.json"
NEAR = 2.0  # a number within this factor of the truth was well guessed
SAID: dict[str, Sentence] = {
    "none": ("no guess made", "没有猜"),
    "noted": ("Noted: {said}.", "记下了：{said}。"),
    "not-kept": ("Noted: {said}. It could not be kept: {why}.", "记下了：{said}。但无法保存：{why}。"),
    "stays": (
        "The answer has been shown; your guess before it, {said}, is what counts.",
        "答案已经揭晓；算数的是之前猜的 {said}。",
    ),
    "unguessed": ("No guess was made; it is {was}.", "没有猜；答案是 {was}。"),
    "exact": ("You said {said}; it is {was}.", "你猜 {said}；正是 {was}。"),
    "few": ("You said {said}; it is {was}: {factor} times too few.", "你猜 {said}；答案是 {was}：少了 {factor} 倍。"),
    "many": ("You said {said}; it is {was}: {factor} times too many.", "你猜 {said}；答案是 {was}：多了 {factor} 倍。"),
    "low": ("You said {said}; it is {was}: {factor} times too low.", "你猜 {said}；答案是 {was}：低了 {factor} 倍。"),
    "high": ("You said {said}; it is {was}: {factor} times too high.", "你猜 {said}；答案是 {was}：高了 {factor} 倍。"),
    "close": ("You said {said}; it is {was}: within {share} %.", "你猜 {said}；答案是 {was}：相差不到 {share} %。"),
    "apart": ("You said {said}; it is {was}.", "你猜 {said}；答案是 {was}。"),
    "cells": (
        "{right} of {n} cells are as you said (below: . as said, x otherwise).",
        "{n} 格中有 {right} 格与你所猜的相同（下图：. 相同，x 不同）。",
    ),
    "calibration": (
        "{near} of {numbers} numbers within a factor of 2 ({share} %), {exact} of {others} words and drawings right",
        "{numbers} 个数中有 {near} 个在 2 倍以内（{share} %），{others} 个词和图中有 {exact} 个正确",
    ),
    "halves": ("first half {first} %, second half {second} %", "前一半 {first} %，后一半 {second} %"),
    "empty": ("No guess has been revealed yet.", "还没有揭晓过任何一次猜测。"),
}


class Told(str):
    """A sentence that shows itself without quotes, at the prompt and in a notebook."""

    def __repr__(self) -> str:
        return str(self)


class Guess:
    """One question, to be answered before it is measured; made by `guess`.

    Call it with what you say, `None` to pass; `reveal` it with what came out.
    """

    def __init__(self, what: str, unit: str, among: tuple[str, ...], grid: tuple[int, ...]) -> None:
        self.what, self.unit, self.among, self.grid = what, unit, among, grid
        self.said: Any = None
        self.passed = False

    def __repr__(self) -> str:
        kind = f" among {', '.join(self.among)}" if self.among else f" on a grid {self.grid}" if self.grid else ""
        return f"guess: {self.what}{f' [{self.unit}]' if self.unit else ''}{kind}"

    def __call__(self, said: Any) -> Told:
        """Say it; None makes no guess, and leaves alone what was said another time. Until the answer is shown a guess
        may be changed, afterwards the former one counts.

        Raises
        ------
        ArgumentError : no number, none of the words, or a drawing of another shape
        """
        self.passed = said is None
        if said is None:
            return _told("none")
        said = self._checked(said)
        found = _kept().get(self.what, {})
        if "was" in found:
            self.said = found["said"]
            return _told("stays", said=self._text(self.said))
        self.said = said
        try:
            _keep(self.what, {"kind": self._kind, "unit": self.unit, "said": said, "at": now()})
        except OSError as error:  # a full disk must not stop a notebook
            return _told("not-kept", said=self._text(said), why=error.strerror or error)
        return _told("noted", said=self._text(said))

    def reveal(self, was: Any) -> Told:
        """Show what came out, and how far off the guess was."""
        was = self._checked(was)
        entry = _kept().get(self.what, {})
        said = None if self.passed else self.said if self.said is not None else entry.get("said")
        if said is None or (self.grid and np.shape(said) != self.grid):
            return _told("unguessed", was=self._text(was))
        if entry and "was" not in entry:
            with contextlib.suppress(OSError):
                _keep(self.what, {**entry, "was": was, "off": _off(self._kind, said, was), "revealed": now()})
        if self.grid:
            return self._drawing(said, was)
        facts: dict[str, Any] = {"said": self._text(said), "was": self._text(was)}
        if self.among:
            return _told("exact" if said == was else "apart", **facts)
        return _told(*_number(said, was, facts))

    @property
    def _kind(self) -> str:
        return "word" if self.among else "drawing" if self.grid else "number"

    def _checked(self, value: Any) -> Any:
        """Return a guess or an answer as JSON takes it."""
        if self.among:
            if value not in self.among:
                raise ArgumentError(f"guess: {self.what}: one of {', '.join(self.among)}. Got {value!r}.")
            return value
        if self.grid:
            rows = [list(row) for row in value.splitlines()] if isinstance(value, str) else value
            try:
                cells = np.array(rows)
            except ValueError:
                cells = np.zeros(0)
            if cells.shape != self.grid or cells.dtype == object:
                raise ArgumentError(
                    f"guess: {self.what}: a drawing of shape {self.grid}, an array or lines of text. Got shape "
                    f"{cells.shape}."
                )
            return cells.tolist()
        number = np.asarray(value)
        if number.ndim or number.dtype.kind not in "iuf" or not math.isfinite(number):
            raise ArgumentError(f"guess: {self.what}: a number{self.unit and f' of {self.unit}'}. Got {value!r}.")
        return number.item()

    def _text(self, value: Any) -> str:
        if self.grid:
            return "\n" + "\n".join("".join(map(_cell, row)) for row in np.atleast_2d(np.array(value)))
        number = f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else value
        return f"{number} {self.unit}".strip()

    def _drawing(self, said: Any, was: Any) -> Told:
        same = _same_cells(said, was)
        rows = np.atleast_2d(np.where(same, ".", "x"))
        sentence = _told("cells", right=int(same.sum()), n=same.size)
        return Told("\n".join([sentence, *("".join(row) for row in rows)]))


def guess(what: str, unit: str = "", *, among: Sequence[str] = (), grid: Sequence[int] = ()) -> Guess:
    """Ask for a guess: a number, by default; a word `among` some; or a drawing on a `grid`.

    Parameters
    ----------
    what : the question; what is kept is kept under it
    unit : of the number, for the sentences
    among : the words to choose from
    grid : the shape of a drawing: an array of numbers or True and False, or a text with a line for each row

    >>> g = guess("sectors loaded by the swapped kernel", unit="sectors")
    >>> g(None)
    no guess made
    >>> g.reveal(4096)
    No guess was made; it is 4,096 sectors.
    """
    return Guess(what, unit, tuple(among), tuple(grid))


def all_guesses() -> list[dict[str, Any]]:
    """Return all guesses, oldest first: what, kind, unit, said, at; and once revealed was, off, revealed."""
    found = [{"what": what, **entry} for what, entry in _kept().items()]
    return sorted(found, key=lambda entry: str(entry.get("at", "")))


def calibration(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how well guesses were: counts, and the share of numbers within a factor of 2, of all and of each half.

    >>> calibration([{"kind": "number", "said": 512, "was": 4096, "off": 8.0},
    ...              {"kind": "number", "said": 30, "was": 32, "off": 1.07}])["share"]
    0.5
    """
    shown = [g for g in found if "was" in g]
    numbers = [g["off"] <= NEAR if g["off"] is not None else False for g in shown if g["kind"] == "number"]
    others = [g["off"] == 1 for g in shown if g["kind"] != "number"]
    half = len(numbers) // 2
    share = [round(sum(part) / len(part), 3) if part else 0.0 for part in (numbers, numbers[:half], numbers[half:])]
    return {
        "revealed": len(shown), "numbers": len(numbers), "near": sum(numbers), "share": share[0],
        "others": len(others), "exact": sum(others), "first_half": share[1], "second_half": share[2],
    }  # fmt: skip


def report() -> str:
    """Return the calibration and each revealed guess, as text."""
    found = [g for g in all_guesses() if "was" in g]
    if not found:
        return _told("empty")
    c = calibration(found)
    lines: list[str] = [_told("calibration", **c | {"share": round(100 * c["share"])})]
    if c["numbers"] >= 6:
        lines.append(_told("halves", first=round(100 * c["first_half"]), second=round(100 * c["second_half"])))
    for entry in found:
        if entry["kind"] == "drawing":
            wrong = int((~_same_cells(entry["said"], entry["was"])).sum())
            answer = f"{np.size(entry['was']) - wrong} of {np.size(entry['was'])} cells"
        else:
            g = Guess("", entry.get("unit", ""), (), ())
            answer = f"{g._text(entry['said'])} → {g._text(entry['was'])}"
        mark = "✓" if entry["off"] is not None and entry["off"] <= (NEAR if entry["kind"] == "number" else 1) else "✗"
        lines.append(f"  {mark} {entry['what']}: {answer}")
    return "\n".join(lines)


# -- how far off -------------------------------------------------------------------------------------------------------


def _off(kind: str, said: Any, was: Any) -> float | None:
    """The factor by which a number is off, 1 where a word or drawing is right; None where there is no factor."""
    if kind == "number":
        if said == was:
            return 1.0
        return round(max(said / was, was / said), 4) if said * was > 0 else None
    if kind == "drawing":
        return 1.0 if _same_cells(said, was).all() else None
    return 1.0 if said == was else None


def _number(said: float, was: float, facts: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if said == was:
        return "exact", facts
    if said * was <= 0:
        return "apart", facts
    factor = max(said / was, was / said)
    if factor < 1.1:
        return "close", {**facts, "share": max(1, math.ceil(100 * (factor - 1)))}
    facts["factor"] = f"{factor:.3g}" if factor < 1000 else f"{factor:,.0f}"
    counts = isinstance(was, int) and isinstance(said, int)
    too_small = abs(said) < abs(was)
    return ("few" if too_small else "many") if counts else ("low" if too_small else "high"), facts


def _same_cells(said: Any, was: Any) -> np.ndarray:
    one, other = np.array(said), np.array(was)
    if one.shape != other.shape:
        return np.zeros(other.shape, bool)
    if one.dtype.kind in "iufb" and other.dtype.kind in "iufb":
        return np.isclose(one.astype(float), other.astype(float), rtol=0.01, atol=1e-9, equal_nan=True)
    return one == other


def _cell(value: Any) -> str:
    return "#" if value is True else "." if value is False else str(value) if isinstance(value, str) else f" {value:g}"


def _told(name: str, facts: dict[str, Any] | None = None, /, **more: Any) -> Told:
    return Told(fill(SAID[name], {**(facts or {}), **more}, language()))


# -- what is kept ------------------------------------------------------------------------------------------------------


def _places() -> list[Path]:
    """Where guesses may lie: in the user's own folder, and in the folder of exercises, where new ones are written."""
    places = [minidl_home() / FILE]
    try:
        places.append(Folder.find().path / KEPT / FILE)
    except ArgumentError:
        pass
    return places


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def _kept() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for place in _places():
        found |= _read(place)
    return found


def _keep(what: str, entry: dict[str, Any]) -> None:
    path = _places()[-1]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        text = json.dumps({**_read(path), what: entry}, indent=1, ensure_ascii=False)
        unfinished.write_text(text, encoding="utf-8")
