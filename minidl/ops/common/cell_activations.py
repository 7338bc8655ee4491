"""Activations inside recurrent cells, by Keras name.

A cell applies its activation at every time step and keeps only the outputs. So each entry is a pair of functions:
`apply(z)` overwrites z with y = f(z), and `slope(y)` gives f'(z) in terms of y. An activation whose slope cannot
be told from its output (gelu, swish) is not among them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minidl.errors import unknown_name

# Klambauer et al., arXiv:1706.02515: with these, mean 0 and variance 1 are a fixed point.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
LEAKY_SLOPE = 0.2  # Keras' default for "leaky_relu"


class CellActivation(NamedTuple):
    """apply(z): z becomes f(z), in place. slope(y): a new array, f'(z) where y = f(z)."""

    apply: Callable[[np.ndarray], None]
    slope: Callable[[np.ndarray], np.ndarray]


def cell_activation(op: str, name: str) -> CellActivation:
    """Return the pair of functions for a Keras activation name.

    Raises
    ------
    UnknownNameError : no such name; the nearest one is suggested

    >>> y = np.array([-1.0, 0.0, 1.0])
    >>> cell_activation("lstm", "tanh").apply(y)
    >>> y.round(4), cell_activation("lstm", "tanh").slope(y).round(4)
    (array([-0.7616,  0.    ,  0.7616]), array([0.42, 1.  , 0.42]))
    """
    if name not in CELL_ACTIVATIONS:
        raise unknown_name(f"{op} activation", name, CELL_ACTIVATIONS)
    return CELL_ACTIVATIONS[name]


def _linear(z: np.ndarray) -> None:
    """Leave z as it is."""


def _tanh(z: np.ndarray) -> None:
    np.tanh(z, out=z)


def _sigmoid(z: np.ndarray) -> None:
    # 1 / (1 + exp(-z)) = (1 + tanh(z / 2)) / 2: tanh cannot overflow, and this form works in place.
    z *= 0.5
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5


def _hard_sigmoid(z: np.ndarray) -> None:
    z /= 6
    z += 0.5
    np.clip(z, 0, 1, out=z)


def _relu(z: np.ndarray) -> None:
    np.maximum(z, 0, out=z)


def _relu6(z: np.ndarray) -> None:
    np.clip(z, 0, 6, out=z)


def _leaky_relu(z: np.ndarray) -> None:
    np.maximum(z, LEAKY_SLOPE * z, out=z)


def _elu(z: np.ndarray) -> None:
    np.add(np.maximum(z, 0), np.expm1(np.minimum(z, 0)), out=z)


def _elu_slope(y: np.ndarray) -> np.ndarray:
    return np.minimum(y, 0) + 1  # left of 0, exp(z) = y + 1


def _selu(z: np.ndarray) -> None:
    positive = np.maximum(z, 0)
    np.expm1(np.minimum(z, 0), out=z)
    z *= SELU_ALPHA
    z += positive
    z *= SELU_SCALE


def _selu_slope(y: np.ndarray) -> np.ndarray:
    # Left of 0, SELU_SCALE SELU_ALPHA exp(z) = y + SELU_SCALE SELU_ALPHA.
    return np.where(y > 0, y.dtype.type(SELU_SCALE), y + SELU_SCALE * SELU_ALPHA)


def _softsign(z: np.ndarray) -> None:
    z /= 1 + np.abs(z)


def _softplus(z: np.ndarray) -> None:
    np.logaddexp(z, 0, out=z)


def _exponential(z: np.ndarray) -> None:
    np.exp(z, out=z)


CELL_ACTIVATIONS = {
    "linear": CellActivation(_linear, np.ones_like),
    "tanh": CellActivation(_tanh, lambda y: 1 - y * y),
    "sigmoid": CellActivation(_sigmoid, lambda y: y * (1 - y)),
    "hard_sigmoid": CellActivation(_hard_sigmoid, lambda y: ((y > 0) & (y < 1)).astype(y.dtype) / 6),
    "relu": CellActivation(_relu, lambda y: (y > 0).astype(y.dtype)),
    "relu6": CellActivation(_relu6, lambda y: ((y > 0) & (y < 6)).astype(y.dtype)),
    "leaky_relu": CellActivation(_leaky_relu, lambda y: np.where(y > 0, y.dtype.type(1), y.dtype.type(LEAKY_SLOPE))),
    "elu": CellActivation(_elu, _elu_slope),
    "selu": CellActivation(_selu, _selu_slope),
    "softsign": CellActivation(_softsign, lambda y: np.square(1 - np.abs(y))),  # 1 / (1 + |z|) = 1 - |y|
    "softplus": CellActivation(_softplus, lambda y: -np.expm1(-y)),  # 1 - exp(-y) is the sigmoid of z
    "exponential": CellActivation(_exponential, np.copy),
}
