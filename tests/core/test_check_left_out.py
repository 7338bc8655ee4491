"""minidl.check of host functions that take not all of a kernel's settings: what they take is checked, the rest told."""

from __future__ import annotations

import numpy as np
import pytest
from numba import cuda, float32

import minidl
from cuda_kernels.launch import empty
from minidl.backends import unregister_kernel


def checked(kernel, given, *inputs, **static):
    minidl.register_kernel(kernel, "under_test", given, replace=True)
    try:
        return minidl.check(f"{kernel}:under_test", *inputs, **static)
    finally:
        unregister_kernel(kernel, "under_test")


@cuda.jit
def add_up(x, y):
    total = float32(0)
    for i in range(x.size):
        total += x[i]
    y[0] = total


@cuda.jit
def positions(x, y):
    row = cuda.grid(1)
    if row < x.shape[0]:
        best = 0
        for col in range(1, x.shape[1]):
            if x[row, col] > x[row, best]:
                best = col
        y[row] = best


@cuda.jit
def side_by_side(a, b, y, cols_a, cols_b):
    i = cuda.grid(1)
    if i < y.size:
        row, col = i // (cols_a + cols_b), i % (cols_a + cols_b)
        y[i] = a[row * cols_a + col] if col < cols_a else b[row * cols_b + col - cols_a]


@cuda.jit
def turned(x, y):
    col, row = cuda.grid(2)
    if row < x.shape[0] and col < x.shape[1]:
        y[col, row] = x[row, col]


def whole_sum(x):
    y = empty((), like=x)
    add_up[1, 1](x.reshape(-1), y.reshape(1))
    return y


def last_argmax(x):
    rows, y = x.size // x.shape[-1], empty(x.shape[:-1], like=x, dtype=np.int64)
    positions[(rows + 31) // 32, 32](x.reshape(rows, -1), y.reshape(rows))
    return y


def two_arrays(a, b):
    y = empty((*a.shape[:-1], a.shape[-1] + b.shape[-1]), like=a)
    side_by_side[(y.size + 63) // 64, 64](a.reshape(-1), b.reshape(-1), y.reshape(-1), a.shape[-1], b.shape[-1])
    return y


def matrix_transpose(x):
    y = empty(x.shape[::-1], like=x)
    turned[((x.shape[1] + 15) // 16, (x.shape[0] + 15) // 16), (16, 16)](x, y)
    return y


@pytest.mark.parametrize(
    "kernel, given, left_out",
    [("reduce_sum", whole_sum, "axes"), ("argmax", last_argmax, "axis"), ("concatenate", two_arrays, "axis")],
)
def test_an_axis_that_is_the_default_by_another_name_is_checked(kernel, given, left_out):
    result = checked(kernel, given)
    assert result.passed and left_out in result.not_checked, result
    assert result.verdict == "passed for the default settings alone"


def test_more_arrays_than_a_function_takes_are_named_as_such():
    assert "more than 2 arrays" in checked("concatenate", two_arrays).not_checked


def test_a_matrix_kernel_is_told_of_the_case_with_more_axes():
    result = checked("transpose", matrix_transpose)
    assert result.failed_stage == "runs" and "for matrices alone" in result.cause
    assert checked("transpose", matrix_transpose, np.ones((33, 20), np.float32)).passed


def test_a_function_that_needs_gamma_is_checked_where_there_is_one():
    @cuda.jit
    def normalized(x, gamma, beta, mean, variance, y, inv_std, epsilon):
        c = cuda.grid(1)
        if c < gamma.size:
            scale = float32(1) / (variance[c] + epsilon) ** float32(0.5)
            inv_std[c] = scale
            for row in range(x.size // gamma.size):
                i = row * gamma.size + c
                y[i] = (x[i] - mean[c]) * scale * gamma[c] + beta[c]

    def inference(x, gamma, beta, mean, variance, *, epsilon=1e-3):
        y, inv_std = empty(x.shape, like=x), empty(mean.shape, like=x)
        normalized[(gamma.size + 31) // 32, 32](
            x.reshape(-1), gamma, beta, mean, variance, y.reshape(-1), inv_std, float32(epsilon)
        )
        return y, inv_std

    result = checked("batch_norm_inference", inference)
    assert result.passed and {"gamma=None", "beta=None"} & set(result.not_checked), result


def test_an_assert_of_ones_own_is_named():
    def rows_alone(x, *, axis=-1):
        assert axis == x.ndim - 1
        return last_argmax(x)

    result = checked("argmax", rows_alone)
    assert result.failed_stage == "runs" and "An assert of your own refuses this case" in result.cause
    assert "raises AssertionError" in result.explanation and not result.explanation.endswith(": ")


def test_states_that_are_none_are_not_returned():
    @cuda.jit
    def descend(w, dw, y, rate):
        i = cuda.grid(1)
        if i < w.size:
            y[i] = w[i] - rate * dw[i]

    def sgd(w, dw, velocity, *, learning_rate):
        y = empty(w.shape, like=w)
        descend[(w.size + 63) // 64, 64](w.reshape(-1), dw.reshape(-1), y.reshape(-1), float32(learning_rate))
        return y, velocity

    assert "return (w,) where no state was given" in checked("sgd_update", sgd).cause
