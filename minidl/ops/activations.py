"""Activations: one function of one number each, so a backward is `dy` times a slope, cell by cell.

Where a function has a corner, the slope there is the one PyTorch and Keras use; the docstring says which. Results are
written into arrays made for them, `out=np.empty_like(x)`: without it NumPy makes a number of an array of rank 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from minidl.errors import ArgumentError
from minidl.ops.common.checks import require_float
from minidl.ops.common.error_function import erf
from minidl.ops.elementwise import InputCache, OutputCache
from minidl.ops.op import KerasForm, Op, either

# gelu's tanh form: sqrt(2 / pi) and the cubic coefficient of Hendrycks & Gimpel, arXiv:1606.08415.
GELU_SCALE = math.sqrt(2.0 / math.pi)
GELU_CUBIC = 0.044715


class SlopeCache(NamedTuple):
    """The input and the slope left of 0."""

    x: np.ndarray
    negative_slope: float


class EluCache(NamedTuple):
    """The output and the value it approaches on the left, -alpha."""

    y: np.ndarray
    alpha: float


class GeluCache(NamedTuple):
    """The input and which form was computed."""

    x: np.ndarray
    approximate: bool


class SwishCache(NamedTuple):
    """The input and its sigmoid."""

    x: np.ndarray
    gate: np.ndarray


class ClippedReluCache(NamedTuple):
    """The input and the three numbers that give the function its shape."""

    x: np.ndarray
    max_value: float | None
    negative_slope: float
    threshold: float


def relu_forward(x: np.ndarray) -> tuple[np.ndarray, OutputCache]:
    """Rectified linear unit: `y = max(x, 0)`. The slope at 0 is 0.

    Parameters
    ----------
    x : float array of any shape

    Returns
    -------
    y : shape and dtype of `x`

    Raises
    ------
    DTypeError : `x` is not float32 or float64

    Source: Nair & Hinton, ICML 2010.

    >>> relu_forward(np.array([-1.0, 0.0, 2.0]))[0]
    array([0., 0., 2.])
    """
    require_float("relu", x=x)
    y = np.maximum(x, 0, out=np.empty_like(x))
    return y, OutputCache(y)


def relu_backward(dy: np.ndarray, cache: OutputCache) -> tuple[np.ndarray]:
    """The slope is 1 where x > 0, that is where y > 0, and 0 elsewhere."""
    # A product with the mask takes a sixth of np.where's time, which stumbles over every change of sign.
    return (_times(dy, cache.y > 0),)


def relu6_forward(x: np.ndarray) -> tuple[np.ndarray, OutputCache]:
    """Relu that stops at 6: `y = min(max(x, 0), 6)`. The slope at 0 and at 6 is 0.

    Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10" (2010).
    """
    require_float("relu6", x=x)
    y = np.clip(x, 0, 6, out=np.empty_like(x))
    return y, OutputCache(y)


def relu6_backward(dy: np.ndarray, cache: OutputCache) -> tuple[np.ndarray]:
    """The slope is 1 strictly between the corners."""
    return (_times(dy, (cache.y > 0) & (cache.y < 6)),)


def leaky_relu_forward(x: np.ndarray, *, negative_slope: float = 0.2) -> tuple[np.ndarray, SlopeCache]:
    """Relu that leaks: `y = x` for x > 0, else `negative_slope * x`. The slope at 0 is the negative one.

    Source: Maas, Hannun & Ng, ICML 2013.

    >>> leaky_relu_forward(np.array([-1.0, 2.0]), negative_slope=0.1)[0]
    array([-0.1,  2. ])
    """
    require_float("leaky_relu", x=x)
    negative_slope = float(negative_slope)
    y = np.multiply(x, _leaky_slope(x, negative_slope), out=np.empty_like(x))
    return y, SlopeCache(x, negative_slope)


def leaky_relu_backward(dy: np.ndarray, cache: SlopeCache) -> tuple[np.ndarray]:
    """Since y is a line on either side of 0, its slope is the one it was made with."""
    return (_times(dy, _leaky_slope(cache.x, cache.negative_slope)),)


def elu_forward(x: np.ndarray, *, alpha: float = 1.0) -> tuple[np.ndarray, EluCache]:
    """Exponential linear unit: `y = x` for x > 0, else `alpha * (exp(x) - 1)`. The slope at 0 is `alpha`.

    Source: Clevert, Unterthiner & Hochreiter, arXiv:1511.07289.

    Raises
    ------
    ArgumentError : `alpha` is not positive
    """
    require_float("elu", x=x)
    alpha = float(alpha)
    if not alpha > 0:
        raise ArgumentError(f"elu: alpha must be positive. Got {alpha}. For alpha 0 use relu.")
    # Trap: exp(x) of a large positive x would overflow, although that side is not used; hence the minimum.
    # expm1 keeps the digits that exp(x) - 1 loses near 0.
    y = np.minimum(x, 0, out=np.empty_like(x))
    np.expm1(y, out=y)
    y *= alpha
    y += np.maximum(x, 0)
    return y, EluCache(y, alpha)


def elu_backward(dy: np.ndarray, cache: EluCache) -> tuple[np.ndarray]:
    """Left of 0, dy/dx = alpha exp(x) = y + alpha; right of it 1. y has the sign of x, as alpha > 0."""
    y, alpha = cache
    slope = np.minimum(y, 0, out=np.empty_like(y))
    slope += alpha
    return (_times(dy, _slope_left_of_zero(y, slope)),)


def sigmoid_forward(x: np.ndarray) -> tuple[np.ndarray, OutputCache]:
    """Logistic sigmoid: `y = 1 / (1 + exp(-x))`, from 0 to 1.

    >>> sigmoid_forward(np.array([-1e4, 0.0, 1e4]))[0]
    array([0. , 0.5, 1. ])
    """
    require_float("sigmoid", x=x)
    y = stable_sigmoid(x)
    return y, OutputCache(y)


def sigmoid_backward(dy: np.ndarray, cache: OutputCache) -> tuple[np.ndarray]:
    """With y = 1 / (1 + e^-x): dy/dx = e^-x / (1 + e^-x)^2 = y (1 - y)."""
    dx = np.subtract(1, cache.y, out=np.empty_like(dy))
    dx *= cache.y
    dx *= dy
    return (dx,)


def tanh_forward(x: np.ndarray) -> tuple[np.ndarray, OutputCache]:
    """Hyperbolic tangent, from -1 to 1."""
    require_float("tanh", x=x)
    y = np.tanh(x, out=np.empty_like(x))
    return y, OutputCache(y)


def tanh_backward(dy: np.ndarray, cache: OutputCache) -> tuple[np.ndarray]:
    """With y = tanh x: dy/dx = 1 - y^2."""
    dx = np.square(cache.y, out=np.empty_like(dy))
    np.subtract(1, dx, out=dx)
    dx *= dy
    return (dx,)


def softplus_forward(x: np.ndarray) -> tuple[np.ndarray, InputCache]:
    """Smooth relu: `y = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))`; the second form cannot overflow.

    Source: Glorot, Bordes & Bengio, AISTATS 2011.
    """
    require_float("softplus", x=x)
    y = _exp_of_minus_size(x)
    np.log1p(y, out=y)
    y += np.maximum(x, 0)
    return y, InputCache(x)


def softplus_backward(dy: np.ndarray, cache: InputCache) -> tuple[np.ndarray]:
    """dy/dx = e^x / (1 + e^x), the sigmoid."""
    return (_times(dy, stable_sigmoid(cache.x)),)


def swish_forward(x: np.ndarray) -> tuple[np.ndarray, SwishCache]:
    """Swish, also called SiLU: `y = x * sigmoid(x)`.

    Source: Ramachandran, Zoph & Le, arXiv:1710.05941.
    """
    require_float("swish", x=x)
    gate = stable_sigmoid(x)
    y = np.multiply(x, gate, out=np.empty_like(x))
    return y, SwishCache(x, gate)


def swish_backward(dy: np.ndarray, cache: SwishCache) -> tuple[np.ndarray]:
    """With y = x s with s' = s (1 - s): dy/dx = s + x s (1 - s) = s (1 + x (1 - s))."""
    x, gate = cache
    slope = np.subtract(1, gate, out=np.empty_like(x))
    slope *= x
    slope += 1
    slope *= gate
    return (_times(dy, slope),)


