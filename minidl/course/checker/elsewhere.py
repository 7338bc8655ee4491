"""The same kernels elsewhere: compiled by NVIDIA's compilers and run on this processor; on a GPU where there is one.

On the SIMT machine they were without a fault; that the results here are right too is judged afterwards, as theirs are.
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.course.checker.running import Elsewhere, Ran, arguments, cases_of, outputs_of
from minidl.course.exercise import Exercise, Kernel

ORDERS = (None, 1, 2)  # of threads: in turn, and two at random
TIMES = 3  # that a GPU runs the same
MOST = 3  # cases
LIMIT = 5.0  # seconds for a launch on the processor
Launch = Callable[..., None]


def elsewhere(exercise: Exercise, module: types.ModuleType, seed: int | str) -> list[Elsewhere]:
    """Run each kernel's first cases, compiled in several orders of threads, and several times on a GPU."""
    if not any(isinstance(task, Kernel) for task in exercise.tasks):
        return []
    return [
        _stage("compiled", _without_compilers(), _in_orders, exercise, module, seed),
        _stage("gpu", _without_gpu(), _on_gpu, exercise, module, seed),
    ]


def _stage(stage: str, missing: str, launches: Callable[[], Iterator[Launch]], exercise: Exercise,
           module: types.ModuleType, seed: int | str) -> Elsewhere:  # fmt: skip
    """Run the cases by each of several ways to launch."""
    found = Elsewhere(stage, missing)
    for number, task in enumerate(exercise.tasks if not missing else ()):
        if not isinstance(task, Kernel):
            continue
        for k, case in enumerate(cases_of(exercise, task, seed)[:MOST]):
            for launch in launches():
                ran = Ran(number, k)
                try:
                    ran.outputs = outputs_of(task, module, arguments(task, case), launch)
                except _refusals() as error:
                    ran.error = ("refused", {"message": _short(error), "L": 0})
                except Exception as error:  # such as an instruction that is not known here, or a tensor core's
                    found.missing = f"{task.name}: {_short(error)}"
                    return found
                found.ran.append(ran)
                if ran.error is not None:
                    return found
    return found


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if not line.startswith(("Failed in", "File", " "))]
    return f"{type(error).__name__}: {' '.join(filter(None, lines))}"[:300]


def _refusals() -> tuple[type[Exception], ...]:
    """What says that the kernel is at fault."""
    from numba.core.errors import NumbaError

    from cuda_kernels.arrays import driver_errors
    from cuda_kernels.ptx import PtxFault

    return (PtxFault, NumbaError, *driver_errors())


def _without_compilers() -> str:
    from cuda_kernels import ptx

    return ptx.missing()


def _in_orders() -> Iterator[Launch]:
    from cuda_kernels import ptx

    for order in ORDERS:
        yield functools.partial(ptx.launch, order=order, limit=LIMIT)


def _without_gpu() -> str:
    from cuda_kernels.arrays import gpu_problem

    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # a GPU's driver reserves addresses by the terabyte

        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    return (gpu_problem() or "").partition(". ")[0]


def _on_gpu() -> Iterator[Launch]:
    from numba import cuda

    def launch(kernel: Any, grid: Any, block: Any, *args: Any, shared_bytes: int = 0) -> None:
        there = [cuda.to_device(np.ascontiguousarray(a)) if isinstance(a, np.ndarray) else a for a in args]
        kernel[grid, block, 0, shared_bytes](*there)
        for mine, theirs in zip(args, there, strict=True):
            if isinstance(mine, np.ndarray):
                mine[...] = theirs.copy_to_host()

    for _ in range(TIMES):
        yield launch
