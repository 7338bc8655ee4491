"""`where` and `cast` on a GPU or the SIMT machine; the maths is in `minidl/ops/elementwise.py`. Others: `forms.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.backends.cuda.integers import take_moved
from minidl.ops.elementwise import CastCache, WhereCache


def where_forward(device: Device, condition: Any, a: Any, b: Any) -> tuple[Any, WhereCache]:
    """Return y = a where the condition holds, else b."""
    condition = device.take(np.bool_, condition=condition)
    a, b = take_moved(device, a=a, b=b)
    return device.run("where", condition, a, b), WhereCache(condition, tuple(a.shape), tuple(b.shape))


def where_backward(
    device: Device, dy: Any, cache: WhereCache, *, needs: tuple[bool, ...] = (False, True, True)
) -> tuple[None, Any, Any]:
    """The gradient dy goes to the input that was taken."""
    condition, a_shape, b_shape = cache
    condition, dy = device.take(np.bool_, condition=condition), device.take(dy=dy)
    return None, *device.run("where_backward", dy, condition, a_shape=a_shape, b_shape=b_shape, needs=needs[1:])


def cast_forward(device: Device, x: Any, *, dtype: Any) -> tuple[Any, CastCache]:
    """Return y = x as another dtype."""
    x = device.take(None, x=x)
    return device.run("cast", x, dtype=np.dtype(dtype).name), CastCache(x.dtype)


def cast_backward(device: Device, dy: Any, cache: CastCache) -> tuple[Any]:
    """Return dx = dy as x's dtype."""
    dy = device.take(None, dy=dy)
    return (device.run("cast", dy, dtype=cache.dtype.name) if cache.dtype.kind == "f" else None,)
