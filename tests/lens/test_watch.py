"""The watchers: planted troubles are named right, at the op and layer where they begin; healthy training is not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl import layers, lens
from minidl.errors import ArgumentError, MinidlError
from minidl.observers import OBSERVERS

RNG = np.random.default_rng(4)


def blobs(samples=64, features=6, classes=3):
    """Clusters of points, one a class."""
    y = RNG.integers(0, classes, samples)
    centres = np.random.default_rng(0).normal(size=(classes, features)) * 2
    return (centres[y] + RNG.normal(size=(samples, features)) * 0.5).astype(np.float32), y


def mlp(activation="relu", depth=2, optimizer="adam", width=16, **options):
    minidl.utils.set_random_seed(3)
    hidden = [layers.Dense(width, activation=activation, name=f"hidden{k}", **options) for k in range(depth)]
    model = minidl.Sequential([layers.Input((6,)), *hidden, layers.Dense(3, activation="softmax", name="out")])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def watched_fit(model, x, y, epochs=3, batch_size=8, **options):
    seen = lens.Watch("collect", **options)
    model.fit(x, y, epochs=epochs, batch_size=batch_size, callbacks=[seen], verbose=0)
    return seen


@pytest.mark.parametrize("backend", ["numpy", "simt"])
def test_log_of_zero_is_named_where_the_inf_is_born(backend):
    with minidl.using(backend), lens.watch("collect") as seen:
        y = F.log(minidl.Tensor([1.0, 0.0, 2.0]))
        F.exp(-y).sum()
        (y * 0.0).sum()  # a NaN, but born of an Inf
    (found,) = seen.found
    assert (found.kind, found.op, found.direction) == ("inf", "log", "forward")
    assert "logarithm of 0" in found.cause and "1 of the 3 inputs" in found.cause and "from_logits" in found.cure
    assert "(1,)" in found.what


@pytest.mark.parametrize("backend", ["numpy", "simt"])
def test_exp_overflow_is_named(backend):
    with minidl.using(backend), lens.watch("collect") as seen:
        x = minidl.Tensor(np.array([[1.0, 800.0, 3.0]], np.float32))
        e = F.exp(x)
        e / e.sum()
    assert [(f.kind, f.op) for f in seen.found] == [("inf", "exp")]
    assert "88.7" in seen.found[0].cause and "softmax" in seen.found[0].cure


def test_backward_births_are_seen():
    w = minidl.Variable([0.0, 4.0])
    with lens.watch("collect") as seen:
        with minidl.GradientTape() as tape:
            loss = F.sqrt(w).sum()
        tape.gradient(loss, w)
    (found,) = seen.found
    assert (found.kind, found.op, found.direction) == ("inf", "sqrt", "backward")
    assert "slope of the square root" in found.cause


def test_nan_in_the_data_is_not_blamed_on_an_op():
    with lens.watch("collect") as seen:
        F.relu(minidl.Tensor([1.0, np.nan])).sum()
    (found,) = seen.found
    assert found.kind == "bad-data" and "missing values" in found.cause


@pytest.mark.parametrize("backend", ["numpy", "simt"])
def test_enormous_learning_rate_is_named(backend):
    x, y = blobs(16)
    with minidl.using(backend):
        seen = watched_fit(mlp(optimizer=minidl.optimizers.SGD(1e6)), x, y, epochs=1)
    first = seen.found[0]
    assert first.kind == "exploding-update" and first.step == 0
    assert "learning rate" in first.cause and "smaller" in first.cure
    assert {f.layer for f in seen.found if f.kind == "exploding-update"} >= {"hidden0", "out"}


def test_a_flat_loss_is_told_once():
    x, y = blobs()
    found = [f for f in watched_fit(mlp(depth=1), 1e6 * x, y, epochs=2).found if f.kind == "no-gradient"]
    assert len(found) == 1 and found[0].step == 2  # the third step in a row
    assert "kernels were 0 for 3 steps" in found[0].what and "not scaled" in found[0].cause


def test_sigmoid_twelve_layers_deep_vanishes():
    x, y = blobs()
    seen = watched_fit(mlp("sigmoid", depth=12), x, y, epochs=2)
    vanished = [f for f in seen.found if f.kind == "vanishing-gradient"]
    assert vanished and vanished[0].layer == "hidden0" and "sigmoid" in vanished[0].cause
    assert "out" not in {f.layer for f in vanished}
    assert {f.kind for f in seen.found} == {"vanishing-gradient"}


@pytest.mark.parametrize("backend", ["numpy", "simt"])
def test_dead_relus_are_named_by_layer(backend):
    x, y = blobs(16)
    model = mlp(depth=2)
    kernel, _ = model.layers[1].get_weights()
    model.layers[1].set_weights([kernel, np.full(16, -100, np.float32)])
    with minidl.using(backend):
        seen = watched_fit(model, x, y, epochs=2, batches=4, batch_size=8)
    dead = [f for f in seen.found if f.kind == "dead-relu"]
    assert [f.layer for f in dead] == ["hidden1"]
    assert "16 of 16 units" in dead[0].what and "4 batches" in dead[0].what and "bias" in dead[0].cause


def test_exploding_gradients_are_named():
    x, _ = blobs()
    minidl.utils.set_random_seed(3)
    model = minidl.Sequential([layers.Input((6,)), *(layers.Dense(8, name=f"d{k}") for k in range(6))])
    model.compile(minidl.optimizers.SGD(1e-30), "mse")
    for layer in model.layers:
        layer.set_weights([w * 40 if w.ndim > 1 else w for w in layer.get_weights()])
    seen = watched_fit(model, x, np.zeros((64, 8), np.float32), epochs=1)
    exploded = [f for f in seen.found if f.kind == "exploding-gradient"]
    assert exploded and "clipnorm" in exploded[0].cure and exploded[0].layer == "d0"
    assert {f.kind for f in seen.found} == {"exploding-gradient"}


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_healthy_training_gives_no_warning(optimizer):
    x, y = blobs(96)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = mlp(optimizer=optimizer)
        seen = lens.Watch("warn", batches=5)
        history = model.fit(x, y, epochs=4, batch_size=8, callbacks=[seen], verbose=0)
    assert seen.found == [] and seen.step == 48
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_healthy_convolutional_network_gives_no_warning_on_simt():
    minidl.utils.set_random_seed(2)
    model = minidl.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, use_bias=False, name="conv"),
            layers.BatchNormalization(name="bn"),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = RNG.normal(size=(8, 8, 8, 1)).astype(np.float32), RNG.integers(0, 3, 8)
    with minidl.using("simt"):
        seen = watched_fit(model, x, y, epochs=1, batch_size=4, batches=2)
    assert seen.found == [] and seen.step == 2 and "nothing found in 2 steps" in repr(seen)


def test_watching_changes_no_number():
    x, y = blobs(32)
    plain, watched = mlp(), mlp()
    plain.fit(x, y, epochs=2, batch_size=8, verbose=0, shuffle=False)
    watched.fit(x, y, epochs=2, batch_size=8, verbose=0, shuffle=False, callbacks=[lens.Watch()])
    assert all(np.array_equal(a, b) for a, b in zip(plain.get_weights(), watched.get_weights(), strict=True))


def test_modes_raise_warn_and_collect():
    zero = minidl.Tensor([0.0])
    with pytest.raises(lens.TrainingTrouble, match="Inf is born") as caught, lens.watch("raise"):
        F.log(zero)
    assert caught.value.finding.op == "log" and isinstance(caught.value, MinidlError)
    with pytest.warns(lens.TrainingWarning, match="logarithm of 0") as warned, lens.watch():
        F.log(zero)
    assert warned[0].filename == __file__  # the line that called the op, not one of minidl's
    assert OBSERVERS.get() == ()
    with pytest.raises(ArgumentError, match="mode"):
        lens.Watch("loud")
    with pytest.raises(ArgumentError, match="takes none"), lens.watch(minidl.Sequential()):
        pass


def test_raise_stops_fit_at_the_op():
    x, y = blobs(16)
    model = mlp(optimizer=minidl.optimizers.SGD(1e6))
    with pytest.raises(lens.TrainingTrouble, match="learning rate"):
        model.fit(x, y, epochs=3, batch_size=8, callbacks=[lens.Watch("raise")], verbose=0)
    assert OBSERVERS.get() == () and "train_step" not in vars(model)
