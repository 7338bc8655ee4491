"""Awkward inputs for every op that has kernels: the only list of them. `minidl.check` runs kernels on them, and the
tests, here and on a GPU, every op on every backend.

An op whose record says what kind of numbers it takes has the cases of its form; others are listed here, or bring theirs
in their record. Each op has a few, from the smallest to the one on which traffic is counted, the last. Sizes are 1,
prime, no multiple of a block or a tile, not square, and below, at and above one block of the launch that is usual for
the op. Every setting has a second value in a case of its own, so that a kernel that does without it can be checked on
the rest; pairs of settings (rows, columns) differ. Values are such that no rounding decides: all different where one is
picked, away from 0 where there is a division. The values at which formulas break are in `extremes.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minidl.errors import unknown_name
from minidl.ops.op import Op, records
from minidl.testing.extremes import extremes
from minidl.testing.values import Case, Values

__all__ = ["Case", "Values", "cases", "has_cases", "small_cases"]

Given = list[tuple[tuple[Any, ...], Mapping[str, Any]]]


def _cells(op: Op, v: Values) -> Given:
    """A function of one number: with the record's settings, and with each of the others."""
    x, static = getattr(v, str(op.values)), {} if callable(op.static) else op.static
    return [
        *(((x(*shape),), static) for shape in ((1,), (3, 5, 7), (256,), (10007,))),
        *(((x(3, 5, 7),), other) for other in op.others),
        ((x(1031),), static),  # prime, and more than one block of 1024 threads
    ]


def _pairs(op: Op, v: Values) -> Given:
    """A function of two numbers: broadcast in either, and in both."""
    names = (op.values, "positive") if isinstance(op.values, str) else op.values
    a, b = (getattr(v, name) for name in names)
    return [
        ((a(1), b(1)), {}), ((a(3, 5, 7), b(5, 1)), {}), ((a(5), b(3, 5)), {}), ((a(3, 1), b(1, 4)), {}),
        ((a(256), b(256)), {}), ((a(10007), b(10007)), {}), ((a(1031), b(1031)), {}),
    ]  # fmt: skip


def _reductions(op: Op, v: Values) -> Given:
    x = getattr(v, str(op.values))
    return [
        ((x(1),), {}), ((x(3, 5, 7),), {"axes": (0, 2)}), ((x(3, 5, 7),), {"axes": 1, "keepdims": True}),
        ((x(3, 5, 7) - 40,), {"axes": -1}), ((x(3, 5, 7) + 40,), {"axes": (1, 2), "keepdims": True}),
        ((x(3, 5),), {"axes": 0}), ((x(300, 3),), {"axes": -1}), ((x(3, 256),), {"axes": -1}), ((x(1031),), {}),
        ((x(37, 70),), {"axes": -1}),
    ]  # fmt: skip


def _losses(op: Op, v: Values) -> Given:
    x = getattr(v, str(op.values))
    return [
        ((x(1, 1), x(1, 1)), {}), *(((x(3, 2, 5), x(3, 2, 5)), other) for other in op.others),
        ((x(3, 5), x(3, 5)), {}), ((x(2, 521), x(2, 521)), {}), ((x(37, 19), x(37, 19)), {}),
    ]  # fmt: skip


OF_FORM: dict[str, Callable[[Op, Values], Given]] = {
    "cell": _cells, "pair": _pairs, "reduction": _reductions, "loss": _losses,
}  # fmt: skip


def _gemm(v: Values) -> Given:
    return [
        ((v.f(1, 1), v.f(1, 1)), {}), ((v.f(5, 7), v.f(7, 3)), {}), ((v.f(7, 5), v.f(7, 3)), {"transpose_a": True}),
        ((v.f(5, 7), v.f(3, 7)), {"transpose_b": True}),
        ((v.f(7, 5), v.f(3, 7)), {"transpose_a": True, "transpose_b": True}),
        ((v.f(1, 37), v.f(37, 1)), {}), ((v.f(16, 16), v.f(16, 17)), {}), ((v.f(33, 37), v.f(37, 35)), {}),
        ((v.f(64, 48), v.f(48, 80)), {}),
    ]  # fmt: skip


