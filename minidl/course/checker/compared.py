"""A case that was run, beside its reference: is it right, and if not, which result is wrong and where?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.course.checker import fingerprints
from minidl.course.checker.running import Ran, Runs, cases_of
from minidl.course.exercise import Answers, Case, Exercise, Function, Task
from minidl.course.sentences import phrase
from minidl.testing.agreement import wrong_cells

Facts = dict[str, Any]


@dataclass
class Compared:
    """One case beside its reference.

    wrong : the sentence of the first wrong result, with its facts
    """

    ran: Ran
    task: Task
    case: Case
    right: list[np.ndarray]
    wrong: tuple[str, Facts] | None = None

    @property
    def outcome(self) -> fingerprints.Outcome | None:
        """What it did, in a few numbers."""
        return fingerprints.outcome(self.ran, self.right, self.wrong is not None)

    @property
    def results(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Each result's name, what came out, and what is right."""
        return zip(names_of(self.task, self.right), self.ran.outputs or [], self.right, strict=False)

    def wrong_cells(self, got: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return where a result is wrong, as this task and case have it."""
        task, by_cell = self.task, self.case.kind == "extreme"
        return wrong_cells(np.asarray(got), right, task.tolerance, by_cell, task.smallest)

    def __str__(self) -> str:
        """Say which case it is: its label, or the shapes of its inputs.

        >>> from minidl.course.exercise import Kernel, case
        >>> task = Kernel(signature="k(a, n, y)", cases=None, reference=None, outputs={"y": None})
        >>> str(Compared(Ran(0, 0), task, case("", np.zeros((2, 3)), 5), []))
        'a (2, 3), n 5'
        """
        parts = [
            f"{name} {value.shape if isinstance(value, np.ndarray) else number(value)}"
            for name, value in zip(self.task.input_names, self.case.inputs, strict=False)
            if isinstance(value, np.ndarray | int | float | str)
        ]
        return ": ".join(part for part in (self.case.label, ", ".join(parts)) if part)

    @property
    def facts(self) -> Facts:
        """What every sentence may name of a case: lengths of axes as {x0}, {x1} …"""
        facts: Facts = {"case": str(self), "signature": self.task.signature}
        for name, value in zip(self.task.input_names, self.case.inputs, strict=False):
            if isinstance(value, np.ndarray):
                facts |= {f"{name}{axis}": n for axis, n in enumerate(value.shape)}
            elif isinstance(value, int | float | str):
                facts[name] = value
        return facts


def compared(exercise: Exercise, runs: Runs, seed: int | str) -> list[Compared]:
    """Return all cases of functions and kernels beside their references."""
    cases = {k: cases_of(exercise, task, seed) for k, task in enumerate(exercise.tasks)}
    found = []
    for ran in runs.ran:
        task = exercise.tasks[ran.task]
        if isinstance(task, Answers):
            continue
        one = Compared(ran, task, cases[ran.task][ran.case], reference(task, cases[ran.task][ran.case].inputs))
        if ran.error is None and ran.outputs is not None:
            one.wrong = first_wrong(one)
        found.append(one)
    return found


def reference(task: Task, inputs: tuple[Any, ...]) -> list[np.ndarray]:
    """Return what is right, in float64."""
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in inputs]
    exact = [a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in copies]
    with np.errstate(all="ignore"):
        result = task.reference(*exact)
    return [np.asarray(part) for part in (result if isinstance(result, tuple | list) else (result,))]


def names_of(task: Task, right: list[np.ndarray]) -> tuple[str, ...]:
    """Return the results' names."""
    names = task.result_names
    return names if len(names) == len(right) else tuple(f"result {k}" for k in range(len(right)))


def told(name: str) -> Any:
    """Return a result's name as sentences say it, in either language."""
    if name == "the result":
        return phrase("the-result")
    head, _, k = name.partition(" ")
    return phrase("result-number", k=k) if head == "result" and k else name


def first_wrong(one: Compared) -> tuple[str, Facts] | None:
    """Return the sentence of the first wrong result, with its facts."""
    task, case, outputs = one.task, one.case, one.ran.outputs or []
    if len(outputs) != len(one.right):
        names = ", ".join(names_of(task, one.right))
        return "count", {"n": len(one.right), "names": names, "got": len(outputs)}
    given = next((a.dtype for a in case.inputs if isinstance(a, np.ndarray) and a.dtype.kind == "f"), None)
    for name, got, right in one.results:
        if got.shape != right.shape:
            return "shape", {"name": told(name), "got": got.shape, "right": right.shape}
        if right.dtype.kind in "fiub" and got.dtype.kind not in "fiub":
            return "no-number", {"name": told(name), "got": repr(got.flat[0].item() if got.size else got.tolist())[:60]}
        if right.dtype.kind == "f" and got.dtype.kind in "iub" and got.ndim:
            return "dtype", {"name": told(name), "got": got.dtype, "right": given or right.dtype}
        bad = one.wrong_cells(got, right)
        if bad.any():
            i = tuple(int(n) for n in np.argwhere(bad)[0]) if bad.ndim else ()
            return "values", {
                "name": told(name), "wrong": int(bad.sum()), "n": bad.size, "i": ", ".join(map(str, i)) or "()",
                "got": number(np.asarray(got)[i]), "right": number(right[i]),
            }  # fmt: skip
        if isinstance(task, Function) and task.keeps_dtype and given is not None and got.ndim and got.dtype != given:
            return "dtype", {"name": told(name), "got": got.dtype, "right": given}
    return None


def number(value: Any) -> str:
    """Return a number as short as it may be told.

    >>> number(np.float32(0.1)), number(np.float64("nan"))
    ('0.1', 'nan')
    """
    return f"{float(value):.6g}" if np.asarray(value).dtype.kind in "f" else str(value)
