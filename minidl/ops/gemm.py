"""gemm: the product of two matrices (general matrix multiplication), and batched_gemm, of stacks of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.ops.common.matrices import factors, swap
from minidl.ops.dense import dense_backward, dense_forward  # noqa: F401 - they were in this file once
from minidl.ops.op import Call, Op, product


class GemmCache(NamedTuple):
    """The two factors and which of them were transposed."""

    a: np.ndarray
    b: np.ndarray
    transpose_a: bool
    transpose_b: bool


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

    Raises
    ------
    ShapeError : not two matrices, or the inner sizes differ
    DTypeError : not float, or mixed dtypes

    >>> y, _ = gemm_forward(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), transpose_b=True)
    >>> y
    array([[11.]])
    """
    matrix_a, matrix_b = factors("gemm", 2, a, b, transpose_a, transpose_b)
    return matrix_a @ matrix_b, GemmCache(a, b, transpose_a, transpose_b)


def gemm_backward(
    dy: np.ndarray, cache: GemmCache, *, needs: tuple[bool, bool] = (True, True)
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return da, db. y = A B moves by dA B + A dB, so the loss moves by sum(dy * (dA B)) + sum(dy * (A dB)):

    dA = dy B^T,   dB = A^T dy;   where a (b) was transposed, da = dA^T (db = dB^T).
    """
    a, b = swap(cache.a, cache.transpose_a), swap(cache.b, cache.transpose_b)
    da = swap(dy @ swap(b), cache.transpose_a) if needs[0] else None
    db = swap(swap(a) @ dy, cache.transpose_b) if needs[1] else None
    return da, db


def products(call: Call) -> int:
    """Return the multiplications and additions of a product of (stacks of) matrices."""
    return 2 * call.n * call.shape(0)[-2 if call.static.get("transpose_a") else -1]


def batched_gemm_forward(
    a: np.ndarray, b: np.ndarray, *, transpose_a: bool = False, transpose_b: bool = False
) -> tuple[np.ndarray, GemmCache]:
    """Multiply two stacks, a (I, M, K), b (I, K, N) -> y (I, M, N): `gemm_forward` for each index of the first axis."""
    matrices_a, matrices_b = factors("batched_gemm", 3, a, b, transpose_a, transpose_b)
    return matrices_a @ matrices_b, GemmCache(a, b, transpose_a, transpose_b)


def batched_gemm_backward(dy: np.ndarray, cache: GemmCache, *, needs: tuple[bool, bool] = (True, True)) -> Any:
    """Return da, db: `gemm_backward` for each index of the first axis."""
    return gemm_backward(dy, cache, needs=needs)


OPS = (
    Op(
        "gemm", gemm_forward, gemm_backward, form="product", keeps="a b", differential="product",
        flops=product("2 M N K", products, bias=None), kernels=(("gemm",), ("gemm",)),
        maths=("y = A B,  A = a or aᵀ, B = b or bᵀ", "dA = dy Bᵀ,  dB = Aᵀ dy"),
    ),
    Op(
        "batched_gemm", batched_gemm_forward, batched_gemm_backward, form="product", keeps="a b",
        differential="product", flops=product("2 B M N K", products, bias=None),
        maths=("y[i] = A[i] B[i]", "dA[i] = dy[i] B[i]ᵀ,  dB[i] = A[i]ᵀ dy[i]"),
        shapes=lambda n: [(4, n, n), (4, n, n)], kernels=(("batched_gemm",), ("batched_gemm",)),
    ),
)  # fmt: skip
