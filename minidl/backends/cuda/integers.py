"""Integers and bools on a GPU or the SIMT machine: what kernels do with them, and what the host does.

Kernels move them (shapes, `where`, `cast`) and count with them (`add`, `subtract`, `multiply`, `negative`, `maximum`,
`minimum`). Reductions of integers, and positions in them, are computed on the host by NumPy's op; the ledger notes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cuda_kernels.dtypes import COUNTED, MOVED
from minidl.backends.cuda.device import Device
from minidl.backends.devices.arrays import to_host
from minidl.errors import DTypeError


def take_moved(device: Device, **arrays: Any) -> Any:
    """As `device.take`, for arrays of float32, integers or bools that are only moved. Raises DTypeError, ShapeError."""
    return _take(device, MOVED, arrays)


def take_counted(device: Device, **arrays: Any) -> Any:
    """As `device.take`, for arrays of float32 or integers, all of one dtype. Raises DTypeError, ShapeError."""
    return _take(device, COUNTED, arrays)


def is_integer(x: Any) -> bool:
    """Whether `x` is an array of integers or bools, wherever it is."""
    return getattr(x, "dtype", np.dtype(np.float32)).kind in "iub"


def on_host(device: Device, forward: Any, x: Any, **static: Any) -> Any:
    """Run NumPy's forward on integers; what it returns stays on the host, where integers are at home."""
    return forward(to_host(x, f"{device.op} {device.direction} of integers"), **static)


def _take(device: Device, dtypes: tuple[str, ...], arrays: dict[str, Any]) -> Any:
    for name, array in arrays.items():
        if getattr(array, "dtype", "float32") not in dtypes:
            device.take(**{name: array})  # raises, with the advice for float64
    found = {str(array.dtype) for array in arrays.values() if hasattr(array, "dtype")}
    if len(found) > 1:
        got = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        raise DTypeError(f"{device.op}: all inputs must have the same dtype. Got {got}. Cast one first: x.astype(...).")
    return device.take(None, **arrays)