def _batched_gemm(v: Values) -> Given:
    return [
        ((v.f(1, 1, 1), v.f(1, 1, 1)), {}), ((v.f(2, 5, 7), v.f(2, 7, 3)), {}),
        ((v.f(2, 7, 5), v.f(2, 7, 3)), {"transpose_a": True}), ((v.f(2, 5, 7), v.f(2, 3, 7)), {"transpose_b": True}),
        ((v.f(2, 7, 5), v.f(2, 3, 7)), {"transpose_a": True, "transpose_b": True}),
        ((v.f(3, 33, 17), v.f(3, 17, 19)), {}),
    ]  # fmt: skip


def _dense(v: Values) -> Given:
    return [((v.f(5, 7), v.f(7, 3), v.f(3)), {}), ((v.f(2, 3, 17), v.f(17, 5), None), {})]


# -- windows: each setting alone, then several; rows and columns, and all four sides, differ ---------------------------

SIDES = ((1, 2), (3, 4))


def _conv2d(v: Values) -> Given:
    most = {"strides": (2, 3), "padding": ((1, 2), (3, 1)), "dilation": (2, 3)}
    return [
        ((v.f(1, 1, 1, 1), v.f(1, 1, 1, 1), None), {}), ((v.f(2, 5, 7, 2), v.f(2, 3, 2, 3), None), {}),
        ((v.f(2, 7, 8, 3), v.f(2, 3, 3, 4), v.f(4)), {"strides": (2, 3)}),  # a row and two columns are left over
        ((v.f(2, 7, 9, 2), v.f(1, 2, 2, 3), None), {"strides": (3, 4)}),  # more than the window
        ((v.f(1, 7, 4, 2), v.f(2, 3, 2, 3), None), {"strides": (2, 1), "padding": ((2, 1), (0, 0))}),  # of rows alone
        ((v.f(2, 4, 5, 2), v.f(2, 3, 2, 3), v.f(3)), {"padding": SIDES}),  # some windows see padding alone
        ((v.f(2, 6, 9, 2), v.f(2, 3, 2, 3), None), {"dilation": (2, 3)}),
        ((v.f(2, 4, 5, 4), v.f(2, 2, 2, 6), v.f(6)), {"groups": 2}),
        ((v.f(1, 4, 5, 3), v.f(2, 2, 1, 6), None), {"groups": 3}),
        ((v.f(2, 5, 7, 3), v.f(3, 2, 3, 4), None), {"strides": (3, 2), "padding": ((2, 1), (1, 3))}),
        ((v.f(2, 5, 7, 3), v.f(3, 2, 3, 4), v.f(4)), most),
        ((v.f(2, 5, 7, 4), v.f(3, 2, 2, 6), None), most | {"groups": 2}),
        ((v.f(1, 3, 4, 35), v.f(2, 2, 35, 33), v.f(33)), {}),  # more channels than a tile of 32
        ((v.f(2, 9, 7, 3), v.f(3, 3, 3, 17), v.f(17)), {}),
    ]  # fmt: skip


def _depthwise(v: Values) -> Given:
    return [
        ((v.f(1, 4, 5, 2), v.f(2, 2, 2, 1), None), {}), ((v.f(2, 5, 7, 2), v.f(2, 3, 2, 3), None), {}),
        ((v.f(2, 7, 8, 3), v.f(2, 3, 3, 2), v.f(6)), {"strides": (2, 3)}),
        ((v.f(2, 4, 5, 2), v.f(2, 3, 2, 3), None), {"padding": SIDES}),
        ((v.f(2, 6, 9, 2), v.f(2, 3, 2, 2), None), {"dilation": (2, 3)}),
        ((v.f(2, 5, 7, 3), v.f(3, 2, 3, 2), None), {"strides": (3, 2), "padding": ((2, 1), (1, 3))}),
        ((v.f(2, 5, 7, 3), v.f(3, 2, 3, 2), v.f(6)), {"strides": (2, 3), "padding": SIDES, "dilation": (2, 3)}),
        ((v.f(2, 9, 7, 12), v.f(3, 3, 12, 1), v.f(12)), {}),
    ]  # fmt: skip


