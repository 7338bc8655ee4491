"""Runs entries of the bank and compares what the machine says with what it should say."""

from __future__ import annotations

from typing import NamedTuple

from cuda_kernels import simt

from .entry import Entry


class Verdict(NamedTuple):
    """What came of one entry.

    missed : (kind, line) pairs that should have been reported
    extra : (kind, line) pairs that should not
    result_right : whether a right kernel computed what it should (True for a wrong one)
    error : the machine's own error, where it could not run the kernel at all
    """

    entry: Entry
    missed: tuple[tuple[str, int], ...] = ()
    extra: tuple[tuple[str, int], ...] = ()
    result_right: bool = True
    error: str = ""

    @property
    def passed(self) -> bool:
        """Nothing missed, nothing extra, and the result right."""
        return not (self.missed or self.extra or self.error) and self.result_right

    def __str__(self) -> str:
        if self.error:
            return f"{self.entry.name}: {self.error}"
        parts = []
        if self.missed:
            parts.append("missed " + ", ".join(f"{kind} in line {line}" for kind, line in self.missed))
        if self.extra:
            parts.append("false alarm: " + ", ".join(f"{kind} in line {line}" for kind, line in self.extra))
        if not self.result_right:
            parts.append("wrong result")
        return f"{self.entry.name}: {'; '.join(parts) or 'as expected'}"


def judge(entry: Entry) -> Verdict:
    """Launch the entry's kernel with all checks on, and compare the faults with its marks."""
    args = entry.args()
    try:
        report = simt.launch(entry.kernel, entry.grid, entry.block, *args, **entry.options)
    except simt.SimtError as error:
        return Verdict(entry, error=f"{type(error).__name__}: {error}")
    found = {(fault.kind, line) for fault in report.faults for line in fault.lines or (0,)}
    expected = entry.expected()
    result_right = entry.check is None or bool(entry.check(*args))
    return Verdict(entry, tuple(sorted(expected - found)), tuple(sorted(found - expected)), result_right)


def summary(verdicts: list[Verdict]) -> str:
    """Both counts in one line, and a line for each entry that did not go as expected."""
    wrong = [verdict for verdict in verdicts if verdict.entry.is_wrong]
    right = [verdict for verdict in verdicts if not verdict.entry.is_wrong]
    counts = (
        f"wrong kernels: {sum(v.passed for v in wrong)} of {len(wrong)} reported with the right kind "
        f"and line; right kernels: {sum(v.passed for v in right)} of {len(right)} without a false alarm"
    )
    return "\n".join([counts, *(f"  {verdict}" for verdict in verdicts if not verdict.passed)])
