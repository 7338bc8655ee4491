from __future__ import annotations

import hashlib

import numpy as np
import pytest

from minidl.datasets import digits
from minidl.errors import ArgumentError


def test_load_data_has_the_published_images():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert (x_train.shape, y_train.shape) == ((1437, 8, 8), (1437,))
    assert (x_test.shape, y_test.shape) == ((360, 8, 8), (360,))
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    # The sums are scikit-learn's: load_digits().images.sum(), np.bincount(load_digits().target)
    assert int(x_train.sum()) + int(x_test.sum()) == 561718
    counts = np.bincount(y_train) + np.bincount(y_test)
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_licence_names_the_file_that_ships():
    text = digits.FILE.with_name("DIGITS_LICENSE.txt").read_text()
    assert hashlib.sha256(digits.FILE.read_bytes()).hexdigest() in text
    assert "10.24432/C50P49" in text
    assert "CC BY 4.0" in text


def test_load_data_split_is_fixed_and_stratified():
    (_, y_train), (x_test, y_test) = digits.load_data()
    np.testing.assert_array_equal(digits.load_data()[1][0], x_test)
    shares = np.bincount(y_test) / (np.bincount(y_train) + np.bincount(y_test))
    np.testing.assert_allclose(shares, 360 / 1797, atol=0.006)  # at most one image of about 180
    # The test set is the same everywhere, for good: this hash was recorded when the split was first drawn.
    assert hashlib.sha256(y_test.tobytes()).hexdigest()[:16] == "8936e7b1087ee14b"


def test_load_data_draws_another_split_for_another_seed():
    assert not np.array_equal(digits.load_data(seed=1)[1][0], digits.load_data(seed=2)[1][0])


@pytest.mark.parametrize("test_size", [10, 11, 997, 1787])
def test_load_data_takes_any_size(test_size):
    (x_train, _), (x_test, y_test) = digits.load_data(test_size=test_size)
    assert (len(x_train), len(x_test)) == (1797 - test_size, test_size)
    assert len(np.unique(y_test)) == 10


@pytest.mark.parametrize("test_size", [0, 9, 1788, 0.2])
def test_load_data_refuses_sizes_that_leave_a_digit_out(test_size):
    with pytest.raises(ArgumentError, match=r"test_size must be a number of images in 10..1787. Got"):
        digits.load_data(test_size=test_size)
