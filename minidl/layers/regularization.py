"""Layers that disturb their inputs during training, and do nothing otherwise."""

from __future__ import annotations

import math
from typing import Any

from minidl import functional as F
from minidl.config import SeedGenerator
from minidl.errors import ArgumentError
from minidl.layers.base.options import OptionLayer
from minidl.layers.base.spatial import check_data_format, check_rank, who
from minidl.layers.base.symbolic import INTEGERS, NUMBERS
from minidl.ops.common.philox import philox_normal
from minidl.tensor import Tensor


class Noise(OptionLayer):
    """Base of these layers: a seed, and a counter that goes on with every training step."""

    supports_masking = True
    computes_in_floats = True

    def keep_seed(self, seed: Any) -> None:
        """Keep the seed, None for one of the global sequence (`utils.set_random_seed`), and start the counter."""
        self.keep(seed=seed)
        self.generator = SeedGenerator(seed)

    def keep_rate(self, rate: Any) -> None:
        """Check and keep the share to drop."""
        if isinstance(rate, bool) or not isinstance(rate, NUMBERS) or not 0 <= rate <= 1:
            raise ArgumentError(
                f"{who(self)}: rate must lie in [0, 1]. Got {rate!r}. It is the share to drop: 0.25 for 25 percent."
            )
        self.keep(rate=rate)

    def normal(self, shape: tuple[int, ...], dtype: Any) -> Tensor:
        """Return normal numbers, new ones at every call."""
        seed, offset = self.generator.next()
        return Tensor.wrap(philox_normal(seed, offset, math.prod(shape), dtype).reshape(shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return tuple(input_shape)


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

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep_rate(rate)
        self.keep_seed(seed)
        known = isinstance(noise_shape, list | tuple) and all(
            n is None or (isinstance(n, INTEGERS) and n > 0) for n in noise_shape
        )
        if noise_shape is not None and not known:
            raise ArgumentError(f"{who(self)}: noise_shape must be sizes, or None as the inputs. Got {noise_shape!r}.")
        self.keep(noise_shape=None if noise_shape is None else tuple(noise_shape))

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

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, name=name, **kwargs)

    def mask_shape(self, inputs: Any) -> tuple[int | None, ...]:
        """Return (batch, 1, …, channels)."""
        check_rank(self, inputs.shape, self.rank + 2)
        return (None, *(1,) * self.rank, None)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; Keras' SpatialDropout takes neither `trainable` nor a noise shape."""
        config = super().get_config()
        return {key: value for key, value in config.items() if key not in ("trainable", "noise_shape")}


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

    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, name: str | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(rate, seed=seed, name=name, **kwargs)
        self.keep(data_format=check_data_format(self, data_format))


class GaussianNoise(Noise):
    """In training, add normal noise of standard deviation `stddev`."""

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= stddev <= 1:
            raise ArgumentError(f"{who(self)}: stddev must lie in [0, 1]. Got {stddev!r}.")
        self.keep(stddev=stddev)
        self.keep_seed(seed)

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return inputs + noise."""
        if not training or self.stddev == 0:
            return inputs
        return inputs + self.normal(inputs.shape, inputs.dtype) * self.stddev


class GaussianDropout(Noise):
    """In training, multiply by normal noise of mean 1 and standard deviation sqrt(rate / (1 - rate)).

    Source: Srivastava et al., JMLR 15 (2014), section 10.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep_rate(rate)
        if rate == 1:
            raise ArgumentError(f"{who(self)}: rate must be below 1, where the noise becomes infinite. Got {rate!r}.")
        self.keep_seed(seed)

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return inputs * noise."""
        if not training or self.rate == 0:
            return inputs
        return inputs * (self.normal(inputs.shape, inputs.dtype) * math.sqrt(self.rate / (1 - self.rate)) + 1.0)
