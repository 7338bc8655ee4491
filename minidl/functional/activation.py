"""Activation functions. Those that are no op of their own are made of ops, so their gradients come from the tape."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.functional.basic import clip, maximum, tensor
from minidl.functional.reduction import reduce_max, reduce_sum
from minidl.operators import discrete
from minidl.promotion import floating
from minidl.tape import apply
from minidl.tensor import Tensor

# Klambauer et al., arXiv:1706.02515: the fixed point that keeps activations at mean 0, variance 1.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """Return max(x, 0); with arguments, Keras' leaky, capped and shifted form.

    f(x) = max_value if x >= max_value, x if threshold <= x < max_value, negative_slope * (x - threshold) below
    """
    x = tensor(x)
    if negative_slope == 0 and max_value is None and threshold == 0:
        return apply("relu", x) if x.dtype.kind == "f" else maximum(x, 0)
    return apply("clipped_relu", floating(x), max_value=max_value, negative_slope=negative_slope, threshold=threshold)


def relu6(x: Any) -> Tensor:
    """Return min(max(x, 0), 6)."""
    x = tensor(x)
    return apply("relu6", x) if x.dtype.kind == "f" else clip(x, 0, 6)


def selu(x: Any) -> Tensor:
    """Return the scaled elu of self-normalising networks."""
    return apply("elu", floating(x), alpha=SELU_ALPHA) * SELU_SCALE


def softsign(x: Any) -> Tensor:
    """Return x / (1 + |x|)."""
    x = floating(x)
    return apply("divide", x, apply("absolute", x) + 1.0)


def silu(x: Any) -> Tensor:
    """Return x * sigmoid(x): another name of swish."""
    return apply("swish", floating(x))


def mish(x: Any) -> Tensor:
    """Return x * tanh(softplus(x))."""
    x = floating(x)
    return apply("multiply", x, apply("tanh", apply("softplus", x)))


def exponential(x: Any) -> Tensor:
    """Return e**x."""
    return apply("exp", floating(x))


def hard_sigmoid(x: Any) -> Tensor:
    """Return relu6(x + 3) / 6, a sigmoid of straight lines."""
    return apply("relu6", apply("add", floating(x), 3.0)) * (1 / 6)


def hard_silu(x: Any) -> Tensor:
    """Return x * hard_sigmoid(x)."""
    x = floating(x)
    return apply("multiply", x, hard_sigmoid(x))


def linear(x: Any) -> Any:
    """Return x."""
    return x


def softmax(x: Any, axis: Any = -1) -> Tensor:
    """Return e**x / sum(e**x) along `axis`: an int, several, or None for all."""
    if isinstance(axis, int | np.integer):
        return apply("softmax", floating(x), axis=axis)
    e = apply("exp", _below_zero(x, axis))
    return e / reduce_sum(e, axis, keepdims=True)


def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """Return log(softmax(x)), without forming the softmax."""
    if isinstance(axis, int | np.integer):
        return apply("log_softmax", floating(x), axis=axis)
    x = _below_zero(x, axis)
    return x - apply("log", reduce_sum(apply("exp", x), axis, keepdims=True))


def _below_zero(x: Any, axes: Any) -> Tensor:
    """Return x less its largest value over the axes, taken as a constant, so that no exponential overflows."""
    x = floating(x)
    return x - discrete("positive", reduce_max(x, axes, keepdims=True))