def _conv2d_transpose(v: Values) -> Given:
    return [
        ((v.f(1, 2, 3, 2), v.f(2, 2, 3, 2), None), {}),
        ((v.f(2, 2, 3, 3), v.f(3, 2, 4, 3), v.f(4)), {"strides": (2, 3)}),
        ((v.f(2, 4, 5, 3), v.f(3, 4, 2, 3), None), {"padding": ((1, 2), (3, 0))}),
        ((v.f(2, 3, 4, 3), v.f(3, 2, 4, 3), None), {"dilation": (2, 3)}),
        ((v.f(2, 3, 4, 3), v.f(3, 2, 4, 3), v.f(4)),
         {"strides": (3, 2), "padding": ((1, 0), (0, 2)), "dilation": (2, 3), "output_padding": (2, 1)}),
    ]  # fmt: skip


def _pool2d(v: Values) -> Given:
    return [
        ((v.distinct(1, 2, 2, 1),), {}), ((v.distinct(2, 5, 7, 3),), {"pool_size": (3, 2)}),
        ((v.distinct(2, 5, 7, 3),), {"strides": (1, 3)}),
        ((v.distinct(2, 5, 4, 2) - 9,), {"padding": ((1, 0), (0, 1))}),  # all negative: padding may not win
        ((v.distinct(2, 5, 4, 2) - 9,), {"padding": ((0, 1), (1, 0))}),
        ((v.distinct(2, 7, 9, 2),), {"pool_size": (1, 2), "strides": (3, 4)}),  # pixels that no window sees
        ((v.distinct(2, 5, 7, 3),), {"pool_size": (3, 2), "strides": (2, 1)}),
        ((v.distinct(2, 6, 7, 3) - 9,), {"pool_size": (3, 5), "strides": (2, 3), "padding": SIDES}),
        ((v.distinct(2, 4, 5, 2) - 9,), {"pool_size": (3, 3), "strides": (1, 1), "padding": ((1, 1), (1, 1))}),
        ((v.distinct(2, 11, 9, 7),), {}),
    ]  # fmt: skip


# -- rows --------------------------------------------------------------------------------------------------------------


def _softmax(v: Values) -> Given:
    return [
        ((v.f(1, 1),), {}), ((v.f(3, 5, 7),), {}), ((v.f(3, 5, 7),), {"axis": 1}), ((v.f(5, 3),), {"axis": 0}),
        ((v.f(3, 5) * 100,), {}),  # exp(x) overflows unless the largest is subtracted
        ((v.f(67, 4),), {}), ((v.f(3, 32),), {}), ((v.f(2, 1031),), {}), ((v.f(5, 331),), {}),
    ]  # fmt: skip


def _batch_norm(v: Values) -> Given:
    return [
        ((v.f(9, 3), None, None), {"epsilon": 0.1}), ((v.f(2, 5), v.f(5), None), {}), ((v.f(67, 3), None, v.f(3)), {}),
        ((v.f(2, 3, 4, 33) + 2, v.f(33), v.f(33)), {"epsilon": 0.02}), ((v.f(1031, 2), v.f(2), v.f(2)), {}),
        ((v.f(3, 5, 7), v.f(7), v.f(7)), {}),
    ]  # fmt: skip


def _batch_norm_inference(v: Values) -> Given:
    return [
        ((v.f(9, 3), None, None, v.f(3), v.positive(3)), {}),
        ((v.f(4, 67), v.f(67), None, v.f(67), v.positive(67)), {"epsilon": 0.3}),
        ((v.f(5, 4), None, v.f(4), v.f(4), v.positive(4)), {"epsilon": 0.05}),
        ((v.f(3, 5, 7), v.f(7), v.f(7), v.f(7), v.positive(7)), {}),
    ]  # fmt: skip


def _layer_norm(v: Values) -> Given:
    return [
        ((v.f(9, 3), None, None), {"epsilon": 0.1}), ((v.f(3, 5, 7), None, None), {"axes": (1, 2)}),
        ((v.f(3, 5), v.f(5), None), {"epsilon": 0.02}), ((v.f(67, 4) + 2, None, v.f(4)), {}),
        ((v.f(2, 1031), v.f(1031), v.f(1031)), {}), ((v.f(3, 5, 7), v.f(7), v.f(7)), {}),
    ]  # fmt: skip


# -- losses ------------------------------------------------------------------------------------------------------------


