"""The functions of one number: what `y[i] = f(x[i])` computes, and how its gradient comes back.

    forward(x) -> y           gradient(dy, kept) -> dx, with what the forward kept: x, y, or nothing

A NaN comes out as a NaN: `float32(0) if x <= 0 else x`, where max(x, 0) would drop it on a GPU. Settings (a slope, a
bound) are constants of the device function, so None can mean "no bound".
"""
from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels._cuda import cuda, float32


class Unary(NamedTuple):
    """A function of one number. make(**settings) gives the device functions forward and gradient.

    keeps : what gradient(dy, kept) wants: "x", "y" or "" (nothing; it is given dy)
    counts : whether integers are computed too
    """

    make: Callable[..., tuple[Any, Any]]
    keeps: str
    counts: bool = False


@cuda.jit(device=True)
def sigmoid_of(x):
    """1 / (1 + exp(-x)), exponentiating only what is not positive: nothing overflows."""
    e = math.exp(-abs(x))
    return (float32(1) if x >= float32(0) else e) / (float32(1) + e)


@functools.cache
def relu() -> tuple[Any, Any]:
    """max(x, 0); the slope at 0 is 0."""
    @cuda.jit(device=True)
    def forward(x):
        return float32(0) if x <= float32(0) else x

    @cuda.jit(device=True)
    def gradient(dy, y):
        return dy if y > float32(0) else float32(0)

    return forward, gradient


@functools.cache
def relu6() -> tuple[Any, Any]:
    """min(max(x, 0), 6); the slope at 0 and at 6 is 0."""
    @cuda.jit(device=True)
    def forward(x):
        return float32(0) if x <= float32(0) else (float32(6) if x >= float32(6) else x)

    @cuda.jit(device=True)
    def gradient(dy, y):
        return dy if float32(0) < y and y < float32(6) else float32(0)

    return forward, gradient


@functools.cache
def leaky_relu(negative_slope: float = 0.2) -> tuple[Any, Any]:
    """x where x > 0, else negative_slope x."""
    slope = np.float32(negative_slope)

    @cuda.jit(device=True)
    def forward(x):
        return x if x > float32(0) else slope * x

    @cuda.jit(device=True)
    def gradient(dy, x):
        return dy if x > float32(0) else slope * dy

    return forward, gradient


@functools.cache
def elu(alpha: float = 1.0) -> tuple[Any, Any]:
    """x where x > 0, else alpha (exp(x) - 1); left of 0 the slope is y + alpha."""
    scale = np.float32(alpha)

    @cuda.jit(device=True)
    def forward(x):
        return x if x > float32(0) else scale * math.expm1(x)

    @cuda.jit(device=True)
    def gradient(dy, y):
        return dy if y > float32(0) else dy * (y + scale)

    return forward, gradient


@functools.cache
def gelu(approximate: bool = False) -> tuple[Any, Any]:
    """x F(x), F the normal distribution function; or its tanh form. See `minidl.ops.activations` for the derivation."""
    half, one, bound, three = np.float32(0.5), np.float32(1), np.float32(40), np.float32(3)
    root_half, bell = np.float32(math.sqrt(0.5)), np.float32(1 / math.sqrt(2 * math.pi))
    scale, cubic = np.float32(math.sqrt(2 / math.pi)), np.float32(0.044715)

    @cuda.jit(device=True)
    def near(x):
        """Both forms are flat beyond 40; stopping there keeps x^3 finite. A NaN stays one."""
        return -bound if x < -bound else (bound if x > bound else x)

    @cuda.jit(device=True)
    def forward_tanh(x):
        v = near(x)
        return x * (half * (one + math.tanh(scale * (v + cubic * v * v * v))))

    @cuda.jit(device=True)
    def gradient_tanh(dy, x):
        v = near(x)
        t = math.tanh(scale * (v + cubic * v * v * v))
        density = (one - t * t) * (half * scale) * (one + three * cubic * v * v)
        return dy * (half * (one + t) + v * density)

    @cuda.jit(device=True)
    def forward_erf(x):
        return x * (half * (one + math.erf(x * root_half)))

    @cuda.jit(device=True)
    def gradient_erf(dy, x):
        v = near(x)
        return dy * (half * (one + math.erf(x * root_half)) + v * (math.exp(-half * v * v) * bell))

    return (forward_tanh, gradient_tanh) if approximate else (forward_erf, gradient_erf)


