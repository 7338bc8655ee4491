"""Differentials: how the output of each op moves when its inputs move a little. For gradients of gradients only.

    y = f(x):   dy = J(x) dx,   as in d(a b) = da b + a db,   d exp(x) = exp(x) dx

`minidl.tape.second` says why this is what the second derivative needs. Everything here is written with ops on tensors,
so that a tape can go back through it. There are five kinds of ops:

- linear ones move by what they make of the moves of their inputs;
- products by the product rule, the moves of their factors one at a time;
- those made of straight pieces by their slope, a constant between the corners, the op's own backward's;
- functions cell by cell by their slope, which itself moves with x;
- the others by a function of their own, listed in `OTHERS`.

An op's record says which it is (`Op.differential`). One that is none of them has no gradient of a gradient: a
recurrence over many steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backends.devices import arrays
from minidl.backends.table import record
from minidl.ops.activations import GELU_CUBIC, GELU_SCALE
from minidl.ops.losses import EPSILON
from minidl.tape import GradientTape, apply, no_grad
from minidl.tensor import Tensor

Moves = tuple[Tensor | None, ...]  # one for each input of an op, None for an input that does not move
Moved = Tensor | tuple[Tensor, ...]

SLOPES: dict[str, Callable[..., Any]] = {  # those that other ops are needed for; more are in the records
    "softplus": lambda x, y: apply("sigmoid", x),
    "swish": lambda x, y: (s := apply("sigmoid", x)) + y * (1.0 - s),
    "elu": lambda x, y, alpha=1.0: apply("where", x > 0, 1.0, y + alpha),
}


def differential(
    op: str, moves: Moves, inputs: tuple[Any, ...], outputs: tuple[Any, ...], single: bool, static: dict[str, Any]
) -> tuple[Tensor, ...] | None:
    """Return how each output of an op moves, or None where that is not known.

    Parameters
    ----------
    op, inputs, outputs, single, static : what an entry of a tape says of the op that ran
    moves : how its inputs move; at least one of them does

    >>> x = Tensor([3.0])
    >>> differential("square", (Tensor([0.5]),), (x,), (x * x,), True, {})
    (<Tensor (1,) float32 [3.]>,)
    """
    kind = SLOPES.get(op, record(op).differential)
    if kind == "linear":
        moved = _linear(op, moves, inputs, static)
    elif kind == "product":
        moved = _product(op, moves, inputs, outputs[0], static)
    elif kind == "pieces":
        moved = moves[0] * _constant_slope(op, inputs[0], static)
    elif callable(kind):
        moved = moves[0] * kind(inputs[0], outputs[0], **static)
    elif op in OTHERS:
        moved = OTHERS[op](moves, inputs, outputs[0] if single else outputs, **static)
    else:
        return None
    return moved if moved is None or isinstance(moved, tuple) else (moved,)


def _linear(op: str, moves: Moves, inputs: tuple[Any, ...], static: dict[str, Any]) -> Tensor:
    """Since f(x + dx) - f(x) = f(dx). An input without a gradient (a condition, ids) stays; a frame becomes 0."""
    parts = [
        x if x is None or x.dtype.kind != "f" else Tensor.wrap(arrays.zeros_like(x.data)) if dx is None else dx
        for x, dx in zip(inputs, moves, strict=True)
    ]
    return apply(op, *parts, **(static | {"value": 0.0} if op == "pad" else static))


def _product(op: str, moves: Moves, inputs: tuple[Any, ...], y: Tensor, static: dict[str, Any]) -> Tensor:
    """d(a b) = da b + a db, whatever the product is; a bias is added to it."""
    (da, db, *d_bias), (a, b, *bias) = moves, inputs
    without = (None,) * len(bias)
    return _sum(
        None if da is None else apply(op, da, b, *without, **static),
        None if db is None else apply(op, a, db, *without, **static),
        *(None if d is None else _stretched(d, y) for d in d_bias),
    )


def _constant_slope(op: str, x: Tensor, static: dict[str, Any]) -> Tensor:
    """Return the op's own gradient for dy = 1, as a constant."""
    with no_grad():
        x = x.detach()
        with GradientTape() as tape:
            tape.watch(x)
            y = apply(op, x, **static)
        return tape.gradient(y, x)


def _sum(*terms: Tensor | None) -> Tensor:
    given = [term for term in terms if term is not None]
    total = given[0]
    for term in given[1:]:
        total = total + term
    return total