def _crossentropy(v: Values) -> Given:
    z = {"from_logits": True}
    return [
        ((v.rows(3, 5), v.rows(3, 5)), {}), ((v.rows(3, 5), v.rows(3, 5)), {"label_smoothing": 0.1}),
        ((v.rows(3, 5), v.wide(3, 5)), z | {"label_smoothing": 0.3}), ((v.rows(2, 3, 4), v.f(2, 3, 4)), z),
        ((v.rows(2, 521), v.f(2, 521)), z), ((v.rows(37, 67), v.rows(37, 67)), {}), ((v.rows(37, 67), v.f(37, 67)), z),
    ]  # fmt: skip


def _categorical(v: Values) -> Given:
    return [
        ((v.rows(3, 5), v.positive(3, 5)), {}),  # does not add up to 1: is divided by its sum
        ((v.rows(3, 5, 4), v.positive(3, 5, 4)), {"axis": 1}),
        ((v.positive(3, 5, 4), v.f(3, 5, 4)), {"axis": 1, "from_logits": True}), *_crossentropy(v),
    ]  # fmt: skip


def _sparse(v: Values) -> Given:
    z = {"from_logits": True}
    ends = np.array([1, 9, 4, 0])
    return [
        ((v.labels(6), v.rows(6, 5)), {}), ((v.labels(6), v.positive(6, 5)), {}), ((v.labels(3, 2), v.f(3, 2, 5)), z),
        ((ends, v.f(4, 5)), z | {"ignore_class": 9}), ((ends, v.rows(4, 5)), {"ignore_class": 9}),
        ((ends % 5, v.f(4, 5)), z | {"ignore_class": 1}), ((v.labels(2, classes=521), v.rows(2, 521)), {}),
        ((v.labels(2, classes=521), v.f(2, 521)), z), ((v.labels(37), v.f(37, 67)), z),
        ((v.labels(37, classes=67), v.rows(37, 67)), {}),
    ]  # fmt: skip


# -- recurrent ---------------------------------------------------------------------------------------------------------


def _recurrent(gates: int, *others: dict[str, Any]) -> Callable[[Values], Given]:
    """N 2, T 2 or 3; with all inputs, with none that may be left out, and with each of the other settings."""

    def given(v: Values) -> Given:
        start = [v.f(2, 5)] * (2 if gates == 4 else 1)
        bias = v.f(2, 15) if gates == 3 else v.f(5 * gates)
        first = (v.f(2, 3, 4), v.f(4, 5 * gates), v.f(5, 5 * gates), bias, *start, v.mask(2, 3), None)
        plain = (v.f(2, 2, 3), v.f(3, 5 * gates), v.f(5, 5 * gates), None, *[None] * len(start), None, None)
        dropped = (v.f(3, 2, 3), v.f(3, 2 * gates), v.f(2, 2 * gates), None, *[None] * len(start), None)
        small = [((*dropped, v.positive(3, 2)), other) for other in others]
        return [(plain, {}), *small, (first, {})]

    return given


# -- updates: the second values are far from the usual ones ------------------------------------------------------------


def _sgd(v: Values) -> Given:
    def case(size: int, velocity: bool, rate: float = 0.1, **options: Any) -> Any:
        given = v.f(size), v.f(size), v.f(size) if velocity else None
        return given, {"learning_rate": rate} | options

    return [
        case(1, False), case(7, False, 0.03, weight_decay=0.5), case(7, True, momentum=0.7),
        case(7, True, 0.03, momentum=0.6, weight_decay=0.5), case(256, True, 0.03, momentum=0.7, nesterov=True),
        case(1031, True, momentum=0.9, nesterov=True),
    ]  # fmt: skip


def _rmsprop(v: Values) -> Given:
    def case(size: int, m: bool, average: bool, rate: float = 0.1, **options: Any) -> Any:
        states = v.positive(size) + 9 * average, v.f(size) if m else None, v.f(size) if average else None
        return (v.f(size), v.f(size), *states), {"learning_rate": rate} | options

    return [
        case(1, False, False), case(7, False, False, 0.03, rho=0.6), case(7, False, False, epsilon=0.4),
        case(7, False, False, weight_decay=0.5), case(7, False, True, 0.3), case(7, True, False, momentum=0.6),
        case(37, True, True, momentum=0.9), case(1031, False, False),
    ]  # fmt: skip


