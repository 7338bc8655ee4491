"""What every layer is made of: building, weights, names, symbolic calls, its place in a file."""

from minidl.layers.base.layer import Layer
from minidl.layers.base.naming import reset_names

__all__ = ["Layer", "reset_names"]
