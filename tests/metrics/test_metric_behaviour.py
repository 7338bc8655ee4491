"""Metrics: names, states, errors."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
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
    y_pred._keras_mask = np.array([[True, False]])
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


def test_auc_takes_logits_that_are_whole_numbers() -> None:
    metric = metrics.AUC(from_logits=True)
    metric.update_state(np.array([0, 0, 1, 1]), np.array([-2, 1, 0, 3]))
    assert float(metric.result()) == pytest.approx(0.75)


def test_auc_of_logits_equals_auc_of_probabilities() -> None:
    scores = np.random.default_rng(3).normal(size=50).astype("float32")
    labels = (scores + np.random.default_rng(4).normal(size=50) > 0).astype(int)
    of_logits, of_chances = metrics.AUC(from_logits=True), metrics.AUC()
    of_logits.update_state(labels, scores)
    of_chances.update_state(labels, 1 / (1 + np.exp(-scores)))
    assert float(of_logits.result()) == pytest.approx(float(of_chances.result()), abs=1e-3)


@pytest.mark.parametrize("shape", ["samples", "column", "all"])
def test_weights_of_every_shape_go_with_class_id_top_k_and_multi_label(shape: str) -> None:
    random = np.random.RandomState(0)
    true, pred, w = random.rand(20, 3) > 0.5, random.rand(20, 3).astype("float32"), random.rand(20).astype("float32")
    weight = {"samples": w, "column": w[:, None], "all": np.repeat(w[:, None], 3, axis=1)}[shape]
    said = pred[:, 1] > 0.5
    metric = metrics.Precision(class_id=1)
    metric.update_state(true, pred, sample_weight=weight)
    assert float(metric.result()) == pytest.approx((w * said * true[:, 1]).sum() / (w * said).sum(), rel=1e-6)

    best = pred.argmax(axis=1) == 2
    metric = metrics.Recall(class_id=2, top_k=1)
    metric.update_state(true, pred, sample_weight=weight)
    assert float(metric.result()) == pytest.approx((w * best * true[:, 2]).sum() / (w * true[:, 2]).sum(), rel=1e-6)

    metric = metrics.AUC(multi_label=True)
    metric.update_state(true, pred, sample_weight=weight)
    alone = []
    for column in range(3):
        one = metrics.AUC()
        one.update_state(true[:, column], pred[:, column], sample_weight=w)
        alone.append(float(one.result()))
    assert float(metric.result()) == pytest.approx(np.mean(alone), rel=1e-6)


def test_the_four_counts_are_sums_of_weights() -> None:
    true, pred = np.array([1, 0, 1, 0, 1, 0]), np.array([0.9, 0.8, 0.1, 0.2, 0.7, 0.6], np.float32)
    weights = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], np.float32)  # every sum tells which were added
    wanted = {"TruePositives": 17, "FalsePositives": 34, "FalseNegatives": 4, "TrueNegatives": 8}
    for name, sum_of_weights in wanted.items():
        metric = getattr(metrics, name)()
        for half in (slice(0, 3), slice(3, 6)):
            metric.update_state(true[half], pred[half], sample_weight=weights[half])
        assert float(metric.result()) == sum_of_weights, name
        metric = getattr(metrics, name)(thresholds=[0.15, 0.5, 0.75])
        metric.update_state(true, pred, sample_weight=weights)
        by_hand = [
            sum(w for t, p, w in zip(true, pred, weights, strict=True)
                if (p > limit) == name.endswith("Positives") and ((p > limit) == t) == name.startswith("True"))
            for limit in (0.15, 0.5, 0.75)
        ]  # fmt: skip
        np.testing.assert_array_equal(metric.result().numpy(), by_hand)


def test_auc_divides_the_interval_evenly_and_takes_given_thresholds_in_order() -> None:
    np.testing.assert_allclose(metrics.AUC(num_thresholds=5).thresholds, [-1e-7, 0.25, 0.5, 0.75, 1 + 1e-7], atol=1e-12)
    given = metrics.AUC(thresholds=[0.8, 0.3])
    np.testing.assert_allclose(given.thresholds, [-1e-7, 0.3, 0.8, 1 + 1e-7], atol=1e-12)
    assert given.num_thresholds == 4 and given.get_config()["thresholds"] == [0.3, 0.8]
    # By hand: recall 1, 1, 0.5, 0 and false positive rate 1, 0.5, 0, 0 at these thresholds.
    given.update_state([0, 0, 1, 1], [0.1, 0.5, 0.7, 0.9])
    assert float(given.result()) == pytest.approx(0.5 * 1 + 0.5 * 0.75)


def test_weights_that_do_not_fit_and_classes_that_are_not_there_are_told() -> None:
    true, pred = np.ones((4, 3)), np.full((4, 3), 0.5)
    for metric in (metrics.Precision(), metrics.AUC(), metrics.F1Score(), metrics.R2Score()):
        with pytest.raises(ShapeError, match=r"sample_weight must hold one weight a sample.*Got \(5,\) for \(4, 3\)"):
            metric.update_state(true, pred, sample_weight=np.ones(5))
    with pytest.raises(ShapeError, match=r"class_id=3 needs predictions \(N, C\).*Got \(4, 3\)"):
        metrics.Recall(class_id=3).update_state(true, pred)
    with pytest.raises(ArgumentError, match="num_labels goes with multi_label"):
        metrics.AUC(num_labels=3)
    with pytest.raises(ShapeError, match=r"predictions are \(N, 2\)"):
        metrics.AUC(multi_label=True, num_labels=2).update_state(true, pred)


def test_state_of_metrics_is_in_variables() -> None:
    class Spread(metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="spread")
            self.low, self.high = metrics.Mean("low"), metrics.Mean("high")
            self.seen = self.add_weight(name="seen", initializer="zeros")
            self.start = self.add_variable((2,), "ones", dtype="int32")
            self.own = minidl.Variable([1.0])

        def update_state(self, y_true, y_pred, sample_weight=None) -> None:
            self.low.update_state(np.min(y_pred))
            self.high.update_state(np.max(y_pred))
            self.seen.assign_add(len(y_pred))

        def result(self):
            return {"low": self.low.result(), "high": self.high.result()}

    metric = Spread()
    assert [v.numpy().tolist() for v in metric.variables] == [0.0, [1, 1], [1.0], 0.0, 0.0, 0.0, 0.0]
    assert metric.start.dtype == "int32"
    model = minidl.Sequential([minidl.layers.Input((2,)), minidl.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=[metric])
    results = model.evaluate(np.array([[1.0, 2], [3, 4]]), np.zeros((2, 1)), verbose=0, return_dict=True)
    assert results == {"low": 3.0, "high": 7.0, "loss": 29.0}
    metric.reset_state()
    assert all(not v.numpy().any() for v in metric.variables)
    assert [v.name for v in metrics.Mean().variables] == ["total", "count"]


def test_variable_before_super_init_is_told() -> None:
    class Forgetful(metrics.Metric):
        def __init__(self) -> None:
            self.seen = self.add_weight(name="seen")

    with pytest.raises(ArgumentError, match=r"Forgetful: call super\(\).__init__\(name=...\)"):
        Forgetful()


def test_losses_and_functions_as_metrics_have_keras_names_and_directions() -> None:
    model = minidl.Sequential([minidl.layers.Input((2,)), minidl.layers.Dense(1)])
    watched = [minidl.losses.Huber(delta=2.0), minidl.losses.mean_absolute_error, lambda a, b: abs(a - b)]
    model.compile("sgd", "mse", metrics=watched)
    logs = model.evaluate(np.ones((2, 2)), np.zeros((2, 1)), verbose=0, return_dict=True)
    assert list(logs) == ["huber_loss", "lambda", "loss", "mean_absolute_error"]
    directions = [model._compile_metrics.direction(name) for name in ("huber_loss", "mean_absolute_error", "lambda")]
    assert directions == ["down", "down", None]


def test_ignored_labels_leave_a_metric_where_it_is_weighted() -> None:
    # Keras' numbers; without weights it counts them.
    y, p = np.array([0, 2, 2, 1]), np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2], [0.3, 0.4, 0.3]])
    for weight, value in ((None, 0.6314322), (np.arange(1.0, 5), 1.0549202), (np.arange(1.0, 5)[:, None], 1.0549202)):
        metric = metrics.MeanMetricWrapper(minidl.losses.sparse_categorical_crossentropy, ignore_class=2)
        metric.update_state(y, p.astype("float32"), sample_weight=weight)
        assert float(metric.result()) == pytest.approx(value, rel=1e-6)


def test_ignored_labels_leave_a_metric_of_masked_predictions() -> None:
    pred = minidl.Tensor(np.full((4, 2), 0.5, "float32"))
    pred._keras_mask = minidl.Tensor(np.array([True, True, True, False]))
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=1)
    metric.update_state(np.array([0, 1, 0, 0]), pred)
    assert float(metric.result()) == pytest.approx(np.log(2), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_on_a_threshold_are_not_above_it(dtype: str) -> None:
    values = [0.0, 0.1, 0.25, 0.3, 0.5, 0.7, 1.0]
    metric = metrics.TruePositives(thresholds=values)
    metric.update_state(np.ones(7), np.array(values, dtype))
    assert np.asarray(metric.result()).tolist() == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("aggregation", ["uniform_average", "variance_weighted_average", None])
def test_a_column_that_is_constant_has_a_score_of_0(aggregation) -> None:
    metric = metrics.R2Score(class_aggregation=aggregation)
    metric.update_state([[1.0, 2.0], [1.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]])
    score = {"uniform_average": 0.5, "variance_weighted_average": 1.0, None: [0.0, 1.0]}[aggregation]
    np.testing.assert_allclose(metric.result().numpy(), score, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in metrics.__all__ if isinstance(getattr(metrics, n), type)])
def test_sums_over_many_batches_are_kept_in_float64(name) -> None:
    cls = getattr(metrics, name)
    given = {"MeanMetricWrapper": (lambda y_true, y_pred: y_pred,)}.get(name, ())
    if cls is metrics.Metric:
        return  # which keeps nothing
    metric = cls(*given)
    for _ in range(2):  # some make their sums with the first batch
        if name in ("Mean", "Sum"):
            metric.update_state([1.0, 2.0])
        elif name.startswith("Sparse"):
            metric.update_state([0, 1], np.array([[0.5, 0.5], [0.25, 0.75]]))
        else:
            metric.update_state(np.eye(2), np.array([[0.5, 0.5], [0.25, 0.75]]))
    assert metric.variables and {variable.dtype for variable in metric.variables} == {np.dtype(np.float64)}
