"""What both rungs check."""
from __future__ import annotations

from typing import Any

from cuda_kernels.launch import check_array, empty, place_of


def checked_output(a: Any, b: Any, transpose_a: bool, transpose_b: bool, out: Any) -> Any:
    """Check the operands; returns C (batch, M, N), `out` or a new array.

    Raises TypeError (wrong dtype, arrays in different places), ValueError (shapes, layout, empty).
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
    shape = (a.shape[0], rows, cols)
    c = empty(shape, like=a) if out is None else out
    check_array(function, "out", c, shape=shape)
    return c
