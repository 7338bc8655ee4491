"""Convolution and pooling called by hand on arrays that do not fit: the message names the function."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minidl import functional as F
from minidl.errors import ShapeError

IMAGES = np.zeros((2, 5, 4, 3), np.float32)


@pytest.mark.parametrize(
    ("function", "x", "w"),
    [
        (F.conv2d, IMAGES, (6, 3, 3, 2)),
        (F.depthwise_conv2d, IMAGES, (3, 5, 3, 2)),
        (F.conv1d, IMAGES[0], (6, 3, 2)),
    ],
)
def test_a_kernel_larger_than_the_image_names_the_function(function, x, w):
    with pytest.raises(ShapeError, match=f"^{function.__name__}: the kernel is larger than the padded image"):
        function(x, np.zeros(w, np.float32))


def test_a_pool_larger_than_the_image_names_the_function():
    with pytest.raises(ShapeError, match="^max_pool2d: the kernel is larger"):
        F.max_pool2d(IMAGES, 6)


@pytest.mark.parametrize("function", [F.conv2d, F.depthwise_conv2d, F.conv2d_transpose])
@pytest.mark.parametrize("shape", [(3,), (3, 3, 3)])
def test_weights_of_the_wrong_rank_are_named(function, shape):
    with pytest.raises(ShapeError, match=rf"^{function.__name__}: w must have 4 axes, \(R, S, "):
        function(IMAGES, np.zeros(shape, np.float32))


X = np.random.default_rng(3).normal(size=(3, 4)).astype(np.float32)
IN_WORDS = {
    "selu": lambda v: 1.0507009873554805 * (v if v > 0 else 1.6732632423543772 * math.expm1(v)),
    "softsign": lambda v: v / (1 + abs(v)), "mish": lambda v: v * math.tanh(math.log1p(math.exp(v))),
    "exponential": math.exp, "negative": lambda v: -v,
}  # fmt: skip


@pytest.mark.parametrize("name", IN_WORDS)
def test_functions_of_one_number_are_what_their_formulas_say(name):
    for x in (X, X.astype(np.float64), np.array([[1, -2], [0, 3]])):
        expected = [[IN_WORDS[name](v) for v in row] for row in x.tolist()]
        np.testing.assert_allclose(getattr(F, name)(x).numpy(), expected, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("name, of", [("divide", lambda a, b: a / b), ("mod", lambda a, b: a % b)])
def test_functions_of_two_numbers_are_what_python_gives(name, of):
    b = np.float32([[2.0, -3.0, 0.5, -0.25]])
    expected = [[of(v, w) for v, w in zip(row, b[0].tolist(), strict=True)] for row in X.tolist()]
    np.testing.assert_allclose(getattr(F, name)(X, b).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert getattr(F, name)([7, -7], [2, 2]).numpy().tolist() == [of(7, 2), of(-7, 2)]


def test_a_separable_convolution_is_one_by_channel_then_one_across():
    x = np.random.default_rng(1).normal(size=(2, 6, 7, 3)).astype(np.float32)
    by_channel, across, b = (np.random.default_rng(2).normal(size=s).astype(np.float32)
                             for s in ((3, 2, 3, 2), (1, 1, 6, 4), (4,)))  # fmt: skip
    y = F.separable_conv2d(x, by_channel, across, b).numpy()
    middle = np.zeros((2, 4, 6, 3, 2))
    for r, s in np.ndindex(3, 2):
        middle += x[:, r : r + 4, s : s + 6, :, None] * by_channel[r, s]
    np.testing.assert_allclose(y, middle.reshape(2, 4, 6, 6) @ across[0, 0] + b, rtol=1e-4, atol=1e-5)
