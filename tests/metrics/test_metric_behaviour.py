"""Metrics: names, states, errors."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import metrics
from minidl.errors import ArgumentError, ShapeError, UnknownNameError


def test_get_knows_class_names_snake_case_and_aliases() -> None:
    for name in ("MeanSquaredError", "mean_squared_error", "mse", "MSE"):
        assert isinstance(metrics.get(name), metrics.MeanSquaredError)
    assert isinstance(metrics.get("AUC"), metrics.AUC)
    assert isinstance(metrics.get("f1_score"), metrics.F1Score)
    metric = metrics.Precision()
    assert metrics.get(metric) is metric


def test_get_suggests_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="unknown metric: 'precison'. Did you mean 'precision'"):
        metrics.get("precison")
    with pytest.raises(ArgumentError, match="a name, a Metric or a function"):
        metrics.get(1)


def test_mean_weighs_and_starts_at_zero() -> None:
    metric = metrics.Mean()
    assert float(metric.result()) == 0
    metric.update_state(2.0, sample_weight=3)
    metric.update_state([1.0, 5.0], sample_weight=[1, 0])
    assert float(metric.result()) == pytest.approx(7 / 4)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_metric_of_your_own_resets_its_variables() -> None:
    class Count(metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="count")
            self.count = self.add_weight(name="count", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.count.assign_add(len(y_true))

        def result(self):
            return self.count

    metric = Count()
    metric.update_state([1, 2], [1, 2])
    metric.update_state([1], [1])
    assert float(metric.result()) == 3
    assert metric.variables == [metric.count] or len(metric.variables) == 1
    metric.reset_state()
    assert float(metric.result()) == 0


def test_function_as_metric_is_averaged_over_samples() -> None:
    metric = metrics.MeanMetricWrapper(lambda y_true, y_pred: (y_true - y_pred) ** 2, name="square")
    metric.update_state(np.array([1.0, 2.0]), np.array([0.0, 0.0]))
    metric.update_state(np.array([3.0]), np.array([0.0]))
    assert float(metric.result()) == pytest.approx(14 / 3)


def test_mask_leaves_values_out() -> None:
    import minidl

    y_pred = minidl.Tensor(np.array([[[0.9, 0.1], [0.9, 0.1]]], "float32"))
    y_pred._mask = np.array([[True, False]])
    metric = metrics.SparseCategoricalAccuracy()
    metric.update_state(np.array([[0, 1]]), y_pred)
    assert float(metric.result()) == 1


def test_top_k_counts_equal_scores_as_keras() -> None:
    scores = np.array([[0.2, 0.2, 0.6]])
    assert float(metrics.SparseTopKCategoricalAccuracy(k=2)(np.array([1]), scores)) == 1
    assert float(metrics.SparseTopKCategoricalAccuracy(k=1)(np.array([1]), scores)) == 0
    ids = np.array([[2, 0, 1]])
    assert float(metrics.SparseTopKCategoricalAccuracy(k=2, from_sorted_ids=True)(np.array([1]), ids)) == 0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: metrics.categorical_accuracy([1, 0], [[0.1, 0.9], [0.5, 0.5]]), "sparse_categorical_accuracy"),
        (lambda: metrics.sparse_categorical_accuracy(np.eye(2), np.eye(2)), "One-hot targets go with"),
        (lambda: metrics.binary_accuracy(np.zeros(3), np.zeros((3, 2))), "must have the same shape"),
        (lambda: metrics.Precision()(np.zeros(3), np.zeros((3, 2))), "to_categorical"),
        (lambda: metrics.F1Score()(np.zeros(3), np.zeros((3, 2))), "one-hot"),
        (lambda: metrics.Mean()([1.0, 2.0], sample_weight=[1.0, 2.0, 3.0]), "one sample_weight a sample"),
        (lambda: metrics.SparseTopKCategoricalAccuracy()(np.zeros(2), np.zeros((3, 4))), "one label for each row"),
    ],
)
def test_shapes_that_do_not_fit_are_told(call, match) -> None:
    with pytest.raises(ShapeError, match=match):
        call()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: metrics.AUC()([0, 1], [-1.0, 2.0]), "between 0 and 1. Got -1 to 2. Does the model lack a sigmoid"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds must be"),
        (lambda: metrics.AUC(curve="ROK"), "Did you mean 'ROC'"),
        (lambda: metrics.Precision(thresholds=2.0), "between 0 and 1"),
        (lambda: metrics.F1Score(average="macros"), "Did you mean 'macro'"),
    ],
)
def test_wrong_values_are_told(call, match) -> None:
    with pytest.raises(ArgumentError, match=match):
        call()


def test_auc_of_logits_equals_auc_of_probabilities() -> None:
    scores = np.random.default_rng(3).normal(size=50).astype("float32")
    labels = (scores + np.random.default_rng(4).normal(size=50) > 0).astype(int)
    of_logits, of_chances = metrics.AUC(from_logits=True), metrics.AUC()
    of_logits.update_state(labels, scores)
    of_chances.update_state(labels, 1 / (1 + np.exp(-scores)))
    assert float(of_logits.result()) == pytest.approx(float(of_chances.result()), abs=1e-3)
