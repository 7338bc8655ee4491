from __future__ import annotations

import numpy as np
import pytest

from minidl.data import class_weight_to_sample_weight, split_validation
from minidl.errors import ArgumentError, DataError

X = np.arange(20).reshape(10, 2)


def test_split_validation_takes_the_last_samples_without_copying():
    train, validation = split_validation(X, X[:, 0], np.ones(10), 0.3)
    np.testing.assert_array_equal(train[0], X[:7])
    np.testing.assert_array_equal(validation[0], X[7:])
    np.testing.assert_array_equal(validation[1], X[7:, 0])
    assert (len(train[2]), len(validation[2])) == (7, 3)
    assert np.shares_memory(train[0], X)


# Recorded from keras 3.15.1, keras.src.trainers.data_adapters.array_slicing.train_validation_split.
@pytest.mark.parametrize(
    ("size", "fraction", "train_size"),
    [
        (10, 0.1, 9),
        (10, 0.25, 7),
        (7, 0.5, 3),
        (60000, 0.1, 54000),
        (1437, 0.2, 1149),
        (10, 0.7, 3),
        (3, 0.01, 2),
    ],
)
def test_split_validation_cuts_where_keras_does(size, fraction, train_size):
    train, validation = split_validation(np.zeros(size), None, None, fraction)
    assert (len(train[0]), len(validation[0])) == (train_size, size - train_size)
    assert train[1] is None
    assert validation[2] is None


def test_split_validation_splits_every_input():
    train, validation = split_validation([X, {"a": X}], {"y": X}, None, 0.5)
    assert [len(train[0][0]), len(train[0][1]["a"]), len(validation[1]["y"])] == [5, 5, 5]


@pytest.mark.parametrize("fraction", [0, 1, 1.0, -0.1, 20, "0.2", None, True, float("nan")])
def test_split_validation_refuses_other_fractions(fraction):
    with pytest.raises(ArgumentError, match="validation_split must be a fraction between 0 and 1. Got"):
        split_validation(X, None, None, fraction)


def test_split_validation_refuses_an_empty_part_and_generators():
    with pytest.raises(DataError, match="validation_split=0.9 of 3 samples leaves none for training"):
        split_validation(np.zeros(3), None, None, 0.9)
    with pytest.raises(ArgumentError, match="validation_split needs arrays. Got x of type generator"):
        split_validation((i for i in range(3)), None, None, 0.5)
    with pytest.raises(DataError, match=r"Got x \(10, 2\), y \(3,\)"):
        split_validation(X, np.zeros(3), None, 0.5)


@pytest.mark.parametrize(
    "y",
    [
        np.array([0, 2, 1, 2]),
        np.array([[0], [2], [1], [2]], np.uint8),
        np.array([0.0, 2.0, 1.0, 2.0]),
        np.eye(3)[[0, 2, 1, 2]],
    ],
    ids=["labels", "column", "floats", "one-hot"],
)
def test_class_weights_become_sample_weights(y):
    weights = class_weight_to_sample_weight(y, {0: 3, 2: 0.5})
    assert weights.dtype == np.float32
    assert weights.tolist() == [3.0, 0.5, 1.0, 0.5]


@pytest.mark.parametrize(
    "class_weight", [[1, 2], {}, {"cat": 1.0}, {0: -1.0}, {0: float("nan")}, {0: float("inf")}, {-1: 1.0}, {0: [1]}]
)
def test_class_weights_of_another_form_are_refused(class_weight):
    with pytest.raises(ArgumentError, match="class_weight m"):
        class_weight_to_sample_weight(np.array([0, 1]), class_weight)


@pytest.mark.parametrize("y", [np.zeros((2, 3, 4)), [np.zeros(2)], None])
def test_class_weights_need_one_label_a_sample(y):
    with pytest.raises(DataError, match="class_weight needs one label a sample"):
        class_weight_to_sample_weight(y, {0: 1.0})
