"""minidl.check rejects every wrong kernel of the bank and no right one. Of each kernel the first is quick to try."""

from __future__ import annotations

import pytest

import minidl
from minidl.backends import unregister_kernel
from student_kernels import (  # noqa: F401  each fills the bank
    activations,
    losses,
    normalizations,
    pairs,
    products,
    recurrent,
    reductions,
    shapes,
    softmaxes,
    updates,
    windows,
)
from student_kernels.bank import RIGHT, WRONG

LONG = ("simple_rnn", "lstm", "gru")  # the ladder's own take a second on the SIMT machine


def parameters(entries):
    """The entries, all but the first of each kernel marked as slow."""
    seen = {name for kernel in LONG for name in (kernel, f"{kernel}_backward")}
    for entry in entries:
        marks = [pytest.mark.slow] if entry.kernel in seen else []
        seen.add(entry.kernel)
        yield pytest.param(entry, id=entry.name, marks=marks)


def checked(entry):
    minidl.register_kernel(entry.kernel, "of_the_bank", entry.given, replace=True, **entry.options)
    try:
        return minidl.check(f"{entry.kernel}:of_the_bank")
    finally:
        unregister_kernel(entry.kernel, "of_the_bank")


@pytest.mark.parametrize("entry", [*parameters(WRONG)])
def test_a_wrong_kernel_is_rejected(entry):
    result = checked(entry)
    assert result.failed_stage in entry.at, result


@pytest.mark.parametrize("entry", [*parameters(RIGHT)])
def test_a_right_kernel_passes(entry):
    result = checked(entry)
    assert result.passed, result


def test_the_bank_covers_every_family(record_property):
    from minidl.ops.op import records

    print(f"{len(WRONG)} wrong kernels, {len(RIGHT)} right ones")
    record_property("wrong kernels", len(WRONG))
    record_property("right kernels", len(RIGHT))
    tried = {entry.kernel for entry in WRONG}
    families: dict[str, set[str]] = {}
    for op in records().values():
        families.setdefault(op.file, set()).update(op.all_kernels)
    assert not [file for file, kernels in families.items() if kernels and not kernels & tried]
    assert len(WRONG) >= 300 and len(RIGHT) >= 100
    assert len({entry.name for entry in WRONG}) == len(WRONG)
