"""Faults that were planted, survived, and change nothing that a program or a reader could notice.

An entry: the file's name, the line as it stands, what stands there instead, and why it is the same.
"""

from __future__ import annotations

from tests.mutants.faults import Fault

SAME: list[tuple[str, str, str, str]] = [
    (
        "minidl/callbacks/checkpoint.py",
        "if optimizer is not None and not optimizer.built:",
        "if optimizer is not None or not optimizer.built:",
        "building a second time does nothing, and a model in fit has an optimizer",
    ),
    (
        "cuda_kernels/simt/host/api.py",
        "portable: bool = False, wc: bool = False) -> HostVisibleArray:",
        "portable: bool = True, wc: bool = False) -> HostVisibleArray:",
        "the machine has one host and one device: it looks at no such flag",
    ),
    (
        "minidl/models/saving/legacy_h5.py",
        "tuple(a.shape) == v.shape for a, v in zip(arrays[:2], own[:2], strict=True)",
        "tuple(a.shape) == v.shape for a, v in zip(arrays[:2], own[:2], strict=False)",
        "both have three entries, as the line above asks",
    ),
]


def reason_of(fault: Fault, source: str) -> str:
    """Why the fault means nothing, "" if it is not in the list. A file may move; its lines tell it."""
    before, after = ([line[1:].strip() for line in fault.diff(source).splitlines() if line.startswith(mark)]
                     for mark in "-+")  # fmt: skip
    for _, old, new, reason in SAME:
        if before == [old] and after == [new]:
            return reason
    return ""
