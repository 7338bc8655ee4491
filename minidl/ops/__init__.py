"""The arithmetic: one file an op, forward above backward, in plain NumPy. See `docs/architecture.md` for the contract.

A Keras program that calls `keras.ops.mean(x)` means a function of tensors. The names below are no files here; they are
looked up in `minidl.functional.keras_ops`, then in `minidl.functional`, when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

KERAS_NAMES = frozenset(
    """abs absolute add all any arange argmax argmin binary_crossentropy bitwise_and bitwise_invert bitwise_not
    bitwise_or bitwise_xor broadcast_to cast categorical_crossentropy ceil clip concatenate convert_to_numpy
    convert_to_tensor divide divide_no_nan elu equal exp expand_dims expm1 flip floor floor_divide gelu greater
    greater_equal hard_sigmoid hard_silu isfinite isinf isnan leaky_relu less less_equal log log10 log1p log2
    log_softmax logical_and logical_not logical_or logical_xor logsumexp matmul max maximum mean min minimum mod
    multiply ndim negative norm not_equal one_hot ones ones_like pad power ravel reciprocal relu relu6 reshape round
    rsqrt selu shape sigmoid sign silu size softmax softplus softsign sparse_categorical_crossentropy split sqrt square
    squeeze stack std stop_gradient subtract sum swish take tanh transpose true_divide unstack var where zeros
    zeros_like""".split()
)


def __getattr__(name: str) -> Any:
    if name not in KERAS_NAMES:
        raise AttributeError(f"module 'minidl.ops' has no attribute {name!r}")
    keras_ops = importlib.import_module("minidl.functional.keras_ops")
    return getattr(keras_ops if hasattr(keras_ops, name) else importlib.import_module("minidl.functional"), name)
