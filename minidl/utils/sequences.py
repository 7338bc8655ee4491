"""Sequences of unequal lengths, made into one array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from minidl.errors import ArgumentError, DataError


def pad_sequences(
    sequences: Sequence,
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float | str = 0.0,
) -> np.ndarray:
    """Fill sequences up with `value`, or cut them, so that all have `maxlen` time steps.

    Parameters
    ----------
    sequences : list of N sequences, each (T_n, ...); what follows T_n is the same for all
    maxlen : T, by default the longest sequence
    dtype : dtype of the result
    padding, truncating : `"pre"` or `"post"`: the end at which it fills up, and at which it cuts
    value : what it fills up with

    Returns
    -------
    array (N, T, ...)

    Raises
    ------
    ArgumentError : `padding` or `truncating` is neither `"pre"` nor `"post"`, or `maxlen` is below 1
    DataError : there are no sequences, something is no sequence, or the shapes after T_n differ

    Source: keras.io/api/data_loading/timeseries/#padsequences-function

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]])
    array([[0, 0, 1],
           [0, 2, 3],
           [4, 5, 6]], dtype=int32)
    """
    for name, end in (("padding", padding), ("truncating", truncating)):
        if end not in ("pre", "post"):
            raise ArgumentError(f"pad_sequences: {name} must be 'pre' or 'post'. Got {end!r}.")
    if maxlen is not None and maxlen < 1:
        raise ArgumentError(f"pad_sequences: maxlen must be 1 or more. Got {maxlen}.")
    arrays = [_as_sequence(sequence, index) for index, sequence in enumerate(sequences)]
    if not arrays:
        raise DataError("pad_sequences: there are no sequences.")
    rest = next((a.shape[1:] for a in arrays if len(a)), ())
    steps = maxlen if maxlen is not None else max(len(a) for a in arrays)
    padded = np.full((len(arrays), steps, *rest), value, dtype=dtype)
    for index, array in enumerate(arrays):
        if not len(array):
            continue
        if array.shape[1:] != rest:
            raise DataError(
                f"pad_sequences: all sequences need the same shape after the first axis. "
                f"Got {array.shape} at index {index}, expected (T, {', '.join(map(str, rest))})."
            )
        kept = array[-steps:] if truncating == "pre" else array[:steps]
        where = slice(steps - len(kept), None) if padding == "pre" else slice(0, len(kept))
        padded[index, where] = kept
    return padded


def _as_sequence(sequence: object, index: int) -> np.ndarray:
    """Return one sequence as an array with a time axis."""
    if isinstance(sequence, str) or not hasattr(sequence, "__len__"):
        raise DataError(f"pad_sequences: each item must be a sequence. Got {sequence!r} at index {index}.")
    return np.asarray(sequence)
