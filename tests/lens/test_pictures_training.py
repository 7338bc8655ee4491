"""Pictures of a training: histograms over time, and the loss on a plane with the path of training."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import layers, lens
from minidl.errors import ArgumentError, DataError, NotCompiledError, ShapeError
from minidl.lens.drawing.histograms import histogram_of, rebinned
from minidl.lens.drawing.landscape import flat_weights, loss_plane, path_directions, random_directions

RNG = np.random.default_rng(5)
X, Y = RNG.random((40, 5), np.float32), RNG.integers(0, 3, 40)


def network(rate=0.2):
    minidl.utils.set_random_seed(2)
    model = minidl.Sequential(
        [layers.Input((5,)), layers.Dense(7, activation="relu", name="hidden"), layers.Dropout(rate, name="drop"),
         layers.Dense(3, activation="softmax", name="out")]
    )  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def test_histograms_hold_every_value_and_the_gradients_of_the_tape():
    model = network(rate=0.0)
    recorder = lens.HistogramRecorder(X, Y)
    recorder.set_model(model)
    recorder.on_train_begin()
    for variable in model.trainable_variables:
        h = recorder.found["weights"][variable.path][0]
        assert h.size == variable.size and h.mean == pytest.approx(float(variable.numpy().mean()), abs=1e-7)
    with minidl.GradientTape() as tape:
        loss = model.compute_loss(x=X, y=Y, y_pred=model(X, training=True))
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        h, expected = recorder.found["gradients"][variable.path][0], histogram_of(gradient.numpy())
        np.testing.assert_allclose(h.edges, expected.edges, rtol=1e-5, atol=1e-9)
        assert h.counts.tolist() == expected.counts.tolist()
    assert list(recorder.found["activations"]) == ["hidden", "out"]
    assert recorder.found["activations"]["out"][0].size == 120


def test_histograms_change_nothing_of_the_training():
    plain, watched = network(), network()
    plain.fit(X, Y, epochs=2, batch_size=8, verbose=0, shuffle=False)
    watched = network()
    recorder = lens.HistogramRecorder(X, Y, every=2)
    watched.fit(X, Y, epochs=2, batch_size=8, verbose=0, shuffle=False, callbacks=[recorder])
    again = network()
    again.fit(X, Y, epochs=2, batch_size=8, verbose=0, shuffle=False)
    for a, b in zip(watched.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [h.when for h in recorder.found["weights"]["out/bias"]] == [0.0, 0.4, 0.8, 1.4, 1.8]


def test_histogram_counts_zeros_and_unusual_values():
    h = histogram_of(np.array([0.0, 0.0, 1.0, np.inf, np.nan]), bins=4)
    assert (h.zeros, h.unusual, int(h.counts.sum()), h.size) == (2, 2, 3, 5)
    constant = histogram_of(np.full(9, 2.0))
    assert constant.counts.sum() == 9 and constant.edges[-1] - constant.edges[0] < 0.01
    values = RNG.standard_normal(1000)
    assert rebinned(histogram_of(values), np.linspace(-9, 9, 7)).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["ridge", "heat"])
def test_histogram_picture_has_a_panel_a_weight_and_labels(kind):
    model, recorder = network(), lens.HistogramRecorder(X, Y)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[recorder])
    figure = lens.plot_histograms(recorder, "gradients", kind=kind)
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["hidden/kernel", "hidden/bias", "out/kernel", "out/bias"]
    for axes in panels:
        assert len(axes.collections) == (3 if kind == "ridge" else 1) and axes.get_xlabel() and axes.get_ylabel()
    only = lens.plot_histograms(recorder, "activations", "out", kind=kind)
    assert [axes.get_title() for axes in only.axes][0] == "out"


def test_histogram_picture_refuses_what_is_not_there():
    recorder = lens.HistogramRecorder(X, Y)
    with pytest.raises(DataError, match="callbacks of fit"):
        lens.plot_histograms(recorder)
    with pytest.raises(ArgumentError, match="weights, gradients"):
        lens.plot_histograms(recorder, "biases")
    with pytest.raises(ArgumentError, match="every"):
        lens.HistogramRecorder(X, Y, every="batch")
    with pytest.raises(DataError, match="40 and 3"):
        lens.HistogramRecorder(X, Y[:3])


def test_path_directions_are_orthonormal_and_hold_a_path_in_a_plane():
    u, v = np.linalg.qr(RNG.standard_normal((30, 2)))[0].T
    path = np.array([3 * np.cos(t) * u + np.sin(t) * v for t in np.linspace(0, 3, 12)])
    axes, shares = path_directions(path)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)
    assert sum(shares) == pytest.approx(1.0)


def test_random_directions_have_the_length_of_each_filter():
    model = network()
    w = model.trainable_variables[0].numpy()
    directions = random_directions(model, seed=4)
    kernel = directions[0, : w.size].reshape(w.shape)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), np.linalg.norm(w, axis=0), rtol=1e-5)
    assert not directions[:, w.size : w.size + 7].any()  # the bias


def test_landscape_losses_are_the_models_own_and_weights_come_back():
    model, path = network(), lens.PathRecorder(every=1)
    model.fit(X, Y, epochs=2, batch_size=10, verbose=0, callbacks=[path])
    assert len(path.weights) == 9
    before, loss = flat_weights(model), model.evaluate(X, Y, verbose=0)
    plane = loss_plane(model, X, Y, path, steps=5)
    np.testing.assert_array_equal(flat_weights(model), before)
    np.testing.assert_allclose(plane.path[-1], 0, atol=1e-9)
    assert plane.losses.shape == (5, 5) and 0 < sum(plane.shares) <= 1 + 1e-9
    centre = loss_plane(model, X, Y, directions="random", steps=3)
    assert centre.losses[1, 1] == pytest.approx(loss, rel=1e-5)
    place = before + plane.a[3] * plane.directions[0] + plane.b[1] * plane.directions[1]
    at = 0
    for variable in model.trainable_variables:
        variable.assign(place[at : at + variable.size].reshape(variable.shape))
        at += variable.size
    assert plane.losses[1, 3] == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-4)


def test_landscape_picture_draws_the_path_and_names_its_axes():
    model, path = network(), lens.PathRecorder()
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[path])
    figure = lens.plot_loss_landscape(model, X, Y, path, steps=4)
    axes, bar = figure.axes
    assert len(axes.get_lines()[0].get_xdata()) == 4 and "% of the path" in axes.get_xlabel()
    assert bar.get_ylabel() == "loss of 40 samples"


def test_landscape_refuses_foreign_and_short_paths():
    model = network()
    with pytest.raises(ShapeError, match="all weights"):
        lens.plot_loss_landscape(model, X, Y, np.zeros((4, 3)))
    with pytest.raises(DataError, match="at least 3"):
        lens.plot_loss_landscape(model, X, Y, directions="pca")
    with pytest.raises(ArgumentError, match="'pca' or 'random'"):
        lens.plot_loss_landscape(model, X, Y, directions="up")
    with pytest.raises(NotCompiledError):
        lens.plot_loss_landscape(minidl.Sequential([layers.Input((2,)), layers.Dense(1)]), X, Y)
