"""Projections applied to weights after each update."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import functional as F
from minidl.backends.devices.arrays import to_host
from minidl.registry import Configured, Registry
from minidl.tape import where_it_lies
from minidl.tensor import Tensor, Variable, as_array

__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "Projection", "UnitNorm", "deserialize", "get", "max_norm",
    "min_max_norm", "non_neg", "serialize", "unit_norm",
]  # fmt: skip

TINY = 1e-7  # keeps a division by a norm of 0 finite, as in Keras


class Constraint(Configured):
    """Base of constraints: called with an array, returns the projected array."""

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """Return `w` made to satisfy the constraint."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(w)")


class Projection(Constraint):
    """Base of the constraints here, which compute with ops: a weight on a device stays there."""

    def __call__(self, w: Any) -> Any:
        """Return `w`, an array or a tensor, made to satisfy the constraint."""
        tensor = w if isinstance(w, Tensor) else Tensor.wrap(np.asarray(w))
        with where_it_lies(tensor):
            projected = self.project(tensor)
        return projected if isinstance(w, Tensor) else projected.data

    def project(self, w: Tensor) -> Tensor:
        """Return `w` made to satisfy the constraint, a tensor."""
        raise NotImplementedError(f"{type(self).__name__} must define project(w)")


class NonNeg(Projection):
    """No negative weight."""

    def project(self, w: Tensor) -> Tensor:
        """Return max(w, 0)."""
        return F.maximum(w, 0.0)


class MaxNorm(Projection):
    """No column longer than `max_value`.

    >>> MaxNorm(1.0)(np.array([[3.0, 0.1], [4.0, 0.1]])).round(3)
    array([[0.6, 0.1],
           [0.8, 0.1]])
    """

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def project(self, w: Tensor) -> Tensor:
        """Return w with long columns shortened."""
        norms = _norms(w, self.axis)
        return w * (F.clip(norms, 0, self.max_value) / (norms + TINY))


class UnitNorm(Projection):
    """Every column of length 1."""

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def project(self, w: Tensor) -> Tensor:
        """Return w divided by its columns' lengths."""
        return w / (_norms(w, self.axis) + TINY)


class MinMaxNorm(Projection):
    """Every column's length moved towards [min_value, max_value], at a rate."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def project(self, w: Tensor) -> Tensor:
        """Return w with its columns' lengths moved into the range."""
        norms = _norms(w, self.axis)
        wanted = F.clip(norms, self.min_value, self.max_value) * self.rate + norms * (1 - self.rate)
        return w * (wanted / (norms + TINY))


def _norms(w: Tensor, axis: Any) -> Tensor:
    axes = tuple(axis) if isinstance(axis, list | tuple) else axis
    return F.sqrt(F.reduce_sum(F.square(w), axes, keepdims=True))


def constrain(variable: Variable) -> None:
    """Make a variable satisfy its constraint. A function of your own gets an array, for which a device's is fetched."""
    constraint = variable.constraint
    if isinstance(constraint, Projection):
        variable._replace(constraint(variable).data)
    else:
        values = to_host(variable.data, f"constraint of {variable.path}")
        variable._replace(as_array(constraint(values), variable.dtype))


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
registry = Registry("constraint", globals(), (Constraint, Projection), "a name, a Constraint, a function or None")
get, serialize, deserialize = registry.get, registry.serialize, registry.deserialize
