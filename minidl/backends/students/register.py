"""Kernels of one's own: a function written in a notebook cell becomes a rung, beside those of the ladders.

Two forms. A `@cuda.jit` kernel alone, for the kernels whose arrays and sizes are known beforehand (`PLANNERS` in
`minidl.backends.students.plans`): minidl makes the output, chooses the grid and launches. Or a host function that
does this itself, for every kernel: it takes what the ladder's function takes, as far as it wants to, and returns what
that returns. Nothing is imported here until the first one is registered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from minidl.backends import table
from minidl.errors import ArgumentError, unknown_name

Threads = int | tuple[int, ...]
Blocks = int | tuple[int, ...] | Callable[..., int | tuple[int, ...]]


class StudentKernel(NamedTuple):
    """A registered rung: `name` of `kernel`, the host function that runs it, and what was registered."""

    kernel: str
    name: str
    run: Callable[..., Any]
    given: Any


_REGISTERED: dict[str, dict[str, StudentKernel]] = {}


def register_kernel(
    kernel: str, name: str, run: Any = None, *, threads: Threads | None = None, blocks: Blocks | None = None,
    start: float | None = None, replace: bool = False,
) -> Any:  # fmt: skip
    """Add a kernel of your own as a rung: then `minidl.using(gemm="simt:mine")` runs it, and "cuda:mine" on a GPU.

    `minidl.check("gemm:mine")` says whether it is right. `docs/your_kernel.md` is the tutorial.

    Parameters
    ----------
    kernel : which kernel yours computes: "gemm", "relu", "relu_backward", "conv2d_backward_data" …; an op that runs
        several has one for each (`minidl.ops_table("conv2d")` lists the rungs of all of them)
    name : of your rung, an identifier; r1, r2 … are the ladder's
    run : a `@cuda.jit` kernel, or a host function `run(*arrays, on=None, **settings)` that launches one and returns the
        result. It may leave out arguments that it has no use for: another value than the default is then an error,
        but for operands that are transposed and a bias, which kernels of the ladders transpose and add for you.
        None gives a decorator
    threads : (kernels) threads a block: an int for `cuda.grid(1)` over all elements of the output; (x, y) for
        `cuda.grid(2)`, x along the output's last axis and y along the rest; (x, y, z) likewise. 256, or (16, 16) for
        matrix products, unless given
    blocks : (kernels) blocks in the grid, where they do not just cover the output: a number, a tuple, or a function of
        the kernel's arrays, `lambda x, y: x.shape[0]`
    start : (kernels) what the output holds at the launch: 0 for a kernel that adds into it; None is undefined memory
    replace : allow another function to take the name. The same function, of a cell that is run again, always may

    Returns
    -------
    what was given, or a decorator

    Raises
    ------
    UnknownNameError : there is no such kernel
    ArgumentError : the name is taken, `run` is no kernel or function, or its parameters do not fit

    A kernel's parameters: the inputs, the output, then numbers that it asks for by their names.

    >>> import minidl
    >>> from numba import cuda, float32
    >>> @minidl.register_kernel("relu", "docs_relu", threads=128)
    ... @cuda.jit
    ... def relu(x, y, size):
    ...     i = cuda.grid(1)
    ...     if i < size:
    ...         y[i] = max(x[i], float32(0))
    >>> with minidl.using(relu_forward="simt:docs_relu"):
    ...     minidl.functional.relu([-1.0, 2.0]).numpy()
    array([0., 2.], dtype=float32)
    """
    if run is None:
        return lambda given: register_kernel(
            kernel, name, given, threads=threads, blocks=blocks, start=start, replace=replace
        )
    _check_names(kernel, name)
    before = _REGISTERED.get(kernel, {}).get(name)
    if before is not None and not replace and not _same_function(before.given, run):
        raise ArgumentError(
            f"register_kernel: {kernel}:{name} is registered already, by {_name_of(before.given)!r}. Got "
            f"{_name_of(run)!r}. Choose another name, or pass replace=True."
        )
    from minidl.backends.cuda.device import forget_rungs
    from minidl.backends.students.host import host_function

    host = host_function(kernel, name, run, threads, blocks, start)
    _REGISTERED.setdefault(kernel, {})[name] = StudentKernel(kernel, name, host, run)
    forget_rungs()
    return run


def unregister_kernel(kernel: str, name: str) -> None:
    """Take a rung of your own away. Raises UnknownNameError if there is none of that name.

    >>> import minidl
    >>> _ = minidl.register_kernel("square", "docs_square", lambda x: x)
    >>> unregister_kernel("square", "docs_square")
    >>> "simt:docs_square" in minidl.ops_table("square")["square"]["forward"]["available"]
    False
    """
    if name not in _REGISTERED.get(kernel, {}):
        raise unknown_name(f"kernel of your own for {kernel}", name, _REGISTERED.get(kernel, {}))
    from minidl.backends.cuda.device import forget_rungs

    del _REGISTERED[kernel][name]
    forget_rungs()


def student_kernel(kernel: str, name: str | None) -> StudentKernel | None:
    """Return the registered rung of that name, None where there is none."""
    return _REGISTERED.get(kernel, {}).get(name or "")


def student_names(kernel: str) -> tuple[str, ...]:
    """Return the names of the rungs registered for a kernel, in their order."""
    return tuple(_REGISTERED.get(kernel, {}))


def _check_names(kernel: str, name: str) -> None:
    from minidl.backends.students.host import rung_names

    rungs = rung_names(kernel)
    if not rungs:
        from cuda_kernels import ladder
        from minidl.backends.cuda.device import require_kernels

        computed_by = table.kernels(kernel)
        if computed_by:
            require_kernels(kernel, computed_by)
            raise ArgumentError(
                f"register_kernel: {kernel!r} has no kernel of its own; it is computed by "
                f"{' and '.join(map(repr, computed_by))}. Register yours for one of these."
            )
        raise unknown_name("kernel in register_kernel", kernel, ladder.ops())
    if not isinstance(name, str) or not name.isidentifier():
        raise ArgumentError(f"register_kernel: a name must be a Python identifier, such as 'mine'. Got {name!r}.")
    if re.fullmatch(r"r\d+(_.*)?|first", name):
        raise ArgumentError(
            f"register_kernel: r1, r2 … and first are names of the ladder's own rungs ({', '.join(rungs)}). "
            f"Got {name!r}. Choose another, such as 'mine'."
        )


def _name_of(given: Any) -> str:
    return getattr(given, "__name__", type(given).__name__)


def _same_function(before: Any, now: Any) -> bool:
    """Whether both come from the same `def`, in a cell or file that was run again."""

    def place(given: Any) -> tuple[Any, Any]:
        function = getattr(given, "py_func", given)
        return getattr(function, "__module__", None), getattr(function, "__qualname__", None)

    return place(before) == place(now) and place(now)[1] is not None
