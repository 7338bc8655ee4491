"""The two factors of a product of matrices, or of stacks of them."""

from __future__ import annotations

import numpy as np

from minidl.errors import ShapeError
from minidl.ops.common.checks import require_float


def factors(
    op: str, rank: int, a: np.ndarray, b: np.ndarray, transpose_a: bool, transpose_b: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return A and B, views of a and b, after checking that they fit."""
    require_float(op, a=a, b=b)
    if a.ndim != rank or b.ndim != rank:
        raise ShapeError(
            f"{op}: a and b must have {rank} axes. Got a {a.shape}, b {b.shape}. "
            "gemm takes (M, K) and (K, N); batched_gemm takes (I, M, K) and (I, K, N)."
        )
    matrix_a, matrix_b = swap(a, transpose_a), swap(b, transpose_b)
    if a.shape[:-2] != b.shape[:-2]:
        raise ShapeError(f"{op}: a and b must hold the same number of matrices. Got a {a.shape}, b {b.shape}.")
    if matrix_a.shape[-1] != matrix_b.shape[-2]:
        raise ShapeError(
            f"{op}: the inner sizes differ, {matrix_a.shape[-1]} and {matrix_b.shape[-2]}. Got a {a.shape}, "
            f"transpose_a {transpose_a}, b {b.shape}, transpose_b {transpose_b}. Does one of them need transposing?"
        )
    return matrix_a, matrix_b


def swap(a: np.ndarray, transposed: bool = True) -> np.ndarray:
    """Return the transposed matrix (or matrices), if it is: a view, which BLAS reads without a copy."""
    return a.swapaxes(-1, -2) if transposed else a
