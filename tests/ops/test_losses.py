"""Losses: gradients by finite differences, what clipping and smoothing do, extreme scores, bad labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pointwise import all_different, away_from, checked, find, normal, seeds, shapes

from minidl.errors import ArgumentError, DataError, DTypeError, ShapeError
from minidl.ops import losses
from minidl.ops.softmaxes import softmax_forward
from minidl.testing import check_gradients

PAIRED = ["categorical_crossentropy", "binary_crossentropy", "mean_squared_error", "mean_absolute_error", "huber"]
smoothing = st.sampled_from([0.0, 0.1, 1.0])


def probabilities(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape)


@checked
@given(st.data(), shapes(min_rank=1, max_rank=3), seeds, st.booleans(), smoothing)
def test_categorical_crossentropy_gradient(
    data: Any, shape: tuple[int, ...], seed: int, from_logits: bool, s: float
) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    y_pred = normal(shape, seed) if from_logits else all_different(shape, seed)
    if not from_logits and shape[axis] == 1:
        return  # the one class has probability 1, which is clipped: no gradient, and a corner
    check_gradients(
        losses.categorical_crossentropy_forward, losses.categorical_crossentropy_backward,
        [probabilities(shape, seed), y_pred], {"from_logits": from_logits, "label_smoothing": s, "axis": axis},
    )  # fmt: skip


@checked
@given(shapes(max_rank=2), st.integers(2, 4), seeds, st.booleans(), st.sampled_from([None, 0, -1]))
def test_sparse_categorical_crossentropy_gradient(
    rows: tuple[int, ...], classes: int, seed: int, from_logits: bool, ignore: int | None
) -> None:
    labels = np.random.default_rng(seed).integers(-1 if ignore == -1 else 0, classes, rows)
    y_pred = normal((*rows, classes), seed) if from_logits else all_different((*rows, classes), seed)
    check_gradients(
        losses.sparse_categorical_crossentropy_forward, losses.sparse_categorical_crossentropy_backward,
        [np.asarray(labels), y_pred], {"from_logits": from_logits, "ignore_class": ignore},
    )  # fmt: skip


@checked
@given(shapes(min_rank=1, max_rank=3), seeds, st.booleans(), smoothing)
def test_binary_crossentropy_gradient(shape: tuple[int, ...], seed: int, from_logits: bool, s: float) -> None:
    y_pred = away_from([0.0], shape, seed) if from_logits else probabilities(shape, seed + 1)
    check_gradients(
        losses.binary_crossentropy_forward, losses.binary_crossentropy_backward,
        [probabilities(shape, seed), y_pred], {"from_logits": from_logits, "label_smoothing": s},
    )  # fmt: skip


@checked
@given(shapes(min_rank=1, max_rank=3), seeds, st.sampled_from(["mean_squared_error", "mean_absolute_error"]))
def test_error_gradients(shape: tuple[int, ...], seed: int, op: str) -> None:
    y_true = normal(shape, seed)
    check_gradients(*find(op), [y_true, y_true + away_from([0.0], shape, seed + 1)])


@checked
@given(shapes(min_rank=1, max_rank=3), seeds, st.sampled_from([0.5, 1.0, 3.0]))
def test_huber_gradient(shape: tuple[int, ...], seed: int, delta: float) -> None:
    y_true = normal(shape, seed)
    y_pred = y_true + away_from([0.0, delta, -delta], shape, seed + 1)
    check_gradients(losses.huber_forward, losses.huber_backward, [y_true, y_pred], {"delta": delta})


@checked
@given(shapes(max_rank=2), st.integers(1, 5), seeds, st.booleans())
def test_sparse_agrees_with_one_hot(rows: tuple[int, ...], classes: int, seed: int, from_logits: bool) -> None:
    labels = np.asarray(np.random.default_rng(seed).integers(0, classes, rows))
    y_pred = normal((*rows, classes), seed) if from_logits else probabilities((*rows, classes), seed)
    sparse, sparse_cache = losses.sparse_categorical_crossentropy_forward(labels, y_pred, from_logits=from_logits)
    dense, cache = losses.categorical_crossentropy_forward(np.eye(classes)[labels], y_pred, from_logits=from_logits)
    np.testing.assert_allclose(sparse, dense, rtol=1e-12)
    dy = np.ones_like(dense)
    np.testing.assert_allclose(
        losses.sparse_categorical_crossentropy_backward(dy, sparse_cache)[1],
        losses.categorical_crossentropy_backward(dy, cache)[1],
        rtol=1e-9, atol=1e-12,
    )  # fmt: skip


def test_logits_agree_with_their_softmax_away_from_the_clip() -> None:
    z, labels = normal((6, 4), 0), np.array([0, 1, 2, 3, 3, 0])
    from_scores, _ = losses.sparse_categorical_crossentropy_forward(labels, z, from_logits=True)
    from_shares, _ = losses.sparse_categorical_crossentropy_forward(labels, softmax_forward(z)[0])
    np.testing.assert_allclose(from_scores, from_shares, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits_stay_finite_without_warning(dtype: type) -> None:
    z = np.array([[-1e4, 1e4, 0], [1e4, 1e4, -1e4]], dtype)
    one_hot = np.array([[1, 0, 0], [0, 1, 0]], dtype)
    for op, truth, expected in (
        ("categorical_crossentropy", one_hot, [2e4, np.log(2)]),
        ("sparse_categorical_crossentropy", np.array([0, 1]), [2e4, np.log(2)]),
        ("binary_crossentropy", one_hot, [(1e4 + 1e4 + np.log(2)) / 3, 1e4 / 3]),
    ):
        forward, backward = find(op)
        loss, cache = forward(truth, z, from_logits=True)
        assert loss.dtype == dtype
        np.testing.assert_allclose(loss, expected, rtol=1e-6)
        dz = backward(np.ones_like(loss), cache)[1]
        assert dz.dtype == dtype
        assert np.isfinite(dz).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_certain_and_wrong_probabilities_are_clipped(dtype: type) -> None:
    p = np.array([[0, 1], [1, 0]], dtype)
    one_hot = np.array([[1, 0], [1, 0]], dtype)
    loss, cache = losses.categorical_crossentropy_forward(one_hot, p)
    np.testing.assert_allclose(loss, [-np.log(1e-7), 0], rtol=1e-6, atol=2e-7)
    np.testing.assert_array_equal(losses.categorical_crossentropy_backward(np.ones_like(loss), cache)[1], 0)
    loss, cache = losses.binary_crossentropy_forward(one_hot, p)
    np.testing.assert_allclose(loss, [-np.log(1e-7), 0], rtol=1e-2, atol=2e-7)
    np.testing.assert_array_equal(losses.binary_crossentropy_backward(np.ones_like(loss), cache)[1], 0)


def test_gradient_passes_on_the_bounds_of_the_clip() -> None:
    """As in PyTorch's clamp: only beyond a bound is the gradient cut."""
    p = np.array([[losses.EPSILON, 1 - losses.EPSILON]])
    loss, cache = losses.binary_crossentropy_forward(np.array([[1.0, 0.0]]), p)
    np.testing.assert_allclose(losses.binary_crossentropy_backward(np.ones(1), cache)[1], [[-0.5e7, 0.5e7]], rtol=1e-6)


