"""Launching a kernel on the machine: arguments in, batches of blocks through, a report out."""
from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from .debug.owners import Owners, copies_of
from .language.program import program_of
from .report.report import Report
from .run import BATCH_THREADS, Run


def translation(kernel: Any) -> str:
    """The NumPy program that a kernel was translated to, as text."""
    return program_of(kernel).text


def launch(kernel: Any, grid: Any, block: Any, *args: Any, checks: bool = True, strict: bool = False,
           shared_bytes: int = 0, outputs: Iterable[Any] | None = None, step_limit: int | None = None,
           batch_threads: int = BATCH_THREADS, owners: bool = False, gpu: str = "H100 SXM") -> Report:
    """Run `kernel` over a grid on NumPy, in lockstep; results are written into the array arguments.

    Parameters
    ----------
    kernel : a `@cuda.jit` kernel or a plain function
    grid, block : int or tuple of up to three ints, as in kernel[grid, block]
    args : NumPy arrays (changed in place), numbers, tuples of numbers, None
    checks : False only computes: no faults, no figures, faster. Accesses out of bounds are still masked off.
    strict : raise KernelFault at the first fault
    shared_bytes : dynamic shared memory of a block, for cuda.shared.array(0, dtype)
    outputs : names (or positions, or the arrays themselves) of the arguments that the kernel must write completely.
        None: those that the kernel stores to but never loads from nor updates atomically. (): none.
    step_limit : turns after which a `while` is taken to be endless. None: 100,000, or fewer after some seconds; and a
        range() that would take 1000 seconds is stopped. A loop whose end cannot come is told at once
    batch_threads : about how many threads run at once (bounds memory)
    owners : note who stores to each element; `report.owners` then answers who wrote what from where (see `Owners`).
        Needs checks, and keeps copies of the arrays
    gpu : a name in `simt.GPUS`: how many blocks it holds at a time, for blocks that wait for each other

    Returns
    -------
    Report

    Raises
    ------
    UnsupportedSyntax : the kernel uses Python that has no meaning on a GPU; names the line
    TypeError : wrong number or kind of arguments
    ValueError : owners without checks
    KernelFault : a fault, if `strict`

    >>> import numpy as np
    >>> from numba import cuda
    >>> def add_one(x):
    ...     i = cuda.grid(1)
    ...     if i < x.size:
    ...         x[i] += 1
    >>> x = np.zeros(5, np.int32)
    >>> launch(add_one, 1, 32, x).faults, x.tolist()
    ([], [1, 1, 1, 1, 1])
    """
    if owners and not checks:
        raise ValueError("simt.launch: owners=True needs checks=True, which see every access.")
    started = time.perf_counter()
    program = program_of(kernel, args)
    before = copies_of(args) if owners else ()
    run = Run(program, grid, block, args, checks=checks, strict=strict, shared_bytes=shared_bytes, outputs=outputs,
              step_limit=step_limit, batch_threads=batch_threads, gpu=gpu, owners=owners)
    if run.refused():
        return run.report(time.perf_counter() - started)
    if program.breakpoints:
        from .debug.stepper import launch_with_breakpoints

        launch_with_breakpoints(kernel, grid, block, args, shared_bytes=shared_bytes, step_limit=step_limit)
    try:
        run.execute()
        report = run.report(time.perf_counter() - started)
    finally:
        run.let_go()
    report.owners = Owners(run, before, args) if owners else None
    return report
