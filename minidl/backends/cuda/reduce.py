"""Argmax on a GPU or the SIMT machine; the maths is in `minidl/ops/reduce.py`. The other reductions: `forms.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.backends.cuda.integers import is_integer, on_host
from minidl.ops import reduce
from minidl.ops.common.checks import normalize_axis


def argmax_forward(device: Device, x: Any, *, axis: int = -1) -> tuple[Any, None]:
    """Return y = the place of the first of the largest, int64."""
    if is_integer(x):
        return on_host(device, reduce.argmax_forward, x, axis=axis)
    x = device.take(x=x)
    y = device.run("argmax", x, axis=normalize_axis("argmax", axis, x.ndim, x.shape))
    return (y if y.dtype == np.int64 else device.run("cast", y, dtype="int64")), None
