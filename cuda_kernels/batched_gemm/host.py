"""What both rungs share: the operands' checks, and the host function."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cuda_kernels.launch import check_array, empty, place_of


def host(apply: Callable[..., None]) -> Callable[..., Any]:
    """The host function of a rung; apply(a, b, c, transpose_a, transpose_b, on) launches its kernel."""
    def batched_gemm(a: Any, b: Any, *, transpose_a: bool = False, transpose_b: bool = False, out: Any = None,
                     on: str | None = None) -> Any:
        """C[i] = A[i] @ B[i], float32.

        a (batch, M, K) or (batch, K, M) with transpose_a; b (batch, K, N) or (batch, N, K) with transpose_b; returns C
        (batch, M, N). Raises TypeError (wrong dtype, arrays in different places), ValueError (shapes, layout, empty).
        """
        function = "batched_gemm"
        place_of(a, b, out, function=function)
        check_array(function, "a", a, ndim=3)
        check_array(function, "b", b, ndim=3)
        rows, inner = a.shape[:0:-1] if transpose_a else a.shape[1:]
        inner_b, cols = b.shape[:0:-1] if transpose_b else b.shape[1:]
        if a.shape[0] != b.shape[0] or inner != inner_b:
            raise ValueError(f"{function}: a and b must hold equally many matrices, and A's columns be as many as B's "
                             f"rows. Got a {tuple(a.shape)}, b {tuple(b.shape)}, transpose_a={transpose_a}, "
                             f"transpose_b={transpose_b}. Is one transposed?")
        c = empty((a.shape[0], rows, cols), like=a) if out is None else out
        check_array(function, "out", c, shape=(a.shape[0], rows, cols))
        apply(a, b, c, bool(transpose_a), bool(transpose_b), on)
        return c

    return batched_gemm
