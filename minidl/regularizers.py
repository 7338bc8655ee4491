"""Penalties on weights or activations, added to the loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError, unknown_name
from minidl.registry import Configured, Registry
from minidl.tensor import Tensor

__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2",
    "orthogonal_regularizer", "serialize",
]  # fmt: skip


class Regularizer(Configured):
    """Base of regularizers: called with a tensor, returns a scalar tensor."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty on `x`."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")


class L1(Regularizer):
    """l1 * sum(|x|): drives weights to exactly 0."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _strength("L1", 0.01 if l1 is None else l1)

    def __call__(self, x: Tensor) -> Tensor:
        return F.absolute(x).sum() * self.l1


class L2(Regularizer):
    """l2 * sum(x²): keeps weights small.

    >>> L2(0.5)(Tensor([1.0, 2.0])).item()
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _strength("L2", 0.01 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Tensor:
        return F.square(x).sum() * self.l2


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x²)."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _strength("L1L2", l1 or 0.0), _strength("L1L2", l2 or 0.0)

    def __call__(self, x: Tensor) -> Tensor:
        return F.absolute(x).sum() * self.l1 + F.square(x).sum() * self.l2


class OrthogonalRegularizer(Regularizer):
    """factor * mean of |cosine| between different rows (or columns) of a matrix, over the pairs of them.

    >>> round(OrthogonalRegularizer(1.0)(Tensor([[1.0, 0.0], [0.6, 0.8]])).item(), 6)
    0.6
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise unknown_name("OrthogonalRegularizer mode", mode, ["rows", "columns"])
        self.factor, self.mode = _strength("OrthogonalRegularizer", factor), mode

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim != 2:
            raise ShapeError(f"OrthogonalRegularizer: x must be a matrix, two axes. Got shape {x.shape}.")
        rows = x if self.mode == "rows" else x.transpose()
        unit = rows / F.maximum(F.sqrt(F.square(rows).sum(axis=1, keepdims=True)), 1e-12)
        size = rows.shape[0]
        others = Tensor.wrap(1 - np.eye(size, dtype=x.dtype))
        pairs = max(1.0, size * (size - 1) / 2)
        return F.absolute(F.matmul(unit, unit.transpose()) * others).sum() * (self.factor * 0.5 / pairs)


def _strength(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ArgumentError(f"{name}: the strength must be a finite number >= 0. Got {value!r}.")
    return float(value)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer  # Keras' other names
registry = Registry(
    "regularizer", globals(), (Regularizer,), "a name, a Regularizer, a function or None", also={"l1l2": L1L2}
)
serialize, deserialize = registry.serialize, registry.deserialize


def get(identifier: Any) -> Any:
    """Return the regularizer of a name or configuration; see `Registry.get`."""
    # L1L2() alone would be no penalty at all; as a name it means 0.01 each, as Keras' documentation says.
    return L1L2(0.01, 0.01) if isinstance(identifier, str) and identifier == "l1_l2" else registry.get(identifier)
