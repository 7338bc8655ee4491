"""Enlarging images on a GPU or the SIMT machine. The maths is in `minidl/ops/upsample2d.py`."""

from __future__ import annotations

from typing import Any

from minidl.backends.cuda.device import Device
from minidl.ops.upsample2d import Upsample2DCache


def upsample2d_forward(
    device: Device, x: Any, *, size: tuple[int, int] = (2, 2), interpolation: str = "nearest"
) -> tuple[Any, Upsample2DCache]:
    """Return y = x, enlarged by whole factors."""
    x = device.take(x=x)
    y = device.run("upsample2d", x, size=tuple(size), interpolation=interpolation)
    return y, Upsample2DCache(tuple(x.shape), (size[0], size[1]), interpolation)


def upsample2d_backward(device: Device, dy: Any, cache: Upsample2DCache) -> tuple[Any]:
    """dx: each old pixel collects from the new ones that read it."""
    dy = device.take(dy=dy)
    return (device.run("upsample2d_backward", dy, size=cache.size, interpolation=cache.interpolation),)
