"""max_pool2d and average_pool2d: against loops and finite differences, ties, padding, and their errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from windows_cases import geometries, loop_pool

from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.ops.pool2d import (
    average_pool2d_backward,
    average_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)
from minidl.testing.gradients import check_gradients

QUICK = settings(deadline=None, derandomize=True, max_examples=40)
POOLS = {
    "max_pool2d": (max_pool2d_forward, max_pool2d_backward, np.max),
    "average_pool2d": (average_pool2d_forward, average_pool2d_backward, np.mean),
}
NO_PADDING = ((0, 0), (0, 0))


@st.composite
def cases(draw: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """Draw an image of values that all differ by more than a difference's step, and a pool."""
    g = draw(geometries(max_dilation=1))
    pool = g["kernel"]
    padding = tuple(tuple(min(p, size - 1) for p in sides) for sides, size in zip(g["padding"], pool, strict=True))
    image = tuple(max(h, size) for h, size in zip(g["image"], pool, strict=True))
    shape = (2, *image, 2)
    x = np.random.default_rng(draw(st.integers(0, 99))).permutation(np.prod(shape)).reshape(shape) / 10.0
    return x, {"pool_size": pool, "strides": g["strides"], "padding": padding}


@pytest.mark.parametrize("op", POOLS)
@QUICK
@given(case=cases())
def test_forward_equals_the_loops_and_gradients_the_differences(op: str, case: tuple) -> None:
    forward, backward, reduce = POOLS[op]
    x, static = case
    before = x.copy()
    y, _ = forward(x, **static)
    np.testing.assert_allclose(y, loop_pool(x, reduce, **static), rtol=1e-13)
    check_gradients(forward, backward, [x], static)
    assert np.array_equal(x, before)


@pytest.mark.parametrize("op", POOLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(op: str, dtype: type) -> None:
    forward, backward, _ = POOLS[op]
    y, cache = forward(np.ones((1, 5, 4, 2), dtype), padding=((1, 0), (0, 1)))
    (dx,) = backward(np.ones_like(y), cache)
    assert y.dtype == dx.dtype == dtype and dx.shape == (1, 5, 4, 2)


@pytest.mark.parametrize("op", POOLS)
def test_defaults_are_two_by_two_without_padding(op: str) -> None:
    assert POOLS[op][0](np.ones((1, 5, 7, 1)))[0].shape == (1, 2, 3, 1)


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_max_pool2d_tie_goes_to_the_first_place(rows: int, columns: int) -> None:
    x = np.zeros((1, 2, 2, 1))
    x[0, rows, columns, 0] = x[0, 1, 1, 0] = 5.0
    y, cache = max_pool2d_forward(x)
    (dx,) = max_pool2d_backward(np.full((1, 1, 1, 1), 7.0), cache)
    assert y.item() == 5.0 and dx[0, rows, columns, 0] == 7.0 and dx.sum() == 7.0


def test_max_pool2d_ties_in_overlapping_windows_go_to_the_first_place_of_each() -> None:
    x = np.ones((1, 1, 4, 1))
    y, cache = max_pool2d_forward(x, pool_size=(1, 2), strides=(1, 1), padding=((0, 0), (1, 1)))
    (dx,) = max_pool2d_backward(np.array([1.0, 2.0, 4.0, 8.0, 16.0]).reshape(y.shape), cache)
    assert dx.ravel().tolist() == [3.0, 4.0, 8.0, 16.0]


def test_max_pool2d_padding_never_wins() -> None:
    x = -np.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    y, cache = max_pool2d_forward(x, pool_size=(2, 2), strides=(2, 2), padding=((1, 0), (1, 0)))
    assert y.max() == -1.0 and np.isfinite(y).all()
    (dx,) = max_pool2d_backward(np.ones_like(y), cache)
    assert dx.sum() == 4.0


def test_max_pool2d_shows_nan() -> None:
    x = np.zeros((1, 2, 4, 1))
    x[0, 1, 2, 0] = np.nan
    y, _ = max_pool2d_forward(x)
    assert np.isnan(y[0, 0, 1, 0]) and y[0, 0, 0, 0] == 0.0


def test_average_pool2d_leaves_padding_out_of_the_count() -> None:
    y, cache = average_pool2d_forward(np.ones((1, 3, 3, 1)), padding=((1, 0), (0, 1)))
    assert y.ravel().tolist() == [1.0, 1.0, 1.0, 1.0]
    (dx,) = average_pool2d_backward(np.ones_like(y), cache)
    assert dx[0, 0, :, 0].tolist() == [0.5, 0.5, 1.0]  # the pixel in the corner window is alone in it


@pytest.mark.parametrize("op", POOLS)
@pytest.mark.parametrize(
    ("shape", "static", "error", "message"),
    [
        ((4, 4, 3), {}, ShapeError, r"x must be \(N, H, W, C\). Got \(4, 4, 3\)"),
        ((1, 1, 4, 3), {}, ShapeError, "kernel is larger than the padded image"),
        ((1, 4, 4, 3), {"strides": (0, 2)}, ArgumentError, "strides must be two integers ≥ 1"),
        ((1, 4, 4, 3), {"pool_size": 2}, ArgumentError, "pool_size must be two integers ≥ 1"),
        ((1, 4, 4, 3), {"padding": ((0, 2), (0, 0))}, ArgumentError, "padding must be smaller than the pool"),
        ((1, 4, 4, 3), {"padding": "same"}, ArgumentError, "resolve_padding"),
    ],
)
def test_bad_input_is_named(op: str, shape: tuple, static: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=f"{op}: .*{message}"):
        POOLS[op][0](np.zeros(shape), **static)


@pytest.mark.parametrize("op", POOLS)
def test_integers_are_refused(op: str) -> None:
    with pytest.raises(DTypeError, match=f"{op}: x must be float32 or float64. Got uint8"):
        POOLS[op][0](np.zeros((1, 4, 4, 1), np.uint8))
