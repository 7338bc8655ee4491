"""The verdict: what a run left behind is held to the reference, stage by stage, and the first failure is explained.

This happens after the student's process has ended; what is right was never in it.
"""

from __future__ import annotations

import ast
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.course import catalog, fingerprints
from minidl.course.exercise import Answers, Case, Exercise, Function, Kernel, Seen, Sentence, Task
from minidl.course.isolate import SECONDS, isolated
from minidl.course.reading import read
from minidl.course.results import Failure, Result
from minidl.course.running import Ran, Runs, cases_of
from minidl.course.sentences import FAULTS, GENERIC, LANGUAGES, STAGES, fill
from minidl.testing.agreement import wrong_cells

WHAT = {
    "sectors": "Sectors moved", "load_sectors": "Sectors loaded", "store_sectors": "Sectors stored",
    "barriers": "Barriers", "atomics": "Atomic operations", "stores": "Stores of warps",
    "shared_accesses": "Accesses to shared memory", "steps": "Lines of your file run", "launches": "Launches",
    "shuffles": "Shuffles",
}  # fmt: skip
Facts = dict[str, Any]


def check_source(which: int | str, source: str, *, seed: int | str = 0, compiled: bool = False,
                 seconds: float = SECONDS, fork: bool | None = None) -> Result:  # fmt: skip
    """Check a student's file, given as text: the one function that terminal, notebook and teacher call.

    Parameters
    ----------
    which : number or name of the exercise
    seed : of the cases; 0 are the public ones
    compiled : also run kernels compiled, where NVIDIA's compilers are installed
    seconds : after which the file is stopped
    fork : in a forked child or in a fresh Python; by default what the system allows
    """
    started = time.perf_counter()
    exercise = catalog.load(catalog.number_of(which))
    judge = Judge(exercise, source)
    starter = catalog.starter(exercise.number)
    refused = read(exercise, source, starter)
    if refused is not None and refused.code == "not-begun":
        result = judge.result("not begun", {})
    elif refused is not None:
        result = judge.failed("file", refused.code, refused.facts, [refused.line])
    else:
        result = judge.verdict(
            isolated(exercise.number, source, seed, seconds=seconds, compiled=compiled, fork=fork), seed
        )
    result.seconds = time.perf_counter() - started
    return result


@dataclass
class Looked:
    """One case beside its reference."""

    ran: Ran
    task: Task
    case: Case
    right: list[np.ndarray]
    wrong: tuple[str, Facts] | None  # the sentence of a wrong value

    @property
    def outcome(self) -> fingerprints.Outcome | None:
        """What it did, in a few numbers."""
        return fingerprints.outcome(self.ran, self.right, self.wrong is not None)


