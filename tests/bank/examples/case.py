"""One launch of an example, with what its outputs must hold afterwards."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels.simt.language.names import python_function


class Case(NamedTuple):
    """A kernel, its launch shape, its arguments, and the expected content of each output.

    Parameters
    ----------
    kernel : a `cuda.jit` kernel
    grid, block : int or tuple of int, in blocks and in threads
    args : the kernel's arguments, in its own order
    expected : parameter name -> array that this argument must equal after the launch (NumPy's answer)
    rtol, atol : how far float results may be off; sums in another order round differently
    """

    kernel: Any
    grid: int | tuple[int, ...]
    block: int | tuple[int, ...]
    args: tuple[Any, ...]
    expected: dict[str, np.ndarray]
    rtol: float = 1e-5
    atol: float = 1e-6

    def results(self) -> dict[str, np.ndarray]:
        """The arguments that `expected` names, as they are now."""
        by_name = dict(zip(parameter_names(self.kernel), self.args, strict=True))
        return {name: by_name[name] for name in self.expected}


def parameter_names(kernel: Any) -> tuple[str, ...]:
    """The names of a kernel's parameters, in order."""
    return tuple(inspect.signature(python_function(kernel) or kernel).parameters)


def blocks_for(threads: int, block: int) -> int:
    """Blocks needed to give each of `threads` elements one thread: the division rounded up.

    >>> blocks_for(1000, 256)
    4
    """
    return (threads + block - 1) // block


def values(seed: int, *shape: int) -> np.ndarray:
    """Reproducible float32 normal values of a shape; never symmetric, never constant."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
