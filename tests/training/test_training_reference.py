"""Training loops against Keras' numbers (tests/reference/record_training.py): losses, History, evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers, losses, metrics, optimizers, regularizers

RECORDED = np.load(Path(__file__).parent.parent / "reference" / "training.npz")
INDEX = json.loads(str(RECORDED["index"]))
STEPS = {case["name"]: case for case in INDEX["steps"]}
FITS = {case["name"]: case for case in INDEX["fits"]}


def mlp() -> minidl.Model:
    return minidl.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(5, activation="tanh"),
            layers.Dense(4, activation="softmax"),
        ]
    )


def cnn() -> minidl.Model:
    return minidl.Sequential(
        [
            layers.Input((7, 8, 2)),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(5, 3, strides=2),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )


def two_headed() -> minidl.Model:
    a, b = minidl.Input((3,), name="a"), minidl.Input((2,), name="b")
    hidden = layers.Dense(4, activation="tanh", name="hidden")(layers.Concatenate()([a, b]))
    kind = layers.Dense(3, activation="softmax", name="kind")(hidden)
    return minidl.Model([a, b], [kind, layers.Dense(1, name="size")(hidden)])


def start(model: minidl.Model, case: dict[str, Any]) -> minidl.Model:
    model.set_weights([RECORDED[f"{case['name']}/start{k}"] for k in range(case["weights"])])
    return model


@pytest.mark.parametrize("name", list(STEPS))
def test_ten_steps_track_keras_losses(name: str) -> None:
    case = STEPS[name]
    model = start({"mlp": mlp, "cnn": cnn}[case["kind"]](), case)
    loss = losses.SparseCategoricalCrossentropy(from_logits=case["kind"] == "cnn")
    model.compile(getattr(optimizers, case["optimizer"])(**case["kwargs"]), loss, metrics=["accuracy"])
    x, y = RECORDED[f"{case['kind']}/x"], RECORDED[f"{case['kind']}/y"]
    found = [model.train_on_batch(x[step], y[step], return_dict=True)["loss"] for step in range(10)]
    np.testing.assert_allclose(found, RECORDED[f"{name}/losses"], rtol=1e-4)
    # The state that inference uses (moving averages) has come the same way too.
    np.testing.assert_allclose(model.predict(x[0], verbose=0), RECORDED[f"{name}/prediction"], rtol=1e-3, atol=1e-4)


def run(name: str, model: minidl.Model, x: Any, y: Any, compile_args: dict[str, Any], **fit_args: Any) -> None:
    case = FITS[name]
    start(model, case)
    model.compile(**compile_args)
    history = model.fit(x, y, shuffle=False, verbose=0, **fit_args).history
    assert list(history) == case["keys"]
    for key, values in case["history"].items():
        np.testing.assert_allclose(history[key], values, rtol=2e-4, atol=1e-6, err_msg=key)
    evaluated = model.evaluate(x, y, verbose=0, return_dict=True)
    assert list(evaluated) == list(case["evaluate"])
    for key, value in case["evaluate"].items():
        np.testing.assert_allclose(evaluated[key], value, rtol=2e-4, atol=1e-6, err_msg=key)
    as_list = model.evaluate(x, y, verbose=0)
    expected = list(dict.fromkeys(case["evaluate_list"]))  # Keras repeats a name that occurs twice
    np.testing.assert_allclose(list(dict.fromkeys(np.round(as_list, 5))), np.round(expected, 5), rtol=2e-4, atol=2e-5)
    assert as_list == [evaluated[key] for key in model.metrics_names]


BASE = {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
X, Y, WEIGHT = (RECORDED[f"fit/{part}"] for part in ("x", "y", "weight"))


def test_fit_has_keras_history() -> None:
    run("plain", mlp(), X, Y, BASE, epochs=3, batch_size=5)


def test_fit_with_validation_split_has_keras_history() -> None:
    run("split", mlp(), X, Y, BASE, epochs=2, batch_size=5, validation_split=0.3)


def test_fit_with_class_weight_has_keras_history() -> None:
    weights = {0: 1.0, 1: 5.0, 2: 0.5, 3: 2.0}
    run(
        "class_weight", mlp(), X, Y, BASE | {"weighted_metrics": ["accuracy"]},
        epochs=2, batch_size=4, class_weight=weights,
    )  # fmt: skip


def test_fit_with_sample_weight_has_keras_history() -> None:
    run(
        "sample_weight", mlp(), X, Y, BASE | {"weighted_metrics": ["sparse_categorical_crossentropy"]},
        epochs=2, batch_size=4, sample_weight=WEIGHT, validation_split=0.25,
    )  # fmt: skip


def test_fit_with_regularizer_and_validation_data_has_keras_history() -> None:
    model = minidl.Sequential(
        [layers.Input((6,)), layers.Dense(4, activation="softmax", kernel_regularizer=regularizers.L2(0.1))]
    )
    one_hot = np.eye(4, dtype="float32")[Y]
    run(
        "regularized", model, X, one_hot,
        {"optimizer": optimizers.Adam(0.01), "loss": "categorical_crossentropy", "metrics": ["acc", "mae"]},
        epochs=2, batch_size=6, validation_data=(X[:9], one_hot[:9]),
    )  # fmt: skip


def test_fit_of_a_binary_classifier_has_keras_history() -> None:
    model = minidl.Sequential([layers.Input((6,)), layers.Dense(1, activation="sigmoid")])
    run(
        "binary", model, X, Y % 2,
        {
            "optimizer": "rmsprop", "loss": "binary_crossentropy",
            "metrics": ["accuracy", metrics.AUC(name="auc")],
        },
        epochs=2, batch_size=6, validation_split=0.2, validation_freq=2,
    )  # fmt: skip


def test_fit_on_padded_sequences_has_keras_history() -> None:
    model = minidl.Sequential(
        [
            layers.Input((6,)),
            layers.Embedding(9, 4, mask_zero=True),
            layers.LSTM(5, return_sequences=True),
            layers.Dense(3, activation="softmax"),
        ]
    )
    run(
        "masked", model, RECORDED["masked/words"], RECORDED["masked/tags"],
        {
            "optimizer": optimizers.SGD(0.5), "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"], "weighted_metrics": ["sparse_categorical_crossentropy"],
        },
        epochs=2, batch_size=5, validation_split=0.3,
    )  # fmt: skip


def two() -> tuple[Any, ...]:
    return tuple(RECORDED[f"two/{part}"] for part in ("a", "b", "kind", "size"))


LOSSES = {"kind": "sparse_categorical_crossentropy", "size": "mse"}


def test_fit_with_two_inputs_and_outputs_in_dicts_has_keras_history() -> None:
    a, b, kind, size = two()
    run(
        "two_dicts", two_headed(), {"a": a, "b": b}, {"kind": kind, "size": size},
        {
            "optimizer": "sgd", "loss": LOSSES, "loss_weights": {"kind": 1.0, "size": 0.3},
            "metrics": {"kind": ["accuracy"], "size": ["mae", "mse"]},
        },
        epochs=2, batch_size=4, validation_split=0.2,
    )  # fmt: skip


def test_fit_with_two_inputs_and_outputs_in_lists_has_keras_history() -> None:
    a, b, kind, size = two()
    compile_args = {"optimizer": "sgd", "loss": list(LOSSES.values())}
    run("two_lists_plain", two_headed(), [a, b], [kind, size], compile_args, epochs=2, batch_size=4)
    compile_args |= {"loss_weights": [0.5, 2.0], "metrics": [["accuracy"], ["mae"]]}
    run("two_lists", two_headed(), [a, b], [kind, size], compile_args, epochs=2, batch_size=4)
