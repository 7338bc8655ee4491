"""Dense: every output is joined to every input."""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.options import OptionLayer
from minidl.layers.base.spatial import who
from minidl.layers.base.symbolic import INTEGERS


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

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if isinstance(units, bool) or not isinstance(units, INTEGERS) or units < 1:
            raise ArgumentError(f"{who(self)}: units must be a positive integer. Got {units!r}.")
        only_none(self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        self.keep(
            units=units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

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


def only_none(layer: Any, **arguments: Any) -> None:
    """Raise unless the arguments, which only Keras knows, are None (as its configurations have them)."""
    for name, value in arguments.items():
        if value is not None:
            raise ArgumentError(f"{who(layer)}: {name} must be None; it is not supported. Got {value!r}.")
