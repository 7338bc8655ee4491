from __future__ import annotations

import numpy as np
import pytest

from minidl.errors import ArgumentError, DataError
from minidl.utils import normalize, to_categorical


# Expected values as keras 3.15.1 gives them.
@pytest.mark.parametrize(
    ("x", "num_classes", "expected"),
    [
        ([0, 2, 1], None, [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
        ([[1], [2]], 4, [[0, 1, 0, 0], [0, 0, 1, 0]]),
        ([[1, 0]], None, [[[0, 1], [1, 0]]]),
        (1, 3, [0, 1, 0]),
        (np.array([1.0, 0.0]), 2, [[0, 1], [1, 0]]),
        (np.array([255], np.uint8), 256, np.eye(256)[255:]),
    ],
)
def test_to_categorical_makes_one_hot_rows(x, num_classes, expected):
    got = to_categorical(x, num_classes)
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == np.float32


@pytest.mark.parametrize(
    ("x", "num_classes", "message"),
    [
        ([0, 3], 3, r"labels must be in 0..2. Got 0..3. Do they start at 1"),
        ([-1, 0], None, "labels must be in 0..0. Got -1..0"),
        ([0.5], None, "labels must be whole numbers"),
        ([np.nan], None, "labels must be whole numbers"),
        ([], None, "there are no labels"),
        (["cat"], None, "labels must be integers. Got dtype <U3. Are they class names"),
    ],
)
def test_to_categorical_says_what_is_wrong(x, num_classes, message):
    with pytest.raises(DataError, match=message):
        to_categorical(x, num_classes)


def test_normalize_divides_by_the_norm_along_an_axis():
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    for axis, order in [(-1, 2), (0, 1), (1, 3)]:
        got = normalize(x, axis, order)
        lengths = (np.abs(got.astype(np.float64)) ** order).sum(axis) ** (1 / order)
        np.testing.assert_allclose(lengths, 1, rtol=1e-6)
        np.testing.assert_array_equal(np.sign(got), np.sign(x))
        assert got.dtype == np.float32


def test_normalize_keeps_zeros_and_takes_integers():
    assert normalize([[0, 0], [3, 4]]).tolist() == [[0, 0], [np.float32(0.6), np.float32(0.8)]]
    assert normalize([1, -3], order=1).tolist() == [0.25, -0.75]
    assert normalize(np.array([[3.0, 4.0]])).dtype == np.float64


def test_normalize_refuses_an_order_below_one():
    with pytest.raises(ArgumentError, match="order must be 1 or more. Got 0"):
        normalize([1.0], order=0)
