"""Cutting arrays into batches, in an order that is the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.data.checks import check_same_size
from minidl.data.structure import as_arrays, take
from minidl.errors import ArgumentError
from minidl.ops.common.philox import permutation

BATCH_SIZE = 32


def batches(
    arrays: Any,
    batch_size: int = BATCH_SIZE,
    shuffle: bool = False,
    seed: int = 0,
    epoch: int = 0,
    drop_last: bool = False,
) -> Iterator[Any]:
    """Yield batches of one array, or of several arrays in step.

    Shuffling is counter-based: the order is a function of `seed` and `epoch` alone, and of nothing that ran
    before.

    Parameters
    ----------
    arrays : array (N, ...), or a list, tuple or dict of arrays with the same N
    batch_size : samples in a batch; the last one may be smaller
    shuffle : draw a new order for every epoch; otherwise batches are views, in the given order
    seed, epoch : which order
    drop_last : leave out the last batch if it is smaller

    Yields
    ------
    the same structure, of arrays (batch_size, ...) with their own dtypes

    Raises
    ------
    DataError : no samples, or their numbers differ
    ArgumentError : `batch_size` is no positive integer

    >>> [batch.tolist() for batch in batches(np.arange(5), batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """
    arrays = as_arrays(arrays, "x", "batches")
    size = check_same_size(arrays, function="batches")
    batch_size = positive_int(batch_size, "batch_size", "batches")
    stop = size - size % batch_size if drop_last else size
    return _slices(arrays, 0, stop, batch_size, permutation(size, seed, epoch) if shuffle else None)


def _slices(arrays: Any, begin: int, end: int, batch_size: int, order: np.ndarray | None) -> Iterator[Any]:
    """Yield the samples begin, …, end - 1 of an order in batches.

    It stands apart so that `batches` raises at its call, not at the first batch.
    """
    for start in range(begin, end, batch_size):
        stop = min(start + batch_size, end)
        yield take(arrays, slice(start, stop) if order is None else order[start:stop])


def positive_int(value: object, name: str, function: str) -> int:
    """Return `value` as an int, or raise an `ArgumentError` if it is no whole number of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ArgumentError(f"{function}: {name} must be a whole number, 1 or more. Got {value!r}.")
    return int(value)
