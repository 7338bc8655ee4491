"""Mistakes in layers and models of one's own, and in what they are called on."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.errors import ArgumentError, DataError, NotBuiltError

X = np.ones((2, 3), np.float32)


class ForgetsReturn(layers.Layer):
    def call(self, x):
        x * 2  # noqa: B018 (the mistake)


class ForgetsSuper(layers.Layer):
    def __init__(self):
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(x)


class ModelForgetsSuper(minidl.Model):
    def __init__(self):
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(x)


@pytest.mark.parametrize("x", [X, minidl.Input((3,))], ids=["array", "symbolic"])
def test_a_call_without_return_is_named(x):
    with pytest.raises(ArgumentError, match=r"layer 'forgets_return.*': call\(\) returned None"):
        ForgetsReturn()(x)


@pytest.mark.parametrize("kind", [ForgetsSuper, ModelForgetsSuper])
def test_a_forgotten_super_init_is_named(kind):
    with pytest.raises(NotBuiltError, match=rf"^{kind.__name__}: its __init__ must call super\(\).__init__\(\) first"):
        kind()(X)


def test_predict_of_a_model_without_super_init_is_named():
    with pytest.raises(NotBuiltError, match=r"must call super\(\).__init__\(\) first"):
        ModelForgetsSuper().predict(X, verbose=0)


@pytest.mark.parametrize("x", [None, "abc"])
def test_what_is_no_array_is_refused(x):
    with pytest.raises(ArgumentError, match="inputs must be arrays or tensors. Got "):
        layers.Dense(2)(x)


def test_embedding_refuses_fractions():
    layer = layers.Embedding(3, 2)
    assert layer(np.array([[1.0, 2.0]])).shape == (1, 2, 2)
    with pytest.raises(DataError, match="ids must be whole numbers. Got 1.5"):
        layer(np.array([[1.0, 1.5]]))


def test_two_layers_of_one_name_are_refused():
    x = minidl.Input((3,))
    with pytest.raises(ArgumentError, match="2 layers are named 'twin'"):
        minidl.Model(x, layers.Dense(2, name="twin")(layers.Dense(3, name="twin")(x)))


def test_a_layer_used_twice_is_one_layer():
    x = minidl.Input((3,))
    shared = layers.Dense(3, name="shared")
    assert len(minidl.Model(x, shared(shared(x))).layers) == 2


@pytest.mark.parametrize("function", [np.sum, np.mean, np.max, np.min])
def test_numpy_reductions_of_a_tensor_stay_on_the_tape(function):
    w = minidl.Variable([[1.0, 2.0], [3.0, 5.0]])
    with minidl.GradientTape() as tape:
        loss = function(w)
    assert loss.item() == function(w.numpy())
    assert tape.gradient(loss, w).numpy().sum() == (4 if function is np.sum else 1)


def test_an_own_layer_casts_to_the_dtype_it_computes_in():
    class Positions(layers.Layer):
        def call(self, x):
            return x + minidl.ops.cast(minidl.ops.arange(x.shape[1]), self.compute_dtype)

    layer = Positions()
    assert layer.compute_dtype == layer.variable_dtype == layer.input_dtype == "float32"
    np.testing.assert_array_equal(layer(np.zeros((1, 3), "float32")), [[0, 1, 2]])
    assert Positions(dtype="float64").compute_dtype == "float64"
