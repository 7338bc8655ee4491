"""Dropout: which elements stay, what they become, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.ops.common.philox import philox_uniform
from minidl.ops.dropout import dropout_backward, dropout_forward, kept_elements
from minidl.testing import check_gradients


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    shape=st.lists(st.integers(1, 4), max_size=4),
    rate=st.floats(0, 0.95),
    seed=st.integers(0, 2**64 - 1),
    offset=st.integers(0, 2**40),
)
def test_dropout_gradient_agrees_with_finite_differences(shape: list[int], rate: float, seed: int, offset: int) -> None:
    static = {"rate": rate, "seed": seed, "offset": offset}
    check_gradients(dropout_forward, dropout_backward, [normal(*shape)], static)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(rate=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_dropout_keeps_where_the_uniform_number_reaches_the_rate(rate: float, seed: int) -> None:
    keep = kept_elements(101, rate, seed, 3)
    np.testing.assert_array_equal(keep, philox_uniform(seed, 3, 101, np.float64) >= rate)


@pytest.mark.parametrize("rate", [0.0, 2.0**-24, 0.5, 1 - 2.0**-24, 1.0])
def test_dropout_threshold_is_exact_at_the_grid_of_the_uniform_numbers(rate: float) -> None:
    np.testing.assert_array_equal(kept_elements(999, rate, 1, 0), philox_uniform(1, 0, 999, np.float64) >= rate)


def test_dropout_threshold_is_exact_between_the_uniform_numbers() -> None:
    u = philox_uniform(1, 0, 50, np.float64)
    for i in range(50):
        assert kept_elements(50, u[i], 1, 0)[i]
        assert not kept_elements(50, u[i] + 2.0**-25, 1, 0)[i]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropout_scales_what_it_keeps_and_keeps_the_dtype(dtype: type) -> None:
    x = normal(3, 5, 7).astype(dtype)
    before = x.copy()
    y, cache = dropout_forward(x, rate=0.25, seed=1, offset=2)
    np.testing.assert_array_equal(x, before)
    keep = philox_uniform(1, 2, x.size).reshape(x.shape) >= 0.25
    assert 0 < keep.sum() < x.size
    np.testing.assert_allclose(y, np.where(keep, x / 0.75, 0), rtol=1e-6)
    (dx,) = dropout_backward(x, cache)
    assert y.dtype == dx.dtype == dtype
    np.testing.assert_array_equal(dx, y)


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    y, _ = dropout_forward(np.ones(200_000), rate=0.3, seed=5, offset=0)
    assert abs((y == 0).mean() - 0.3) < 4 * np.sqrt(0.21 / y.size)
    assert abs(y.mean() - 1) < 4 * np.sqrt(0.3 / 0.7 / y.size)


def test_dropout_of_another_offset_or_seed_drops_others() -> None:
    x = np.ones(64)
    masks = {dropout_forward(x, rate=0.5, seed=s, offset=o)[0].tobytes() for s in (0, 1) for o in (0, 1, 2)}
    assert len(masks) == 6


def test_dropout_is_the_identity_at_rate_0_and_zero_at_rate_1() -> None:
    x = normal(4, 3)
    np.testing.assert_array_equal(dropout_forward(x, rate=0, seed=0, offset=0)[0], x)
    y, cache = dropout_forward(x, rate=1, seed=0, offset=0)
    np.testing.assert_array_equal(y, np.zeros_like(x))
    np.testing.assert_array_equal(dropout_backward(x, cache)[0], np.zeros_like(x))


def test_dropout_noise_shape_drops_whole_channels() -> None:
    x = 1 + np.abs(normal(6, 2, 3, 5))
    static = {"rate": 0.5, "seed": 3, "offset": 0, "noise_shape": (None, 1, 1, None)}
    y, cache = dropout_forward(x, **static)
    assert cache.keep.shape == (6, 1, 1, 5)
    channels = (y != 0).any((1, 2))
    assert 0 < channels.sum() < 30
    np.testing.assert_allclose(y, 2 * x * channels[:, None, None])
    check_gradients(dropout_forward, dropout_backward, [x[:2]], static)


def test_dropout_of_an_empty_array_is_empty() -> None:
    assert dropout_forward(np.ones((0, 3)), rate=0.5, seed=0, offset=0)[0].shape == (0, 3)


@pytest.mark.parametrize("rate", [-0.1, 25, float("nan")])
def test_dropout_rejects_a_rate_that_is_no_share(rate: float) -> None:
    with pytest.raises(ArgumentError, match=r"dropout: rate must lie in \[0, 1\]. Got .* 0.25 for 25 percent"):
        dropout_forward(np.ones(3), rate=rate, seed=0, offset=0)


@pytest.mark.parametrize("noise_shape", [(3,), (2, 2), (1, None, 1)])
def test_dropout_rejects_a_noise_shape_that_does_not_fit(noise_shape: tuple[int | None, ...]) -> None:
    with pytest.raises(ShapeError, match=r"noise_shape must have x's rank.* for x \(4, 3\)"):
        dropout_forward(np.ones((4, 3)), rate=0.5, seed=0, offset=0, noise_shape=noise_shape)


def test_dropout_rejects_integers() -> None:
    with pytest.raises(DTypeError, match="dropout: x must be float32 or float64. Got int64"):
        dropout_forward(np.arange(3), rate=0.5, seed=0, offset=0)
