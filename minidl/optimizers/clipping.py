"""Limits on gradients, against updates that are too large."""

from __future__ import annotations

import math

import numpy as np

from minidl import functional as F
from minidl.tape import where_it_lies
from minidl.tensor import Tensor


def clip_gradients(
    gradients: list[Tensor],
    clipnorm: float | None = None,
    clipvalue: float | None = None,
    global_clipnorm: float | None = None,
) -> list[Tensor]:
    """Return the gradients limited in one of three ways; those given are not changed.

    Parameters
    ----------
    clipnorm : each gradient that is longer is shortened to this
    clipvalue : each number is limited to [-clipvalue, clipvalue]
    global_clipnorm : if all gradients together are longer, they are shortened by one factor

    >>> clip_gradients([Tensor([3.0, 4.0])], clipnorm=1.0)[0]
    <Tensor (2,) float32 [0.6 0.8]>
    """
    if clipnorm:
        return [g for gradient in gradients for g in shorten([gradient], clipnorm)]
    if global_clipnorm:
        return shorten(gradients, global_clipnorm)
    if clipvalue:
        with where_it_lies(*gradients):
            return [F.clip(g, -clipvalue, clipvalue) for g in gradients]
    return gradients


def shorten(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Multiply gradients by limit / length if they, as one long vector, are longer; infinite lengths give NaN."""
    if any(g.device != "cpu" for g in gradients):
        return _shorten_on_device(gradients, limit)
    length = math.sqrt(sum(float(np.vdot(g.data, g.data)) for g in gradients))
    if length <= limit:
        return gradients
    factor = limit / length if math.isfinite(length) else math.nan
    return [Tensor.wrap(np.asarray(g.data * g.dtype.type(factor))) for g in gradients]


def _shorten_on_device(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """As `shorten`. The length stays on the device: to ask whether it is above the limit would mean to wait for it."""
    with where_it_lies(*gradients):
        squares = [F.square(g).sum() for g in gradients]
        length = F.sqrt(sum(squares[1:], squares[0]))
        # 1 where the length is within the limit; length * 0 is NaN where it is not finite, and 0 otherwise.
        factor = limit / F.maximum(length, limit) + length * 0.0
        return [g * factor for g in gradients]
