"""Small networks that are built once with Keras and once with minidl: shared layers, branches, masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def shared_twice(keras: Any) -> Any:
    """One Dense on two inputs: its gradients add up."""
    layers = keras.layers
    a, b = layers.Input((5,), name="a"), layers.Input((5,), name="b")
    shared = layers.Dense(4, activation="tanh", name="shared")
    y = layers.Dense(2, name="last")(layers.concatenate([shared(a), shared(b)]))
    return keras.Model([a, b], y)


def branches(keras: Any) -> Any:
    """A block with a shortcut, and two outputs from one trunk."""
    layers = keras.layers
    x = layers.Input((6, 7, 3), name="x")
    trunk = layers.Conv2D(4, 3, padding="same", name="c1")(x)
    h = layers.BatchNormalization(name="bn")(trunk)
    h = layers.ReLU(name="relu")(h)
    h = layers.Conv2D(4, 3, padding="same", name="c2")(h)
    h = layers.Add(name="add")([h, trunk])
    pooled = layers.GlobalAveragePooling2D(name="gap")(h)
    flat = layers.Flatten(name="flat")(layers.MaxPooling2D(2, name="pool")(h))
    return keras.Model(x, [layers.Dense(3, name="d1")(pooled), layers.Dense(2, name="d2")(flat)])


def masked_text(keras: Any) -> Any:
    """Zeros are padding: the mask goes from the embedding through both directions of an LSTM to a GRU."""
    layers = keras.layers
    x = layers.Input((6,), dtype="int32", name="ids")
    h = layers.Embedding(9, 4, mask_zero=True, name="table")(x)
    h = layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="lstm"), name="both")(h)
    h = layers.TimeDistributed(layers.Dense(3, activation="tanh", name="d"), name="steps")(h)
    h = layers.GRU(2, name="gru")(h)
    return keras.Model(x, h)


def encoder_decoder(keras: Any) -> Any:
    """The states of one LSTM are where another begins."""
    layers = keras.layers
    source, target = layers.Input((5, 3), name="source"), layers.Input((4, 2), name="target")
    _, h, c = layers.LSTM(3, return_state=True, name="encoder")(source)
    y = layers.LSTM(3, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    return keras.Model([source, target], layers.Dense(2, name="out")(y))


def mobile_block(keras: Any) -> Any:
    """Depthwise and pointwise convolutions, as MobileNet has them; a frozen layer among them."""
    layers = keras.layers
    x = layers.Input((7, 8, 3), name="x")
    h = layers.ZeroPadding2D(((0, 1), (0, 1)), name="pad")(x)
    h = layers.DepthwiseConv2D(3, strides=2, use_bias=False, name="dw")(h)
    h = layers.BatchNormalization(name="bn", trainable=False)(h)
    h = layers.ReLU(6.0, name="relu6")(h)
    h = layers.Conv2D(4, 1, name="pw")(h)
    h = layers.UpSampling2D(2, name="up")(h)
    return keras.Model(x, layers.SeparableConv2D(2, 3, name="sep")(h))


NETWORKS: dict[str, tuple[Callable[[Any], Any], list[tuple[int, ...]]]] = {
    "shared_twice": (shared_twice, [(3, 5), (3, 5)]),
    "branches": (branches, [(2, 6, 7, 3)]),
    "masked_text": (masked_text, [(3, 6)]),
    "encoder_decoder": (encoder_decoder, [(2, 5, 3), (2, 4, 2)]),
    "mobile_block": (mobile_block, [(2, 7, 8, 3)]),
}
