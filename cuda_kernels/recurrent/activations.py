"""Activations inside recurrent cells: f(z), and its slope in terms of y = f(z), as the cell keeps only its outputs."""
from __future__ import annotations

import math

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.elementwise.functions import sigmoid_of


@cuda.jit(device=True)
def _linear(z):
    return z


@cuda.jit(device=True)
def _linear_slope(y):
    return float32(1)


@cuda.jit(device=True)
def _tanh(z):
    return math.tanh(z)


@cuda.jit(device=True)
def _tanh_slope(y):
    return float32(1) - y * y


@cuda.jit(device=True)
def _sigmoid_slope(y):
    return y * (float32(1) - y)


@cuda.jit(device=True)
def _relu(z):
    return float32(0) if z <= float32(0) else z


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


ACTIVATIONS = {"linear": (_linear, _linear_slope), "tanh": (_tanh, _tanh_slope),
               "sigmoid": (sigmoid_of, _sigmoid_slope),
               "relu": (_relu, _relu_slope), "hard_sigmoid": (_hard_sigmoid, _hard_sigmoid_slope)}


def cell_activation(op: str, name: str) -> tuple:
    """The device functions (f, slope) of a name; ValueError for one that has none here."""
    if name not in ACTIVATIONS:
        raise ValueError(f"{op}: activation must be one of {', '.join(ACTIVATIONS)}. Got {name!r}.")
    return ACTIVATIONS[name]
