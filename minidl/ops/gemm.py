"""Matrix products: gemm (2-D), batched_gemm (3-D) and dense (a matrix product and a bias over the last axis)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from minidl.errors import ShapeError
from minidl.ops import workspace
from minidl.ops.common.checks import require_float
from minidl.ops.op import Call, Op, product


class GemmCache(NamedTuple):
    """The two factors and which of them were transposed."""

    a: np.ndarray
    b: np.ndarray
    transpose_a: bool
    transpose_b: bool


class DenseCache(NamedTuple):
    """The inputs; of the bias only whether there was one."""

    x: np.ndarray
    w: np.ndarray
    has_bias: bool


def gemm_forward(
    a: np.ndarray, b: np.ndarray, *, transpose_a: bool = False, transpose_b: bool = False
) -> tuple[np.ndarray, GemmCache]:
    """Multiply two matrices.

        y[m, n] = sum over k of  A[m, k] * B[k, n],   A = a or a^T,  B = b or b^T

    Parameters
    ----------
    a : float array (M, K), or (K, M) with transpose_a
    b : float array (K, N), or (N, K) with transpose_b; dtype of a

    Returns
    -------
    y : (M, N), dtype of a
    cache : GemmCache

    Raises
    ------
    ShapeError : not two matrices, or the inner sizes differ
    DTypeError : not float, or mixed dtypes

    >>> y, _ = gemm_forward(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), transpose_b=True)
    >>> y
    array([[11.]])
    """
    return _product("gemm", 2, a, b, transpose_a, transpose_b)


def gemm_backward(
    dy: np.ndarray, cache: GemmCache, *, needs: tuple[bool, bool] = (True, True)
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return da, db.

    y = A B moves by dA B + A dB, so that the loss moves by sum(dy * (dA B)) + sum(dy * (A dB)):

        dA = dy B^T,   dB = A^T dy;   where a (b) was transposed, da = dA^T (db = dB^T), and (X Y)^T = Y^T X^T.
    """
    a, b, transpose_a, transpose_b = cache
    matrix_a = _swap(a) if transpose_a else a
    matrix_b = _swap(b) if transpose_b else b
    da = db = None
    if needs[0]:
        da = _matmul(matrix_b, _swap(dy)) if transpose_a else _matmul(dy, _swap(matrix_b))
    if needs[1]:
        db = _matmul(_swap(dy), matrix_a) if transpose_b else _matmul(_swap(matrix_a), dy)
    return da, db


def batched_gemm_forward(
    a: np.ndarray, b: np.ndarray, *, transpose_a: bool = False, transpose_b: bool = False
) -> tuple[np.ndarray, GemmCache]:
    """Multiply two stacks of matrices, one product for each index of the first axis.

        y[i, m, n] = sum over k of  A[i, m, k] * B[i, k, n]

    Parameters and errors as `gemm_forward`, with one axis more in front: a (I, M, K), b (I, K, N) -> y (I, M, N).

    >>> batched_gemm_forward(np.ones((2, 1, 3)), np.ones((2, 3, 1)))[0].ravel()
    array([3., 3.])
    """
    return _product("batched_gemm", 3, a, b, transpose_a, transpose_b)


