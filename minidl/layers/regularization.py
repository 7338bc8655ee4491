"""Layers that disturb their inputs during training, and do nothing otherwise."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from minidl import functional as F
from minidl.errors import ArgumentError
from minidl.layers.base.kinds import Layout, Seed, Share, share
from minidl.layers.base.options import Kind, after
from minidl.layers.base.seeded import Seeded
from minidl.layers.base.spatial import check_rank, who
from minidl.layers.base.symbolic import INTEGERS
from minidl.ops.common.philox import philox_normal
from minidl.tensor import Tensor

Dropped = Annotated[float, share(" It is the share to drop: 0.25 for 25 percent.", flags=False)]


class Noise(Seeded):
    """Base of these layers."""

    supports_masking = True
    computes_in_floats = True

    def normal(self, shape: tuple[int, ...], dtype: Any) -> Tensor:
        """Return normal numbers, new ones at every call."""
        seed, offset = self.generator.next()
        return Tensor.wrap(philox_normal(seed, offset, math.prod(shape), dtype).reshape(shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return tuple(input_shape)


def mask_sizes(layer: Any, name: str, value: Any) -> tuple[int | None, ...] | None:
    """Return the sizes of a mask as a tuple; None stays None."""
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not all(n is None or isinstance(n, INTEGERS) and n > 0 for n in value):
        raise ArgumentError(f"{who(layer)}: {name} must be sizes, or None as the inputs. Got {value!r}.")
    return tuple(value)


class Dropout(Noise):
    """In training, set a random share `rate` of the values to 0 and scale the others by 1 / (1 - rate).

    Parameters
    ----------
    rate : share to drop, 0 … 1
    noise_shape : shape of the mask, broadcast to the inputs: (None, 1, 1, None) drops whole channels
    seed : makes the masks repeatable: equal seeds give equal sequences of masks, on every backend

    Source: Srivastava et al., JMLR 15 (2014).

    >>> layer = Dropout(0.5, seed=0)
    >>> x = Tensor([[1.0] * 8])
    >>> layer(x, training=True).numpy()
    array([[0., 2., 2., 2., 2., 0., 2., 0.]], dtype=float32)
    >>> layer(x).numpy()
    array([[1., 1., 1., 1., 1., 1., 1., 1.]], dtype=float32)
    """

    rate: Dropped
    noise_shape: Annotated[Any, Kind(mask_sizes)] = None
    seed: Seed = None

    def mask_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        """Return the shape of the mask, None for the inputs' own."""
        return self.noise_shape

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return the inputs with some of them dropped."""
        if not training or self.rate == 0:
            return inputs
        seed, offset = self.generator.next()
        return F.dropout(inputs, self.rate, seed, offset, self.mask_shape(inputs))


class SpatialDropout(Dropout):
    """Base of dropouts of whole channels."""

    rank = 2

    noise_shape: ClassVar[None] = None  # type: ignore[misc]
    name = after("seed", None)

    @classmethod
    def _of_today(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Leave out `noise_shape`, which Keras 2 wrote and which says nothing here."""
        return {name: value for name, value in arguments.items() if name != "noise_shape"}

    def mask_shape(self, inputs: Any) -> tuple[int | None, ...]:
        """Return (batch, 1, …, channels)."""
        check_rank(self, inputs.shape, self.rank + 2)
        return (None, *(1,) * self.rank, None)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; Keras' SpatialDropout does not take `trainable`."""
        return {key: value for key, value in super().get_config().items() if key != "trainable"}


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels of sequences (N, T, C): a channel is dropped at all steps or at none.

    Source: Tompson et al., arXiv:1411.4280.
    """

    rank = 1


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of images (N, H, W, C): a channel is dropped at all pixels or at none.

    >>> import numpy as np
    >>> y = SpatialDropout2D(0.5, seed=1)(np.ones((1, 2, 2, 4), np.float32), training=True).numpy()
    >>> bool((y == y[:, :1, :1]).all())
    True
    """

    rank = 2

    data_format: Layout = after("rate", None)


class GaussianNoise(Noise):
    """In training, add normal noise of standard deviation `stddev`."""

    stddev: Share
    seed: Seed = None

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return inputs + noise."""
        if not training or self.stddev == 0:
            return inputs
        return inputs + self.normal(inputs.shape, inputs.dtype) * self.stddev


class GaussianDropout(Noise):
    """In training, multiply by normal noise of mean 1 and standard deviation sqrt(rate / (1 - rate)).

    Source: Srivastava et al., JMLR 15 (2014), section 10.
    """

    rate: Dropped
    seed: Seed = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rate == 1:
            raise ArgumentError(f"{who(self)}: rate must be below 1, where the noise becomes infinite. Got 1.")

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return inputs * noise."""
        if not training or self.rate == 0:
            return inputs
        return inputs * (self.normal(inputs.shape, inputs.dtype) * math.sqrt(self.rate / (1 - self.rate)) + 1.0)
