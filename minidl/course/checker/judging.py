"""The verdict: what a run left behind is held to the reference, stage by stage, and the first failure is explained.

This happens after the student's process has ended; what is right was never in it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from minidl.course import catalog
from minidl.course.checker import fingerprints
from minidl.course.checker.causes import cause
from minidl.course.checker.compared import Compared, Facts, compared, first_wrong
from minidl.course.checker.cost import cost
from minidl.course.checker.isolate import SECONDS, isolated
from minidl.course.checker.reading import read
from minidl.course.checker.results import Failure, Result
from minidl.course.checker.running import Elsewhere, Ran, Runs
from minidl.course.exercise import Answers, Exercise, Kernel, Seen
from minidl.course.sentences import FAULTS, GENERIC, LANGUAGES, STAGES, Sentence, fill, phrase


def check_source(which: int | str, source: str, *, seed: int | str = 0, compiled: bool = False,
                 seconds: float = SECONDS, fork: bool | None = None, allow: tuple[str, ...] = (),
                 variant: str | None = None) -> Result:  # fmt: skip
    """Check a student's file, given as text: the one function that terminal, notebook and teacher call.

    Parameters
    ----------
    which : number or name of the exercise; "24@TILE=8" for a variant, whatever the file says
    seed : of the cases; 0 are the public ones
    compiled : also run kernels compiled, where NVIDIA's compilers are installed, and on a GPU where there is one
    seconds : after which the file is stopped
    fork : in a forked child or in a fresh Python; by default what the system allows
    allow : modules that the file may import, besides those that the exercise allows
    variant : the variant that the file has to answer, whatever it says; None: the one that it says it is of
    """
    started = time.perf_counter()
    number, said = catalog.number_of(which), catalog.variant_of(source)
    key = which if "@" in str(which) else catalog.key_of(number, source)
    judge = Judge(catalog.load(key if variant is None else catalog.keyed(number, variant)), source)
    result = judge.of_none(said) if key is not which and variant is None else None
    result = result or judge.refused(allow)
    if result is None:
        runs = isolated(judge.exercise.key, source, seed, seconds=seconds, compiled=compiled, fork=fork)
        result = judge.verdict(runs, seed)
        if variant is not None and result.failure is not None and runs.error is None and not seed:
            result = judge.of_another(said, result, runs, seconds, fork)
    result.seconds = time.perf_counter() - started
    return result


def _numbers(constants: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {n}" for name, n in constants.items())


class Judge:
    """The verdict on one file of one exercise."""

    def __init__(self, exercise: Exercise, source: str) -> None:
        self.exercise, self.source = exercise, source
        self.printed = ""

    # -- results ------------------------------------------------------------------------------------------------------

    def result(self, state: str, stages: dict[str, str], **more: Any) -> Result:
        """Return a result of this exercise."""
        e = self.exercise
        return Result(
            e.number, e.name, e.title, state, stages, of=e.points, printed=self.printed, source=self.source, **more
        )

    def stages(self) -> list[str]:
        """Return the stages that this exercise has."""
        kernels = any(isinstance(t, Kernel) for t in self.exercise.tasks)
        par = any(getattr(t, "par", None) for t in self.exercise.tasks)
        return ["file", "runs", *["machine"] * kernels, "values", *["par"] * par]

    def failed(self, stage: str, code: str, facts: Facts, lines: list[int], shown: Compared | None = None,
               names: list[str] | None = None) -> Result:  # fmt: skip
        """Return the result of a failure at a stage."""
        all_ = self.stages()
        verdicts = {s: "passed" if all_.index(s) < all_.index(stage) else "not run" for s in all_}
        verdicts[stage] = "failed"
        failure = self.failure(stage, code, facts, lines, shown, names)
        return self.result("failed", verdicts, failure=failure)

    def failure(self, stage: str, code: str, facts: Facts, lines: list[int], shown: Compared | None,
                names: list[str] | None = None) -> Failure:  # fmt: skip
        """Return a failure with its sentences: the fault's own, and what the exercise adds where it knows more."""
        e = self.exercise
        facts = {**(shown.facts if shown else {}), **facts}
        found = names or []
        if e.recognise is not None:
            task, case = (shown.task, shown.case) if shown else (e.tasks[0], None)
            seen = Seen(stage, code, facts, self.source, task, case, shown and shown.ran.outputs, shown and shown.right)
            own = e.recognise(seen)
            found = found if own is None else [own] if own else []
        if not found and code in e.says:
            found = [code]
        general = {**FAULTS, **STAGES, **GENERIC}.get(code)
        keeps_general = stage in ("machine", "file") or not found or code in FAULTS
        said: list[str] = []
        for k, language in enumerate(LANGUAGES):
            texts = [fill(general, facts, language)] if general is not None and keeps_general else []
            mine = [fill(e.says[name], facts, language) for name in found]
            if mine:
                texts.append(STAGES["or"][k].join([*[one.rstrip(".。") for one in mine[:-1]], mine[-1]]))
            said.append(" ".join(texts))
        lines = [n for n in dict.fromkeys(lines) if n]
        return Failure(stage, code, (said[0], said[1]), found[0] if found else "", str(shown) if shown else "",
                       tuple(lines), facts, shown)  # fmt: skip

    # -- the stages ---------------------------------------------------------------------------------------------------

    def of_none(self, said: str) -> Result | None:
        """Return the result of a file that says it is of a variant that there is not."""
        there = catalog.variants(self.exercise.number)
        if said in there:
            return None
        return self.failed("file", "variant", {"got": said, "want": " / ".join(map(_numbers, there.values()))}, [])

    def of_another(self, said: str, result: Result, runs: Runs, seconds: float, fork: bool | None) -> Result:
        """Return the result of a file that fails: that it answers another variant, where it is right for that one or
        says that it is made for it; else what it was.
        """
        there = catalog.variants(self.exercise.number)
        others = sorted(there.keys() - {self.exercise.variant}, key=lambda v: (v != said, v))
        predicted = all(isinstance(task, Answers) for task in self.exercise.tasks)  # they are the same for all cases
        for other in others:
            judge = Judge(catalog.load(catalog.keyed(self.exercise.number, other)), self.source)
            tried = runs if predicted else isolated(judge.exercise.key, self.source, seconds=seconds, fork=fork)
            if judge.verdict(tried, 0).passed or (said and other == said):
                facts = {"got": _numbers(there[other]), "want": _numbers(there[self.exercise.variant])}
                assert result.failure is not None
                return self.failed(result.failure.stage, "variant", facts, [])
        return result

    def refused(self, allow: tuple[str, ...] = ()) -> Result | None:
        """Return the result of a file that is not run, for what its text says."""
        refused = read(self.exercise, self.source, catalog.starter(self.exercise.key), allow)
        if refused is None:
            return None
        if refused.code == "not-begun":
            return self.result("not begun", {})
        return self.failed("file", refused.code, refused.facts, [refused.line])

    def verdict(self, runs: Runs, seed: int | str) -> Result:
        """Return the verdict on what a run left behind."""
        self.printed = runs.printed
        if runs.error is not None:
            code, facts = runs.error
            return self.failed("runs", code, facts, [facts.get("L", 0)])
        cases = compared(self.exercise, runs, seed)
        for ran in runs.ran:
            task = self.exercise.tasks[ran.task]
            if isinstance(task, Answers) and (failed := self.answered(ran, task)) is not None:
                return failed
        for stage in ("runs", "machine", "values"):
            if (failed := self.first(stage, cases)) is not None:
                return failed
        return self.right(cases, runs)

    def first(self, stage: str, cases: list[Compared]) -> Result | None:
        """Return the failure of a stage, on the case that shows it best."""
        test = {"runs": lambda x: x.ran.error, "machine": lambda x: x.ran.fault,
                "values": lambda x: x.ran.changed or x.wrong}[stage]  # fmt: skip
        failing = [x for x in cases if test(x)]
        if not failing:
            return None
        shown = failing[0]
        names = self.recognised(cases, stage)
        if stage == "runs":
            code, facts = shown.ran.error or ("", {})
            return self.failed(stage, code, facts, [facts.get("L", 0)], shown, names)
        if stage == "machine":
            fault = shown.ran.fault or {}
            facts = {**fault["facts"], "luck": phrase("wrong" if shown.wrong else "right")}
            return self.failed(stage, fault["code"], facts, fault["lines"], shown, names)
        if shown.ran.changed is not None:
            name, index = shown.ran.changed
            untouched = shown.ran.figures.get("untouched", "")
            code = "F17o" if untouched else "F17"
            return self.failed(stage, code, {"a": name, "i": index, "y": untouched}, [], shown, names)
        code, facts = shown.wrong or ("values", {})
        if not names and (found := cause(failing, self.source)) is not None:
            (code, more, lines), shown = found
            return self.failed(stage, code, {**facts, **more}, lines, shown)
        return self.failed(stage, code, facts, [], shown, names)

    def recognised(self, cases: list[Compared], stage: str) -> list[str]:
        """Return the exercise's own sentences whose mistakes did the same on the same cases."""
        outcomes = [x.outcome for x in cases]
        rights = [fingerprints.projections(x.right) for x in cases]
        mistakes = catalog.made(self.exercise.key)["mistakes"]
        found = fingerprints.recognised(outcomes, mistakes, rights, stage)
        return [name for name in found if name in self.exercise.says]

    def answered(self, ran: Ran, task: Answers) -> Result | None:
        """Return the first wrong prediction, or None."""
        for key, right in task.reference().items():
            line = next((n for n, text in enumerate(self.source.splitlines(), 1)
                         if f'"{key}"' in text or f"'{key}'" in text), 0)  # fmt: skip
            got = ran.answers.get(key, "")
            if got == "":
                return self.failed("values", "no-answer", {"key": key}, [line])
            numbers = isinstance(right, float) and isinstance(got, int | float)
            if str(got) == str(right) or got == right or (numbers and abs(got - right) <= 0.01 * abs(right)):
                continue
            name = {str(wrong): says for wrong, says in task.wrong.get(key, {}).items()}.get(str(got))
            facts: Facts = {"key": key, "got": got, "right": right}
            return self.failed("values", "answer", facts, [line], None, [name] if name else None)
        return None

    def right(self, cases: list[Compared], runs: Runs) -> Result:
        """Return the result of a right file: its stars, and what is to be said of its cost."""
        found = cost(self.exercise, cases)
        stages = {stage: "passed" for stage in self.stages()}
        if found.over:
            stages["par"] = "over"
        notes = []
        for other in runs.elsewhere:
            stages[other.stage] = "passed" if not other.missing else "not run"
            notes += [f"{other.stage} not run: {other.missing}"] * bool(other.missing)
            if (failure := self.elsewhere(other, cases)) is not None:
                stages[other.stage] = "failed"
                return self.result("failed", stages, failure=failure, figures=found.figures)
        stars = 1 if found.over else 2 + found.third
        remarks = [self.failure("par", code, facts, [line], one, found.own) for code, facts, line, one in found.over]
        return self.result(
            "passed", stages, stars=stars, points=self.exercise.points * (0.8 if stars >= 2 else 0.6),
            remarks=remarks, par=found.par, figures=found.figures,
            summary=found.summary, notes=notes, third=self.third(found.asked),
        )  # fmt: skip

    def third(self, asked: str) -> Sentence | None:
        """Return what a third star asks for."""
        if not asked:
            return None
        how = self.exercise.third
        said = [fill(STAGES["third"], {"asked": asked, "how": f": {how[k]}" if how else "."}, language)
                for k, language in enumerate(LANGUAGES)]  # fmt: skip
        return said[0], said[1]

    def elsewhere(self, other: Elsewhere, cases: list[Compared]) -> Failure | None:
        """Return what is wrong with what came out compiled, or on a GPU: all cases are right on the SIMT machine."""
        here = {(one.ran.task, one.ran.case): one for one in cases}
        for ran in other.ran:
            one = dataclasses.replace(here[ran.task, ran.case], ran=ran)
            if ran.error is not None:
                return self.failure(other.stage, *ran.error, [], one)
            if ran.outputs is None or (wrong := first_wrong(one)) is None:
                continue
            again = [dataclasses.replace(one, ran=r) for r in other.ran if (r.task, r.case) == (ran.task, ran.case)]
            sometimes = any(r.ran.outputs is not None and first_wrong(r) is None for r in again)
            return self.failure(other.stage, f"{other.stage}-sometimes" if sometimes else other.stage,
                                {**wrong[1], "task": one.task.name}, [], one)  # fmt: skip
        return None
