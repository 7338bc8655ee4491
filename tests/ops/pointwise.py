"""What the tests of the pointwise ops share: finding an op's functions, hypothesis settings, arrays."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

MODULES = ("elementwise", "activations", "softmaxes", "losses", "reduce", "shapes", "upsample2d")

# Every run draws the same examples, and a slow machine fails nothing.
checked = settings(max_examples=60, deadline=None, derandomize=True)

seeds = st.integers(0, 2**16)


def find(op: str) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """Return the forward and backward of an op, whichever module has it."""
    for name in MODULES:
        module = import_module(f"minidl.ops.{name}")
        if hasattr(module, f"{op}_forward"):
            return getattr(module, f"{op}_forward"), getattr(module, f"{op}_backward", None)
    raise LookupError(op)


def shapes(min_rank: int = 0, max_rank: int = 4, max_size: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(1, max_size), min_size=min_rank, max_size=max_rank).map(tuple)


def normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).standard_normal(shape))


def positive(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.asarray(0.5 + np.abs(normal(shape, seed)))


def away_from(corners: list[float], shape: tuple[int, ...], seed: int, scale: float = 3.0) -> np.ndarray:
    """Return normal numbers none of which lies within 0.01 of a corner, where a difference says nothing."""
    x = np.asarray(scale * normal(shape, seed))
    for corner in corners:
        near = np.abs(x - corner) < 0.01
        x = np.where(near, x + 0.05, x)
    return np.asarray(x)


def all_different(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return a shuffled 0.1, 0.2, …: no two values close enough to change places in a finite difference."""
    count = int(np.prod(shape))
    return np.asarray(np.random.default_rng(seed).permutation(count).reshape(shape) * 0.1 + 0.1)
