"""Losses: how far a prediction is from the truth, one value a sample. The mean over the batch is another op.

The numbers are Keras 3's: probabilities are divided by their sum, then kept EPSILON away from 0 and 1; label
smoothing mixes in the uniform distribution; a mean is over the last axis. `y_true` comes first, as in Keras.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.ops.activations import stable_sigmoid
from minidl.ops.common.checks import normalize_axis, require_float
from minidl.ops.common.labels import check_labels
from minidl.ops.op import Count, Op, either, of_inputs
from minidl.ops.softmaxes import log_softmax_forward

EPSILON = 1e-7  # keras.config.epsilon()

Gradients = tuple[np.ndarray | None, np.ndarray | None]


class CategoricalCrossentropyCache(NamedTuple):
    """Smoothed truth and log-probabilities; `total` is what y_pred was divided by, None for logits."""

    target: np.ndarray
    log_p: np.ndarray
    y_pred: np.ndarray
    total: np.ndarray | None
    label_smoothing: float
    axis: int


class SparseCrossentropyCache(NamedTuple):
    """Labels (0 where ignored), which samples count, the prediction and what the forward made of it.

    `log_p` are all log-probabilities for logits; for probabilities it is None and `total` is their sum.
    """

    labels: np.ndarray
    counted: np.ndarray | None
    y_pred: np.ndarray
    log_p: np.ndarray | None
    total: np.ndarray | None


class BinaryCrossentropyCache(NamedTuple):
    """Smoothed truth, the prediction, and how to read it."""

    target: np.ndarray
    y_pred: np.ndarray
    from_logits: bool
    label_smoothing: float


class ErrorCache(NamedTuple):
    """The error, y_pred - y_true."""

    error: np.ndarray


class HuberCache(NamedTuple):
    """The error, y_pred - y_true, and where the straight part begins."""

    error: np.ndarray
    delta: float


def categorical_crossentropy_forward(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> tuple[np.ndarray, CategoricalCrossentropyCache]:
    """Return -sum over classes c of t[c] log p[c] for each sample.

        p = softmax(y_pred)                                     from_logits=True
        p = clip(y_pred / sum(y_pred), EPSILON, 1 - EPSILON)    otherwise
        t = (1 - s) y_true + s / C                              with label smoothing s and C classes

    Parameters
    ----------
    y_true : (..., C) one-hot rows, or probabilities
    y_pred : (..., C), dtype of `y_true`
    from_logits : `y_pred` holds scores rather than probabilities: the exact form, to be preferred
    label_smoothing : from 0 to 1
    axis : the axis of the classes

    Returns
    -------
    loss : the shape without `axis`

    Raises
    ------
    ShapeError : the shapes differ
    ArgumentError : `label_smoothing` outside [0, 1]

    Source: keras.losses.categorical_crossentropy; label smoothing: Szegedy et al., arXiv:1512.00567.

    >>> one_hot = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> p = np.array([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
    >>> categorical_crossentropy_forward(one_hot, p)[0].round(4)
    array([0.0513, 2.3026])
    """
    op = "categorical_crossentropy"
    _check_pair(op, y_true, y_pred)
    axis = normalize_axis(op, axis, y_pred.ndim, y_pred.shape)
    _require_values(op, y_pred, axis)
    # For another axis than the last, Keras 3.15 smooths by the last axis's size all the same; we take the classes'.
    target = _smooth(op, y_true, label_smoothing, 1.0 / y_pred.shape[axis])
    total = None
    if from_logits:
        log_p, _ = log_softmax_forward(y_pred, axis=axis)
    else:
        total = y_pred.sum(axis=axis, keepdims=True)
        log_p = np.log(_clip(y_pred / total))
    loss = np.negative((target * log_p).sum(axis=axis))
    cache = CategoricalCrossentropyCache(target, log_p, y_pred, total, float(label_smoothing), axis)
    return np.asarray(loss), cache


def categorical_crossentropy_backward(
    dy: np.ndarray, cache: CategoricalCrossentropyCache, *, needs: tuple[bool, bool] = (True, True)
) -> Gradients:
    """With L = -sum_c t[c] log p[c]: dL/d(log p[c]) = -t[c] and dL/dt[c] = -log p[c].

    Logits z: log p = log_softmax(z), so dL/dz[c] = p[c] sum(t) - t[c], or p - t where t adds up to 1.
    Probabilities: with q = y_pred / S, dL/dq[c] = -t[c] / q[c] (0 where q was clipped), and as S holds every
    y_pred[c], dL/dy_pred[c] = (dL/dq[c] - sum_j dL/dq[j] q[j]) / S.
    """
    target, log_p, y_pred, total, label_smoothing, axis = cache
    dy = np.expand_dims(dy, axis)
    d_true = -dy * log_p * (1.0 - label_smoothing) if needs[0] else None
    if not needs[1]:
        return d_true, None
    if total is None:
        d_pred = np.exp(log_p)
        d_pred *= target.sum(axis=axis, keepdims=True)
        d_pred -= target
        d_pred *= dy
        return d_true, d_pred
    q = y_pred / total
    dq = -dy * target * _inside(q) / _clip(q)
    return d_true, (dq - (dq * q).sum(axis=axis, keepdims=True)) / total


def sparse_categorical_crossentropy_forward(
    y_true: np.ndarray, y_pred: np.ndarray, *, from_logits: bool = False, ignore_class: int | None = None
) -> tuple[np.ndarray, SparseCrossentropyCache]:
    """Return -log p[label] for each sample: categorical crossentropy without the one-hot rows.

    Parameters
    ----------
    y_true : (...) or (..., 1) labels from 0 to C - 1; integers, or floats that are whole numbers
    y_pred : (..., C) probabilities, or scores with from_logits=True
    ignore_class : samples with this label, which may be outside the range, cost 0 and have no gradient

    Returns
    -------
    loss : (...), dtype of `y_pred`

    Raises
    ------
    DataError : a label out of range, or no whole number
    ShapeError : the shapes disagree

    Source: keras.losses.sparse_categorical_crossentropy.

    >>> p = np.array([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
    >>> sparse_categorical_crossentropy_forward(np.array([1, 2]), p)[0].round(4)
    array([0.0513, 2.3026])
    """
    op = "sparse_categorical_crossentropy"
    require_float(op, y_pred=y_pred)
    labels, counted = check_labels(op, y_true, y_pred, ignore_class)
    log_p = total = None
    if from_logits:
        log_p, _ = log_softmax_forward(y_pred, axis=-1)
        log_chosen = _choose(log_p, labels)
    else:
        total = y_pred.sum(axis=-1, keepdims=True)
        log_chosen = np.log(_clip(_choose(y_pred, labels) / total))
    loss = np.negative(log_chosen[..., 0])
    if counted is not None:
        loss = np.where(counted, loss, y_pred.dtype.type(0))
    return np.asarray(loss), SparseCrossentropyCache(labels, counted, y_pred, log_p, total)


def sparse_categorical_crossentropy_backward(dy: np.ndarray, cache: SparseCrossentropyCache) -> tuple[None, np.ndarray]:
    """With t one-hot at the label l, the gradients of `categorical_crossentropy` become:

    Logits: dL/dz[c] = p[c] - 1{c = l}.
    Probabilities: dL/dy_pred[c] = 1 / S - 1{c = l} / y_pred[l], or 0 where y_pred[l] / S was clipped.
    """
    labels, counted, y_pred, log_p, total = cache
    if counted is not None:
        dy = np.where(counted, dy, y_pred.dtype.type(0))
    dy = np.expand_dims(dy, -1)
    position = labels[..., None]
    if log_p is not None:
        d_pred = np.exp(log_p)
        np.put_along_axis(d_pred, position, _choose(d_pred, labels) - 1, axis=-1)
        return None, np.multiply(d_pred, dy, out=d_pred)
    q = _choose(y_pred, labels) / total
    share = dy * _inside(q) / total
    d_pred = np.broadcast_to(share, y_pred.shape).copy()
    np.put_along_axis(d_pred, position, share - share / _clip(q), axis=-1)
    return None, d_pred


def binary_crossentropy_forward(
    y_true: np.ndarray, y_pred: np.ndarray, *, from_logits: bool = False, label_smoothing: float = 0.0
) -> tuple[np.ndarray, BinaryCrossentropyCache]:
    """Return the mean over the last axis of -(t log p + (1 - t) log(1 - p)).

        p = clip(y_pred, EPSILON, 1 - EPSILON), or sigmoid(y_pred) with from_logits=True
        t = (1 - s) y_true + s / 2                                                with label smoothing s

    For a logit z the same number is max(z, 0) - z t + log(1 + exp(-|z|)), which cannot overflow.

    Parameters
    ----------
    y_true, y_pred : (..., D), one dtype

    Returns
    -------
    loss : (...)

    Source: keras.losses.binary_crossentropy.

    >>> binary_crossentropy_forward(np.array([[0.0, 1.0]]), np.array([[0.6, 0.4]]))[0].round(3)
    array([0.916])
    """
    op = "binary_crossentropy"
    _check_pair(op, y_true, y_pred)
    target = _smooth(op, y_true, label_smoothing, 0.5)
    if from_logits:
        cost = np.maximum(y_pred, 0) - y_pred * target + np.log1p(np.exp(-np.abs(y_pred)))
    else:
        p = _clip(y_pred)
        cost = -(target * np.log(p) + (1 - target) * np.log1p(-p))
    cache = BinaryCrossentropyCache(target, y_pred, bool(from_logits), float(label_smoothing))
    return np.asarray(cost.mean(axis=-1)), cache


def binary_crossentropy_backward(
    dy: np.ndarray, cache: BinaryCrossentropyCache, *, needs: tuple[bool, bool] = (True, True)
) -> Gradients:
    """Logits z: the cost's slope is sigmoid(z) - t. Probabilities: (p - t) / (p (1 - p)), 0 where clipped.

    To the truth: dt = -log(p / (1 - p)), which is -z for a logit. The mean gives each cell 1 / D of dy.
    """
    target, y_pred, from_logits, label_smoothing = cache
    dy = np.expand_dims(dy, -1) / y_pred.shape[-1]
    d_true = d_pred = None
    p = stable_sigmoid(y_pred) if from_logits else _clip(y_pred)
    if needs[0]:
        log_odds = y_pred if from_logits else np.log(p) - np.log1p(-p)
        d_true = -dy * log_odds * (1.0 - label_smoothing)
    if needs[1]:
        d_pred = dy * (p - target)
        if not from_logits:
            d_pred *= _inside(y_pred) / (p * (1 - p))
    return d_true, d_pred


def mean_squared_error_forward(y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, ErrorCache]:
    """Return the mean over the last axis of (y_pred - y_true)^2.

    Parameters
    ----------
    y_true, y_pred : (..., D), one dtype

    Returns
    -------
    loss : (...)

    >>> mean_squared_error_forward(np.array([[0.0, 1.0]]), np.array([[1.0, 3.0]]))[0]
    array([2.5])
    """
    error = _error("mean_squared_error", y_true, y_pred)
    return np.asarray(np.square(error).mean(axis=-1)), ErrorCache(error)


def mean_squared_error_backward(
    dy: np.ndarray, cache: ErrorCache, *, needs: tuple[bool, bool] = (True, True)
) -> Gradients:
    """With e = y_pred - y_true and L = sum e^2 / D: dL/de = 2 e / D."""
    d_error = np.expand_dims(dy, -1) * (2.0 / cache.error.shape[-1]) * cache.error
    return _both_ways(d_error, needs)


def mean_absolute_error_forward(y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, ErrorCache]:
    """Return the mean over the last axis of |y_pred - y_true|. Where they are equal the slope is 0.

    >>> mean_absolute_error_forward(np.array([[0.0, 1.0]]), np.array([[1.0, 3.0]]))[0]
    array([1.5])
    """
    error = _error("mean_absolute_error", y_true, y_pred)
    return np.asarray(np.abs(error).mean(axis=-1)), ErrorCache(error)


def mean_absolute_error_backward(
    dy: np.ndarray, cache: ErrorCache, *, needs: tuple[bool, bool] = (True, True)
) -> Gradients:
    """With e = y_pred - y_true and L = sum |e| / D: dL/de = sign(e) / D."""
    d_error = np.expand_dims(dy, -1) / cache.error.shape[-1] * np.sign(cache.error)
    return _both_ways(d_error, needs)


def huber_forward(y_true: np.ndarray, y_pred: np.ndarray, *, delta: float = 1.0) -> tuple[np.ndarray, HuberCache]:
    """Return the mean over the last axis of Huber's loss: a parabola near 0, straight lines beyond `delta`.

        e^2 / 2  where |e| <= delta,  else  delta |e| - delta^2 / 2,     e = y_pred - y_true

    Raises
    ------
    ArgumentError : `delta` is not positive

    Source: P. J. Huber, Annals of Mathematical Statistics 35 (1964), 73-101.

    >>> huber_forward(np.array([[0.0, 1.0]]), np.array([[1.0, 4.0]]))[0]
    array([1.5])
    """
    if not delta > 0:
        raise ArgumentError(f"huber: delta must be positive. Got {delta}.")
    delta = float(delta)
    error = _error("huber", y_true, y_pred)
    # With the size cut at delta, both pieces are one: cut * (size - cut / 2).
    size = np.abs(error)
    cut = np.minimum(size, delta)
    return np.asarray((cut * (size - 0.5 * cut)).mean(axis=-1)), HuberCache(error, delta)


def huber_backward(dy: np.ndarray, cache: HuberCache, *, needs: tuple[bool, bool] = (True, True)) -> Gradients:
    """The slope is e on the parabola, delta or -delta on the lines: e clipped to [-delta, delta]."""
    error, delta = cache
    d_error = np.expand_dims(dy, -1) / error.shape[-1] * np.clip(error, -delta, delta)
    return _both_ways(d_error, needs)


def _both_ways(d_error: np.ndarray, needs: tuple[bool, bool]) -> Gradients:
    """The error is y_pred - y_true: its gradient goes to y_pred, and to y_true with the sign changed."""
    return (-d_error if needs[0] else None), (d_error if needs[1] else None)


def _clip(p: np.ndarray) -> np.ndarray:
    return np.clip(p, EPSILON, 1.0 - EPSILON)


def _inside(p: np.ndarray) -> np.ndarray:
    """Return where `_clip` leaves `p` as it is; elsewhere no gradient passes."""
    low, high = p.dtype.type(EPSILON), p.dtype.type(1.0 - EPSILON)
    return (p >= low) & (p <= high)


def _choose(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each sample's value at its label, (..., 1)."""
    return np.take_along_axis(values, labels[..., None], axis=-1)


def _smooth(op: str, y_true: np.ndarray, label_smoothing: float, uniform: float) -> np.ndarray:
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"{op}: label_smoothing must lie in [0, 1]. Got {label_smoothing}.")
    if not label_smoothing:
        return y_true
    label_smoothing = float(label_smoothing)  # a NumPy float64 would make float32 targets float64
    return y_true * (1.0 - label_smoothing) + label_smoothing * uniform


def _error(op: str, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    _check_pair(op, y_true, y_pred)
    return np.subtract(y_pred, y_true)


def _check_pair(op: str, y_true: np.ndarray, y_pred: np.ndarray) -> None:
    require_float(op, y_true=y_true, y_pred=y_pred)
    if y_true.shape != y_pred.shape:
        cause = "Does the last layer give one number a target?"
        if y_true.shape[:1] != y_pred.shape[:1]:
            cause = "The batch sizes differ: do x and y hold the same samples?"
        elif op == "categorical_crossentropy" and y_true.ndim < y_pred.ndim:
            cause = "For integer labels use sparse_categorical_crossentropy."
        elif y_true.size == y_pred.size:
            cause = "Reshape y_true to the shape of y_pred."
        raise ShapeError(
            f"{op}: y_true and y_pred must have one shape. Got y_true {y_true.shape}, y_pred {y_pred.shape}. {cause}"
        )
    if y_pred.ndim == 0:
        raise ShapeError(f"{op}: y_pred must have an axis. Got shape (). For a single number, pass shape (1,).")
    if op != "categorical_crossentropy":
        _require_values(op, y_pred, y_pred.ndim - 1)


def _require_values(op: str, y_pred: np.ndarray, axis: int) -> None:
    if y_pred.shape[axis] == 0:
        raise ShapeError(f"{op}: axis {axis} must hold at least one value. Got shape {y_pred.shape}.")


def _and_a_sample(count: int) -> Count:
    return f"{count} a value + 1 a sample", lambda call: count * call.m + call.n


_LOGITS = ("from_logits", False, True)

# fmt: off
OPS = (
    Op(
        "categorical_crossentropy", categorical_crossentropy_forward, categorical_crossentropy_backward, form="row",
        flops=(either(*_LOGITS, 5, 4), either(*_LOGITS, 2, 4)), keeps="y_true y_pred", values="rows",
        maths=(
            "L = −Σc t[c] log p[c],  p = softmax(z) with from_logits, else y_pred / Σ y_pred",
            "dz = dy (p − t) with from_logits, else dy_pred = dy (1 − t/p) / Σ y_pred",
        ),
    ),
    Op(
        "sparse_categorical_crossentropy", sparse_categorical_crossentropy_forward,
        sparse_categorical_crossentropy_backward, form="row", keeps="y_true y_pred", values=("labels", "rows"),
        flops=(either(*_LOGITS, 3, 1), either(*_LOGITS, 1, 1)), shapes=lambda n: [(n,), (n, n)],
        maths=(
            "L = −log p[label],  p = softmax(z) with from_logits, else y_pred / Σ y_pred",
            "dz[c] = dy (p[c] − [c = label]) with from_logits, else dy_pred[c] = dy (1/S − [c = label] / y_pred[c])",
        ),
        kernels=(
            ("sparse_softmax_crossentropy", "sparse_probability_crossentropy"),
            ("sparse_softmax_crossentropy_backward", "sparse_probability_crossentropy_backward"),
        ),
    ),
    Op(
        "binary_crossentropy", binary_crossentropy_forward, binary_crossentropy_backward, form="loss",
        flops=(either(*_LOGITS, 4, 6), either(*_LOGITS, 4, 5)), keeps="y_true y_pred", values="rows",
        maths=(
            "L = mean of −(t log p + (1 − t) log(1 − p)),  p = sigmoid(z) with from_logits",
            "dz = dy (p − t) / D with from_logits, else dy_pred = dy (p − t) / (p (1 − p) D)",
        ),
    ),
    Op(  # what the errors keep is y_pred - y_true, one array
        "mean_squared_error", mean_squared_error_forward, mean_squared_error_backward, form="loss",
        flops=(_and_a_sample(3), of_inputs(2)), keeps="y_pred",
        maths=("L = Σd e² / D,  e = y_pred − y_true", "dy_pred = dy · 2 e / D"),
    ),
    Op(
        "mean_absolute_error", mean_absolute_error_forward, mean_absolute_error_backward, form="loss",
        flops=(_and_a_sample(2), of_inputs(1)), keeps="y_pred",
        maths=("L = Σd |e| / D,  e = y_pred − y_true", "dy_pred = dy sign(e) / D"),
    ),
    Op(
        "huber", huber_forward, huber_backward, form="loss", flops=(_and_a_sample(4), of_inputs(1)), keeps="y_pred",
        others=({"delta": 0.4}, {"delta": 1.7}),
        maths=(
            "L = mean of e²/2 where |e| ≤ δ, else δ|e| − δ²/2,  e = y_pred − y_true",
            "dy_pred = dy · e cut to [−δ, δ] / D",
        ),
    ),
)
# fmt: on
