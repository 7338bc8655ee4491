"""Small models spend their time in Python, between the ops: the number of functions that a step calls stays small."""

import sys

import numpy as np
import pytest

import minidl
from minidl import layers


def python_calls(function):
    """Return how many Python functions a call runs, itself included: unlike its time, that is the same each time."""
    function()  # the first time weights are made, and ops imported
    calls = 0

    def note(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return calls


def recorded():
    a, w = minidl.Tensor([1.0, 2.0]), minidl.Variable([1.0, 2.0])

    def run():
        with minidl.GradientTape():
            w * a

    return run


def step():
    model = minidl.Sequential(
        [layers.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(4, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.ones((4, 8), np.float32), np.zeros(4, np.int64)
    return lambda: model.train_step((x, y))


def on_a_tensor(function):
    """Return what makes a tensor, and gives a function that runs an op on it."""

    def make():
        x = minidl.Tensor([[1.0, 2.0]])
        return lambda: function(x)

    return make


CASES = {  # what is run, and about a quarter more calls than it takes
    "sum": (on_a_tensor(lambda x: x + x), 60),
    "sum with a number": (on_a_tensor(lambda x: x + 1.0), 70),
    "comparison": (on_a_tensor(lambda x: x > x), 45),
    "recorded product": (recorded, 85),
    "layer": (on_a_tensor(layers.Dense(2)), 100),
    "training step": (step, 1750),
}


@pytest.mark.parametrize("case", CASES)
def test_python_calls_stay_few(case):
    make, limit = CASES[case]
    assert python_calls(make()) <= limit
