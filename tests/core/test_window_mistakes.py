"""The known mistakes of kernels with windows: each, computed by loops over windows and taps, is named."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from minidl.testing.kernels.mistakes import Evidence, recognised

RNG = np.random.default_rng(8)
X, W, B, D = (RNG.normal(size=shape).astype(np.float32) for shape in ((2, 9, 11, 3), (3, 2, 3, 2), (2,), (3, 2, 3, 2)))
STRIDES, PADS, DILATION, OUT = (2, 3), (2, 1), (2, 1), (5, 4)
STATIC = {"strides": STRIDES, "padding": ((2, 2), (1, 1)), "dilation": DILATION}
DY = RNG.normal(size=(2, *OUT, 2)).astype(np.float32)
DY6 = RNG.normal(size=(2, *OUT, 6)).astype(np.float32)


def taps(strides=STRIDES, pads=PADS, dilation=DILATION, outputs=OUT, sizes=(3, 2), image=(9, 11)):
    """Each output pixel and tap whose input pixel lies inside of the image, with that pixel."""
    for p, q, r, s in itertools.product(*map(range, (*outputs, *sizes))):
        row, col = p * strides[0] + r * dilation[0] - pads[0], q * strides[1] + s * dilation[1] - pads[1]
        if 0 <= row < image[0] and 0 <= col < image[1]:
            yield p, q, r, s, row, col


def forward(x=X, w=W, b=0.0, **settings):
    y = np.zeros((2, *OUT, 2)) + b
    for p, q, r, s, row, col in taps(**settings):
        y[:, p, q] += x[:, row, col] @ w[r, s]
    return y


def data(dy=DY, w=W, **settings):
    dx = np.zeros(X.shape)
    for p, q, r, s, row, col in taps(**settings):
        dx[:, row, col] += dy[:, p, q] @ w[r, s].T
    return dx


def weights(x=X, dy=DY, **settings):
    dw = np.zeros(W.shape)
    for p, q, r, s, row, col in taps(**settings):
        dw[r, s] += x[:, row, col].T @ dy[:, p, q]
    return dw


def depthwise(x=X, w=D, b=0.0, **settings):
    y = np.zeros((2, *OUT, 3, 2)) + b
    for p, q, r, s, row, col in taps(**settings):
        y[:, p, q] += x[:, row, col, :, None] * w[r, s]
    return y.reshape(2, *OUT, 6)


def depthwise_data(dy=DY6, w=D, **settings):
    dx = np.zeros(X.shape)
    for p, q, r, s, row, col in taps(**settings):
        dx[:, row, col] += (dy.reshape(2, *OUT, 3, 2)[:, p, q] * w[r, s]).sum(-1)
    return dx


def depthwise_weights(x=X, dy=DY6, **settings):
    dw = np.zeros(D.shape)
    for p, q, r, s, row, col in taps(**settings):
        dw[r, s] += (x[:, row, col, :, None] * dy.reshape(2, *OUT, 3, 2)[:, p, q]).sum(0)
    return dw


KERNELS = {
    "conv2d": (forward, [X, W, None]),
    "conv2d_backward_data": (data, [DY, W]),
    "conv2d_backward_weights": (weights, [X, DY]),
    "depthwise_conv2d": (depthwise, [X, D, None]),
    "depthwise_conv2d_backward_data": (depthwise_data, [DY6, D]),
    "depthwise_conv2d_backward_weights": (depthwise_weights, [X, DY6]),
}


def assert_named(kernel, arrays, static, expected, got, said):
    names = [f"input{k}" for k in range(len(arrays))]
    sentences, certain = recognised(
        Evidence(kernel, tuple(arrays), static, names, np.float32(expected), np.float32(got))
    )
    assert certain and any(found.startswith(said) for found in sentences), sentences
    assert len(sentences) <= 3, sentences


def variants():
    """Settings as somebody uses them who makes one mistake, with what is said of it."""
    right = {"strides": STRIDES, "pads": PADS, "dilation": DILATION}
    names = {"strides": "the stride", "pads": "the padding", "dilation": "the dilation"}
    for setting, (rows, cols) in right.items():
        none = 0 if setting == "pads" else 1
        yield f"{names[setting]} is not used", {setting: (none, none)}
        yield f"{names[setting]} of the rows and that of the columns are swapped", {setting: (cols, rows)}
        yield f"{names[setting]} of the rows is used for both axes", {setting: (rows, rows)}
        yield f"{names[setting]} of the columns is used for both axes", {setting: (cols, cols)}
        if cols != none:
            yield f"{names[setting]} is used along the rows alone", {setting: (rows, none)}
            yield f"{names[setting]} is used along the columns alone", {setting: (none, cols)}
    yield "the padding is added where", {"pads": (-2, -1)}
    yield "the padding is multiplied by the stride", {"pads": (4, 3)}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("said, settings", variants(), ids=[said for said, _ in variants()])
def test_windows_that_lie_elsewhere_are_named(kernel, said, settings):
    compute, arrays = KERNELS[kernel]
    assert_named(kernel, arrays, STATIC, compute(), compute(**settings), said)


ONE, TWO = np.zeros((3, 2, 1, 1)), np.arange(3) == 0
ONE[0, 0] = 1
OF_FORWARD = [
    ("this is the result with w flipped, its rows in", lambda f, w: f(w=w[::-1])),
    ("this is the result with w flipped, its columns in", lambda f, w: f(w=w[:, ::-1])),
    ("this is the result with w flipped, its rows and columns in", lambda f, w: f(w=w[::-1, ::-1])),
    ("only the first tap of the window", lambda f, w: f(w=w * ONE)),
    ("only the first channel, c = 0", lambda f, w: f(x=X * TWO)),
    ("only the last c of the channels", lambda f, w: f(x=X * TWO[::-1])),
]


@pytest.mark.parametrize("kernel, w", [("conv2d", W), ("depthwise_conv2d", D)])
@pytest.mark.parametrize("said, wrong", OF_FORWARD, ids=[said for said, _ in OF_FORWARD])
def test_mistakes_of_convolutions_are_named(kernel, w, said, wrong):
    compute = KERNELS[kernel][0]
    assert_named(kernel, [X, w, None], STATIC, compute(), wrong(compute, w), said)


OF_DATA = [
    ("this is dx with w's rows in the opposite", lambda: data(w=W[::-1])),
    ("this is dx with w's columns in the opposite", lambda: data(w=W[:, ::-1])),
    ("this is dx with w's rows and columns in the opposite", lambda: data(w=W[::-1, ::-1])),
    ("only the first tap of the window", lambda: data(w=W * ONE)),
    ("only the first output channel, k = 0, of dy", lambda: data(dy=DY * [1, 0])),
    ("only the last k of the channels", lambda: data(dy=DY * [0, 1])),
]
OF_WEIGHTS = [
    ("only the first image is added up", lambda: weights(x=X * [[[[1]]], [[[0]]]])),
    ("only the last image is added up", lambda: weights(x=X * [[[[0]]], [[[1]]]])),
    ("this is a mean over the images", lambda: weights() / 2),
    ("this is dw in the opposite order", lambda: weights()[::-1, ::-1]),
    ("only the first output pixel of each image", lambda: weights(outputs=(1, 1))),
]


@pytest.mark.parametrize("said, wrong", OF_DATA, ids=[said for said, _ in OF_DATA])
def test_mistakes_of_gradients_of_images_are_named(said, wrong):
    assert_named("conv2d_backward_data", [DY, W], STATIC, data(), wrong(), said)


@pytest.mark.parametrize("said, wrong", OF_WEIGHTS, ids=[said for said, _ in OF_WEIGHTS])
def test_mistakes_of_gradients_of_weights_are_named(said, wrong):
    assert_named("conv2d_backward_weights", [X, DY], STATIC, weights(), wrong(), said)


def test_a_gradient_between_the_strides_is_named():
    dx = np.zeros(X.shape)
    for row, col, r, s in itertools.product(range(9), range(11), range(3), range(2)):
        p, q = (row + 2 - 2 * r) // 2, (col + 1 - s) // 3
        if 0 <= p < 5 and 0 <= q < 4:
            dx[:, row, col] += DY[:, p, q] @ W[r, s].T
    assert_named("conv2d_backward_data", [DY, W], STATIC, data(), dx, "pixels between the strides get a gradient too")


def test_rows_and_columns_of_a_square_window_that_are_swapped_are_named():
    w = RNG.normal(size=(3, 3, 3, 2)).astype(np.float32)
    other = {"sizes": (3, 3), "dilation": (1, 1)}
    static = STATIC | {"dilation": (1, 1)}
    right, wrong = forward(w=w, **other), forward(w=w.swapaxes(0, 1), **other)
    assert_named("conv2d", [X, w, None], static, right, wrong, "w's rows and columns are swapped")


@pytest.mark.parametrize(
    "times, said", [(0, "the bias b is left out"), (6, "the bias is added 6 times, inside of the loop over the taps"),
                    (18, "the bias is added 18 times, inside of the loop over the terms"),
                    (3, "the bias is added 3 times, inside of the loop over the channels")]
)  # fmt: skip
def test_a_bias_that_is_added_too_often_is_named(times, said):
    assert_named("conv2d", [X, W, B], STATIC, forward(b=B), forward(b=times * B), said)


def test_output_channels_in_the_other_order_are_named():
    turned = depthwise().reshape(2, *OUT, 3, 2).swapaxes(3, 4).reshape(2, *OUT, 6)
    assert_named("depthwise_conv2d", [X, D, None], STATIC, depthwise(), turned, "output channel c M + m is written")


def test_mistakes_of_the_gradient_of_a_bias_are_named():
    total = DY.sum((0, 1, 2))
    assert_named("conv2d_backward_bias", [DY], {}, total, DY[0].sum((0, 1)), "only the first image is added up")
    assert_named("conv2d_backward_bias", [DY], {}, total, total / 40, "this is a mean: b is there at every pixel")


# -- pooling -----------------------------------------------------------------------------------------------------------

POOL = {"pool_size": (3, 2), "strides": (2, 1), "padding": ((1, 1), (1, 0))}
P_OUT = (5, 11)
FLAT = np.round(X)  # with cells that are equally large
DP = RNG.normal(size=(2, *P_OUT, 3)).astype(np.float32)


def windows(x, size=(3, 2), strides=(2, 1), pads=(1, 1)):
    """The cells of each window that lie inside of the image: {(n, p, q, c): [(row, col, value), …]}."""
    found = {key: [] for key in itertools.product(range(2), range(P_OUT[0]), range(P_OUT[1]), range(3))}
    for p, q, _, _, row, col in taps(strides, pads, (1, 1), P_OUT, size):
        for n, c in itertools.product(range(2), range(3)):
            found[n, p, q, c].append((row, col, x[n, row, col, c]))
    return found


def pooled(of, x=X, **settings):
    y = np.zeros((2, *P_OUT, 3))
    for key, cells in windows(x, **settings).items():
        y[key] = of([value for _, _, value in cells], len(cells))
    return y


def mean(values, count):
    return sum(values) / count


def most(values, count):
    return max(values, default=-np.inf)


def spread(shares, x=X, assign=0, **settings):
    """The gradient: what each cell of a window gets of its dy; `assign` the last (1) or the first (-1) alone."""
    dx = np.zeros(x.shape)
    found = list(windows(x, **settings).items())
    for (n, p, q, c), cells in found[:: assign or 1]:
        for (row, col, _), share in zip(cells, shares([value for _, _, value in cells]), strict=True):
            if not assign:
                dx[n, row, col, c] += share * DP[n, p, q, c]
            elif share:
                dx[n, row, col, c] = share * DP[n, p, q, c]
    return dx


def to_first(values):
    return [float(k == values.index(max(values))) for k in range(len(values))]


def to_last(values):
    return to_first(values[::-1])[::-1]


def evenly(values):
    return [1 / len(values)] * len(values)


def all_of_it(values):
    return [1.0] * len(values)


def or_0(values, count):
    return max(*values, 0)


POOLS = [
    ("max_pool2d", "this is the smallest value", lambda: pooled(lambda v, n: min(v))),
    (
        "max_pool2d",
        "what lies outside of the image counts",
        lambda: pooled(lambda v, n: max(v) if n == 6 else or_0(v, n)),
    ),
    ("max_pool2d", "the largest starts from 0", lambda: pooled(or_0)),
    ("average_pool2d", "the sum is not divided", lambda: pooled(lambda v, n: sum(v))),
    ("average_pool2d", "each sum is divided by the whole", lambda: pooled(lambda v, n: sum(v) / 6)),
]
ALIKE = "where several cells of a window are equally large,"
TWICE = "a pixel that is the largest of two windows gets dy of the"
IN_TWO = "a pixel that lies in two windows gets dy of the"
POOL_BACKS = [
    ("max_pool2d", f"{ALIKE} each", lambda: spread(lambda v: [float(a == max(v)) for a in v], FLAT)),
    ("max_pool2d", f"{ALIKE} the last", lambda: spread(to_last, FLAT)),
    ("max_pool2d", "every cell of the window gets dy", lambda: spread(all_of_it, FLAT)),
    ("max_pool2d", "dy is shared by the window's cells", lambda: spread(evenly, FLAT)),
    ("max_pool2d", f"{TWICE} last", lambda: spread(to_first, FLAT, 1)),
    ("max_pool2d", f"{TWICE} first", lambda: spread(to_first, FLAT, -1)),
    ("average_pool2d", "dy is not divided by the number", lambda: spread(all_of_it)),
    ("average_pool2d", "dy is divided by the whole window's size", lambda: spread(lambda v: [1 / 6] * len(v))),
    ("average_pool2d", f"{IN_TWO} last", lambda: spread(evenly, assign=1)),
    ("average_pool2d", f"{IN_TWO} first", lambda: spread(evenly, assign=-1)),
]


@pytest.mark.parametrize("kernel, said, wrong", POOLS, ids=[f"{k}-{said}" for k, said, _ in POOLS])
def test_mistakes_of_pools_are_named(kernel, said, wrong):
    right = pooled(most if kernel == "max_pool2d" else mean)
    assert_named(kernel, [X], POOL, right, wrong(), said)


@pytest.mark.parametrize("kernel, said, wrong", POOL_BACKS, ids=[f"{k}-{said}" for k, said, _ in POOL_BACKS])
def test_mistakes_of_gradients_of_pools_are_named(kernel, said, wrong):
    if kernel == "max_pool2d":
        given, right = [DP, FLAT, np.float32(pooled(most, FLAT))], spread(to_first, FLAT)
    else:
        given, right = [DP], spread(evenly)
    assert_named(f"{kernel}_backward", given, POOL, right, wrong(), said)


OTHER_SIZES = [
    ("the window's height and width are swapped", {"size": (2, 3)}),
    ("the window's height is used for both axes", {"size": (3, 3)}),
    ("the window's width is used for both axes", {"size": (2, 2)}),
    ("the stride of the rows and that of the columns are swapped", {"strides": (1, 2)}),
    ("the padding is not used", {"pads": (0, 0)}),
]


@pytest.mark.parametrize("said, settings", OTHER_SIZES, ids=[said for said, _ in OTHER_SIZES])
def test_windows_of_pools_of_another_size_or_place_are_named(said, settings):
    assert_named("max_pool2d", [X], POOL, pooled(most), pooled(most, **settings), said)
    if "strides" not in settings:  # with these some windows are empty, and have no mean
        full = settings | ({"pads": (1, 1)} if "size" in settings else {})
        assert_named("average_pool2d", [X], POOL, pooled(mean), pooled(lambda v, n: sum(v) / (n or 1), **full), said)
