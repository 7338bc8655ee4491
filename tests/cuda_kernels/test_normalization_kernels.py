"""The normalization kernels on the SIMT machine equal minidl's NumPy ops, forward and backward."""

import numpy as np
import pytest

from cuda_kernels import ladder
from minidl.ops import normalization

RUNGS = ("r1_serial", "r2_block")


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def close(got, wanted):
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(37, 5), (2, 3, 4, 7), (200, 1)])
@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("name", RUNGS)
def test_batch_norm_equals_numpy(name, weights, shape):
    x = values(*shape) + 100  # a large mean: one walk would lose the variance
    gamma, beta = (values(shape[-1], seed=1), values(shape[-1], seed=2)) if weights else (None, None)
    (y, mean, variance), cache = normalization.batch_norm_forward(x, gamma, beta, epsilon=0.01)
    got = ladder.rung("batch_norm", name).run(x, gamma, beta, epsilon=0.01)
    for a, b in zip(got, (y, mean, variance, cache.x_hat, cache.inv_std), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-4)
    dy = values(*shape, seed=3)
    dx, d_gamma, d_beta = normalization.batch_norm_backward((dy, None, None), cache)
    got = ladder.rung("batch_norm_backward", name).run(dy, cache.x_hat, cache.inv_std, gamma)
    close(got[0], dx)
    if weights:
        close(got[1], d_gamma)
        close(got[2], d_beta)


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("name", RUNGS)
def test_batch_norm_inference_equals_numpy(name, weights):
    x, mean, variance = values(3, 2, 5), values(5, seed=1), np.abs(values(5, seed=2))
    gamma, beta = (values(5, seed=3), values(5, seed=4)) if weights else (None, None)
    expected, cache = normalization.batch_norm_inference_forward(x, gamma, beta, mean, variance, epsilon=0.01)
    y, inv_std = ladder.rung("batch_norm_inference", name).run(x, gamma, beta, mean, variance, epsilon=0.01)
    close(y, expected)
    close(inv_std, cache.inv_std)
    dy = values(3, 2, 5, seed=5)
    wanted = normalization.batch_norm_inference_backward(dy, cache)
    got = ladder.rung("batch_norm_inference_backward", name).run(dy, x, gamma, mean, inv_std)
    close(got[0], wanted[0])
    if weights:
        close(got[1], wanted[1])
        close(got[2], wanted[2])


@pytest.mark.parametrize("shape, axes", [((5, 133), -1), ((2, 3, 4, 7), (1, 2, 3)), ((4, 6, 3), 1)])
@pytest.mark.parametrize("name", RUNGS)
def test_layer_norm_equals_numpy(name, shape, axes):
    x, dy = values(*shape) + 3, values(*shape, seed=1)
    sizes = tuple(shape[i] for i in ((axes,) if isinstance(axes, int) else axes))
    for weights in (True, False):
        gamma, beta = (values(*sizes, seed=2), values(*sizes, seed=3)) if weights else (None, None)
        y, cache = normalization.layer_norm_forward(x, gamma, beta, axes=axes)
        got = ladder.rung("layer_norm", name).run(x, gamma, beta, axes=axes)
        for a, b in zip(got, (y, cache.x_hat, cache.inv_std), strict=True):
            close(a, b)
        dx, d_gamma, d_beta = normalization.layer_norm_backward(dy, cache)
        got = ladder.rung("layer_norm_backward", name).run(dy, cache.x_hat, cache.inv_std, gamma, axes=axes)
        close(got[0], dx)
        if weights:
            close(got[1], d_gamma)
            close(got[2], d_beta)


def test_errors_name_the_rule():
    with pytest.raises(ValueError, match="batch_norm: x must have at least two axes"):
        ladder.rung("batch_norm").run(values(3), None, None)
    with pytest.raises(ValueError, match=r"batch_norm: gamma must have shape \(3,\)"):
        ladder.rung("batch_norm").run(values(2, 3), values(2), None)
