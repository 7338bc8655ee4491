from __future__ import annotations

import numpy as np
import pytest

from minidl.data import as_arrays
from minidl.data.structure import map_arrays, named_arrays
from minidl.errors import DataError, DTypeError


class Wrapped:
    """Anything with `__array__`, such as a Tensor or a DataFrame."""

    def __init__(self, array):
        self.array, self.ndim = array, array.ndim

    def __array__(self, dtype=None, copy=None):
        return self.array


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64, np.int64, bool])
def test_as_arrays_keeps_the_array_and_its_dtype(dtype):
    array = np.zeros((3, 2), dtype)
    assert as_arrays(array) is array


def test_as_arrays_reads_nested_lists_as_one_array():
    assert as_arrays([[0, 1], [2, 3], [4, 5]]).shape == (3, 2)
    assert as_arrays([1.5, 2.5]).tolist() == [1.5, 2.5]
    assert as_arrays([np.float32(1), np.float32(2)]).shape == (2,)


def test_as_arrays_takes_what_can_become_an_array():
    assert as_arrays(Wrapped(np.arange(3))).tolist() == [0, 1, 2]
    first, second = as_arrays([Wrapped(np.arange(3)), np.ones((3, 1))])
    assert (first.shape, second.shape) == ((3,), (3, 1))


def test_as_arrays_keeps_lists_tuples_and_names():
    a, b = np.zeros(2), np.ones(2)
    assert isinstance(as_arrays((a, b)), tuple)
    assert isinstance(as_arrays([a, b]), list)
    assert as_arrays({"left": a, "right": b})["right"] is b
    assert as_arrays(None) is None


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([[1, 2], [3]], DataError, "rows of x differ in length.*pad_sequences"),
        (np.float32(3.0), DataError, r"x needs a batch axis \(N, ...\)"),
        (["cat", "dog"], DTypeError, "x must hold numbers. Got dtype <U3 from a list"),
        ([np.zeros(2), np.array(["a", "b"])], DTypeError, r"x\[1\] must hold numbers"),
        ({"name": np.array([None, {}])}, DTypeError, r"x\['name'\] must hold numbers. Got dtype object"),
        (np.zeros(2, complex), DTypeError, "Got dtype complex128"),
    ],
)
def test_as_arrays_says_what_is_wrong(data, error, message):
    with pytest.raises(error, match=f"fit: .*{message}|fit: {message}"):
        as_arrays(data)


def test_map_and_named_arrays_go_through_the_same_arrays():
    data = {"a": np.zeros((2, 3)), "b": (np.ones(2), None)}
    assert map_arrays(np.shape, data) == {"a": (2, 3), "b": ((2,), None)}
    assert [name for name, _ in named_arrays(data, "x")] == ["x['a']", "x['b'][0]"]
