"""Layers together: shared layers, branches, masks and states in functional models, against Keras with equal weights."""

from __future__ import annotations

import numpy as np
import pytest
from layer_networks import NETWORKS
from recorded_layers import DATA, INDEX, TOLERANCE, as_list, series

import minidl
from minidl import Tensor, layers
from minidl.observers import observing

EVERY = pytest.mark.parametrize("name", NETWORKS)


def network(name: str) -> minidl.Model:
    minidl.layers.base.reset_names()
    model = NETWORKS[name][0](minidl)
    model.set_weights(series(name, "w"))
    return model


@EVERY
def test_network_has_keras_weights_in_keras_order(name: str) -> None:
    model = network(name)
    assert [[w.path, list(w.shape), w.trainable] for w in model.weights] == INDEX["networks"][name]["weights"]


@EVERY
def test_network_outputs_and_gradients_equal_keras(name: str) -> None:
    model = network(name)
    xs = [Tensor(x) for x in series(name, "x")]
    with minidl.GradientTape() as tape:
        tape.watch([x for x in xs if x.dtype.kind == "f"])
        outputs = as_list(model(xs if len(xs) > 1 else xs[0], training=True))
        terms = [(y * dy).sum() for y, dy in zip(outputs, series(name, "dy"), strict=True)]
        loss = sum(terms[1:], terms[0])
    for y, wanted in zip(outputs, series(name, "y"), strict=True):
        np.testing.assert_allclose(y.numpy(), wanted, **TOLERANCE)
    inputs = [x for x in xs if x.dtype.kind == "f"]
    found = tape.gradient(loss, [*inputs, *model.trainable_weights])
    for i, gradient in enumerate(found):
        key = f"dx{i}" if i < len(inputs) else f"dw{i - len(inputs)}"
        np.testing.assert_allclose(gradient.numpy(), DATA[f"{name}.{key}"], rtol=1e-4, atol=1e-4, err_msg=key)


@EVERY
def test_network_at_inference_equals_keras(name: str) -> None:
    model = network(name)
    xs = series(name, "x")
    model(xs if len(xs) > 1 else xs[0], training=True)  # moves the averages, as it did when this was recorded
    outputs = as_list(model(xs if len(xs) > 1 else xs[0], training=False))
    for y, wanted in zip(outputs, series(name, "inference"), strict=True):
        np.testing.assert_allclose(y.numpy(), wanted, **TOLERANCE)


def test_batch_normalization_averages_follow_keras() -> None:
    layer = layers.BatchNormalization(momentum=0.8)
    for step in range(3):
        layer(DATA[f"averages.x{step}"], training=True)
        for name in ("moving_mean", "moving_variance"):
            np.testing.assert_allclose(getattr(layer, name).numpy(), DATA[f"averages.{name}{step}"], rtol=1e-5)
    y = layer(DATA["averages.x2"], training=False)
    np.testing.assert_allclose(y.numpy(), DATA["averages.inference"], **TOLERANCE)


def test_stateful_lstm_follows_keras_and_resets() -> None:
    layer = layers.LSTM(3, stateful=True, return_sequences=True)
    layer.build((2, 4, 3))
    layer.set_weights(series("stateful", "w"))
    for step in range(3):
        if step == 2:
            layer.reset_states()
        np.testing.assert_allclose(layer(DATA[f"stateful.x{step}"]).numpy(), DATA[f"stateful.y{step}"], **TOLERANCE)


def test_stateful_layer_with_another_batch_size_says_so() -> None:
    layer = layers.GRU(3, stateful=True)
    layer(np.zeros((4, 2, 1), np.float32))
    with pytest.raises(minidl.errors.ShapeError, match="a state must be .* Is the last batch smaller"):
        layer(np.zeros((3, 2, 1), np.float32))