def _times(move: Tensor | None, slope: Callable[[], Any]) -> Tensor | None:
    """Return move * slope(), None for what does not move: the slope may be costly, or not exist."""
    return None if move is None else move * slope()


def _stretched(move: Tensor, y: Tensor) -> Tensor:
    """Return a move broadcast to y's shape, where smaller inputs alone moved."""
    return move if move.shape == y.shape else apply("broadcast_to", move, shape=y.shape)


def _over(op: str, x: Tensor, axes: Any, keepdims: bool = False) -> Tensor:
    return apply(op, x, axes=axes, keepdims=keepdims)


def _divide(moves: Moves, inputs: Any, y: Tensor) -> Tensor:
    """From a = y b: da = dy b + y db."""
    (da, db), (_, b) = moves, inputs
    return _sum(da, _times(db, lambda: -y)) / b


def _pow(moves: Moves, inputs: Any, y: Tensor) -> Tensor:
    """With y = a^b = e^(b log a): dy = b a^(b - 1) da + y log a db."""
    (da, db), (a, b) = moves, inputs
    # Traps: 0 * 0^-1, the first form for b = 0 at a = 0, is NaN; and at a = 0, y does not move with b, but log a is
    # infinite.
    first = apply("where", (a == 0.0) & (b == 0.0), 1.0, a)
    second = apply("where", (a == 0.0) & (b >= 0.0), 1.0, a)
    return _sum(_times(da, lambda: b * apply("pow", first, b - 1.0)), _times(db, lambda: y * apply("log", second)))


