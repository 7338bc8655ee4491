"""Arithmetic, element by element (broadcast as NumPy does), and the matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.errors import ShapeError
from minidl.tape import apply
from minidl.tensor import Tensor, convert_to_tensor


def add(a: Any, b: Any) -> Tensor:
    """Return a + b."""
    return apply("add", a, b)


def subtract(a: Any, b: Any) -> Tensor:
    """Return a - b."""
    return apply("subtract", a, b)


def multiply(a: Any, b: Any) -> Tensor:
    """Return a * b."""
    return apply("multiply", a, b)


def divide(a: Any, b: Any) -> Tensor:
    """Return a / b."""
    return apply("divide", a, b)


def maximum(a: Any, b: Any) -> Tensor:
    """Return the larger of a and b; where they are equal the gradient goes to `a`."""
    return apply("maximum", a, b)


def minimum(a: Any, b: Any) -> Tensor:
    """Return the smaller of a and b; where they are equal the gradient goes to `a`."""
    return apply("minimum", a, b)


def power(x: Any, exponent: float) -> Tensor:
    """Return x ** exponent, for a constant exponent."""
    return apply("power", x, exponent=exponent)


def exp(x: Any) -> Tensor:
    """Return e ** x."""
    return apply("exp", x)


def log(x: Any) -> Tensor:
    """Return the natural logarithm of x."""
    return apply("log", x)


def sqrt(x: Any) -> Tensor:
    """Return the square root of x."""
    return apply("sqrt", x)


def square(x: Any) -> Tensor:
    """Return x * x."""
    return apply("square", x)


def absolute(x: Any) -> Tensor:
    """Return |x|; its gradient at 0 is 0."""
    return apply("absolute", x)


def negative(x: Any) -> Tensor:
    """Return -x."""
    return apply("negative", x)


def clip(x: Any, low: float, high: float) -> Tensor:
    """Return x limited to [low, high]; no gradient flows where it was cut."""
    return apply("clip", x, low=low, high=high)


def cast(x: Any, dtype: Any) -> Tensor:
    """Return x as another dtype."""
    return apply("cast", x, dtype=np.dtype(dtype).name)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """Return a where `condition` holds, else b."""
    return apply("where", condition, a, b)


def matmul(a: Any, b: Any) -> Tensor:
    """Return the matrix product over the last two axes; leading axes must agree (or one operand is 2-D).

    Parameters
    ----------
    a : (..., M, K) or (K,)
    b : (..., K, N) or (K,)

    Raises
    ------
    ShapeError : the inner sizes or the leading axes differ

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]]).numpy()
    array([[11.]], dtype=float32)
    """
    a, b = (x if hasattr(x, "__minidl_apply__") else convert_to_tensor(x) for x in (a, b))
    if a.ndim == 1:
        return matmul(a.reshape((1, -1)), b)[..., 0, :]
    if b.ndim == 1:
        return matmul(a, b.reshape((-1, 1)))[..., 0]
    if a.ndim == 2 and b.ndim == 2:
        return apply("gemm", a, b)
    if b.ndim == 2:
        return apply("dense", a, b, None)
    if a.ndim == 3 and b.ndim == 3:
        return apply("batched_gemm", a, b)
    leading = a.shape[:-2]
    if leading != b.shape[:-2]:
        raise ShapeError(f"matmul: the leading axes must agree. Got a {a.shape}, b {b.shape}. Is a transpose missing?")
    product = apply("batched_gemm", a.reshape((-1, *a.shape[-2:])), b.reshape((-1, *b.shape[-2:])))
    return product.reshape((*leading, a.shape[-2], b.shape[-1]))
