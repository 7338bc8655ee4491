"""What minidl saves it loads again: bit for bit, and training goes on as if nothing had happened."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from minidl import Sequential, functional, layers, models, utils

spec = importlib.util.spec_from_file_location("example_models", Path(__file__).with_name("example_models.py"))
examples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(examples)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", examples.MAKERS)
def test_save_and_load_model_predicts_the_same(name, ending, tmp_path):
    model, x, _ = examples.trained(name)
    model.save(tmp_path / f"model.{ending}")
    again = models.load_model(tmp_path / f"model.{ending}")
    examples.same_outputs(model, again, x)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", examples.MAKERS)
def test_five_steps_saved_and_five_more_equal_ten(name, ending, tmp_path):
    utils.set_random_seed(5)
    model, x, y = examples.trained(name, steps=5)
    model.save(tmp_path / f"model.{ending}")
    again = models.load_model(tmp_path / f"model.{ending}")
    if ending == "h5":  # the older layout has no place for the state of random numbers
        for mine, theirs in zip(generators(model), generators(again), strict=True):
            theirs.seed, theirs.offset = mine.seed, mine.offset
    for _ in range(5):
        straight = model.train_on_batch(x, y, return_dict=True)
        resumed = again.train_on_batch(x, y, return_dict=True)
        assert straight["loss"] != 0
    for a, b in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)
    for a, b in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)
    assert int(again.optimizer.variables[0]) == 10
    assert set(resumed) == set(straight)


def generators(model):
    found = [vars(layer).get("generator") for layer in model._all_layers()]
    return [generator for generator in found if generator is not None]


@pytest.mark.parametrize("ending", ["weights.h5", "safetensors", "npz", "h5", "keras"])
@pytest.mark.parametrize("name", examples.MAKERS)
def test_weights_load_into_a_new_model(name, ending, tmp_path):
    model, x, _ = examples.trained(name)
    path = tmp_path / f"model.{ending}"
    (model.save if ending == "keras" else model.save_weights)(path)
    other, _, _ = examples.MAKERS[name]()
    other.load_weights(path)
    examples.same_outputs(model, other, x)


def test_weights_file_restores_the_optimizer_too(tmp_path):
    model, x, y = examples.trained("branches", steps=3)
    model.save_weights(tmp_path / "a.weights.h5")
    other, _, _ = examples.MAKERS["branches"]()
    other.load_weights(tmp_path / "a.weights.h5")
    assert int(other.optimizer.iterations) == 3
    model.train_on_batch(x, y)
    other.train_on_batch(x, y)
    for a, b in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_layers_that_were_adapted_or_draw_random_numbers_go_on(tmp_path):
    rng = np.random.default_rng(1)
    stack = [layers.Normalization(), layers.RandomFlip(seed=3), layers.RandomRotation(0.1), layers.Dropout(0.5)]
    model = Sequential([layers.Input((6, 6, 1)), *stack, layers.Flatten(), layers.Dense(2)])
    model.layers[0].adapt(rng.normal(3.0, 2.0, size=(5, 6, 6, 1)).astype("float32"))
    x = rng.normal(size=(4, 6, 6, 1)).astype("float32")
    model(x, training=True)
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    for _ in range(2):
        np.testing.assert_array_equal(model(x, training=True), again(x, training=True))


def test_activations_that_are_layers_or_functions(tmp_path):
    model = Sequential(
        [
            layers.Input((4,)),
            layers.Dense(3, activation=layers.LeakyReLU(negative_slope=0.3)),
            layers.Activation(functional.relu),
            layers.Dense(2, activation="hard_silu"),
        ]
    )
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    examples.same_outputs(model, again, np.ones((2, 4), np.float32))
    assert again.layers[0].activation.negative_slope == pytest.approx(0.3)


def test_float64_models_stay_float64(tmp_path):
    model = Sequential([layers.Input((4,), dtype="float64"), layers.Dense(3, dtype="float64")])
    for ending in ("keras", "h5"):
        model.save(tmp_path / f"m.{ending}")
        again = models.load_model(tmp_path / f"m.{ending}")
        np.testing.assert_array_equal(again.layers[0].kernel, model.layers[0].kernel)
        assert again.layers[0].kernel.dtype == np.float64
