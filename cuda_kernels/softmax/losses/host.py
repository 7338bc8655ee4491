"""What the rungs of the losses share: the costs of a cell, and the host functions.

A loss is the mean over the last axis, D cells long, of a cost a cell. Its forward keeps of each cell what the backward
needs (`kept`): the error y_pred - y_true, or the smoothed truth.
"""
from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.elementwise.functions import sigmoid_of
from cuda_kernels.launch import check_array, empty

from ..host import HIGH, LOW, clip


class Cost(NamedTuple):
    """Device functions: keep(t, p), cost(kept, p), and its slopes to_pred(kept, p) and to_true(kept, p)."""

    keep: Any
    cost: Any
    to_pred: Any
    to_true: Any


@cuda.jit(device=True)
def _error(t, p):
    return p - t


@functools.cache
def of_error(name: str, delta: float = 1.0) -> Cost:
    """Costs of the error e: e^2, |e|, or Huber's parabola with straight lines beyond delta."""
    bound, half = np.float32(delta), np.float32(0.5)

    @cuda.jit(device=True)
    def square(e, p):
        return e * e

    @cuda.jit(device=True)
    def square_slope(e, p):
        return float32(2) * e

    @cuda.jit(device=True)
    def size(e, p):
        return abs(e)

    @cuda.jit(device=True)
    def size_slope(e, p):
        return float32(1) if e > float32(0) else (float32(-1) if e < float32(0) else e)

    @cuda.jit(device=True)
    def huber(e, p):
        size = abs(e)
        cut = bound if size > bound else size  # min(size, bound) would drop a NaN on a GPU
        return cut * (size - half * cut)

    @cuda.jit(device=True)
    def huber_slope(e, p):
        return bound if e > bound else (-bound if e < -bound else e)

    cost, slope = {"mean_squared_error": (square, square_slope), "mean_absolute_error": (size, size_slope),
                   "huber": (huber, huber_slope)}[name]

    @cuda.jit(device=True)
    def minus_slope(e, p):
        return -slope(e, p)

    return Cost(_error, cost, slope, minus_slope)


@functools.cache
def binary(from_logits: bool, label_smoothing: float) -> Cost:
    """-(t log p + (1 - t) log(1 - p)), of probabilities p or of scores z with p = sigmoid(z)."""
    kept_share, shift = np.float32(1 - label_smoothing), np.float32(label_smoothing / 2)

    @cuda.jit(device=True)
    def smooth(t, p):
        return t * kept_share + shift

    @cuda.jit(device=True)
    def cost_of_logit(t, z):
        return max(z, float32(0)) - z * t + math.log1p(math.exp(-abs(z)))

    @cuda.jit(device=True)
    def logit_slope(t, z):
        return sigmoid_of(z) - t

    @cuda.jit(device=True)
    def logit_to_true(t, z):
        return -z * kept_share

    @cuda.jit(device=True)
    def cost_of_probability(t, y):
        p = clip(y)
        return -(t * math.log(p) + (float32(1) - t) * math.log1p(-p))

    @cuda.jit(device=True)
    def probability_slope(t, y):
        p = clip(y)
        return (p - t) / (p * (float32(1) - p)) if LOW <= y and y <= HIGH else float32(0)

    @cuda.jit(device=True)
    def probability_to_true(t, y):
        p = clip(y)
        return (math.log1p(-p) - math.log(p)) * kept_share

    if from_logits:
        return Cost(smooth, cost_of_logit, logit_slope, logit_to_true)
    return Cost(smooth, cost_of_probability, probability_slope, probability_to_true)


def cost_of(op: str, settings: dict[str, Any]) -> Cost:
    """The device functions of an op with these settings."""
    if op == "binary_crossentropy":
        return binary(bool(settings.get("from_logits", False)), float(settings.get("label_smoothing", 0.0)))
    return of_error(op, float(settings.get("delta", 1.0)))


def forward(op: str, apply: Any) -> Any:
    """The host function of a loss; apply(costs, y_true, y_pred, loss, kept, cells, on) launches."""
    def run(y_true: Any, y_pred: Any, *, on: str | None = None, **settings: Any) -> tuple[Any, Any]:
        check_array(op, "y_pred", y_pred)
        check_array(op, "y_true", y_true, shape=y_pred.shape)
        loss, kept = empty(y_pred.shape[:-1], like=y_pred), empty(y_pred.shape, like=y_pred)
        cells = y_pred.shape[-1]
        apply(cost_of(op, settings), y_true.reshape(-1), y_pred.reshape(-1), loss.reshape(-1), kept.reshape(-1), cells,
              on)
        return loss, kept

    run.__name__, run.__doc__ = op, "(loss (...), kept (..., D)): kept is the error, or the smoothed truth."
    return run


def backward(op: str, apply: Any) -> Any:
    """The host function of its gradients; apply(slope, dy, kept, y_pred, d, cells, on) launches."""
    def run(dy: Any, kept: Any, y_pred: Any = None, *, needs: tuple[bool, bool] = (True, True), on: str | None = None,
            **settings: Any) -> tuple[Any, Any]:
        name = f"{op}_backward"
        y_pred = kept if y_pred is None else y_pred  # the error alone is enough, but for binary_crossentropy
        check_array(name, "kept", kept)
        check_array(name, "y_pred", y_pred, shape=kept.shape)
        check_array(name, "dy", dy, shape=kept.shape[:-1])
        costs, cells, gradients = cost_of(op, settings), kept.shape[-1], []
        for slope, needed in ((costs.to_true, needs[0]), (costs.to_pred, needs[1])):
            d: Any = empty(kept.shape, like=kept) if needed else None
            if needed:
                apply(slope, dy.reshape(-1), kept.reshape(-1), y_pred.reshape(-1), d.reshape(-1), cells, on)
            gradients.append(d)
        return gradients[0], gradients[1]

    run.__name__, run.__doc__ = f"{op}_backward", "(d_true, d_pred) from dy, what the forward kept, and y_pred."
    return run


MEANS = ("mean_squared_error", "mean_absolute_error", "huber", "binary_crossentropy")
ARGS = (FLAT, FLAT, FLAT, FLAT, int32, int32, float32)  # of every kernel, for the compile gate
