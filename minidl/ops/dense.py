"""dense: a matrix product over the last axis, and a bias."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minidl.errors import ShapeError
from minidl.ops.common.checks import require_float
from minidl.ops.op import Op, product


class DenseCache(NamedTuple):
    """The inputs; of the bias only whether there was one."""

    x: np.ndarray
    w: np.ndarray
    has_bias: bool


def dense_forward(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> tuple[np.ndarray, DenseCache]:
    """Multiply the last axis by a matrix and add a bias.

        y[..., u] = b[u] + sum over d of  x[..., d] * w[d, u]

    Parameters
    ----------
    x : float array (..., D), at least one axis in front
    w : float array (D, U), dtype of x
    b : float array (U,), or None

    Returns
    -------
    y : (..., U), dtype of x
    cache : DenseCache

    Raises
    ------
    ShapeError : wrong rank, or the sizes do not agree
    DTypeError : not float, or mixed dtypes

    >>> dense_forward(np.array([[1.0, 2.0]]), np.eye(2), np.array([10.0, 20.0]))[0]
    array([[11., 22.]])
    """
    require_float("dense", **{name: a for name, a in (("x", x), ("w", w), ("b", b)) if a is not None})
    check_dense(x, w, b)
    y = _rows(x) @ w  # one large product: on a stack, NumPy would start a small one for each leading index
    if b is not None:
        y += b
    return y.reshape(*x.shape[:-1], w.shape[1]), DenseCache(x, w, b is not None)


def check_dense(x: Any, w: Any, b: Any) -> None:
    """Raise ShapeError unless arrays, of the host or a device, are as `dense_forward` says."""
    if x.ndim < 2 or w.ndim != 2:
        raise ShapeError(f"dense: x must be (..., D) with a batch axis, and w (D, U). Got x {x.shape}, w {w.shape}.")
    if x.shape[-1] != w.shape[0]:
        raise ShapeError(
            f"dense: x has {x.shape[-1]} features but w expects {w.shape[0]}. Got x {x.shape}, w {w.shape}. "
            "Was the model built for another input, or is a Flatten missing?"
        )
    if b is not None and b.shape != w.shape[1:]:
        raise ShapeError(f"dense: b must be ({w.shape[1]},), one number a unit. Got b {b.shape}, w {w.shape}.")


def dense_backward(
    dy: np.ndarray, cache: DenseCache, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return dx, dw, db.

    Over the rows of x, all leading axes as one, y = x w + b:   dx = dy w^T,   dw = x^T dy,   db = sum of dy's rows.
    """
    x, w, has_bias = cache
    rows, drows = _rows(x), _rows(dy)
    dx = (drows @ w.T).reshape(x.shape) if needs[0] else None
    dw = rows.T @ drows if needs[1] else None
    db = drows.sum(axis=0) if needs[2] and has_bias else None
    return dx, dw, db


def _rows(x: np.ndarray) -> np.ndarray:
    """View all axes but the last as one. Not reshape(-1, …): of no values NumPy cannot say how many rows there are."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


OP = Op(
    "dense", dense_forward, dense_backward, form="product", keeps="x w", differential="product",
    flops=product("2 N D U", lambda call: 2 * call.n * call.shape(0)[-1]),
    maths=("y[…, u] = b[u] + Σd x[…, d] w[d, u]", "dx = dy wᵀ,  dw = xᵀ dy,  db = Σ dy"),
    shapes=lambda n: [(n, n), (n, n), (n,)], kernels=(("gemm",), ("gemm",)),
)  # fmt: skip
