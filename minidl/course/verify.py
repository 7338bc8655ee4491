"""Hold exercises to their banks: `python -m minidl.course.verify 13 24`, without numbers all that there are.

Every wrong solution has to be rejected at its stage with its sentence, every right one accepted with two stars, the
starter has to be "not begun"; and the same file gives the same text twice. `--write` makes an exercise's generated
file anew (starter and fingerprints), `--show` prints what a student sees of each wrong solution.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import multiprocessing
import os
import sys
import time
from typing import Any

import numpy as np

from minidl.course import catalog
from minidl.course.checker import fingerprints
from minidl.course.checker.compared import compared
from minidl.course.checker.isolate import isolated, warm
from minidl.course.checker.judging import Judge, check_source
from minidl.course.checker.results import Result
from minidl.course.checker.running import Runs
from minidl.course.exercise import Bank, Exercise, Wrong
from minidl.course.sentences import FAULTS, GENERIC, STAGES, holes

PATIENCE = 10.0  # seconds
Row = tuple[int, str, str, str, str, str]  # number, name, solution, stage, sentence, what is wrong or ""


def run_all(exercise: Exercise, bank: Bank) -> dict[str, Runs]:
    """Run the wrong solutions, but those that their text alone tells to be wrong."""
    return {wrong.name: isolated(exercise.key, wrong.source, seconds=PATIENCE)
            for wrong in bank.wrong.values() if wrong.stage != "file"}  # fmt: skip


def made(exercise: Exercise, bank: Bank, ran: dict[str, Runs]) -> dict[str, Any]:
    """Return what is generated for an exercise: its starter, and the outcomes of mistakes with their own sentences."""
    mistakes: dict[str, dict[str, Any]] = {}
    for wrong in bank.wrong.values():
        says = wrong.says.rpartition("+")[2].strip()
        if says in exercise.says and wrong.name in ran:
            cases = compared(exercise, ran[wrong.name], 0)
            of_par = wrong.stage == "par"
            outcomes = [fingerprints.figures_outcome(x.ran) if of_par else x.outcome for x in cases]
            entry = {"stage": wrong.stage, "says": says, "outcomes": outcomes}
            if outcomes and entry not in mistakes.values():
                mistakes[wrong.name] = entry
    return {"starter": bank.starter(), "mistakes": mistakes}


def text_of(made_: dict[str, Any]) -> str:
    """Return the generated file's text: a line a mistake."""
    rows = [f"{json.dumps(name)}:{json.dumps(m, ensure_ascii=False, separators=(',', ':'))}"
            for name, m in made_["mistakes"].items()]  # fmt: skip
    body = ",\n".join(rows)
    starter = json.dumps(made_["starter"], ensure_ascii=False)
    others = json.dumps(made_.get("variants", {}), ensure_ascii=False, separators=(",", ":"))
    more = f',\n "variants": {others}' if made_.get("variants") else ""
    return f'{{"starter": {starter},\n "mistakes": {{\n{body}\n}}{more}}}\n'


def alike(a: Any, b: Any) -> bool:
    """Return whether two generated files say the same: sums are rounded otherwise, and errors worded otherwise, by
    another NumPy.

    >>> alike({"outcomes": [["values", [1.0, 2.0], 7]]}, {"outcomes": [["values", [1.0000001, 2.0], 7]]})
    True
    """
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(alike(a[key], b[key]) for key in a)
    if not isinstance(a, list) or not isinstance(b, list):
        return bool(a == b)
    if a[:1] == ["error"]:
        return a[:3] == b[:3]
    if a and all(isinstance(x, float) for x in (*a, *b)):
        return len(a) == len(b) and bool(np.allclose(a, b, 1e-3, 1e-4 * max(map(abs, a))))
    return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b, strict=True))


