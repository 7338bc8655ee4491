"""Batch and layer normalisation, and dropout."""

from __future__ import annotations

from typing import Any

from minidl import config
from minidl.tape import apply
from minidl.tensor import Tensor


def batch_norm(x: Any, gamma: Any, beta: Any, epsilon: float = 1e-3) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise over all axes but the last, by the batch's own mean and variance; return (y, mean, variance)."""
    return apply("batch_norm", x, gamma, beta, epsilon=epsilon)


def batch_norm_inference(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any, epsilon: float = 1e-3) -> Tensor:
    """Normalise by a given mean and variance, those that training has averaged."""
    return apply("batch_norm_inference", x, gamma, beta, mean, variance, epsilon=epsilon)


def layer_norm(x: Any, gamma: Any, beta: Any, epsilon: float = 1e-3, axes: Any = -1) -> Tensor:
    """Normalise every sample over `axes` by its own mean and variance."""
    return apply("layer_norm", x, gamma, beta, epsilon=epsilon, axes=axes)


def dropout(
    x: Any, rate: float, seed: int | None = None, offset: int = 0, noise_shape: tuple[int | None, ...] | None = None
) -> Tensor:
    """Set a share `rate` of the values to 0 and scale the others by 1 / (1 - rate).

    The mask is a function of (seed, offset) alone: the same on every backend and every run.
    """
    seed = config.next_seed() if seed is None else seed
    return apply("dropout", x, rate=rate, seed=seed, offset=offset, noise_shape=noise_shape)
