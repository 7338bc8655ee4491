"""Keras' old module of this name: whatever is looked up in it says what to use instead."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'minidl.utils.np_utils' has no attribute {name!r}")
    raise ImportError(f"keras.utils.np_utils was removed from Keras; use minidl.utils.{name} instead.")