def verify(number: int, write: bool = False, show: bool = False, language: str = "en") -> list[Row]:
    """Return a row for each solution of an exercise's bank, in all its variants, and for what holds of the whole."""
    exercise, bank = catalog.load(number), catalog.bank(number)
    warm(number)
    ran = run_all(exercise, bank)
    all_made = made(exercise, bank, ran)
    others = {}
    for variant in filter(None, catalog.variants(number)):
        key = f"{number}@{variant}"
        its_ran = run_all(catalog.load(key), catalog.bank(key))
        others[variant] = key, its_ran, made(catalog.load(key), catalog.bank(key), its_ran)
    differing = {variant: its_made for variant, (_, _, its_made) in others.items() if its_made != all_made}
    generated, path = text_of(all_made | {"variants": differing}), catalog.made_file(number)
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    in_step = bool(before) and alike(json.loads(before), json.loads(generated))
    if write and not in_step:
        path.write_text(generated, encoding="utf-8", newline="\n")
        catalog.made.cache_clear()
        in_step = True
    rows = [(number, exercise.name, "(the exercise)", "", "", problem) for problem in _whole(exercise, bank)]
    if not in_step:
        rows.append((number, exercise.name, path.name, "", "", "is out of step: run with --write"))
    rows += _held(exercise, bank, ran, show, language)
    for key, its_ran, _ in others.values():
        rows += _held(catalog.load(key), catalog.bank(key), its_ran, show, language)
    if any(getattr(task, "third", None) for task in exercise.tasks) and not any("★★★" in row[4] for row in rows):
        rows.append((number, exercise.name, "(the exercise)", "", "", "has no right solution with its third star"))
    return rows


def _held(exercise: Exercise, bank: Bank, ran: dict[str, Runs], show: bool, language: str) -> list[Row]:
    """Return a row for each solution of a bank, and for the starter."""
    number, key, rows = exercise.number, exercise.key, list[Row]()
    name = f"{exercise.name} {exercise.variant}".rstrip()
    for style, source in bank.rights().items():
        result = check_source(key, source, seconds=PATIENCE)
        rows.append((number, name, style, "passed", "★" * result.stars, _right(result) or _hidden(key, source)))
        if show or rows[-1][-1]:
            print(result.text(language), end="\n\n")
    results: list[Result] = []
    for wrong in bank.wrong.values():
        judge = Judge(exercise, wrong.source)
        result = judge.refused() or (
            judge.verdict(ran[wrong.name], 0) if wrong.name in ran else check_source(key, wrong.source)
        )
        results.append(result)
        rows.append((number, name, wrong.name, wrong.stage, wrong.says, _wrong(result, wrong, exercise)))
        if show or rows[-1][-1]:
            print(f"[{wrong.name}]", result.text(language), sep="\n", end="\n\n")
    starter = catalog.starter(key)
    state = check_source(key, starter, seconds=PATIENCE).state
    rows.append((number, name, "the starter", "not begun", "", "" if state == "not begun" else f"is {state}"))
    for wrong, result in zip(bank.wrong.values(), results[:1], strict=False):
        if check_source(key, wrong.source, seconds=PATIENCE).text() != result.text():
            rows.append((number, name, wrong.name, "", "", "is told otherwise the second time"))
    return rows


def _right(result: Result) -> str:
    if not result.passed:
        return f"fails at {result.failure.stage if result.failure else '?'}"
    return "" if result.stars >= 2 else f"has {result.stars} star: {'; '.join(r.said[0] for r in result.remarks)}"


def _hidden(key: str, source: str) -> str:
    """Return what a right solution does on hidden cases, if it is wrong."""
    try:
        result = check_source(key, source, seed="hidden", seconds=PATIENCE)
    except Exception as error:  # of the reference, on sizes that it does not take
        return f"cannot be held to hidden cases: {error}. Are its tasks `resized=False`?"
    said = "" if result.failure is None else result.failure.said[0]
    return "" if result.passed else f"fails on hidden cases ({said}): are its tasks `resized=False`?"


