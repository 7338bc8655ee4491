"""Pictures of a model: what they say and draw equals the model's own numbers."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import layers, lens
from minidl.errors import ArgumentError, DataError, NotBuiltError, ShapeError
from minidl.lens.drawing.errors import worst_errors
from minidl.lens.drawing.graph import layer_ops
from minidl.lens.drawing.layers import activations_of
from minidl.lens.figures import Picture

RNG = np.random.default_rng(3)


def residual():
    minidl.utils.set_random_seed(1)
    x = layers.Input((7, 5, 1), name="image")
    a = layers.Conv2D(3, 3, padding="same", activation="relu", name="first")(x)
    b = layers.Conv2D(3, 3, padding="same", name="second")(a)
    c = layers.Add(name="sum")([a, b])
    y = layers.Dense(4, activation="softmax", name="out")(layers.Flatten(name="flat")(c))
    model = minidl.Model(x, y)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def images_of(figure):
    return [image.get_array() for axes in figure.axes for image in axes.get_images()]


def test_graph_names_layers_ops_shapes_and_weights():
    model = residual()
    figure = lens.plot_graph(model)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert len(texts) == len(model.layers)
    assert "first · Conv2D\nconv2d → relu\n(None, 7, 5, 3) · 30 weights" in texts
    assert "sum · Add\nadd\n(None, 7, 5, 3)" in texts
    assert figure._repr_png_()[:4] == b"\x89PNG"


def test_graph_residual_arrow_passes_no_box():
    figure = lens.plot_graph(residual())
    boxes = [p for p in figure.axes[0].patches if hasattr(p, "get_boxstyle")]
    arrows = [p for p in figure.axes[0].patches if not hasattr(p, "get_boxstyle")]
    assert len(arrows) == 6
    for arrow in arrows:
        points = arrow._path_original.vertices
        ends = np.concatenate([np.linspace(a, b, 50)[1:-1] for a, b in zip(points, points[1:], strict=False)])
        for box in boxes:
            x, y, w, h = box.get_x(), box.get_y(), box.get_width(), box.get_height()
            inside = (ends[:, 0] > x) & (ends[:, 0] < x + w) & (ends[:, 1] > y) & (ends[:, 1] < y + h)
            assert not inside.any()


def test_graph_of_nested_model_lists_its_ops():
    inner = minidl.Sequential([layers.Input((4,)), layers.Dense(3, activation="tanh")], name="inner")
    x = layers.Input((4,))
    assert layer_ops(minidl.Model(x, inner(x)))["inner"] == ["dense", "tanh"]


def test_graph_refuses_a_model_without_a_graph():
    with pytest.raises(NotBuiltError, match="no graph"):
        lens.plot_graph(minidl.Sequential([layers.Dense(2)]))
    with pytest.raises(ArgumentError, match="rankdir"):
        lens.plot_graph(residual(), rankdir="UP")


def test_activations_equal_those_of_a_model_of_each_layer():
    model, x = residual(), RNG.random((3, 7, 5, 1), np.float32)
    found = activations_of(model, x)
    assert list(found) == ["first", "second", "sum", "out"]
    for name, values in found.items():
        expected = minidl.Model(model.input, model.get_layer(name).output).predict(x, verbose=0)
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


def test_activations_picture_holds_every_map_of_the_sample():
    model, x = residual(), RNG.random((3, 7, 5, 1), np.float32)
    found = activations_of(model, x)
    shown = images_of(lens.plot_activations(model, x, sample=2))
    maps = [found[name][2][..., k] for name in ("first", "second", "sum") for k in range(3)]
    maps.append(found["out"][2][None])
    assert len(shown) == len(maps)
    for drawn, expected in zip(shown, maps, strict=True):
        np.testing.assert_array_equal(np.asarray(drawn), expected)
    one = lens.plot_activations(model, x, "second")
    assert len(images_of(one)) == 3 and one.subfigs[0].get_suptitle().startswith("second: 7 × 5 × 3")


def test_activations_refuse_unknown_layers_and_samples():
    model, x = residual(), RNG.random((3, 7, 5, 1), np.float32)
    with pytest.raises(ArgumentError, match="no layer 'third'.*first"):
        lens.plot_activations(model, x, "third")
    with pytest.raises(ArgumentError, match="0 to 2"):
        lens.plot_activations(model, x, sample=3)


def test_filters_show_the_kernels_on_one_scale_about_zero():
    model = residual()
    kernels = model.get_layer("first").get_weights()[0]
    figure = lens.plot_filters(model)
    drawn = images_of(figure)
    assert len(drawn) == 3 and "3 kernels 3 × 3 × 1" in figure.get_suptitle()
    for k, image in enumerate(drawn):
        np.testing.assert_array_equal(np.asarray(image), kernels[:, :, 0, k])
    norms = {(i.norm.vmin, i.norm.vmax) for axes in figure.axes for i in axes.get_images()}
    assert norms == {(-np.abs(kernels).max(), np.abs(kernels).max())}


def test_filters_of_three_channels_are_coloured_about_grey():
    layer = layers.Conv2D(5, (3, 2), name="rgb")
    layer.build((None, 8, 8, 3))
    w = layer.get_weights()[0]
    drawn = images_of(lens.plot_filters(layer))
    assert len(drawn) == 5
    np.testing.assert_allclose(np.asarray(drawn[4]), 0.5 + 0.5 * w[..., 4] / np.abs(w).max(), rtol=1e-6)


def test_filters_of_a_dense_layer_need_the_image_shape():
    model = minidl.Sequential([layers.Input((3, 4)), layers.Flatten(), layers.Dense(6, name="hidden")])
    with pytest.raises(ArgumentError, match="image_shape"):
        lens.plot_filters(model)
    with pytest.raises(ShapeError, match="12 inputs"):
        lens.plot_filters(model, "hidden", image_shape=(5, 5))
    drawn = images_of(lens.plot_filters(model, image_shape=(3, 4)))
    np.testing.assert_array_equal(np.asarray(drawn[5]), model.layers[-1].get_weights()[0][:, 5].reshape(3, 4))
    with pytest.raises(NotBuiltError, match="no weights"):
        lens.plot_filters(minidl.Sequential([layers.Dense(2)]))


def test_worst_errors_come_surest_first_against_a_loop():
    p = RNG.dirichlet(np.ones(4), 50)
    y = RNG.integers(0, 4, 50)
    expected = sorted((-p[i].max(), i) for i in range(50) if p[i].argmax() != y[i])
    found = worst_errors(y, p)
    assert [m.sample for m in found] == [i for _, i in expected]
    assert all(
        m.probability == p[m.sample, m.predicted] and m.probability_of_true == p[m.sample, y[m.sample]] for m in found
    )
    assert worst_errors(np.eye(4)[y], p) == found


def test_worst_errors_picture_shows_image_classes_and_probabilities():
    model, x = residual(), RNG.random((20, 7, 5, 1), np.float32)
    p = model.predict(x, verbose=0)
    y = (p.argmax(axis=1) + (np.arange(20) % 2)) % 4  # every second one is wrong
    figure = lens.plot_worst_errors(model, x, y, ["a", "b", "c", "d"], count=6)
    assert len(figure.axes) == 6 and figure.get_suptitle() == "10 of 20 wrong (50.0%); the 6 surest"
    worst = worst_errors(y, p)[0]
    np.testing.assert_array_equal(np.asarray(images_of(figure)[0]), x[worst.sample, ..., 0])
    assert figure.axes[0].get_title().startswith(f"{'abcd'[worst.predicted]}: {worst.probability:.1%}\ntrue ")
    assert figure.axes[0].get_xlabel() == f"sample {worst.sample}"


def test_worst_errors_refuse_logits_right_answers_and_vectors():
    model, x = residual(), RNG.random((6, 7, 5, 1), np.float32)
    right = model.predict(x, verbose=0).argmax(axis=1)
    with pytest.raises(DataError, match="no mistake"):
        lens.plot_worst_errors(model, x, right)
    with pytest.raises(DataError, match="softmax"):
        worst_errors([0, 1], [[2.0, -3.0], [0.0, 1.0]])
    with pytest.raises(ShapeError, match="images"):
        lens.plot_worst_errors(model, np.ones((6, 35), "float32"), right)
    with pytest.raises(ArgumentError, match="4 classes"):
        lens.plot_worst_errors(model, x, (right + 1) % 4, ["a"])


@pytest.mark.parametrize(
    ("true", "predicted", "names", "message"),
    [
        ([0, 5], [0, 1], ["a", "b", "c"], "0 to 2, for 3 classes.*missing from class_names"),
        ([0, 1], [0.2, 0.9], None, "whole numbers"),
        ([0, -1], [0, 1], None, "Got -1 to 1"),
        ([], [], None, "no samples"),
    ],
)
def test_confusion_matrix_refuses_labels_that_are_no_classes(true, predicted, names, message):
    with pytest.raises(DataError, match=message):
        lens.plot_confusion_matrix(true, predicted, names)


def test_confusion_matrix_shows_itself_without_pyplot():
    assert isinstance(lens.plot_confusion_matrix([0, 1, 1], [0, 1, 0]), Picture)
