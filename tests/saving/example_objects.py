"""One object of every class that a configuration may name, for the tests of saving."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minidl import backend, constraints, initializers, layers, losses, metrics, optimizers, regularizers, saving
from minidl.config import SeedGenerator
from minidl.optimizers import schedules
from minidl.saving.config import legacy
from minidl.saving.config.model_json import model_config
from minidl.saving.config.training import training_config

spec = importlib.util.spec_from_file_location("example_models", Path(__file__).with_name("example_models.py"))
example_models = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example_models)

L = layers
# Layers, with arguments that are not the defaults where there are interesting ones.
LAYERS = {
    "Activation": lambda: L.Activation("gelu"),
    "CenterCrop": lambda: L.CenterCrop(2, 3),
    "Bidirectional": lambda: L.Bidirectional(L.LSTM(3, go_backwards=True), merge_mode="ave"),
    "Conv1D": lambda: L.Conv1D(4, 3, padding="causal", dilation_rate=2, bias_initializer="ones"),
    "Conv1DTranspose": lambda: L.Conv1DTranspose(4, 3, strides=2),
    "Conv2D": lambda: L.Conv2D(4, (3, 2), strides=(2, 1), groups=2, activation="relu", kernel_regularizer="l2"),
    "Conv2DTranspose": lambda: L.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1),
    "Cropping1D": lambda: L.Cropping1D((1, 2)),
    "Cropping2D": lambda: L.Cropping2D(((1, 2), (0, 1))),
    "Dense": lambda: L.Dense(3, "tanh", use_bias=False, kernel_initializer=initializers.VarianceScaling(2.0, seed=3)),
    "DepthwiseConv1D": lambda: L.DepthwiseConv1D(3, depth_multiplier=2),
    "DepthwiseConv2D": lambda: L.DepthwiseConv2D(3, depth_multiplier=2, depthwise_constraint="max_norm"),
    "Dot": lambda: L.Dot(axes=1, normalize=True),
    "Dropout": lambda: L.Dropout(0.3, noise_shape=(None, 1), seed=4),
    "Embedding": lambda: L.Embedding(10, 4, mask_zero=True, embeddings_regularizer=regularizers.L1(0.1)),
    "GRU": lambda: L.GRU(3, reset_after=False, return_state=True, recurrent_dropout=0.1),
    "GaussianDropout": lambda: L.GaussianDropout(0.3),
    "GaussianNoise": lambda: L.GaussianNoise(0.3),
    "InputLayer": lambda: L.InputLayer((4, None), batch_size=2, dtype="int32"),
    "LSTM": lambda: L.LSTM(3, unit_forget_bias=False, recurrent_activation="hard_sigmoid", stateful=True),
    "LeakyReLU": lambda: L.LeakyReLU(0.2),
    "PReLU": lambda: L.PReLU(shared_axes=[1]),
    "Permute": lambda: L.Permute((2, 1)),
    "RandomContrast": lambda: L.RandomContrast(0.2),
    "RandomCrop": lambda: L.RandomCrop(2, 3),
    "RandomFlip": lambda: L.RandomFlip("horizontal", seed=1),
    "RandomRotation": lambda: L.RandomRotation(0.1),
    "RandomTranslation": lambda: L.RandomTranslation(0.1, 0.2),
    "RandomZoom": lambda: L.RandomZoom(0.1),
    "ReLU": lambda: L.ReLU(max_value=6.0, negative_slope=0.1),
    "RepeatVector": lambda: L.RepeatVector(3),
    "Rescaling": lambda: L.Rescaling(0.5, offset=-1),
    "Reshape": lambda: L.Reshape((-1, 2)),
    "Resizing": lambda: L.Resizing(4, 5),
    "SeparableConv1D": lambda: L.SeparableConv1D(4, 3),
    "SeparableConv2D": lambda: L.SeparableConv2D(4, 3, strides=2, activation="swish"),
    "SimpleRNN": lambda: L.SimpleRNN(3, activation="relu", dropout=0.1),
    "SpatialDropout1D": lambda: L.SpatialDropout1D(0.2),
    "SpatialDropout2D": lambda: L.SpatialDropout2D(0.2),
    "TimeDistributed": lambda: L.TimeDistributed(L.Conv2D(2, 3)),
    "UpSampling1D": lambda: L.UpSampling1D(3),
    "UpSampling2D": lambda: L.UpSampling2D((2, 3), interpolation="bilinear"),
    "ZeroPadding1D": lambda: L.ZeroPadding1D((1, 0)),
    "ZeroPadding2D": lambda: L.ZeroPadding2D(((1, 0), (2, 1))),
}
OTHERS = {
    "optimizers": {
        "SGD": lambda: optimizers.SGD(schedules.CosineDecay(0.1, 10, warmup_target=0.2, warmup_steps=3), momentum=0.9),
        "Adam": lambda: optimizers.Adam(0.01, beta_1=0.8, amsgrad=True, global_clipnorm=2.0, use_ema=True),
        "RMSprop": lambda: optimizers.RMSprop(0.02, 0.8, 0.1, 1e-5, True, 0.01, clipvalue=0.5, name="own"),
        "AdamW": lambda: optimizers.AdamW(0.02, 0.01, 0.8, 0.99, 1e-5, True, 1.5, loss_scale_factor=2.0),
        "Adagrad": lambda: optimizers.Adagrad(
            0.02,
            0.2,
            1e-5,
            0.01,
            use_ema=True,
            ema_momentum=0.9,
            ema_overwrite_frequency=5,
            gradient_accumulation_steps=3,
        ),
    },
    "schedules": {
        "CosineDecay": lambda: schedules.CosineDecay(0.1, 10),
        "ExponentialDecay": lambda: schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True),
        "InverseTimeDecay": lambda: schedules.InverseTimeDecay(0.1, 10, 0.5),
        "PiecewiseConstantDecay": lambda: schedules.PiecewiseConstantDecay([3, 5], [0.1, 0.05, 0.01]),
        "PolynomialDecay": lambda: schedules.PolynomialDecay(0.1, 10, cycle=True),
    },
    "losses": {
        "BinaryCrossentropy": lambda: losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        "SparseCategoricalCrossentropy": lambda: losses.SparseCategoricalCrossentropy(ignore_class=2),
        "CategoricalCrossentropy": lambda: losses.CategoricalCrossentropy(True, 0.1, 1, "sum", "own"),
        "CosineSimilarity": lambda: losses.CosineSimilarity(axis=1, reduction=None),
        "Huber": lambda: losses.Huber(2.0, "mean_with_sample_weight"),
    },
    "metrics": {
        "AUC": lambda: metrics.AUC(num_thresholds=10, curve="PR"),
        "Precision": lambda: metrics.Precision(thresholds=[0.3, 0.6], class_id=1),
        "TopKCategoricalAccuracy": lambda: metrics.TopKCategoricalAccuracy(k=3, name="top"),
        "BinaryAccuracy": lambda: metrics.BinaryAccuracy(threshold=0.3, dtype="float64"),
        "BinaryCrossentropy": lambda: metrics.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        "SparseCategoricalCrossentropy": lambda: metrics.SparseCategoricalCrossentropy(ignore_class=-1, axis=1),
        "FBetaScore": lambda: metrics.FBetaScore("macro", 2.0, 0.4),
        "R2Score": lambda: metrics.R2Score("variance_weighted_average", 1),
    },
    "initializers": {
        "Constant": lambda: initializers.Constant(0.5),
        "HeNormal": lambda: initializers.HeNormal(seed=2, input_axes=[0]),
        "Orthogonal": lambda: initializers.Orthogonal(2.0, SeedGenerator(5)),
        "VarianceScaling": lambda: initializers.VarianceScaling(3.0, "fan_out", "uniform", 7),
    },
    "regularizers": {
        "L1L2": lambda: regularizers.L1L2(0.1, 0.2),
        "OrthogonalRegularizer": lambda: regularizers.OrthogonalRegularizer(0.2, "columns"),
    },
    "constraints": {"MinMaxNorm": lambda: constraints.MinMaxNorm(0.5, 2.0, axis=[0, 1])},
}
MODULES = {
    "layers": layers, "optimizers": optimizers, "schedules": schedules, "losses": losses, "metrics": metrics,
    "initializers": initializers, "regularizers": regularizers, "constraints": constraints,
}  # fmt: skip
# Bases, functions in a wrapper, and what has tests of its own.
LEFT_OUT = {
    "Layer", "Lambda", "Optimizer", "LearningRateSchedule", "Loss", "LossFunctionWrapper", "Metric",
    "MeanMetricWrapper", "Initializer", "Regularizer", "Constraint", "Projection", "Configured",
}  # fmt: skip


def class_names(kind: str) -> list[str]:
    """Return the names of all classes of a module that a configuration may name."""
    found = {
        item.__name__
        for item in vars(MODULES[kind]).values()
        if isinstance(item, type) and item.__module__.startswith("minidl.") and hasattr(item, "from_config")
    }
    own = set(layers.ADDED)  # which Keras has not
    return sorted(name for name in found - LEFT_OUT - own if not name.startswith("_"))


def make(kind: str, name: str):
    """Return an object of a class."""
    makers = LAYERS if kind == "layers" else OTHERS[kind]
    return makers[name]() if name in makers else getattr(MODULES[kind], name)()


ALL = [(kind, name) for kind in MODULES for name in class_names(kind)]


def written() -> Iterator[tuple[str, Any]]:
    """Yield what is written of every class, alone and in a file, and of models with their training setup."""
    for kind, name in ALL:
        for how, serialize in (("alone", MODULES[kind].serialize), ("in a file", saving.serialize_keras_object)):
            backend.clear_session(free_memory=False)
            yield f"{kind} {name} {how}", serialize(make(kind, name))
    for name, maker in example_models.MAKERS.items():
        backend.clear_session(free_memory=False)
        model = maker()[0]
        yield f"model {name}", model_config(model)
        yield f"model {name} compiled", model.get_compile_config()
        yield f"model {name} in an h5", legacy.simplified(model_config(model))
        yield f"training of {name} in an h5", training_config(model)
    backend.clear_session(free_memory=False)
    yield "activation layer", layers.Dense(2, activation=layers.LeakyReLU(0.1, name="leaky")).get_config()
    for function in (losses.mean_squared_error, metrics.binary_accuracy, layers.Activation("hard_silu").activation):
        yield f"function {function.__name__}", saving.serialize_keras_object(function)
