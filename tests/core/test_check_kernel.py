"""minidl.check: wrong kernels fail at the right stage with a sentence that names the cause; right ones pass."""

from __future__ import annotations

import re

import numpy as np
import pytest
from student_rungs import RIGHT, WRONG, gemm, relu, relu_no_guard

import minidl
from minidl.backends import unregister_kernel
from minidl.errors import ArgumentError, UnknownNameError
from minidl.lens.timing.rooflines import Roofline


def checked(kernel, given, options, *inputs, **static):
    minidl.register_kernel(kernel, "under_test", given, replace=True, **options)
    try:
        return minidl.check(f"{kernel}:under_test", *inputs, **static)
    finally:
        unregister_kernel(kernel, "under_test")


IDS = [f"{kernel}-{getattr(given, '__name__', '')}-{k}" for k, (kernel, given, *_) in enumerate(WRONG)]


@pytest.mark.parametrize("kernel, given, options, stage, sentence", WRONG, ids=IDS)
def test_a_wrong_kernel_fails_at_its_stage_and_is_explained(kernel, given, options, stage, sentence):
    result = checked(kernel, given, options)
    assert not result.passed
    assert re.fullmatch(stage, result.failed_stage), result
    assert re.search(sentence, f"{result.explanation} {result.cause}"), result


@pytest.mark.parametrize("kernel, given, options", RIGHT)
def test_a_right_kernel_passes_every_stage(kernel, given, options):
    result = checked(kernel, given, options)
    assert result.passed, result
    assert [stage.name for stage in result.stages] == [
        "runs",
        "machine",
        "values",
        "gradient",
        "compiles",
        "compiled",
        "any order",
        "traffic",
        "timing",
    ]


def test_the_report_prints_in_a_terminal_and_a_notebook():
    result = checked("relu", relu_no_guard, {})
    text, page = repr(result), result._repr_html_()
    assert text.startswith("relu:under_test: FAILED at 'machine'")
    assert "y[i] = max(x[i], float32(0))" in text and "Likely cause: Threads without an element" in text
    assert "✗ FAILED" in page and "<pre>" in page and "&" in page
    assert "<code>if i &lt; size:</code>" in page  # a cause's code is shown as code, not between backticks
    assert max(map(len, text.splitlines())) <= 110
    passed = checked("relu", relu, {})
    assert "r2_wide" in repr(passed) and "under_test &lt;-" in passed._repr_html_()


def test_without_a_gpu_the_timing_says_so():
    from cuda_kernels.launch import gpu_problem

    timing = checked("relu", relu, {}).stages[-1]
    if gpu_problem():
        assert timing.verdict == "not run" and timing.text.startswith("not run on a GPU: ")
    else:
        assert timing.verdict == "passed"


@pytest.mark.parametrize("target", ["relu:r2", "softmax_backward:r1", "reduce_max:r2_shared_tree", "pad:r1_index"])
def test_rungs_of_the_ladder_pass(target):
    result = minidl.check(target)
    assert result.passed, result
    assert result.target.startswith(target)


def test_every_kernel_of_the_ladders_has_a_case_that_calls_it():
    from cuda_kernels import ladder
    from minidl.testing.kernels.figures import record
    from minidl.testing.kernels.runs import cases_of, ops_with

    for kernel in ladder.ops():
        run = ladder.rungs(kernel)[0].run
        assert any(record(kernel, run, op, case) for op in ops_with(kernel) for case in cases_of(op, None)), kernel


def test_an_op_alone_checks_numpy_and_every_rung():
    found = minidl.check("relu")
    assert found.passed
    assert [check.target for check in found] == [
        "relu on numpy", "relu:r1_scalar", "relu:r2_wide", "relu_backward:r1_scalar", "relu_backward:r2_wide"
    ]  # fmt: skip
    assert repr(found).splitlines()[1].split() == ["relu:r1_scalar", "passed"]


def test_inputs_of_ones_own_take_the_place_of_the_cases():
    x = np.array([[-1.0, 2.0]], np.float32)
    result = checked("relu", relu, {}, x)
    assert result.passed and "1 calls of the kernel, over 1 awkward cases" in result.stages[0].text


def test_an_op_of_ones_own_is_checked_on_given_inputs():
    minidl.register_op("cube_checked", lambda x: (x**3, x), lambda dy, x: (dy * x**2,), replace=True)
    result = minidl.check("cube_checked", np.array([1.0, 2.0], np.float32))
    assert not result.passed and "ratio 3" in repr(result)
    with pytest.raises(ArgumentError, match="give inputs"):
        minidl.check("cube_checked")


def test_names_that_do_not_exist_are_errors():
    with pytest.raises(UnknownNameError, match="unknown kernel: 'gem'. Did you mean 'gemm'"):
        minidl.check("gem:mine")
    with pytest.raises(UnknownNameError, match="unknown rung of gemm: 'r99'.*'r1_naive'"):
        minidl.check("gemm:r99")
    with pytest.raises(ArgumentError, match="'dense' is computed by other kernels. Check gemm:mine"):
        minidl.check("dense:mine")
    with pytest.raises(ArgumentError, match="name the kernel and its rung"):
        minidl.check("simt:gemm")


FAKE_GPU = Roofline("NVIDIA H200", 67e12, 4e12, 4e12, 0, "given, so that nothing here is a measurement")


def faked_gpu(monkeypatch, answer=None):
    """Let the timing stage run on the SIMT machine's results, with given times."""
    from cuda_kernels import launch
    from minidl.testing.kernels import figures

    def calls(kernel, rung, op, case):
        found = figures.record(kernel, figures.host_function(kernel, rung), op, case)
        return (
            [call._replace(result=answer) for call in found] if answer is not None and rung == "under_test" else found
        )

    monkeypatch.setattr(launch, "gpu_problem", lambda: None)
    monkeypatch.setattr(figures, "LARGE", {})
    monkeypatch.setattr(figures, "_gpu_calls", calls)
    monkeypatch.setattr(figures, "roofline", lambda device: FAKE_GPU)
    monkeypatch.setattr(figures, "median_seconds", lambda run: 1e-6)


def test_on_a_gpu_each_rung_is_timed_beside_a_copy(monkeypatch):
    faked_gpu(monkeypatch)
    result = checked("gemm", gemm, {})
    assert result.stages[-1].verdict == "passed" and "NVIDIA H200" in result.timing_of
    mine = result.timing[0]
    nbytes, flops = 4 * (64 * 48 + 48 * 80 + 64 * 80), 2 * 64 * 48 * 80
    assert mine["rung"] == "under_test <-" and mine["ms"] == "0.001"
    assert mine["GB/s"] == f"{nbytes / 1e-6 / 1e9:,.0f}" and mine["of copy"] == f"{nbytes / 1e-6 / 4e12:.0%}"
    assert mine["TFLOP/s"] == f"{flops / 1e-6 / 1e12:.1f}" and mine["of peak"] == f"{flops / 1e-6 / 67e12:.0%}"
    assert len(result.timing) == 12


def test_values_that_differ_on_the_gpu_alone_fail_there(monkeypatch):
    faked_gpu(monkeypatch, answer=np.ones(1031, np.float32))
    result = checked("relu", relu, {})
    assert result.failed_stage == "timing" and "on the SIMT machine they did not" in result.explanation
