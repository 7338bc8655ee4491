"""The convolution ladders on the SIMT machine: every rung equals NumPy's op, groups and all windows included."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from minidl.ops.conv2d import conv2d_backward, conv2d_forward
from minidl.ops.conv2d_transpose import conv2d_transpose_backward, conv2d_transpose_forward

CASES = {  # x, w, options
    "one": ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    "rgb": ((2, 7, 6, 3), (3, 3, 3, 5), {"padding": ((1, 1), (1, 1))}),
    "strided": ((2, 8, 9, 4), (3, 2, 4, 8), {"strides": (2, 3), "padding": ((0, 1), (2, 0))}),
    "dilated": ((1, 9, 8, 5), (3, 2, 5, 6), {"dilation": (2, 3), "padding": ((1, 2), (1, 0)), "strides": (1, 2)}),
    "stride and dilation": ((1, 11, 10, 4), (3, 3, 4, 4), {"dilation": (2, 3), "strides": (4, 2)}),
    "pointwise": ((2, 4, 5, 20), (1, 1, 20, 36), {}),
    "pointwise strided": ((1, 5, 6, 4), (1, 1, 4, 4), {"strides": (2, 3)}),
    "groups": ((1, 6, 5, 8), (3, 2, 4, 12), {"groups": 2, "strides": (2, 1), "padding": ((1, 0), (0, 1))}),
    "narrow groups": ((1, 5, 4, 6), (2, 2, 2, 9), {"groups": 3, "padding": ((1, 1), (0, 0))}),
    "two tiles of channels": ((1, 2, 3, 12), (2, 2, 12, 132), {}),
    # Tiles of the last rungs: rows and columns of dw's. Those of y and dx have 128 rows.
    "32 x 32": ((1, 5, 6, 2), (3, 3, 2, 11), {"padding": ((1, 0), (0, 2))}),
    "32 x 64": ((2, 3, 5, 3), (3, 3, 3, 40), {"padding": ((1, 1), (1, 1))}),
    "32 x 128": ((1, 4, 4, 4), (2, 2, 4, 70), {}),
    "128 x 8": ((2, 9, 9, 15), (3, 3, 15, 6), {"padding": ((1, 1), (1, 1))}),
    "128 x 16": ((1, 7, 4, 20), (2, 2, 20, 14), {"strides": (2, 1)}),
}
ROUNDING = 2e-5  # float32 sums of some hundred products of numbers near 1


def values(seed, shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def rungs(op):
    return pytest.mark.parametrize("rung", ladder.rungs(op), ids=lambda rung: rung.name)


cases = pytest.mark.parametrize("x_shape, w_shape, options", CASES.values(), ids=CASES.keys())


def gradients(x_shape, w_shape, options):
    """x, w, dy and NumPy's dx, dw, db."""
    x, w = values(1, x_shape), values(2, w_shape)
    y, cache = conv2d_forward(x, w, np.zeros(w_shape[3], np.float32), **options)
    dy = values(3, y.shape)
    return x, w, dy, *conv2d_backward(dy, cache)


def assert_close(result, expected):
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=ROUNDING)


@cases
@rungs("conv2d")
def test_conv2d_equals_numpy(rung, x_shape, w_shape, options):
    x, w, b = values(1, x_shape), values(2, w_shape), values(3, w_shape[3])
    with simt_options() as reports:
        assert_close(rung.run(x, w, b, **options), conv2d_forward(x, w, b, **options)[0])
    assert reports and not any(report.faults for report in reports)


@cases
@rungs("conv2d_backward_data")
def test_gradient_of_the_image_equals_numpy(rung, x_shape, w_shape, options):
    _, w, dy, dx, _, _ = gradients(x_shape, w_shape, options)
    with simt_options() as reports:
        assert_close(rung.run(dy, w, x_shape, **options), dx)
    assert reports and not any(report.faults for report in reports)


@cases
@rungs("conv2d_backward_weights")
def test_gradient_of_the_weights_equals_numpy(rung, x_shape, w_shape, options):
    x, _, dy, _, dw, _ = gradients(x_shape, w_shape, options)
    with simt_options() as reports:
        assert_close(rung.run(x, dy, w_shape, **options), dw)
    assert reports and not any(report.faults for report in reports)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 5, 7, 3), (1, 40, 5, 33), (2, 9, 9, 64)])
@rungs("conv2d_backward_bias")
def test_gradient_of_the_bias_equals_numpy(rung, shape):
    dy = values(1, shape)
    with simt_options() as reports:
        assert_close(rung.run(dy), dy.sum(axis=(0, 1, 2), dtype=np.float64).astype(np.float32))
    assert reports and not any(report.faults for report in reports)


@rungs("conv2d")
def test_conv2d_without_bias_reads_unaligned_images_and_writes_into_out(rung):
    x = values(1, 1 * 4 * 5 * 4 + 1)[1:].reshape(1, 4, 5, 4)
    w, out = values(2, (3, 3, 4, 8)), np.full((1, 2, 3, 8), np.nan, np.float32)
    assert rung.run(x, w, out=out, on="simt") is out
    assert_close(out, conv2d_forward(x, w)[0])


@rungs("conv2d_backward_data")
def test_gradient_of_the_image_adds_a_bias_for_transposed_convolution(rung):
    x_shape, w_shape, options = CASES["strided"]
    _, w, dy, dx, _, _ = gradients(x_shape, w_shape, options)
    b = values(5, x_shape[3])
    out = np.full(x_shape, np.nan, np.float32)
    assert rung.run(dy, w, x_shape, b, out=out, **options) is out
    assert_close(out, dx + b)


