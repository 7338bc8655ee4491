"""The softmax ladder and the losses on the SIMT machine equal minidl's NumPy ops, forward and backward."""

import numpy as np
import pytest

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from minidl.ops import losses
from minidl.ops import softmaxes as softmax

SHAPES = [((5, 7), -1), ((3, 70), 1), ((1, 1), -1), ((2, 6, 3), 1), ((4, 32), -1)]
RUNGS = [rung for op in ("softmax", "log_softmax") for rung in ladder.rungs(op)]


def name_of(rung):
    return f"{rung.op}-{rung.name}"


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("rung", RUNGS, ids=name_of)
def test_forward_and_backward_equal_numpy(rung):
    for shape, axis in SHAPES:
        x, dy = 5 * values(*shape), values(*shape, seed=1)
        expected, cache = getattr(softmax, f"{rung.op}_forward")(x, axis=axis)
        np.testing.assert_allclose(rung.run(x, axis=axis), expected, rtol=1e-5, atol=1e-6)
        (wanted,) = getattr(softmax, f"{rung.op}_backward")(dy, cache)
        dx = ladder.rung(f"{rung.op}_backward", rung.name).run(dy, expected, axis=axis)
        np.testing.assert_allclose(dx, wanted, rtol=1e-4, atol=3e-6)


@pytest.mark.parametrize("rung", RUNGS, ids=name_of)
def test_an_axis_that_is_not_there_is_told(rung):
    for axis in (2, -3):
        with pytest.raises(ValueError, match=r"axis must lie in \[-2, 2\)"):
            rung.run(values(3, 4), axis=axis)


@pytest.mark.parametrize("rung", RUNGS, ids=name_of)
def test_large_scores_do_not_overflow_and_nan_fills_its_row(rung):
    x = np.array([[1e4, 0, -1e4], [0, np.nan, 1], [-1e30, -1e30, -1e30]], np.float32)
    expected, _ = getattr(softmax, f"{rung.op}_forward")(x)
    np.testing.assert_allclose(rung.run(x), expected, rtol=1e-6, atol=1e-6)


def test_rows_longer_than_the_registers_take_the_online_kernel():
    x = values(2, 1100)
    with simt_options() as reports:
        y = ladder.rung("softmax", "r3").run(x)
    assert reports[-1].kernel == "softmax_online"
    np.testing.assert_allclose(y, softmax.softmax_forward(x)[0], rtol=1e-5)


