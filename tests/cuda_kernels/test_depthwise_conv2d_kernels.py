"""The depthwise ladders on the SIMT machine: every rung equals NumPy's op, with strides, padding and dilation."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from minidl.ops.depthwise_conv2d import depthwise_conv2d_backward, depthwise_conv2d_forward

CASES = {  # x, w, options
    "plain": ((2, 5, 6, 4), (3, 3, 4, 1), {}),
    "one": ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    "strided": ((2, 7, 9, 3), (3, 2, 3, 1), {"strides": (2, 3), "padding": ((1, 1), (0, 2))}),
    "multiplied": ((1, 6, 5, 3), (2, 3, 3, 4), {"padding": ((0, 1), (1, 1))}),
    "dilated": ((2, 8, 7, 8), (3, 3, 8, 1), {"dilation": (2, 1), "padding": ((2, 2), (1, 1))}),
    "wide multiplier": ((1, 5, 6, 4), (3, 3, 4, 2), {"strides": (2, 1), "dilation": (1, 2)}),
    "two tiles": ((1, 9, 10, 8), (3, 3, 8, 1), {"padding": ((1, 1), (1, 1))}),
    "many channels": ((1, 4, 4, 36), (3, 3, 36, 1), {"padding": ((1, 1), (1, 1)), "strides": (2, 2)}),
}


def values(seed, shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def rungs(op):
    return pytest.mark.parametrize("rung", ladder.rungs(op), ids=lambda rung: rung.name)


cases = pytest.mark.parametrize("x_shape, w_shape, options", CASES.values(), ids=CASES.keys())


def gradients(x_shape, w_shape, options):
    """x, w, dy and NumPy's dx, dw."""
    x, w = values(1, x_shape), values(2, w_shape)
    y, cache = depthwise_conv2d_forward(x, w, None, **options)
    dy = values(3, y.shape)
    dx, dw, _ = depthwise_conv2d_backward(dy, cache)
    return x, w, dy, dx, dw


@pytest.mark.parametrize("has_bias", [False, True])
@cases
@rungs("depthwise_conv2d")
def test_depthwise_equals_numpy(rung, x_shape, w_shape, options, has_bias):
    x, w = values(1, x_shape), values(2, w_shape)
    b = values(3, w_shape[2] * w_shape[3]) if has_bias else None
    with simt_options() as reports:
        y = rung.run(x, w, b, **options)
    np.testing.assert_allclose(y, depthwise_conv2d_forward(x, w, b, **options)[0], rtol=1e-5, atol=1e-5)
    assert reports and not any(report.faults for report in reports)


@cases
@rungs("depthwise_conv2d_backward_data")
def test_depthwise_gradient_of_the_image_equals_numpy(rung, x_shape, w_shape, options):
    _, w, dy, dx, _ = gradients(x_shape, w_shape, options)
    with simt_options() as reports:
        np.testing.assert_allclose(rung.run(dy, w, x_shape, **options), dx, rtol=1e-5, atol=1e-5)
    assert reports and not any(report.faults for report in reports)


@cases
@rungs("depthwise_conv2d_backward_weights")
def test_depthwise_gradient_of_the_weights_equals_numpy(rung, x_shape, w_shape, options):
    x, _, dy, _, dw = gradients(x_shape, w_shape, options)
    with simt_options() as reports:
        np.testing.assert_allclose(rung.run(x, dy, w_shape, **options), dw, rtol=1e-5, atol=2e-5)
    assert reports and not any(report.faults for report in reports)


@rungs("depthwise_conv2d")
def test_depthwise_reads_unaligned_images_and_writes_into_out(rung):
    x = values(1, 1 * 4 * 5 * 4 + 1)[1:].reshape(1, 4, 5, 4)
    w, out = values(2, (3, 3, 4, 1)), np.full((1, 2, 3, 4), np.nan, np.float32)
    assert rung.run(x, w, out=out, on="simt") is out
    np.testing.assert_allclose(out, depthwise_conv2d_forward(x, w)[0], rtol=1e-5, atol=1e-5)


@rungs("depthwise_conv2d")
def test_depthwise_says_what_is_wrong(rung):
    x, w = values(1, (1, 4, 4, 3)), values(2, (3, 3, 4, 1))
    with pytest.raises(ValueError, match="x has 3 channels but w expects 4"):
        rung.run(x, w)
    with pytest.raises(ValueError, match="larger than the padded image"):
        rung.run(x, w[:, :, :3].copy(), dilation=(2, 2))
    with pytest.raises(ValueError, match=r"b must have shape \(3,\)"):
        rung.run(x, w[:, :, :3].copy(), values(1, 4))


def test_long_sums_of_the_weight_gradient_are_cut_into_parts():
    x_shape, w_shape = (2, 20, 20, 3), (1, 2, 3, 1)
    x, _, dy, _, dw = gradients(x_shape, w_shape, {})
    with simt_options() as reports:
        result = ladder.rung("depthwise_conv2d_backward_weights").run(x, dy, w_shape)
    np.testing.assert_allclose(result, dw, rtol=1e-5, atol=5e-5)
    assert len(reports) == 2, "the parts, and their sum"


def test_wide_rungs_load_a_quarter_as_often():
    x, w = values(1, (1, 6, 6, 8)), values(2, (3, 3, 8, 1))
    with simt_options() as reports:
        ladder.rung("depthwise_conv2d", "r1").run(x, w)
        ladder.rung("depthwise_conv2d", "r2").run(x, w)
    products = 4 * 4 * 8 * 9
    assert [report.figures.flops for report in reports] == [2 * products] * 2
    assert [report.figures.global_load_bytes for report in reports] == [8 * products] * 2
    assert reports[0].figures.global_loads == 4 * reports[1].figures.global_loads


def test_a_tile_loads_each_pixel_once_and_its_banks_agree():
    x, w = values(1, (1, 10, 10, 32)), values(2, (3, 3, 32, 1))
    with simt_options() as reports:
        ladder.rung("depthwise_conv2d", "r3_shared").run(x, w)
        ladder.rung("depthwise_conv2d", "r2_wide").run(x, w)
    shared, wide = (report.figures for report in reports)
    weights = 4 * 9 * 32 * 64
    assert shared.global_load_bytes - weights == 4 * x.size and wide.global_load_bytes - weights == 9 * 4 * 32 * 64
    assert shared.shared_wavefronts * 128 == shared.shared_load_bytes + shared.shared_store_bytes


def test_a_tile_that_does_not_fit_goes_to_the_rung_before():
    x, w = values(1, (1, 9, 9, 4)), values(2, (5, 5, 4, 1))
    with simt_options() as reports:
        y = ladder.rung("depthwise_conv2d", "r3_shared").run(x, w, strides=(3, 3))
    assert reports[0].kernel == "depthwise_conv2d_wide"
    np.testing.assert_allclose(y, depthwise_conv2d_forward(x, w, None, strides=(3, 3))[0], rtol=1e-5, atol=1e-5)
