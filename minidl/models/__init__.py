"""Models: Sequential, functional and subclassed; training; loading files."""

from typing import Any

from minidl import layers
from minidl.layers.base.input import Input
from minidl.layers.base.layer import Layer
from minidl.layers.base.op_layer import OpLayer
from minidl.models.model import Model
from minidl.models.sequential import Sequential

__all__ = ["Input", "Layer", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

# What files call layers beside those of `minidl.layers`: models, which may stand inside one another, and ops.
layers.registry.names |= {"Sequential": Sequential, "Functional": Model, "Model": Model, "OpLayer": OpLayer}


def __getattr__(name: str) -> Any:
    if name in ("clone_model", "load_model", "model_from_json", "save_model"):
        from minidl import saving

        return getattr(saving, name)
    raise AttributeError(f"module 'minidl.models' has no attribute {name!r}")
