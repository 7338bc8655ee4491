"""Penalties on weights or activations, added to the loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError, unknown_name
from minidl.tensor import Tensor


class Regularizer:
    """Base of regularizers: called with a tensor, returns a scalar tensor."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty on `x`."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal regularizer."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """Return the regularizer of a configuration."""
        return cls(**config)


class L1(Regularizer):
    """l1 * sum(|x|): drives weights to exactly 0."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _strength("L1", 0.01 if l1 is None else l1)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty on `x`."""
        return F.absolute(x).sum() * self.l1


class L2(Regularizer):
    """l2 * sum(x²): keeps weights small.

    >>> L2(0.5)(Tensor([1.0, 2.0])).item()
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _strength("L2", 0.01 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty on `x`."""
        return F.square(x).sum() * self.l2


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x²)."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _strength("L1L2", l1 or 0.0), _strength("L1L2", l2 or 0.0)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty on `x`."""
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
        """Return the penalty on `x`."""
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
_CLASSES = {c.__name__: c for c in (L1, L2, L1L2, OrthogonalRegularizer)}
# L1L2() alone would be no penalty at all; as a name it means 0.01 each, as Keras' documentation says.
_BY_NAME: dict[str, Any] = {
    "l1": L1,
    "l2": L2,
    "l1_l2": lambda: L1L2(0.01, 0.01),
    "l1l2": L1L2,
    "orthogonal_regularizer": OrthogonalRegularizer,
}


def get(identifier: Any) -> Any:
    """Return the regularizer of a name or configuration; a regularizer, a function or None is returned as it is."""
    if identifier is None or isinstance(identifier, Regularizer):
        return identifier
    if isinstance(identifier, str):
        known = _CLASSES | _BY_NAME
        if identifier not in known:
            raise unknown_name("regularizer", identifier, known)
        return known[identifier]()
    if isinstance(identifier, dict):
        if identifier["class_name"] not in _CLASSES:
            raise unknown_name("regularizer", identifier["class_name"], _CLASSES)
        return _CLASSES[identifier["class_name"]].from_config(identifier.get("config", {}))
    if callable(identifier):
        return identifier() if isinstance(identifier, type) else identifier
    raise ArgumentError(f"regularizer: a name, a Regularizer, a function or None is needed. Got {identifier!r}.")


def serialize(regularizer: Any) -> Any:
    """Return what a configuration says of a regularizer, in Keras' form."""
    if not isinstance(regularizer, Regularizer):
        return getattr(regularizer, "__name__", regularizer)
    return {
        "module": "keras.regularizers",
        "class_name": type(regularizer).__name__,
        "config": regularizer.get_config(),
        "registered_name": None,
    }


deserialize = get
