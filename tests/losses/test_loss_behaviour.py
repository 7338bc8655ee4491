"""Losses: names, shapes, weights, masks, dtypes, errors."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import losses
from minidl.errors import ArgumentError, DataError, ShapeError, UnknownNameError

RNG = np.random.default_rng(5)


def test_get_returns_functions_for_short_names_and_objects_for_class_names() -> None:
    for alias in ("mse", "MSE", "mean_squared_error"):
        assert losses.get(alias) is losses.mean_squared_error
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert losses.get(None) is None
    assert losses.get(losses.mae) is losses.mae
    assert isinstance(losses.get(losses.Huber), losses.Huber)


def test_get_suggests_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="'categorical_crossentropi'. Did you mean 'categorical_crossentropy'"):
        losses.get("categorical_crossentropi")
    with pytest.raises(ArgumentError, match="a name, a Loss, a function"):
        losses.get(3)


def test_loss_of_your_own_function_and_class() -> None:
    def cubic(y_true, y_pred):
        return (abs(y_true - y_pred) ** 3).mean(axis=-1)

    wrapped = losses.LossFunctionWrapper(cubic)
    assert wrapped([[0.0], [1.0]], [[1.0], [3.0]]).item() == 4.5
    assert wrapped.name == "cubic"


def test_one_hot_targets_with_sparse_loss_say_which_loss_fits() -> None:
    with pytest.raises(ShapeError, match=r"Got y_true \(4, 3\), y_pred \(4, 3\).*categorical_crossentropy"):
        losses.sparse_categorical_crossentropy(np.eye(3, dtype="float32")[[0, 1, 2, 0]], np.full((4, 3), 1 / 3))


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_integer_labels_with_categorical_loss_say_which_loss_fits(shape: tuple[int, ...]) -> None:
    for loss in (losses.categorical_crossentropy, losses.binary_crossentropy):
        with pytest.raises(ShapeError, match="sparse_categorical_crossentropy.*to_categorical"):
            loss(np.zeros(shape, int), np.full((4, 3), 1 / 3, "float32"))


def test_labels_out_of_range_are_named() -> None:
    with pytest.raises(DataError, match="Got 3 at index 1"):
        losses.SparseCategoricalCrossentropy()(np.array([1, 3]), np.full((2, 3), 1 / 3, "float32"))


def test_batch_sizes_that_differ_are_told() -> None:
    with pytest.raises(ShapeError, match="mean_squared_error.*batch sizes differ"):
        losses.mse(np.zeros((4, 2)), np.zeros((5, 2)))
    with pytest.raises(ShapeError, match="as many values a sample"):
        losses.mse(np.zeros((4, 2)), np.zeros((4, 3)))


@pytest.mark.parametrize(
    "loss, y_true, y_pred, cause",
    [
        ("mse", (4, 3), (5, 3), "batch sizes differ"),
        ("mse", (4, 2), (4, 3), "as many values a sample"),
        ("mse", (4, 3), (4, 2, 3), "as many values a sample"),
        ("mse", (4,), (4, 3), "end in Dense\\(1\\)"),
        ("mse", (4, 5), (4, 5, 3), "end in Dense\\(1\\)"),
        ("mse", (4, 1), (4, 3), "as many values a sample"),
        ("categorical_crossentropy", (4,), (4, 3), "sparse_categorical_crossentropy"),
        ("categorical_crossentropy", (4, 1), (4, 3), "sparse_categorical_crossentropy"),
        ("categorical_crossentropy", (4, 2), (4, 3), "as many values a sample"),
        ("binary_crossentropy", (4, 1), (4, 3), "sparse_categorical_crossentropy"),
        ("huber", (4, 1), (4, 3), "as many values a sample"),
    ],
)
def test_the_cause_of_shapes_that_differ_is_told(loss, y_true, y_pred, cause) -> None:
    with pytest.raises(ShapeError, match=cause):
        losses.get(loss)(np.zeros(y_true), np.zeros(y_pred))


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_weights_that_are_all_0_give_a_loss_of_0(reduction) -> None:
    loss = losses.MeanSquaredError(reduction=reduction)
    assert loss(np.ones((3, 2)), np.zeros((3, 2)), sample_weight=np.zeros(3)).item() == 0.0


def test_a_mean_by_weights_that_add_up_to_0_is_0() -> None:
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert loss([[1.0], [3.0]], [[0.0], [0.0]], sample_weight=[1.0, -1.0]).item() == 0.0


def test_wrong_reduction_smoothing_and_weights_are_errors() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'sum'"):
        losses.MeanSquaredError(reduction="summ")
    with pytest.raises(ArgumentError, match="label_smoothing must be between 0 and 1. Got 2"):
        losses.CategoricalCrossentropy(label_smoothing=2)
    with pytest.raises(ShapeError, match="one weight a sample"):
        losses.MeanSquaredError()(np.zeros((4, 2)), np.zeros((4, 2)), sample_weight=np.ones(3))
    with pytest.raises(ArgumentError, match="sample_weight must be finite"):
        losses.MeanSquaredError()(np.zeros((2, 2)), np.zeros((2, 2)), sample_weight=[1.0, np.nan])


def test_sample_weights_of_one_a_sample_do_not_broadcast_over_the_last_axis() -> None:
    # Two samples of two time steps: here (N,) would also fit the last axis.
    weighted = losses.MeanSquaredError(reduction="none")(np.zeros((2, 2, 1)), np.ones((2, 2, 1)), [1.0, 3.0])
    np.testing.assert_array_equal(weighted.numpy(), [[1, 1], [3, 3]])


def test_mask_of_predictions_leaves_values_out_of_the_mean() -> None:
    y_pred = minidl.Tensor(RNG.normal(size=(3, 4, 2)).astype("float32"))
    y_true = RNG.normal(size=(3, 4, 2)).astype("float32")
    mask = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]], bool)
    y_pred._keras_mask = mask
    errors = ((y_true - y_pred.data) ** 2).mean(axis=-1)
    np.testing.assert_allclose(losses.MeanSquaredError()(y_true, y_pred).item(), errors[mask].mean(), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loss_keeps_the_dtype_of_predictions(dtype: str) -> None:
    value = losses.CategoricalCrossentropy()(np.eye(3)[[0, 2]], np.full((2, 3), 1 / 3, dtype))
    assert value.dtype == dtype


def test_dtype_of_a_loss_decides() -> None:
    assert losses.MeanSquaredError(dtype="float64")(np.zeros((2, 1)), np.ones((2, 1), "float32")).dtype == "float64"


def test_loss_leaves_its_arguments_unchanged() -> None:
    true, pred, weight = RNG.normal(size=(4, 3)), RNG.random((4, 3)), RNG.random(4)
    copies = true.copy(), pred.copy(), weight.copy()
    for name in ("MeanSquaredError", "KLDivergence", "Hinge", "CosineSimilarity"):
        getattr(losses, name)()(true, pred, weight)
    for array, copy in zip((true, pred, weight), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_cosine_similarity_of_zeros_has_a_finite_gradient() -> None:
    y_pred = minidl.Variable(np.zeros((1, 3), "float32"))
    with minidl.GradientTape() as tape:
        loss = losses.CosineSimilarity()(np.ones((1, 3)), y_pred)
    assert loss.item() == 0
    assert np.isfinite(tape.gradient(loss, y_pred).numpy()).all()


def test_ignored_labels_do_not_count_in_training_and_evaluation() -> None:
    y, p = np.array([0, 2, 2, 1]), np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2], [0.3, 0.4, 0.3]])
    expected = -(np.log(0.2) + np.log(0.4)) / 2
    model = minidl.Sequential([minidl.layers.Input((3,)), minidl.layers.Activation("linear")])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(ignore_class=2))
    assert model.evaluate(p, y, verbose=0) == pytest.approx(expected, rel=1e-6)
    assert model.evaluate(p, y, batch_size=3, verbose=0) == pytest.approx((3 * -np.log(0.2) - np.log(0.4)) / 4)
    with pytest.warns(UserWarning, match="no trainable weights"):
        history = model.fit(p, y, class_weight={0: 1.0, 1: 2.0, 2: 5.0}, verbose=0).history
    assert history["loss"][0] == pytest.approx(-(np.log(0.2) + 2 * np.log(0.4)) / 2, rel=1e-6)


def test_weights_of_samples_meet_a_mask_of_steps() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    y, p = np.array([[0, -1], [1, 1], [-1, -1]]), np.full((3, 2, 2), 0.5, "float32")
    weights = np.array([1.0, 3.0, 100.0])
    for given in (weights, weights[:, None], np.repeat(weights[:, None], 2, axis=1)):
        assert loss(y, p, sample_weight=given).item() == pytest.approx((1 + 3 + 3) * np.log(2) / 3, rel=1e-6)


def test_half_precision_predictions_are_computed_in_single() -> None:
    value = losses.MeanSquaredError()(np.zeros((2, 1)), np.full((2, 1), 300.0, "float16"))  # 300² is above float16
    assert value.dtype == "float32" and value.item() == 90000.0


CLASSES = {name for name, item in losses.registry.names.items() if isinstance(item, type)}


@pytest.mark.parametrize("name", sorted(CLASSES - {"Hinge", "SquaredHinge"}))
def test_loss_of_symbolic_tensors_is_part_of_a_model(name: str) -> None:
    a = minidl.Input((), dtype="int32") if "Sparse" in name else minidl.Input((3,))
    b = minidl.Input((3,))
    loss = getattr(losses, name)(reduction=None)
    values = loss(a, b)
    assert values.shape == (None,)
    pred = np.abs(RNG.normal(size=(4, 3))).astype("float32")
    true = RNG.integers(0, 3, 4) if "Sparse" in name else np.abs(RNG.normal(size=(4, 3))).astype("float32")
    found = minidl.Model([a, b], values).predict([true, pred], verbose=0)
    np.testing.assert_allclose(found, loss(true, pred).numpy(), rtol=1e-6)


def test_weights_of_every_shape_meet_a_mask_of_samples() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=1)
    p = np.array([[0.5, 0.5], [0.25, 0.75], [0.25, 0.75]], "float32")
    for given in (np.array([1.0, 5, 3]), np.array([[1.0], [5], [3]])):
        expected = -(np.log(0.5) + 3 * np.log(0.25)) / 2
        assert loss(np.array([0, 1, 0]), p, sample_weight=given).item() == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ShapeError, match=r"one weight a sample.*Got \(4,\)"):
        loss(np.array([0, 1, 0]), p, sample_weight=np.ones(4))
