"""The host functions of embedding, which the rungs fill with their kernels.

    forward    run(ids, table, *, out, on) -> y (ids' shape + (D,))
    backward   run(dy, ids, *, table_shape, on) -> d_table (V, D)

ids are int32 in 0 … V - 1. They are not looked at here (on a GPU that would mean to wait for it): an id outside is out
of bounds, which the SIMT machine reports.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cuda_kernels.launch import check_array, empty


def forward(apply: Callable[..., None]) -> Callable[..., Any]:
    """apply(ids, table, y, features, on=) launches over flat arrays."""
    def embedding(ids: Any, table: Any, *, out: Any = None, on: str | None = None) -> Any:
        """Look rows of a float32 table (V, D) up by their int32 numbers: y[..., d] = table[ids[...], d]."""
        check_array("embedding", "ids", ids, dtype=np.int32)
        check_array("embedding", "table", table, ndim=2)
        shape = (*ids.shape, table.shape[1])
        y = empty(shape, like=table) if out is None else out
        check_array("embedding", "out", y, shape=shape)
        apply(ids.reshape(-1), table.reshape(-1), y.reshape(-1), table.shape[1], on=on)
        return y

    return embedding


def backward(apply: Callable[..., Any]) -> Callable[..., Any]:
    """apply(ids, dy, rows, features, on=) launches over flat arrays and returns the flat gradient of the table."""
    def embedding_backward(dy: Any, ids: Any, *, table_shape: tuple[int, int], on: str | None = None) -> Any:
        """The table's gradient: each row the sum of dy over the places where it was looked up."""
        op = "embedding_backward"
        check_array(op, "ids", ids, dtype=np.int32)
        check_array(op, "dy", dy, shape=(*ids.shape, table_shape[1]))
        if math.prod(table_shape) == 0:
            raise ValueError(f"{op}: the table is empty. Got table_shape {table_shape}.")
        return apply(ids.reshape(-1), dy.reshape(-1), *table_shape, on=on).reshape(table_shape)

    return embedding_backward
