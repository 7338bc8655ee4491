"""Embedding: look rows of a table up by their number."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.errors import DataError, DTypeError, ShapeError
from minidl.ops.common.checks import require_array, require_float
from minidl.ops.op import Op


class EmbeddingCache(NamedTuple):
    """The row numbers, any integer shape, and the table's shape (rows, features)."""

    ids: np.ndarray
    table_shape: tuple[int, int]


def embedding_forward(ids: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, EmbeddingCache]:
    """Replace each id by its row of the table: `y[..., d] = table[ids[...], d]`.

    It is a dense layer on one-hot vectors, without ever writing the zeros down.

    Parameters
    ----------
    ids : integer array of any shape, 0 … V - 1
    table : float array (V, D)

    Returns
    -------
    y : ids' shape + (D,), dtype of `table`

    Raises
    ------
    DataError : an id has no row; the message names the first
    DTypeError : `ids` are not integers, or `table` is not floating
    ShapeError : `table` is not (V, D)

    >>> embedding_forward(np.array([2, 0]), np.array([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]]))[0]
    array([[2. , 2.1],
           [0. , 0.1]])
    """
    require_float("embedding", table=table)
    require_array("embedding", "ids", ids)
    require_integers(ids)
    if table.ndim != 2:
        raise ShapeError(f"embedding: table must be (V, D), a row for each id. Got {table.shape}.")
    require_rows(ids, len(table))
    y = np.empty_like(table, shape=(*ids.shape, table.shape[1]))
    # Trap: np.take with out= and mode="raise" goes through a copy of out; the ids are checked already.
    np.take(table, ids, axis=0, out=y, mode="clip")
    return y, EmbeddingCache(ids, table.shape)


def embedding_backward(dy: np.ndarray, cache: EmbeddingCache) -> tuple[None, np.ndarray]:
    """A row that was looked up k times has k outputs, so its gradient is the sum of theirs; other rows get 0."""
    # Trap: `d_table[ids] += dy` would add only one of the k. np.add.at adds them all; sorting the ids, so that equal
    # ones form a run, and summing each run is as fast for large tables and several times faster for small ones.
    ids, table_shape = cache
    d_table = np.zeros(table_shape, dy.dtype)
    if ids.size == 0:
        return None, d_table
    flat = ids.reshape(-1)
    order = np.argsort(flat, kind="stable")
    in_order = flat[order]
    starts = np.flatnonzero(np.concatenate([[True], in_order[1:] != in_order[:-1]]))
    d_table[in_order[starts]] = np.add.reduceat(dy.reshape(flat.size, table_shape[1])[order], starts, axis=0)
    return None, d_table


def require_integers(ids: Any) -> None:
    """Raise DTypeError unless ids, of the host or a device, are integers."""
    if ids.dtype.kind not in "iu":
        raise DTypeError(
            f"embedding: ids must be integers. Got {ids.dtype} of shape {ids.shape}. Cast them: ids.astype(np.int32)."
        )


def require_rows(ids: np.ndarray, rows: int) -> None:
    """Raise DataError unless the table has a row for every id."""
    if ids.size == 0 or (ids.min() >= 0 and ids.max() < rows):
        return
    first = tuple(int(i) for i in np.argwhere((ids < 0) | (ids >= rows))[0])
    raise DataError(
        f"embedding: ids must lie in [0, {rows}), the rows of the table. Got {ids[first]} at index {first}. "
        "Is the vocabulary larger than input_dim, or does an id mean 'padding' as -1?"
    )


OP = Op(
    "embedding", embedding_forward, embedding_backward, flops=(0, 1), keeps="ids", differential="linear",
    nbytes=(lambda call: call.inputs[0].nbytes + 2 * call.outputs[0].nbytes, None),
    maths=("y[…] = table[ids[…]]", "dtable[i] = Σ dy where ids = i"),
    values=("ids", "f"), shapes=lambda n: [(n, 16), (n, 64)],
)  # fmt: skip
