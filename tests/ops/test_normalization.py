"""Batch and layer normalization: gradients, statistics, and the traps of large means and constant channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.ops.normalization import (
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_inference_backward,
    batch_norm_inference_forward,
    layer_norm_backward,
    layer_norm_forward,
)
from minidl.testing import check_gradients

checked = settings(max_examples=20, deadline=None, derandomize=True)
flags = st.booleans()
seeds = st.integers(0, 999)


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, 1.5, shape)


@checked
@given(
    lead=st.lists(st.integers(1, 4), min_size=1, max_size=3), c=st.integers(1, 4), scale=flags, center=flags, seed=seeds
)
def test_batch_norm_gradients_agree_with_finite_differences(
    lead: list[int], c: int, scale: bool, center: bool, seed: int
) -> None:
    gamma, beta = draw(seed + 1, c) if scale else None, draw(seed + 2, c) if center else None
    arrays = [draw(seed, *lead, c), gamma, beta]
    check_gradients(batch_norm_forward, batch_norm_backward, arrays, {"epsilon": 0.1}, atol=1e-6)


@pytest.mark.parametrize(
    "used", [(True, False, False), (False, True, False), (False, False, True), (True, False, True)]
)
def test_batch_norm_backward_takes_none_for_unused_outputs(used: tuple[bool, ...]) -> None:
    x, gamma, beta = draw(0, 5, 3, 2), draw(1, 2), draw(2, 2)
    outputs, cache = batch_norm_forward(x, gamma, beta)
    dy = [draw(3 + i, *y.shape) for i, y in enumerate(outputs)]
    got = batch_norm_backward(tuple(d if use else None for d, use in zip(dy, used, strict=True)), cache)
    zeroed = batch_norm_backward(tuple(d * use for d, use in zip(dy, used, strict=True)), cache)
    for with_none, with_zeros in zip(got, zeroed, strict=True):
        np.testing.assert_allclose(with_none, with_zeros, rtol=1e-12, atol=1e-14)


@checked
@given(
    lead=st.lists(st.integers(1, 3), min_size=1, max_size=3), c=st.integers(1, 4), scale=flags, center=flags, seed=seeds
)
def test_batch_norm_inference_gradients_agree_with_finite_differences(
    lead: list[int], c: int, scale: bool, center: bool, seed: int
) -> None:
    gamma, beta = draw(seed + 1, c) if scale else None, draw(seed + 2, c) if center else None
    arrays = [draw(seed, *lead, c), gamma, beta, draw(seed + 3, c), 0.5 + draw(seed + 4, c) ** 2]
    check_gradients(batch_norm_inference_forward, batch_norm_inference_backward, arrays, {"epsilon": 1e-2})


@checked
@given(data=st.data(), shape=st.lists(st.integers(1, 4), min_size=1, max_size=4), scale=flags, center=flags, seed=seeds)
def test_layer_norm_gradients_agree_with_finite_differences(
    data: Any, shape: list[int], scale: bool, center: bool, seed: int
) -> None:
    axes = sorted(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    sizes = [shape[i] for i in axes]
    gamma, beta = draw(seed + 1, *sizes) if scale else None, draw(seed + 2, *sizes) if center else None
    static = {"epsilon": 0.1, "axes": [i - len(shape) for i in axes]}
    check_gradients(layer_norm_forward, layer_norm_backward, [draw(seed, *shape), gamma, beta], static, atol=1e-6)


def test_batch_norm_makes_mean_0_and_variance_1_of_every_channel() -> None:
    x = draw(0, 4, 5, 3, 6) * np.arange(1, 7) + np.arange(6)
    (y, mean, variance), _ = batch_norm_forward(x, None, None, epsilon=0.0)
    np.testing.assert_allclose(y.mean((0, 1, 2)), np.zeros(6), atol=1e-13)
    np.testing.assert_allclose(y.var((0, 1, 2)), np.ones(6))
    np.testing.assert_allclose(mean, x.mean((0, 1, 2)))
    np.testing.assert_allclose(variance, x.var((0, 1, 2)))


def test_batch_norm_variance_survives_a_mean_much_larger_than_it() -> None:
    x = (1000 + draw(0, 512, 3)).astype(np.float32)
    (_, _, variance), _ = batch_norm_forward(x, None, None)
    np.testing.assert_allclose(variance, x.astype(np.float64).var(0), rtol=1e-4)


def test_batch_norm_of_a_constant_channel_is_beta() -> None:
    (y, _, variance), cache = batch_norm_forward(np.full((4, 2), 7.0), np.ones(2), np.array([1.0, -2.0]))
    np.testing.assert_allclose(y, np.tile([1.0, -2.0], (4, 1)))
    assert not variance.any()
    dx, _, _ = batch_norm_backward((draw(0, 4, 2), None, None), cache)
    assert np.isfinite(dx).all()


def test_batch_norm_agrees_with_inference_on_its_own_statistics() -> None:
    x, gamma, beta = draw(0, 6, 2, 3), draw(1, 3), draw(2, 3)
    (y, mean, variance), _ = batch_norm_forward(x, gamma, beta)
    np.testing.assert_allclose(batch_norm_inference_forward(x, gamma, beta, mean, variance)[0], y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalization_keeps_dtype_and_inputs(dtype: type) -> None:
    x, gamma, beta, mean = (draw(i, *s).astype(dtype) for i, s in enumerate([(3, 2, 4), (4,), (4,), (4,)]))
    inputs = [x, gamma, beta, mean, np.ones(4, dtype)]
    before = [a.copy() for a in inputs]
    epsilon = np.float64(1e-3)  # a NumPy scalar must not promote float32
    y, cache = batch_norm_forward(x, gamma, beta, epsilon=epsilon)
    results = [*y, *batch_norm_backward(y, cache)]
    y1, cache1 = batch_norm_inference_forward(*inputs, epsilon=epsilon)
    y2, cache2 = layer_norm_forward(x, gamma, beta, epsilon=epsilon)
    results += [y1, *batch_norm_inference_backward(x, cache1), y2, *layer_norm_backward(x, cache2)]
    assert {a.dtype for a in results} == {np.dtype(dtype)}
    for array, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_normalization_takes_arrays_that_are_not_contiguous() -> None:
    x = draw(0, 4, 3, 5).transpose(2, 1, 0)
    dy = draw(1, 4, 3, 5).transpose(2, 1, 0)
    for forward, backward, dys in (
        (batch_norm_forward, batch_norm_backward, (dy, None, None)),
        (layer_norm_forward, layer_norm_backward, dy),
    ):
        gamma = draw(2, 4)
        got = backward(dys, forward(x, gamma, gamma)[1])
        flat = (np.ascontiguousarray(dy), None, None) if isinstance(dys, tuple) else np.ascontiguousarray(dy)
        expected = backward(flat, forward(np.ascontiguousarray(x), gamma, gamma)[1])
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: batch_norm_forward(np.ones(3), None, None), ShapeError, r"at least two axes.* Got \(3,\)"),
        (lambda: batch_norm_forward(np.ones((0, 3)), None, None), ShapeError, "at least one value.*batch empty"),
        (
            lambda: batch_norm_forward(np.ones((2, 3)), np.ones(2), None),
            ShapeError,
            r"batch_norm: gamma must be \(C,\) with C = 3, the channels of x. Got \(2,\) for x \(2, 3\)",
        ),
        (
            lambda: batch_norm_inference_forward(np.ones((2, 3)), None, None, np.ones(3), np.ones(2)),
            ShapeError,
            r"batch_norm_inference: variance must be \(C,\)",
        ),
        (
            lambda: batch_norm_forward(np.ones((2, 3), np.float32), np.ones(3), None),
            DTypeError,
            "same dtype. Got x float32, gamma float64",
        ),
        (
            lambda: layer_norm_forward(np.ones((2, 3, 4)), np.ones(4), None, axes=(1, 2)),
            ShapeError,
            r"layer_norm: gamma must have the sizes of axes \(1, 2\), \(3, 4\). Got \(4,\) for x \(2, 3, 4\)",
        ),
        (lambda: layer_norm_forward(np.ones((2, 0)), None, None), ShapeError, "at least one value to average"),
        (lambda: layer_norm_forward(np.ones((2, 3)), None, None, axes=2), ArgumentError, "layer_norm: axis must lie"),
    ],
)
def test_bad_inputs_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
