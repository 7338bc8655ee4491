"""What `minidl.check` returns: stages with verdicts, an explanation, and tables; for a terminal and a notebook."""

from __future__ import annotations

import textwrap
from typing import Any, NamedTuple

from minidl.console import printable, text_table

WIDTH = 110
STAGES = ("runs", "machine", "values", "gradient", "compiles", "compiled", "any order", "traffic", "timing")
MEANING = {
    "runs": "the function takes the arrays, launches, and returns the right shapes",
    "machine": "no fault on the SIMT machine",
    "values": "equal to NumPy in float64, inputs unchanged",
    "gradient": "gradients are right",
    "compiles": "Numba compiles it for a GPU",
    "compiled": "what the compiler made of it runs, and gives the same",
    "any order": "the same in every order of threads",
    "traffic": "memory traffic, beside the ladder",
    "timing": "time on the GPU, beside the ladder",
}

NOTE = (
    "sectors: of 32 bytes, moved from and to global memory; bytes used: of them, asked for (above 100% where lanes "
    "share an element); bank passes: of an access to shared memory, 1.00 is none lost to bank conflicts."
)


class Stage(NamedTuple):
    """One stage: its name, "passed", "FAILED", or "not run", and a sentence."""

    name: str
    verdict: str
    text: str


class KernelCheck:
    """The result of a check of one kernel.

    Attributes
    ----------
    target : "gemm:mine"
    passed : whether no stage failed
    failed_stage : the stage that failed, or None
    explanation : what went wrong and the likely cause; "" if nothing did
    stages : all of them, in order
    not_checked : settings that the kernel does not take, so that the cases which need them were left out
    remarks : of a kernel that is right: what makes it slow, or that NumPy does its work
    traffic, timing : rows of the tables, as dictionaries
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.stages: list[Stage] = []
        self.settings: dict[str, None] = {}  # that had another value than the default's in a case that was run
        self.not_checked: dict[str, None] = {}
        self.explanation = self.source = self.cause = ""
        self.remarks: list[str] = []
        self.traffic: list[dict[str, Any]] = []
        self.timing: list[dict[str, Any]] = []
        self.traffic_of = self.timing_of = ""

    @property
    def passed(self) -> bool:
        """Whether no stage failed."""
        return all(stage.verdict != "FAILED" for stage in self.stages)

    @property
    def failed_stage(self) -> str | None:
        """The name of the stage that failed, None if none did."""
        return next((stage.name for stage in self.stages if stage.verdict == "FAILED"), None)

    def add(self, name: str, verdict: str, text: str = "") -> None:
        """Note a stage's verdict."""
        self.stages.append(Stage(name, verdict, text or MEANING[name]))

    @property
    def verdict(self) -> str:
        """Say "passed", "passed for strides, padding" where cases were left out, or "FAILED at 'values'"."""
        if not self.passed:
            return f"FAILED at {self.failed_stage!r}"
        if not self.not_checked:
            return "passed"
        varied = [name for name in self.settings if name not in self.not_checked]
        return f"passed for {', '.join(varied)}" if varied else "passed for the default settings alone"

    @property
    def left_out(self) -> str:
        """What was not checked and why, as a sentence; "" where everything was."""
        if not self.not_checked:
            return ""
        them = "it" if len(self.not_checked) == 1 else "them"
        return (
            f"Not checked: {', '.join(self.not_checked)}. Your function does not take {them}; a layer that needs "
            f"{them} will refuse your kernel."
        )

    def fail(self, name: str, sentence: str, source: str, cause: str) -> None:
        """Note that a stage failed, and that those behind it were not run."""
        self.explanation, self.source, self.cause = sentence, source, cause
        self.add(name, "FAILED", "see below")
        for later in STAGES[STAGES.index(name) + 1 :]:
            self.add(later, "not run", f"stopped at {name!r}")

    def __repr__(self) -> str:
        lines = [f"{self.target}: {self.verdict}", ""]
        lines += [f"  {stage.name:<9} {stage.verdict:<8} {stage.text}" for stage in self.stages]
        if self.explanation:
            lines += ["", *_wrapped(self.explanation)]
        lines += [f"  {line}" for line in self.source.splitlines()]
        if self.cause:
            lines += ["", *_wrapped(f"Likely cause: {self.cause}")]
        lines += ["", *_wrapped(self.left_out)] if self.left_out else []
        for remark in self.remarks:
            lines += ["", *_wrapped(f"Right, but: {remark}")]
        for title, rows in self.tables():
            lines += ["", *_wrapped(title), *_text_table(rows)]
        lines += ["", *_wrapped(NOTE)] if self.traffic else []
        return printable("\n".join(line.rstrip() for line in lines))

    def _repr_html_(self) -> str:
        from minidl.testing.kernels.page import page

        return page(self)

    def tables(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Return the tables of traffic and of timing that there are, each with its title."""
        return [
            (title, rows) for title, rows in ((self.traffic_of, self.traffic), (self.timing_of, self.timing)) if rows
        ]


class KernelChecks(list[KernelCheck]):
    """The results of several checks: one line each, and the first failure in full."""

    @property
    def passed(self) -> bool:
        """Whether all passed."""
        return all(check.passed for check in self)

    def __repr__(self) -> str:
        width = max([len(check.target) for check in self], default=0)
        lines = [f"{check.target:<{width}}  {check.verdict}" for check in self]
        wrong = next((check for check in self if not check.passed), None)
        return printable("\n".join(lines + (["", repr(wrong)] if wrong else [])))

    def _repr_html_(self) -> str:
        from minidl.testing.kernels.page import preformatted

        return preformatted(repr(self))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _text_table(rows: list[dict[str, Any]]) -> list[str]:
    columns = list(rows[0])
    head, _, *lines = text_table(columns, [list(map(str, row.values())) for row in rows], columns[1:]).split("\n")
    return [f"  {line}" for line in (head, *lines)]
