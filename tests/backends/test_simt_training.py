"""A network on the SIMT machine: the same step as NumPy's, its transfers, its rungs, and the errors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl.backends import table, transfers
from minidl.errors import BackendError, DTypeError, ShapeError
from minidl.ops.op import records

rng = np.random.default_rng(0)
IMAGES = rng.normal(size=(4, 6, 7, 2)).astype(np.float32)
LABELS = np.array([0, 2, 1, 2])


@pytest.fixture(autouse=True)
def nothing_selected(monkeypatch):
    monkeypatch.delenv("MINIDL_BACKEND", raising=False)
    minidl.use()
    yield
    minidl.use()


def small_network():
    layers = minidl.layers
    minidl.utils.set_random_seed(1)
    return minidl.Sequential([
        layers.Input((6, 7, 2)), layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.BatchNormalization(), layers.Flatten(), layers.Dropout(0.3), layers.Dense(3),
    ])  # fmt: skip


def trained(backend, steps=1):
    model = small_network()
    loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
    with minidl.using(backend):
        model.compile(optimizer=minidl.optimizers.SGD(0.05, momentum=0.9), loss=loss)
        losses = [float(model.train_on_batch(IMAGES, LABELS)) for _ in range(steps)]
    return losses, [np.array(w) for w in model.get_weights()]


def test_two_training_steps_give_the_weights_of_numpy():
    losses, weights = trained("simt", 2)
    expected_losses, expected = trained("numpy", 2)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    for w, e in zip(weights, expected, strict=True):
        np.testing.assert_allclose(w, e, rtol=1e-5, atol=1e-5)


def step(x, w1, w2, labels):
    with minidl.GradientTape() as tape:
        hidden = F.relu(F.dense(x, w1))
        loss = F.sparse_categorical_crossentropy(labels, F.dense(hidden, w2), from_logits=True).mean()
    for w, dw in zip((w1, w2), tape.gradient(loss, [w1, w2]), strict=True):
        updated = minidl.tape.apply("sgd_update", w, dw, None, learning_rate=0.1)
        w._replace((updated[0] if isinstance(updated, tuple) else updated).data)
    return loss


def test_a_step_moves_the_batch_up_and_the_loss_down_and_the_weights_only_once():
    w1, w2 = minidl.Variable(rng.normal(size=(5, 4))), minidl.Variable(rng.normal(size=(4, 3)))
    w1, w2 = minidl.Variable(w1.numpy(), dtype="float32"), minidl.Variable(w2.numpy(), dtype="float32")
    batches = [(minidl.Tensor(rng.normal(size=(4, 5)), dtype="float32"), LABELS) for _ in range(2)]
    moved = []
    with minidl.using("simt"):
        for x, labels in batches:
            with transfers() as ledger:
                float(step(x, w1, w2, labels))
            moved.append(ledger)
    first, second = moved
    batch = 4 * 5 * 4 + 4 * 4  # float32 inputs and int32 labels
    assert first.total("up") == batch + (5 * 4 + 4 * 3) * 4
    assert second.total("up") == batch
    assert [(m.direction, m.nbytes, m.cause) for m in second if m.direction == "down"] == [("down", 4, "item()")]


def test_the_ledger_shows_what_a_mixture_of_backends_costs():
    x, w = minidl.Variable(np.ones((2, 3), np.float32)), minidl.Variable(np.ones((3, 4), np.float32))
    with transfers() as ledger, minidl.using(dense="simt"):
        y = F.relu(F.dense(x, w))
    assert [(m.direction, m.nbytes, m.cause) for m in ledger] == [
        ("up", 24, "dense forward"), ("up", 48, "dense forward"), ("down", 32, "relu forward"),
    ]  # fmt: skip
    assert x.device == "simt" and y.device == "cpu"
    assert "relu forward" in repr(ledger)


def test_gradients_that_meet_are_added_on_the_device():
    w = minidl.Variable(np.array([1.0, -2.0], np.float32))
    with minidl.using("simt"), minidl.GradientTape() as tape:
        loss = (w * w + F.exp(w)).sum()
        gradient = tape.gradient(loss, w)
    assert gradient.device == "simt"
    np.testing.assert_allclose(gradient.numpy(), 2 * w.numpy() + np.exp(w.numpy()), rtol=1e-5)


@pytest.mark.parametrize("rung", ["r1_naive", "r3_shared", "r11_split_k"])
def test_a_rung_can_be_chosen_for_an_op(rung):
    x, w = rng.normal(size=(5, 7)).astype(np.float32), rng.normal(size=(7, 3)).astype(np.float32)
    with minidl.using(dense=f"simt:{rung}"), minidl.GradientTape(persistent=True) as tape:
        y = F.dense(x, w)
    assert tape.entries[0].backend == f"simt:{rung}"
    np.testing.assert_allclose(y.numpy(), x @ w, rtol=1e-5, atol=1e-5)


def test_rungs_are_listed_and_a_wrong_one_is_refused():
    assert "simt:r3_shared" in minidl.ops_table("gemm")["gemm"]["forward"]["available"].split()
    assert "simt:r1_direct" in table.rungs("conv2d")
    with pytest.raises(BackendError, match=r"gemm has no backend 'simt:r99'.*ops_table\('gemm'\)"):
        minidl.use(gemm="simt:r99")


def test_an_op_without_a_kernel_says_so():
    minidl.register_op("without_a_kernel", lambda x: (x, None), lambda dy, cache: (dy,), replace=True)
    try:
        with pytest.raises(BackendError, match="without_a_kernel has no backend 'simt'. It exists for 'numpy'"):
            minidl.use(without_a_kernel="simt")
        with minidl.using("simt"), pytest.raises(BackendError, match="no implementation for backend 'simt'"):
            minidl.tape.apply("without_a_kernel", IMAGES)
    finally:
        del table._TABLE["without_a_kernel"]


def test_every_built_in_op_runs_on_the_devices():
    assert all(table.devices(op) for op in records() if op not in table.HOST_ONLY)


def test_cuda_without_a_gpu_says_what_to_do():
    from minidl.backends.devices.facts import DEVICES

    if DEVICES["cuda"].why_not() is None:
        pytest.skip("NOT RUN: this computer has a GPU")
    for choice in ({"backend": "cuda"}, {"gemm": "cuda:r1_naive"}):
        with pytest.raises(BackendError, match=r"(?s)backend 'cuda': .*minidl doctor.*minidl.use\('simt'\)"):
            minidl.use(**choice)
    with pytest.raises(BackendError, match="minidl doctor"):
        table.load("gemm", "cuda", "forward")


def test_wrong_inputs_are_refused_with_the_op_and_the_cure():
    gemm, a = table.load("gemm", "simt", "forward"), np.ones((2, 3), np.float32)
    with pytest.raises(DTypeError, match="gemm: on backend 'simt', b must be float32. Got float64"):
        gemm(a, np.ones((3, 2)))
    with pytest.raises(ShapeError, match="gemm: a has no elements"):
        gemm(np.ones((0, 3), np.float32), a)
    with pytest.raises(ShapeError, match="A's columns must be as many as B's rows"):
        gemm(a, a)
    with pytest.raises(DTypeError, match="a must be an array. Got list"):
        gemm([[1.0]], a)


def test_a_transposed_view_is_copied_on_the_device():
    a = np.ones((3, 2), np.float32)
    gemm = table.load("gemm", "simt", "forward")
    np.testing.assert_array_equal(gemm(a.T, a)[0], a.T @ a)


def test_importing_minidl_and_selecting_numpy_imports_no_kernels():
    code = (
        "import sys, minidl; minidl.use('numpy'); minidl.use(conv2d='simt'); minidl.ops_table();"
        "assert not {'numba', 'cuda_kernels.launch'} & set(sys.modules), 'numba was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_steps_of_lenet5_with_adam_give_the_weights_of_numpy_and_move_only_what_they_must():
    from minidl.applications import LeNet5

    x, labels = rng.normal(size=(8, 28, 28, 1)).astype(np.float32), np.arange(8)
    weights, ledgers = {}, {}
    for backend in ("numpy", "simt"):
        minidl.utils.set_random_seed(1)
        model = LeNet5()
        with minidl.using(backend):
            model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
            ledgers[backend] = []
            for _ in range(2):
                with transfers() as ledger:
                    model.train_on_batch(x, labels)
                ledgers[backend].append(ledger)
        weights[backend] = model.get_weights()
    for got, expected in zip(weights["simt"], weights["numpy"], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    first, second = ledgers["simt"]
    batch = x.nbytes + 8 * 4  # and int32 labels
    once = 3 * sum(w.nbytes for w in weights["numpy"])  # the weights and Adam's two averages: they stay from now on
    assert (first.total("up"), second.total("up")) == (once + batch, batch)
    assert [(move.nbytes, move.cause) for move in second if move.direction == "down"] == [(4, "loss")]
    assert not any(ledgers["numpy"])
