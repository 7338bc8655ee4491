"""Limits on gradients, against updates that are too large."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np


def clip_gradients(
    gradients: list[np.ndarray],
    clipnorm: float | None = None,
    clipvalue: float | None = None,
    global_clipnorm: float | None = None,
) -> list[np.ndarray]:
    """Return the gradients limited in one of three ways; those given are not changed.

    Parameters
    ----------
    clipnorm : each gradient that is longer is shortened to this
    clipvalue : each number is limited to [-clipvalue, clipvalue]
    global_clipnorm : if all gradients together are longer, they are shortened by one factor

    >>> clip_gradients([np.array([3.0, 4.0])], clipnorm=1.0)[0].round(3)
    array([0.6, 0.8])
    """
    if clipnorm:
        return [shorten(g, clipnorm, global_norm([g])) for g in gradients]
    if global_clipnorm:
        length = global_norm(gradients)
        return [shorten(g, global_clipnorm, length) for g in gradients]
    if clipvalue:
        return [np.clip(g, -clipvalue, clipvalue) for g in gradients]
    return gradients


def shorten(gradient: np.ndarray, limit: float, length: float) -> np.ndarray:
    """Return gradient * limit / length if length is above the limit; NaN and infinite lengths give NaN."""
    if length <= limit:
        return gradient
    factor = limit / length if math.isfinite(length) else math.nan
    return np.asarray(gradient * gradient.dtype.type(factor))


def global_norm(gradients: Iterable[np.ndarray]) -> float:
    """Return the length of all gradients together, as one long vector."""
    return math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
