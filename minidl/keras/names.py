"""The names of `keras.ops`. Nothing is imported for them, so that `minidl.ops` can tell them from its files."""

from __future__ import annotations

OPS = frozenset(
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
