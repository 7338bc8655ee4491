"""Dense, and the layers that only move values or apply a function."""

from __future__ import annotations

from typing import Any

from minidl import activations, constraints, initializers, regularizers
from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base import Layer


class Dense(Layer):
    """y = activation(x @ kernel + bias), over the last axis of x.

    Parameters
    ----------
    units : number of outputs K
    activation : name or function, applied last
    use_bias : whether to add a bias

    Shapes: x (..., C), kernel (C, K), bias (K,), y (..., K).

    >>> import numpy as np
    >>> layer = Dense(3, activation="relu")
    >>> layer(np.ones((2, 4), np.float32)).shape, layer.count_params()
    ((2, 3), 15)
    """

    supports_masking = True

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
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not isinstance(units, int) or units < 1:
            raise ArgumentError(f"Dense: units must be a positive integer. Got {units!r}.")
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Any) -> None:
        """Make kernel (C, K) and bias (K,)."""
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ShapeError(
                f"Dense: inputs must be (batch, ..., features) with a known number of features. Got {input_shape}."
            )
        self.kernel = self.add_weight(
            (input_shape[-1], self.units), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,), self.bias_initializer, name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )  # fmt: skip

    def call(self, inputs: Any) -> Any:
        """Return activation(inputs @ kernel + bias)."""
        return self.activation(F.dense(inputs, self.kernel, self.bias))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (..., units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
