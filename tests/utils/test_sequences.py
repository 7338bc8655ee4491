from __future__ import annotations

import numpy as np
import pytest

from minidl.errors import ArgumentError, DataError
from minidl.preprocessing.sequence import pad_sequences

RAGGED = [[1], [2, 3], [4, 5, 6]]


# Expected values as keras 3.15.1 gives them.
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [[0, 0, 1], [0, 2, 3], [4, 5, 6]]),
        ({"maxlen": 2}, [[0, 1], [2, 3], [5, 6]]),
        ({"maxlen": 2, "truncating": "post"}, [[0, 1], [2, 3], [4, 5]]),
        ({"maxlen": 4, "padding": "post"}, [[1, 0, 0, 0], [2, 3, 0, 0], [4, 5, 6, 0]]),
        ({"value": -1}, [[-1, -1, 1], [-1, 2, 3], [4, 5, 6]]),
    ],
)
def test_pad_sequences_fills_and_cuts_as_keras_does(arguments, expected):
    got = pad_sequences(RAGGED, **arguments)
    assert got.tolist() == expected
    assert got.dtype == np.int32


def test_pad_sequences_takes_empty_ones_vectors_and_arrays():
    assert pad_sequences([[], [1]], maxlen=2, value=-1).tolist() == [[-1, -1], [-1, 1]]
    assert pad_sequences([[], []]).shape == (2, 0)
    vectors = pad_sequences([np.array([[1.5, 2.0]]), [[3, 4], [5, 6]]], dtype="float32")
    assert vectors.tolist() == [[[0, 0], [1.5, 2]], [[3, 4], [5, 6]]]
    assert vectors.dtype == np.float32
    words = pad_sequences([["a"], ["b", "c"]], dtype=object, value="<pad>")
    assert words.tolist() == [["<pad>", "a"], ["b", "c"]]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"padding": "left"}, ArgumentError, "padding must be 'pre' or 'post'. Got 'left'"),
        ({"truncating": "end"}, ArgumentError, "truncating must be 'pre' or 'post'"),
        ({"maxlen": 0}, ArgumentError, "maxlen must be 1 or more. Got 0"),
        ({"sequences": [1, 2]}, DataError, "each item must be a sequence. Got 1 at index 0"),
        ({"sequences": ["words", "are"]}, DataError, "Got 'words' at index 0"),
        ({"sequences": []}, DataError, "there are no sequences"),
        ({"sequences": [np.zeros((2, 3)), np.zeros((2, 4))]}, DataError, r"Got \(2, 4\) at index 1, expected \(T, 3\)"),
    ],
)
def test_pad_sequences_says_what_is_wrong(arguments, error, message):
    with pytest.raises(error, match=message):
        pad_sequences(**{"sequences": RAGGED, **arguments})
