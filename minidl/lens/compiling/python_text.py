"""`lens.kernel_source`: a kernel's Python as it is written, with what it takes from outside."""

from __future__ import annotations

import inspect
import textwrap
import types
from typing import Any

import numpy as np

from minidl.errors import ArgumentError
from minidl.lens.compiling.subjects import subject


class KernelSource(str):
    """A kernel's text; at a prompt and in a notebook it shows itself as it is."""

    def __repr__(self) -> str:
        return str(self)


def kernel_source(kernel: Any, *args: Any, which: int | str = 0, **settings: Any) -> KernelSource:
    """Return a kernel's Python text, behind those of the device functions that it calls, and the numbers that it takes.

    Parameters
    ----------
    kernel : a rung, "conv2d:r1", of a ladder or of your own; or a `@cuda.jit` kernel
    args, settings : arrays (or their shapes) and settings to launch a rung with: some kernels are made for them
    which : of several kernels that a rung launches: number or name

    Raises
    ------
    ArgumentError : no such kernel, or its text cannot be read
    UnknownNameError : no such rung

    >>> print(kernel_source("relu:r1"))
    @cuda.jit(device=True)
    def forward(x):
        return float32(0) if x <= float32(0) else x
    <BLANKLINE>
    function = forward
    <BLANKLINE>
    @cuda.jit
    def unary_scalar(x, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = function(x[i])

    >>> text = kernel_source("conv2d:r1", (1, 8, 8, 1), (3, 3, 1, 4), strides=(2, 1))
    >>> print(text.partition("@cuda.jit")[0].strip())
    di, dj, groups, has_bias, left, si, sj, top = 1, 1, 1, False, 0, 2, 1, 0
    """
    parts: dict[str, str] = {}
    _add(subject(kernel, args, which, settings).function, parts)
    return KernelSource("\n\n".join(filter(None, parts.values())))


def _add(function: Any, parts: dict[str, str]) -> None:
    """Add a function's text to `parts`, by name, behind those of the numbers and device functions that it takes."""
    try:
        source = textwrap.dedent(inspect.getsource(function)).rstrip()
    except (OSError, TypeError) as error:
        raise ArgumentError("lens.kernel_source: the kernel's text cannot be read. Is it PTX, or typed in?") from error
    taken = inspect.getclosurevars(function)
    plain: dict[str, str] = {}
    for name, value in sorted({**taken.globals, **taken.nonlocals}.items()):
        inner = getattr(value, "py_func", value)
        if isinstance(value, np.generic):
            plain[name] = f"{value.dtype}({value})"
        elif isinstance(value, int | float | str | tuple):
            plain[name] = repr(value)
        elif isinstance(inner, types.FunctionType) and inner.__name__ not in parts:
            _add(inner, parts)
        if isinstance(inner, types.FunctionType) and inner.__name__ != name:
            plain[name] = inner.__name__
    said = f"{', '.join(plain)} = {', '.join(plain.values())}" if plain else ""
    if said not in parts.values():
        parts[f"{function.__name__} takes"] = said
    parts[function.__name__] = source
