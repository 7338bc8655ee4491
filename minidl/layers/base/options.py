"""OptionLayer: a layer that keeps its arguments, so that its configuration and its weights follow from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import activations, constraints, initializers, regularizers
from minidl.layers.base.layer import Layer
from minidl.layers.base.removed import refuse_removed
from minidl.tensor import Variable

# How an argument is read and written down is told by the end of its name: `kernel_initializer`, `activation`, …
_KINDS = {
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
    "activation": activations,
}


class OptionLayer(Layer):
    """Base of layers whose configuration is their arguments.

    >>> class Shift(OptionLayer):
    ...     def __init__(self, by_initializer="zeros", **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.keep(by_initializer=by_initializer)
    ...     def build(self, input_shape):
    ...         self.by = self.add_option_weight("by", input_shape[1:])
    ...     def call(self, inputs):
    ...         return inputs + self.by
    >>> Shift("ones", name="s").get_config()["by_initializer"]["class_name"]
    'Ones'
    """

    _options: tuple[str, ...] = ()  # names of the arguments, in the order of the configuration

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Before __init__, where Python would only say that `filters` is missing.
        if cls.__module__.startswith("minidl."):
            refuse_removed(cls, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def keep(self, **arguments: Any) -> None:
        """Set each argument as an attribute, and note it for `get_config`; NumPy's numbers become Python's.

        An initializer, regularizer, constraint or activation is looked up by its name first.
        """
        for name, value in arguments.items():
            kind = _KINDS.get(name.rsplit("_", 1)[-1])
            setattr(self, name, kind.get(value) if kind else _as_python(value))
        self._options = (*self._options, *arguments)

    def add_option_weight(self, name: str, shape: tuple[int, ...], options: str | None = None) -> Variable:
        """Make the weight `name`, with the initializer, regularizer and constraint kept under `options` (or its name).

        A weight "kernel" has the options `kernel_initializer`, `kernel_regularizer` and `kernel_constraint`.
        """
        options = options or name
        return self.add_weight(
            shape,
            getattr(self, f"{options}_initializer"),
            regularizer=getattr(self, f"{options}_regularizer", None),
            constraint=getattr(self, f"{options}_constraint", None),
            name=name,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        config = super().get_config()
        for name in self._options:
            kind = _KINDS.get(name.rsplit("_", 1)[-1])
            value = getattr(self, name)
            config[name] = kind.serialize(value) if kind else value
        return config


def _as_python(value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(_as_python(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value
