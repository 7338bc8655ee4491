"""Activations inside recurrent cells: f(z), and its slope in terms of y = f(z), as the cell keeps only its outputs."""
import math

import numpy as np

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.elementwise.functions import UNARY

LEAKY_SLOPE = np.float32(0.2)  # Keras' default for "leaky_relu", and the op's
# Klambauer et al., arXiv:1706.02515: with these, mean 0 and variance 1 are a fixed point.
SELU_SCALE = np.float32(1.0507009873554805)
SELU_LEFT = np.float32(1.0507009873554805 * 1.6732632423543772)


@cuda.jit(device=True)
def _linear(z):
    return z


@cuda.jit(device=True)
def _linear_slope(y):
    return float32(1)


@cuda.jit(device=True)
def _tanh_slope(y):
    return float32(1) - y * y


@cuda.jit(device=True)
def _sigmoid_slope(y):
    return y * (float32(1) - y)


@cuda.jit(device=True)
def _relu_slope(y):
    return float32(1) if y > float32(0) else float32(0)


@cuda.jit(device=True)
def _hard_sigmoid(z):
    y = z / float32(6) + float32(0.5)
    return float32(0) if y < float32(0) else (float32(1) if y > float32(1) else y)


@cuda.jit(device=True)
def _hard_sigmoid_slope(y):
    return float32(1) / float32(6) if float32(0) < y and y < float32(1) else float32(0)


@cuda.jit(device=True)
def _relu6_slope(y):
    return float32(1) if float32(0) < y and y < float32(6) else float32(0)


@cuda.jit(device=True)
def _leaky_relu_slope(y):
    return float32(1) if y > float32(0) else LEAKY_SLOPE


@cuda.jit(device=True)
def _elu_slope(y):
    return float32(1) if y > float32(0) else y + float32(1)  # left of 0, exp(z) = y + 1


@cuda.jit(device=True)
def _selu(z):
    return SELU_SCALE * z if z > float32(0) else SELU_LEFT * math.expm1(z)


@cuda.jit(device=True)
def _selu_slope(y):
    return SELU_SCALE if y > float32(0) else y + SELU_LEFT


@cuda.jit(device=True)
def _softsign(z):
    return z / (float32(1) + abs(z))


@cuda.jit(device=True)
def _softsign_slope(y):
    return (float32(1) - abs(y)) * (float32(1) - abs(y))  # 1 / (1 + |z|) = 1 - |y|


@cuda.jit(device=True)
def _softplus_slope(y):
    return -math.expm1(-y)  # 1 - exp(-y) is the sigmoid of z


@cuda.jit(device=True)
def _exponential_slope(y):
    return y


_OWN = {"linear": _linear, "hard_sigmoid": _hard_sigmoid, "selu": _selu, "softsign": _softsign}
_SLOPES = {
    "linear": _linear_slope, "tanh": _tanh_slope, "sigmoid": _sigmoid_slope, "hard_sigmoid": _hard_sigmoid_slope,
    "relu": _relu_slope, "relu6": _relu6_slope, "leaky_relu": _leaky_relu_slope, "elu": _elu_slope,
    "selu": _selu_slope, "softsign": _softsign_slope, "softplus": _softplus_slope, "exponential": _exponential_slope}
# name -> (f, its slope); f is that of the elementwise op of this name, where there is one.
ACTIVATIONS = {name: (_OWN.get(name) or UNARY["exp" if name == "exponential" else name].make()[0], slope)
               for name, slope in _SLOPES.items()}


def cell_activation(op: str, name: str) -> tuple:
    """The device functions (f, slope) of a name; ValueError for one that has none here."""
    if name not in ACTIVATIONS:
        raise ValueError(f"{op}: activation must be one of {', '.join(ACTIVATIONS)}. Got {name!r}.")
    return ACTIVATIONS[name]
