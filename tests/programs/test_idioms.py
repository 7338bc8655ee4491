"""Small habits of Keras programs that a model must put up with."""

from __future__ import annotations

import numpy as np

import minidl as keras
from minidl import layers, ops


def test_a_train_step_of_ones_own_gets_x_and_y_only():
    seen = []

    class Watching(keras.Sequential):
        def train_step(self, data):
            seen.append(len(data))
            return super().train_step(data)

        def test_step(self, data):
            x, y = data
            return super().test_step((x, y))

    model = Watching([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 2)), np.ones((8, 1))
    model.fit(x, y, verbose=0)
    model.fit(x, y, sample_weight=np.ones(8), verbose=0)
    model.fit(x, y.astype(int), class_weight={1: 2.0}, verbose=0)
    model.train_on_batch(x, y)
    model.evaluate(x, y, verbose=0)
    model.test_on_batch(x, y)
    assert seen == [2, 3, 3, 2]


def test_a_sequential_that_took_its_shape_from_data_takes_longer_data():
    model = keras.Sequential([layers.Embedding(10, 3), layers.GlobalAveragePooling1D()])
    assert model.predict(np.ones((2, 5), int), verbose=0).shape == (2, 3)
    assert model.predict(np.ones((4, 9), int), verbose=0).shape == (4, 3)


def test_a_loss_function_gets_integer_targets_as_floats():
    def loss(y_true, y_pred):
        return ops.mean(y_true * ops.square(1.0 - y_pred) + (1.0 - y_true) * ops.square(y_pred))

    def share(y_true, y_pred):
        return ops.mean(ops.equal(y_true, ops.cast(y_pred > 0.5, y_true.dtype)))

    model = keras.Sequential([layers.Input((2,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", loss, metrics=[share])
    history = model.fit(np.eye(2)[[0, 1] * 8], np.array([0, 1] * 8), epochs=2, verbose=0)
    assert sorted(history.history) == ["loss", "share"]
    assert history.history["loss"][1] < history.history["loss"][0]


def test_a_list_of_one_output_is_one_output():
    inputs = keras.Input((3,))
    model = keras.Model(inputs=[inputs], outputs=[layers.Dense(2)(inputs)])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((4, 3)), np.ones((4, 2))
    for targets in (y, [y]):
        assert sorted(model.fit(x, targets, verbose=0).history) == ["loss", "mae"]
    assert model.predict(x, verbose=0).shape == model([x]).shape == (4, 2)
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    assert layers.Dense(1)(model(inputs)).shape == (None, 1)