def test_each_rung_reads_as_often_as_its_header_says():
    x = values(4, 96)
    with simt_options() as reports:
        for rung in ladder.rungs("softmax"):
            rung.run(x)
    assert [report.figures.global_load_bytes // x.nbytes for report in reports] == [3, 2, 1]


@pytest.mark.parametrize("rung", ladder.rungs("sparse_softmax_crossentropy"), ids=name_of)
def test_sparse_crossentropy_of_scores_equals_numpy(rung):
    for classes in (5, 70):
        logits, labels = 3 * values(6, classes), np.array([0, classes - 1, 2, -1, 1, 3], np.int32)
        expected, cache = losses.sparse_categorical_crossentropy_forward(
            labels, logits, from_logits=True, ignore_class=-1)
        loss, log_p = rung.run(labels, logits)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)
        np.testing.assert_allclose(log_p, cache.log_p, rtol=1e-5, atol=1e-6)
        dy = values(6, seed=1)
        _, wanted = losses.sparse_categorical_crossentropy_backward(dy, cache)
        dx = ladder.rung("sparse_softmax_crossentropy_backward").run(dy, labels, cache.log_p)
        np.testing.assert_allclose(dx, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("op, settings", [
    ("mean_squared_error", {}), ("mean_absolute_error", {}), ("huber", {"delta": 0.7}), ("binary_crossentropy", {}),
    ("binary_crossentropy", {"from_logits": True, "label_smoothing": 0.1})])
def test_mean_losses_equal_numpy(op, settings):
    y_true, y_pred = (np.abs(values(3, 2, 7)) > 0.5).astype(np.float32), values(3, 2, 7, seed=1)
    if op == "binary_crossentropy" and not settings:
        y_pred = np.clip(np.abs(y_pred), 0, 1)  # some are 1 exactly: clipped, no gradient
    y_pred[0, 0, 0] = y_true[0, 0, 0]
    expected, cache = getattr(losses, f"{op}_forward")(y_true, y_pred, **settings)
    loss, kept = ladder.rung(op).run(y_true, y_pred, **settings)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(kept, cache[0], rtol=1e-6, atol=1e-7)
    dy = values(3, 2, seed=2)
    got = ladder.rung(f"{op}_backward").run(dy, cache[0], y_pred, **settings)
    for gradient, wanted in zip(got, getattr(losses, f"{op}_backward")(dy, cache), strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("op", ["mean_squared_error", "mean_absolute_error", "huber"])
def test_a_nan_stays_in_the_loss_and_its_gradient(op):
    y_true, y_pred = np.zeros((3, 7), np.float32), values(3, 7, seed=1)
    y_pred[1, 2] = np.nan
    loss, kept = ladder.rung(op).run(y_true, y_pred)
    assert np.isnan(loss).tolist() == [False, True, False]
    _, gradient = ladder.rung(f"{op}_backward").run(np.ones(3, np.float32), kept, y_pred)
    assert np.argwhere(np.isnan(gradient)).tolist() == [[1, 2]]


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("shape, axis, smoothing", [((5, 7), -1, 0.0), ((2, 4, 3), 1, 0.1)])
def test_categorical_crossentropy_equals_numpy(shape, axis, smoothing, from_logits):
    y_true, y_pred = np.abs(values(*shape)), values(*shape, seed=1)
    y_pred = y_pred if from_logits else np.maximum(y_pred, 0) + np.float32(0.01) * (y_pred > -1)
    options = {"label_smoothing": smoothing, "axis": axis}
    expected, cache = losses.categorical_crossentropy_forward(y_true, y_pred, from_logits=from_logits, **options)
    loss, target, log_p, total = ladder.rung("categorical_crossentropy").run(
        y_true, y_pred, from_logits=from_logits, **options)
    for got, wanted in ((loss, expected), (target, cache.target), (log_p, cache.log_p), (total, cache.total)):
        assert (got is None) == (wanted is None)
        if wanted is not None:
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    dy = values(*expected.shape, seed=2)
    got = ladder.rung("categorical_crossentropy_backward").run(
        dy, cache.target, cache.log_p, y_pred, cache.total, **options)
    for gradient, wanted in zip(got, losses.categorical_crossentropy_backward(dy, cache), strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-5)


def test_sparse_crossentropy_of_probabilities_equals_numpy():
    p, labels = np.maximum(values(6, 5), 0) + np.float32(0.02), np.array([0, 4, 2, -1, 1, 3], np.int32)
    p[0] = [0, 0, 1, 0, 0]  # clipped at the label: no gradient
    expected, cache = losses.sparse_categorical_crossentropy_forward(labels, p, ignore_class=-1)
    loss, total = ladder.rung("sparse_probability_crossentropy").run(labels, p)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(total, cache.total, rtol=1e-6)
    dy = values(6, seed=1)
    d = ladder.rung("sparse_probability_crossentropy_backward").run(dy, labels, p, total)
    np.testing.assert_allclose(d, losses.sparse_categorical_crossentropy_backward(dy, cache)[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("op", ["mean_squared_error", "mean_absolute_error", "huber", "binary_crossentropy"])
def test_long_rows_of_losses_belong_to_warps(op):
    y_true, y_pred = np.random.default_rng(4).uniform(0.1, 0.9, (2, 5, 72)).astype(np.float32)
    expected, cache = getattr(losses, f"{op}_forward")(y_true, y_pred)
    with simt_options() as reports:
        loss, kept = ladder.rung(op).run(y_true, y_pred)
        dy = np.linspace(-1, 1, 5, dtype=np.float32)
        gradients = ladder.rung(f"{op}_backward").run(dy, kept, y_pred)
    assert [report.kernel for report in reports] == ["mean_cost_warp"] + ["mean_cost_backward_wide"] * 2
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    for gradient, wanted in zip(gradients, getattr(losses, f"{op}_backward")(dy, cache), strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-6)