@pytest.mark.parametrize("change, error, said", [
    ({"w": (3, 3, 4, 6)}, ValueError, "x has 6 channels but w expects 4"),
    ({"groups": 4}, ValueError, "groups must divide the channels"),
    ({"w": (7, 3, 6, 6)}, ValueError, "larger than the padded image"),
    ({"strides": 2}, ValueError, "strides must be two ints"),
    ({"padding": ((0, -1), (0, 0))}, ValueError, "padding must be"),
    ({"b": np.zeros(5, np.float32)}, ValueError, r"b must have shape \(6,\)"),
    ({"x": (0, 5, 5, 6)}, ValueError, "x has no elements"),
    ({"out": np.zeros((1, 3, 3, 5), np.float32)}, ValueError, r"out must have shape \(1, 3, 3, 6\)"),
])
def test_conv2d_says_what_is_wrong(change, error, said):
    options = {"x": (1, 5, 5, 6), "w": (3, 3, 6, 6), **change}
    x, w = (np.zeros(options.pop(name), np.float32) for name in "xw")
    for rung in ladder.rungs("conv2d"):
        with pytest.raises(error, match=said):
            rung.run(x, w, **options)


def test_gradients_check_the_shape_of_dy():
    x, w, dy = (np.zeros(shape, np.float32) for shape in ((1, 5, 5, 6), (3, 3, 6, 6), (1, 3, 2, 6)))
    for rung in ladder.rungs("conv2d_backward_data"):
        with pytest.raises(ValueError, match=r"dy must be \(1, 3, 3, 6\)"):
            rung.run(dy, w, x.shape)
    for rung in ladder.rungs("conv2d_backward_weights"):
        with pytest.raises(ValueError, match=r"dy must be \(1, 3, 3, 6\)"):
            rung.run(x, dy, w.shape)


@pytest.mark.parametrize("rung", ["r1", None], ids=["r1", "default"])
@pytest.mark.parametrize("options", [
    {}, {"strides": (2, 3), "padding": ((1, 0), (0, 1)), "output_padding": (1, 2)},
    {"dilation": (2, 1), "strides": (2, 2)}])
def test_transposed_convolution_and_its_gradients_equal_numpy(rung, options):
    x, w, b = values(1, (2, 3, 4, 5)), values(2, (3, 2, 4, 5)), values(3, 4)
    y, cache = conv2d_transpose_forward(x, w, b, **options)
    dy = values(4, y.shape)
    dx, dw, _ = conv2d_transpose_backward(dy, cache)
    options.pop("output_padding", None)
    assert_close(ladder.rung("conv2d_backward_data", rung).run(x, w, y.shape, b, **options), y)
    assert_close(ladder.rung("conv2d", rung).run(dy, w, **options), dx)
    assert_close(ladder.rung("conv2d_backward_weights", rung).run(dy, x, w.shape, **options), dw)


@pytest.mark.parametrize("rung", ladder.rungs("conv2d_backward_data"), ids=lambda rung: rung.name)
def test_transposed_convolution_of_which_nothing_is_left_is_refused(rung):
    x, w = values(1, (1, 3, 3, 2)), values(2, (3, 3, 4, 2))
    for height, padding in ((0, ((2, 3), (0, 0))), (-1, ((3, 3), (0, 0)))):
        with pytest.raises(ValueError, match=rf"one row and one column. Got \({height}, 5\). Does the padding"):
            rung.run(x, w, (1, height, 5, 4), padding=padding)


def test_direct_rungs_count_what_their_headers_say():
    n, h, q, c, r, k = 2, 5, 4, 3, 2, 8
    x, w = values(1, (n, h, q + r - 1, c)), values(2, (r, r, c, k))
    windows = n * (h - r + 1) * q
    products = windows * k * r * r * c
    with simt_options() as reports:
        y = ladder.rung("conv2d", "r1").run(x, w)
        ladder.rung("conv2d_backward_weights", "r1").run(x, y, w.shape)
        ladder.rung("conv2d_backward_data", "r1").run(y, w, x.shape)
    for report, stored in zip(reports, (y, w, x), strict=True):
        assert report.figures.flops == 2 * products
        assert report.figures.global_load_bytes == 8 * products
        assert report.figures.global_store_bytes == stored.nbytes


def test_fast_rungs_ask_for_far_less_than_the_direct_one():
    x, w = values(1, (1, 10, 10, 8)), values(2, (3, 3, 8, 64))
    loaded = {}
    for name in ("r1", "r3", "r4"):
        with simt_options() as reports:
            ladder.rung("conv2d", name).run(x, w)
        loaded[name] = reports[0].figures.global_load_bytes
    assert loaded["r3"] == 4 * 64 * 64 * 72 * 2 // 64
    assert loaded["r1"] == 8 * 64 * 64 * 72 and loaded["r4"] == loaded["r3"]


def test_phases_of_a_strided_gradient_waste_no_product():
    x_shape, dy, w = (1, 16, 16, 32), values(1, (1, 8, 8, 16)), values(2, (2, 2, 32, 16))
    with simt_options() as reports:
        ladder.rung("conv2d_backward_data").run(dy, w, x_shape, strides=(2, 2))
    tile = 128 * 32  # each phase has 64 pixels, in one tile of 128, and meets one tap of 16 channels
    assert [report.figures.flops for report in reports] == [2 * tile * 16] * 4


def test_long_sums_of_the_weight_gradient_are_cut_into_parts():
    x, dy = values(1, (2, 18, 18, 4)), values(2, (2, 16, 16, 4))
    with simt_options() as reports:
        dw = ladder.rung("conv2d_backward_weights").run(x, dy, (3, 3, 4, 4))
    assert len(reports) == 2, "the product in two parts, and their sum"
    assert_close(dw, ladder.rung("conv2d_backward_weights", "r1").run(x, dy, (3, 3, 4, 4)))
