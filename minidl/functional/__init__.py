"""The ops as a user calls them: friendly arguments in, one or a few ops on the tape.

>>> import minidl.functional as F
>>> F.relu([-1.0, 2.0])
<Tensor (2,) float32 [0. 2.]>
"""

from typing import Any

from minidl.functional.activation import (
    exponential,
    hard_sigmoid,
    hard_silu,
    linear,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    silu,
    softmax,
    softsign,
)
from minidl.functional.basic import (
    absolute,
    add,
    cast,
    clip,
    divide,
    matmul,
    maximum,
    minimum,
    mod,
    multiply,
    negative,
    of_record,
    power,
    square,
    subtract,
    where,
)
from minidl.functional.convolution import (
    average_pool2d,
    conv1d,
    conv2d,
    conv2d_transpose,
    dense,
    depthwise_conv2d,
    max_pool2d,
    separable_conv2d,
)
from minidl.functional.random import dropout
from minidl.functional.reduction import argmax, reduce_max, reduce_mean, reduce_min, reduce_sum
from minidl.functional.shape import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    pad,
    reshape,
    squeeze,
    stack,
    transpose,
    upsample2d,
)
from minidl.ops.op import of_form

__all__ = [
    "absolute", "add", "argmax", "average_pool2d", "batch_norm", "batch_norm_inference", "binary_crossentropy",
    "broadcast_to", "cast", "categorical_crossentropy", "clip", "concatenate", "conv1d", "conv2d", "conv2d_transpose",
    "dense", "depthwise_conv2d", "divide", "dropout", "elu", "embedding", "exp", "expand_dims", "expm1", "exponential",
    "flip", "gelu", "gru", "hard_sigmoid", "hard_silu", "huber", "layer_norm", "leaky_relu", "linear", "log", "log1p",
    "log_softmax", "lstm", "matmul", "max_pool2d", "maximum", "mean_absolute_error", "mean_squared_error", "minimum",
    "mish", "mod", "multiply", "negative", "pad", "power", "reduce_max", "reduce_mean", "reduce_min", "reduce_sum",
    "relu", "relu6", "reshape", "selu", "separable_conv2d", "sigmoid", "silu", "simple_rnn", "softmax", "softplus",
    "softsign", "sparse_categorical_crossentropy", "sqrt", "square", "squeeze", "stack", "subtract", "swish", "tanh",
    "transpose", "upsample2d", "where",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Return the function of an op of which nothing is to be said but what stands in its record."""
    if name.startswith("_") or not (name in __all__ or name in of_form("cell", "pair")):
        raise AttributeError(f"module 'minidl.functional' has no attribute {name!r}")
    return of_record(name)
