"""What a person does wrong with compile, fit, evaluate and predict: each mistake has its message."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.errors import (
    ArgumentError,
    DataError,
    MinidlError,
    NotCompiledError,
    ShapeError,
    UnknownNameError,
)

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = X[:, :2].copy()
LABELS = np.arange(12) % 4


def model(units: int = 2, compiled: bool = True, activation=None, **args) -> minidl.Model:
    made = minidl.Sequential([layers.Input((3,)), layers.Dense(units, activation=activation)])
    if compiled:
        made.compile(**{"optimizer": "sgd", "loss": "mse", **args})
    return made


def classifier(loss: str) -> minidl.Model:
    return model(4, loss=loss, activation="softmax")


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_training_before_compile_says_how_to_compile(method: str) -> None:
    with pytest.raises(NotCompiledError, match=rf"{method}: the model must be compiled first: model.compile\("):
        getattr(model(compiled=False), method)(X, Y)


def test_metrics_before_compile_are_empty_and_their_names_an_error() -> None:
    assert model(compiled=False).metrics == []
    with pytest.raises(NotCompiledError, match="metrics_names: the model must be compiled first"):
        _ = model(compiled=False).metrics_names


def test_predict_needs_no_compile() -> None:
    assert model(compiled=False).predict(X, verbose=0).shape == (12, 2)


def test_compile_without_a_loss_cannot_be_trained() -> None:
    with pytest.raises(NotCompiledError, match="there is no loss. Give one"):
        model(loss=None).fit(X, Y, verbose=0)


def test_no_optimizer_and_no_trainable_weights_are_told() -> None:
    with pytest.raises(NotCompiledError, match="there is no optimizer"):
        model(optimizer=None).fit(X, Y, verbose=0)
    frozen = model()
    frozen.trainable = False
    with pytest.warns(UserWarning, match="no trainable weights. Are all layers frozen"):
        frozen.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ({"optimizer": "adm"}, "unknown optimizer: 'adm'. Did you mean 'adam'"),
        ({"loss": "mse_"}, "unknown loss: 'mse_'. Did you mean 'mse'"),
        ({"loss": "categorical_cross_entropy"}, "Did you mean 'categorical_crossentropy'"),
        ({"loss": ["mse", "maee"]}, "unknown loss: 'maee'. Did you mean 'mae'"),
        ({"metrics": ["acuracy"]}, "unknown metric: 'acuracy'. Did you mean 'accuracy'"),
        ({"metrics": {"a": ["recal"]}}, "unknown metric: 'recal'. Did you mean 'recall'"),
        ({"weighted_metrics": ["msee"]}, "unknown metric: 'msee'. Did you mean 'mse'"),
    ],
)
def test_misspelt_names_are_told_by_compile(args, match) -> None:
    with pytest.raises(UnknownNameError, match=match):
        model(**args)


def test_metrics_must_be_a_list() -> None:
    with pytest.raises(ArgumentError, match=r"metrics must be a list.*Write metrics=\['accuracy'\]"):
        model(metrics="accuracy")
    with pytest.raises(ArgumentError, match="loss_weights must be"):
        model(loss_weights="half")


def test_empty_data_is_told() -> None:
    with pytest.raises(DataError, match=r"fit: the data is empty. Got x \(0, 3\)"):
        model().fit(X[:0], Y[:0], verbose=0)
    with pytest.raises(DataError, match="evaluate: there is no data"):
        model().evaluate(None, verbose=0)
    with pytest.raises(DataError, match="predict: the data is empty"):
        model().predict(X[:0], verbose=0)
    with pytest.raises(DataError, match="gave no batches"):
        model().fit(iter([]), verbose=0)


@pytest.mark.parametrize(("part", "value"), [("x", np.nan), ("y", np.inf)])
def test_nan_in_data_is_told_with_its_place(part: str, value: float) -> None:
    arrays = {"x": X.copy(), "y": Y.copy()}
    arrays[part][5, 1] = value
    with pytest.raises(DataError, match=rf"fit: {part} must be finite. Got {value} at index \(5, 1\)"):
        model().fit(arrays["x"], arrays["y"], verbose=0)


def test_nan_in_validation_data_is_told() -> None:
    bad = X.copy()
    bad[3, 0] = np.nan
    with pytest.raises(DataError, match=r"fit \(validation_data\): x must be finite"):
        model().fit(X, Y, validation_data=(bad, Y), verbose=0)


def test_arrays_of_different_lengths_are_told() -> None:
    with pytest.raises(DataError, match=r"same number of samples.*x \(12, 3\), y \(11, 2\)"):
        model().fit(X, Y[:11], verbose=0)
    with pytest.raises(DataError, match="same number of samples"):
        model().fit(X, Y, sample_weight=np.ones(5), verbose=0)


@pytest.mark.parametrize("split", [1.0, -0.2, 20, True])
def test_wrong_validation_split_is_told(split) -> None:
    with pytest.raises(ArgumentError, match=r"validation_split must be a fraction between 0 and 1. Got"):
        model().fit(X, Y, validation_split=split, verbose=0)


def test_validation_split_that_leaves_nothing_is_told() -> None:
    with pytest.raises(DataError, match="leaves none for training"):
        model().fit(X[:1], Y[:1], validation_split=0.5, verbose=0)
    with pytest.raises(ArgumentError, match="validation_split needs arrays"):
        model().fit(iter([(X, Y)]), validation_split=0.2, verbose=0)


def test_one_hot_targets_with_a_sparse_loss_say_what_to_do() -> None:
    with pytest.raises(ShapeError, match=r"Got y_true \(12, 4\), y_pred \(12, 4\).*loss='categorical_crossentropy'"):
        classifier("sparse_categorical_crossentropy").fit(X, np.eye(4)[LABELS], verbose=0)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "binary_crossentropy"])
def test_integer_labels_with_a_categorical_loss_say_what_to_do(loss: str) -> None:
    for y in (LABELS, LABELS[:, None]):
        with pytest.raises(ShapeError, match="loss='sparse_categorical_crossentropy'.*to_categorical"):
            classifier(loss).fit(X, y, verbose=0)


@pytest.mark.parametrize(("shift", "hint"), [(1, "Do the labels start at 1"), (-2, "-1 a mark|Is -1|labels")])
def test_labels_out_of_range_are_told_before_anything_is_trained(shift: int, hint: str) -> None:
    made = classifier("sparse_categorical_crossentropy")
    before = made.get_weights()
    with pytest.raises(DataError, match=rf"fit: labels in y must be whole numbers in 0..3.*({hint})"):
        made.fit(X, LABELS + shift, batch_size=2, verbose=0)
    np.testing.assert_array_equal(made.get_weights()[0], before[0])


def test_targets_of_another_shape_are_told() -> None:
    with pytest.raises(ShapeError, match=r"Got y_true \(12, 3\), y_pred \(12, 2\).*as many values a sample"):
        model().fit(X, X, verbose=0)


def test_missing_targets_are_told() -> None:
    with pytest.raises(DataError, match="has a loss but no targets. Got y=None: does the data give"):
        model().fit(X, verbose=0)
    with pytest.raises(DataError, match="has a loss but no targets"):
        model().fit(iter([X]), verbose=0)


def test_inputs_of_another_shape_are_told() -> None:
    with pytest.raises(ShapeError, match=r"must have shape \(None, 3\). Got \(12, 5\)"):
        model().fit(np.zeros((12, 5)), Y, verbose=0)


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ({"epochs": -1}, "epochs must be a whole number of 0 or more. Got -1"),
        ({"epochs": 2.5}, "epochs must be a whole number"),
        ({"batch_size": 0}, "batch_size must be a whole number, 1 or more. Got 0"),
        ({"batch_size": 2.0}, "batch_size must be a whole number"),
        ({"verbose": 7}, "verbose must be 0"),
        ({"validation_freq": 0}, "validation_freq must be"),
        ({"class_weight": {0: 1.0}, "sample_weight": np.ones(12)}, "class_weight or sample_weight, not both"),
        ({"class_weight": [1.0, 2.0]}, "class_weight must be a dict"),
        ({"callbacks": [minidl.callbacks.EarlyStopping]}, r"Got the class; write EarlyStopping\(\)"),
        ({"callbacks": ["early"]}, "each must be a minidl.callbacks.Callback"),
        ({"steps_per_epoch": 0}, "steps must be a whole number, 1 or more"),
    ],
)
def test_wrong_arguments_of_fit_are_told(args, match) -> None:
    with pytest.raises(MinidlError, match=match):
        model().fit(X, Y, **{"verbose": 0, **args})


def two_outputs(**args) -> minidl.Model:
    a = minidl.Input((3,))
    made = minidl.Model(a, [layers.Dense(1, name="one")(a), layers.Dense(2, name="two")(a)])
    made.compile(**{"optimizer": "sgd", "loss": "mse", **args})
    return made


@pytest.mark.parametrize(
    ("args", "y", "match"),
    [
        ({}, Y, "the model has 2 outputs.*'one', 'two'.*Got one ndarray"),
        ({}, [Y], "one entry for each output.*Got 1"),
        ({"loss": {"ones": "mse"}}, [Y[:, :1], Y], "unknown output in loss: 'ones'. Did you mean 'one'"),
        ({}, {"one": Y[:, :1], "tow": Y}, "unknown output in y: 'tow'. Did you mean 'two'"),
        ({"metrics": ["mae"]}, [Y[:, :1], Y], "metrics: there must be one entry for each output"),
        ({"loss_weights": [1.0]}, [Y[:, :1], Y], "loss_weights: there must be one entry"),
    ],
)
def test_targets_losses_and_metrics_must_match_the_outputs(args, y, match) -> None:
    with pytest.raises(MinidlError, match=match):
        two_outputs(**args).fit(X, y, verbose=0)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("fit_generator", "model.fit"),
        ("evaluate_generator", "model.evaluate"),
        ("predict_generator", "model.predict"),
        ("predict_classes", r"model.predict\(x\).argmax\(axis=-1\)"),
        ("predict_proba", "model.predict"),
    ],
)
def test_removed_methods_say_what_to_use_instead(name: str, instead: str) -> None:
    with pytest.raises(AttributeError, match=f"Model.{name} is no longer there; use {instead}.*instead"):
        getattr(model(), name)
    assert not hasattr(model(), name)


def test_thawing_layers_after_training_asks_for_compile() -> None:
    made = minidl.Sequential([layers.Input((3,)), layers.Dense(4), layers.Dense(2)])
    made.layers[0].trainable = False
    made.compile("sgd", "mse")
    made.fit(X, Y, verbose=0)
    made.layers[0].trainable = True
    with pytest.raises(ArgumentError, match="Were layers added or unfrozen.*compile"):
        made.fit(X, Y, verbose=0)
    made.compile("sgd", "mse")
    made.fit(X, Y, verbose=0)


def test_evaluate_takes_no_unknown_arguments() -> None:
    with pytest.raises(ArgumentError, match="evaluate: unknown arguments"):
        model().evaluate(X, Y, workers=4)
