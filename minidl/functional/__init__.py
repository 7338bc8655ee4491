"""The ops as a user calls them: friendly arguments in, one or a few ops on the tape.

>>> import minidl.functional as F
>>> F.relu([-1.0, 2.0])
<Tensor (2,) float32 [0. 2.]>
"""

from typing import Any

from minidl.functional.activation import (
    elu,
    exponential,
    gelu,
    hard_sigmoid,
    hard_silu,
    leaky_relu,
    linear,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    swish,
    tanh,
)
from minidl.functional.basic import (
    absolute,
    add,
    cast,
    clip,
    divide,
    exp,
    expm1,
    log,
    log1p,
    matmul,
    maximum,
    minimum,
    mod,
    multiply,
    negative,
    of_numbers,
    power,
    sqrt,
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
from minidl.functional.loss import (
    binary_crossentropy,
    categorical_crossentropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from minidl.functional.normalization import batch_norm, batch_norm_inference, dropout, layer_norm
from minidl.functional.reduction import argmax, reduce_max, reduce_mean, reduce_min, reduce_sum
from minidl.functional.sequence import embedding, gru, lstm, simple_rnn
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
    """Return the function of an op of one or two numbers for which none is written."""
    if name.startswith("_") or name not in of_form("cell", "pair"):
        raise AttributeError(f"module 'minidl.functional' has no attribute {name!r}")
    return of_numbers(name)