class Judge:
    """The verdict on one file of one exercise."""

    def __init__(self, exercise: Exercise, source: str) -> None:
        self.exercise, self.source = exercise, source
        self.printed, self.figures = "", {}  # type: str, dict[str, Any]

    # -- results ------------------------------------------------------------------------------------------------------

    def result(self, state: str, stages: dict[str, str], **more: Any) -> Result:
        """Return a result of this exercise."""
        e = self.exercise
        return Result(e.number, e.name, e.title, state, stages, of=e.points, printed=self.printed,
                      source=self.source, figures=self.figures, **more)  # fmt: skip

    def stages(self) -> list[str]:
        """Return the stages that this exercise has."""
        kernels = any(isinstance(t, Kernel) for t in self.exercise.tasks)
        par = any(getattr(t, "par", None) for t in self.exercise.tasks)
        return ["file", "runs", *["machine"] * kernels, "values", *["par"] * par]

    def failed(self, stage: str, code: str, facts: Facts, lines: list[int], looked: Looked | None = None,
               names: list[str] | None = None) -> Result:  # fmt: skip
        """Return the result of a failure at a stage."""
        all_ = self.stages()
        verdicts = {s: "passed" if all_.index(s) < all_.index(stage) else "not run" for s in all_}
        verdicts[stage] = "failed"
        failure = self.failure(stage, code, facts, lines, looked, names)
        return self.result("failed", verdicts, failure=failure)

    def failure(self, stage: str, code: str, facts: Facts, lines: list[int], looked: Looked | None,
                names: list[str] | None = None) -> Failure:  # fmt: skip
        """Return a failure with its sentences: the fault's own, and what the exercise adds where it knows more."""
        e = self.exercise
        facts = {**(self.facts(looked) if looked else {}), **facts}
        recognise = e.recognise
        own = None
        if recognise is not None:
            task, case = (looked.task, looked.case) if looked else (e.tasks[0], None)
            seen = Seen(
                stage, code, facts, self.source, task, case, looked and looked.ran.outputs, looked and looked.right
            )
            own = recognise(seen)
        found = [own] if own else (names or [])
        if not found and code in e.says:
            found = [code]
        general = {**FAULTS, **STAGES, **GENERIC}.get(code)
        keeps_general = stage in ("machine", "file") or not found or code in FAULTS
        said: list[str] = []
        for k, language in enumerate(LANGUAGES):
            texts = [fill(general, facts, language)] if general is not None and keeps_general else []
            mine = [fill(e.says[name], facts, language) for name in found]
            if mine:
                texts.append(STAGES["or"][k].join(mine))
            said.append(" ".join(texts))
        lines = [n for n in dict.fromkeys(lines) if n]
        return Failure(stage, code, (said[0], said[1]), found[0] if found else "", describe(looked) if looked else "",
                       tuple(lines), facts)  # fmt: skip

    def facts(self, looked: Looked) -> Facts:
        """Return what every sentence may name of a case: lengths of axes as {x0}, {x1} …"""
        facts: Facts = {"case": describe(looked), "signature": looked.task.signature}
        for name, value in zip(looked.task.input_names, looked.case.inputs, strict=False):
            if isinstance(value, np.ndarray):
                facts |= {f"{name}{axis}": n for axis, n in enumerate(value.shape)}
            elif isinstance(value, int | float | str):
                facts[name] = value
        return facts

    # -- the stages ---------------------------------------------------------------------------------------------------

    def verdict(self, runs: Runs, seed: int | str) -> Result:
        """Return the verdict on what a run left behind."""
        self.printed = runs.printed
        if runs.error is not None:
            code, facts = runs.error
            return self.failed("runs", code, facts, [facts.get("L", 0)])
        looked = self.looked(runs, seed)
        answers = [(ran, task) for ran in runs.ran if isinstance(task := self.exercise.tasks[ran.task], Answers)]
        for ran, task in answers:
            if (failed := self.answered(ran, task)) is not None:
                return failed
        for stage in ("runs", "machine", "values"):
            if (failed := self.first(stage, looked)) is not None:
                return failed
        return self.right(looked, runs, [task for _, task in answers])

    def looked(self, runs: Runs, seed: int | str) -> list[Looked]:
        """Return all cases beside their references."""
        found = []
        cases = {k: cases_of(self.exercise, task, seed) for k, task in enumerate(self.exercise.tasks)}
        for ran in runs.ran:
            task = self.exercise.tasks[ran.task]
            if isinstance(task, Answers):
                continue
            case = cases[ran.task][ran.case]
            with np.errstate(all="ignore"):
                right = as_list(task.reference(*fingerprints.in_float64(case.inputs)))
            wrong = self.compare(task, case, ran, right) if ran.error is None and ran.outputs is not None else None
            found.append(Looked(ran, task, case, right, wrong))
        return found

    def compare(self, task: Task, case: Case, ran: Ran, right: list[np.ndarray]) -> tuple[str, Facts] | None:
        """Return the sentence of the first wrong result, with its facts."""
        outputs = ran.outputs or []
        names = (
            task.result_names
            if len(task.result_names) == len(right)
            else tuple(f"result {k}" for k in range(len(right)))
        )
        if len(outputs) != len(right):
            return "count", {"n": len(right), "names": ", ".join(names), "got": len(outputs)}
        for name, got, r in zip(names, outputs, right, strict=True):
            if got.shape != r.shape:
                return "shape", {"name": name, "got": got.shape, "right": r.shape}
            given = next((a.dtype for a in case.inputs if isinstance(a, np.ndarray) and a.dtype.kind == "f"), None)
            if r.dtype.kind == "f" and got.dtype.kind in "iub" and got.ndim:
                return "dtype", {"name": name, "got": got.dtype, "right": given or r.dtype}
            bad = wrong_cells(np.asarray(got), r, task.tolerance, case.kind == "extreme")
            if bad.any():
                i = tuple(int(n) for n in np.argwhere(bad)[0]) if bad.ndim else ()
                return "values", {
                    "name": name, "wrong": int(bad.sum()), "n": bad.size, "i": ", ".join(map(str, i)) or "()",
                    "got": number(np.asarray(got)[i]), "right": number(r[i]),
                }  # fmt: skip
            if (
                isinstance(task, Function)
                and task.keeps_dtype
                and given is not None
                and got.ndim
                and got.dtype != given
            ):
                return "dtype", {"name": name, "got": got.dtype, "right": given}
        return None

    def first(self, stage: str, looked: list[Looked]) -> Result | None:
        """Return the failure of a stage, on the case that shows it best."""
        test = {"runs": lambda x: x.ran.error, "machine": lambda x: x.ran.fault,
                "values": lambda x: x.ran.changed or x.wrong}[stage]  # fmt: skip
        failing = [x for x in looked if test(x)]
        if not failing:
            return None
        shown = failing[0]
        names = self.recognised(looked, stage)
        if stage == "runs":
            code, facts = shown.ran.error or ("", {})
            return self.failed(stage, code, facts, [facts.get("L", 0)], shown, names)
        if stage == "machine":
            fault = shown.ran.fault or {}
            luck = STAGES["wrong" if shown.wrong else "right"]
            facts = {**fault["facts"], "luck": luck[0]}
            return self.failed(stage, fault["code"], facts, fault["lines"], shown, names)
        if shown.ran.changed is not None:
            name, index = shown.ran.changed
            untouched = shown.ran.figures.get("untouched", "")
            code = "F17o" if untouched else "F17"
            return self.failed(stage, code, {"a": name, "i": index, "y": untouched}, [], shown, names)
        return self.wrong_values(failing, names)

    def wrong_values(self, failing: list[Looked], names: list[str]) -> Result:
        """Return the failure of wrong values: the exercise's own sentence, a general one, or the first wrong cell."""
        shown = failing[0]
        code, facts = shown.wrong or ("values", {})
        if names or code != "values":
            return self.failed("values", code, facts, [], shown, names)
        added = self.adds_to_output(shown)
        if added is not None:
            return self.failed("values", *added, shown, names)
        unwritten = self.unwritten(shown)
        if unwritten is not None:
            return self.failed("values", "F11", {**facts, **unwritten}, [], shown, names)
        unread = self.unread(shown)
        if unread:
            return self.failed("values", "F19", {**facts, "a": unread}, [], shown, names)
        for looked in failing[:3]:
            found = fingerprints.generic(looked.task, looked.case, looked.ran.outputs or [], looked.right)
            if found is not None:
                return self.failed("values", found[0], {**facts, **found[1]}, [], looked, names)
        return self.failed("values", code, facts, [], shown, names)

    def adds_to_output(self, looked: Looked) -> tuple[str, Facts, list[int]] | None:
        """F18: an output that is still NaN where the kernel adds to it."""
        if not isinstance(looked.task, Kernel):
            return None
        for name, got, right in zip(looked.task.outputs, looked.ran.outputs or [], looked.right, strict=False):
            lost = np.isnan(got) & ~np.isnan(right) if got.dtype.kind == "f" else np.zeros(1, bool)
            lines = [n.lineno for n in ast.walk(ast.parse(self.source)) if isinstance(n, ast.AugAssign)
                     and isinstance(n.target, ast.Subscript) and ast.unparse(n.target.value) == name]  # fmt: skip
            if lost.any() and lines and name not in looked.task.start:
                i = ", ".join(map(str, np.argwhere(lost)[0]))
                return "F18", {"y": name, "i": i, "L": lines[0]}, lines
        return None

    def unwritten(self, looked: Looked) -> Facts | None:
        """F11 of an exercise that makes its own outputs, full of NaN: what no launch has written."""
        if not isinstance(looked.task, Kernel) or looked.task.drive is None:
            return None
        for name, got, right in zip(looked.task.result_names, looked.ran.outputs or [], looked.right, strict=False):
            lost = np.isnan(got) & ~np.isnan(right) if got.dtype.kind == "f" else np.zeros(1, bool)
            if lost.any():
                first = ", ".join(map(str, np.argwhere(lost)[0]))
                return {"k": int(lost.sum()), "n": lost.size, "y": name, "pattern": f"the first is {first}"}
        return None

    def unread(self, looked: Looked) -> str:
        """Return an input that the function never reads, its shape apart, and should; "" where there is none."""
        task = looked.task
        node = next(
            (n for n in ast.parse(self.source).body if isinstance(n, ast.FunctionDef) and n.name == task.name), None
        )
        if node is None:
            return ""
        arrays = [name for name in task.input_names if name in [a.arg for a in node.args.args]]
        about = {id(n.value) for n in ast.walk(node) if isinstance(n, ast.Attribute)
                 and n.attr in ("shape", "size", "ndim", "dtype")}  # fmt: skip
        read = {
            n.id
            for n in ast.walk(node)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and id(n) not in about
        }
        return next((name for name in arrays if name not in read and fingerprints.matters(task, looked.case, name)), "")

    def recognised(self, looked: list[Looked], stage: str) -> list[str]:
        """Return the exercise's own sentences whose mistakes did the same on the same cases."""
        outcomes = [x.outcome for x in looked]
        rights = [fingerprints.projections(x.right) if x.right else None for x in looked]
        mistakes = catalog.made(self.exercise.number)["mistakes"]
        return [
            name for name in fingerprints.recognised(outcomes, mistakes, rights, stage) if name in self.exercise.says
        ]

    # -- answers ------------------------------------------------------------------------------------------------------

    def answered(self, ran: Ran, task: Answers) -> Result | None:
        """Return the first wrong prediction, or None."""
        for key, right in task.reference().items():
            if key not in ran.answers or ran.answers[key] == "":
                return self.failed("values", "no-answer", {"key": key}, [self.line_of(key)])
            got = ran.answers[key]
            if got == right or (
                isinstance(right, float) and isinstance(got, int | float) and abs(got - right) <= 0.01 * abs(right)
            ):
                continue
            name = task.wrong.get(key, {}).get(got)
            code = "answer"
            facts: Facts = {"key": key, "got": got, "right": right, "factor": f"{task.near:g}"}
            return self.failed("values", code, facts, [self.line_of(key)], None, [name] if name else None)
        return None

    def line_of(self, key: str) -> int:
        """Return the line on which an answer stands."""
        return next(
            (n for n, line in enumerate(self.source.splitlines(), 1) if f'"{key}"' in line or f"'{key}'" in line), 0
        )

    # -- right --------------------------------------------------------------------------------------------------------

    def right(self, looked: list[Looked], runs: Runs, answers: list[Answers]) -> Result:
        """Return the result of a right file: its stars, and what is to be said of its cost."""
        remarks: list[Failure] = []
        stars = 2
        par: dict[str, float] = {}
        mine = [name for name in self.own_of_figures(looked)]
        for task in self.exercise.tasks:
            cases = [x for x in looked if x.task is task]
            shown = next((x for x in cases if x.case.kind == "par"), cases[-1] if cases else None)
            if shown is None or isinstance(task, Answers):
                continue
            self.figures |= shown.ran.figures
            limits = getattr(task, "par", {})
            par |= limits
            over = self.over_par(shown, limits, mine)
            remarks += over
            stars = 1 if over else stars
        if stars == 2 and any(getattr(t, "third", None) for t in self.exercise.tasks):
            third = all(x.ran.figures.get(key, 0) <= most for x in looked if x.case.kind == "par"
                        for key, most in getattr(x.task, "third", {}).items())  # fmt: skip
            stars += third
        stages = {stage: "passed" for stage in self.stages()}
        if "par" in stages and stars == 1:
            stages["par"] = "over"
        if runs.compiled is not None:
            code, facts = runs.compiled
            stages["compiled"] = {"right": "passed", "not-installed": "not run"}.get(code, "failed")
            if stages["compiled"] == "failed":
                failure = self.failure("compiled", code, facts, [], None)
                return self.result("failed", stages, failure=failure)
        points = self.exercise.points * (0.8 if stars >= 2 else 0.6)
        return self.result("passed", stages, stars=stars, points=points, remarks=remarks, par=par,
                           summary=self.summary(looked, par))  # fmt: skip

    def own_of_figures(self, looked: list[Looked]) -> list[str]:
        """Return the exercise's own sentences whose mistakes move just as much."""
        mine = [fingerprints.figures_outcome(x.ran) for x in looked]
        mistakes = catalog.made(self.exercise.number)["mistakes"].values()
        return [
            m["says"]
            for m in mistakes
            if m["stage"] == "par" and m["outcomes"] == mine and m["says"] in self.exercise.says
        ]

    def over_par(self, shown: Looked, limits: Any, mine: list[str]) -> list[Failure]:
        """Return what is said of figures that are over par: F20, F22, F21."""
        f = shown.ran.figures
        found: list[Failure] = []
        lines = f.get("lines", [])
        n, workers = f.get("elements", 0), f.get("workers", 0)
        if "workers" in limits or (
            isinstance(shown.task, Kernel) and limits and 0 < 4 * workers < min(n, f["threads"])
        ):
            if 0 < 4 * workers < min(n, f["threads"]):
                found.append(
                    self.failure("par", "F20", {"m": workers, "threads": f["threads"], "n": n}, [], shown, mine)
                )
        for key, most in limits.items():
            x = f.get(key, 0)
            if found or key == "workers" or x <= most * 1.0001:
                continue
            if key == "shared_passes":
                worst = max(lines, key=lambda line: line[3])
                found.append(self.failure("par", "F22", {"L": worst[0], "w": f"{worst[3]:g}"}, [worst[0]], shown, mine))
            elif key == "sectors":
                line, reason = self.reason(shown, lines)
                facts = {"x": f"{x:,}", "par": f"{most:,}", "reason": reason, "L": line}
                found.append(self.failure("par", "F21", facts, [line], shown, mine))
            else:
                facts = {"what": WHAT.get(key, key), "x": f"{x:,}", "par": f"{most:,}", "reason": ""}
                found.append(self.failure("par", "F21f", facts, [], shown, mine))
        return found

    def reason(self, shown: Looked, lines: list[Any]) -> tuple[int, str]:
        """Return the line that moves most for nothing, and why in words."""
        wasted = max(lines, key=lambda line: line[1] * (1 - min(1.0, line[2])), default=None)
        stores = shown.ran.figures.get("store_sectors", 0)
        least = sum(r.size * 4 / 32 for r in shown.right)
        if wasted is not None and wasted[2] < 0.8:
            return wasted[0], f"line {wasted[0]} uses {100 * wasted[2]:.0f} % of the bytes that it moves"
        if stores > 2 * least:
            return 0, "results are written again and again to global memory: keep them in a variable of the thread"
        most = max(lines, key=lambda line: line[1], default=(0, 0, 0, 0, 0))
        return most[0], f"line {most[0]} fetches the same elements again and again"

    def summary(self, looked: list[Looked], par: dict[str, float]) -> str:
        """Return a line of figures."""
        launches = sum(x.ran.launches for x in looked)
        parts = [f"{len(looked)} cases" + (f", {launches} launches, no fault" if launches else "")] if looked else []
        naive: dict[str, float] = {}
        for task in self.exercise.tasks:
            naive |= getattr(task, "naive", {})
        for key, most in par.items():
            if key in self.figures:
                plain = f", naive {naive[key]:,}" if key in naive else ""
                parts.append(f"{key.replace('_', ' ')} {self.figures[key]:,} (par {most:,}{plain})")
        return " · ".join(parts)


