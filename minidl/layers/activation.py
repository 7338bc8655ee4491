"""Activation functions as layers."""

from __future__ import annotations

from dataclasses import KW_ONLY, InitVar
from typing import Annotated, Any

import numpy as np

from minidl import functional as F
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.base.elementwise import Elementwise
from minidl.layers.base.kinds import Activation as Function
from minidl.layers.base.kinds import Constraint, Initializer, Regularizer, one_or
from minidl.layers.base.options import Kind
from minidl.layers.base.spatial import who
from minidl.layers.base.symbolic import INTEGERS, NUMBERS
from minidl.layers.normalization import known_size
from minidl.ops.common.checks import normalize_axis
from minidl.tensor import Tensor


def not_negative(layer: Any, name: str, value: Any) -> float:
    """Return a number of 0 or more."""
    if not isinstance(value, NUMBERS) or value < 0:
        raise ArgumentError(f"{who(layer)}: {name} must be a number >= 0. Got {value!r}.")
    return float(value)


NotNegative = Annotated[float, Kind(not_negative)]
Limit = Annotated[
    float | None, Kind(lambda layer, name, value: None if value is None else not_negative(layer, name, value))
]


def list_or_none(layer: Any, name: str, axes: Any) -> Any:
    """Return a list of axes, of one or several; None stays None."""
    return axes if axes is None else [axes] if isinstance(axes, INTEGERS) else list(axes)


class Activation(Elementwise):
    """Apply an activation function, given by name or as a function of a tensor.

    >>> Activation("relu")([-1.0, 2.0]).numpy()
    array([0., 2.], dtype=float32)
    """

    activation: Function

    def call(self, inputs: Any) -> Any:
        """Return activation(inputs)."""
        return self.activation(inputs)


class ReLU(Elementwise):
    """max(x, 0), or its capped, leaky and shifted form.

    f(x) = max_value if x >= max_value, x if threshold <= x < max_value, negative_slope * (x - threshold) below

    >>> ReLU(max_value=6.0)([-1.0, 2.0, 9.0]).numpy()
    array([0., 2., 6.], dtype=float32)
    """

    max_value: Limit = None
    negative_slope: NotNegative = 0.0
    threshold: NotNegative = 0.0

    def call(self, inputs: Any) -> Any:
        """Return f(inputs)."""
        return F.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Elementwise):
    """x where it is positive, else negative_slope * x. `alpha` is its older name.

    >>> LeakyReLU()([-1.0, 2.0]).numpy()
    array([-0.3,  2. ], dtype=float32)
    """

    computes_in_floats = True

    op = "leaky_relu"
    negative_slope: NotNegative = 0.3
    _: KW_ONLY
    alpha: InitVar[float | None] = None

    def __post_init__(self, alpha: float | None) -> None:
        if alpha is not None:
            self.negative_slope = not_negative(self, "alpha", alpha)


class ELU(Elementwise):
    """x where it is positive, else alpha * (e**x - 1). Source: Clevert et al., arXiv:1511.07289."""

    computes_in_floats = True

    op = "elu"
    alpha: float = 1.0


class PReLU(Elementwise):
    """x where it is positive, else alpha * x with an alpha that is trained, one for every value of a sample.

    Parameters
    ----------
    shared_axes : axes along which alpha is shared: (1, 2) for one a channel of images

    Source: He et al., arXiv:1502.01852.

    >>> PReLU(alpha_initializer="ones")([[-1.0, 2.0]]).numpy()
    array([[-1.,  2.]], dtype=float32)
    """

    computes_in_floats = True

    alpha_initializer: Initializer = "Zeros"
    alpha_regularizer: Regularizer = None
    alpha_constraint: Constraint = None
    shared_axes: Annotated[Any, Kind(list_or_none)] = None

    def build(self, input_shape: Any) -> None:
        """Make alpha, of a sample's shape with 1 at the shared axes."""
        shared = {normalize_axis(who(self), a, len(input_shape), input_shape) for a in self.shared_axes or []}
        self.alpha = self.add_option_weight(
            "alpha", tuple(1 if i in shared else known_size(self, input_shape, i) for i in range(1, len(input_shape)))
        )

    def call(self, inputs: Any) -> Any:
        """Return relu(inputs) - alpha * relu(-inputs)."""
        return F.relu(inputs) - self.alpha * F.relu(-inputs)


class Softmax(Elementwise):
    """e**x / sum(e**x) along `axis`; positions that a mask leaves out get 0.

    >>> Softmax()([[0.0, 0.0]]).numpy()
    array([[0.5, 0.5]], dtype=float32)
    """

    computes_in_floats = True

    # Keras' value for a masked logit: far below any other, and finite.
    MASKED = -1e9

    axis: Annotated[Any, one_or(list)] = -1

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return probabilities; `mask` (broadcast to the inputs) is False where there is nothing to choose."""
        if mask is None:
            return F.softmax(inputs, self.axis)
        kept = self._kept(mask, inputs.shape)
        # Once more afterwards: where all is masked, the softmax of equal values is no zero.
        return F.where(kept, F.softmax(F.where(kept, inputs, self.MASKED), self.axis), 0.0)

    def _kept(self, mask: Any, shape: tuple[int, ...]) -> Tensor:
        values = np.asarray(mask.numpy() if isinstance(mask, Tensor) else mask)
        try:
            return Tensor.wrap(np.broadcast_to(values if values.dtype == bool else values > 0.5, shape))
        except ValueError as error:
            raise ShapeError(
                f"{who(self)}: the mask must broadcast to the inputs. Got {values.shape} for inputs {shape}. A mask of "
                "steps needs an axis of size 1 for the features: mask[..., None]."
            ) from error
