"""gemm: the product of two matrices (general matrix multiplication)."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np

from minidl.ops.common.matrices import factors, swap
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


OP = Op(
    "gemm", gemm_forward, gemm_backward, form="product", keeps="a b", differential="product",
    flops=product("2 M N K", products, bias=None), kernels=(("gemm",), ("gemm",)),
    maths=("y = A B,  A = a or aᵀ, B = b or bᵀ", "dA = dy Bᵀ,  dB = Aᵀ dy"),
)  # fmt: skip


def __getattr__(name: str) -> Any:
    """Give the functions that were in this file before they had files of their own."""
    op = name.removesuffix("_forward").removesuffix("_backward")
    if op not in ("batched_gemm", "dense") or op == name:
        raise AttributeError(f"module 'minidl.ops.gemm' has no attribute {name!r}")
    return getattr(importlib.import_module(f"minidl.ops.{op}"), name)
