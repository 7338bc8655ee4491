"""Matrix products on a GPU or the SIMT machine: gemm, batched_gemm and dense. The maths is in `minidl/ops/gemm.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.errors import ShapeError
from minidl.ops.gemm import DenseCache, GemmCache


def gemm_forward(
    device: Device, a: Any, b: Any, *, transpose_a: bool = False, transpose_b: bool = False
) -> tuple[Any, GemmCache]:
    """Return y = A B."""
    return _product(device, "gemm", a, b, transpose_a, transpose_b)


def gemm_backward(
    device: Device, dy: Any, cache: GemmCache, *, needs: tuple[bool, bool] = (True, True)
) -> tuple[Any, Any]:
    """Return dA = dy B^T and dB = A^T dy, or their transposes; the kernel reads a matrix either way round."""
    return _gradients(device, "gemm", dy, cache, needs)


def batched_gemm_forward(
    device: Device, a: Any, b: Any, *, transpose_a: bool = False, transpose_b: bool = False
) -> tuple[Any, GemmCache]:
    """y[i] = A[i] B[i]."""
    return _product(device, "batched_gemm", a, b, transpose_a, transpose_b)


def batched_gemm_backward(
    device: Device, dy: Any, cache: GemmCache, *, needs: tuple[bool, bool] = (True, True)
) -> tuple[Any, Any]:
    """As `gemm_backward`, for each index of the first axis."""
    return _gradients(device, "batched_gemm", dy, cache, needs)


def dense_forward(device: Device, x: Any, w: Any, b: Any = None) -> tuple[Any, DenseCache]:
    """Return y = x w + b; the kernel adds b while the sum is still in a register."""
    x, w, b = device.take(x=x, w=w, b=b)
    if x.ndim < 2 or w.ndim != 2:
        raise ShapeError(f"dense: x must be (..., D) with a batch axis, and w (D, U). Got x {x.shape}, w {w.shape}.")
    if x.shape[-1] != w.shape[0]:
        raise ShapeError(
            f"dense: x has {x.shape[-1]} features but w expects {w.shape[0]}. Got x {x.shape}, w {w.shape}. "
            "Was the model built for another input, or is a Flatten missing?"
        )
    y = device.run("gemm", x.reshape(-1, x.shape[-1]), w, b)
    return y.reshape(*x.shape[:-1], w.shape[1]), DenseCache(x, w, b is not None)


def dense_backward(
    device: Device, dy: Any, cache: DenseCache, *, needs: tuple[bool, bool, bool] = (True, True, True)
) -> tuple[Any, Any, Any]:
    """Return dx = dy w^T, dw = x^T dy, db = the sum of dy's rows."""
    x, w, dy = device.take(x=cache.x, w=cache.w, dy=dy)
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    dx = device.run("gemm", drows, w, transpose_b=True).reshape(x.shape) if needs[0] else None
    dw = device.run("gemm", rows, drows, transpose_a=True) if needs[1] else None
    db = device.run("reduce_sum", drows, axes=(0,)) if needs[2] and cache.has_bias else None
    return dx, dw, db


def _product(device: Device, op: str, a: Any, b: Any, transpose_a: bool, transpose_b: bool) -> tuple[Any, GemmCache]:
    a, b = device.take(a=a, b=b)
    y = device.run(op, a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    return y, GemmCache(a, b, transpose_a, transpose_b)


def _gradients(device: Device, op: str, dy: Any, cache: GemmCache, needs: tuple[bool, bool]) -> tuple[Any, Any]:
    a, b, dy = device.take(a=cache.a, b=cache.b, dy=dy)
    da = db = None
    if needs[0] and cache.transpose_a:  # a^T stands on the left: da = (dy B^T)^T = B dy^T
        da = device.run(op, b, dy, transpose_a=cache.transpose_b, transpose_b=True)
    elif needs[0]:
        da = device.run(op, dy, b, transpose_b=not cache.transpose_b)
    if needs[1] and cache.transpose_b:
        db = device.run(op, dy, a, transpose_a=True, transpose_b=cache.transpose_a)
    elif needs[1]:
        db = device.run(op, a, dy, transpose_a=not cache.transpose_a)
    return da, db
