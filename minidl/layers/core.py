"""Dense: every output is joined to every input."""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.errors import ShapeError
from minidl.layers.base.kinds import Activation, Constraint, Initializer, OnlyNone, Positive, Regularizer, Unsaved
from minidl.layers.base.options import OptionLayer
from minidl.layers.base.spatial import who


class Dense(OptionLayer):
    """y = activation(x @ kernel + bias), over the last axis of x.

    Parameters
    ----------
    units : number of outputs K
    activation : name or function, applied last
    use_bias : whether to add a bias
    lora_rank, lora_alpha, quantization_config : of Keras; only None is supported

    Shapes: x (..., C), kernel (C, K), bias (K,), y (..., K).

    >>> import numpy as np
    >>> layer = Dense(3, activation="relu")
    >>> layer(np.ones((2, 4), np.float32)).shape, layer.count_params()
    ((2, 3), 15)
    """

    supports_masking = True
    computes_in_floats = True

    units: Positive
    activation: Activation = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Unsaved = None
    kernel_constraint: Constraint = None
    bias_constraint: Constraint = None
    lora_rank: OnlyNone = None
    lora_alpha: OnlyNone = None
    quantization_config: OnlyNone = None

    def build(self, input_shape: Any) -> None:
        """Make kernel (C, K) and bias (K,)."""
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ShapeError(
                f"{who(self)}: inputs must be (batch, ..., features) with a known number of features. "
                f"Got {input_shape}."
            )
        self.kernel = self.add_option_weight("kernel", (input_shape[-1], self.units))
        self.bias = self.add_option_weight("bias", (self.units,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        """Return activation(inputs @ kernel + bias)."""
        y = F.dense(inputs, self.kernel, self.bias)
        return y if self.activation is None else self.activation(y)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (..., units)."""
        return (*input_shape[:-1], self.units)
