"""Layers that arrange values anew without changing them."""

from __future__ import annotations

import math
from typing import Any

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.options import OptionLayer
from minidl.layers.base.spatial import check_data_format, check_rank, sizes, who
from minidl.layers.base.symbolic import INTEGERS


class Flatten(OptionLayer):
    """Put all axes but the batch's into one: x (N, …) -> (N, product of the others).

    >>> import numpy as np
    >>> Flatten()(np.ones((2, 3, 4), np.float32)).shape
    (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(data_format=check_data_format(self, data_format))

    def call(self, inputs: Any) -> Any:
        """Return (batch, features)."""
        return F.reshape(inputs, self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, product of the other sizes)."""
        rest = input_shape[1:]
        return input_shape[0], None if None in rest else math.prod(rest)


class Reshape(OptionLayer):
    """Give every sample another shape; one size may be -1, "what is left".

    >>> import numpy as np
    >>> Reshape((2, -1))(np.ones((5, 6), np.float32)).shape
    (5, 2, 3)
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        target = (target_shape,) if isinstance(target_shape, INTEGERS) else tuple(target_shape)
        if target.count(-1) > 1 or not all(isinstance(n, INTEGERS) and n >= -1 for n in target):
            raise ArgumentError(
                f"{who(self)}: target_shape must be sizes, at most one of them -1. Got {target_shape!r}."
            )
        self.keep(target_shape=target)

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


class Permute(OptionLayer):
    """Reorder the axes of every sample, counted from 1: Permute((2, 1)) swaps the first two.

    >>> import numpy as np
    >>> Permute((2, 1))(np.ones((5, 6, 7), np.float32)).shape
    (5, 7, 6)
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(dims=tuple(dims))
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(
                f"{who(self)}: dims must be a permutation of 1 … number of axes; the batch axis stays. Got {dims!r}."
            )

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

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(n=sizes(self, "n", n, 1)[0])

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
