"""batched_gemm: the products of two stacks of matrices."""

from __future__ import annotations

import numpy as np

from minidl.ops.common.matrices import factors
from minidl.ops.gemm import GemmCache, gemm_backward, products
from minidl.ops.op import Op, product


def batched_gemm_forward(
    a: np.ndarray, b: np.ndarray, *, transpose_a: bool = False, transpose_b: bool = False
) -> tuple[np.ndarray, GemmCache]:
    """Multiply two stacks of matrices, one product for each index of the first axis.

        y[i, m, n] = sum over k of  A[i, m, k] * B[i, k, n]

    Parameters and errors as `gemm_forward`, with one axis more in front: a (I, M, K), b (I, K, N) -> y (I, M, N).

    >>> batched_gemm_forward(np.ones((2, 1, 3)), np.ones((2, 3, 1)))[0].ravel()
    array([3., 3.])
    """
    matrices_a, matrices_b = factors("batched_gemm", 3, a, b, transpose_a, transpose_b)
    return matrices_a @ matrices_b, GemmCache(a, b, transpose_a, transpose_b)


def batched_gemm_backward(
    dy: np.ndarray, cache: GemmCache, *, needs: tuple[bool, bool] = (True, True)
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return da, db: `gemm_backward` for each index of the first axis."""
    return gemm_backward(dy, cache, needs=needs)


OP = Op(
    "batched_gemm", batched_gemm_forward, batched_gemm_backward, form="product", keeps="a b",
    flops=product("2 B M N K", products, bias=None), differential="product",
    maths=("y[i] = A[i] B[i]", "dA[i] = dy[i] B[i]ᵀ,  dB[i] = A[i]ᵀ dy[i]"),
    shapes=lambda n: [(4, n, n), (4, n, n)], kernels=(("batched_gemm",), ("batched_gemm",)),
)  # fmt: skip