def as_list(result: Any) -> list[np.ndarray]:
    """Return a reference's results as arrays."""
    return [np.asarray(part) for part in (result if isinstance(result, tuple | list) else (result,))]


def describe(looked: Looked) -> str:
    """Return a case in words: its label, or the shapes of its inputs.

    >>> from minidl.course.exercise import Kernel, case
    >>> task = Kernel(signature="k(a, n, y)", cases=None, reference=None, outputs={"y": None})
    >>> describe(Looked(None, task, case("", np.zeros((2, 3)), 5), [], None))
    'a (2, 3), n 5'
    """
    parts = [
        f"{name} {value.shape}" if isinstance(value, np.ndarray) else f"{name} {value}"
        for name, value in zip(looked.task.input_names, looked.case.inputs, strict=False)
        if isinstance(value, np.ndarray | int | float | str)
    ]
    shapes = ", ".join(parts)
    return f"{looked.case.label}: {shapes}" if looked.case.label and shapes else looked.case.label or shapes


def number(value: Any) -> str:
    """Return a number as short as it may be told.

    >>> number(np.float32(0.1)), number(np.float64("nan"))
    ('0.1', 'nan')
    """
    return f"{float(value):.6g}" if np.asarray(value).dtype.kind in "fiub" else str(value)


def sentence(name: str, exercise: Exercise) -> Sentence | None:
    """Return a sentence by name, from the exercise's table or the general ones."""
    return exercise.says.get(name) or {**FAULTS, **STAGES, **GENERIC}.get(name)
