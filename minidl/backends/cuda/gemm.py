"""gemm and batched_gemm on a GPU or the SIMT machine. The maths is in `minidl/ops/gemm.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.ops.gemm import GemmCache


def gemm_forward(
    device: Device, a: Any, b: Any, *, transpose_a: bool = False, transpose_b: bool = False
) -> tuple[Any, GemmCache]:
    """Return y = A B."""
    a, b = device.take(a=a, b=b)
    y = device.run(device.op, a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    return y, GemmCache(a, b, transpose_a, transpose_b)


def gemm_backward(
    device: Device, dy: Any, cache: GemmCache, *, needs: tuple[bool, bool] = (True, True)
) -> tuple[Any, Any]:
    """Return dA = dy B^T and dB = A^T dy, or their transposes; the kernel reads a matrix either way round."""
    a, b, dy = device.take(a=cache.a, b=cache.b, dy=dy)
    da = db = None
    if needs[0] and cache.transpose_a:  # a^T stands on the left: da = (dy B^T)^T = B dy^T
        da = device.run(device.op, b, dy, transpose_a=cache.transpose_b, transpose_b=True)
    elif needs[0]:
        da = device.run(device.op, dy, b, transpose_b=not cache.transpose_b)
    if needs[1] and cache.transpose_b:
        db = device.run(device.op, dy, a, transpose_a=True, transpose_b=cache.transpose_a)
    elif needs[1]:
        db = device.run(device.op, a, dy, transpose_a=not cache.transpose_a)
    return da, db


batched_gemm_forward, batched_gemm_backward = gemm_forward, gemm_backward  # of stacks, by the kernel of that name
