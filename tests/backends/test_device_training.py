"""Training on a device: NumPy's weights, and nothing moves but the batch up and the loss down, whatever is switched on.

The cases run on the SIMT machine, and some on the fake GPU, where the arrays are Numba's own.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from fake_gpu import fake_gpu

import minidl
from minidl import layers as L
from minidl.backends import table, transfers
from minidl.regularizers import L1L2

rng = np.random.default_rng(0)
IMAGES = rng.normal(size=(4, 5, 6, 1)).astype(np.float32)
LABELS = np.array([0, 2, 1, 2])
SEQUENCES = rng.normal(size=(3, 4, 5)).astype(np.float32)
SEQUENCES[0, 2:] = 0
WORDS = np.array([[1, 2, 3, 0], [4, 1, 0, 0], [2, 2, 2, 2]])
CLIPS = rng.normal(size=(3, 2, 6, 5, 1)).astype(np.float32)
optimizers = minidl.optimizers


@pytest.fixture(autouse=True)
def nothing_selected(monkeypatch):
    monkeypatch.delenv("MINIDL_BACKEND", raising=False)
    minidl.use()
    yield
    minidl.use()


@contextlib.contextmanager
def device(name, monkeypatch):
    with fake_gpu(monkeypatch) if name == "cuda" else contextlib.nullcontext():
        yield


def cnn(**options):
    return minidl.Sequential([
        L.Input((5, 6, 1)), L.Conv2D(2, 3, activation="relu", **options), L.BatchNormalization(), L.MaxPooling2D(2),
        L.Flatten(), L.Dropout(0.3), L.Dense(3, **options),
    ])  # fmt: skip


def trained(make, optimizer, x, y, backend, steps=2, metrics=None, **keywords):
    """Weights and state after some steps, and the ledger of the last."""
    minidl.utils.set_random_seed(1)
    model = make()
    loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
    with minidl.using(backend):
        model.compile(optimizer=optimizer(), loss=loss, metrics=metrics)
        for _ in range(steps):
            with transfers() as ledger:
                model.train_on_batch(x, y, **keywords)
    return model.get_weights() + model.optimizer.get_weights(), ledger


def moves(ledger, direction):
    return [(move.nbytes, move.cause) for move in ledger if move.direction == direction]


def assert_close(got, expected):
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


UP = [(IMAGES.nbytes, "conv2d forward"), (16, "sparse_categorical_crossentropy forward")]
STEPS = {
    "adam": (cnn, lambda: optimizers.Adam(0.01)),
    "adamw-amsgrad": (cnn, lambda: optimizers.AdamW(0.01, amsgrad=True)),
    "rmsprop": (cnn, lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True)),
    "adagrad": (cnn, lambda: optimizers.Adagrad(0.01, weight_decay=0.01)),
    "schedule": (cnn, lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9)),
    "clipnorm": (cnn, lambda: optimizers.SGD(0.1, clipnorm=0.01)),
    "global_clipnorm": (cnn, lambda: optimizers.SGD(0.1, global_clipnorm=0.05)),
    "clipvalue": (cnn, lambda: optimizers.SGD(0.1, clipvalue=0.01)),
    "ema": (cnn, lambda: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)),
    "accumulation": (cnn, lambda: optimizers.SGD(0.1, gradient_accumulation_steps=2)),
    "loss_scale": (cnn, lambda: optimizers.SGD(0.1, loss_scale_factor=8.0)),
    "regularizers": (
        lambda: cnn(kernel_regularizer=L1L2(0.01, 0.02), activity_regularizer="l2"), lambda: optimizers.SGD(0.1)
    ),
    "constraints": (
        lambda: cnn(kernel_constraint=minidl.constraints.MaxNorm(0.5), bias_constraint="non_neg"),
        lambda: optimizers.SGD(0.1),
    ),
    "min_max_norm": (
        lambda: cnn(kernel_constraint=minidl.constraints.MinMaxNorm(0.2, 0.4, 0.5), bias_constraint="unit_norm"),
        lambda: optimizers.SGD(0.1),
    ),
}  # fmt: skip


ON_THE_FAKE_GPU = ("adam", "global_clipnorm", "ema", "accumulation", "min_max_norm")
PAIRS = [("simt", name) for name in STEPS] + [("cuda", name) for name in ON_THE_FAKE_GPU]


@pytest.mark.parametrize("backend, name", PAIRS)
def test_a_step_moves_the_batch_up_and_the_loss_down(backend, name, monkeypatch):
    make, optimizer = STEPS[name]
    expected, _ = trained(make, optimizer, IMAGES, LABELS, "numpy")
    with device(backend, monkeypatch):
        got, ledger = trained(make, optimizer, IMAGES, LABELS, backend)
        assert_close(got, expected)
    assert moves(ledger, "up") == UP
    assert moves(ledger, "down") == [(4, "loss")]


@pytest.mark.parametrize("backend", ["simt", "cuda"])
def test_sample_weights_go_up_with_the_batch(backend, monkeypatch):
    weights = np.array([1, 2, 0.5, 0], np.float32)
    arguments = (cnn, lambda: optimizers.SGD(0.1), IMAGES, LABELS)
    expected, _ = trained(*arguments, "numpy", sample_weight=weights)
    with device(backend, monkeypatch):
        got, ledger = trained(*arguments, backend, sample_weight=weights)
        assert_close(got, expected)
    assert moves(ledger, "up") == [*UP, (16, "multiply forward")]
    assert moves(ledger, "down") == [(4, "loss")]


def test_predictions_come_down_once_for_all_metrics():
    known = minidl.metrics
    metrics = ["accuracy", known.SparseTopKCategoricalAccuracy(2), known.SparseCategoricalCrossentropy()]
    _, ledger = trained(cnn, lambda: optimizers.SGD(0.1), IMAGES, LABELS, "simt", metrics=metrics)
    assert moves(ledger, "up") == UP
    assert moves(ledger, "down") == [(4, "loss"), (4 * 3 * 4, "predictions for metrics")]


def test_a_constraint_of_ones_own_gets_an_array_and_the_ledger_says_so():
    def positive(w):
        return np.maximum(w, 0)  # NumPy: it must be given an array of the host

    expected, _ = trained(lambda: cnn(bias_constraint=positive), lambda: optimizers.SGD(0.1), IMAGES, LABELS, "numpy")
    got, ledger = trained(lambda: cnn(bias_constraint=positive), lambda: optimizers.SGD(0.1), IMAGES, LABELS, "simt")
    assert_close(got, expected)
    causes = [cause for _, cause in moves(ledger, "down")]
    assert causes[0] == "loss" and [cause.partition(" of ")[0] for cause in causes[1:]] == ["constraint"] * 2


LABELS_3 = np.array([0, 1, 2])
SEQUENCE_MODELS = {
    "embedding-mask-lstm": (
        WORDS,
        lambda: [L.Input((4,), dtype="int32"), L.Embedding(6, 3, mask_zero=True), L.LSTM(4), L.Dense(3)],
        [(48, "embedding forward"), (12, "lstm forward")],  # int32 ids, bool mask
    ),
    "masking-gru-dropout": (
        SEQUENCES,
        lambda: [L.Input((4, 5)), L.Masking(), L.GRU(4, dropout=0.2, recurrent_dropout=0.3, return_sequences=True),
                 L.GlobalAveragePooling1D(), L.Dense(3)],
        [(240, "multiply forward"), (48, "multiply forward"), (12, "gru forward"), (48, "multiply forward")],
    ),
    "bidirectional-rnn": (
        SEQUENCES,
        lambda: [L.Input((4, 5)), L.Masking(), L.Bidirectional(L.SimpleRNN(4)), L.Dense(3)],
        [(240, "multiply forward"), (48, "multiply forward"), (12, "simple_rnn forward"), (12, "simple_rnn forward")],
    ),
    "stateful-lstm": (
        SEQUENCES,
        lambda: [L.Input((4, 5), batch_size=3), L.LSTM(4, stateful=True), L.Dense(3)],
        [(240, "lstm forward")],
    ),
    "time-distributed": (
        CLIPS,
        lambda: [L.Input((2, 6, 5, 1)), L.TimeDistributed(L.Conv2D(2, 3)), L.Flatten(), L.Dense(3)],
        [(CLIPS.nbytes, "reshape forward")],
    ),
    "batch-norm-of-steps": (
        CLIPS,
        lambda: [L.Input((2, 6, 5, 1)), L.TimeDistributed(L.BatchNormalization()), L.Flatten(), L.Dense(3)],
        [(CLIPS.nbytes, "slice forward")],
    ),
    "lambda-layer-norm": (
        SEQUENCES,
        lambda: [L.Input((4, 5)), L.Lambda(lambda x: x * 2.0 + 1.0), L.LayerNormalization(), L.Flatten(), L.Dense(3)],
        [(240, "multiply forward")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEQUENCE_MODELS)
def test_sequences_masks_and_states(name):
    x, make, up = SEQUENCE_MODELS[name]
    arguments = (lambda: minidl.Sequential(make()), lambda: optimizers.SGD(0.1), x, LABELS_3)
    expected, _ = trained(*arguments, "numpy", steps=2)
    got, ledger = trained(*arguments, "simt", steps=2)
    assert_close(got, expected)
    assert moves(ledger, "up") == [*up, (12, "sparse_categorical_crossentropy forward")]
    assert moves(ledger, "down") == [(4, "loss")]


def test_batch_norm_with_a_mask_moves_its_averages_on_the_device():
    arguments = (
        lambda: minidl.Sequential([L.Input((4, 5)), L.Masking(), L.BatchNormalization(), L.Flatten(), L.Dense(3)]),
        lambda: optimizers.SGD(0.1), SEQUENCES, LABELS_3,
    )  # fmt: skip
    expected, _ = trained(*arguments, "numpy")
    got, ledger = trained(*arguments, "simt")
    assert_close(got, expected)
    assert moves(ledger, "down") == [(4, "loss")]


@pytest.mark.parametrize("backend", ["simt", "cuda"])
def test_fit_evaluate_predict_save_and_load(backend, monkeypatch, tmp_path):
    with device(backend, monkeypatch):
        minidl.utils.set_random_seed(2)
        model = cnn()
        loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
        with minidl.using(backend):
            model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
            history = model.fit(
                IMAGES, LABELS, batch_size=3, epochs=2, validation_data=(IMAGES, LABELS), verbose=0,
                callbacks=[minidl.callbacks.ModelCheckpoint(tmp_path / "best.weights.h5", save_weights_only=True)],
            )  # fmt: skip
            evaluated = model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
            with transfers() as ledger:
                predicted = model.predict(IMAGES, verbose=0)
            model.save(tmp_path / "model.keras")
            loaded = minidl.models.load_model(tmp_path / "model.keras")
            assert model.layers[0].kernel.device == backend
            np.testing.assert_allclose(loaded.predict(IMAGES, verbose=0), predicted, rtol=1e-6)
            loaded.set_weights(model.get_weights())
        assert moves(ledger, "down") == [(4 * 3 * 4, "predictions")]
        assert type(predicted) is np.ndarray and np.isfinite(history.history["val_loss"]).all()
        on_numpy = loaded.predict(IMAGES, verbose=0)
        np.testing.assert_allclose(on_numpy, predicted, rtol=1e-5, atol=1e-5)
        assert evaluated.keys() == {"accuracy", "loss"}


def test_adam_makes_the_rounding_of_a_gradient_that_is_zero_visible():
    # A bias ahead of batch normalization has no effect, so its gradient is 0, and in float32 what rounding leaves of 0.
    # Adam's first step is lr g / (|g| + epsilon): for a g about as small as epsilon = 1e-7, a difference dg between two
    # backends becomes up to lr dg / epsilon. It is no fault of either: float64 says so.
    x, rate = np.repeat(IMAGES, 3, axis=-1) * np.array([1, 2, 3], np.float32), 0.01

    def one_step(backend, dtype):
        minidl.utils.set_random_seed(4)
        model = minidl.Sequential([
            L.Input((5, 6, 3), dtype=dtype), L.Conv2D(4, 3, dtype=dtype), L.BatchNormalization(dtype=dtype),
            L.Activation("tanh", dtype=dtype), L.Flatten(dtype=dtype), L.Dense(3, dtype=dtype),
        ])  # fmt: skip
        loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
        optimizer = optimizers.Adam(rate)
        with minidl.using(backend), minidl.GradientTape() as tape:
            value = loss(LABELS, model(x.astype(dtype), training=True))
        with minidl.using(backend):
            gradients = tape.gradient(value, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
        return [g.numpy() for g in gradients], [v.numpy() for v in model.trainable_variables]

    exact, _ = one_step("numpy", "float64")
    (host, host_weights), (device, device_weights) = one_step("numpy", "float32"), one_step("simt", "float32")
    assert abs(exact[1]).max() < 1e-15 and 0 < abs(device[1]).max() < 1e-7  # the bias: 0, and its rounding
    for e, h, d, hw, dw in zip(exact, host, device, host_weights, device_weights, strict=True):
        assert abs(d - e).max() <= max(3 * abs(h - e).max(), 1e-7)  # as exact as NumPy
        assert (abs(dw - hw) <= rate / 1e-7 * abs(d.astype(np.float64) - h) + 1e-6).all()
    updated = [
        np.asarray(table.load("adam_update", b, "forward")(
            np.zeros(4, t), device[1].astype(t), np.zeros(4, t), np.zeros(4, t), None,
            learning_rate=rate, step=1, beta_1=0.9, beta_2=0.999, epsilon=1e-7,
        )[0][0]) for b, t in (("numpy", "float64"), ("simt", "float32"))
    ]  # fmt: skip
    np.testing.assert_allclose(updated[1], updated[0], rtol=1e-5)  # the same gradient gives the same update


def test_the_first_rungs_of_all_kernels_train_too():
    expected, _ = trained(cnn, lambda: optimizers.SGD(0.1), IMAGES, LABELS, "numpy", steps=1)
    got, _ = trained(cnn, lambda: optimizers.SGD(0.1), IMAGES, LABELS, "simt:first", steps=1)
    assert_close(got, expected)
