"""Elementwise: the base of layers whose outputs are as large as their inputs."""

from __future__ import annotations

from typing import Any

from minidl.layers.base.options import OptionLayer


class Elementwise(OptionLayer):
    """A layer whose outputs have the inputs' shape and mask."""

    supports_masking = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return tuple(input_shape)