@functools.cache
def sigmoid() -> tuple[Any, Any]:
    """1 / (1 + exp(-x)); the slope is y (1 - y)."""
    @cuda.jit(device=True)
    def gradient(dy, y):
        return dy * (y * (float32(1) - y))

    return sigmoid_of, gradient


@functools.cache
def tanh() -> tuple[Any, Any]:
    """The slope is 1 - y^2."""
    @cuda.jit(device=True)
    def forward(x):
        return math.tanh(x)

    @cuda.jit(device=True)
    def gradient(dy, y):
        return dy * (float32(1) - y * y)

    return forward, gradient


@functools.cache
def softplus() -> tuple[Any, Any]:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)); the slope is the sigmoid."""
    @cuda.jit(device=True)
    def forward(x):
        positive = float32(0) if x <= float32(0) else x
        return positive + math.log1p(math.exp(-abs(x)))

    @cuda.jit(device=True)
    def gradient(dy, x):
        return dy * sigmoid_of(x)

    return forward, gradient


@functools.cache
def swish() -> tuple[Any, Any]:
    """x s with s = sigmoid(x); the slope is s (1 + x (1 - s))."""
    @cuda.jit(device=True)
    def forward(x):
        return x * sigmoid_of(x)

    @cuda.jit(device=True)
    def gradient(dy, x):
        s = sigmoid_of(x)
        return dy * (s * (float32(1) + x * (float32(1) - s)))

    return forward, gradient


@functools.cache
def clipped_relu(max_value: float | None = None, negative_slope: float = 0.0,
                 threshold: float = 0.0) -> tuple[Any, Any]:
    """max_value above it, x above the threshold, negative_slope (x - threshold) below."""
    top = np.float32(np.inf if max_value is None else max_value)
    slope, floor = np.float32(negative_slope), np.float32(threshold)
    leaks, bounded = bool(negative_slope), max_value is not None

    @cuda.jit(device=True)
    def forward(x):
        y = float32(0) if x <= floor else x
        y = top if y > top else y
        if leaks:
            y = y if x > floor else slope * (x - floor)
        return y

    @cuda.jit(device=True)
    def gradient(dy, x):
        if leaks:
            below = slope * dy if x <= floor else float32(0)
        else:
            below = float32(0)
        if bounded:
            return dy if floor < x and x < top else below
        return dy if floor < x else below

    return forward, gradient


@functools.cache
def exp() -> tuple[Any, Any]:
    """The exponential is its own derivative."""
    @cuda.jit(device=True)
    def forward(x):
        return math.exp(x)

    @cuda.jit(device=True)
    def gradient(dy, y):
        return dy * y

    return forward, gradient


@functools.cache
def log() -> tuple[Any, Any]:
    """The natural logarithm; the slope is 1 / x."""
    @cuda.jit(device=True)
    def forward(x):
        return math.log(x)

    @cuda.jit(device=True)
    def gradient(dy, x):
        return dy / x

    return forward, gradient


@functools.cache
def log1p() -> tuple[Any, Any]:
    """The logarithm of 1 + x, exact near 0; the slope is 1 / (1 + x)."""
    @cuda.jit(device=True)
    def forward(x):
        return math.log1p(x)

    @cuda.jit(device=True)
    def gradient(dy, x):
        return dy / (float32(1) + x)

    return forward, gradient


@functools.cache
def expm1() -> tuple[Any, Any]:
    """e^x - 1, exact near 0; the slope is e^x = y + 1."""
    @cuda.jit(device=True)
    def forward(x):
        return math.expm1(x)

    @cuda.jit(device=True)
    def gradient(dy, y):
        return dy * (y + float32(1))

    return forward, gradient


@functools.cache
def sqrt() -> tuple[Any, Any]:
    """The slope is 1 / (2 y)."""
    @cuda.jit(device=True)
    def forward(x):
        return math.sqrt(x)

    @cuda.jit(device=True)
    def gradient(dy, y):
        return float32(0.5) * (dy / y)

    return forward, gradient


@functools.cache
def square() -> tuple[Any, Any]:
    """The slope of x^2 is 2 x."""
    @cuda.jit(device=True)
    def forward(x):
        return x * x

    @cuda.jit(device=True)
    def gradient(dy, x):
        return float32(2) * (dy * x)

    return forward, gradient


@functools.cache
def absolute() -> tuple[Any, Any]:
    """The slope is the sign of x, 0 at 0."""
    @cuda.jit(device=True)
    def forward(x):
        return abs(x)

    @cuda.jit(device=True)
    def gradient(dy, x):
        return dy if x > float32(0) else (-dy if x < float32(0) else dy * x)

    return forward, gradient


@functools.cache
def negative() -> tuple[Any, Any]:
    """The slope is -1; nothing is kept."""
    @cuda.jit(device=True)
    def forward(x):
        return -x

    @cuda.jit(device=True)
    def gradient(dy, nothing):
        return -dy

    return forward, gradient


@functools.cache
def clip(low: float | None = None, high: float | None = None) -> tuple[Any, Any]:
    """Inside the bounds, and on them, the slope is 1."""
    bottom = np.float32(-np.inf if low is None else low)
    most = np.float32(np.inf if high is None else high)
    least = min(bottom, most)

    @cuda.jit(device=True)
    def forward(x):
        return least if x < least else (most if x > most else x)

    @cuda.jit(device=True)
    def gradient(dy, x):
        return dy if bottom <= x and x <= most else float32(0)

    return forward, gradient


@functools.cache
def power(exponent: float) -> tuple[Any, Any]:
    """x^e for a fixed e, with the slope e x^(e - 1)."""
    e, less = np.float32(exponent), np.float32(exponent - 1)
    constant = exponent == 0

    @cuda.jit(device=True)
    def forward(x):
        return math.pow(x, e)

    @cuda.jit(device=True)
    def gradient(dy, x):
        # Trap: for e = 0 the general form is 0 * x^-1, which is NaN at x = 0.
        return float32(0) if constant else dy * (e * math.pow(x, less))

    return forward, gradient


UNARY = {
    "relu": Unary(relu, "y"), "relu6": Unary(relu6, "y"), "leaky_relu": Unary(leaky_relu, "x"), "elu": Unary(elu, "y"),
    "gelu": Unary(gelu, "x"), "sigmoid": Unary(sigmoid, "y"), "tanh": Unary(tanh, "y"),
    "softplus": Unary(softplus, "x"), "swish": Unary(swish, "x"), "clipped_relu": Unary(clipped_relu, "x"),
    "exp": Unary(exp, "y"), "log": Unary(log, "x"), "sqrt": Unary(sqrt, "y"), "square": Unary(square, "x"),
    "absolute": Unary(absolute, "x"), "negative": Unary(negative, "", counts=True), "clip": Unary(clip, "x"),
    "power": Unary(power, "x"), "log1p": Unary(log1p, "x"), "expm1": Unary(expm1, "y"),
}
EXAMPLE_SETTINGS = {"power": {"exponent": 3.0}, "clip": {"low": -1.0, "high": 1.0},
                    "clipped_relu": {"max_value": 6.0, "negative_slope": 0.1, "threshold": 1.0}}
