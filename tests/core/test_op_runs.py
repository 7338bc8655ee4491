"""An op runs once more, by another backend or on other inputs, and its backward after it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl.backends import transfers
from minidl.backends.devices.arrays import HostedArray
from minidl.errors import BackendError, UnknownNameError
from minidl.observers import observing, run_op

RNG = np.random.default_rng(0)


def step():
    """Every op of a small training step, as it was told of."""
    x, w = minidl.Tensor(RNG.random((3, 4), np.float32)), minidl.Variable(RNG.random((4, 2), np.float32))
    h, u = minidl.Variable(np.zeros((3, 2), np.float32)), minidl.Variable(RNG.random((2, 2), np.float32))
    with observing() as runs, minidl.GradientTape() as tape:
        y = F.softmax(F.dense(x, w) + h)
        sequence, last = F.simple_rnn(y.reshape((3, 1, 2)), u, u, None, None)
        loss = (F.concatenate([sequence[:, 0], last], axis=1) ** 2).mean()
    with observing(runs.append):
        tape.gradient(loss, [w, h, u])
        optimizer = minidl.optimizers.SGD(0.1, momentum=0.9)
        optimizer.apply([minidl.Tensor(np.ones((4, 2), np.float32))], [w])
    return runs


@pytest.mark.parametrize("backend", ["numpy", "simt"])
def test_every_op_of_a_step_gives_the_same_again(backend):
    runs = step()
    assert {run.direction for run in runs} == {"forward", "backward"} and any(not run.single for run in runs)
    for run in runs:
        before = [None if a is None else a.copy() for a in run.inputs]
        again = run.again(backend)
        assert (again.op, again.direction, again.backend, again.single) == (run.op, run.direction, backend, run.single)
        for mine, theirs in zip(again.outputs, run.outputs, strict=True):
            assert (mine is None) == (theirs is None)
            if mine is not None:
                np.testing.assert_allclose(np.asarray(mine), theirs, rtol=1e-5, atol=1e-6, err_msg=run.op)
        for now, then in zip(run.inputs, before, strict=True):
            np.testing.assert_array_equal(now, then)


def test_again_takes_other_inputs_another_cache_and_tells_nobody():
    product = run_op("multiply", "numpy", (np.array([2.0]), np.array([5.0])))
    with observing() as told, minidl.GradientTape() as tape:
        other = product.again(inputs=(np.array([3.0]), np.array([4.0])))
    assert other.outputs[0].item() == 12 and product.outputs[0].item() == 10 and not told and not tape.entries
    back = product.backward((np.array([1.0]),))
    assert [g.item() for g in back.outputs] == [5.0, 2.0]
    assert [g.item() for g in replace(back, cache=other.cache).again().outputs] == [4.0, 3.0]
    assert [g is None for g in product.backward(needs=(False, True)).outputs] == [True, False]


def test_again_on_a_device_leaves_its_results_there_and_labels_on_the_host():
    loss = run_op("sparse_categorical_crossentropy", "numpy", (np.array([1]), np.array([[0.25, 0.75]], np.float32)))
    with transfers() as ledger:
        again = loss.again("simt")
    assert isinstance(again.outputs[0], HostedArray) and isinstance(again.inputs[0], np.ndarray)
    assert ledger.total("up") > 0 and {move.cause for move in ledger if move.shape == (1, 2)} == {"run again"}
    assert again.backward((again.outputs[0],)).again("numpy").outputs[1].shape == (1, 2)


def test_again_without_an_implementation_says_where_there_is_one():
    with pytest.raises(BackendError, match="argmax has no backward on 'numpy'"):
        run_op("argmax", "numpy", (np.ones((2, 3)),)).backward()
    with pytest.raises(BackendError, match="nowhere"):
        run_op("relu", "numpy", (np.ones(2),)).again("nowhere")
    with pytest.raises(UnknownNameError):
        run_op("no_such_op", "numpy", (np.ones(2),))


def test_an_observer_with_around_takes_the_place_of_ops_inside_its_block_alone():
    class Doubled:
        def __init__(self):
            self.seen = []

        def __call__(self, run):
            self.seen.append((run.op, run.direction))

        def around(self, direction, function):
            if direction == "backward":
                return lambda dy, cache, **needs: tuple(g and 2 * g for g in function(dy, cache, **needs))
            return function

    w, doubled = minidl.Variable([3.0]), Doubled()
    with minidl.GradientTape(persistent=True) as tape:
        y = w * 5.0
    with observing(doubled):
        assert tape.gradient(y, w).item() == 10.0
    assert tape.gradient(y, w).item() == 5.0 and doubled.seen == [("multiply", "backward")]
