from __future__ import annotations

import numpy as np
import pytest

from minidl.data import check_finite, check_labels, check_same_size, checks, swapped_hint
from minidl.errors import DataError


def test_check_same_size_counts_samples_of_all_arrays():
    assert check_same_size([np.zeros((5, 2)), np.zeros((5, 3, 4))], np.zeros(5), np.ones(5)) == 5


@pytest.mark.parametrize(
    ("x", "y", "weight", "message"),
    [
        (np.zeros((5, 2)), np.zeros(4), None, r"Got x \(5, 2\), y \(4,\). Are they from different splits"),
        ([np.zeros((5, 2)), np.zeros((6, 2))], np.zeros(5), None, r"x\[0\] \(5, 2\), x\[1\] \(6, 2\), y \(5,\)"),
        ({"left": np.zeros(3)}, {"out": np.zeros(4)}, None, r"x\['left'\] \(3,\), y\['out'\] \(4,\)"),
        (np.zeros(3), np.zeros(3), np.ones(2), r"sample_weight \(2,\)"),
        (np.zeros(4, int), np.zeros((5, 8, 8)), None, "are x and y swapped"),
        (np.zeros((0, 28)), np.zeros(0), None, r"the data is empty. Got x \(0, 28\), y \(0,\)"),
        ([], None, None, "there is no data"),
        (None, np.zeros(3), None, "there is no data: x is None"),
    ],
)
def test_check_same_size_names_arrays_and_shapes(x, y, weight, message):
    with pytest.raises(DataError, match=message):
        check_same_size(x, y, weight)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_check_finite_finds_the_first_bad_value(value, dtype):
    x = np.zeros((7, 3, 2), dtype)
    x[4, 2, 1] = x[6, 0, 0] = value
    with pytest.raises(DataError, match=rf"Got {value} at index \(4, 2, 1\); 2 of 42 values"):
        check_finite(x)


def test_check_finite_looks_beyond_the_first_chunk(monkeypatch):
    monkeypatch.setattr(checks, "CHUNK_VALUES", 10)
    x = np.zeros((50, 3), np.float32)
    check_finite(x)
    x[47, 1] = np.nan
    with pytest.raises(DataError, match=r"index \(47, 1\); 1 of 150"):
        check_finite(x[::-1][::-1])


def test_check_finite_names_the_array_in_a_structure():
    with pytest.raises(DataError, match=r"evaluate: x\['right'\] must be finite"):
        check_finite({"left": np.zeros(2), "right": np.array([0, np.inf])}, "x", "evaluate")


def test_check_finite_passes_integers_empty_arrays_and_large_values():
    check_finite([np.arange(5), np.zeros((0, 3)), np.zeros((3, 0)), np.full(3, np.float16(65504)), None])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0, 3, 1]), r"must be whole numbers in 0..2, .* Got 3 at index \(1,\). Has the last layer too few"),
        (np.array([1, 2, 3]), "Do the labels start at 1"),
        (np.array([[0], [-1]]), r"Got -1 at index \(1, 0\). Is -1 a mark for missing"),
        (np.array([0.0, 0.5]), r"Got 0.5 at index \(1,\). Are these values to be predicted"),
        (np.array([0.0, np.nan]), "Got nan"),
    ],
)
def test_check_labels_says_which_label_is_out_of_range(y, message):
    with pytest.raises(DataError, match=message):
        check_labels(y, 3)


def test_check_labels_passes_what_is_in_range():
    check_labels(np.array([0, 2, 1], np.uint8), 3)
    check_labels(np.array([[0.0], [2.0]]), 3)
    check_labels(np.array([0, -1, 2]), 3, ignore_class=-1)


def test_swapped_hint_is_given_for_labels_before_images_only():
    images, labels = np.zeros((4, 8, 8)), np.zeros((4, 1), np.uint8)
    assert "swapped" in swapped_hint(labels, images)
    assert swapped_hint(images, labels) == ""
    assert swapped_hint(labels.astype(np.float32), images) == ""
    assert swapped_hint([labels], images) == ""


def test_check_same_size_explains_a_list_of_samples_in_few_words():
    with pytest.raises(DataError, match=r"and 293 more. A list .* several inputs.*np.stack\(x\)") as caught:
        check_same_size([np.zeros((28, 28))] * 300, np.zeros(300))
    assert len(str(caught.value)) < 500