def batched_gemm_backward(
    dy: np.ndarray, cache: GemmCache, *, needs: tuple[bool, bool] = (True, True)
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return da, db: `gemm_backward` for each index of the first axis."""
    return gemm_backward(dy, cache, needs=needs)


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
    if x.ndim < 2 or w.ndim != 2:
        raise ShapeError(f"dense: x must be (..., D) with a batch axis, and w (D, U). Got x {x.shape}, w {w.shape}.")
    if x.shape[-1] != w.shape[0]:
        raise ShapeError(
            f"dense: x has {x.shape[-1]} features but w expects {w.shape[0]}. Got x {x.shape}, w {w.shape}. "
            "Was the model built for another input, or is a Flatten missing?"
        )
    if b is not None and b.shape != w.shape[1:]:
        raise ShapeError(f"dense: b must be ({w.shape[1]},), one number a unit. Got b {b.shape}, w {w.shape}.")
    # One large product: matmul on a stack would start one small product for each leading index.
    y = _matmul(_rows(x), w)
    if b is not None:
        y += b
    return y.reshape(*x.shape[:-1], w.shape[1]), DenseCache(x, w, b is not None)


def dense_backward(
    dy: np.ndarray, cache: DenseCache, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return dx, dw, db.

    Over the rows of x, all leading axes as one, y = x w + b:   dx = dy w^T,   dw = x^T dy,   db = sum of dy's rows.
    """
    x, w, has_bias = cache
    rows, drows = _rows(x), _rows(dy)
    dx = _matmul(drows, w.T).reshape(x.shape) if needs[0] else None
    dw = _matmul(rows.T, drows) if needs[1] else None
    db = drows.sum(axis=0) if needs[2] and has_bias else None
    return dx, dw, db


def _product(
    op: str, rank: int, a: np.ndarray, b: np.ndarray, transpose_a: bool, transpose_b: bool
) -> tuple[np.ndarray, GemmCache]:
    require_float(op, a=a, b=b)
    if a.ndim != rank or b.ndim != rank:
        raise ShapeError(
            f"{op}: a and b must have {rank} axes. Got a {a.shape}, b {b.shape}. "
            "gemm takes (M, K) and (K, N); batched_gemm takes (I, M, K) and (I, K, N)."
        )
    matrix_a = _swap(a) if transpose_a else a
    matrix_b = _swap(b) if transpose_b else b
    if a.shape[:-2] != b.shape[:-2]:
        raise ShapeError(f"{op}: a and b must hold the same number of matrices. Got a {a.shape}, b {b.shape}.")
    if matrix_a.shape[-1] != matrix_b.shape[-2]:
        raise ShapeError(
            f"{op}: the inner sizes differ, {matrix_a.shape[-1]} and {matrix_b.shape[-2]}. Got a {a.shape}, "
            f"transpose_a {transpose_a}, b {b.shape}, transpose_b {transpose_b}. Does one of them need transposing?"
        )
    return _matmul(matrix_a, matrix_b), GemmCache(a, b, transpose_a, transpose_b)


def _rows(x: np.ndarray) -> np.ndarray:
    """View all axes but the last as one. Not reshape(-1, …): of no values NumPy cannot say how many rows there are."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _swap(a: np.ndarray) -> np.ndarray:
    """Return the transposed matrix (or matrices): a view, which BLAS reads without a copy."""
    return a.swapaxes(-1, -2)


def _matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.matmul(a, b, out=workspace.empty((*a.shape[:-1], b.shape[-1]), a.dtype))


def _inner(call: Call) -> int:
    return call.shape(0)[-2 if call.static.get("transpose_a") else -1]


OPS = (
    Op(
        "gemm", gemm_forward, gemm_backward, form="product", keeps="a b", differential="product",
        flops=product("2 M N K", lambda call: 2 * call.n * _inner(call), bias=None),
        maths=("y = A B,  A = a or aᵀ, B = b or bᵀ", "dA = dy Bᵀ,  dB = Aᵀ dy"),
        kernels=(("gemm",), ("gemm",)),
    ),
    Op(
        "batched_gemm", batched_gemm_forward, batched_gemm_backward, form="product", keeps="a b",
        flops=product("2 B M N K", lambda call: 2 * call.n * _inner(call), bias=None), differential="product",
        maths=("y[i] = A[i] B[i]", "dA[i] = dy[i] B[i]ᵀ,  dB[i] = A[i]ᵀ dy[i]"),
        shapes=lambda n: [(4, n, n), (4, n, n)], kernels=(("batched_gemm",), ("batched_gemm",)),
    ),
    Op(
        "dense", dense_forward, dense_backward, form="product", keeps="x w", differential="product",
        flops=product("2 N D U", lambda call: 2 * call.n * call.shape(0)[-1]),
        maths=("y[…, u] = b[u] + Σd x[…, d] w[d, u]", "dx = dy wᵀ,  dw = xᵀ dy,  db = Σ dy"),
        shapes=lambda n: [(n, n), (n, n), (n,)], kernels=(("gemm",), ("gemm",)),
    ),
)  # fmt: skip
