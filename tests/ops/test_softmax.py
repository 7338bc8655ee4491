"""softmax and log_softmax: gradients by finite differences, extreme scores, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pointwise import checked, find, normal, seeds, shapes

from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.ops.softmaxes import log_softmax_backward, log_softmax_forward, softmax_backward, softmax_forward
from minidl.testing import check_gradients

BOTH = ["softmax", "log_softmax"]


@checked
@given(st.data(), shapes(min_rank=1), seeds, st.sampled_from(BOTH))
def test_gradients_on_any_axis(data: Any, shape: tuple[int, ...], seed: int, op: str) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    check_gradients(*find(op), [normal(shape, seed)], {"axis": axis})


@checked
@given(shapes(min_rank=1), seeds)
def test_softmax_adds_up_to_one_and_is_exp_of_log_softmax(shape: tuple[int, ...], seed: int) -> None:
    x = 20 * normal(shape, seed)
    y, _ = softmax_forward(x)
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-14)
    np.testing.assert_allclose(np.exp(log_softmax_forward(x)[0]), y, rtol=1e-12)


@checked
@given(shapes(min_rank=1), seeds, st.sampled_from([-1e4, -7.0, 1e4]))
def test_adding_a_constant_changes_nothing(shape: tuple[int, ...], seed: int, constant: float) -> None:
    x = normal(shape, seed)
    np.testing.assert_allclose(softmax_forward(x + constant)[0], softmax_forward(x)[0], rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_scores_stay_finite_without_warning(dtype: type) -> None:
    x = np.array([[-1e4, 1e4, 0.0], [1e4, 1e4, -1e4]], dtype)
    y, cache = softmax_forward(x)
    np.testing.assert_array_equal(y, [[0, 1, 0], [0.5, 0.5, 0]])
    assert np.isfinite(softmax_backward(np.ones_like(x), cache)[0]).all()
    y, cache = log_softmax_forward(x)
    np.testing.assert_allclose(y, [[-2e4, 0, -1e4], [-np.log(2), -np.log(2), -2e4 - np.log(2)]], rtol=1e-6)
    np.testing.assert_allclose(log_softmax_backward(np.ones_like(x), cache)[0], [[1, -2, 1], [-0.5, -0.5, 1]])


def test_minus_infinity_is_a_masked_class() -> None:
    y, _ = softmax_forward(np.array([0.0, -np.inf, 0.0]))
    np.testing.assert_array_equal(y, [0.5, 0, 0.5])


@pytest.mark.parametrize("op", BOTH)
def test_bad_inputs_raise(op: str) -> None:
    forward, _ = find(op)
    with pytest.raises(ArgumentError, match=rf"{op}: axis must lie in \[-2, 2\)\. Got 2 for shape \(2, 3\)\. .*rank"):
        forward(np.ones((2, 3)), axis=2)
    with pytest.raises(ArgumentError, match=rf"{op}: axis must be an integer\. Got None"):
        forward(np.ones((2, 3)), axis=None)
    with pytest.raises(ArgumentError, match=rf"{op}: axis must lie in \[0, 0\)"):
        forward(np.array(1.0))
    with pytest.raises(ShapeError, match=rf"{op}: axis 1 must have at least one class\. Got shape \(2, 0\)"):
        forward(np.ones((2, 0)))
    with pytest.raises(DTypeError, match=rf"{op}: x must be float32 or float64\. Got int64"):
        forward(np.ones((2, 3), np.int64))


@pytest.mark.parametrize("op", BOTH)
def test_empty_batch_passes(op: str) -> None:
    forward, backward = find(op)
    y, cache = forward(np.ones((0, 3)))
    assert y.shape == (0, 3)
    assert backward(y, cache)[0].shape == (0, 3)
