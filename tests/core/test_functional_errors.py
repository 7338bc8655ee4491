"""Convolution and pooling called by hand on arrays that do not fit: the message names the function."""

from __future__ import annotations

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