def test_finding_shapes_changes_no_state() -> None:
    class Net(minidl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.norm = layers.LSTM(2, stateful=True), layers.BatchNormalization()

        def call(self, x: Tensor) -> Tensor:
            return self.norm(self.rnn(x), training=True)

    net = Net()
    net(layers.Input((4, 3)))
    assert net.rnn.states is None
    np.testing.assert_array_equal(net.norm.moving_variance.numpy(), [1, 1])
    net(np.ones((2, 4, 3), np.float32))
    assert net.rnn.states is not None and net.norm.moving_variance.numpy()[0] < 1


def test_frozen_batch_normalization_works_as_in_inference() -> None:
    x = np.random.default_rng(0).normal(3, 2, (8, 4)).astype(np.float32)
    layer = layers.BatchNormalization()
    layer(x, training=True)
    before = layer.get_weights()
    layer.trainable = False
    np.testing.assert_array_equal(layer(x, training=True).numpy(), layer(x, training=False).numpy())
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 4
    layer.trainable = True
    layer(x, training=True)
    assert not np.array_equal(before[2], layer.moving_mean.numpy())
    assert [w.name for w in layer.trainable_weights] == ["gamma", "beta"]


def test_frozen_layer_inside_a_model_gets_no_gradient() -> None:
    model = minidl.Sequential([layers.Conv2D(2, 3, input_shape=(5, 5, 1)), layers.Flatten(), layers.Dense(1)])
    model.layers[0].trainable = False
    with minidl.GradientTape() as tape:
        loss = model(np.ones((2, 5, 5, 1), np.float32)).sum()
    assert [w.path for w in model.trainable_weights] == [w.path for w in model.layers[2].weights]
    assert all(g is not None for g in tape.gradient(loss, model.trainable_weights))


def test_mask_reaches_the_layers_behind_an_embedding() -> None:
    ids = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    table = layers.Embedding(5, 2, mask_zero=True)(ids)
    np.testing.assert_array_equal(table._keras_mask.numpy(), ids != 0)
    np.testing.assert_array_equal(layers.Dropout(0.5)(table, training=True)._keras_mask.numpy(), ids != 0)
    assert getattr(layers.GlobalAveragePooling1D()(table), "_keras_mask", None) is None
    sequences = layers.LSTM(3, return_sequences=True)(table)
    np.testing.assert_array_equal(sequences._keras_mask.numpy(), ids != 0)
    assert getattr(layers.LSTM(3)(sequences), "_keras_mask", None) is None


def test_masked_steps_do_not_change_the_result() -> None:
    rng = np.random.default_rng(1)
    layer = layers.Bidirectional(layers.LSTM(3))
    x = rng.normal(size=(1, 5, 2)).astype(np.float32)
    longer = np.concatenate([x, rng.normal(size=(1, 3, 2)).astype(np.float32)], axis=1)
    mask = np.arange(8)[None] < 5
    np.testing.assert_allclose(layer(longer, mask=mask).numpy(), layer(x).numpy(), rtol=1e-5, atol=1e-6)


def test_merged_masks() -> None:
    first, second = Tensor(np.ones((1, 3, 2), np.float32)), Tensor(np.ones((1, 3, 2), np.float32))
    first._keras_mask, second._keras_mask = Tensor([[True, True, False]]), Tensor([[True, False, False]])
    np.testing.assert_array_equal(layers.add([first, second])._keras_mask.numpy(), [[True, True, False]])
    joined = layers.concatenate([first, second], axis=1)
    np.testing.assert_array_equal(joined._keras_mask.numpy(), [[True, True, False, True, False, False]])
    del second._keras_mask
    assert getattr(layers.add([first, second]), "_keras_mask", None) is None
    np.testing.assert_array_equal(layers.concatenate([first, second])._keras_mask.numpy(), [[True, True, True]])


def test_masking_layer_passes_its_mask_in_a_model() -> None:
    x = np.random.default_rng(2).normal(size=(2, 4, 3)).astype(np.float32)
    x[0, 2:] = 0
    model = minidl.Sequential([layers.Input((4, 3)), layers.Masking(), layers.SimpleRNN(2)])
    short = model.layers[1](x[:1, :2])
    np.testing.assert_allclose(model(x).numpy()[:1], short.numpy(), rtol=1e-6)


def test_time_distributed_runs_the_layer_once_a_step() -> None:
    inner = layers.Conv2D(2, 3)
    x = np.random.default_rng(3).normal(size=(2, 3, 5, 5, 1)).astype(np.float32)
    y = layers.TimeDistributed(inner)(x)
    for t in range(3):
        np.testing.assert_allclose(y.numpy()[:, t], inner(x[:, t]).numpy(), rtol=1e-5, atol=1e-6)


def test_time_distributed_model_and_unknown_steps() -> None:
    frame = minidl.Sequential([layers.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten()])
    video = layers.Input((None, 6, 6, 1))
    model = minidl.Model(video, layers.GRU(3)(layers.TimeDistributed(frame)(video)))
    assert model(np.ones((2, 4, 6, 6, 1), np.float32)).shape == (2, 3)
    assert model(np.ones((1, 7, 6, 6, 1), np.float32)).shape == (1, 3)


def test_recurrent_dropout_is_one_mask_for_all_steps() -> None:
    layer = layers.SimpleRNN(4, activation="linear", recurrent_dropout=0.5, return_sequences=True, seed=1)
    layer.build((1, 5, 4))
    layer.set_weights([np.eye(4), np.eye(4), np.zeros(4)])
    x = np.ones((1, 5, 4), np.float32)
    y = layer(x, training=True).numpy()[0]
    # h[t] = 1 + m h[t-1] with m 0 or 2: a dropped unit stays at 1, a kept one is 1, 3, 7, 15, 31.
    assert {tuple(column) for column in y.T} <= {(1, 1, 1, 1, 1), (1, 3, 7, 15, 31)}
    np.testing.assert_array_equal(layer(x).numpy()[0, :, 0], [1, 2, 3, 4, 5])


def test_lambda_in_a_model_keeps_the_gradient() -> None:
    x = layers.Input((3,))
    h = layers.Lambda(lambda t, power: t**power, arguments={"power": 2})(layers.Dense(2)(x))
    model = minidl.Model(x, h)
    with minidl.GradientTape() as tape:
        loss = model(np.ones((2, 3), np.float32)).sum()
    assert all(g is not None for g in tape.gradient(loss, model.trainable_weights))
    assert model.output_shape == (None, 2)


def test_lambda_that_leaves_the_tape_says_so() -> None:
    x = np.array([[1.0, 4.0]], np.float32)
    root = layers.Lambda(np.sqrt, name="root")
    np.testing.assert_array_equal(root(x).numpy(), [[1, 2]])
    hidden = layers.Dense(2, activation="sigmoid")
    with minidl.GradientTape(), pytest.raises(minidl.errors.ArgumentError, match="Lambda 'root': no gradient can flow"):
        root(hidden(x))


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_batch_normalization_goes_along_any_axis(axis: int) -> None:
    x = np.random.default_rng(0).normal(3, 2, (2, 3, 4, 5)).astype(np.float32)
    others = tuple(k for k in range(4) if k != axis % 4)
    deviation = np.sqrt(x.var(axis=others, keepdims=True) + 1e-3)
    y = layers.BatchNormalization(axis=axis)(x, training=True).numpy()
    np.testing.assert_allclose(y, (x - x.mean(axis=others, keepdims=True)) / deviation, atol=1e-5)


def test_lambda_takes_a_function_that_does_not_tell_its_parameters() -> None:
    np.testing.assert_array_equal(layers.Lambda(max)(np.array([[1.0, 4.0]], np.float32)).numpy(), [1, 4])


def test_activity_regularizer_is_part_of_every_configuration() -> None:
    layer = layers.ReLU(activity_regularizer="l2")
    again = layers.ReLU.from_config(layer.get_config())
    assert again.activity_regularizer.get_config() == {"l2": 0.01}
    again(np.full((2, 3), 2.0, np.float32))
    assert again.losses[0].item() == pytest.approx(0.01 * 4 * 3)


def test_configurations_of_keras_2_are_read() -> None:
    lstm = {**layers.LSTM(3).get_config(), "implementation": 2, "time_major": False}
    assert layers.LSTM.from_config(lstm).units == 3
    depthwise = {**layers.DepthwiseConv2D(3).get_config(), "groups": 1}
    assert layers.DepthwiseConv2D.from_config(depthwise).kernel_size == (3, 3)
    batch_norm = {**layers.BatchNormalization().get_config(), "axis": [3]}
    assert layers.BatchNormalization.from_config(batch_norm).axis == 3


def test_lambda_of_a_file_needs_its_function() -> None:
    config = {"name": "f", "function": {"class_name": "__lambda__", "config": {"code": "…"}}}
    with pytest.raises(minidl.errors.FileFormatError, match="holds no code"):
        layers.Lambda.from_config(config)
    function = {"class_name": "function", "config": "double"}
    named = {"class_name": "Lambda", "config": {"name": "f", "function": function}}
    layer = layers.deserialize(named, custom_objects={"double": lambda x: x * 2.0})
    assert layer(np.ones((1, 2), np.float32)).numpy().sum() == 4


def test_normalization_adapts_to_arrays_and_batches() -> None:
    x = np.random.default_rng(4).normal(5, 3, (40, 3)).astype(np.float32)
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(x)
    parts.adapt(iter([x[:7], x[7:30], x[30:]]))
    for layer in (whole, parts):
        np.testing.assert_allclose(layer.adapt_mean.numpy(), x.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(layer.adapt_variance.numpy(), x.var(axis=0), rtol=1e-4)
    y = whole(x).numpy()
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-4)


def test_embedding_takes_first_values_and_float_ids() -> None:
    table = np.arange(6.0).reshape(3, 2).astype(np.float32)
    layer = layers.Embedding(3, 2, weights=[table])
    np.testing.assert_array_equal(layer(np.array([[2.0, 0.0]], np.float32)).numpy(), [[[4, 5], [0, 1]]])


def test_rescaling_casts_integers_and_nothing_else():
    scaling = layers.Rescaling(1 / 16, offset=1.0)
    for dtype, ops in (("uint8", ["cast", "multiply", "add"]), ("float32", ["multiply", "add"])):
        with observing() as runs:
            y = scaling(np.array([[0, 16]], dtype))
        assert [run.op for run in runs] == ops
        np.testing.assert_array_equal(y.numpy(), np.array([[1, 2]], "float32"))
