"""The bank: every wrong kernel is reported with the right kind and lines, every right one without a false alarm."""

import re

import pytest

from cuda_kernels import simt

from . import RIGHT, WRONG, judge, summary
from .__main__ import main


@pytest.mark.parametrize("entry", WRONG, ids=lambda entry: entry.name)
def test_wrong_kernel_is_reported_with_the_right_kind_and_lines(entry):
    verdict = judge(entry)
    assert verdict.passed, str(verdict)


@pytest.mark.parametrize("entry", RIGHT, ids=lambda entry: entry.name)
def test_right_kernel_raises_no_false_alarm_and_computes_what_it_should(entry):
    verdict = judge(entry)
    assert verdict.passed, str(verdict)


def test_bank_is_as_large_and_as_broad_as_it_says():
    assert len(WRONG) >= 45 and len(RIGHT) >= 45
    assert len({entry.name for entry in WRONG + RIGHT}) == len(WRONG) + len(RIGHT)
    kinds = [kind for entry in WRONG for kind in {kind for kind, _ in entry.expected()}]
    assert {kind: kinds.count(kind) >= 4 for kind in simt.KINDS} == dict.fromkeys(simt.KINDS, True)
    assert not any(entry.expected() for entry in RIGHT)


def test_fault_messages_are_one_plain_sentence_that_says_who_and_where():
    for entry in WRONG:
        for fault in simt.launch(entry.kernel, entry.grid, entry.block, *entry.args(), **entry.options).faults:
            message = f"{entry.name}: {fault.message}"
            assert fault.message.endswith((".", "?")) and "\n" not in fault.message, message
            assert len(fault.message) < 400, message
            if fault.array is not None:
                assert fault.array in fault.message, message
            if fault.kind in ("out-of-bounds", "race", "uninitialised-read"):
                if "reads variable" not in fault.message:  # which has no index
                    assert fault.index is not None and ", ".join(map(str, fault.index)) in fault.message, message
                assert re.search(r"thread", fault.message) and re.search(r"block", fault.message), message
                assert all(str(line) in fault.message for line in fault.lines), message
                assert fault.threads and fault.blocks, message
            if fault.kind != "bad-launch":
                assert fault.source.strip(), message
                for line in fault.lines:
                    assert f"{line} |" in fault.source, message


def test_strict_raises_the_first_fault():
    entry = next(entry for entry in WRONG if entry.name == "guard_with_less_or_equal")
    with pytest.raises(simt.KernelFault, match="out-of-bounds") as caught:
        simt.launch(entry.kernel, entry.grid, entry.block, *entry.args(), strict=True)
    assert caught.value.fault.kind == "out-of-bounds"


def test_summary_counts_and_names_the_misses():
    passed, failed = judge(RIGHT[0]), judge(WRONG[0])._replace(missed=(("race", 7),), extra=(("float64", 9),))
    assert summary([passed, failed]) == (
        "wrong kernels: 0 of 1 reported with the right kind and line; "
        "right kernels: 1 of 1 without a false alarm\n"
        f"  {WRONG[0].name}: missed race in line 7; false alarm: float64 in line 9"
    )


def test_command_prints_both_counts(capsys):
    assert main() == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == (
        f"wrong kernels: {len(WRONG)} of {len(WRONG)} reported with the right kind and line; "
        f"right kernels: {len(RIGHT)} of {len(RIGHT)} without a false alarm"
    )
