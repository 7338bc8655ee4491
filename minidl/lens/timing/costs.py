"""What an op costs at least: its floating-point operations, and the bytes that must cross to memory and back.

Counted as the SIMT machine counts (`cuda_kernels.simt.Figures`): 1 for each + - * / of a floating-point number, so 2
for a multiply-add; comparisons, choices and functions such as exp count nothing. The counts are those of the formula on
paper: a kernel that computes something twice does more, and one whose tiles stand over the edge a lot more.

Bytes are the compulsory ones: every array that is read once, every array that is written once, as if caches were
endless. Taps of a convolution that lie in the padding are counted, as is the custom: 2 N P Q K R S C.

Source of the model: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore
architectures", CACM 52(4), 2009.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from minidl.backends.table import NO_GRADIENT, ops
from minidl.errors import ArgumentError, unknown_name


class Cost(NamedTuple):
    """Operations (None for an op of one's own, of which nothing is known), bytes, and how they were counted."""

    flops: int | None
    nbytes: int
    formula: str

    @property
    def intensity(self) -> float | None:
        """Operations a byte: the place on a roofline's horizontal axis."""
        return None if self.flops is None or not self.nbytes else self.flops / self.nbytes


class Sizes(NamedTuple):
    """What the formulas read: shapes of inputs (None where absent) and outputs, and the static values."""

    inputs: tuple[tuple[int, ...] | None, ...]
    outputs: tuple[tuple[int, ...], ...]
    static: Mapping[str, Any]

    def given(self, position: int) -> bool:
        """Whether this optional input is there."""
        return len(self.inputs) > position and self.inputs[position] is not None

    @property
    def m(self) -> int:
        """Values in the first input that is there."""
        return math.prod(next(shape for shape in self.inputs if shape is not None))

    @property
    def n(self) -> int:
        """Values in the first output."""
        return math.prod(self.outputs[0])


Formula = tuple[str, Callable[[Sizes], float]]


def _per_output(count: float) -> Formula:
    return f"{count:g} a value", lambda s: count * s.n


def _per_input(count: float) -> Formula:
    return f"{count:g} a value", lambda s: count * s.m


def _when(option: str, default: Any, value: Any, yes: float, no: float) -> Formula:
    """So many a value of the prediction or input where a static option has a value, else so many."""
    return f"{yes:g} or {no:g} a value", lambda s: _last(s) * (yes if s.static.get(option, default) == value else no)


def _last(s: Sizes) -> int:
    return math.prod([shape for shape in s.inputs if shape is not None][-1])


def _summed(s: Sizes) -> int:
    """Additions that bring gradients back to inputs which were broadcast."""
    return sum(s.n - math.prod(shape) for shape in s.inputs[-2:] if shape is not None and math.prod(shape) < s.n)


def _binary(count: float) -> Formula:
    return f"{count:g} a value, and sums where an input was broadcast", lambda s: count * s.n + _summed(s)


# ---- products and convolutions


def _inner(s: Sizes) -> int:
    return (s.inputs[0] or ())[-2 if s.static.get("transpose_a") else -1]


def _gemm(s: Sizes) -> int:
    return 2 * s.n * _inner(s)


def _dense(s: Sizes) -> int:
    return 2 * s.n * (s.inputs[0] or ())[-1]


def _conv2d(s: Sizes) -> int:
    return 2 * s.n * math.prod((s.inputs[1] or ())[:3])  # w is (R, S, C / groups, K)


def _conv2d_transpose(s: Sizes) -> int:
    w = s.inputs[1] or ()
    return 2 * s.m * math.prod(w[:3])  # w is (R, S, K, C): each input value meets R S K weights


def _depthwise(s: Sizes) -> int:
    return 2 * s.n * math.prod((s.inputs[1] or ())[:2])


def _product(text: str, count: Callable[[Sizes], int], bias: int | None = 2) -> tuple[Formula, Formula]:
    """A product with a bias, and its two gradients, each of which costs as much as the forward."""

    def added(s: Sizes) -> int:
        return s.n if bias is not None and s.given(bias) else 0

    plus = "" if bias is None else " + a value for the bias"
    return (text + plus, lambda s: count(s) + added(s)), (f"2 × {text}{plus}", lambda s: 2 * count(s) + added(s))


def _recurrent(gates: int, forward: float, backward: float) -> tuple[Formula, Formula]:
    """`gates` products with the input and with the state in every step, and some operations a unit beside them."""

    def counts(s: Sizes) -> tuple[int, int]:
        (n, t, d), units = s.inputs[0] or (0, 0, 0), s.outputs[0][-1]
        return 2 * n * t * gates * units * (d + units), n * t * units

    text = f"2 N T {gates} U (D + U)"
    return (
        (f"{text} + {forward:g} N T U", lambda s: counts(s)[0] + forward * counts(s)[1]),
        (f"2 × {text} + {backward:g} N T U", lambda s: 2 * counts(s)[0] + backward * counts(s)[1]),
    )


def _window(s: Sizes) -> int:
    return math.prod(s.static.get("pool_size", (2, 2)))


def _affine(s: Sizes, yes: float, no: float) -> float:
    return s.m * (yes if s.given(1) else no)


def _update(plain: float, **extra: float) -> Formula:
    """So many a weight, and more for each option that is set."""

    def count(s: Sizes) -> float:
        return s.n * (plain + sum(more for option, more in extra.items() if s.static.get(option)))

    return f"{plain:g} a weight" + "".join(f", {more:g} for {option}" for option, more in extra.items()), count


_NOTHING = ("nothing", lambda s: 0)
_LOGITS = ("from_logits", False, True)

# op -> (forward, backward)
FORMULAS: dict[str, tuple[Formula, Formula]] = {
    "gemm": _product("2 M N K", _gemm, None),
    "batched_gemm": _product("2 B M N K", _gemm, None),
    "dense": _product("2 N D U", _dense),
    "conv2d": _product("2 N P Q K R S C / groups", _conv2d),
    "conv2d_transpose": _product("2 N H W C R S K", _conv2d_transpose),
    "depthwise_conv2d": _product("2 N P Q C M R S", _depthwise),
    "max_pool2d": (_NOTHING, _per_output(1)),
    "average_pool2d": (
        ("R S + 1 a value", lambda s: s.n * (_window(s) + 1)),
        ("R S + 1 a gradient", lambda s: s.n * (_window(s) + 1)),
    ),
    "reduce_sum": (_per_input(1), _NOTHING),
    "reduce_mean": (_per_input(1), _per_output(1)),
    **dict.fromkeys(("reduce_max", "reduce_min", "argmax", "discrete"), (_NOTHING, _NOTHING)),
    **dict.fromkeys(("relu", "relu6", "clip", "absolute", "negative", "cast"), (_NOTHING, _NOTHING)),
    "leaky_relu": (_per_output(1), _per_output(1)),
    "elu": (_per_output(1), _per_output(2)),
    "gelu": (_when("approximate", False, True, 8, 4), _when("approximate", False, True, 17, 9)),
    "sigmoid": (_per_output(2), _per_output(3)),
    "tanh": (_NOTHING, _per_output(3)),
    "softplus": (_per_output(1), _per_output(3)),
    "swish": (_per_output(3), _per_output(7)),
    "clipped_relu": (_per_output(2), _per_output(1)),
    "softmax": (_per_output(3), _per_output(4)),
    "log_softmax": (_per_output(3), _per_output(3)),
    "batch_norm": (("8 or 6 a value", lambda s: _affine(s, 8, 6)), ("9 a value", lambda s: 9 * s.m)),
    "batch_norm_inference": (
        ("4 or 2 a value", lambda s: _affine(s, 4, 2)),
        ("6 or 5 a value", lambda s: _affine(s, 6, 5)),
    ),
    "layer_norm": (("8 or 6 a value", lambda s: _affine(s, 8, 6)), ("13 or 9 a value", lambda s: _affine(s, 13, 9))),
    "dropout": (_per_output(1), _per_output(1)),
    "embedding": (_NOTHING, _per_output(1)),
    "simple_rnn": _recurrent(1, 1, 3),
    "lstm": _recurrent(4, 14, 22),
    "gru": _recurrent(3, 11, 18),
    "add": (_per_output(1), _binary(0)),
    "subtract": (_per_output(1), _binary(0)),
    "multiply": (_per_output(1), _binary(2)),
    "divide": (_per_output(1), _binary(3)),
    **dict.fromkeys(("maximum", "minimum", "where"), (_NOTHING, _binary(0))),
    "power": (_NOTHING, _per_output(2)),
    "pow": (_NOTHING, _binary(5)),
    "mod": (_NOTHING, _binary(2)),
    "log1p": (_NOTHING, _per_output(2)),
    "expm1": (_NOTHING, _per_output(2)),
    "exp": (_NOTHING, _per_output(1)),
    "log": (_NOTHING, _per_output(1)),
    "sqrt": (_NOTHING, _per_output(2)),
    "square": (_per_output(1), _per_output(2)),
    **dict.fromkeys(("reshape", "transpose", "concatenate", "stack", "pad", "slice"), (_NOTHING, _NOTHING)),
    "broadcast_to": (_NOTHING, ("a sum over the copies", lambda s: s.n - s.m)),
    "upsample2d": (
        ("7 a value if bilinear", lambda s: 7 * s.n * (s.static.get("interpolation") == "bilinear")),
        ("1 a gradient, 8 if bilinear", lambda s: s.n * (8 if s.static.get("interpolation") == "bilinear" else 1)),
    ),
    "mean_squared_error": (("3 a value + 1 a sample", lambda s: 3 * s.m + s.n), _per_input(2)),
    "mean_absolute_error": (("2 a value + 1 a sample", lambda s: 2 * s.m + s.n), _per_input(1)),
    "huber": (("4 a value + 1 a sample", lambda s: 4 * s.m + s.n), _per_input(1)),
    "binary_crossentropy": (_when(*_LOGITS, 4, 6), _when(*_LOGITS, 4, 5)),
    "categorical_crossentropy": (_when(*_LOGITS, 5, 4), _when(*_LOGITS, 2, 4)),
    "sparse_categorical_crossentropy": (_when(*_LOGITS, 3, 1), _when(*_LOGITS, 1, 1)),
    "sgd_update": (_update(2, momentum=2, nesterov=2, weight_decay=2), _NOTHING),
    "rmsprop_update": (_update(8, momentum=2, weight_decay=2), _NOTHING),
    "adam_update": (_update(11), _NOTHING),
    "adamw_update": (_update(11, weight_decay=2), _NOTHING),
    "adagrad_update": (_update(6, weight_decay=2), _NOTHING),
}

# Which arrays of the forward a backward has to read beside dy: places of inputs, "y" for the output.
_READS: dict[str, tuple[int | str, ...]] = {
    **dict.fromkeys(("gemm", "batched_gemm", "dense", "conv2d", "conv2d_transpose", "depthwise_conv2d"), (0, 1)),
    "max_pool2d": (0, "y"),
    **dict.fromkeys(("reduce_max", "reduce_min", "leaky_relu", "gelu", "softplus", "swish", "clipped_relu"), (0,)),
    **dict.fromkeys(
        ("relu", "relu6", "elu", "sigmoid", "tanh", "softmax", "log_softmax", "exp", "expm1", "sqrt"), ("y",)
    ),
    **dict.fromkeys(
        ("batch_norm", "batch_norm_inference", "layer_norm", "log", "log1p", "square", "absolute", "power"), (0,)
    ),
    "clip": (0,),
    "embedding": (0,),
    **dict.fromkeys(("multiply", "divide", "maximum", "minimum", "pow", "mod"), (0, 1)),
    "where": (0,),
    **dict.fromkeys(("mean_squared_error", "mean_absolute_error", "huber"), (1,)),  # y_pred - y_true, one array
    **dict.fromkeys(("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"), (0, 1)),
    **dict.fromkeys(("simple_rnn", "lstm", "gru"), (0, 1, 2)),
}
_NO_COPY = {"reshape"}


def cost(
    op: str, direction: str, inputs: Sequence[Any], outputs: Sequence[Any], static: Mapping[str, Any] | None = None
) -> Cost:
    """Return what an op costs at least.

    Parameters
    ----------
    op, direction : of `minidl.ops_table()`
    inputs, outputs : arrays (or `ArrayFacts`) of the op's *forward*, None for an absent input; a backward is taken to
        give all gradients
    static : keyword arguments of the op's forward

    Raises
    ------
    UnknownNameError : no such op; ArgumentError : no such direction, or one that the op has not

    >>> import numpy as np
    >>> a, b = np.ones((64, 32), np.float32), np.ones((32, 16), np.float32)
    >>> cost("gemm", "forward", [a, b], [a @ b])
    Cost(flops=65536, nbytes=14336, formula='2 M N K')
    """
    if op not in ops():
        raise unknown_name("op", op, ops())
    if direction not in ("forward", "backward") or (direction == "backward" and op in NO_GRADIENT):
        raise ArgumentError(f"cost: {op} has no direction {direction!r}. Only an op with a gradient has a 'backward'.")
    nbytes = _bytes(op, direction, inputs, outputs, static or {})
    if op not in FORMULAS:
        return Cost(None, nbytes, "unknown: an op of your own")
    shapes = tuple(None if a is None else tuple(a.shape) for a in inputs)
    sizes = Sizes(shapes, tuple(tuple(a.shape) for a in outputs), static or {})
    text, count = FORMULAS[op][direction == "backward"]
    return Cost(int(count(sizes)), nbytes, text)


def _bytes(op: str, direction: str, inputs: Sequence[Any], outputs: Sequence[Any], static: Mapping[str, Any]) -> int:
    if op in _NO_COPY:
        return 0
    given = [a for a in inputs if a is not None]
    read, written = sum(a.nbytes for a in given), sum(a.nbytes for a in outputs)
    first = outputs[0].nbytes
    if direction == "forward":
        if op == "slice":
            return 2 * written
        if op == "embedding":
            return given[0].nbytes + 2 * written
        return read + written + (first // outputs[0].dtype.itemsize if op == "dropout" else 0)
    reads = sum(first if place == "y" else inputs[int(place)].nbytes for place in _READS.get(op, ()))
    gradients = sum(a.nbytes for a in given if a.dtype.kind == "f")
    if op in ("add", "subtract"):  # a gradient of dy's shape is dy itself, for the first operand and of a sum
        new = [a.nbytes for k, a in enumerate(given) if a.shape != outputs[0].shape or (op == "subtract" and k == 1)]
        return first + sum(new) if new else 0
    if op == "pad":  # of dy only what lies in the middle
        return 2 * gradients
    if op == "dropout":
        reads = first // outputs[0].dtype.itemsize  # the mask, a byte a value
    return first + reads + gradients
