"""The normalization kernels on the SIMT machine equal minidl's NumPy ops, forward and backward."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from cuda_kernels.normalization import r3_columns
from minidl.ops import normalization

BATCH, LAYER = ("r1_serial", "r2_block", "r3_columns"), ("r1_serial", "r2_block", "r3_registers")


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def close(got, wanted):
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(37, 5), (2, 3, 4, 7), (200, 1)])
@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("name", BATCH)
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
@pytest.mark.parametrize("name", BATCH)
def test_batch_norm_inference_equals_numpy(name, weights):
    x, mean, variance = values(3, 2, 5), values(5, seed=1), np.abs(values(5, seed=2))
    gamma, beta = (values(5, seed=3), values(5, seed=4)) if weights else (None, None)
    expected, cache = normalization.batch_norm_inference_forward(x, gamma, beta, mean, variance, epsilon=0.01)
    forward = ladder.rung("batch_norm_inference", None if name == "r3_columns" else name)  # it has no sums to split
    y, inv_std = forward.run(x, gamma, beta, mean, variance, epsilon=0.01)
    close(y, expected)
    close(inv_std, cache.inv_std)
    dy = values(3, 2, 5, seed=5)
    wanted = normalization.batch_norm_inference_backward(dy, cache)
    got = ladder.rung("batch_norm_inference_backward", name).run(dy, x, gamma, mean, inv_std)
    for a, b in zip(got, wanted, strict=True):
        if b is not None:
            close(a, b)


@pytest.mark.parametrize("used", [(True, True, True), (True, False, True), (False, True, False)])
@pytest.mark.parametrize("name", BATCH)
def test_batch_norm_backward_takes_the_gradients_of_mean_and_variance(name, used):
    x = values(4, 3, 5)
    outputs, cache = normalization.batch_norm_forward(x, values(5, seed=1), None)
    pairs = enumerate(zip(outputs, used, strict=True))
    dy = tuple(values(*y.shape, seed=2 + k) if use else None for k, (y, use) in pairs)
    dx, d_gamma, d_beta = normalization.batch_norm_backward(dy, cache)
    got = ladder.rung("batch_norm_backward", name).run(dy[0], cache.x_hat, cache.inv_std, cache.gamma, *dy[1:])
    close(got[0], dx)
    close(got[1], d_gamma)


def test_columns_are_split_into_parts_and_merged_without_losing_digits():
    x = values(300, 3) + 1000  # four parts, four channels a block
    assert r3_columns.parts_of(300, 3) == (4, 75) and r3_columns.width_for(3) == 4
    with simt_options() as reports:
        got = ladder.rung("batch_norm", "r3_columns").run(x, None, None)
    np.testing.assert_allclose(got[1], x.mean(0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(got[2], x.var(0, dtype=np.float64), rtol=1e-3)
    assert reports[0].figures.global_load_bytes == 4 * x.size  # one walk


def test_rows_too_long_for_registers_go_to_blocks():
    x = values(2, 2100)
    got = ladder.rung("layer_norm", "r3_registers").run(x, None, None)
    y, cache = normalization.layer_norm_forward(x, None, None)
    for a, b in zip(got, (y, cache.x_hat, cache.inv_std), strict=True):
        close(a, b)


def test_rows_of_layer_norm_are_read_once():
    x = values(3, 600)  # four warps a row
    with simt_options() as reports:
        y, *_ = ladder.rung("layer_norm", "r3_registers").run(x, None, None)
    assert len(reports) == 1 and reports[0].figures.global_load_bytes == 4 * x.size
    close(y, normalization.layer_norm_forward(x, None, None)[0])


@pytest.mark.parametrize("shape, axes", [((5, 133), -1), ((2, 3, 4, 7), (1, 2, 3)), ((4, 6, 3), 1)])
@pytest.mark.parametrize("name", LAYER)
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
