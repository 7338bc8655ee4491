"""Keras' old module of this name: whatever is looked up in it says what to use instead."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("normalize", "to_categorical"):  # ImportError, as `from … import` hides the words of an AttributeError
        raise ImportError(f"keras.utils.np_utils was removed from Keras; use minidl.utils.{name} instead.")
    raise AttributeError(f"module 'minidl.utils.np_utils' has no attribute {name!r}")
