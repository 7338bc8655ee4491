"""Files recorded from Keras load, predict the same, and go on training the same."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from minidl import Sequential, config, layers, models

FILES = Path(__file__).parent / "files"
NAMES = ("cnn", "branches", "recurrent", "convolutions")
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def recorded(name: str, key: str) -> list[np.ndarray]:
    """Return the recorded arrays of one kind."""
    with np.load(FILES / f"{name}.npz") as file:
        return [file[f"{key}_{i}"] for i in range(sum(k.startswith(f"{key}_") for k in file.files))]


def one_or_all(items: list) -> object:
    return items[0] if len(items) == 1 else items


def check_predictions(model, name: str) -> None:
    outputs = model.predict(one_or_all(recorded(name, "inputs")), verbose=0)
    expected = recorded(name, "outputs")
    for got, want in zip(outputs if isinstance(outputs, list) else [outputs], expected, strict=True):
        np.testing.assert_allclose(got, want, **CLOSE)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", NAMES)
def test_load_model_predicts_as_keras_did(name, ending):
    check_predictions(models.load_model(FILES / f"{name}.{ending}"), name)


@pytest.mark.parametrize("ending", ["weights.h5", "keras", "h5"])
@pytest.mark.parametrize("name", NAMES)
def test_load_weights_of_keras_into_a_fresh_model(name, ending):
    model = models.clone_model(models.load_model(FILES / f"{name}.keras", compile=False))
    before = [w.copy() for w in model.get_weights()]
    model.load_weights(FILES / f"{name}.{ending}")
    assert any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    check_predictions(model, name)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", ["branches", "recurrent"])
def test_training_goes_on_with_the_optimizer_state_of_keras(name, ending):
    model = models.load_model(FILES / f"{name}.{ending}")
    assert int(model.optimizer.iterations) == 3
    x, y = one_or_all(recorded(name, "inputs")), one_or_all(recorded(name, "targets"))
    losses = [model.train_on_batch(x, y, return_dict=True)["loss"] for _ in range(3)]
    np.testing.assert_allclose(losses, recorded(name, "losses")[0], rtol=2e-4)


def test_compile_arguments_of_keras_are_restored():
    model = models.load_model(FILES / "branches.keras")
    optimizer = model.optimizer
    assert type(optimizer).__name__ == "SGD"
    assert (optimizer.momentum, optimizer.nesterov, optimizer.clipnorm) == (0.9, True, 1.0)
    assert type(optimizer._learning_rate).__name__ == "ExponentialDecay"
    arguments = model._compile_arguments
    assert arguments["loss_weights"] == [1.0, 0.5, 2.0]
    assert arguments["loss"][0] == "mse" and arguments["loss"][2].get_config()["label_smoothing"] == 0.1
    assert arguments["metrics"][2][0].get_config()["threshold"] == 0.4


def test_regularizers_and_constraints_of_keras_are_restored():
    model = models.load_model(FILES / "cnn.h5")
    assert model.layers[0].kernel.regularizer.l2 == pytest.approx(1e-3)
    assert type(model.layers[-1].kernel.constraint).__name__ == "MaxNorm"
    assert len(model.losses) == 1


def test_compile_false_leaves_the_training_setup_out():
    model = models.load_model(FILES / "cnn.keras", compile=False)
    assert model.optimizer is None and not model.compiled


def published_model():
    return Sequential(
        [
            layers.Input((8, 6, 2)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(5, activation="softmax"),
        ]
    )


def test_published_weights_load_by_order_whatever_the_names():
    model = published_model()
    model.load_weights(FILES / "published.h5")
    check_predictions(model, "published")


def test_published_weights_load_by_name_where_names_agree():
    model = published_model()
    model.layers[0].name, model.layers[-1].name = "block1_conv1", "head"
    head = model.layers[-1].kernel.numpy().copy()
    model.load_weights(FILES / "published.h5", by_name=True)
    with h5py.File(FILES / "published.h5") as file:
        np.testing.assert_array_equal(model.layers[0].kernel, file["block1_conv1/block1_conv1_W_1:0"])
    np.testing.assert_array_equal(model.layers[-1].kernel, head)


def test_schema_of_keras_2_loads():
    model = models.load_model(FILES / "older.h5")
    check_predictions(model, "older")
    assert float(model.optimizer.learning_rate) == pytest.approx(0.002)
    assert model.get_layer("left").kernel.regularizer.l2 == pytest.approx(0.01)


def test_float64_as_default_loads_files_of_float32():
    config.set_floatx("float64")
    try:
        model = models.load_model(FILES / "cnn.keras")
        assert {w.dtype.name for w in model.weights} == {"float32"}  # as the file says
    finally:
        config.set_floatx("float32")
