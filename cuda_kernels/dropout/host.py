"""The host functions of dropout, which the rungs fill with their kernels.

    run(x, *, rate, seed, offset, noise_shape, on) -> (y, keep, scale)       keep: bool, x's shape or the noise shape
    backward(dy, keep, *, scale, on) -> dx
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cuda_kernels.elementwise.host import walk
from cuda_kernels.indexing import index_function
from cuda_kernels.launch import check_array, empty


def threshold_of(rate: float) -> int:
    """An element is kept where word >> 8 is at least this."""
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: rate must lie in [0, 1]. Got {rate!r}. It is the share to drop: 0.25 for 25 "
                         "percent.")
    return math.ceil(rate * 2.0**24)


def place_of_mask(shape: tuple[int, ...], noise: tuple[int, ...]) -> Any:
    """The index function from an element to its cell of the mask."""
    sizes, _, strides = walk(shape, noise)
    return index_function(sizes, strides)


def forward(apply: Callable[..., None]) -> Callable[..., Any]:
    """apply(x, y, keep, place, threshold, seed, offset, scale, on=) launches over flat arrays; keep holds bytes."""
    def dropout(x: Any, *, rate: float, seed: int, offset: int, noise_shape: tuple[int | None, ...] | None = None,
                on: str | None = None) -> tuple[Any, Any, float]:
        """Drop each element with probability `rate`, scale the others by 1 / (1 - rate): (y, keep, scale)."""
        check_array("dropout", "x", x)
        threshold = threshold_of(rate)
        shape = tuple(x.shape)
        asked = shape if noise_shape is None else tuple(noise_shape)
        if len(asked) != len(shape):
            raise ValueError(f"dropout: noise_shape must have x's rank. Got {asked} for x {shape}.")
        noise: tuple[int, ...] = tuple(
            n if size is None else int(size) for size, n in zip(asked, shape, strict=True))
        if any(size not in (1, n) for size, n in zip(noise, shape, strict=True)):
            raise ValueError(f"dropout: each size of noise_shape must be 1, None or x's own. Got {noise} for x "
                             f"{shape}.")
        scale = 0.0 if rate == 1 else 1.0 / (1.0 - float(rate))
        y, keep = empty(shape, like=x), empty(noise, np.bool_, like=x)
        apply(x.reshape(-1), y.reshape(-1), keep.reshape(-1).view(np.uint8), place_of_mask(shape, noise), threshold,
              seed, offset, scale, on=on)
        return y, keep, scale

    return dropout
