"""The small cases of every op that has kernels, (op, inputs, settings), and the devices that run them without a GPU."""

from __future__ import annotations

import pytest

from minidl.backends.devices.facts import DEVICES
from minidl.ops.op import records
from minidl.testing.cases import small_cases

CASES = [
    (op.name, case.inputs, case.static)
    for op in records().values() if not op.host_only
    for case in small_cases(op.name)
]  # fmt: skip

NO_PTX = DEVICES["ptx"].why_not()
# Compiling hundreds of kernels takes minutes: `make check` does it.
PTX = pytest.param("ptx", marks=[pytest.mark.slow, pytest.mark.skipif(bool(NO_PTX), reason=f"NOT RUN: {NO_PTX}")])
on_each_device = pytest.mark.parametrize("device", ["simt", PTX])