def _adam(*others: dict[str, Any]) -> Callable[[Values], Given]:
    def given(v: Values) -> Given:
        def case(size: int, largest: bool = False, rate: float = 0.1, step: int = 3, **options: Any) -> Any:
            states = v.f(size), v.positive(size), v.positive(size) if largest else None
            return (v.f(size), v.f(size), *states), {"learning_rate": rate, "step": step} | options

        return [
            case(1), case(7, rate=0.03, step=1), case(7, step=20, beta_1=0.6), case(7, step=2, beta_2=0.7),
            case(7, epsilon=0.4), case(256, largest=True), *(case(7, **other) for other in others), case(1031),
        ]  # fmt: skip

    return given


def _adagrad(v: Values) -> Given:
    return [
        ((v.f(size), v.f(size), v.positive(size)), {"learning_rate": rate} | options)
        for size, rate, options in (
            (1, 0.1, {}), (7, 0.03, {"epsilon": 0.4}), (7, 0.1, {"weight_decay": 0.5}), (256, 0.3, {}), (1031, 0.1, {}),
        )
    ]  # fmt: skip


# -- shapes ------------------------------------------------------------------------------------------------------------


def _dropout(v: Values) -> Given:
    stream = {"rate": 0.4, "seed": 3, "offset": 7}
    return [
        ((v.f(3, 5, 7),), stream | {"noise_shape": (None, 1, None)}), ((v.f(7, 5),), stream | {"rate": 0.7}),
        ((v.f(7, 5),), stream | {"rate": 0.0}), ((v.f(7, 5),), stream | {"seed": 2**33 + 5}),
        ((v.f(7, 5),), stream | {"offset": 2**33 + 1}), ((v.f(1031),), stream),
    ]  # fmt: skip


def _slice(v: Values) -> Given:
    keys = ((slice(None), 1, slice(None, None, -2)), (slice(1, 3), slice(0, 5, 2)), (-1, ..., slice(5, 1, -3)))
    return [
        *(((v.f(3, 5, 7),), {"key": key}) for key in keys),
        ((v.f(3, 5, 7),), {"key": (..., None, slice(1, 3))}),
    ]  # fmt: skip


