"""What the softmax rungs share: checks, and the host functions, which the rungs fill with their kernels.

A row is one set of classes. With the classes on the last axis, rows lie one after another; on another axis a row's
elements are `step` apart (the product of the sizes behind it). Element c of row r lies at

    (r // step) * classes * step + r % step + c * step
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels._cuda import cuda, int32
from cuda_kernels.ladder import Build, Rung
from cuda_kernels.launch import check_array, empty

EPSILON = 1e-7  # Keras' own: probabilities are kept so far from 0 and 1
LABELS = int32[::1]
LOW, HIGH = np.float32(EPSILON), np.float32(1 - EPSILON)


class Rows(NamedTuple):
    """rows sets of `classes` elements, `step` apart."""

    rows: int
    classes: int
    step: int


@cuda.jit(device=True)
def first_of(row, classes, step):
    """Where row `row` begins."""
    return (row // step) * classes * step + row % step


@cuda.jit(device=True)
def clip(p):
    """Keep a probability EPSILON away from 0 and 1."""
    return LOW if p < LOW else (HIGH if p > HIGH else p)


def rows_of(op: str, shape: tuple[int, ...], axis: int) -> Rows:
    """The rows of an array along `axis`; ValueError where there is no such axis."""
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"{op}: axis must lie in [{-len(shape)}, {len(shape)}). Got {axis} for shape {shape}.")
    axis %= len(shape)
    return Rows(math.prod(shape) // shape[axis], shape[axis], math.prod(shape[axis + 1:]))


def forward(op: str, apply: Callable[..., None]) -> Callable[..., Any]:
    """run(x, *, axis, out, on) -> y; apply(log, rows, x, y, on=) launches over flat arrays."""
    def run(x: Any, *, axis: int = -1, out: Any = None, on: str | None = None) -> Any:
        check_array(op, "x", x)
        y = empty(x.shape, like=x) if out is None else out
        check_array(op, "out", y, shape=x.shape)
        apply(op == "log_softmax", rows_of(op, tuple(x.shape), axis), x.reshape(-1), y.reshape(-1), on=on)
        return y

    run.__name__, run.__doc__ = op, f"{op} of a float32 array along one axis."
    return run


def backward(op: str, apply: Callable[..., None]) -> Callable[..., Any]:
    """run(dy, y, *, axis, on) -> dx; apply(log, rows, dy, y, dx, on=) launches over flat arrays."""
    def run(dy: Any, y: Any, *, axis: int = -1, on: str | None = None) -> Any:
        name = f"{op}_backward"
        check_array(name, "y", y)
        check_array(name, "dy", dy, shape=y.shape)
        dx = empty(y.shape, like=y)
        rows = rows_of(name, tuple(y.shape), axis)
        apply(op == "log_softmax", rows, dy.reshape(-1), y.reshape(-1), dx.reshape(-1), on=on)
        return dx

    run.__name__, run.__doc__ = f"{op}_backward", f"dx from dy and the y that {op} gave, along the same axis."
    return run


def sparse_forward(apply: Callable[..., None]) -> Callable[..., Any]:
    """The loss from logits; apply(rows, classes, labels, logits, loss, log_p, on=) launches over flat arrays."""
    def sparse_softmax_crossentropy(labels: Any, logits: Any, *, on: str | None = None) -> tuple[Any, Any]:
        """(loss (...), log_p (..., C)): -log softmax(logits)[label] of each row of logits (..., C).

        labels: int32 (...), 0 … C - 1. A negative label is ignored: its loss is 0. Larger ones are out of bounds.
        """
        op = "sparse_softmax_crossentropy"
        check_array(op, "logits", logits)
        check_array(op, "labels", labels, dtype=np.int32, shape=logits.shape[:-1])
        loss, log_p = empty(labels.shape, like=logits), empty(logits.shape, like=logits)
        apply(labels.size, logits.shape[-1], labels.reshape(-1), logits.reshape(-1), loss.reshape(-1),
              log_p.reshape(-1), on=on)
        return loss, log_p

    return sparse_softmax_crossentropy


def rungs_of(name: str, change: str, applies: tuple[Any, Any, Any], forward_builds: Callable[[bool], tuple[Build, ...]],
             backward_builds: Callable[[bool], tuple[Build, ...]], sparse: Build) -> tuple[Rung, ...]:
    """A rung of softmax, its logarithm, both backwards, and the loss of labels.

    applies : what launches the forward, the backward and the loss
    forward_builds, backward_builds : what the compile gate builds, with and without the logarithm
    """
    both = (("softmax", False), ("log_softmax", True))
    return (*(Rung(op, name, change, forward(op, applies[0]), forward_builds(log)) for op, log in both),
            *(Rung(f"{op}_backward", name, change, backward(op, applies[1]), backward_builds(log)) for op, log in both),
            Rung("sparse_softmax_crossentropy", name, change, sparse_forward(applies[2]), (sparse,)))
