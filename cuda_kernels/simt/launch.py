"""Launching a kernel on the machine: arguments in, batches of blocks through, a report out."""
from __future__ import annotations

import time
import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np

from .debug.owners import OwnerMachine, Owners, copies_of
from .language import names
from .language.captured import Captured
from .language.program import Program
from .machine.machine import Machine
from .report.report import Report
from .run import BATCH_THREADS, Run

_captured: weakref.WeakKeyDictionary[Any, dict[tuple, Captured]] = weakref.WeakKeyDictionary()


def program_of(kernel: Any, args: tuple = (), stepping: bool = False) -> Program:
    """The translated program of a kernel: one for as long as what it names around it stays as it is.

    For arguments of types that it was launched with before, that is for ever (see captured.py).
    """
    function = names.python_function(kernel)
    if function is None:
        raise TypeError("simt.launch: the kernel must be a function or a @cuda.jit kernel, got "
                        f"{type(kernel).__name__}")
    by_types, types = _captured.setdefault(function, {}), _types(args)
    if types not in by_types:
        latest = next(reversed(by_types.values()), None)
        by_types[types] = latest if latest is not None and latest.unchanged() else Captured()
    captured = by_types[types]
    if types not in captured.unsigned:
        captured.unsigned[types] = "u8" in str(types) or "uint64" in str(types) or any(
            "uint64" in code.co_names for code in _codes(function))
    unsigned = captured.unsigned[types]
    if (stepping, unsigned) not in captured.programs:
        captured.programs[stepping, unsigned] = Program(function, stepping, captured, unsigned)
    return captured.programs[stepping, unsigned]


def _codes(function: Any) -> list[Any]:
    """The code of a function, and of the functions that it names."""
    own = function.__code__
    named = [names.python_function(function.__globals__.get(name)) for name in own.co_names]
    return [own, *(f.__code__ for f in named if f is not None)]


def _types(args: tuple) -> tuple:
    """What Numba would compile a kernel anew for."""
    return tuple((a.dtype.str, a.ndim, a.flags.c_contiguous) if isinstance(a, np.ndarray) else
                 _types(a) if isinstance(a, tuple) else type(a) for a in args)


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
              step_limit=step_limit, batch_threads=batch_threads, gpu=gpu)
    if run.refused():
        return run.report(time.perf_counter() - started)
    if program.breakpoints:
        from .debug.stepper import launch_with_breakpoints

        launch_with_breakpoints(kernel, grid, block, args, shared_bytes=shared_bytes, step_limit=step_limit)
    try:
        run.execute(OwnerMachine if owners else Machine)
        report = run.report(time.perf_counter() - started)
    finally:
        run.let_go()
    report.owners = Owners(run, before, args) if owners else None
    return report
