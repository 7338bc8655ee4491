"""Layers that arrange values anew without changing them."""

from __future__ import annotations

import math
from typing import Annotated, Any

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.kinds import Layout, Size
from minidl.layers.base.options import Kind, OptionLayer
from minidl.layers.base.spatial import check_rank, who
from minidl.layers.base.symbolic import INTEGERS


class Flatten(OptionLayer):
    """Put all axes but the batch's into one: x (N, …) -> (N, product of the others).

    >>> import numpy as np
    >>> Flatten()(np.ones((2, 3, 4), np.float32)).shape
    (2, 12)
    """

    data_format: Layout = None

    def call(self, inputs: Any) -> Any:
        """Return (batch, features)."""
        return F.reshape(inputs, self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, product of the other sizes)."""
        rest = input_shape[1:]
        return input_shape[0], None if None in rest else math.prod(rest)


def target(layer: Any, name: str, value: Any) -> tuple[int, ...]:
    """Return a sample's shape, of sizes of which one may be -1."""
    sizes = (value,) if isinstance(value, INTEGERS) else tuple(value)
    if sizes.count(-1) > 1 or not all(isinstance(n, INTEGERS) and n >= -1 for n in sizes):
        raise ArgumentError(f"{who(layer)}: {name} must be sizes, at most one of them -1. Got {value!r}.")
    return sizes


class Reshape(OptionLayer):
    """Give every sample another shape; one size may be -1, "what is left".

    >>> import numpy as np
    >>> Reshape((2, -1))(np.ones((5, 6), np.float32)).shape
    (5, 2, 3)
    """

    target_shape: Annotated[Any, Kind(target)]

    def call(self, inputs: Any) -> Any:
        """Return the samples in their new shape."""
        return F.reshape(inputs, self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, *target_shape), -1 worked out.

        Raises
        ------
        ShapeError : the sample has another number of values than the target
        """
        rest, known = input_shape[1:], math.prod(n for n in self.target_shape if n != -1)
        if None in rest:
            return (input_shape[0], *(None if n == -1 else n for n in self.target_shape))
        values = math.prod(rest)
        left = values // known if known else 0
        target = tuple(left if n == -1 else n for n in self.target_shape)
        if math.prod(target) != values:
            raise ShapeError(
                f"{who(self)}: a sample of shape {tuple(rest)} has {values} values, which do not fit into "
                f"{self.target_shape}."
            )
        return (input_shape[0], *target)


def permutation(layer: Any, name: str, value: Any) -> tuple[int, ...]:
    """Return the numbers 1 … n in some order."""
    if sorted(value) != list(range(1, len(value) + 1)):
        raise ArgumentError(
            f"{who(layer)}: {name} must be a permutation of 1 … number of axes; the batch axis stays. Got {value!r}."
        )
    return tuple(value)


class Permute(OptionLayer):
    """Reorder the axes of every sample, counted from 1: Permute((2, 1)) swaps the first two.

    >>> import numpy as np
    >>> Permute((2, 1))(np.ones((5, 6, 7), np.float32)).shape
    (5, 7, 6)
    """

    dims: Annotated[Any, Kind(permutation)]

    def call(self, inputs: Any) -> Any:
        """Return the inputs with their axes reordered."""
        self.compute_output_shape(inputs.shape)
        return F.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the sizes in their new order."""
        if len(input_shape) != len(self.dims) + 1:
            raise ShapeError(f"{who(self)}: samples must have {len(self.dims)} axes. Got inputs {tuple(input_shape)}.")
        return (input_shape[0], *(input_shape[d] for d in self.dims))


class RepeatVector(OptionLayer):
    """Repeat a vector as `n` steps: x (N, D) -> (N, n, D).

    >>> RepeatVector(2)([[1.0, 2.0]]).numpy().tolist()
    [[[1.0, 2.0], [1.0, 2.0]]]
    """

    n: Size

    def call(self, inputs: Any) -> Any:
        """Return (batch, n, features)."""
        return F.broadcast_to(F.expand_dims(inputs, 1), self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, n, features)."""
        check_rank(self, input_shape, 2)
        return input_shape[0], self.n, input_shape[1]


class Identity(OptionLayer):
    """Return the inputs."""

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape, or shapes."""
        return input_shape