def gelu_forward(x: np.ndarray, *, approximate: bool = False) -> tuple[np.ndarray, GeluCache]:
    """Gaussian error linear unit: `y = x * F(x)`, F the distribution function of the normal distribution.

        F(x) = (1 + erf(x / sqrt(2))) / 2
        F(x) ~ (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2            with approximate=True

    Source: Hendrycks & Gimpel, arXiv:1606.08415.

    >>> gelu_forward(np.array([-1.0, 0.0, 1.0]))[0].round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    require_float("gelu", x=x)
    share = _gelu_tanh(x) if approximate else erf(x * x.dtype.type(math.sqrt(0.5)))
    share += 1
    share *= 0.5
    return np.multiply(x, share, out=share), GeluCache(x, bool(approximate))


def gelu_backward(dy: np.ndarray, cache: GeluCache) -> tuple[np.ndarray]:
    """With y = x F(x): dy/dx = F(x) + x F'(x). Exactly, F' is the bell curve exp(-x^2 / 2) / sqrt(2 pi).
    For the tanh form, t = tanh(u(x)): F' = (1 - t^2) u' / 2 with u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2).
    """
    # Beyond |x| = 40 both forms are flat in any float; stopping there keeps x^2 and x^3 finite.
    x, approximate = cache
    near = np.clip(x, -40, 40)
    if approximate:
        t = _gelu_tanh(x)
        density = (1 - t * t) * (0.5 * GELU_SCALE) * (1 + 3 * GELU_CUBIC * near * near)
    else:
        t = erf(x * x.dtype.type(math.sqrt(0.5)))
        density = np.exp(-0.5 * near * near) / math.sqrt(2 * math.pi)
    slope = 0.5 * (1 + t) + near * density
    return (_times(dy, slope),)


def clipped_relu_forward(
    x: np.ndarray, *, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0
) -> tuple[np.ndarray, ClippedReluCache]:
    """Relu with Keras' three settings (its `ReLU` layer).

        y = max_value                         where x >= max_value
        y = x                                 where threshold < x < max_value
        y = negative_slope * (x - threshold)  elsewhere

    Raises
    ------
    ArgumentError : a setting is negative

    >>> clipped_relu_forward(np.array([-1.0, 0.5, 2.0, 9.0]), max_value=6, negative_slope=0.5, threshold=1)[0]
    array([-1.  , -0.25,  2.  ,  6.  ])
    """
    require_float("clipped_relu", x=x)
    settings = {"max_value": max_value, "negative_slope": negative_slope, "threshold": threshold}
    for name, value in settings.items():
        if value is not None and not value >= 0:
            raise ArgumentError(f"clipped_relu: {name} must not be negative. Got {value}.")
    max_value = None if max_value is None else float(max_value)
    negative_slope, threshold = float(negative_slope), float(threshold)
    y = np.where(x <= threshold, x.dtype.type(0), x)  # a NaN stays one
    if max_value is not None:
        np.minimum(y, max_value, out=y)
    if negative_slope:
        y += negative_slope * np.minimum(x - threshold, 0)
    return y, ClippedReluCache(x, max_value, negative_slope, threshold)


def clipped_relu_backward(dy: np.ndarray, cache: ClippedReluCache) -> tuple[np.ndarray]:
    """Three straight pieces: slope negative_slope below the threshold, 1 up to max_value, 0 above it."""
    x, max_value, negative_slope, threshold = cache
    passes = x > threshold
    if max_value is not None:
        passes &= x < max_value
    slope = passes.astype(x.dtype)
    if negative_slope:
        slope += negative_slope * (x <= threshold)
    return (_times(dy, slope),)


def stable_sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)) as a new array, exponentiating only numbers that are not positive.

    With e = exp(-|x|), it is 1 / (1 + e) for x >= 0 and e / (1 + e) for x < 0.
    """
    e = _exp_of_minus_size(x)
    y = np.maximum(e, x >= 0, out=np.empty_like(x))  # e <= 1, so True (1) wins over it
    e += 1
    y /= e
    return y


