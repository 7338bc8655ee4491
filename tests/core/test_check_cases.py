"""What minidl.check runs: every setting with a second value, rows unlike columns, extremes; and what it leaves out."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from numba import cuda, float32

import minidl
from cuda_kernels.launch import blocks_for, empty, launch
from minidl.backends import table, unregister_kernel
from minidl.backends.students.plans import PLANNERS
from minidl.errors import BackendError
from minidl.ops.op import records
from minidl.ops.pool2d import max_pool2d_forward
from minidl.testing.agreement import wrong_cells, wrong_in_both
from minidl.testing.cases import cases

DEFAULTED = "the default"


def values_of(op):
    """The settings of an op, each with the values that it has in the cases."""
    parameters = inspect.signature(table.load(op, "numpy", "forward")).parameters.values()
    names = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    return {name: {repr(case.static.get(name, DEFAULTED)) for case in cases(op)} for name in names}


@pytest.mark.parametrize("op", sorted(set(records()) - table.HOST_ONLY))
def test_every_setting_has_a_second_value_and_every_op_extremes(op):
    assert any(case.extreme for case in cases(op)) and not cases(op)[-1].extreme
    if op != "reshape":  # which moves nothing
        assert {name: found for name, found in values_of(op).items() if len(found) < 2} == {}


@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d", "conv2d_transpose", "max_pool2d", "average_pool2d"])
def test_windows_have_unequal_rows_and_columns(op):
    found = [case for case in cases(op) if not case.extreme]
    for name in ("strides", "dilation", "pool_size"):
        pairs = {case.static.get(name, (1, 1)) for case in found}
        if name in values_of(op):
            assert any(rows != columns and min(rows, columns) > 1 for rows, columns in pairs), name
            alone = [case for case in found if set(case.static) == {name}]
            assert alone, f"no case of {name} alone"
    if op != "conv2d_transpose":
        sides = [sum(case.static.get("padding", ((0, 0), (0, 0))), ()) for case in found]
        assert any(len(set(four)) == 4 and min(four) > 0 for four in sides)
    assert any(case.inputs[0].shape[0] > 1 and case.inputs[0].shape[1] != case.inputs[0].shape[2] for case in found)


def test_the_cases_of_an_op_are_the_same_each_time():
    for first, second in zip(cases("softmax"), cases("softmax"), strict=True):
        np.testing.assert_array_equal(first.inputs[0], second.inputs[0])
        assert first.static == second.static


# -- when results agree ------------------------------------------------------------------------------------------------


def test_infinities_and_nan_agree_with_themselves_alone():
    inf, nan = np.inf, np.nan
    expected = np.array([inf, -inf, nan, 1, inf, 0])
    got = np.array([inf, inf, nan, nan, 1, -inf], np.float32)
    assert wrong_cells(got, expected, 5e-5).tolist() == [False, True, False, True, True, True]


def test_what_float32_cannot_hold_has_to_be_infinite():
    got = np.array([np.inf, 3e38, np.inf], np.float32)
    assert wrong_cells(got, np.array([1e39, 1e39, 3e38]), 5e-5).tolist() == [False, True, True]


def test_of_extremes_a_huge_cell_excuses_no_other():
    got, expected = np.array([1e30, 2], np.float32), np.array([1e30, 1])
    assert wrong_cells(got, expected, 5e-5).tolist() == [False, False]
    assert wrong_cells(got, expected, 5e-5, by_cell=True).tolist() == [False, True]


def test_either_precision_of_numpy_will_do():
    p = np.float32(1 - 1e-7)  # log1p(-p) differs by 1 % between the two
    exact, rounded = np.log1p(-(1 - 1e-7)).reshape(1), np.log1p(-p).reshape(1)
    for got in (exact.astype(np.float32), rounded):
        assert not wrong_in_both(got, exact, rounded, 5e-5).any()
    assert wrong_in_both(np.float32([-16.05]), exact, rounded, 5e-5).all()


# -- what a kernel does not take ---------------------------------------------------------------------------------------


@pytest.fixture
def checked():
    def check(kernel, given, *inputs, **options):
        minidl.register_kernel(kernel, "partial", given, replace=True, **options)
        return minidl.check(f"{kernel}:partial", *inputs)

    yield check
    for kernel in ("conv2d", "max_pool2d", "power", "relu"):
        if minidl.backends.students.register.student_kernel(kernel, "partial"):
            unregister_kernel(kernel, "partial")


@cuda.jit
def pool_of_rows(x, y, pool_h, pool_w, stride_h):
    i = cuda.grid(1)
    if i < y.size:
        c = i % y.shape[3]
        q = i // y.shape[3] % y.shape[2]
        p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = i // (y.shape[3] * y.shape[2] * y.shape[1])
        largest = x[n, p * stride_h, 2 * q, c]
        for r in range(pool_h):
            for s in range(pool_w):
                largest = max(largest, x[n, p * stride_h + r, 2 * q + s, c])
        y[n, p, q, c] = largest


def test_a_number_that_is_not_asked_for_leaves_out_the_cases_that_need_it(checked):
    result = checked("max_pool2d", pool_of_rows)
    assert result.passed and list(result.not_checked) == ["strides", "padding"]
    assert result.verdict == "passed for pool_size"
    assert "Not checked: strides, padding." in repr(result) and "Not checked" in result._repr_html_()
    x = np.arange(48, dtype=np.float32).reshape(1, 6, 8, 1)
    with minidl.using(max_pool2d_forward="simt:partial"):
        down = minidl.functional.max_pool2d(x, strides=(3, 2))  # of the columns the default
        np.testing.assert_array_equal(down.numpy(), max_pool2d_forward(x, strides=(3, 2))[0])
        with pytest.raises(BackendError, match=r"takes no 'strides'.*Got \(1, 1\).*Ask for stride_w among"):
            minidl.functional.max_pool2d(x, strides=(1, 1))


def test_where_every_case_is_left_out_nothing_has_passed(checked):
    @cuda.jit
    def squares(x, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = x[i] * x[i]

    result = checked("power", squares)
    assert result.failed_stage == "runs" and "none of the" in result.explanation
    assert "Left out: exponent" in result.explanation and "Take the setting" in result.cause
    own = np.ones(3, np.float32)
    minidl.register_kernel("power", "partial", lambda x: x, replace=True)
    assert minidl.check("power:partial", own, exponent=1.0).failed_stage == "runs"


def test_a_kernel_with_all_its_settings_leaves_nothing_out():
    result = minidl.check("max_pool2d:r1")
    assert result.verdict == "passed" and result.left_out == ""


def test_what_a_message_advises_can_be_registered():
    """Every setting that a kernel alone may be asked for has its numbers among those that it may ask for."""
    for kernel, plan in PLANNERS.items():
        for setting, numbers in plan.settings.items():
            assert set(numbers) <= set(plan.numbers), (kernel, setting)
    for op in ("conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d", "clip", "gelu", "elu", "power"):
        taken = set(PLANNERS[op].settings)
        assert set(values_of(op)) <= taken, op


def test_groups_are_a_number(checked):
    @cuda.jit
    def conv2d(x, w, y, groups):
        i = cuda.grid(1)
        if i < y.size:
            k = i % y.shape[3]
            q = i // y.shape[3] % y.shape[2]
            p = i // (y.shape[3] * y.shape[2]) % y.shape[1]
            n = i // (y.shape[3] * y.shape[2] * y.shape[1])
            first = k // (y.shape[3] // groups) * w.shape[2]
            total = float32(0)
            for r in range(w.shape[0]):
                for s in range(w.shape[1]):
                    for c in range(w.shape[2]):
                        total += x[n, p + r, q + s, first + c] * w[r, s, c, k]
            y[n, p, q, k] = total

    result = checked("conv2d", conv2d)
    assert result.verdict == "passed for groups" and list(result.not_checked) == ["strides", "padding", "dilation"]


def test_no_bound_is_an_infinite_number(checked):
    @cuda.jit
    def clip(x, y, size, low, high):
        i = cuda.grid(1)
        if i < size:
            y[i] = min(max(x[i], low), high)

    minidl.register_kernel("clip", "partial", clip, replace=True)
    try:
        with minidl.using(clip_forward="simt:partial"):
            assert minidl.functional.clip([-9.0, 9.0], 0.0, None).numpy().tolist() == [0, 9]
            assert minidl.functional.clip([-9.0, 9.0], None, 0.0).numpy().tolist() == [-9, 0]
    finally:
        unregister_kernel("clip", "partial")


# -- host functions ----------------------------------------------------------------------------------------------------


@cuda.jit
def relu_part(x, y, first, last):
    i = first + cuda.grid(1)
    if i < last:
        y[i] = max(x[i], float32(0))


def in_halves(x, *, on=None):
    y, half = empty(x.shape, like=x), x.size // 2
    for first, last in ((0, half), (half, x.size)):
        launch(relu_part, blocks_for(x.size, 128), 128, x.reshape(-1), y.reshape(-1), first, last, on=on)
    return y


def into_zeros(x, *, on=None):
    y = np.zeros_like(x)
    launch(relu_positive, blocks_for(x.size, 128), 128, x.reshape(-1), y.reshape(-1), x.size, on=on)
    return y


def into_nothing(x, *, on=None):
    y = empty(x.shape, like=x)
    launch(relu_positive, blocks_for(x.size, 128), 128, x.reshape(-1), y.reshape(-1), x.size, on=on)
    return y


@cuda.jit
def relu_positive(x, y, size):
    i = cuda.grid(1)
    if i < size and x[i] > float32(0):
        y[i] = x[i]


@pytest.mark.parametrize("run, stage", [(in_halves, None), (into_zeros, None), (into_nothing, "machine")])
def test_an_output_is_left_unwritten_only_where_nothing_stands_in_it(checked, run, stage):
    assert checked("relu", run).failed_stage == stage
