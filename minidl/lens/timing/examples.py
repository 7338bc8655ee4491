"""Inputs to time an op with: random values of the kind that the op takes, of the shapes that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backends import table
from minidl.errors import ArgumentError, ShapeError

DTYPES = {"ids": np.int32, "labels": np.int32, "mask": np.bool_}  # of the kinds of values that are no floats


def example_inputs(op: str, given: Sequence[Any], rng: np.random.Generator) -> list[np.ndarray | None]:
    """Return arrays for an op's forward: random ones for shapes, a copy of an array, None for None.

    >>> x, table = example_inputs("embedding", [(2, 3), (10, 4)], np.random.default_rng(0))
    >>> x.dtype, table.dtype, bool(x.max() < 10)
    (dtype('int32'), dtype('float32'), True)

    Raises
    ------
    ArgumentError : an entry is no shape, no array and not None
    """
    return [_input(op, position, item, given, rng) for position, item in enumerate(given)]


def _input(op: str, position: int, item: Any, given: Sequence[Any], rng: np.random.Generator) -> np.ndarray | None:
    if item is None:
        return None
    if isinstance(item, np.ndarray):
        return item.copy()
    shape = as_shape(item)
    if shape is None:
        raise ArgumentError(
            f"time: input {position} of {op} must be a shape such as (32, 10), an array, or None. Got {item!r}."
        )
    kind = kind_of(op, position)
    if kind in ("ids", "labels"):  # of rows of the next input, or of its classes
        rows = getattr(given[1], "shape", given[1])
        return rng.integers(0, rows[0 if kind == "ids" else -1], shape).astype(np.int32)
    if kind == "mask":
        return rng.random(shape) < 0.8
    if kind == "positive":
        return rng.random(shape, np.float32) + np.float32(0.5)
    if kind == "rows":
        values = rng.random(shape, np.float32) + np.float32(0.01)
        return values / values.sum(axis=-1, keepdims=True)
    return rng.standard_normal(shape, np.float32)


def as_shape(item: Any) -> tuple[int, ...] | None:
    """Return what was given as a shape; None where it is none."""
    if not isinstance(item, tuple | list) or not all(isinstance(n, int | np.integer) and n >= 0 for n in item):
        return None
    return tuple(int(n) for n in item)


def kind_of(op: str, position: int) -> str:
    """The kind of numbers that an input takes."""
    values = table.record(op).values
    return values if isinstance(values, str) else values[position]


def example_shapes(op: str, size: int) -> list[Any]:
    """Return input shapes of an op by one number: the side of its matrices, or of its images.

    >>> example_shapes("gemm", 64), example_shapes("relu", 64)
    ([(64, 64), (64, 64)], [(64, 64)])

    Raises
    ------
    ShapeError : a size below 1; of convolutions and pooling below 4
    """
    record = table.record(op)
    shapes = record.shapes or (lambda n: [(n, n)] * len(record.inputs))
    least = 4 if len(shapes(4)[0]) == 4 else 1
    if size < least:
        raise ShapeError(f"time: a size of at least {least} is needed for {op}. Got {size}.")
    return shapes(size)


def example_static(op: str, shapes: Sequence[Any]) -> dict[str, Any]:
    """Return static values for an op where it has no defaults of its own."""
    static = table.record(op).static
    if callable(static):
        return dict(static(next((getattr(s, "shape", s) for s in shapes if s is not None), ())))
    return dict(static)
