"""Random tensors, with Keras' names: repeatable from a seed or a SeedGenerator, else from `utils.set_random_seed`.

>>> normal((2, 3), seed=1).shape
(2, 3)
>>> generator = SeedGenerator(7)
>>> bool((uniform((4,), seed=generator) == uniform((4,), seed=generator)).numpy().all())
False
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import config
from minidl.config import SeedGenerator
from minidl.functional import dropout as _dropout
from minidl.initializers import draw_truncated_normal
from minidl.tensor import Tensor, convert_to_tensor

__all__ = ["SeedGenerator", "categorical", "dropout", "normal", "randint", "shuffle", "truncated_normal", "uniform"]


def _pair(seed: Any) -> tuple[int, int]:
    """Return (seed, offset); a generator's are new at every call, a number's always the same."""
    return seed.next() if isinstance(seed, SeedGenerator) else (config.next_seed() if seed is None else int(seed), 0)


def _rng(seed: Any) -> np.random.Generator:
    return np.random.default_rng(_pair(seed))


def _tensor(values: np.ndarray, dtype: Any) -> Tensor:
    return Tensor.wrap(np.asarray(values).astype(dtype or config.floatx()))


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Return numbers of a normal distribution."""
    return _tensor(_rng(seed).normal(mean, stddev, tuple(shape)), dtype)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Return numbers of a normal distribution, those further than 2 stddev from the mean drawn again."""
    return _tensor(mean + stddev * draw_truncated_normal(_rng(seed), tuple(shape)), dtype)


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Return numbers evenly spread over [minval, maxval)."""
    return _tensor(_rng(seed).uniform(minval, maxval, tuple(shape)), dtype)


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Return integers minval, …, maxval - 1."""
    return _tensor(_rng(seed).integers(minval, maxval, tuple(shape)), dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Return class numbers (N, num_samples), drawn with the probabilities softmax(logits), logits (N, K)."""
    logits = np.asarray(convert_to_tensor(logits))
    # Gumbel's trick: the largest of logits + noise is a draw from their softmax.
    noise = _rng(seed).gumbel(size=(num_samples, *logits.shape))
    return _tensor(np.argmax(logits + noise, axis=-1).T, dtype)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Tensor:
    """Return x with the slices along `axis` in another order."""
    return Tensor.wrap(_rng(seed).permutation(np.asarray(convert_to_tensor(x)), axis=axis))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Tensor:
    """Return the inputs with a random share `rate` set to 0, the others scaled by 1 / (1 - rate)."""
    seed, offset = _pair(seed)
    return _dropout(inputs, rate, seed, offset, noise_shape)
