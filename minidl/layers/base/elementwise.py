"""Elementwise: the base of layers whose outputs are as large as their inputs."""

from __future__ import annotations

from typing import Any, ClassVar

from minidl import functional as F
from minidl.layers.base.options import OptionLayer
from minidl.ops.op import records


class Elementwise(OptionLayer):
    """A layer whose outputs have the inputs' shape and mask; one that names an op is that op, its fields the settings.

    >>> class Square(Elementwise):
    ...     op = "square"
    >>> Square()([3.0]).numpy()
    array([9.], dtype=float32)
    """

    op: ClassVar[str]
    supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the op of the inputs."""
        return getattr(F, self.op)(inputs, **{name: getattr(self, name) for name in records()[self.op].settings})

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return tuple(input_shape)
