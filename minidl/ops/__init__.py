"""The arithmetic: one file an op, forward above backward, in plain NumPy. See `docs/architecture.md` for the contract.

A Keras program that calls `keras.ops.mean(x)` means a function of tensors. Such names are no files here: they are
looked up in `minidl/keras/ops.py` when they are used, and so are functions of one or two numbers that Keras has not.
(No file of this folder may have the name of such an op.)
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from minidl.keras.names import OPS
from minidl.ops.op import of_form

FOLDER = Path(__file__).parent


def __getattr__(name: str) -> Any:
    if name not in OPS and not _is_of_numbers(name):
        raise AttributeError(f"module 'minidl.ops' has no attribute {name!r}")
    return getattr(importlib.import_module("minidl.keras.ops"), name)


def _is_of_numbers(name: str) -> bool:
    if name.startswith("_") or (FOLDER / name).exists() or (FOLDER / f"{name}.py").exists():
        return False
    return name in of_form("cell", "pair")
