"""Run a plain op in recycled memory: the same function, with arrays whose results come from the pool.

Most ops need no second text to be fast: what costs is fresh memory, whose pages the operating system finds and clears
one by one. NumPy asks an array's class how its functions are to be run on it (`__array_function__` and
`__array_ufunc__`, NEP 18 and 13). So the op is given large arrays as `Recycled`; the memory that it asks for with
`np.empty_like` and `np.zeros_like`, and the products of matrices, then lie in blocks of the pool. All that it makes is
ordinary arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from minidl.backends.cpu import workspace

MEMORY: dict[Any, Callable[..., np.ndarray]] = {np.empty_like: workspace.empty, np.zeros_like: workspace.zeros}


class Recycled(np.ndarray):
    """An array in whose place new memory comes from the pool. The op alone sees it."""

    def __array_function__(self, function: Any, types: Any, arguments: Any, keywords: Any) -> Any:
        if function in MEMORY and len(arguments) == 1 and keywords.keys() <= {"shape", "order"}:
            return MEMORY[function](keywords.get("shape", self.shape), self.dtype)
        return function(*as_plain(arguments), **{key: as_plain(value) for key, value in keywords.items()})

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        plain = [value.view(np.ndarray) if type(value) is Recycled else value for value in inputs]
        if ufunc is np.matmul and not keywords and min(map(np.ndim, plain)) >= 2:
            a, b = plain
            shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
            return np.matmul(a, b, out=workspace.empty(shape, a.dtype))
        if "out" in keywords:
            keywords["out"] = as_plain(keywords["out"])
        return getattr(ufunc, method)(*plain, **keywords)


def recycled(op: Callable[..., Any]) -> Callable[..., Any]:
    """Return the op's function, run in recycled memory where one of its arrays is large."""

    @wraps(op)
    def run(*arrays: Any, **static: Any) -> Any:
        for value in arrays:
            if is_large(value):
                return as_plain(op(*map(as_recycled, arrays), **static))
        return op(*arrays, **static)

    return run


def is_large(value: Any) -> bool:
    """Whether a value is an array, or a tuple or cache that holds one, for which recycled memory pays."""
    if isinstance(value, np.ndarray):
        return value.nbytes >= workspace.SMALLEST
    return isinstance(value, tuple) and any(map(is_large, value))


def as_recycled(value: Any) -> Any:
    """Return large arrays as recycled ones, and tuples and caches of them; small ones cost less as they are."""
    if isinstance(value, np.ndarray):
        return value.view(Recycled) if value.nbytes >= workspace.SMALLEST else value
    return _like(value, map(as_recycled, value)) if isinstance(value, tuple) else value


def as_plain(value: Any) -> Any:
    """Return arrays, and tuples, lists and caches of them, as ordinary ones in the same memory."""
    if type(value) is Recycled:
        return value.view(np.ndarray)
    return _like(value, map(as_plain, value)) if isinstance(value, tuple | list) else value


def _like(values: Any, parts: Any) -> Any:
    return type(values)(*parts) if hasattr(values, "_fields") else type(values)(parts)
