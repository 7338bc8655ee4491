"""Layers, with Keras' names, arguments and defaults."""

from minidl.layers.base import Layer
from minidl.layers.core import Dense
from minidl.layers.input import Input, InputLayer

__all__ = ["Dense", "Input", "InputLayer", "Layer"]
