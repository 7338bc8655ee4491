"""The step table against the tape and the model's own numbers, and the pictures' contents."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import layers, lens
from minidl.errors import DataError, NotCompiledError, ShapeError

RNG = np.random.default_rng(0)


def network():
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential(
        [
            layers.Input((6, 6, 1)),
            layers.Conv2D(3, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="softmax", name="out"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_training_step_lists_every_op_forward_then_backward():
    model = network()
    x, y = RNG.random((5, 6, 6, 1), np.float32), RNG.integers(0, 4, 5)
    before = model.get_weights()
    table = lens.training_step(model, x, y)
    forward = [(r.layer, r.op) for r in table.rows if r.direction == "forward"]
    assert forward[:6] == [("conv", "conv2d"), ("conv", "relu"), ("pool", "max_pool2d"), ("flat", "reshape"),
                           ("out", "dense"), ("out", "softmax")]  # fmt: skip
    backward = [r.op for r in table.rows if r.direction == "backward"]
    assert backward == [op for _, op in reversed(forward)][-len(backward) :] and backward[-1] == "conv2d"
    assert all(r.ms >= 0 and r.backend == ("numpy" if r.op == "reshape" else "cpu") for r in table.rows)
    assert table.rows[0].inputs == "(5,6,6,1) (3,3,1,3) (3)" and table.rows[0].outputs == "(5,4,4,3)"
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert table.loss == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-6)
    assert "forward in all" in repr(table) and "<table>" in table._repr_html_()


def test_training_step_needs_a_loss():
    model = minidl.Sequential([layers.Input((2,)), layers.Dense(1)])
    with pytest.raises(NotCompiledError, match="compile"):
        lens.training_step(model, np.ones((1, 2), "float32"), np.ones((1, 1), "float32"))


def test_plot_history_has_a_panel_a_metric_and_dashed_validation():
    figure = lens.plot_history(
        {"accuracy": [0.1, 0.5], "loss": [2.0, 1.0], "val_loss": [2.1, 1.5], "val_accuracy": [0, 1]}
    )
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy"]
    training, validation = figure.axes[0].get_lines()
    assert training.get_ydata().tolist() == [2.0, 1.0] and validation.get_ydata().tolist() == [2.1, 1.5]
    assert validation.get_linestyle() == "--"
    with pytest.raises(DataError, match="empty"):
        lens.plot_history({})


def test_confusion_matrix_counts_against_a_loop():
    true, guess = RNG.integers(0, 5, 200), RNG.integers(0, 5, 200)
    figure = lens.plot_confusion_matrix(true, guess, list("abcde"))
    expected = np.zeros((5, 5), int)
    for t, g in zip(true, guess, strict=True):
        expected[t, g] += 1
    shown = {t.get_position(): int(t.get_text()) for t in figure.axes[0].texts}
    assert shown == {(j, i): expected[i, j] for i in range(5) for j in range(5) if expected[i, j]}
    assert f"{np.trace(expected)} of 200" in figure.axes[0].get_title()
    with pytest.raises(ShapeError, match="argmax"):
        lens.plot_confusion_matrix(true, np.zeros((200, 5)))
