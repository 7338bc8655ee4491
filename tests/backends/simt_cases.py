"""One awkward case or more for every op: inputs and settings, from which forward and backward are compared."""

from __future__ import annotations

import numpy as np

rng = np.random.default_rng(5)


def f(*shape):
    return rng.normal(size=shape).astype(np.float32)


def positive(*shape):
    return np.abs(f(*shape)) + np.float32(0.3)


def distinct(*shape):
    """Values that are all different, so that no rounding decides which is the largest."""
    return rng.permutation(int(np.prod(shape))).reshape(shape).astype(np.float32)


def rows(*shape):
    p = positive(*shape)
    return (p / p.sum(-1, keepdims=True)).astype(np.float32)


def labels(*shape, classes=5):
    return rng.integers(0, classes, shape)


WINDOW = {"strides": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2)}
X = f(3, 5, 7)
SKIP = np.array([[True, False, True], [False, True, True]])

CASES = [
    ("gemm", (f(5, 7), f(7, 3)), {}),
    ("gemm", (f(7, 5), f(7, 3)), {"transpose_a": True}),
    ("gemm", (f(5, 7), f(3, 7)), {"transpose_b": True}),
    ("gemm", (f(7, 5), f(3, 7)), {"transpose_a": True, "transpose_b": True}),
    ("batched_gemm", (f(2, 5, 7), f(2, 7, 3)), {}),
    ("batched_gemm", (f(2, 7, 5), f(2, 3, 7)), {"transpose_a": True, "transpose_b": True}),
    ("dense", (f(5, 7), f(7, 3), f(3)), {}),
    ("dense", (f(2, 3, 7), f(7, 5), None), {}),
    ("conv2d", (f(2, 5, 7, 3), f(3, 2, 3, 4), f(4)), WINDOW),
    ("conv2d", (f(1, 4, 5, 4), f(2, 2, 2, 6), None), {"groups": 2}),
    ("depthwise_conv2d", (f(2, 5, 7, 3), f(3, 2, 3, 2), f(6)), WINDOW),
    ("depthwise_conv2d", (f(1, 4, 5, 2), f(2, 2, 2, 1), None), {}),
    ("conv2d_transpose", (f(2, 3, 4, 3), f(3, 2, 4, 3), f(4)), WINDOW | {"output_padding": (1, 0)}),
    ("conv2d_transpose", (f(1, 2, 3, 2), f(2, 2, 3, 2), None), {}),
    ("max_pool2d", (distinct(2, 5, 7, 3),), {"pool_size": (3, 2), "strides": (2, 1), "padding": ((1, 0), (0, 1))}),
    ("average_pool2d", (f(2, 5, 7, 3),), {"pool_size": (3, 2), "strides": (2, 1), "padding": ((1, 0), (0, 1))}),
    *((op, (X,), {}) for op in ("relu", "relu6", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softplus", "swish")),
    ("leaky_relu", (X,), {"negative_slope": 0.3}),
    ("elu", (X,), {"alpha": 0.7}),
    ("gelu", (X,), {"approximate": True}),
    ("clipped_relu", (X,), {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2}),
    *((op, (X,), {"axes": (0, 2)}) for op in ("reduce_sum", "reduce_mean")),
    *((op, (X,), {"axes": None, "keepdims": True}) for op in ("reduce_sum", "reduce_mean")),
    *((op, (distinct(3, 5, 7),), {"axes": 1, "keepdims": True}) for op in ("reduce_max", "reduce_min")),
    ("argmax", (distinct(3, 5, 7),), {"axis": 1}),
    *((op, (X,), {"axis": axis}) for op in ("softmax", "log_softmax") for axis in (-1, 1)),
    ("batch_norm", (f(3, 5, 7), f(7), f(7)), {}),
    ("batch_norm", (f(9, 3), None, None), {"epsilon": 0.1}),
    ("batch_norm_inference", (f(3, 5, 7), f(7), f(7), f(7), positive(7)), {}),
    ("batch_norm_inference", (f(9, 3), None, None, f(3), positive(3)), {}),
    ("layer_norm", (f(3, 5, 7), f(7), f(7)), {}),
    ("layer_norm", (f(3, 5, 7), None, None), {"axes": (1, 2)}),
    ("dropout", (X,), {"rate": 0.4, "seed": 3, "offset": 7}),
    ("dropout", (X,), {"rate": 0.4, "seed": 3, "offset": 7, "noise_shape": (None, 1, None)}),
    ("embedding", (labels(3, 4), f(5, 7)), {}),
    *((op, (f(3, 5, 7), f(5, 1)), {}) for op in ("add", "subtract", "multiply", "maximum", "minimum")),
    ("divide", (f(3, 5, 7), positive(3, 1, 7)), {}),
    ("add", (f(5), f(3, 5)), {}),
    ("where", (f(5, 7) > 0, f(3, 5, 7), f(7)), {}),
    *((op, (positive(5, 7),), {}) for op in ("exp", "log", "sqrt", "square", "absolute", "negative")),
    ("power", (positive(5, 7),), {"exponent": 2.5}),
    *((op, (positive(5, 7),), {}) for op in ("log1p", "expm1")),
    *((op, (positive(3, 5, 7), positive(5, 1)), {}) for op in ("pow", "mod")),
    *((op, (positive(5, 8), positive(5, 8)), {}) for op in ("pow", "mod")),
    ("clip", (X,), {"low": -0.5, "high": 0.8}),
    ("clip", (X,), {"high": 0.8}),
    ("cast", (X,), {"dtype": "int32"}),
    ("reshape", (X,), {"shape": (5, -1)}),
    ("transpose", (X,), {"axes": (2, 0, 1)}),
    ("transpose", (f(33, 5),), {}),
    ("concatenate", (f(3, 2, 5), f(3, 4, 5)), {"axis": 1}),
    ("stack", (f(3, 5), f(3, 5)), {"axis": 1}),
    ("stack", (f(3, 5), f(3, 5), f(3, 5)), {"axis": -1}),
    ("pad", (f(3, 5),), {"padding": ((1, 0), (2, 3)), "value": 1.5}),
    ("slice", (X,), {"key": (slice(None), 1, slice(None, None, -2))}),
    ("slice", (X,), {"key": (..., None, slice(1, 3))}),
    ("broadcast_to", (f(3, 1, 5),), {"shape": (2, 3, 4, 5)}),
    ("upsample2d", (f(2, 3, 4, 2),), {"size": (2, 3)}),
    ("upsample2d", (f(2, 3, 4, 2),), {"size": (3, 2), "interpolation": "bilinear"}),
    *((op, (f(3, 5), f(3, 5)), {}) for op in ("mean_squared_error", "mean_absolute_error", "huber")),
    ("huber", (f(3, 2, 5), f(3, 2, 5)), {"delta": 0.4}),
    ("binary_crossentropy", (rows(3, 5), rows(3, 5)), {"label_smoothing": 0.1}),
    ("binary_crossentropy", (rows(3, 5), f(3, 5)), {"from_logits": True}),
    ("categorical_crossentropy", (rows(3, 5), rows(3, 5)), {"label_smoothing": 0.1}),
    ("categorical_crossentropy", (rows(3, 5), f(3, 5)), {"from_logits": True}),
    ("sparse_categorical_crossentropy", (labels(3, 2), f(3, 2, 5)), {"from_logits": True}),
    ("sparse_categorical_crossentropy", (labels(6), rows(6, 5)), {}),
    ("sparse_categorical_crossentropy", (np.array([1, 9, 4]), f(3, 5)), {"from_logits": True, "ignore_class": 9}),
    ("sparse_categorical_crossentropy", (np.array([1, 9, 4]), rows(3, 5)), {"ignore_class": 9}),
    ("simple_rnn", (f(2, 3, 4), f(4, 5), f(5, 5), f(5), f(2, 5), None, None), {}),
    ("simple_rnn", (f(2, 3, 2), f(2, 5), f(5, 5), None, None, SKIP, None), {"activation": "relu"}),
    ("lstm", (f(2, 3, 4), f(4, 20), f(5, 20), f(20), f(2, 5), f(2, 5), SKIP, None), {}),
    ("lstm", (f(2, 2, 3), f(3, 20), f(5, 20), None, None, None, None, positive(2, 5)), {}),
    ("gru", (f(2, 3, 4), f(4, 15), f(5, 15), f(2, 15), f(2, 5), SKIP, None), {}),
    ("gru", (f(2, 2, 3), f(3, 15), f(5, 15), None, None, None, positive(2, 5)), {}),
    ("lstm", (f(2, 2, 3), f(3, 12), f(3, 12), f(12), None, None, SKIP[:, :2], positive(2, 12)), {"activation": "elu"}),
    ("gru", (f(2, 2, 3), f(3, 12), f(4, 12), f(2, 12), f(2, 4), None, positive(2, 12)), {"activation": "softsign"}),
    ("gru", (f(2, 3, 4), f(4, 9), f(3, 9), f(9), f(2, 3), SKIP, positive(2, 3)), {"reset_after": False}),
    ("gru", (f(2, 2, 3), f(3, 9), f(3, 9), None, None, None, positive(2, 9)), {"reset_after": False}),
    ("sgd_update", (f(5, 3), f(5, 3), f(5, 3)), {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("sgd_update", (f(5, 3), f(5, 3), None), {"learning_rate": 0.1, "weight_decay": 0.1}),
    ("rmsprop_update", (f(7), f(7), positive(7), None, None), {"learning_rate": 0.1}),
    ("rmsprop_update", (f(7), f(7), positive(7) + 9, f(7), f(7)), {"learning_rate": 0.1, "momentum": 0.9}),
    ("adam_update", (f(7), f(7), f(7), positive(7), None), {"learning_rate": 0.1, "step": 3}),
    ("adamw_update", (f(7), f(7), f(7), positive(7), positive(7)), {"learning_rate": 0.1, "step": 3}),
    ("adagrad_update", (f(7), f(7), positive(7)), {"learning_rate": 0.1}),
]
