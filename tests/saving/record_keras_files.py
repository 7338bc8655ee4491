"""Record model files and predictions with Keras, for the tests that read them.

Run with Keras 3.15.1 on PyTorch 2.13.0, in an environment of its own:

    KERAS_BACKEND=torch python tests/saving/record_keras_files.py

Each model is saved as NAME.keras, NAME.h5 and NAME.weights.h5 after a few steps of training; NAME.npz holds its inputs
and predictions, and the losses of further training, which a reader with the optimizer's state must reproduce.
"""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers as L

FOLDER = Path(__file__).parent / "files"


def cnn():
    """A convolutional network with batch normalization and dropout, a regularizer and a constraint."""
    model = keras.Sequential(
        [
            L.Input((8, 6, 2)),
            L.Conv2D(3, 3, padding="same", kernel_regularizer=keras.regularizers.L2(1e-3)),
            L.BatchNormalization(),
            L.Activation("relu"),
            L.MaxPooling2D(),
            L.Dropout(0.3),
            L.Flatten(),
            L.Dense(4, activation="softmax", kernel_initializer="he_normal", kernel_constraint="max_norm"),
        ],
        name="cnn",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, lambda r: r.normal(size=(16, 8, 6, 2)), lambda r: r.integers(0, 4, 16), 0


def branches():
    """Two inputs and outputs, a shared layer, operators, a model inside, and a schedule of the learning rate."""
    a, b = L.Input((5,), name="a"), L.Input((4,), name="b")
    shared = L.Dense(6, activation="tanh", name="shared")
    p = shared(L.Dense(3)(a))
    q = shared(L.Dense(3, activation=keras.activations.gelu, name="before_b")(b))
    mixed = L.Add(name="sum")([p, q]) * 2.0 + p - 1
    part = L.Concatenate()([mixed[:, :3], q])
    inner = keras.Sequential([L.Input((6,)), L.Dense(3), L.LayerNormalization()], name="inner")
    u = L.Input((9,))
    tower = keras.Model(u, L.Dense(2, activation="sigmoid")(u), name="tower")
    out = L.Dense(1, name="number")(part)
    model = keras.Model([a, b], [out, inner(p), tower(part)], name="branches")
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.9)
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, clipnorm=1.0),
        loss=["mse", keras.losses.Huber(), keras.losses.BinaryCrossentropy(label_smoothing=0.1)],
        loss_weights=[1.0, 0.5, 2.0],
        metrics=[["mae"], [], [keras.metrics.BinaryAccuracy(threshold=0.4)]],
    )

    def targets(r):
        return [r.normal(size=(16, 1)), r.normal(size=(16, 3)), r.integers(0, 2, (16, 2))]

    return model, lambda r: [r.normal(size=(16, 5)), r.normal(size=(16, 4))], targets, 3


def recurrent():
    """Embedding with a mask, LSTM, GRU, Bidirectional, TimeDistributed, SimpleRNN."""
    words = L.Input((7,), dtype="int32", name="words")
    x = L.Embedding(11, 4, mask_zero=True)(words)
    x = L.LSTM(5, return_sequences=True)(x)
    x = L.Add()([x, L.Dense(5)(x)])  # whose mask Keras computes with operations in the graph
    x = L.Bidirectional(L.GRU(3, return_sequences=True))(x)
    x = L.TimeDistributed(L.Dense(4, activation="relu"))(x)
    x = L.Bidirectional(L.LSTM(2), merge_mode="sum")(x)
    y = L.SimpleRNN(3)(L.RepeatVector(4)(x))
    model = keras.Model(words, L.Dense(1)(L.Concatenate()([x, y])), name="recurrent")
    model.compile(keras.optimizers.Adam(0.01, amsgrad=True), loss="mse", weighted_metrics=["mse"])
    return model, lambda r: r.integers(0, 11, (16, 7)), lambda r: r.normal(size=(16, 1)), 3


def convolutions():
    """The other convolutions, and the layers that go with them; never compiled."""
    x = start = L.Input((9, 8, 3))
    x = L.Rescaling(1 / 3.0, offset=-0.1)(x)
    x = L.ZeroPadding2D(((0, 1), (2, 0)))(x)
    x = L.DepthwiseConv2D(3, depth_multiplier=2, strides=2)(x)
    x = L.PReLU(shared_axes=[1, 2], alpha_initializer="ones")(x)
    x = L.SeparableConv2D(4, 2, padding="same", activation="swish")(x)
    x = L.LeakyReLU(negative_slope=0.1)(x)
    x = L.Conv2DTranspose(3, 3, strides=2, padding="same", use_bias=False)(x)
    x = L.BatchNormalization(scale=False)(x, training=False)
    x = L.UpSampling2D(2, interpolation="bilinear")(x)
    x = L.Cropping2D(1)(x)
    x = L.AveragePooling2D((3, 2), strides=(2, 1))(x)
    x = L.Reshape((-1, 3))(x)
    x = L.Conv1D(5, 3, padding="causal", dilation_rate=2)(x)
    x = L.Permute((2, 1))(x)
    x = L.GlobalMaxPooling1D()(x)
    x = L.GaussianNoise(0.1)(x)
    model = keras.Model(start, L.Softmax()(x), name="convolutions")
    return model, lambda r: r.normal(size=(4, 9, 8, 3)), None, 0


