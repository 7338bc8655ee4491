"""Awkward inputs for every op that has kernels: what `minidl.check` runs a kernel on.

Each op has a few cases, from the smallest to the one on which traffic is counted, the last. Sizes are 1, prime, no
multiple of a block or a tile, not square, and larger than one block of the launch that is usual for the op. Values are
such that no rounding decides: all different where one is picked, away from 0 where there is a division.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import unknown_name


class Case(NamedTuple):
    """One call of an op: its inputs and its settings."""

    inputs: tuple[Any, ...]
    static: dict[str, Any]


class Values:
    """Random arrays of some kinds."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def f(self, *shape: int) -> np.ndarray:
        """Normal."""
        return self.rng.normal(size=shape).astype(np.float32)

    def positive(self, *shape: int) -> np.ndarray:
        """At least 0.3."""
        return np.abs(self.f(*shape)) + np.float32(0.3)

    def distinct(self, *shape: int) -> np.ndarray:
        """All different, by 0.1 or more."""
        size = int(np.prod(shape))
        return ((self.rng.permutation(size) - size // 3) * np.float32(0.1)).reshape(shape).astype(np.float32)

    def rows(self, *shape: int) -> np.ndarray:
        """Probabilities along the last axis."""
        p = self.positive(*shape)
        return (p / p.sum(-1, keepdims=True)).astype(np.float32)

    def labels(self, *shape: int, classes: int = 5) -> np.ndarray:
        """Integers below `classes`."""
        return self.rng.integers(0, classes, shape)

    def mask(self, *shape: int) -> np.ndarray:
        """Booleans."""
        return self.rng.random(shape) < 0.7


Given = list[tuple[tuple[Any, ...], dict[str, Any]]]
POOL = {"pool_size": (3, 2), "strides": (2, 1), "padding": ((1, 0), (0, 1))}
WINDOW = {"strides": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2)}


def _elementwise(make: str, **static: Any) -> Callable[[Values], Given]:
    # 1031 is prime, and more than one block of 1024 threads.
    return lambda v: [((getattr(v, make)(*shape),), static) for shape in ((1,), (3, 5, 7), (1031,))]


def _pairs(v: Values) -> Given:
    return [
        ((v.f(1), v.f(1)), {}), ((v.f(3, 5, 7), v.positive(5, 1)), {}), ((v.f(5), v.positive(3, 5)), {}),
        ((v.f(1031), v.positive(1031)), {}),
    ]  # fmt: skip


def _gemm(v: Values) -> Given:
    return [
        ((v.f(1, 1), v.f(1, 1)), {}), ((v.f(5, 7), v.f(7, 3)), {}), ((v.f(7, 5), v.f(7, 3)), {"transpose_a": True}),
        ((v.f(5, 7), v.f(3, 7)), {"transpose_b": True}),
        ((v.f(7, 5), v.f(3, 7)), {"transpose_a": True, "transpose_b": True}), ((v.f(33, 37), v.f(37, 35)), {}),
        ((v.f(64, 48), v.f(48, 80)), {}),
    ]  # fmt: skip


def _batched_gemm(v: Values) -> Given:
    return [
        ((v.f(1, 1, 1), v.f(1, 1, 1)), {}), ((v.f(2, 5, 7), v.f(2, 7, 3)), {}),
        ((v.f(2, 7, 5), v.f(2, 3, 7)), {"transpose_a": True, "transpose_b": True}),
        ((v.f(3, 33, 17), v.f(3, 17, 19)), {}),
    ]  # fmt: skip


def _dense(v: Values) -> Given:
    return [((v.f(5, 7), v.f(7, 3), v.f(3)), {}), ((v.f(2, 3, 17), v.f(17, 5), None), {})]


def _conv2d(v: Values) -> Given:
    return [
        ((v.f(1, 1, 1, 1), v.f(1, 1, 1, 1), None), {}), ((v.f(2, 5, 7, 3), v.f(3, 2, 3, 4), v.f(4)), WINDOW),
        ((v.f(1, 4, 5, 4), v.f(2, 2, 2, 6), None), {"groups": 2}),
        ((v.f(2, 9, 7, 3), v.f(3, 3, 3, 17), v.f(17)), {}),
    ]  # fmt: skip


def _depthwise(v: Values) -> Given:
    return [
        ((v.f(1, 4, 5, 2), v.f(2, 2, 2, 1), None), {}), ((v.f(2, 5, 7, 3), v.f(3, 2, 3, 2), v.f(6)), WINDOW),
        ((v.f(2, 9, 7, 12), v.f(3, 3, 12, 1), v.f(12)), {}),
    ]  # fmt: skip


def _conv2d_transpose(v: Values) -> Given:
    return [
        ((v.f(1, 2, 3, 2), v.f(2, 2, 3, 2), None), {}),
        ((v.f(2, 3, 4, 3), v.f(3, 2, 4, 3), v.f(4)), WINDOW | {"output_padding": (1, 0)}),
    ]  # fmt: skip


def _pool2d(v: Values) -> Given:
    return [
        ((v.distinct(1, 2, 2, 1),), {}), ((v.distinct(2, 5, 7, 3),), POOL),
        ((v.distinct(1, 5, 4, 2) - 9,), {"padding": ((1, 0), (0, 1))}),  # all negative: padding may not win
        ((v.distinct(2, 11, 9, 7),), {}),
    ]  # fmt: skip


def _reduce(make: str) -> Callable[[Values], Given]:
    def given(v: Values) -> Given:
        x = getattr(v, make)
        return [
            ((x(1),), {}), ((x(3, 5, 7),), {"axes": (0, 2)}), ((x(3, 5, 7),), {"axes": 1, "keepdims": True}),
            ((x(3, 5, 7) - 40,), {"axes": -1}), ((x(1031),), {}), ((x(37, 70),), {"axes": -1}),
        ]  # fmt: skip

    return given


def _softmax(v: Values) -> Given:
    return [
        ((v.f(1, 1),), {}), ((v.f(3, 5, 7),), {}), ((v.f(3, 5, 7),), {"axis": 1}),
        ((v.f(3, 5) * 100,), {}),  # exp(x) overflows unless the largest is subtracted
        ((v.f(5, 331),), {}),
    ]  # fmt: skip


def _norm(v: Values) -> Given:
    return [((v.f(9, 3), None, None), {"epsilon": 0.1}), ((v.f(3, 5, 7), v.f(7), v.f(7)), {})]


def _errors(v: Values) -> Given:
    return [((v.f(1, 1), v.f(1, 1)), {}), ((v.f(3, 5), v.f(3, 5)), {}), ((v.f(37, 19), v.f(37, 19)), {})]


def _sparse(v: Values) -> Given:
    z = {"from_logits": True}
    return [
        ((v.labels(6), v.rows(6, 5)), {}), ((v.labels(3, 2), v.f(3, 2, 5)), z),
        ((np.array([1, 9, 4]), v.f(3, 5)), z | {"ignore_class": 9}),
        ((np.array([1, 9, 4]), v.rows(3, 5)), {"ignore_class": 9}), ((v.labels(37), v.f(37, 67)), z),
        ((v.labels(37), v.rows(37, 67)), {}),
    ]  # fmt: skip


def _recurrent(gates: int) -> Callable[[Values], Given]:
    def given(v: Values) -> Given:
        start = [v.f(2, 5)] * (2 if gates == 4 else 1)
        bias = v.f(2, 15) if gates == 3 else v.f(5 * gates)
        first = (v.f(2, 3, 4), v.f(4, 5 * gates), v.f(5, 5 * gates), bias, *start, v.mask(2, 3), None)
        plain = (v.f(2, 2, 3), v.f(3, 5 * gates), v.f(5, 5 * gates), None, *[None] * len(start), None, None)
        return [(plain, {}), (first, {})]

    return given


def _update(states: int, **static: Any) -> Callable[[Values], Given]:
    return lambda v: [
        ((v.f(*shape), v.f(*shape), *(v.positive(*shape) + k for k in range(states))), {"learning_rate": 0.1} | static)
        for shape in ((1,), (5, 3), (1031,))
    ]


CASES: dict[str, Callable[[Values], Given]] = {
    "gemm": _gemm, "batched_gemm": _batched_gemm, "dense": _dense, "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise, "conv2d_transpose": _conv2d_transpose,
    "max_pool2d": _pool2d, "average_pool2d": _pool2d,
    **{op: _elementwise("f") for op in (
        "relu", "relu6", "elu", "sigmoid", "tanh", "softplus", "swish", "gelu", "leaky_relu",
    )},
    "clipped_relu": _elementwise("f", max_value=1.5, negative_slope=0.1, threshold=0.2),
    **{op: _elementwise("positive") for op in ("exp", "log", "sqrt")},
    **{op: _elementwise("f") for op in ("square", "absolute", "negative")},
    "power": _elementwise("positive", exponent=2.5), "clip": _elementwise("f", low=-0.5, high=0.8),
    "cast": _elementwise("f", dtype="int32"),
    **{op: _pairs for op in ("add", "subtract", "multiply", "divide", "maximum", "minimum")},
    "where": lambda v: [((v.mask(5, 7), v.f(3, 5, 7), v.f(7)), {}), ((v.mask(1031), v.f(1031), v.f(1031)), {})],
    **{op: _reduce("f") for op in ("reduce_sum", "reduce_mean")},
    **{op: _reduce("distinct") for op in ("reduce_max", "reduce_min")},
    "argmax": lambda v: [((v.distinct(*s),), {"axis": a}) for s, a in (((1,), 0), ((3, 5, 7), 1), ((7, 131), -1))],
    "softmax": _softmax, "log_softmax": _softmax, "batch_norm": _norm,
    "batch_norm_inference": lambda v: [
        ((v.f(9, 3), None, None, v.f(3), v.positive(3)), {}),
        ((v.f(3, 5, 7), v.f(7), v.f(7), v.f(7), v.positive(7)), {}),
    ],
    "layer_norm": lambda v: [*_norm(v), ((v.f(3, 5, 7), None, None), {"axes": (1, 2)})],
    "dropout": lambda v: [
        ((v.f(3, 5, 7),), {"rate": 0.4, "seed": 3, "offset": 7, "noise_shape": (None, 1, None)}),
        ((v.f(1031),), {"rate": 0.4, "seed": 3, "offset": 7}),
    ],
    "embedding": lambda v: [((v.labels(3, 4), v.f(5, 7)), {}), ((v.labels(37, classes=11), v.f(11, 20)), {})],
    "transpose": lambda v: [((v.f(3, 5, 7),), {"axes": (2, 0, 1)}), ((v.f(33, 37),), {})],
    "concatenate": lambda v: [((v.f(3, 2, 5), v.f(3, 4, 5)), {"axis": 1}), ((v.f(17, 33), v.f(17, 4)), {})],
    "stack": lambda v: [((v.f(3, 5), v.f(3, 5)), {"axis": 1}), ((v.f(3, 5), v.f(3, 5), v.f(3, 5)), {"axis": -1})],
    "pad": lambda v: [((v.f(3, 5),), {"padding": ((1, 0), (2, 3)), "value": 1.5})],
    "slice": lambda v: [
        ((v.f(3, 5, 7),), {"key": (slice(None), 1, slice(None, None, -2))}),
        ((v.f(3, 5, 7),), {"key": (..., None, slice(1, 3))}),
    ],
    "broadcast_to": lambda v: [((v.f(3, 1, 5),), {"shape": (2, 3, 4, 5)})],
    "reshape": lambda v: [((v.f(3, 5, 7),), {"shape": (5, -1)})],
    "upsample2d": lambda v: [
        ((v.f(2, 3, 4, 2),), {"size": (2, 3)}),
        ((v.f(2, 3, 4, 2),), {"size": (3, 2), "interpolation": "bilinear"}),
    ],
    **{op: _errors for op in ("mean_squared_error", "mean_absolute_error")},
    "huber": lambda v: [((v.f(3, 2, 5), v.f(3, 2, 5)), {"delta": 0.4}), *_errors(v)],
    "binary_crossentropy": lambda v: [
        ((v.rows(3, 5), v.rows(3, 5)), {"label_smoothing": 0.1}), ((v.rows(3, 5), v.f(3, 5)), {"from_logits": True}),
    ],
    "categorical_crossentropy": lambda v: [
        ((v.rows(3, 5), v.rows(3, 5)), {"label_smoothing": 0.1}), ((v.rows(3, 5), v.f(3, 5)), {"from_logits": True}),
    ],
    "sparse_categorical_crossentropy": _sparse,
    "simple_rnn": _recurrent(1), "lstm": _recurrent(4), "gru": _recurrent(3),
    "sgd_update": _update(1, momentum=0.9, nesterov=True),
    "rmsprop_update": lambda v: [
        ((v.f(7), v.f(7), v.positive(7), None, None), {"learning_rate": 0.1}),
        ((v.f(37), v.f(37), v.positive(37) + 9, v.f(37), v.f(37)), {"learning_rate": 0.1, "momentum": 0.9}),
    ],
    "adam_update": lambda v: [
        ((v.f(7), v.f(7), v.f(7), v.positive(7), None), {"learning_rate": 0.1, "step": 3}),
        ((v.f(1031), v.f(1031), v.f(1031), v.positive(1031), None), {"learning_rate": 0.1, "step": 3}),
    ],
    "adamw_update": lambda v: [
        ((v.f(7), v.f(7), v.f(7), v.positive(7), v.positive(7)), {"learning_rate": 0.1, "step": 3}),
    ],
    "adagrad_update": _update(1),
}  # fmt: skip


def cases(op: str, seed: int = 5) -> list[Case]:
    """Return the cases of an op, freshly made. Raises UnknownNameError for an op without any.

    >>> [tuple(x.shape for x in case.inputs) for case in cases("relu")]
    [((1,),), ((3, 5, 7),), ((1031,),)]
    """
    if op not in CASES:
        raise unknown_name("op with cases to check", op, CASES)
    return [Case(inputs, dict(static)) for inputs, static in CASES[op](Values(seed))]
