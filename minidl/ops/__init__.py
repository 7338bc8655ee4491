"""The arithmetic: one file an op, forward above backward, in plain NumPy. See `docs/architecture.md` for the contract.

A Keras program that calls `keras.ops.mean(x)` means a function of tensors. Such names are no files here: they are
looked up in `minidl/keras/ops.py` when they are used.
"""

from __future__ import annotations

import importlib
from typing import Any

from minidl.keras.names import OPS


def __getattr__(name: str) -> Any:
    if name not in OPS:
        raise AttributeError(f"module 'minidl.ops' has no attribute {name!r}")
    return getattr(importlib.import_module("minidl.keras.ops"), name)
