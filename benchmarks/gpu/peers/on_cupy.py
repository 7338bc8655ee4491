"""CuPy, a second peer where it is installed: products, sums, extremes, elementwise. The packages never import it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..shapes import Job

NAME = "CuPy"


@functools.cache
def _found() -> tuple[Any, str]:
    try:
        import cupy

        if cupy.cuda.runtime.getDeviceCount() < 1:
            return None, "CuPy finds no GPU"
    except Exception as error:  # noqa: BLE001 - a broken installation must not stop the bench
        return None, f"CuPy cannot be used ({type(error).__name__}: {error})"[:200]
    return cupy, ""


def cupy() -> Any:
    """Return the module, or None where it cannot use the GPU."""
    return _found()[0]


def why_none() -> str:
    """Return why there is no CuPy to compare with, "" where there is one."""
    return _found()[1]


def runner(job: Job, inputs: tuple[Any, ...], dy: Any, kind: str) -> Callable[[], Any] | None:
    """Return what CuPy does for a job, on copies of its inputs; None where it has no such function alone."""
    function = FUNCTIONS.get(job.kernel)
    if function is None or kind != "fp32":
        return None
    given = [None if a is None else cupy().asarray(a) for a in inputs]
    return functools.partial(function, cupy(), job.static, *given)


def _axis(static: dict[str, Any]) -> Any:
    return static.get("axes", static.get("axis"))


def _product(cp: Any, s: dict[str, Any], a: Any, b: Any) -> Any:
    return cp.matmul(a.T if s.get("transpose_a") else a, b.T if s.get("transpose_b") else b)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "gemm": _product,
    "batched_gemm": _product,
    "relu": lambda cp, s, x: cp.maximum(x, cp.float32(0)),
    "tanh": lambda cp, s, x: cp.tanh(x),
    "add": lambda cp, s, a, b: cp.add(a, b),
    "multiply": lambda cp, s, a, b: cp.multiply(a, b),
    "reduce_sum": lambda cp, s, x: cp.sum(x, _axis(s)),
    "reduce_max": lambda cp, s, x: cp.max(x, _axis(s)),
    "argmax": lambda cp, s, x: cp.argmax(x, _axis(s)),
    "transpose": lambda cp, s, x: cp.ascontiguousarray(cp.transpose(x, s.get("axes"))),
    "concatenate": lambda cp, s, *xs: cp.concatenate(xs, s["axis"]),
    "embedding": lambda cp, s, ids, table: cp.take(table, ids, 0),
}
