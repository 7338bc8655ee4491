"""Models of several kinds, with data, for the tests of saving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minidl import Input, Model, Sequential, errors, layers, losses, optimizers, regularizers
from minidl import functional as F


def cnn():
    """Sequential with state and random numbers, regularizer, constraint."""
    model = Sequential(
        [
            layers.Input((8, 6, 2)),
            layers.Conv2D(4, 3, padding="same", kernel_regularizer=regularizers.L2(1e-3)),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", kernel_constraint="max_norm"),
        ],
        name="cnn",
    )
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    return model, rng.normal(size=(12, 8, 6, 2)).astype("float32"), rng.integers(0, 3, 12)


def branches():
    """Functional: two inputs and outputs, a layer used twice, operators, models inside."""
    a, b = Input((5,), name="a"), Input((4,), name="b")
    shared = layers.Dense(6, activation="tanh", name="shared")
    p, q = shared(layers.Dense(3, name="first")(a)), shared(layers.Dense(3, name="second")(b))
    mixed = 1.0 - layers.Add(name="total")([p, q]) * 2.0 + abs(-p) ** 2 / 3.0
    part = F.concatenate([mixed[:, :3], F.maximum(q, 0.1)], -1)
    pooled = part.mean(axis=1, keepdims=True) + part.max(axis=-1, keepdims=True)
    inner = Sequential([layers.Input((6,)), layers.Dense(3), layers.LayerNormalization()], name="inner")
    u = Input((9,), name="u")
    tower = Model(u, layers.Dense(2, activation="sigmoid", name="u_out")(F.relu(u)), name="tower")
    outputs = [layers.Dense(1, name="number")(layers.Concatenate(name="join")([part, pooled])), inner(p), tower(part)]
    model = Model([a, b], outputs, name="branches")
    model.compile(
        optimizers.SGD(optimizers.schedules.ExponentialDecay(0.05, 3, 0.9), momentum=0.9, clipnorm=1.0),
        loss=["mse", losses.Huber(), "binary_crossentropy"],
        loss_weights=[1.0, 0.5, 2.0],
        metrics=[["mae"], [], ["accuracy"]],
    )
    rng = np.random.default_rng(1)
    x = [rng.normal(size=(12, n)).astype("float32") for n in (5, 4)]
    return model, x, [rng.normal(size=(12, 1)), rng.normal(size=(12, 3)), rng.integers(0, 2, (12, 2))]


def recurrent():
    """Embedding with a mask, all recurrent layers and wrappers."""
    words = Input((7,), dtype="int32", name="words")
    x = layers.Embedding(11, 4, mask_zero=True)(words)
    x = layers.LSTM(5, return_sequences=True)(x)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True))(x)
    x = layers.TimeDistributed(layers.Dense(4, activation="relu"))(x)
    x = layers.Bidirectional(layers.LSTM(2), merge_mode="sum")(x)
    y = layers.SimpleRNN(3)(layers.RepeatVector(4)(x))
    model = Model(words, layers.Dense(1)(layers.Concatenate()([x, y])), name="recurrent")
    model.compile(optimizers.RMSprop(0.01, momentum=0.5), loss=losses.MeanSquaredError(), weighted_metrics=["mse"])
    rng = np.random.default_rng(2)
    return model, rng.integers(0, 11, (12, 7)), rng.normal(size=(12, 1)).astype("float32")


def convolutions():
    """The other convolutions and what goes with them; one frozen layer."""
    x = start = Input((9, 8, 3))
    x = layers.Rescaling(1 / 3.0, offset=-0.1)(x)
    x = layers.ZeroPadding2D(((0, 1), (2, 0)))(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2)(x)
    x = layers.PReLU(shared_axes=[1, 2], alpha_initializer="ones")(x)
    x = layers.SeparableConv2D(4, 2, padding="same", activation="swish", trainable=False)(x)
    x = layers.LeakyReLU(negative_slope=0.1)(x)
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(scale=False)(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Cropping2D(1)(x)
    x = layers.AveragePooling2D((3, 2), strides=(2, 1))(x)
    x = layers.Reshape((-1, 3))(x)
    x = layers.Conv1D(5, 3, padding="causal", dilation_rate=2)(x)
    x = layers.Permute((2, 1))(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.Dense(4, activation="gelu")(layers.GaussianNoise(0.1)(x))
    model = Model(start, layers.Softmax()(x), name="convolutions")
    model.compile(optimizers.AdamW(0.002, weight_decay=0.01), loss="categorical_crossentropy")
    rng = np.random.default_rng(3)
    return model, rng.normal(size=(6, 9, 8, 3)).astype("float32"), np.eye(4, dtype="float32")[[0, 1, 2, 3, 0, 1]]


def named_outputs():
    """Outputs by name; a model of two outputs called twice inside; a moving average of the weights."""
    u = Input((3,), name="u")
    two = Model(u, [layers.Dense(2, name="wide")(u), layers.Dense(1, name="narrow")(u)], name="two")
    a, b = Input((3,), name="a"), Input((3,), name="b")
    (p, q), (r, s) = two(a), two(b)
    outputs = {"sum": p + r, "both": layers.Concatenate(name="both")([q, s])}
    model = Model({"a": a, "b": b}, outputs, name="named_outputs")
    model.compile(
        optimizers.Adam(0.01, use_ema=True, gradient_accumulation_steps=2),
        loss={"sum": losses.mean_absolute_error, "both": "mse"},
        loss_weights={"sum": 1.0, "both": 0.3},
        metrics={"both": ["mae"]},
    )
    rng = np.random.default_rng(4)
    x = {key: rng.normal(size=(8, 3)).astype("float32") for key in ("a", "b")}
    return model, x, {key: rng.normal(size=(8, 2)).astype("float32") for key in ("sum", "both")}


def operations():
    """All ops that Keras has operations for, with constants on either side."""
    x = start = Input((4,))
    x = x * np.arange(4, dtype="float32") + F.softmax(x) - F.log_softmax(x / 2.5) + F.gelu(x) + F.leaky_relu(x, 0.2)
    x = x + F.swish(x) * F.sigmoid(x) + F.elu(x) - F.clip(x, -1, 1) + F.softplus(x) + F.relu6(x) + F.tanh(2.0 - x)
    x = F.minimum(F.exp(-F.square(x)), F.sqrt(abs(x) + 1.0)) + F.log(F.maximum(x, 0.5)) ** 3
    x = F.stack([x, x @ np.eye(4, 6, dtype="float32")[:, :4]], axis=1)[..., ::2].reshape(-1, 2, 2)
    x = x.transpose(0, 2, 1).astype("float32") + x.min(axis=1, keepdims=True) + x.sum(axis=(1, 2), keepdims=True)
    model = Model(start, layers.Dense(2)(layers.Flatten()(x)), name="operations")
    model.compile("adagrad", "mse")
    rng = np.random.default_rng(5)
    return model, rng.normal(size=(6, 4)).astype("float32"), rng.normal(size=(6, 2)).astype("float32")


MAKERS = {f.__name__: f for f in (cnn, branches, recurrent, convolutions, named_outputs, operations)}


def trained(name: str, steps: int = 2):
    """Return a model of that kind after a few steps, with its data."""
    model, x, y = MAKERS[name]()
    for _ in range(steps):
        model.train_on_batch(x, y)
    return model, x, y


def same_outputs(one, other, x) -> None:
    """Check that two models predict the same, bit for bit."""
    for a, b in zip(as_list(one.predict(x, verbose=0)), as_list(other.predict(x, verbose=0)), strict=True):
        np.testing.assert_array_equal(a, b)


def as_list(outputs) -> list:
    """Return outputs, or inputs, in order."""
    if isinstance(outputs, dict):
        return [outputs[key] for key in sorted(outputs)]
    return outputs if isinstance(outputs, list) else [outputs]


def small(units: int = 3, depth: int = 2, **kwargs):
    """A small model of Dense layers, named d0, d1, …"""
    stack = [layers.Dense(units, name=f"d{i}", **kwargs) for i in range(depth)]
    return Sequential([layers.Input((4,)), *stack], name="small")


def write(model, path: Path) -> Path:
    (model.save if path.suffix == ".keras" else model.save_weights)(path)
    return path


def refused(model, path: Path, match: str, error: type[Exception] = errors.FileFormatError, **kwargs) -> str:
    """Check that loading weights raises, says so, and leaves the model as it was; return the message."""
    before = [w.copy() for w in model.get_weights()]
    with pytest.raises(error, match=match) as caught:
        model.load_weights(path, **kwargs)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    return str(caught.value)
