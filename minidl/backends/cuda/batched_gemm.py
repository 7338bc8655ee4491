"""batched_gemm on a GPU or the SIMT machine. The maths is in `minidl/ops/batched_gemm.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.backends.cuda.gemm import gradients, product
from minidl.ops.gemm import GemmCache


def batched_gemm_forward(
    device: Device, a: Any, b: Any, *, transpose_a: bool = False, transpose_b: bool = False
) -> tuple[Any, GemmCache]:
    """y[i] = A[i] B[i]."""
    return product(device, "batched_gemm", a, b, transpose_a, transpose_b)


def batched_gemm_backward(
    device: Device, dy: Any, cache: GemmCache, *, needs: tuple[bool, bool] = (True, True)
) -> tuple[Any, Any]:
    """As `gemm_backward`, for each index of the first axis."""
    return gradients(device, "batched_gemm", dy, cache, needs)
