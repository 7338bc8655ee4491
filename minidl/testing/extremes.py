"""The values at which formulas break, for every op that has kernels: `minidl.check` runs each kernel on them too.

Zeros of both signs, ties, rows that lie wholly below -150 or -1000, infinities, numbers next to the smallest and the
largest, exactly on a bound; for exponentials the +-89 at which exp(x) overflows in float32.

What is asked where an op could do either:

- At a corner the slope is the one that the op's docstring names (relu and abs at 0: 0; clip on its bound: 1); of equal
  values the first gets the gradient.
- A NaN that goes into arithmetic must come out: exp, log, gelu, +, *, sums, means, softmax. Of what compares and
  selects (relu, elu, clip, maximum, pooling, argmax), or may clamp x before exp (sigmoid, tanh), it is not asked, since
  the `max` of a GPU passes over a NaN.
  The ladder's kernels hand it on there too. What a backward makes of a NaN is not compared.
- gelu and swish are not asked at -inf, where x * 0 is NaN in every framework; a row of nothing but -inf is not asked of
  a maximum, which may then start from any number below all others, such as -1e30; nor a row that begins with -inf of a
  softmax, which may be computed in one pass.
- Infinities that do not cancel are asked of no sum (Kahan's subtracts, and so does a running mean), product or
  convolution.
- power's gradient for the exponent 0 is not asked at 0, where e x^(e - 1) is 0 times inf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.ops.op import Op
from minidl.testing.values import Case, Values

INF, NAN = float("inf"), float("nan")
ZEROS = (0.0, -0.0, 1e-40, -1e-40)  # 1e-40 is below the smallest normal number, 1.2e-38
LINE = (*ZEROS, 1, -1, 6, -6, 100, -100, 1e4, -1e4, 1e30, -1e30, INF, -INF)
# exp(2 * 45) and exp(89) overflow.
BENT = (*ZEROS, 0.5, -0.5, 1, -1, 2, -2, 3, -3, 5, -5, 20, -20, 45, -45, 89, -89, 100, -100, 1e4, -1e4)
PAIRED = (0.0, -0.0, 1, -1, 3, 1e30, -1e30, INF, -INF)

Extremes = Callable[[Values], list[Case]]


def _array(*numbers: Any) -> np.ndarray:
    return np.array(numbers, np.float32)


def _extreme(*inputs: Any, **static: Any) -> Case:
    return Case(inputs, static, extreme=True)


def _forward(*inputs: Any, **static: Any) -> Case:
    """An extreme of the forward alone."""
    return Case(inputs, static, extreme=True, ways=("forward",))


def _cells(numbers: Iterable[float], *settings: Mapping[str, Any], nan: bool = False) -> Extremes:
    """A function of one number: at these, with each of the settings; and of NaN (forward)."""
    all_settings = settings or ({},)
    return lambda v: [
        *(_extreme(_array(*numbers), **static) for static in all_settings),
        *(_forward(_array(NAN, 1), **static) for static in all_settings if nan),
    ]


def _near_zero(extremes: Extremes) -> Extremes:
    """All digits are asked for, also of results near 0: what log1p and expm1 exist for."""
    return lambda v: [case._replace(smallest=1e-30) for case in extremes(v)]


def _pairs(nan: bool) -> Extremes:
    """A function of two numbers: all pairs of PAIRED, ties among them."""
    a, b = (_array(*side) for side in zip(*((p, q) for p in PAIRED for q in PAIRED), strict=True))
    either = _forward(_array(NAN, 1, NAN), _array(1, NAN, NAN))
    return lambda v: [_extreme(a.copy(), b.copy()), *([either] if nan else [])]


def _at(*pairs: tuple[float, float]) -> Extremes:
    """A function of two numbers, at these pairs."""
    a, b = (_array(*side) for side in zip(*pairs, strict=True))
    return lambda v: [_extreme(a.copy(), b.copy())]


def _where(v: Values) -> list[Case]:
    """What is not taken may be anything, also infinite or a NaN."""
    mask = np.array([True, False, True, False, False, True])
    return [_extreme(mask, _array(1, INF, -INF, NAN, 2, -0.0), _array(NAN, 3, 4, -INF, INF, INF))]


# -- rows --------------------------------------------------------------------------------------------------------------


def _sums(*rows: Sequence[float]) -> Extremes:
    """Sums of infinities and of numbers of one size; and of NaN (forward)."""
    x = _array([1e30, 2e30, 1e30], [-1e30, -1e30, 0], [0.0, -0.0, 1e-40], *rows)
    return lambda v: [
        _extreme(x.copy(), axes=-1), _extreme(np.ascontiguousarray(x.T), axes=0, keepdims=True),
        _forward(_array([NAN, 1, 2], [1, 2, NAN], [1, 2, 3]), axes=-1),
    ]  # fmt: skip


def _far(v: Values, sign: int = 1) -> np.ndarray:
    """Rows that lie far below 0 (sign -1: above), one with infinities, and ties."""
    x = v.distinct(9, 37)
    x[:5] -= _array(200, 1100, 1e4, 0, 0)[:, None]
    x[3] = v.ties(37) - 1e6
    x[4] = -1e20 * v.positive(37)
    x[5] = v.ties(37)
    x[6], x[7] = -7, -0.0
    x[8, 1::2], x[8, 9] = -INF, -300
    return np.float32(sign) * x


def _largest(key: str, sign: int) -> Extremes:
    """All values far on the wrong side, ties near and far, infinities."""

    def given(v: Values) -> list[Case]:
        x = _far(v, sign)
        two = np.float32(sign) * _array([INF, 1, INF], [-5, -INF, -5])
        last = -1 if key == "axis" else (1,)
        first = 0 if key == "axis" else (0,)
        return [
            _extreme(x, **{key: last}), _extreme(np.ascontiguousarray(x.T), **{key: first}), _extreme(two, **{key: -1}),
            _extreme(np.float32(sign) * v.ties(3, 300), **{key: -1}),  # equal ones in different threads and warps
        ]  # fmt: skip

    return given


def _softmax(v: Values) -> list[Case]:
    x = np.concatenate(
        [_far(v)[:, :5], _array([0, 1e4, -1e4, 100, -100], [90, 89, 88, 0, -90], [1e30, 1, -1e30, 0, 0])]
    )
    masked = _array([0, -INF, 1], [-300, -INF, -301], [5, -INF, -INF])
    return [
        _extreme(x), _extreme(np.ascontiguousarray(x.T), axis=0), _extreme(masked), _extreme(_array([-1e4], [700])),
        _extreme(v.f(3, 37) - 500), _forward(_array([NAN, 1, 2], [1, 2, 3], [1, 2, NAN])),
    ]  # fmt: skip


# -- normalization -----------------------------------------------------------------------------------------------------


def _columns(v: Values) -> np.ndarray:
    """A channel each: far from 0 and narrow, constant, huge, tiny, with an outlier."""
    x = v.f(24, 5)
    x[:, 0] += 100  # E[x^2] - E[x]^2 loses what there is to lose
    x[:, 1] = 4
    x[:, 2] *= 1e10
    x[:, 3] *= 1e-3
    x[7, 4] = 1e3
    return x


def _batch_norm(v: Values) -> list[Case]:
    x = _columns(v)
    return [_extreme(x, None, None), _extreme(x, v.f(5), v.f(5), epsilon=0.02)]


def _batch_norm_inference(v: Values) -> list[Case]:
    x = _columns(v)
    return [_extreme(x, v.f(5), v.f(5), _array(100, 4, 0, 0, 1), _array(1, 0, 1e20, 1e-6, 30))]


def _layer_norm(v: Values) -> list[Case]:
    x = np.ascontiguousarray(_columns(v).T)
    return [_extreme(x, None, None), _extreme(x, v.f(24), v.f(24), epsilon=0.02)]


# -- losses ------------------------------------------------------------------------------------------------------------


def _errors(*deltas: float) -> Extremes:
    """Errors of 0, exactly delta, huge, infinite."""

    def given(v: Values) -> list[Case]:
        found = []
        for delta in deltas or (1.0,):
            true = _array([0, 1, -2, 5], [delta, 0, -delta, 0], [1e4, -1e4, 0, 0], [0, 0, 0, 0])
            predicted = _array([0, 1, -2, 5], [0, delta, 0, -delta], [0, 0, 1e4, 1e15], [INF, 1, 2, 3])
            found.append(_extreme(true, predicted, **({"delta": delta} if deltas else {})))
        return found

    return given


SCORES = ((100, -100, 0, 1), (-200, -201, -202, -203), (1e4, 0, -1e4, 1), (-0.0, 0, 0, 0), (-1e3, -1e3, 1e3, 1e3))


def _binary(v: Values) -> list[Case]:
    """Scores at which exp overflows; probabilities of exactly 0 and 1, which are clipped."""
    true = _array([0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0.5, 1], [1, 0, 0.5, 1])
    return [
        _extreme(true, _array(*SCORES), from_logits=True),
        _extreme(true, _array(*SCORES), from_logits=True, label_smoothing=0.3),
        _extreme(_array([0, 1, 1, 1], [0, 0, 1, 0.5]), _array([0, 1, 0, 1e-9], [0, 1e-9, 1, 0.5])),
    ]


def _categorical(v: Values) -> list[Case]:
    true = _array([0, 1, 0, 0], [1, 0, 0, 0], [0.25, 0.25, 0.5, 0], [0, 0, 0, 1], [0, 1, 0, 0])
    certain = _array([0, 1, 0, 0], [0, 0.5, 0.5, 0], [1, 0, 0, 0], [1e-9, 1, 1, 1], [1e15, 1e15, 0, 0])
    return [
        _extreme(true, _array(*SCORES), from_logits=True), _extreme(true, certain),
        _extreme(true.T.copy(), _array(*SCORES).T.copy(), from_logits=True, axis=0),
        _extreme(true, _array(*SCORES), from_logits=True, label_smoothing=0.3),
    ]  # fmt: skip


def _sparse(v: Values) -> list[Case]:
    labels = np.array([1, 0, 2, 3, 1])
    certain = _array([0, 1, 0, 0], [0, 0.5, 0.5, 0], [1, 0, 0, 0], [1, 1, 1, 1e-9], [1e15, 1e15, 0, 0])
    return [
        _extreme(labels, _array(*SCORES), from_logits=True), _extreme(labels, certain),
        _extreme(np.array([1, 7, 2, 3, 7]), _array(*SCORES), from_logits=True, ignore_class=7),
    ]  # fmt: skip


# -- windows, products -------------------------------------------------------------------------------------------------


def _pool(v: Values) -> list[Case]:
    """Windows of equal values (zeros, after a relu), far below 0, with infinities; overlapping and over the edge."""
    far = v.distinct(2, 5, 6, 2) - _array(200, 2000)
    far[1] = -1e20 * v.positive(5, 6, 2)
    some = v.ties(2, 4, 6, 2)
    some[:, ::2, ::2] = -INF
    some[1, 1, 3] = INF
    over = {"pool_size": (3, 2), "strides": (1, 1), "padding": ((1, 2), (1, 0))}
    return [
        _extreme(v.ties(2, 6, 8, 2)), _extreme(v.ties(2, 5, 6, 2), **over), _extreme(far),
        _extreme(far, **over), _extreme(some), _extreme(1e30 * v.positive(1, 4, 4, 2)),
    ]  # fmt: skip


def _products(*shapes: Sequence[int], bias: bool = False) -> Extremes:
    """Products of 1e36, added up (forward: of a gradient's, those of both signs cancel); and a matrix of zeros."""
    none = (None,) if bias else ()
    return lambda v: [
        _forward(*(np.float32(1e18) * v.positive(*shape) for shape in shapes), *none),
        _extreme(np.zeros(shapes[0], np.float32), *(v.f(*shape) for shape in shapes[1:]), *none),
    ]


def _recurrent(gates: int) -> Extremes:
    """Gates wide open and shut."""
    missing = (None,) * (5 if gates == 4 else 4)
    return lambda v: [
        _extreme(100 * v.f(2, 2, 2), 2 * v.f(2, 2 * gates), v.f(2, 2 * gates), *missing),
    ]


# -- updates, shapes ---------------------------------------------------------------------------------------------------


def _update(states: int, **static: Any) -> Extremes:
    """Gradients of 0 on states of 0, huge and tiny ones, weights of 0."""
    w, dw = _array(0, -3, 1, 1e3, 0, 2), _array(0, 0, 1e10, -1e-20, 2, -1e4)
    nothing = np.zeros(6, np.float32)
    return lambda v: [
        _extreme(w, dw, *(nothing if k < states else None for k in range(3 if states != 1 else 1)),
                 learning_rate=0.1, **static)
    ]  # fmt: skip


def _rmsprop(v: Values) -> list[Case]:
    w, dw, nothing = _array(0, -3, 1, 1e3, 0, 2), _array(0, 0, 1e10, -1e-20, 2, -1e4), np.zeros(6, np.float32)
    same = v.f(37)  # equal gradients so far: v - average^2 is 0, and may round to below it
    return [
        _extreme(w, dw, nothing, None, None, learning_rate=0.1),
        _extreme(v.f(37), same, same * same, None, same, learning_rate=1e-4, epsilon=1e-3),
    ]


def _moved(*settings: dict[str, Any], inputs: int = 1, shape: Sequence[int] = (3, 4)) -> Extremes:
    """What is only moved arrives as it was, infinities too."""
    numbers = _array(*ZEROS, INF, -INF, 1e30, -1e30, 1, -1, 2, 3e38)
    return lambda v: [
        _extreme(*(np.roll(numbers, k).reshape(shape) for k in range(inputs)), **static) for static in settings
    ]


GATED = tuple(x for x in BENT if abs(x) != 1e-40)
POWERS = tuple({"exponent": e} for e in (2.0, 3.0, 0.5, -1.0, 1.0))
EXTREMES: dict[str, Extremes] = {
    "elu": _cells((*LINE, *BENT), {}, {"alpha": 0.7}),
    "clipped_relu": lambda v: [  # a slope of 0 times -inf is not asked
        *_cells((*LINE[:-1], 0.5, 2), {"max_value": 2.0})(v),
        *_cells((*LINE, 0.5), {"max_value": 6.0, "negative_slope": 0.25, "threshold": 0.5})(v),
    ],
    **{op: _cells((*BENT, INF, -INF)) for op in ("sigmoid", "tanh")},
    "softplus": _cells((*BENT, INF, -INF), nan=True),
    "swish": _cells(GATED, nan=True), "gelu": _cells(GATED, {}, {"approximate": True}, nan=True),
    "exp": _cells((*ZEROS, 20, -20, 80, -80, 88, -88, 100, -100, 1e4, -1e4, INF, -INF), nan=True),
    "log": _cells((0.0, -0.0, 1e-37, 1e-10, 1, 10, 1e4, 1e30, 3e38, INF, -1, -INF), nan=True),
    "sqrt": _cells((0.0, 1e-37, 1e-10, 1, 4, 1e4, 1e30, 3e38, INF, -1), nan=True),
    "square": _cells((*LINE, 1e-20, 1e18, -1e18), nan=True), "absolute": _cells(LINE, nan=True),
    "negative": _cells(LINE, nan=True), "power": lambda v: [
        *_cells((0.0, 1, -1, 2, -2, 1e4, -1e4, 1e15, INF), *POWERS)(v),
        *_cells((1, -1, 2, -2, 1e4, 1e15), {"exponent": 0.0})(v),
    ],
    "log1p": _near_zero(
        _cells((*ZEROS, 1e-20, 1e-7, -1e-7, 0.5, -0.5, -1, 1, 1e4, 1e30, INF, -2, -INF), nan=True)
    ),
    "expm1": _near_zero(
        _cells((*ZEROS, 1e-20, 1e-7, -1e-7, 20, -20, 88, -88, 100, -100, 1e4, -1e4, INF, -INF), nan=True)
    ),
    "pow": _at(
        (-2, 3), (-2, 2), (-2, -1), (-1, 0), (0, 0), (0, 1), (0, 2), (0, 0.5), (2, -150), (2, 200), (1, 1e30),
        (1e20, 2), (-2, 0.5), (INF, 2), (INF, -1),
    ),
    "mod": _at((5, 3), (-5, 3), (5, -3), (-5, -3), (6, 3), (-6, 3), (0, 3), (1e6, 7), (0.5, 2), (-0.5, 2)),
    "clip": _cells((*LINE, 2.5), {"low": -1.0, "high": 2.5}, {"low": 1.0}, {"high": 1.0}),
    "cast": _cells((*ZEROS, 0.5, -0.5, 0.99, -0.99, 1.5, -2.5, 3.5, 1e9, -1e9), {"dtype": "int32"}, {"dtype": "bool"}),
    **{op: _pairs(nan=True) for op in ("add", "subtract", "multiply", "divide")},
    "where": _where,
    "reduce_sum": _sums((INF, -INF, 0)), "reduce_mean": _sums(),
    "reduce_max": _largest("axes", 1), "reduce_min": _largest("axes", -1), "argmax": _largest("axis", 1),
    **{op: _softmax for op in ("softmax", "log_softmax")},
    "batch_norm": _batch_norm, "batch_norm_inference": _batch_norm_inference, "layer_norm": _layer_norm,
    "huber": _errors(1.0, 0.5),
    "binary_crossentropy": _binary, "categorical_crossentropy": _categorical,
    "sparse_categorical_crossentropy": _sparse,
    **{op: _pool for op in ("max_pool2d", "average_pool2d")},
    "gemm": _products((5, 7), (7, 3)), "batched_gemm": _products((2, 5, 7), (2, 7, 3)),
    "dense": _products((5, 7), (7, 3), bias=True),
    **{op: _products((2, 4, 5, 2), (2, 3, 2, 3), bias=True) for op in ("conv2d", "depthwise_conv2d")},
    "conv2d_transpose": _products((2, 4, 5, 2), (2, 3, 3, 2), bias=True),
    "simple_rnn": _recurrent(1), "lstm": _recurrent(4), "gru": _recurrent(3),
    "sgd_update": _update(1, momentum=0.7), "rmsprop_update": _rmsprop, "adam_update": _update(2, step=1),
    "adamw_update": _update(3, step=1), "adagrad_update": _update(1),
    "dropout": lambda v: [_extreme(_array(0, -0.0, 1e-40, 1e30, -1e30, 1e38) * np.ones((4, 1), np.float32), rate=0.5,
                                   seed=1, offset=2)],
    "embedding": lambda v: [_extreme(np.array([2, 0, 2, 2]), _array([INF, 1], [NAN, NAN], [-0.0, -INF]))],
    "transpose": _moved({}, {"axes": (0, 1)}), "concatenate": _moved({}, {"axis": 0}, inputs=3),
    "stack": _moved({}, inputs=2), "slice": _moved({"key": (slice(None, None, -1), slice(1, 4))}),
    "pad": _moved({"padding": ((1, 0), (0, 2)), "value": -INF}), "broadcast_to": _moved({"shape": (2, 3, 4)}),
    "reshape": _moved({"shape": (4, 3)}), "upsample2d": _moved({"size": (2, 3)}, shape=(1, 3, 2, 2)),
}  # fmt: skip

OF_FORM: dict[str, Callable[[Op], Extremes]] = {
    "cell": lambda op: _cells(LINE, *([op.static] if isinstance(op.static, Mapping) else []), *op.others),
    "pair": lambda op: _pairs(nan=False),
    "loss": lambda op: _errors(),
}


def extremes(op: Op) -> Extremes:
    """Return the extremes of an op: its record's, those listed here, or those of its form."""
    found = op.extremes or EXTREMES.get(op.name)
    return found or OF_FORM.get(op.form, lambda op: lambda v: [])(op)
