"""Tables of houses and their prices, shuffled and split as Keras does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minidl.datasets.mnist import Split
from minidl.datasets.npz import read_npz
from minidl.errors import ArgumentError, FileFormatError


def shuffled_split(path: Path, first: int | None, test_split: float, seed: int) -> Split:
    """Return a file's x (N, D) and y (N,), the first so many, in a random order, the last of them for testing.

    Raises
    ------
    ArgumentError : test_split is not from 0 to 1
    FileFormatError : no npz of x and y
    """
    if not 0 <= test_split < 1:
        raise ArgumentError(f"load_data: test_split must lie in [0, 1). Got {test_split!r}.")
    x, y = read_npz(path, ("x", "y"))
    if x.ndim != 2 or y.shape != (len(x),):
        raise FileFormatError(f"{path}: expected x (N, D) and y (N,). Got {x.shape} and {y.shape}.")
    x, y = x[:first], y[:first]
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    train = int(len(x) * (1 - test_split))
    return (x[:train].copy(), y[:train].copy()), (x[train:].copy(), y[train:].copy())
