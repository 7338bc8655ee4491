"""The compiled kernel on the processor: what NVIDIA's compiler makes of a kernel, run without a GPU.

    from cuda_kernels import ptx
    ptx.launch(kernel, grid, block, x, y, out)                     # results are in `out`
    ptx.launch(kernel, grid, block, x, y, out, checks=False)       # as fast as it goes
    ptx.launch(kernel, grid, block, x, y, out, order=7)            # threads in a random order: a race shows
    print(ptx.text(kernel, x, y, out))                             # the PTX itself

The SIMT machine (`simt`) runs a kernel's Python text and explains it; this runs what the compiler made of it, and is up
to some hundred times faster. It needs NVIDIA's compiler packages (`pip install "minidl[ptx]"`), no GPU and no driver.

The way from text to results, file by file: `compiler` (Python to PTX), `parse` (PTX to instructions), `analysis` (what
a waiting thread must keep), `instructions` and `warp` (what each instruction means), `thread` and `schedule` (a thread
from barrier to barrier, and a grid of them, in LLVM's language), `native` (machine code), `running` (over the cores).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..compile.refusals import types_of
from . import running
from .arguments import signature
from .compiler import NvvmMissing, missing, ptx_of
from .faults import PtxFault
from .native import Native, code_of
from .parse import PtxError

__all__ = ["NvvmMissing", "PtxError", "PtxFault", "compiled", "launch", "missing", "on", "text"]

_COMPILED: dict[tuple[Any, ...], Native] = {}


def compiled(kernel: Any, types: tuple[Any, ...], checks: bool = True, pauses: bool = False) -> Native:
    """The kernel's machine code for arguments of these Numba types, made once for each.

    checks, pauses : as in `native.translate`

    Raises
    NvvmMissing : NVIDIA's compilers are not installed
    PtxError : the compiled text has an instruction that is not known here
    numba's errors : the kernel does not compile
    """
    key = (kernel, types, checks, pauses)
    if key not in _COMPILED:
        _COMPILED[key] = Native(code_of(ptx_of(kernel, types), checks, pauses))
    return _COMPILED[key]


def _compiled_for(kernel: Any, args: tuple[Any, ...], checks: bool, pauses: bool) -> Native:
    """As `compiled`, by what the arguments look like: Numba is asked for their types the first time alone."""
    look = signature(args)
    key = (kernel, look, checks, pauses)
    found = _COMPILED.get(key) if look is not None else None
    if found is None:
        found = compiled(kernel, types_of(args), checks, pauses)
        if look is not None:
            _COMPILED[key] = found
    return found


def text(kernel: Any, *args: Any) -> str:
    """The PTX of a kernel for these arguments."""
    return ptx_of(kernel, types_of(args))


def launch(
    kernel: Any,
    grid: Any,
    block: Any,
    *args: Any,
    checks: bool = True,
    order: int | None = None,
    shared_bytes: int = 0,
    threads: int | None = None,
    limit: float = 30,
) -> None:
    """Run a `@cuda.jit` kernel, compiled, on this processor, and wait for it.

    grid, block : as in `kernel[grid, block]`
    args : NumPy arrays, which are changed in place, and numbers, in the types that the kernel is compiled for
    checks : stop with PtxFault at an access outside the arrays, or one that is not aligned
    order : a seed; blocks, and the threads of a block between barriers, then run in a random order. With an odd seed
        the lanes of a warp wait for each other before each store, with an even one they run on to the barrier. A
        kernel without a race gives the same result in every order
    shared_bytes : of dynamic shared memory
    threads : of the processor; all without a number
    limit : seconds after which a kernel with checks is stopped, with the line of the loop that it was in

    Raises
    PtxFault : what a GPU would answer with an error or with wrong results
    NvvmMissing, PtxError, numba's errors : see `compiled`
    """
    native = _compiled_for(kernel, args, checks, order is not None and order % 2 == 1)
    function = getattr(kernel, "py_func", kernel)
    running.run(
        native,
        grid,
        block,
        args,
        dynamic_bytes=shared_bytes,
        order=order,
        name=function.__name__,
        threads=threads,
        limit=limit,
    )


@contextlib.contextmanager
def on(**options: Any) -> Iterator[Any]:
    """Inside this block a program's host code runs without a GPU, unchanged, and its kernels run compiled.

    As `simt.on`, with its simulated device (`to_device`, streams, events …) and its ledger of transfers; a launch gives
    no report. `options` are those of `launch`: checks, order, threads.

        with ptx.on(order=7):
            kernel[grid, block](d_x, d_y)
    """
    from ..simt.host import names
    from ..simt.host.sessions import SESSIONS, Session
    from ..simt.language.names import cuda_objects

    cuda_objects()  # raises SimtError where Numba's own simulator has taken the place of numba.cuda
    names.install()
    with names.kernel_methods, SESSIONS.block(Session(options, launch)) as session:
        yield session
