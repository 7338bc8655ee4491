"""Mistakes in an op of one's own, each with a message that says what to mend."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.errors import DTypeError, TapeError
from minidl.testing import check_gradients
from minidl.testing.gradients import GradientError


def register(forward, backward=lambda dy, cache: (dy,)):
    return minidl.register_op("under_test", forward, backward, replace=True)


@pytest.mark.parametrize("shape", [(2, 3), (3,), ()])
def test_a_forward_without_a_cache_is_named(shape):
    """An array of two rows must not be taken apart into a result and a cache."""
    with pytest.raises(TapeError, match=r"under_test: its forward on 'numpy' must return \(y, cache\).*Got one"):
        register(lambda x: x * 2)(np.ones(shape, np.float32))


def test_a_forward_with_three_results_is_named():
    with pytest.raises(TapeError, match="a tuple of 3"):
        register(lambda x: (x, x, x))(np.ones(2, np.float32))


def test_a_forward_that_gives_a_list_is_named():
    with pytest.raises(TapeError, match="must give an array. Got list"):
        register(lambda x: ([1.0, 2.0], None))(np.ones(2, np.float32))


def test_a_forward_may_give_a_numpy_scalar():
    total = register(lambda x: (np.sum(x), x.shape), lambda dy, shape: (np.full(shape, dy),))
    w = minidl.Variable([1.0, 2.0])
    with minidl.GradientTape() as tape:
        loss = total(w)
    assert isinstance(loss.data, np.ndarray) and loss.item() == 3
    assert tape.gradient(loss, w).numpy().tolist() == [1, 1]


def test_a_backward_may_give_a_numpy_scalar():
    """NumPy's arithmetic on arrays without axes gives scalars."""
    triple, x = register(lambda x: (x * 3, None), lambda dy, cache: (dy * 3,)), minidl.Variable(2.0)
    with minidl.GradientTape() as tape:
        y = triple(x) * x
    assert tape.gradient(y, x).numpy() == 12


def test_a_forward_that_promotes_to_float64_is_named():
    with pytest.raises(DTypeError, match="must keep float32. Got float64.*dtype=x.dtype"):
        register(lambda x: (x + np.zeros(x.shape), None))(np.ones(2, np.float32))


def test_a_forward_in_float64_stays_there():
    assert register(lambda x: (x + np.zeros(x.shape), None))(np.ones(2)).dtype == np.float64


def double_in_place(x):
    x *= 2
    return x, None


def backward_in_place(dy, x):
    x *= 0
    return (2 * dy,)


@pytest.mark.parametrize(
    ("forward", "backward", "name"),
    [
        (double_in_place, lambda dy, cache: (2 * dy,), "double_in_place"),
        (lambda x: (2 * x, x), backward_in_place, "backward_in_place"),
    ],
)
def test_check_gradients_names_a_function_that_changes_its_input(forward, backward, name):
    with pytest.raises(GradientError, match=f"{name}: input 0 was changed in place"):
        check_gradients(forward, backward, [np.array([1.0, 2.0, 3.0])])


def test_an_integer_beside_a_float_says_what_to_cast():
    with pytest.raises(DTypeError, match=r"Cast the int32 first: a.astype\('float32'\)"):
        minidl.tape.apply("multiply", minidl.Tensor([1, 2]), 1.5)
