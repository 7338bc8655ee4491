"""Embedding of integers, and masks of the steps that are padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import functional as F
from minidl.errors import ArgumentError, DataError
from minidl.layers.base.options import OptionLayer
from minidl.layers.base.spatial import who
from minidl.layers.base.symbolic import INTEGERS
from minidl.layers.core import only_none
from minidl.tensor import Tensor


class Embedding(OptionLayer):
    """Replace every integer by its row of a table that is trained: ids (…) -> (…, D).

    Parameters
    ----------
    input_dim : number of rows V: the largest id plus 1
    output_dim : length of a row D
    mask_zero : id 0 is padding: layers that take a mask (LSTM, …) leave those steps out. V counts it.
    weights : a list with the table's first values

    Weights: embeddings (V, D).

    >>> layer = Embedding(5, 3)
    >>> layer([[1, 2, 0, 4]]).shape
    (1, 4, 3)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **kwargs: Any,
    ) -> None:
        length = kwargs.pop("input_length", None)  # of older Keras: it says how many ids a sample has
        if length is not None and "input_shape" not in kwargs:
            kwargs["input_shape"] = (length,) if isinstance(length, INTEGERS) else tuple(length)
        super().__init__(**kwargs)
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if isinstance(value, bool) or not isinstance(value, INTEGERS) or value < 1:
                raise ArgumentError(f"{who(self)}: {name} must be a positive integer. Got {value!r}.")
        only_none(self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        self.keep(
            input_dim=int(input_dim),
            output_dim=int(output_dim),
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            activity_regularizer=self.activity_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
        )
        self.supports_masking = mask_zero
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list | tuple) else [weights])

    def build(self, input_shape: Any = None) -> None:
        """Make the table, which does not depend on the inputs' shape."""
        self.embeddings = self.add_option_weight("embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs: Any) -> Any:
        """Return the rows."""
        if inputs.dtype.kind == "f":
            values = inputs.numpy()
            fractions = values != np.floor(values)
            if fractions.any():
                raise DataError(
                    f"{who(self)}: ids must be whole numbers. Got {values[fractions][0]}. Was the data scaled?"
                )
        return F.embedding(inputs if inputs.dtype.kind in "iu" else inputs.astype("int32"), self.embeddings)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (…, output_dim)."""
        return (*input_shape, self.output_dim)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return where the ids are not 0, if `mask_zero`."""
        if not self.mask_zero:
            return None
        return inputs != 0


class Masking(OptionLayer):
    """Mark steps in which all features equal `mask_value` as padding, and set them to 0: x (N, T, D).

    Layers after it that take a mask (LSTM, …) leave those steps out.

    >>> y = Masking()([[[1.0, 0.0], [0.0, 0.0]]])
    >>> y._keras_mask.numpy()
    array([[ True, False]])
    """

    supports_masking = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(mask_value=mask_value)

    def call(self, inputs: Any) -> Any:
        """Return the inputs, masked steps set to 0."""
        mask = self.compute_mask(inputs)  # ahead of the product, which may move the inputs to a device
        outputs = inputs * Tensor.wrap(mask.numpy()[..., None].astype(inputs.dtype))
        outputs._keras_mask = mask
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return tuple(input_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return (batch, steps): where any feature differs from `mask_value`."""
        return Tensor.wrap((np.asarray(inputs) != self.mask_value).any(axis=-1))
