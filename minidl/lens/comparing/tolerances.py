"""How far two right results of one op may lie apart: rounding, told from error.

Two kernels that add the same n numbers in another order round differently. Each of the n additions errs by at most
eps / 2 of the partial sum, in either direction, so that the errors of a sum grow like a random walk, with sqrt(n)
(Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, sections 2.6 and 4.2). A sum whose terms cancel
errs by much more than its result suggests. So for each result

    tolerance = 16 sqrt(n) max(eps * largest magnitude, error of the reference)

where eps is the machine epsilon of the result's dtype (1.2e-7 for float32), n the number of terms that a cell sums, and
the error of the reference is how far NumPy's result in this dtype is from the same op in float64. An index that is off
by one changes a cell by about its own size, 10^4 times as much or more. Integers and booleans must be equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from minidl.backends import table
from minidl.backends.devices.arrays import on_host
from minidl.backends.selection import PLAIN
from minidl.lens.origins.dependence import widened
from minidl.lens.recording.events import arrays_of
from minidl.observers import OpRun
from minidl.ops.op import records

SAFETY = 16.0


def terms(run: OpRun, position: int, result: np.ndarray) -> float:
    """Return about how many numbers are summed for one cell of a result of this op.

    Products and convolutions: the inner dimension; recurrent layers: all steps; else how many cells of the largest
    input share one cell of the result.
    """
    inputs = [a for a in (*run.inputs, *arrays_of(run.cache)) if hasattr(a, "size")]
    largest = max((a.size for a in inputs), default=1)
    size = max(1, result.size)
    form = table.record(run.op).form
    if form in ("product", "convolution"):
        others = sorted((a.size for a in inputs), reverse=True)[:2]
        inner = math.sqrt(math.prod(others) / size) if len(others) == 2 else 1.0
        sharing = largest / size  # a bias gradient, a weight gradient
        taps = math.prod(run.cache.w.shape[:2]) if form == "convolution" and hasattr(run.cache, "w") else 1
        return max(1.0, inner * math.sqrt(taps), sharing)
    if form == "recurrent":
        return max(1.0, float(largest / max(1, result.shape[-1])))
    if form == "row":
        last = max((a.shape[-1] for a in inputs if a.ndim), default=1)
        return max(1.0, largest / size, float(last), largest / last if run.op == "batch_norm" else 1.0)
    return max(1.0, largest / size)


def tolerance_of(run: OpRun, position: int, expected: np.ndarray, off: float) -> float:
    """Return the largest difference that rounding explains, for one result of an op (0 for integers).

    Parameters
    ----------
    run : the op as the first side ran it
    position : which of its results
    expected : that side's result
    off : how far NumPy's result in this dtype is from float64, 0 where that is not known
    """
    if expected.dtype.kind != "f":
        return 0.0
    finite = np.abs(expected[np.isfinite(expected)], dtype=np.float64)
    scale = max(float(np.finfo(expected.dtype).eps) * float(finite.max(initial=0.0)), off)
    return SAFETY * math.sqrt(terms(run, position, expected)) * scale + float(np.finfo(expected.dtype).tiny)


def truths(run: OpRun, known_cache: bool = True) -> list[tuple[np.ndarray | None, float]]:
    """Return, for each result of `run`, what the NumPy op gives in float64, and how far rounding takes NumPy from that.

    known_cache : whether the op's own forward, or a device's, made the cache; others' nobody else can read

    Ops of one's own have no reference: (None, 0.0), as has a result that is not there.
    """
    if run.op not in records() or (run.direction == "backward" and not known_cache):
        return [(None, 0.0)] * len(run.outputs)
    with np.errstate(all="ignore"):
        exact = _reference(run, widened)
        own = on_host(run.outputs, "compare") if run.backend == PLAIN else _reference(run, lambda value: value)
    return [(None if e is None else np.asarray(e), _apart(o, e)) for o, e in zip(own, exact, strict=True)]


def _reference(run: OpRun, convert: Callable[[Any], Any]) -> tuple[Any, ...]:
    """Run the NumPy op on converted inputs."""
    inputs, cache = convert(on_host((tuple(run.inputs), run.cache), "compare"))
    widen = run.op == "cast" and convert is widened and run.direction == "forward"
    static = run.static | ({"dtype": "float64"} if widen else {})
    return replace(run, inputs=inputs, cache=cache, static=static).again("numpy").outputs


def _apart(own: Any, exact: Any) -> float:
    """The largest finite difference."""
    if own is None or exact is None or np.shape(own) != np.shape(exact):
        return 0.0
    with np.errstate(invalid="ignore"):
        apart = np.abs(np.asarray(own, np.float64) - np.asarray(exact, np.float64))
    return float(np.max(apart[np.isfinite(apart)], initial=0.0))


def difference(expected: np.ndarray, got: np.ndarray) -> np.ndarray:
    """Return |expected - got| in float64, 0 where both are the same infinity or NaN, inf where only one is finite."""
    a, b = np.asarray(expected), np.asarray(got)
    if a.dtype.kind != "f":
        return np.abs(a.astype(np.float64) - b.astype(np.float64))
    with np.errstate(invalid="ignore"):
        apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
        same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))