def _exp_of_minus_size(x: np.ndarray) -> np.ndarray:
    e = np.absolute(x, out=np.empty_like(x))
    np.negative(e, out=e)
    return np.exp(e, out=e)


def _leaky_slope(x: np.ndarray, negative_slope: float) -> np.ndarray:
    return _slope_left_of_zero(x, x.dtype.type(negative_slope))


def _slope_left_of_zero(x: np.ndarray, slope: np.ndarray | np.floating) -> np.ndarray:
    """Return `slope` where x <= 0 and 1 elsewhere; two products with masks are faster than one np.where."""
    left = x <= 0
    both = np.multiply(left, slope, out=np.empty_like(x))
    both += ~left
    return both


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    near = np.clip(x, -40, 40)
    return np.asarray(np.tanh(GELU_SCALE * (near + GELU_CUBIC * near * near * near)), dtype=x.dtype)


def _times(dy: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return np.multiply(dy, slope, out=np.empty_like(dy))


# fmt: off
OPS = (
    Op(
        "relu", relu_forward, relu_backward, form="cell", keeps="y", values="wide", differential="pieces",
        maths=("y = max(x, 0)", "dx = dy [x > 0]"), keras="nn.Relu",
    ),
    Op(
        "relu6", relu6_forward, relu6_backward, form="cell", keeps="y", values="wide", differential="pieces",
        maths=("y = min(max(x, 0), 6)", "dx = dy [0 < x < 6]"), keras="nn.Relu6",
    ),
    Op(
        "leaky_relu", leaky_relu_forward, leaky_relu_backward, form="cell", flops=(1, 1), keeps="x", values="wide",
        others=({"negative_slope": 0.3},), differential="pieces",
        maths=("y = x where x > 0, else slope · x", "dx = dy where x > 0, else slope · dy"),
        keras=KerasForm("nn", "LeakyRelu", {"negative_slope": "negative_slope"}),
    ),
    Op(
        "elu", elu_forward, elu_backward, form="cell", flops=(1, 2), keeps="y", values="wide",
        others=({"alpha": 0.7},), keras=KerasForm("nn", "Elu", {"alpha": "alpha"}),
        maths=("y = x where x > 0, else α (eˣ − 1)", "dx = dy where x > 0, else dy (y + α)"),
    ),
    Op(
        "sigmoid", sigmoid_forward, sigmoid_backward, form="cell", flops=(2, 3), keeps="y", values="wide",
        differential=lambda x, y: y * (1.0 - y), maths=("y = 1 / (1 + e⁻ˣ)", "dx = dy y (1 − y)"), keras="nn.Sigmoid",
    ),
    Op(
        "tanh", tanh_forward, tanh_backward, form="cell", flops=(0, 3), keeps="y", values="wide",
        differential=lambda x, y: 1.0 - y * y, maths=("y = tanh x", "dx = dy (1 − y²)"), keras="numpy.Tanh",
    ),
    Op(
        "softplus", softplus_forward, softplus_backward, form="cell", flops=(1, 3), keeps="x", values="wide",
        maths=("y = log(1 + eˣ)", "dx = dy sigmoid(x)"), keras="nn.Softplus",
    ),
    Op(
        "swish", swish_forward, swish_backward, form="cell", flops=(3, 7), keeps="x", values="wide",
        maths=("y = x s,  s = sigmoid(x)", "dx = dy s (1 + x (1 − s))"), keras="nn.Silu",
    ),
    Op(
        "gelu", gelu_forward, gelu_backward, form="cell", keeps="x", values="wide", others=({"approximate": True},),
        flops=(either("approximate", False, True, 8, 4), either("approximate", False, True, 17, 9)),
        maths=("y = x Φ(x),  Φ(x) = (1 + erf(x/√2)) / 2", "dx = dy (Φ(x) + x Φ′(x))"),
        keras=KerasForm("nn", "Gelu", {"approximate": "approximate"}),
    ),
    Op(
        "clipped_relu", clipped_relu_forward, clipped_relu_backward, form="cell", flops=(2, 1), keeps="x",
        static={"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2}, differential="pieces",
        others=({}, {"max_value": 0.5}, {"negative_slope": 0.3}, {"threshold": 0.7}),
        maths=(
            "y = max_value where x ≥ max_value,  x where x > threshold,  slope (x − threshold) below",
            "dx = 0 where x ≥ max_value,  dy where x > threshold,  slope · dy below",
        ),
    ),
)
# fmt: on