CASES: dict[str, Callable[[Values], Given]] = {
    "gemm": _gemm, "batched_gemm": _batched_gemm, "dense": _dense, "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise, "conv2d_transpose": _conv2d_transpose,
    "max_pool2d": _pool2d, "average_pool2d": _pool2d,
    "cast": lambda v: [
        ((v.wide(1),), {"dtype": "int32"}), ((v.ties(3, 5, 7),), {"dtype": "bool"}),
        ((3 * v.positive(3, 5),), {"dtype": "uint8"}), ((v.labels(3, 5).astype(np.int32),), {"dtype": "float32"}),
        ((v.wide(1031),), {"dtype": "int32"}),
    ],
    "where": lambda v: [
        ((v.mask(5, 7), v.f(3, 5, 7), v.f(7)), {}), ((v.mask(3, 5, 1), v.f(7), v.f(5, 1)), {}),
        ((v.mask(1031), v.f(1031), v.f(1031)), {}),
    ],
    "argmax": lambda v: [
        ((v.distinct(*s),), {"axis": a})
        for s, a in (((1,), 0), ((3, 5, 7), 1), ((3, 5, 7), 0), ((300, 3), -1), ((2, 1031), -1), ((7, 131), -1))
    ],
    "softmax": _softmax, "log_softmax": _softmax, "batch_norm": _batch_norm,
    "batch_norm_inference": _batch_norm_inference, "layer_norm": _layer_norm, "dropout": _dropout,
    "embedding": lambda v: [
        ((v.labels(3, 4), v.f(5, 7)), {}), ((np.array([4, 0, 4], np.int32), v.f(5, 33)), {}),
        ((v.labels(37, classes=11), v.f(11, 20)), {}),
    ],
    "transpose": lambda v: [
        ((v.f(3, 5, 7),), {"axes": (2, 0, 1)}), ((v.f(3, 5, 7),), {"axes": (0, 2, 1)}),
        ((v.f(2, 3, 4, 5),), {"axes": (0, 3, 1, 2)}), ((v.f(2, 3, 4),), {}), ((v.f(33, 37),), {}),
    ],
    "concatenate": lambda v: [
        ((v.f(3, 2, 5), v.f(3, 4, 5)), {"axis": 1}), ((v.f(2, 5), v.f(3, 5), v.f(1, 5)), {"axis": 0}),
        ((v.f(3, 2), v.f(3, 1), v.f(3, 4)), {}), ((v.f(17, 33), v.f(17, 4)), {}),
    ],
    "stack": lambda v: [
        ((v.f(3, 5), v.f(3, 5)), {}), ((v.f(3, 5), v.f(3, 5)), {"axis": 1}),
        ((v.f(3, 5), v.f(3, 5), v.f(3, 5)), {"axis": -1}),
    ],
    "pad": lambda v: [
        ((v.f(3, 5),), {"padding": ((1, 0), (2, 3))}), ((v.f(2, 3, 4),), {"padding": ((0, 2), (1, 0), (3, 1))}),
        ((v.f(3, 5),), {"padding": ((0, 2), (0, 0)), "value": -2.0}),
        ((v.f(3, 5),), {"padding": ((1, 0), (2, 3)), "value": 1.5}),
    ],
    "slice": _slice,
    "broadcast_to": lambda v: [
        ((v.f(5),), {"shape": (3, 5)}), ((v.f(3, 1),), {"shape": (3, 4)}), ((v.f(3, 1, 5),), {"shape": (2, 3, 4, 5)}),
    ],
    "reshape": lambda v: [((v.f(3, 5, 7),), {"shape": (5, -1)})],
    "upsample2d": lambda v: [
        ((v.f(2, 3, 4, 2),), {}), ((v.f(2, 3, 4, 2),), {"size": (2, 3)}),
        ((v.f(2, 3, 4, 3),), {"size": (2, 3), "interpolation": "bilinear"}),
        ((v.f(2, 3, 4, 2),), {"size": (3, 2), "interpolation": "bilinear"}),
    ],
    "binary_crossentropy": _crossentropy, "categorical_crossentropy": _categorical,
    "sparse_categorical_crossentropy": _sparse,
    "simple_rnn": _recurrent(1, {"activation": "relu"}),
    "lstm": _recurrent(4, {"activation": "elu"}, {"recurrent_activation": "hard_sigmoid"}),
    "gru": _recurrent(3, {"activation": "softsign"}, {"recurrent_activation": "hard_sigmoid"}, {"reset_after": False}),
    "sgd_update": _sgd, "rmsprop_update": _rmsprop, "adam_update": _adam(),
    "adamw_update": _adam({"weight_decay": 0.5}, {"weight_decay": 0.0}), "adagrad_update": _adagrad,
}  # fmt: skip


def cases(op: str, seed: int = 5) -> list[Case]:
    """Return the cases of an op, freshly made. Raises UnknownNameError for an op without any.

    >>> [case.inputs[0].shape for case in cases("relu") if not case.extreme]
    [(1,), (3, 5, 7), (256,), (10007,), (1031,)]
    """
    given = _cases_of(op)
    if given is None:
        raise unknown_name("op with cases to check", op, list(filter(has_cases, records())))
    v = Values(seed)
    *plain, last = [Case(inputs, dict(static)) for inputs, static in given(v)]
    return [*plain, *extremes(records()[op])(v), last]


def has_cases(op: str) -> bool:
    """Whether there are cases of an op: of its form, of its own, or in its record."""
    return _cases_of(op) is not None


def _cases_of(op: str) -> Callable[[Values], Given] | None:
    record = records().get(op)
    if record is None:
        return None
    make = OF_FORM.get(record.form)
    return record.cases or CASES.get(op) or (None if make is None else functools.partial(make, record))


def small_cases(op: str, most: int = 420) -> list[Case]:
    """Return one case for each of an op's settings, and sets of inputs that are there, of at most so many numbers.

    >>> [case.static for case in small_cases("softmax")]
    [{}, {'axis': 1}, {'axis': 0}]
    """
    found: dict[str, list[Case]] = {}
    for case in cases(op):
        if not case.extreme and sum(a.size for a in case.there) <= most:
            found.setdefault(f"{case.static} {[a is None for a in case.inputs]}", []).append(case)
    return [max(alike, key=_awkwardness) for alike in found.values()]


def _awkwardness(case: Case) -> tuple[int, int, int]:
    """More axes, no axis of size 1, more numbers."""
    sizes = [n for a in case.there for n in a.shape]
    return max(a.ndim for a in case.there), min(sizes), sum(sizes)
