"""upsample2d: gradients, a loop version, straight lines stay straight, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pointwise import checked, normal, seeds

from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.ops.upsample2d import interpolation_matrix, upsample2d_backward, upsample2d_forward
from minidl.testing import check_gradients

small = st.integers(1, 3)


@checked
@given(st.tuples(small, small, small, small), small, small, st.sampled_from(["nearest", "bilinear"]), seeds)
def test_gradient(shape: tuple[int, ...], rows: int, columns: int, interpolation: str, seed: int) -> None:
    static = {"size": (rows, columns), "interpolation": interpolation}
    check_gradients(upsample2d_forward, upsample2d_backward, [normal(shape, seed)], static)


def test_nearest_repeats_pixels_as_loops_do() -> None:
    x = normal((2, 3, 4, 2), 0)
    y, _ = upsample2d_forward(x, size=(2, 3))
    assert y.shape == (2, 6, 12, 2)
    for p in range(6):
        for q in range(12):
            np.testing.assert_array_equal(y[:, p, q], x[:, p // 2, q // 3])


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_bilinear_keeps_straight_lines_between_the_outer_centres(factor: int) -> None:
    matrix = interpolation_matrix(4, 4 * factor, np.float64)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert ((matrix != 0).sum(axis=1) <= 2).all()
    centres = (np.arange(4 * factor) + 0.5) / factor - 0.5
    np.testing.assert_allclose(matrix @ np.arange(4.0), np.clip(centres, 0, 3))


def test_size_one_copies() -> None:
    x = normal((1, 2, 3, 1), 0)
    for interpolation in ("nearest", "bilinear"):
        y, _ = upsample2d_forward(x, size=(1, 1), interpolation=interpolation)
        np.testing.assert_array_equal(y, x)
        assert not np.shares_memory(x, y)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_empty_batch_passes(interpolation: str) -> None:
    y, cache = upsample2d_forward(np.ones((0, 2, 3, 1)), interpolation=interpolation)
    assert y.shape == (0, 4, 6, 1)
    assert upsample2d_backward(y, cache)[0].shape == (0, 2, 3, 1)


@pytest.mark.parametrize("size", [2, (2,), (2, 0), (2.0, 2), (1, 2, 3), (-1, 1)])
def test_bad_size_raises(size: Any) -> None:
    with pytest.raises(ArgumentError, match=r"upsample2d: size must be two positive integers\. Got"):
        upsample2d_forward(np.ones((1, 2, 2, 1)), size=size)


def test_bad_inputs_raise() -> None:
    with pytest.raises(
        ShapeError, match=r"upsample2d: x must have the axes \(N, H, W, C\)\. Got \(2, 2, 1\)\. .*batch axis"
    ):
        upsample2d_forward(np.ones((2, 2, 1)))
    with pytest.raises(ArgumentError, match="upsample2d: interpolation must be 'nearest' or 'bilinear'. Got 'cubic'"):
        upsample2d_forward(np.ones((1, 2, 2, 1)), interpolation="cubic")
    with pytest.raises(DTypeError, match="upsample2d: x must be float32 or float64. Got uint8"):
        upsample2d_forward(np.ones((1, 2, 2, 1), np.uint8))