def _wrong(result: Result, wrong: Wrong, exercise: Exercise) -> str:
    if wrong.stage == "par":
        if not result.passed or not result.remarks:
            return "should be right and over par" if result.passed else "should be right"
        found = result.remarks[0]
    elif result.failure is None:
        return f"is {result.state}"
    else:
        found = result.failure
        if found.stage != wrong.stage:
            return f"fails at {found.stage} ({found.code}: {found.said[0]})"
    code, _, own = (part.strip() for part in wrong.says.partition("+"))
    if not own and code in exercise.says:
        code, own = "", code
    if own and found.mistake != own:
        return f"is told {found.mistake or found.code!r}: {found.said[0]}"
    if not own and found.mistake and found.mistake != code:
        return f"is told {found.mistake!r} too: say so in `says`"
    if code and found.code.rstrip("abcdefghijklmnopqrstuvwxyz") != code and found.code != code:
        return f"is told {found.code}: {found.said[0]}"
    table = {**FAULTS, **STAGES, **GENERIC, **exercise.says}
    unknown = [
        hole for name in (found.code, found.mistake) if name in table for hole in holes(table[name], found.facts)
    ]
    return f"has holes in its sentence, {', '.join(unknown)}: {found.said[0]}" if unknown else ""


def _whole(exercise: Exercise, bank: Bank) -> list[str]:
    """Return what is wrong with an exercise as a whole."""
    problems = []
    if len(bank.right) < 2:
        problems.append(f"has {len(bank.right)} right solution; two styles are asked for")
    if len(bank.wrong) < 4:
        problems.append(f"has {len(bank.wrong)} wrong solutions; four are asked for")
    english, chinese = ([s[k] for s in exercise.says.values()] for k in (0, 1))
    if len(set(english)) < len(english) or len(set(chinese)) < len(chinese):
        problems.append("says one sentence under two names")
    for name, (en, zh) in {**exercise.says, **{f"hint {k}": h for k, h in enumerate(exercise.hints)}}.items():
        if not en.strip() or not any(ord(c) > 0x2E7F for c in zh):
            problems.append(f"has no English or no Chinese for {name!r}")
    said = {part.strip() for wrong in bank.wrong.values() for part in wrong.says.split("+")}
    answers = {name for task in exercise.tasks for key in getattr(task, "wrong", {}).values() for name in key.values()}
    problems += [
        f"says {name!r}, which no wrong solution brings about" for name in exercise.says if name not in said | answers
    ]
    general = {*FAULTS, *STAGES, *GENERIC}
    problems += [f"names {name!r}, a sentence that there is not" for name in said - set(exercise.says) - general]
    public = "".join(catalog.files()[exercise.number].read_text(encoding="utf-8").split())
    kept = "".join(bank.starter().split())
    for style, source in bank.rights().items():
        for line in source.splitlines():
            dense = "".join(line.split("#")[0].split())
            if len(dense) > 30 and dense in public and dense not in kept:
                problems.append(f"shows a line of {style!r} in its public file: {line.strip()}")
    return problems


def table(rows: list[Row]) -> str:
    """Return the mutation table: exercise × solution × stage × sentence."""
    lines = [f"{n:02d} {name:<18} {what:<22} {stage:<10} {says:<28} {'ok' if not bad else 'WRONG: ' + bad}"
             for n, name, what, stage, says, bad in rows]  # fmt: skip
    return "\n".join(lines)


def _verified(write: bool, show: bool, language: str, number: int) -> tuple[str, list[Row]]:
    """Verify an exercise in a process of a pool; return what is to be printed, and the rows."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        found = verify(number, write, show, language)
    return said.getvalue(), found


def main(arguments: list[str]) -> int:
    """Verify the exercises named, or all; return 1 if one is not held."""
    write, show = "--write" in arguments, "--show" in arguments
    language = "zh" if "--zh" in arguments else "en"
    named = [a for a in arguments if not a.startswith("--")]
    numbers = [catalog.number_of(a) for a in named] or list(catalog.files())
    rows: list[Row] = []
    started = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(min(len(numbers), os.cpu_count() or 1)) as pool:
        for said, found in pool.imap(functools.partial(_verified, write, show, language), numbers):
            print(said + table(found), flush=True)
            rows += found
    bad = sum(bool(row[-1]) for row in rows)
    wrong = sum(row[3] not in ("passed", "not begun", "") for row in rows)
    print(f"\n{len(numbers)} exercises, {wrong} wrong solutions, {bad} rows not as they should be; "
          f"{time.perf_counter() - started:.1f} s")  # fmt: skip
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