def test_absolute_error_has_no_slope_where_equal() -> None:
    x = np.array([[1.0, 2.0, 3.0]])
    _, cache = losses.mean_absolute_error_forward(x, x + np.array([0.0, 1.0, -1.0]))
    np.testing.assert_allclose(losses.mean_absolute_error_backward(np.ones(1), cache)[1], [[0, 1 / 3, -1 / 3]])


def test_probabilities_are_divided_by_their_sum() -> None:
    one_hot, p = np.eye(3), probabilities((3, 3), 0)
    np.testing.assert_allclose(
        losses.categorical_crossentropy_forward(one_hot, p)[0],
        losses.categorical_crossentropy_forward(one_hot, 7 * p)[0],
        rtol=1e-14,
    )


def test_ignored_class_costs_nothing() -> None:
    z = normal((4, 3), 0)
    loss, cache = losses.sparse_categorical_crossentropy_forward(
        np.array([0, 255, 2, 255]), z, from_logits=True, ignore_class=255
    )
    assert (loss[[1, 3]] == 0).all()
    assert (loss[[0, 2]] > 0).all()
    _, dz = losses.sparse_categorical_crossentropy_backward(np.ones(4), cache)
    assert not dz[[1, 3]].any()
    assert dz[[0, 2]].any(axis=1).all()


