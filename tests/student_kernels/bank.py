"""The two lists, and the decorators that fill them: `@wrong("relu", "what is wrong")` above a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numba import cuda

from cuda_kernels.launch import blocks_for, launch


class Entry(NamedTuple):
    """A kernel or host function for one kernel of minidl's; `what` names the mistake, or the style, `at` the stages."""

    kernel: str
    given: Any
    what: str
    options: dict[str, Any]
    at: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For the test's name."""
        return f"{self.kernel}: {self.what}"


WRONG: list[Entry] = []
RIGHT: list[Entry] = []


def wrong(kernel: str, what: str, at: str = "", **options: Any) -> Callable[[Any], Any]:
    """Note a kernel that has to be rejected: for its results, unless it is at another stage."""
    stages = (at,) if at else ("values", "gradient")
    return lambda given: WRONG.append(Entry(kernel, given, what, options, stages)) or given


def right(kernel: str, what: str, **options: Any) -> Callable[[Any], Any]:
    """Note a kernel that must pass."""
    return lambda given: RIGHT.append(Entry(kernel, given, what, options)) or given


def unary(function: Any) -> Any:
    """y[i] = function(x[i])."""

    @cuda.jit
    def kernel(x, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = function(x[i])

    return kernel


def gradient(function: Any) -> Any:
    """dx[i] = function(dy[i], kept[i])."""

    @cuda.jit
    def kernel(dy, kept, dx, size):
        i = cuda.grid(1)
        if i < size:
            dx[i] = function(dy[i], kept[i])

    return kernel


def binary(function: Any) -> Any:
    """y[i] = function(a[i], b[i])."""

    @cuda.jit
    def kernel(a, b, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = function(a[i], b[i])

    return kernel


def go(kernel: Any, threads: int, *given: Any, on: str | None) -> None:
    """Launch a kernel on at least so many threads; numbers become int32 and float32."""
    launch(kernel, blocks_for(threads, 128), 128, *given, on=on)
