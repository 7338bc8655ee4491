"""Dropout: during training, set a random share of the values to 0 and scale up the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from minidl.errors import ArgumentError, ShapeError
from minidl.ops.common.checks import require_float
from minidl.ops.common.philox import philox_uint32
from minidl.ops.op import Op


class DropoutCache(NamedTuple):
    """Which elements were kept (bool, `x`'s shape or the noise shape) and what they were multiplied by."""

    keep: np.ndarray
    scale: float


def dropout_forward(
    x: np.ndarray, *, rate: float, seed: int, offset: int, noise_shape: Sequence[int | None] | None = None
) -> tuple[np.ndarray, DropoutCache]:
    """Drop each element with probability `rate`; multiply the others by 1 / (1 - rate), which keeps the mean.

        y[i] = x[i] / (1 - rate)   where uniform(seed, offset, i) >= rate,   else 0

    `i` counts the elements in row-major order. The uniform number is (word >> 8) * 2^-24 (see `philox.py`), so the
    test is one of integers, `word >> 8 >= ceil(rate * 2^24)`, and every backend keeps exactly the same elements.

    Parameters
    ----------
    x : float array of any shape
    rate : 0 … 1, the share to drop
    seed, offset : name the stream of random numbers; another offset for each call
    noise_shape : draw a mask of this shape and broadcast it to `x`, such as (N, 1, 1, C) to drop whole channels;
        None in it stands for `x`'s own size

    Returns
    -------
    y : shape and dtype of `x`

    Raises
    ------
    ArgumentError : `rate` lies outside 0 … 1 (25 percent is 0.25, not 25)
    ShapeError : `noise_shape` does not broadcast to `x`

    Source: Srivastava et al., Dropout, JMLR 15 (2014), in its "inverted" form: nothing to do at inference.

    >>> dropout_forward(np.ones(8), rate=0.5, seed=0, offset=0)[0]
    array([0., 2., 2., 2., 2., 0., 2., 0.])
    """
    require_float("dropout", x=x)
    if not 0 <= rate <= 1:
        raise ArgumentError(
            f"dropout: rate must lie in [0, 1]. Got {rate!r}. It is the share to drop: 0.25 for 25 percent."
        )
    shape = x.shape if noise_shape is None else _noise_shape(x, noise_shape)
    keep = kept_elements(math.prod(shape), rate, seed, offset).reshape(shape)
    scale = 0.0 if rate == 1 else 1.0 / (1.0 - float(rate))
    return _masked(x, keep, scale), DropoutCache(keep, scale)


def dropout_backward(dy: np.ndarray, cache: DropoutCache) -> tuple[np.ndarray]:
    """Since y = x * scale where kept and 0 elsewhere, the gradient goes through the same mask and scale."""
    return (_masked(dy, cache.keep, cache.scale),)


def kept_elements(n: int, rate: float, seed: int, offset: int) -> np.ndarray:
    """Return a bool array (n,): True where uniform(seed, offset, i) >= rate.

    >>> kept_elements(4, rate=0.5, seed=0, offset=0)
    array([False,  True,  True,  True])
    """
    threshold = math.ceil(rate * 2.0**24)
    # word >> 8 >= threshold exactly where word >= threshold * 2^8: the shift need not be computed.
    # Trap: for rate 1 that is 2^32, which uint32 cannot hold.
    if threshold == 1 << 24:
        return np.zeros(n, bool)
    return philox_uint32(seed, offset, n) >= np.uint32(threshold << 8)


def _masked(x: np.ndarray, keep: np.ndarray, scale: float) -> np.ndarray:
    y = np.multiply(x, keep, out=np.empty_like(x))
    y *= scale
    return y


def _noise_shape(x: np.ndarray, noise_shape: Sequence[int | None]) -> tuple[int, ...]:
    noise = tuple(noise_shape)
    wanted = tuple(n if size is None else size for size, n in zip(noise, x.shape, strict=False))
    if len(noise) != x.ndim or any(size not in (1, n) for size, n in zip(wanted, x.shape, strict=True)):
        raise ShapeError(
            f"dropout: noise_shape must have x's rank, each size 1, None or x's own. Got {noise} for x {x.shape}. "
            "To drop whole channels of (N, H, W, C) use (None, 1, 1, None)."
        )
    return wanted


# The mask is a byte a value; the forward reads and writes as any op does.
OP = Op(
    "dropout", dropout_forward, dropout_backward, flops=(1, 1), differential="linear",
    nbytes=(lambda call: 2 * call.outputs[0].nbytes + call.n, lambda call: 2 * call.outputs[0].nbytes + call.n),
    maths=("y = x · keep / (1 − rate),  keep drawn by Philox(seed, offset)", "dx = dy · keep / (1 − rate)"),
    static={"rate": 0.5, "seed": 0, "offset": 0},
)  # fmt: skip
