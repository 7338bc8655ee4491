"""Pooling over windows, and over everything."""

from __future__ import annotations

from typing import Any, ClassVar

from minidl import functional as F
from minidl.layers.base.kinds import Layout, Padding, Sizes, SizesOrNone
from minidl.layers.base.options import OptionLayer, after
from minidl.layers.base.spatial import check_rank, window_lengths
from minidl.tensor import Tensor


class Pooling(OptionLayer):
    """Base of pooling over windows of `rank` axes; a subclass names the functional form in `pool`."""

    rank = 2
    paddings = ("valid", "same")
    pool: ClassVar[Any] = None

    pool_size: Sizes = 2
    strides: SizesOrNone = None
    padding: Padding = "valid"
    data_format: Layout = None
    name = after("data_format", None)  # so that `name` comes behind data_format, as in Keras, when given by place

    def __post_init__(self) -> None:
        if self.strides is None:
            self.strides = self.pool_size

    def call(self, inputs: Any) -> Any:
        """Return one value for every window and channel."""
        check_rank(self, inputs.shape, self.rank + 2)
        pool = type(self).pool
        if self.rank == 2:
            return pool(inputs, self.pool_size, self.strides, self.padding)
        y = pool(F.expand_dims(inputs, 1), (1, *self.pool_size), (1, *self.strides), self.padding)
        return F.squeeze(y, 1)

    def build(self, input_shape: Any) -> None:
        """Check that the window fits."""
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, …, channels)."""
        check_rank(self, input_shape, self.rank + 2)
        lengths = window_lengths(self, input_shape[1:-1], self.pool_size, self.strides, self.padding)
        return (input_shape[0], *lengths, input_shape[-1])


class MaxPooling1D(Pooling):
    """Keep the largest of each window of `pool_size` steps: x (N, T, C) -> (N, P, C).

    >>> MaxPooling1D(2)([[[1.0], [3.0], [2.0], [0.0]]]).numpy().ravel()
    array([3., 2.], dtype=float32)
    """

    rank = 1
    pool = staticmethod(F.max_pool2d)


class MaxPooling2D(Pooling):
    """Keep the largest value of every window: x (N, H, W, C) -> (N, P, Q, C).

    Parameters
    ----------
    pool_size : rows and columns of a window, or one number for both
    strides : step from window to window; by default `pool_size`, so that they lie side by side
    padding : "valid" (none: cells at the edge that fill no window are left out) or "same"

    >>> import numpy as np
    >>> MaxPooling2D()(np.ones((2, 7, 8, 3), np.float32)).shape
    (2, 3, 4, 3)
    """

    rank = 2
    pool = staticmethod(F.max_pool2d)


class AveragePooling1D(Pooling):
    """Take the mean of each window of `pool_size` steps: x (N, T, C) -> (N, P, C).

    Padding does not count in the mean.
    """

    computes_in_floats = True
    rank = 1
    pool = staticmethod(F.average_pool2d)


class AveragePooling2D(Pooling):
    """Take the mean of every window: x (N, H, W, C) -> (N, P, Q, C). See MaxPooling2D.

    Padding does not count in the mean.
    """

    computes_in_floats = True
    rank = 2
    pool = staticmethod(F.average_pool2d)


class GlobalPooling(OptionLayer):
    """Base of pooling over all steps, or all rows and columns; a subclass names the reduction in `reduce`."""

    rank = 2
    reduce: ClassVar[Any] = None

    data_format: Layout = None
    keepdims: bool = False

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes that are pooled away."""
        return tuple(range(1, self.rank + 1))

    def call(self, inputs: Any) -> Any:
        """Return one value for each channel."""
        check_rank(self, inputs.shape, self.rank + 2)
        return type(self).reduce(inputs, self.axes, self.keepdims)

    def build(self, input_shape: Any) -> None:
        """Check the number of axes."""
        check_rank(self, input_shape, self.rank + 2)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return (batch, channels), or with keepdims (batch, 1, …, channels)."""
        check_rank(self, input_shape, self.rank + 2)
        ones = (1,) * self.rank if self.keepdims else ()
        return (input_shape[0], *ones, input_shape[-1])


class GlobalAveragePooling1D(GlobalPooling):
    """Take the mean over all steps: x (N, T, C) -> (N, C); steps that a mask leaves out do not count."""

    computes_in_floats = True
    rank = 1
    reduce = staticmethod(F.reduce_mean)
    supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mean of the steps that count."""
        if mask is None:
            return super().call(inputs)
        weights = Tensor.wrap(mask.numpy().astype(inputs.dtype)[..., None])
        total = F.reduce_sum(inputs * weights, self.axes, self.keepdims)
        return total / F.reduce_sum(weights, self.axes, self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None: there are no steps left to mask."""


class GlobalAveragePooling2D(GlobalPooling):
    """Take the mean over all rows and columns: x (N, H, W, C) -> (N, C).

    >>> import numpy as np
    >>> GlobalAveragePooling2D()(np.ones((2, 7, 8, 3), np.float32)).shape
    (2, 3)
    """

    reduce = staticmethod(F.reduce_mean)


class GlobalMaxPooling1D(GlobalPooling):
    """Keep the largest value of all steps: x (N, T, C) -> (N, C)."""

    computes_in_floats = True
    rank = 1
    reduce = staticmethod(F.reduce_max)


class GlobalMaxPooling2D(GlobalPooling):
    """Keep the largest value of all rows and columns: x (N, H, W, C) -> (N, C)."""

    reduce = staticmethod(F.reduce_max)
