"""Which ops have an adapter, in which module, and which kernels it runs: names only, nothing is imported here.

An op's rungs are those of its kernels: "simt:r3_shared" for gemm. A direction that runs several kernels takes the
chosen rung for those that have it, and the best rung for the others.
"""

from __future__ import annotations

BACKWARD_ENDINGS = ("_backward", "_backward_data", "_backward_weights", "_backward_bias")

# Where the names do not say which kernels a direction runs: the gradient of one op is the forward of another.
DIRECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "conv2d_transpose": {
        "forward": ("conv2d_backward_data",),
        "backward": ("conv2d", "conv2d_backward_weights", "conv2d_backward_bias"),
    },
}

UNARY = (
    "relu", "relu6", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softplus", "swish", "clipped_relu",
)  # fmt: skip
UNARY_ELEMENTWISE = ("exp", "log", "sqrt", "square", "absolute", "negative", "clip", "power", "log1p", "expm1")
BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "pow", "mod", "where")
UPDATES = ("sgd_update", "rmsprop_update", "adam_update", "adamw_update", "adagrad_update")


def _both(*ops: str) -> tuple[str, ...]:
    return tuple(name for op in ops for name in (op, f"{op}_backward"))


# op -> (module of minidl.backends.cuda, the kernels of cuda_kernels that carry its rungs)
KERNELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "gemm": ("gemm", ("gemm",)),
    "batched_gemm": ("gemm", ("batched_gemm",)),
    "dense": ("gemm", ("gemm",)),
    **{op: ("activations", _both(op)) for op in UNARY},
    **{op: ("elementwise", _both(op)) for op in (*UNARY_ELEMENTWISE, *BINARY)},
    "cast": ("elementwise", ("cast",)),
    **{op: ("reduce", _both(op)) for op in ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min")},
    "argmax": ("reduce", ("argmax",)),
    **{op: ("softmaxes", _both(op)) for op in ("softmax", "log_softmax")},
    **{op: ("normalization", _both(op)) for op in ("batch_norm", "batch_norm_inference", "layer_norm")},
    "dropout": ("dropout", _both("dropout")),
    "embedding": ("embedding", _both("embedding")),
    **{op: ("losses", _both(op)) for op in (
        "mean_squared_error", "mean_absolute_error", "huber", "binary_crossentropy", "categorical_crossentropy",
    )},
    "sparse_categorical_crossentropy": (
        "losses",
        _both("sparse_softmax_crossentropy", "sparse_probability_crossentropy"),
    ),
    **{op: ("pool2d", _both(op)) for op in ("max_pool2d", "average_pool2d")},
    "depthwise_conv2d": (
        "depthwise_conv2d",
        ("depthwise_conv2d", "depthwise_conv2d_backward_data", "depthwise_conv2d_backward_weights"),
    ),
    "conv2d": ("conv2d", ("conv2d", "conv2d_backward_data", "conv2d_backward_weights", "conv2d_backward_bias")),
    "conv2d_transpose": (
        "conv2d_transpose",
        ("conv2d", "conv2d_backward_data", "conv2d_backward_weights", "conv2d_backward_bias"),
    ),
    "reshape": ("shapes", ()),
    **{op: ("shapes", _both(op)) for op in ("concatenate", "pad", "slice", "broadcast_to")},
    "transpose": ("shapes", ("transpose",)),
    "stack": ("shapes", _both("concatenate")),
    "upsample2d": ("upsample2d", _both("upsample2d")),
    "simple_rnn": ("recurrent", _both("simple_rnn")),
    "lstm": ("lstm", _both("lstm")),
    "gru": ("gru", _both("gru")),
    **{op: ("updates", (op,)) for op in UPDATES},
}  # fmt: skip
