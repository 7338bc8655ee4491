"""Embedding on a GPU or the SIMT machine. The maths is in `minidl/ops/embedding.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backends.cuda.device import Device
from minidl.backends.devices.arrays import device_of
from minidl.ops.embedding import EmbeddingCache, require_integers, require_rows


def embedding_forward(device: Device, ids: Any, table: Any) -> tuple[Any, EmbeddingCache]:
    """y[...] = table[ids[...]]."""
    table = device.take(table=table)
    ids = _int32(device, ids, table.shape[0])
    return device.run("embedding", ids, table), EmbeddingCache(ids, tuple(table.shape))


def embedding_backward(device: Device, dy: Any, cache: EmbeddingCache) -> tuple[None, Any]:
    """Each row of the table collects the dy of the places where it was looked up."""
    dy = device.take(dy=dy)
    ids = _int32(device, cache.ids, cache.table_shape[0])
    return None, device.run("embedding_backward", dy, ids, table_shape=tuple(cache.table_shape))


def _int32(device: Device, ids: Any, rows: int) -> Any:
    """Return ids on the device. Those of the host are checked first; to check those of a GPU would mean to wait."""
    require_integers(ids)
    if device_of(ids) is None:
        require_rows(ids, rows)
        ids = ids.astype(np.int32, copy=False)
    elif ids.dtype != np.int32:
        ids = device.run("cast", ids, dtype="int32")
    return device.take(np.int32, ids=ids)
