"""The small cases of every op that has kernels: (op, inputs, settings)."""

from __future__ import annotations

from minidl.ops.op import records
from minidl.testing.cases import small_cases

CASES = [
    (op.name, case.inputs, case.static)
    for op in records().values() if not op.host_only
    for case in small_cases(op.name)
]  # fmt: skip