def _mod(moves: Moves, inputs: Any, y: Tensor) -> Tensor:
    """With y = a - b floor(a / b), and the floor a constant between its steps."""
    (da, db), (a, b) = moves, inputs
    return _stretched(_sum(da, _times(db, lambda: -(a // b))), y)


def _larger(moves: Moves, inputs: Any, y: Tensor) -> Tensor:
    a, b = inputs
    return _linear("where", (None, *moves), (a >= b, a, b), {})


def _smaller(moves: Moves, inputs: Any, y: Tensor) -> Tensor:
    a, b = inputs
    return _linear("where", (None, *moves), (a <= b, a, b), {})


def _extreme(op: str) -> Callable[..., Tensor]:
    def moved(moves: Moves, inputs: Any, y: Tensor, axes: Any = None, keepdims: bool = False) -> Tensor:
        """The extreme value moves as the one that it is, a constant choice."""
        chosen = _constant_slope(op, inputs[0], {"axes": axes, "keepdims": keepdims})
        return _over("reduce_sum", moves[0] * chosen, axes, keepdims)

    return moved


def _max_pool2d(moves: Moves, inputs: Any, y: Tensor, pool_size: Any, strides: Any, padding: Any) -> Tensor:
    """As for reduce_max, over an axis on which the cells of a window lie: one strided part of the image for each."""
    frame = ((0, 0), *padding, (0, 0))
    rows, cols = (step * (size - 1) + 1 for step, size in zip(strides, y.shape[1:3], strict=True))

    def windows(image: Any, value: float) -> Tensor:
        image = apply("pad", image, padding=frame, value=value)
        taps = [image[:, r : r + rows : strides[0], s : s + cols : strides[1]] for r, s in np.ndindex(tuple(pool_size))]
        return apply("stack", *taps, axis=-1)

    chosen = _constant_slope("reduce_max", windows(inputs[0].detach(), -math.inf), {"axes": -1, "keepdims": False})
    return _over("reduce_sum", windows(moves[0], 0.0) * chosen, -1)


def _gelu(moves: Moves, inputs: Any, y: Tensor, approximate: bool = False) -> Tensor:
    """With y = x F(x): dy = (F + x F') dx. The tanh form is F = (1 + t) / 2, t = tanh(u(x)).

    Of the exact form, F' is the bell curve. F itself is y / x, and near 0, where that loses its digits, the series

        F(x) = 1/2 + x / sqrt(2 pi) * sum over n of  (-x^2 / 2)^n / (n! (2n + 1))
    """
    x = apply("clip", inputs[0], low=-40.0, high=40.0)  # beyond it is flat, and x^3 might overflow
    if approximate:
        t = apply("tanh", GELU_SCALE * (x + GELU_CUBIC * x * x * x))
        slope_of_u = GELU_SCALE * (1.0 + 3 * GELU_CUBIC * x * x)
        return moves[0] * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope_of_u)
    near = apply("absolute", x.detach()) < 0.7
    part = apply("where", near, -0.5 * x * x, 0.0)
    series = part * 0.0
    for n in range(10, -1, -1):  # Horner's rule; the next term is below 1e-15
        series = series * part + 1.0 / (math.factorial(n) * (2 * n + 1))
    share = apply("where", near, 0.5 + x * series / math.sqrt(2 * math.pi), y / apply("where", near, 1.0, inputs[0]))
    return moves[0] * (share + x * apply("exp", -0.5 * x * x) / math.sqrt(2 * math.pi))


def _softmax(moves: Moves, inputs: Any, y: Tensor, axis: int = -1) -> Tensor:
    dx = moves[0]
    return y * (dx - _over("reduce_sum", y * dx, axis, True))


def _log_softmax(moves: Moves, inputs: Any, y: Tensor, axis: int = -1) -> Tensor:
    dx = moves[0]
    return dx - _over("reduce_sum", apply("exp", y) * dx, axis, True)


def _of_error(slope: Callable[..., Any]) -> Callable[..., Tensor]:
    """A loss that is the mean over the last axis of a function of e = y_pred - y_true, by that function's slope."""

    def moved(moves: Moves, inputs: Any, y: Tensor, **static: Any) -> Tensor:
        (d_true, d_pred), (y_true, y_pred) = moves, inputs
        error = y_pred - y_true
        return _over("reduce_mean", _sum(d_pred, _times(d_true, lambda: -1.0)) * slope(error, **static), -1)

    return moved


def _categorical_crossentropy(
    moves: Moves, inputs: Any, y: Tensor,
    from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> Tensor:  # fmt: skip
    """L = -sum t log p: dL = -sum (dt log p + t d(log p)), with t and p as in the op."""
    (d_true, d_pred), (y_true, y_pred) = moves, inputs
    keep = 1.0 - float(label_smoothing)
    target = y_true * keep + float(label_smoothing) / y_pred.shape[axis]
    log_p, d_log_p = _log_probabilities(d_pred, y_pred, from_logits, axis)
    return -_over("reduce_sum", _sum(_times(d_true, lambda: log_p * keep), _times(d_log_p, lambda: target)), axis)


def _sparse_categorical_crossentropy(
    moves: Moves, inputs: Any, y: Tensor, from_logits: bool = False, ignore_class: int | None = None
) -> Tensor:
    """As the dense form, with a one at the label; with zeros only, where it is the class to ignore."""
    labels = inputs[0].numpy().reshape((*y.shape, 1))
    target = labels == np.arange(inputs[1].shape[-1])
    if ignore_class is not None:
        target &= labels != ignore_class
    _, d_log_p = _log_probabilities(moves[1], inputs[1], from_logits, -1)
    return -_over("reduce_sum", d_log_p * Tensor(target.astype(y.dtype)), -1)


def _log_probabilities(move: Tensor | None, y_pred: Tensor, from_logits: bool, axis: int) -> Any:
    """Return log p, and how it moves."""
    if from_logits:
        log_p = apply("log_softmax", y_pred, axis=axis)
        return log_p, None if move is None else _log_softmax((move,), (y_pred,), log_p, axis)
    total = _over("reduce_sum", y_pred, axis, True)
    share = y_pred / total
    p = apply("clip", share, low=EPSILON, high=1.0 - EPSILON)
    if move is None:
        return apply("log", p), None
    d_share = (move - share * _over("reduce_sum", move, axis, True)) / total
    return apply("log", p), d_share * _inside(share) / p


def _binary_crossentropy(
    moves: Moves, inputs: Any, y: Tensor, from_logits: bool = False, label_smoothing: float = 0.0
) -> Tensor:
    """The cost's slope along a logit z is p - t with p = sigmoid(z), along p (p - t) / (p (1 - p)), along t the
    negative logit.
    """
    (d_true, d_pred), (y_true, y_pred) = moves, inputs
    keep = 1.0 - float(label_smoothing)
    target = y_true * keep + 0.5 * float(label_smoothing)
    if from_logits:
        p, logit, d_logit = apply("sigmoid", y_pred), y_pred, d_pred
    else:
        p = apply("clip", y_pred, low=EPSILON, high=1.0 - EPSILON)
        logit = apply("log", p) - apply("log1p", -p)
        d_logit = _times(d_pred, lambda: _inside(y_pred) / (p * (1.0 - p)))
    return _over("reduce_mean", _sum(_times(d_logit, lambda: p - target), _times(d_true, lambda: -logit * keep)), -1)


def _inside(p: Tensor) -> Tensor:
    """Return 1 where a probability is not clipped, else 0."""
    return _constant_slope("clip", p, {"low": EPSILON, "high": 1.0 - EPSILON})


def _batch_norm(moves: Moves, inputs: Any, y: Any, epsilon: float = 1e-3) -> Moved:
    axes = tuple(range(inputs[0].ndim - 1))
    moved, d_mean, d_variance = _normalized(moves, inputs, axes, epsilon, lambda vector: vector)
    channels = inputs[0].shape[-1:]
    return moved, apply("reshape", d_mean, shape=channels), apply("reshape", d_variance, shape=channels)


def _layer_norm(moves: Moves, inputs: Any, y: Tensor, epsilon: float = 1e-3, axes: Any = -1) -> Tensor:
    x = inputs[0]
    chosen = {axis % x.ndim for axis in ((axes,) if isinstance(axes, int) else axes)}
    sizes = tuple(n if i in chosen else 1 for i, n in enumerate(x.shape))
    return _normalized(
        moves, inputs, tuple(sorted(chosen)), epsilon, lambda vector: apply("reshape", vector, shape=sizes)
    )[0]


def _normalized(
    moves: Moves, inputs: Any, axes: tuple[int, ...], epsilon: float, along: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """With y = gamma c s + beta, with c = x - mean(x) and s = (mean(c²) + epsilon)^(-1/2).

    Return dy, dmean and dvariance: d_variance = 2 mean(c dc), ds = -1/2 s^3 d_variance, and d(c s) = dc s + c ds.
    """
    (dx, d_gamma, d_beta), (x, gamma, _) = moves, inputs
    c = x - _over("reduce_mean", x, axes, True)
    s = (_over("reduce_mean", c * c, axes, True) + float(epsilon)) ** -0.5
    dx = Tensor.wrap(arrays.zeros_like(x.data)) if dx is None else dx
    d_mean = _over("reduce_mean", dx, axes, True)
    dc = dx - d_mean
    d_variance = 2.0 * _over("reduce_mean", c * dc, axes, True)
    d_hat = dc * s - 0.5 * c * s * s * s * d_variance
    moved = _sum(
        d_hat if gamma is None else d_hat * along(gamma),
        None if d_gamma is None else c * s * along(d_gamma),
        None if d_beta is None else along(d_beta),
    )
    return moved, d_mean, d_variance


def _batch_norm_inference(moves: Moves, inputs: Any, y: Tensor, epsilon: float = 1e-3) -> Tensor:
    """With y = gamma (x - mean) s + beta, with s = (variance + epsilon)^(-1/2)."""
    (dx, d_gamma, d_beta, d_mean, d_variance), (x, gamma, _, mean, variance) = moves, inputs
    s = (variance + float(epsilon)) ** -0.5
    c = x - mean
    scale = s if gamma is None else gamma * s
    moved = _sum(
        _times(dx, lambda: scale),
        _times(d_mean, lambda: -scale),
        _times(d_variance, lambda: -0.5 * scale * s * s * c),
        _times(d_gamma, lambda: c * s),
        d_beta,
    )
    return _stretched(moved, y)


OTHERS: dict[str, Callable[..., Any]] = {
    "divide": _divide,
    "pow": _pow,
    "mod": _mod,
    "maximum": _larger,
    "minimum": _smaller,
    "reduce_max": _extreme("reduce_max"),
    "reduce_min": _extreme("reduce_min"),
    "max_pool2d": _max_pool2d,
    "gelu": _gelu,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "mean_squared_error": _of_error(lambda error: 2.0 * error),
    "mean_absolute_error": _of_error(lambda error: _constant_slope("absolute", error, {})),
    "huber": _of_error(lambda error, delta=1.0: apply("clip", error, low=-float(delta), high=float(delta))),
    "categorical_crossentropy": _categorical_crossentropy,
    "sparse_categorical_crossentropy": _sparse_categorical_crossentropy,
    "binary_crossentropy": _binary_crossentropy,
    "batch_norm": _batch_norm,
    "batch_norm_inference": _batch_norm_inference,
    "layer_norm": _layer_norm,
}