@pytest.mark.parametrize("labels", [np.array([2, 0], np.uint8), np.array([2.0, 0.0]), np.array([[2], [0]])])
def test_labels_of_any_whole_kind_are_taken(labels: np.ndarray) -> None:
    z = normal((2, 3), 0)
    expected, _ = losses.sparse_categorical_crossentropy_forward(np.array([2, 0]), z, from_logits=True)
    loss, cache = losses.sparse_categorical_crossentropy_forward(labels, z, from_logits=True)
    np.testing.assert_array_equal(loss, expected)
    assert losses.sparse_categorical_crossentropy_backward(loss, cache)[0] is None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            [0, 1, 7, 9],
            r"labels must lie in \[0, 3\), as y_pred has 3 classes\. Got 7 at index 2 .*unit for each class",
        ),
        ([1, 2, 3, 1], r"Got 3 at index 2 of y_true\. Do the labels count from 1"),
        ([0, 2, 3, 1], r"Got 3 at index 2 of y_true\. Has the last layer a unit for each class"),
        ([0, -1, 2, 1], r"Got -1 at index 1 of y_true\. .*ignore_class"),
        ([0.0, 1.0, 1.5, 0.0], r"labels must be whole numbers\. Got 1\.5 at index 2 of y_true\. .*mean_squared_error"),
        ([0.0, np.nan, 1.5, 0.0], r"labels must be whole numbers\. Got nan at index 1"),
        ([0.0, 1.0, np.inf, 0.0], r"labels must be whole numbers\. Got inf at index 2"),
    ],
)
def test_bad_labels_are_named_with_their_place(labels: list[float], message: str) -> None:
    with pytest.raises(DataError, match=rf"sparse_categorical_crossentropy: .*{message}"):
        losses.sparse_categorical_crossentropy_forward(np.array(labels), np.ones((4, 3)))


def test_bad_label_in_an_image_is_named_by_row_and_column() -> None:
    with pytest.raises(DataError, match=r"Got 5 at index \(1, 0\) of y_true"):
        losses.sparse_categorical_crossentropy_forward(np.array([[0, 1], [5, 1]]), np.ones((2, 2, 3)))


def test_label_out_of_range_that_is_not_the_ignored_one_raises() -> None:
    with pytest.raises(DataError, match="Got -2 at index 1"):
        losses.sparse_categorical_crossentropy_forward(np.array([-1, -2]), np.ones((2, 3)), ignore_class=-1)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            np.zeros(3, int),
            r"one label for each row of y_pred, \(4,\)\. Got y_true \(3,\), y_pred \(4, 3\)\. The batch",
        ),
        (np.zeros((4, 3), int), r"For one-hot rows use categorical_crossentropy"),
        (np.zeros((4, 2), int), r"Is an axis missing\?"),
    ],
)
def test_labels_of_another_shape_raise(labels: np.ndarray, message: str) -> None:
    with pytest.raises(ShapeError, match=rf"sparse_categorical_crossentropy: .*{message}"):
        losses.sparse_categorical_crossentropy_forward(labels, np.ones((4, 3)))


def test_labels_or_predictions_of_another_dtype_raise() -> None:
    op = "sparse_categorical_crossentropy"
    with pytest.raises(DTypeError, match=f"{op}: labels must be integers. Got bool"):
        losses.sparse_categorical_crossentropy_forward(np.array([True, False]), np.ones((2, 3)))
    with pytest.raises(DTypeError, match=f"{op}: y_pred must be float32 or float64. Got int64"):
        losses.sparse_categorical_crossentropy_forward(np.array([0, 1]), np.ones((2, 3), int))
    with pytest.raises(ShapeError, match=f"{op}: y_pred must have an axis of classes"):
        losses.sparse_categorical_crossentropy_forward(np.array(0), np.array(1.0))


