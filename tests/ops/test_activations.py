"""Activations and erf: gradients by finite differences, corners, numbers far out, errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pointwise import away_from, checked, find, normal, seeds, shapes
from scipy import special

from minidl.errors import ArgumentError, DTypeError
from minidl.ops import activations as act
from minidl.ops.common.error_function import erf
from minidl.testing import check_gradients

SMOOTH = ["gelu", "sigmoid", "tanh", "softplus", "swish"]
ALL = [*SMOOTH, "relu", "relu6", "leaky_relu", "elu", "clipped_relu"]


@checked
@given(shapes(), seeds, st.sampled_from(SMOOTH))
def test_smooth_gradients(shape: tuple[int, ...], seed: int, op: str) -> None:
    check_gradients(*find(op), [np.asarray(2 * normal(shape, seed))])


@checked
@given(shapes(), seeds)
def test_gelu_tanh_form_gradient(shape: tuple[int, ...], seed: int) -> None:
    x = np.asarray(2 * normal(shape, seed))
    check_gradients(act.gelu_forward, act.gelu_backward, [x], {"approximate": True})


@checked
@given(shapes(), seeds, st.sampled_from(["relu", "relu6"]))
def test_relu_gradients(shape: tuple[int, ...], seed: int, op: str) -> None:
    check_gradients(*find(op), [away_from([0.0, 6.0], shape, seed)])


@checked
@given(shapes(), seeds, st.floats(-0.5, 2.0))
def test_leaky_relu_gradient(shape: tuple[int, ...], seed: int, slope: float) -> None:
    x = away_from([0.0], shape, seed)
    check_gradients(act.leaky_relu_forward, act.leaky_relu_backward, [x], {"negative_slope": slope})


@checked
@given(shapes(), seeds, st.floats(0.1, 2.0))
def test_elu_gradient(shape: tuple[int, ...], seed: int, alpha: float) -> None:
    x = away_from([0.0], shape, seed, scale=1.0)
    check_gradients(act.elu_forward, act.elu_backward, [x], {"alpha": alpha})


@checked
@given(shapes(), seeds, st.sampled_from([None, 2.0, 6]), st.floats(0, 0.5), st.floats(0, 1.0))
def test_clipped_relu_gradient(
    shape: tuple[int, ...], seed: int, max_value: float | None, slope: float, threshold: float
) -> None:
    x = away_from([threshold, 2.0, 6.0], shape, seed)
    static = {"max_value": max_value, "negative_slope": slope, "threshold": threshold}
    check_gradients(act.clipped_relu_forward, act.clipped_relu_backward, [x], static)


def test_clipped_relu_slope_at_its_corners() -> None:
    static = {"max_value": 3.0, "negative_slope": 0.25, "threshold": 1.0}
    y, cache = act.clipped_relu_forward(np.array([1.0, 1.001, 2.999, 3.0]), **static)
    np.testing.assert_array_equal(y, [0, 1.001, 2.999, 3])
    np.testing.assert_array_equal(act.clipped_relu_backward(np.ones(4), cache)[0], [0.25, 1, 1, 0])


def test_clipped_relu_holds_the_simpler_ones() -> None:
    x = np.concatenate([3 * normal((50,), 0), [0.0, 6.0]])
    for op, own, settings in (
        ("relu", {}, {}),
        ("relu6", {}, {"max_value": 6}),
        ("leaky_relu", {"negative_slope": 0.1}, {"negative_slope": 0.1}),
    ):
        forward, backward = find(op)
        (y, cache), (general, general_cache) = forward(x, **own), act.clipped_relu_forward(x, **settings)
        np.testing.assert_allclose(general, y, rtol=1e-15)
        np.testing.assert_allclose(act.clipped_relu_backward(y, general_cache)[0], backward(y, cache)[0], rtol=1e-15)


@pytest.mark.parametrize(
    ("op", "at", "slope"),
    [("relu", 0, 0), ("relu6", 0, 0), ("relu6", 6, 0), ("leaky_relu", 0, 0.2), ("elu", 0, 1), ("clipped_relu", 0, 0)],
)
def test_slope_at_corner(op: str, at: float, slope: float) -> None:
    forward, backward = find(op)
    _, cache = forward(np.array([float(at)]))
    assert backward(np.ones(1), cache)[0][0] == slope


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", ALL)
def test_far_out_stays_finite_without_warning(op: str, dtype: type) -> None:
    """Warnings are errors in this suite, so an overflow on the way fails the test too."""
    forward, backward = find(op)
    x = np.array([-1e4, -800, -90, 90, 800, 1e4], dtype)
    for static in [{}, {"approximate": True}] if op == "gelu" else [{}]:
        y, cache = forward(x, **static)
        (dx,) = backward(np.ones_like(x), cache)
        assert np.isfinite(y).all()
        assert np.isfinite(dx).all()
        if op not in {"relu6", "sigmoid", "tanh"}:
            np.testing.assert_allclose(y[-3:], x[-3:], rtol=1e-6)
            np.testing.assert_allclose(dx[-3:], 1)


@pytest.mark.parametrize("op", ["gelu", "swish", "sigmoid", "tanh", "softplus", "relu6", "elu"])
def test_largest_floats_do_not_overflow(op: str) -> None:
    forward, backward = find(op)
    for dtype in (np.float32, np.float64):
        x = np.array([-1, 1], dtype) * np.finfo(dtype).max
        y, cache = forward(x)
        assert not np.isnan(y).any()
        assert not np.isnan(backward(np.ones_like(x), cache)[0]).any()


def test_sigmoid_keeps_the_digits_of_small_values() -> None:
    y, _ = act.sigmoid_forward(np.array([-700.0, -40.0, 0.0, 40.0]))
    np.testing.assert_allclose(y, [math.exp(-700), math.exp(-40), 0.5, 1.0], rtol=1e-14)


def test_softplus_keeps_the_digits_of_small_values() -> None:
    y, _ = act.softplus_forward(np.array([-700.0, -40.0, 0.0]))
    np.testing.assert_allclose(y, [math.exp(-700), math.exp(-40), math.log(2)], rtol=1e-14)


def test_erf_agrees_with_scipy_to_rounding() -> None:
    x = np.concatenate([np.linspace(-7, 7, 20_001), [0.46875, -0.46875, 4.0, -4.0, 1e-300, 1e300, np.inf, -np.inf]])
    np.testing.assert_allclose(erf(x), special.erf(x), rtol=2e-15, atol=0)
    small = x[np.abs(x) < 1e30].astype(np.float32)
    assert erf(small).dtype == np.float32
    np.testing.assert_allclose(erf(small), special.erf(small.astype(np.float64)), rtol=1e-6)


CLIPPED = ({}, {"max_value": 5.0}, {"threshold": 1.0}, {"max_value": 6.0, "negative_slope": 0.3, "threshold": 0.7})


@pytest.mark.parametrize(
    ("op", "static"),
    [*((op, {}) for op in ALL), *(("clipped_relu", s) for s in CLIPPED), ("gelu", {"approximate": True})],
)
def test_a_nan_comes_out_as_a_nan(op: str, static: dict[str, float]) -> None:
    y, _ = find(op)[0](np.array([1.0, np.nan]), **static)
    assert np.isnan(y).tolist() == [False, True]


def test_erf_of_nan_is_nan_and_keeps_shape() -> None:
    assert np.isnan(erf(np.array([[np.nan]]))).all()
    assert erf(np.array(0.5)).shape == ()
    assert erf(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("op", ALL)
def test_integers_raise(op: str) -> None:
    forward, _ = find(op)
    with pytest.raises(DTypeError, match=rf"{op}: x must be float32 or float64\. Got int64 of shape \(3,\)\. .*astype"):
        forward(np.arange(3))


@pytest.mark.parametrize("setting", ["max_value", "negative_slope", "threshold"])
def test_clipped_relu_negative_setting_raises(setting: str) -> None:
    with pytest.raises(ArgumentError, match=f"clipped_relu: {setting} must not be negative. Got -1"):
        act.clipped_relu_forward(np.ones(2), **{setting: -1})


@pytest.mark.parametrize("alpha", [0, -1.0, float("nan")])
def test_elu_alpha_not_positive_raises(alpha: Any) -> None:
    with pytest.raises(ArgumentError, match="elu: alpha must be positive"):
        act.elu_forward(np.ones(2), alpha=alpha)
