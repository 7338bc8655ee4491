"""Who is told of what: order, nesting, exceptions, no telling of oneself, sums of gradients."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl.observers import GRADIENT_SUM, OBSERVERS, observing


def test_observer_is_told_of_forward_then_backward_in_order():
    w = minidl.Variable([[1.0, 2.0]], name="w")
    with observing() as runs, minidl.GradientTape() as tape:
        loss = F.relu(w * 3.0).sum()
        tape.gradient(loss, w)
    assert [(run.op, run.direction) for run in runs] == [
        ("multiply", "forward"), ("relu", "forward"), ("reduce_sum", "forward"),
        ("reduce_sum", "backward"), ("relu", "backward"), ("multiply", "backward"),
    ]  # fmt: skip
    for before, after in zip(runs, runs[1:], strict=False):
        assert before.started <= before.called <= before.finished <= after.started


def test_observer_gets_arrays_static_values_and_what_was_needed():
    x = minidl.Variable(np.arange(6.0).reshape(2, 3))
    with observing() as runs, minidl.GradientTape() as tape:
        loss = (F.leaky_relu(x, 0.5) * 2.0).sum()
        tape.gradient(loss, x)
    leaky, times = runs[0], runs[-2]
    assert leaky.static == {"negative_slope": 0.5} and leaky.backend == "cpu" and leaky.why == "default"
    np.testing.assert_array_equal(leaky.inputs[0], x.numpy())
    np.testing.assert_array_equal(leaky.outputs[0], x.numpy())
    assert (times.op, times.direction, times.needs) == ("multiply", "backward", (True, False))
    np.testing.assert_array_equal(runs[-1].outputs[0], np.where(x.numpy() > 0, 2.0, 1.0))


def test_outer_observer_is_told_first_and_keeps_listening_after_an_inner_block():
    told = []
    x = minidl.Tensor([1.0])
    with observing(lambda run: told.append(("outer", run.op))):
        with observing(lambda run: told.append(("inner", run.op))):
            x + 1.0
        x * 2.0
    x - 1.0
    assert told == [("outer", "add"), ("inner", "add"), ("outer", "multiply")]
    assert OBSERVERS.get() == ()


def test_observers_are_not_told_of_the_ops_of_observers():
    told = []

    def curious(run):
        told.append(run.op)
        float(F.square(minidl.Tensor(run.outputs[0])).sum())

    with observing(curious), observing() as others:
        minidl.Tensor([1.0, 2.0]) + 1.0
    assert told == ["add"] and [run.op for run in others] == ["add"]


def test_what_an_observer_raises_reaches_the_caller_and_telling_goes_on_afterwards():
    def refuse(run):
        raise RuntimeError(f"seen {run.op}")

    x = minidl.Tensor([1.0])
    with observing() as runs:
        with pytest.raises(RuntimeError, match="seen exp"):
            with observing(refuse):
                F.exp(x)
        F.log(x)
    assert [run.op for run in runs] == ["exp", "log"]
    assert OBSERVERS.get() == ()


def test_an_op_that_fails_is_not_told_of():
    with observing() as runs:
        with pytest.raises(minidl.errors.ShapeError):
            F.dense(np.ones((2, 3), np.float32), np.ones((4, 5), np.float32))
    assert runs == []


def test_sum_of_gradients_is_told_as_an_add_with_its_reason():
    x = minidl.Variable([3.0])
    with minidl.GradientTape() as tape:
        loss = (x * x + x).sum()
    with observing() as runs:
        gradient = tape.gradient(loss, x)
    sums = [run for run in runs if run.why == GRADIENT_SUM]
    assert [(run.op, run.direction) for run in sums] == [("add", "forward")] * len(sums) and sums
    np.testing.assert_array_equal(sums[-1].outputs[0], gradient.numpy())
    assert gradient.numpy().tolist() == [7.0]


def test_layers_are_named_inside_a_model():
    model = minidl.Sequential([minidl.layers.Input((3,)), minidl.layers.Dense(2, activation="relu", name="first")])
    with observing() as runs:
        model(np.ones((1, 3), np.float32))
    assert [(run.layer, run.op) for run in runs] == [("first", "dense"), ("first", "relu")]
