"""dense on a GPU or the SIMT machine. The maths is in `minidl/ops/dense.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.ops.dense import DenseCache, check_dense


def dense_forward(device: Device, x: Any, w: Any, b: Any = None) -> tuple[Any, DenseCache]:
    """Return y = x w + b; the kernel adds b while the sum is still in a register."""
    x, w, b = device.take(x=x, w=w, b=b)
    check_dense(x, w, b)
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