def record(name, make):
    """Save one model in three formats, with its predictions."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    rng = np.random.default_rng(7)
    model, inputs, targets, further = make()
    x = inputs(rng)
    found = {}
    if targets is not None:
        y = targets(rng)
        for _ in range(3):
            model.train_on_batch(x, y)
    for ending in ("keras", "h5"):
        model.save(FOLDER / f"{name}.{ending}")
    model.save_weights(FOLDER / f"{name}.weights.h5")
    outputs = model.predict(x, verbose=0)
    found["outputs"] = outputs if isinstance(outputs, list) else [outputs]
    if further:
        steps = [model.train_on_batch(x, y, return_dict=True) for _ in range(further)]
        found["losses"] = [np.array([float(step["loss"]) for step in steps])]
        found["targets"] = y if isinstance(y, list) else [y]
    found["inputs"] = x if isinstance(x, list) else [x]
    flat = {f"{key}_{i}": np.asarray(v) for key, values in found.items() for i, v in enumerate(values)}
    np.savez_compressed(FOLDER / f"{name}.npz", **flat)


def published_layout():
    """Weights alone as VGG16 was published in 2016: groups at the root, names like block1_conv1_W_1:0."""
    rng = np.random.default_rng(3)
    shapes = {
        "block1_conv1": {"block1_conv1_W_1:0": (3, 3, 2, 4), "block1_conv1_b_1:0": (4,)},
        "block1_pool": {},
        "flatten": {},
        "predictions": {"predictions_W_1:0": (48, 5), "predictions_b_1:0": (5,)},
    }
    model = keras.Sequential(
        [
            L.Input((8, 6, 2)),
            L.Conv2D(4, 3, padding="same", activation="relu"),
            L.MaxPooling2D(),
            L.Flatten(),
            L.Dense(5, activation="softmax"),
        ]
    )
    with h5py.File(FOLDER / "published.h5", "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in shapes]
        for name, weights in shapes.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [weight.encode() for weight in weights]
            for weight, shape in weights.items():
                group.create_dataset(weight, data=rng.normal(size=shape).astype(np.float32) / 3)
    model.load_weights(FOLDER / "published.h5")
    x = rng.normal(size=(3, 8, 6, 2))
    np.savez_compressed(FOLDER / "published.npz", inputs_0=x, outputs_0=model.predict(x, verbose=0))


def older_whole_model():
    """A functional model in the schema of Keras 2: calls as lists, batch_input_shape, plain dtypes."""
    rng = np.random.default_rng(4)

    def entry(name, cls, config, inbound):
        nodes = [[[source, 0, 0, {}] for source in inbound]] if inbound else []
        return {"class_name": cls, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}

    glorot = {"class_name": "GlorotUniform", "config": {"seed": None}}
    dense = {
        "trainable": True, "dtype": "float32", "units": 3, "activation": "relu", "use_bias": True,
        "kernel_initializer": glorot, "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.009999999776482582}}, "bias_regularizer": None,
        "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
    }  # fmt: skip
    first = {"batch_input_shape": [None, 4], "dtype": "float32", "sparse": False, "ragged": False}
    norm = {"trainable": True, "dtype": "float32", "axis": [1], "momentum": 0.99, "epsilon": 0.001}
    layers = [
        entry("input_1", "InputLayer", first, []),
        entry("left", "Dense", dense, ["input_1"]),
        entry("norm", "BatchNormalization", norm, ["left"]),
        entry("right", "Dense", dense | {"activation": "tanh"}, ["input_1"]),
        entry("both", "Concatenate", {"trainable": True, "dtype": "float32", "axis": -1}, ["norm", "right"]),
        entry("last", "Dense", dense | {"units": 2, "activation": "linear"}, ["both"]),
    ]
    config = {
        "class_name": "Functional",
        "config": {
            "name": "model", "layers": layers, "input_layers": [["input_1", 0, 0]], "output_layers": [["last", 0, 0]]
        },
    }  # fmt: skip
    training = {
        "loss": "mse", "metrics": ["mae"], "weighted_metrics": None, "loss_weights": None,
        "optimizer_config": {
            "class_name": "Adam",
            "config": {
                "name": "Adam", "learning_rate": 0.002, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-07,
                "amsgrad": False,
            },
        },
    }  # fmt: skip
    weights = {
        "input_1": {}, "left": {"left/kernel:0": (4, 3), "left/bias:0": (3,)},
        "norm": {f"norm/{n}:0": (3,) for n in ("gamma", "beta", "moving_mean", "moving_variance")},
        "right": {"right/kernel:0": (4, 3), "right/bias:0": (3,)},
        "both": {}, "last": {"last/kernel:0": (6, 2), "last/bias:0": (2,)},
    }  # fmt: skip
    with h5py.File(FOLDER / "older.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.4.0", "tensorflow"
        file.attrs["model_config"], file.attrs["training_config"] = json.dumps(config), json.dumps(training)
        top = file.create_group("model_weights")
        top.attrs["layer_names"] = [name.encode() for name in weights]
        for name, named in weights.items():
            group = top.create_group(name)
            group.attrs["weight_names"] = [weight.encode() for weight in named]
            for weight, shape in named.items():
                group.create_dataset(weight, data=np.abs(rng.normal(size=shape)).astype(np.float32))
    model = keras.models.load_model(FOLDER / "older.h5", compile=False)  # Keras 3 no longer reads the metric "mae"
    x = rng.normal(size=(3, 4))
    outputs = model.predict(x, verbose=0)
    np.savez_compressed(FOLDER / "older.npz", inputs_0=x, outputs_0=np.asarray(outputs).reshape(3, 2))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    for make in (cnn, branches, recurrent, convolutions):
        record(make.__name__, make)
    published_layout()
    older_whole_model()
    print("recorded with Keras", keras.__version__, "on", keras.backend.backend())
