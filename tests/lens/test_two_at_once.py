"""Two notebooks in one process look at once: each thread sees its own ops, launches and changes, and nobody else's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minidl
from cuda_kernels.launch import launches, simt_options
from minidl import functional as F
from minidl import layers, lens
from minidl.observers import observing

X, Y = np.random.default_rng(0).random((4, 3), np.float32), np.random.default_rng(1).random((4, 2), np.float32)


def at_once(*functions):
    """Run the functions in a thread each, and return what they return."""
    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result(60) for future in [pool.submit(function) for function in functions]]


def network(seed, activation):
    minidl.utils.set_random_seed(seed)
    hidden = layers.Dense(5, activation=activation, name="hidden")
    model = minidl.Sequential([layers.Input((3,)), hidden, layers.Lambda(lambda x: x), layers.Dense(2, name="out")])
    model.compile("sgd", "mse")
    return model


def let_wait_for_each_other(*models):
    """Their forwards go on when all of them are in the middle."""
    barrier = threading.Barrier(len(models))
    for model in models:
        model.layers[1].call = lambda x, **_: (barrier.wait(300), x)[1]
    return models


def stepped(model):
    """All that a stepper tells, with a value changed, and the kernels of its first op."""
    s = lens.step(model, X, Y)
    alone = (s.loss, [m.op for m in s.moments], {path: w.copy() for path, w in s.weights.items()})
    s.next().change("y", (0, 0), 2.0)
    return alone, s.loss, s.differences()["y"][0], [launch.name for launch in s.goto(0).kernels()]


def test_two_threads_step_at_once_and_see_their_own_steps_and_changes():
    kinds = ((1, "relu"), (2, "tanh"))
    expected = [stepped(network(*kind)) for kind in kinds]
    models = let_wait_for_each_other(*(network(*kind) for kind in kinds))
    found = at_once(*(lambda model=model: stepped(model) for model in models))
    for (alone, *rest), (expected_alone, *expected_rest) in zip(found, expected, strict=True):
        assert alone[:2] == expected_alone[:2] and rest == expected_rest
        for path, weight in alone[2].items():
            np.testing.assert_array_equal(weight, expected_alone[2][path])


def test_a_step_with_changed_values_leaves_the_training_of_another_thread_alone():
    twin = network(3, "relu")
    expected = [twin.train_on_batch(X, Y) for _ in range(3)]
    model, stepping = let_wait_for_each_other(network(3, "relu"), network(4, "relu"))

    def change():
        s = lens.step(stepping, X, Y)
        return [s.change("y", ..., 9.0).loss for _ in range(2)]

    losses, changed = at_once(lambda: [model.train_on_batch(X, Y) for _ in range(3)], change)
    assert losses == expected and len(changed) == 2


def test_two_threads_that_collect_launches_see_their_own():
    barrier = threading.Barrier(2)

    def collect(op):
        with minidl.using("simt"), launches() as found, simt_options(copies=True), observing() as runs:
            for _ in range(3):
                barrier.wait(300)
                op(minidl.Tensor([[1.0, -2.0]]))
        return len(found), [run.op for run in runs]

    (one, exps), (two, relus) = at_once(lambda: collect(F.exp), lambda: collect(lambda x: F.relu(F.relu(x))))
    assert (one, two) == (3, 6) and exps == ["exp"] * 3 and relus == ["relu"] * 6


def test_two_threads_record_and_compare_at_once():
    def look(model):
        recording = lens.record_step(model, X, Y, update=False)
        comparison = lens.compare(model, X, Y, "numpy", "numpy")
        return [op.op for op in recording.ops], comparison.ok, comparison.losses

    models = network(5, "relu"), network(6, "relu")
    alone = [look(model) for model in models]
    let_wait_for_each_other(*models)
    assert at_once(*(lambda model=model: look(model) for model in models)) == alone


@pytest.mark.parametrize("copies", [False, True])
def test_launches_tell_of_arguments_as_they_are_or_as_they_were(copies):
    x = minidl.Tensor([[1.0, 2.0]])
    with minidl.using("simt"), simt_options(copies=copies), launches() as found:
        y = -x
    (launch,) = found
    y_argument = next(a for a in launch.args[1:] if isinstance(a, np.ndarray))
    assert np.array_equal(y_argument.reshape(-1)[:2], y.numpy()[0]) != copies
    stepper = launch.step()
    assert stepper.goto(len(stepper) - 1).report.faults == []
