"""One object of every class that a configuration may name, for the tests of saving."""

from __future__ import annotations

from minidl import constraints, initializers, layers, losses, metrics, optimizers, regularizers
from minidl.optimizers import schedules

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
    },
    "metrics": {
        "AUC": lambda: metrics.AUC(num_thresholds=10, curve="PR"),
        "Precision": lambda: metrics.Precision(thresholds=[0.3, 0.6], class_id=1),
        "TopKCategoricalAccuracy": lambda: metrics.TopKCategoricalAccuracy(k=3, name="top"),
    },
    "initializers": {"Constant": lambda: initializers.Constant(0.5)},
    "regularizers": {"L1L2": lambda: regularizers.L1L2(0.1, 0.2)},
    "constraints": {"MinMaxNorm": lambda: constraints.MinMaxNorm(0.5, 2.0, axis=[0, 1])},
}
MODULES = {
    "layers": layers, "optimizers": optimizers, "schedules": schedules, "losses": losses, "metrics": metrics,
    "initializers": initializers, "regularizers": regularizers, "constraints": constraints,
}  # fmt: skip
# Bases, functions in a wrapper, and what has tests of its own.
LEFT_OUT = {
    "Layer", "Lambda", "Optimizer", "LearningRateSchedule", "Loss", "LossFunctionWrapper", "Metric",
    "MeanMetricWrapper", "Initializer", "Regularizer", "Constraint", "Projection",
}  # fmt: skip


def class_names(kind: str) -> list[str]:
    """Return the names of all classes of a module that a configuration may name."""
    found = {
        item.__name__
        for item in vars(MODULES[kind]).values()
        if isinstance(item, type) and item.__module__.startswith("minidl.") and hasattr(item, "from_config")
    }
    return sorted(name for name in found - LEFT_OUT if not name.startswith("_"))


def make(kind: str, name: str):
    """Return an object of a class."""
    makers = LAYERS if kind == "layers" else OTHERS[kind]
    return makers[name]() if name in makers else getattr(MODULES[kind], name)()


ALL = [(kind, name) for kind in MODULES for name in class_names(kind)]
