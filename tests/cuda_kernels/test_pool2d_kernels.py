"""The pooling ladders on the SIMT machine: every rung equals NumPy's op, padding, ties and NaN included."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from minidl.ops import pool2d

CASES = {
    "plain": ((2, 6, 4, 4), {}),
    "overlapping": ((2, 7, 5, 3), {"pool_size": (3, 2), "strides": (2, 1), "padding": ((1, 1), (0, 1))}),
    "gaps": ((1, 8, 9, 8), {"pool_size": (2, 2), "strides": (3, 4)}),
    "rest": ((3, 5, 7, 4), {"pool_size": (2, 2), "strides": (2, 2)}),
    "one pixel": ((1, 1, 1, 1), {"pool_size": (1, 1), "strides": (1, 1)}),
    "global": ((2, 3, 5, 4), {"pool_size": (3, 5), "strides": (3, 5)}),
    "uneven padding": ((1, 5, 6, 12), {"pool_size": (3, 4), "strides": (3, 4), "padding": ((0, 1), (2, 0))}),
    "wide overlap": ((2, 5, 6, 8), {"pool_size": (3, 3), "strides": (2, 2), "padding": ((1, 1), (1, 1))}),
}


def values(seed, shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def few_values(seed, shape):
    """Many ties."""
    return np.random.default_rng(seed).integers(-1, 2, shape).astype(np.float32)


def rungs(*ops):
    return [pytest.param(rung, id=f"{rung.op}-{rung.name}") for op in ops for rung in ladder.rungs(op)]


def numpy_op(op):
    return getattr(pool2d, f"{op}_forward"), getattr(pool2d, f"{op}_backward")


def backward(rung, dy, x, y, options):
    if rung.op == "max_pool2d_backward":
        return rung.run(dy, x, y, **options)
    return rung.run(dy, x.shape, **options)


@pytest.mark.parametrize("shape, options", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("rung", rungs("max_pool2d", "average_pool2d"))
def test_pooling_equals_numpy(rung, shape, options):
    x = values(1, shape)
    with simt_options() as reports:
        y = rung.run(x, **options)
    np.testing.assert_allclose(y, numpy_op(rung.op)[0](x, **options)[0], rtol=1e-6, atol=1e-6)
    assert reports and not any(report.faults for report in reports)


@pytest.mark.parametrize("rung", rungs("max_pool2d", "average_pool2d"))
def test_pooling_fills_the_array_that_is_given(rung):
    for shape, options in (CASES["overlapping"], CASES["wide overlap"]):
        x = values(1, shape)
        expected, _ = numpy_op(rung.op)[0](x, **options)
        given = np.full_like(expected, np.nan)
        assert rung.run(x, **options, out=given) is given
        np.testing.assert_allclose(given, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("make", [values, few_values])
@pytest.mark.parametrize("shape, options", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("rung", rungs("max_pool2d_backward", "average_pool2d_backward"))
def test_pooling_gradients_equal_numpy(rung, shape, options, make):
    x = make(1, shape)
    forward, gradient = numpy_op(rung.op.removesuffix("_backward"))
    y, cache = forward(x, **options)
    dy = values(2, y.shape)
    with simt_options() as reports:
        dx = backward(rung, dy, x, y, options)
    np.testing.assert_allclose(dx, gradient(dy, cache)[0], rtol=1e-5, atol=1e-6)
    assert reports and not any(report.faults for report in reports)


@pytest.mark.parametrize("rung", rungs("max_pool2d"))
def test_max_pooling_keeps_nan_and_negative_infinity(rung):
    x = np.full((1, 4, 4, 4), -np.inf, np.float32)
    x[0, 0, 1, 2] = np.nan
    y = rung.run(x)
    assert np.isnan(y[0, 0, 0, 2]) and np.isnan(y).sum() == 1
    assert (y[~np.isnan(y)] == -np.inf).all()


@pytest.mark.parametrize("options", [{}, {"pool_size": (3, 3), "padding": ((1, 1), (1, 1))}])
@pytest.mark.parametrize("rung", rungs("max_pool2d_backward"))
def test_max_pooling_gradient_with_nan_goes_where_numpy_sends_it(rung, options):
    x = few_values(3, (1, 6, 6, 4))
    x[0, 1, 2, 1] = x[0, 5, 5, 0] = np.nan
    y, cache = pool2d.max_pool2d_forward(x, **options)
    dy = values(2, y.shape)
    np.testing.assert_allclose(rung.run(dy, x, y, **options), pool2d.max_pool2d_backward(dy, cache)[0], atol=1e-6)


@pytest.mark.parametrize("rung", rungs("max_pool2d", "average_pool2d"))
def test_pooling_writes_into_out_and_reads_unaligned_images(rung):
    x = values(1, 2 * 4 * 4 * 4 + 1)[1:].reshape(2, 4, 4, 4)
    out = np.full((2, 2, 2, 4), np.nan, np.float32)
    assert rung.run(x, out=out, on="simt") is out
    np.testing.assert_allclose(out, numpy_op(rung.op)[0](x)[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("options, error, said", [
    ({"pool_size": (5, 5)}, ValueError, "larger than the padded image"),
    ({"padding": ((2, 0), (0, 0))}, ValueError, "smaller than the pool"),
    ({"padding": "same"}, ValueError, "padding must be"),
    ({"strides": (0, 1)}, ValueError, "strides must be two ints"),
    ({"out": np.zeros((1, 2, 2, 3), np.float32)}, ValueError, r"out must have shape \(1, 2, 2, 4\)"),
])
def test_pooling_says_what_is_wrong(options, error, said):
    for rung in ladder.rungs("max_pool2d"):
        with pytest.raises(error, match=said):
            rung.run(np.zeros((1, 4, 4, 4), np.float32), **options)


def test_pooling_gradients_check_the_shape_of_dy():
    x = np.zeros((1, 4, 4, 4), np.float32)
    for rung in ladder.rungs("average_pool2d_backward"):
        with pytest.raises(ValueError, match=r"dy must have shape \(1, 2, 2, 4\)"):
            rung.run(np.zeros((1, 3, 2, 4), np.float32), x.shape)


def test_window_rung_reads_every_pixel_once():
    x = values(1, (1, 4, 6, 8))
    y = pool2d.max_pool2d_forward(x)[0]
    with simt_options() as reports:
        ladder.rung("max_pool2d_backward", "r3").run(y, x, y)
    assert reports[0].figures.global_load_bytes == x.nbytes + 2 * y.nbytes
    assert reports[0].figures.global_store_bytes == x.nbytes