@pytest.mark.parametrize("op", PAIRED)
def test_disagreeing_pairs_raise(op: str) -> None:
    forward, _ = find(op)
    x = np.ones((4, 3))
    with pytest.raises(
        ShapeError, match=rf"{op}: .*one shape\. Got y_true \(5, 3\), y_pred \(4, 3\)\. The batch sizes"
    ):
        forward(np.ones((5, 3)), x)
    with pytest.raises(ShapeError, match=rf"{op}: .*Got y_true \(4, 2\), y_pred \(4, 3\)\. .*last layer"):
        forward(np.ones((4, 2)), x)
    with pytest.raises(DTypeError, match=rf"{op}: .*Got y_true float32, y_pred float64"):
        forward(x.astype(np.float32), x)
    with pytest.raises(DTypeError, match=rf"{op}: y_true must be float32 or float64\. Got int64"):
        forward(np.ones((4, 3), int), x)
    with pytest.raises(ShapeError, match=rf"{op}: axis 1 must hold at least one value\. Got shape \(4, 0\)"):
        forward(np.ones((4, 0)), np.ones((4, 0)))
    with pytest.raises(ShapeError, match=rf"{op}: y_pred must have an axis\. Got shape \(\)"):
        forward(np.array(1.0), np.array(1.0))
    if op != "categorical_crossentropy":
        with pytest.raises(ShapeError, match=r"Got y_true \(4,\), y_pred \(4, 1\)\. Reshape y_true"):
            forward(np.ones(4), np.ones((4, 1)))


def test_labels_given_to_categorical_crossentropy_raise_with_a_hint() -> None:
    with pytest.raises(ShapeError, match=r"Got y_true \(4,\), y_pred \(4, 3\)\. .*use sparse_categorical_crossentropy"):
        losses.categorical_crossentropy_forward(np.ones(4), np.ones((4, 3)))


@pytest.mark.parametrize("op", ["categorical_crossentropy", "binary_crossentropy"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_label_smoothing_outside_zero_and_one_raises(op: str, value: float) -> None:
    forward, _ = find(op)
    with pytest.raises(ArgumentError, match=rf"{op}: label_smoothing must lie in \[0, 1\]\. Got {value}"):
        forward(np.ones((2, 3)), np.ones((2, 3)), label_smoothing=value)


def test_categorical_crossentropy_without_classes_on_its_axis_raises() -> None:
    empty = np.ones((0, 3))
    with pytest.raises(ShapeError, match="categorical_crossentropy: axis 0 must hold at least one value"):
        losses.categorical_crossentropy_forward(empty, empty, axis=0)


def test_label_smoothing_counts_the_classes_on_the_axis() -> None:
    y_true, z = np.eye(4)[[0, 2]], normal((2, 4), 0)
    static = {"from_logits": True, "label_smoothing": 0.2}
    last, _ = losses.categorical_crossentropy_forward(y_true, z, **static)
    first, _ = losses.categorical_crossentropy_forward(y_true.T, z.T, axis=0, **static)
    np.testing.assert_allclose(first, last, rtol=1e-14)


def test_categorical_crossentropy_axis_out_of_range_raises() -> None:
    with pytest.raises(ArgumentError, match=r"categorical_crossentropy: axis must lie in \[-2, 2\)\. Got 2"):
        losses.categorical_crossentropy_forward(np.ones((2, 3)), np.ones((2, 3)), axis=2)


@pytest.mark.parametrize("delta", [0, -1.0, float("nan")])
def test_huber_delta_not_positive_raises(delta: float) -> None:
    with pytest.raises(ArgumentError, match="huber: delta must be positive"):
        losses.huber_forward(np.ones((2, 3)), np.ones((2, 3)), delta=delta)


@pytest.mark.parametrize("op", PAIRED)
def test_empty_batch_passes(op: str) -> None:
    forward, backward = find(op)
    loss, cache = forward(np.ones((0, 3)), np.ones((0, 3)))
    assert loss.shape == (0,)
    assert backward(loss, cache)[1].shape == (0, 3)
