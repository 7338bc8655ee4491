"""Faults that were planted, survived, and change nothing that a program or a reader could notice.

An entry: the file's name, the line as it stands, what stands there instead, and why it is the same.
"""

from __future__ import annotations

from tests.mutants.faults import Fault

SAME: list[tuple[str, str, str, str]] = []


def reason_of(fault: Fault, source: str) -> str:
    """Why the fault means nothing, "" if it is not in the list. A file may move; its lines tell it."""
    before, after = ([line[1:].strip() for line in fault.diff(source).splitlines() if line.startswith(mark)]
                     for mark in "-+")  # fmt: skip
    for _, old, new, reason in SAME:
        if before == [old] and after == [new]:
            return reason
    return ""
