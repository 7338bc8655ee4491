"""Layers that bring inputs to a convenient scale: Rescaling and Normalization."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from minidl.errors import ArgumentError, DataError, ShapeError
from minidl.layers.base.elementwise import Elementwise
from minidl.layers.base.options import Kind, OptionLayer
from minidl.layers.base.spatial import who
from minidl.layers.base.symbolic import INTEGERS
from minidl.layers.normalization import known_size
from minidl.tensor import Tensor


def plain(layer: Any, name: str, value: Any) -> Any:
    """Return numbers, arrays and tensors as numbers and lists, which a configuration can hold."""
    return np.asarray(value).tolist() if isinstance(value, np.ndarray | Tensor) else value


def several_axes(layer: Any, name: str, axis: Any) -> tuple[Any, ...]:
    """Return the axes as a tuple, an empty one for None."""
    return () if axis is None else (axis,) if isinstance(axis, INTEGERS) else tuple(axis)


Numbers = Annotated[Any, Kind(plain)]


class Rescaling(Elementwise):
    """inputs * scale + offset: Rescaling(1 / 255) brings bytes to [0, 1], Rescaling(1 / 127.5, -1) to [-1, 1].

    >>> Rescaling(1 / 255)(np.array([[0, 255]], np.uint8)).numpy()
    array([[0., 1.]], dtype=float32)
    """

    scale: Numbers
    offset: Numbers = 0.0

    def call(self, inputs: Any) -> Any:
        """Return the inputs, as the layer's dtype, scaled and shifted."""
        scale, offset = np.asarray(self.scale, self.dtype), np.asarray(self.offset, self.dtype)
        return _in_dtype_of(self, inputs) * Tensor.wrap(scale) + Tensor.wrap(offset)


class Normalization(Elementwise):
    """(inputs - mean) / sqrt(variance), with a mean and variance that are given or taken from data by `adapt`.

    Parameters
    ----------
    axis : which axes have a mean of their own for each position; None for one mean of everything
    mean, variance : given instead of `adapt`
    invert : undo it: inputs * sqrt(variance) + mean

    Weights (only without a given mean): mean, variance, count; none of them is trained.

    >>> layer = Normalization()
    >>> layer.adapt(np.array([[1.0], [3.0]], np.float32))
    >>> layer([[1.0], [3.0]]).numpy().ravel()
    array([-1.,  1.], dtype=float32)
    """

    axis: Annotated[Any, Kind(several_axes)] = -1
    mean: Numbers = None
    variance: Numbers = None
    invert: bool = False

    def __post_init__(self) -> None:
        if (self.mean is None) != (self.variance is None) or np.shape(self.mean) != np.shape(self.variance):
            raise ArgumentError(f"{who(self)}: give both mean and variance, of one shape, or neither and use adapt.")

    def build(self, input_shape: Any) -> None:
        """Make the weights that `adapt` fills."""
        rank = len(input_shape)
        self.kept = sorted(a % rank for a in self.axis if known_size(self, input_shape, a))
        self.shape = [input_shape[i] if i in self.kept else 1 for i in range(rank)]
        sizes = tuple(input_shape[i] for i in self.kept)
        if self.mean is None:
            self.adapt_mean = self.add_weight(sizes, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(sizes, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data: an array, or batches of them (of a pair, the first is taken).

        Raises
        ------
        DataError : no data
        """
        if self.mean is not None:
            raise ArgumentError(f"{who(self)}: mean and variance were given; there is nothing to adapt.")
        batches = [data] if isinstance(data, np.ndarray | Tensor) else data
        count, mean, spread = 0, np.float64(0), np.float64(0)
        for batch in batches:
            x = np.asarray(batch[0] if isinstance(batch, list | tuple) else batch, np.float64)
            if not self.built:
                self.build((None, *x.shape[1:]))
            axes = tuple(i for i in range(x.ndim) if i not in self.kept)
            n = x.size // max(1, int(np.prod([x.shape[i] for i in self.kept])))
            if n == 0:
                continue
            # Two groups together: the means meet at the weighted middle, and their distance adds to the spread.
            delta = x.mean(axis=axes) - mean
            spread = spread + x.var(axis=axes) * n + delta**2 * (count * n / (count + n))
            mean, count = mean + delta * (n / (count + n)), count + n
        if not count:
            raise DataError(f"{who(self)}: adapt was given no data. Is the iterator spent?")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(spread / count)
        self.count.assign(count)

    def call(self, inputs: Any) -> Any:
        """Return the inputs normalised, or with `invert` as they were before."""
        mean, variance = (self.adapt_mean, self.adapt_variance) if self.mean is None else (self.mean, self.variance)
        mean, deviation = self._along(mean), np.asarray(np.maximum(np.sqrt(self._along(variance)), 1e-7))
        x = _in_dtype_of(self, inputs)
        if self.invert:
            return x * Tensor.wrap(deviation) + Tensor.wrap(mean)
        return (x - Tensor.wrap(mean)) / Tensor.wrap(deviation)

    def _along(self, values: Any) -> np.ndarray:
        """Return the values in a shape that broadcasts to the inputs."""
        array = np.asarray(values.numpy() if isinstance(values, Tensor) else values, self.dtype)
        if array.ndim == len(self.kept):
            return np.broadcast_to(array, [self.shape[i] for i in self.kept]).reshape(self.shape)
        if array.ndim > len(self.kept):
            raise ShapeError(f"{who(self)}: mean must have at most {len(self.kept)} axes. Got {array.shape}.")
        return array


def _in_dtype_of(layer: OptionLayer, x: Any) -> Any:
    """Return x as the layer's dtype; a cast that changes nothing would be an op all the same."""
    return x if x.dtype == layer.dtype else x.astype(layer.dtype)
