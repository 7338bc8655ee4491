"""Broadcasting, and its gradient: the rule by which arrays of different shapes meet.

Shapes are compared from the last axis backwards; an axis of size 1, or a missing one, is stretched.
"""

from __future__ import annotations

import numpy as np

from minidl.errors import ShapeError
from minidl.ops.common.checks import require_number
from minidl.ops.reduce import sum_over


def broadcast_shape(op: str, **arrays: np.ndarray) -> tuple[int, ...]:
    """Return the shape that the arrays broadcast to, or raise `ShapeError`.

    >>> broadcast_shape("add", a=np.ones((4, 1, 3)), b=np.ones((2, 3)))
    (4, 2, 3)
    """
    shapes = {array.shape for array in arrays.values()} - {()}
    if len(shapes) <= 1:  # the usual case: equal shapes, and numbers, which fit any
        return shapes.pop() if shapes else ()
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        got = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ShapeError(
            f"{op}: the shapes do not broadcast. Got {got}. Counted from the last axis, two sizes must be "
            "equal or one of them 1; is an axis missing, or the batch of another size?"
        ) from None


def unbroadcast(dy: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum `dy` over the axes along which an input of `shape` was stretched, so that the result has `shape`.

    Broadcasting copies a value to many places; the gradient of a copied value is the sum over its copies.

    >>> unbroadcast(np.ones((4, 2, 3)), (2, 1)).tolist()
    [[12.0], [12.0]]
    """
    if dy.shape == shape:
        return dy
    added = dy.ndim - len(shape)
    stretched = tuple(i + added for i, n in enumerate(shape) if n == 1 and dy.shape[i + added] != 1)
    return sum_over(dy, tuple(range(added)) + stretched).reshape(shape)


def output_for(op: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return an uninitialised array for `op(a, b)`, after checking dtypes and shapes."""
    require_number(op, a=a, b=b)
    return np.empty_like(a, shape=broadcast_shape(op, a=a, b=b))
