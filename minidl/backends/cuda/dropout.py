"""Dropout on a GPU or the SIMT machine, with the mask that NumPy draws. The maths is in `minidl/ops/dropout.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.ops.dropout import DropoutCache


def dropout_forward(
    device: Device, x: Any, *, rate: float, seed: int, offset: int, noise_shape: Any = None
) -> tuple[Any, DropoutCache]:
    """Return y = x / (1 - rate) where kept, else 0."""
    x = device.take(x=x)
    y, keep, scale = device.run("dropout", x, rate=rate, seed=seed, offset=offset, noise_shape=noise_shape)
    return y, DropoutCache(keep, scale)


def dropout_backward(device: Device, dy: Any, cache: DropoutCache) -> tuple[Any]:
    """Return dx = dy / (1 - rate) where kept, else 0."""
    dy, keep = device.take(dy=dy), device.take(np.bool_, keep=cache.keep)
    return (device.run("dropout_backward", dy, keep, scale=cache.scale),)
