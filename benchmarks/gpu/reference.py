"""What NumPy says of a job, in float64, and how far a rung is from it.

A part of each array is compared: all of 64 million numbers would take NumPy longer than the GPU takes for the family.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .checks.ops import compare, in_float64, loaded
from .shapes import Job

ENDS = {2: 32, 3: 4, 4: 1}  # of an array with so many axes: how many indices at the beginning, and as many at the end
TOLERANCE = {"r8_tf32": 5e-3, "r10_bf16": 3e-2, "r1_atomics": 2e-2}


def gradient_of_result(y: Any) -> Any:
    """Return dy for the first output of an op, None for its others."""
    if isinstance(y, tuple):
        return (gradient_of_result(y[0]), *[None] * (len(y) - 1))
    shape = tuple(y.shape)
    return np.resize(np.cos(np.arange(1009, dtype=np.float32)), int(np.prod(shape, dtype=np.int64))).reshape(shape)


class Reference:
    """NumPy's results of a job where they are compared, and the comparison."""

    def __init__(self, job: Job, inputs: tuple[Any, ...], dy: Any) -> None:
        self.job = job
        parts = job.check.split(":")
        self.axes = parts[-1]
        self.count = ENDS[max(a.ndim for a in inputs if a is not None)]
        given = self.cut(inputs, parts[0])
        y, cache = loaded(job.op, "numpy", "forward")(*in_float64(given), **job.static)
        if job.direction == "backward":
            back = loaded(job.op, "numpy", "backward")
            dys = self.cut(as_tuple(dy), parts[1])
            needs = {"needs": job.needs} if job.needs else {}
            y = back(in_float64(dys if isinstance(dy, tuple) else dys[0]), cache, **needs)
        self.expected = as_tuple(y)[: len(self.axes)]

    def compare(self, rung: str, found: Any) -> float:
        """Return the largest error of results on the host. Raises AssertionError."""
        cut = self.cut(as_tuple(found)[: len(self.axes)], self.axes)
        errors = [
            compare(f"{self.job.kernel}:{rung} [{k}]", a, b, TOLERANCE.get(rung, 1e-4))
            for k, (a, b, axis) in enumerate(zip(cut, self.expected, self.axes, strict=True))
            if axis != "."
        ]
        return max(errors)

    def cut(self, arrays: tuple[Any, ...], axes: str) -> tuple[Any, ...]:
        """Return of each array both ends of its axis; "-" and "." leave it whole."""
        return tuple(
            a if a is None or axis in "-." else np.take(a, self.indices(a.shape[int(axis)]), int(axis))
            for a, axis in zip(arrays, axes, strict=False)
        )

    def indices(self, length: int) -> np.ndarray:
        first = np.arange(min(self.count, length))
        return np.union1d(first, length - 1 - first) if self.job.ends else first


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
