"""Embedding of integers, and masks of the steps that are padding."""

from __future__ import annotations

from dataclasses import InitVar
from typing import Any

import numpy as np

from minidl import functional as F
from minidl import regularizers
from minidl.errors import DataError
from minidl.layers.base.elementwise import Elementwise
from minidl.layers.base.kinds import Constraint, Initializer, OnlyNone, Positive, Regularizer
from minidl.layers.base.options import OptionLayer
from minidl.layers.base.spatial import who
from minidl.layers.base.symbolic import INTEGERS
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

    input_dim: Positive
    output_dim: Positive
    embeddings_initializer: Initializer = "uniform"
    embeddings_regularizer: Regularizer = None
    embeddings_constraint: Constraint = None
    mask_zero: bool = False
    weights: InitVar[Any] = None
    lora_rank: OnlyNone = None
    lora_alpha: OnlyNone = None
    quantization_config: OnlyNone = None

    @classmethod
    def _of_today(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Take `input_length` of older Keras, which says how many ids a sample has."""
        length = arguments.pop("input_length", None)
        shape = {} if length is None else {"input_shape": (length,) if isinstance(length, INTEGERS) else tuple(length)}
        return shape | arguments

    def __post_init__(self, weights: Any) -> None:
        self.supports_masking = self.mask_zero
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list | tuple) else [weights])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; as in Keras with the penalty on the outputs, where there is none too."""
        return super().get_config() | {"activity_regularizer": regularizers.serialize(self.activity_regularizer)}

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


class Masking(Elementwise):
    """Mark steps in which all features equal `mask_value` as padding, and set them to 0: x (N, T, D).

    Layers after it that take a mask (LSTM, …) leave those steps out.

    >>> y = Masking()([[[1.0, 0.0], [0.0, 0.0]]])
    >>> y._keras_mask.numpy()
    array([[ True, False]])
    """

    mask_value: float = 0.0

    def call(self, inputs: Any) -> Any:
        """Return the inputs, masked steps set to 0."""
        mask = self.compute_mask(inputs)  # ahead of the product, which may move the inputs to a device
        outputs = inputs * Tensor.wrap(mask.numpy()[..., None].astype(inputs.dtype))
        outputs._keras_mask = mask
        return outputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return (batch, steps): where any feature differs from `mask_value`."""
        return Tensor.wrap((np.asarray(inputs) != self.mask_value).any(axis=-1))
