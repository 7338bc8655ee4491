"""Inputs to time an op with: random values of the kind that the op takes, of the shapes that were asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, ShapeError

Shape = tuple[int, ...]

# Static values without a default.
STATIC: dict[str, dict[str, Any]] = {
    "dropout": {"rate": 0.5, "seed": 0, "offset": 0},
    "power": {"exponent": 3.0},
    "discrete": {"function": "greater"},
    "cast": {"dtype": "int32"},
    "sgd_update": {"learning_rate": 0.01},
    "rmsprop_update": {"learning_rate": 0.01},
    "adam_update": {"learning_rate": 0.01, "step": 1},
    "adamw_update": {"learning_rate": 0.01, "step": 1},
    "adagrad_update": {"learning_rate": 0.01},
}
_WHOLE_NUMBERS = {"embedding": 0, "sparse_categorical_crossentropy": 0}  # input that holds labels or ids
_TRUTH_VALUES = {"where": 0, "simple_rnn": 5, "lstm": 6, "gru": 5}
_POSITIVE = {"log", "log1p", "sqrt", "power", "pow", "mod", "divide", "batch_norm_inference"}
_PROBABILITIES = {"binary_crossentropy", "categorical_crossentropy"}


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
    if not isinstance(item, tuple | list) or not all(isinstance(n, int | np.integer) and n >= 0 for n in item):
        raise ArgumentError(
            f"time: input {position} of {op} must be a shape such as (32, 10), an array, or None. Got {item!r}."
        )
    shape = tuple(int(n) for n in item)
    if _WHOLE_NUMBERS.get(op) == position:
        table = getattr(given[1], "shape", given[1])
        return rng.integers(0, table[0] if op == "embedding" else table[-1], shape).astype(np.int32)
    if _TRUTH_VALUES.get(op) == position:
        return rng.random(shape) < 0.8
    if op in _POSITIVE or op.endswith("_update"):
        return rng.random(shape, np.float32) + np.float32(0.5)
    if op in _PROBABILITIES or op == "sparse_categorical_crossentropy":
        values = rng.random(shape, np.float32) + np.float32(0.01)
        return values / values.sum(axis=-1, keepdims=True)
    return rng.standard_normal(shape, np.float32)


def _square(n: int) -> list[Shape | None]:
    return [(n, n), (n, n)]


def _image(n: int) -> Shape:
    return (8, n, n, 16)


_SHAPES: dict[str, Callable[[int], list[Any]]] = {
    "gemm": _square,
    "batched_gemm": lambda n: [(4, n, n), (4, n, n)],
    "dense": lambda n: [(n, n), (n, n), (n,)],
    "conv2d": lambda n: [_image(n), (3, 3, 16, 32), (32,)],
    "conv2d_transpose": lambda n: [_image(n), (3, 3, 32, 16), (32,)],
    "depthwise_conv2d": lambda n: [_image(n), (3, 3, 16, 1), (16,)],
    "max_pool2d": lambda n: [_image(n)],
    "average_pool2d": lambda n: [_image(n)],
    "upsample2d": lambda n: [_image(n)],
    "batch_norm": lambda n: [(n, n), (n,), (n,)],
    "batch_norm_inference": lambda n: [(n, n), (n,), (n,), (n,), (n,)],
    "layer_norm": lambda n: [(n, n), (n,), (n,)],
    "embedding": lambda n: [(n, 16), (n, 64)],
    "sparse_categorical_crossentropy": lambda n: [(n,), (n, n)],
    "where": lambda n: [(n, n), (n, n), (n, n)],
    "simple_rnn": lambda n: [(8, 16, n), (n, n), (n, n), (n,), None, None, None],
    "lstm": lambda n: [(8, 16, n), (n, 4 * n), (n, 4 * n), (4 * n,), None, None, None, None],
    "gru": lambda n: [(8, 16, n), (n, 3 * n), (n, 3 * n), (2, 3 * n), None, None, None],
    "sgd_update": lambda n: [(n, n), (n, n), None],
    "rmsprop_update": lambda n: [(n, n), (n, n), (n, n), None, None],
    "adam_update": lambda n: [(n, n), (n, n), (n, n), (n, n), None],
    "adamw_update": lambda n: [(n, n), (n, n), (n, n), (n, n), None],
    "adagrad_update": lambda n: [(n, n), (n, n), (n, n)],
    **dict.fromkeys(
        (
            "add", "subtract", "multiply", "divide", "maximum", "minimum", "pow", "mod", "discrete",
            "concatenate", "stack",
            "binary_crossentropy", "categorical_crossentropy", "mean_squared_error", "mean_absolute_error", "huber",
        ),
        _square,
    ),
}  # fmt: skip


def example_shapes(op: str, size: int) -> list[Any]:
    """Return input shapes of an op by one number: the side of its matrices, or of its images.

    >>> example_shapes("gemm", 64), example_shapes("relu", 64)
    ([(64, 64), (64, 64)], [(64, 64)])

    Raises
    ------
    ShapeError : a size below 1; of convolutions and pooling below 4
    """
    least = 4 if _SHAPES.get(op) and len(_SHAPES[op](4)[0]) == 4 else 1
    if size < least:
        raise ShapeError(f"time: a size of at least {least} is needed for {op}. Got {size}.")
    return _SHAPES.get(op, lambda n: [(n, n)])(size)


def example_static(op: str, shapes: Sequence[Any]) -> dict[str, Any]:
    """Return static values for an op where it has no defaults of its own."""
    first = next((getattr(s, "shape", s) for s in shapes if s is not None), ())
    found = dict(STATIC.get(op, {}))
    if op == "reshape":
        found["shape"] = (math.prod(first),)
    elif op == "broadcast_to":
        found["shape"] = (4, *first)
    elif op == "pad":
        found["padding"] = tuple((1, 1) for _ in first)
    elif op == "slice":
        found["key"] = tuple(slice(None, None, 2) for _ in first)
    return found
