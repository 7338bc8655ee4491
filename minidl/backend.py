"""Keras' `backend` module: the few functions of it that programs still call."""

from minidl.config import floatx, set_floatx
from minidl.layers.naming import reset_names
from minidl.ops import workspace

__all__ = ["clear_session", "epsilon", "floatx", "image_data_format", "set_floatx"]


def clear_session(free_memory: bool = True) -> None:
    """Start layer names afresh ("dense", "dense_1", …), and give unused memory back."""
    reset_names()
    if free_memory:
        workspace.clear()


def epsilon() -> float:
    """Return the small number that Keras keeps divisions and logarithms finite with."""
    return 1e-7


def image_data_format() -> str:
    """Return "channels_last": images are (N, H, W, C) throughout."""
    return "channels_last"
