"""Two stages of `minidl.check`: the kernel as NVIDIA's compiler made it, run on the processor, in order and out of it.

The SIMT machine runs a kernel's Python; here its PTX runs (`cuda_kernels.ptx`), on the arrays of the calls that the
machine has found right. A difference is one of types, rounding or optimisation. Between two barriers a GPU runs threads
in any order, and so does the second stage, by seed: a missing barrier that the machine's lockstep hides shows by its
effect.
"""

from __future__ import annotations

import itertools
import linecache
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from cuda_kernels import launch
from cuda_kernels.ptx import PtxError, PtxFault, missing
from cuda_kernels.simt.language.names import python_function
from minidl.testing.agreement import pairs, wrong_cells
from minidl.testing.kernels.results import KernelCheck
from minidl.testing.kernels.runs import Call, described, poisoned
from minidl.testing.values import copies

SEEDS = 20  # orders that a call is run in
MOST_ORDERED = 3  # calls that are run in all of them; the others in one each
LIMIT = 5.0  # seconds for a launch
ORDER_CAUSE = (
    "Between two barriers the threads of a block may run in any order, and blocks always. Is a cuda.syncthreads() "
    "missing between writing shared memory and reading it (or before it is written again), or do two threads write one "
    "element?"
)


def add_compiled(
    result: KernelCheck, kernel: str, function: Callable[..., Any], calls: list[tuple[Call, bool, float]],
    tolerance: float,
) -> bool:  # fmt: skip
    """Add both stages to a check's result; return whether they passed, or were not run.

    calls : those of a kernel that was right on the SIMT machine, each with how it is compared: by cell, the smallest
        value that counts (see `wrong_cells`)
    """
    why = missing()
    if why:
        result.add("compiled", "not run", why)
        result.add("any order", "not run", "it runs compiled")
        return True

    def run(call: Call, **options: Any) -> Any:
        with poisoned("ptx"), launch.numpy_runs_on("ptx"), launch.ptx_options(limit=LIMIT, **options):
            return function(*copies(call.arrays), **call.static, on="ptx")

    in_turn = []
    for call, by_cell, smallest in calls:
        try:
            in_turn.append(run(call))
        except PtxError as error:
            result.add("compiled", "not run", f"{error}")
            result.add("any order", "not run", "it runs compiled")
            return True
        except PtxFault as fault:
            return _failed(result, "compiled", f"{_where(kernel, call)}: compiled, {fault}", _line(fault, call))
        for got, expected in pairs(in_turn[-1], call.expected):
            wrong = wrong_cells(got, expected, tolerance, by_cell, smallest)
            if wrong.any():
                said = f"{_where(kernel, call)}: compiled, {_differ(got, expected, wrong)}"
                cause = (
                    "On the SIMT machine the same call is right. Does a value change its type, or depend on an order?"
                )
                return _failed(result, "compiled", said, cause=cause)
    result.add("compiled", "passed", f"{len(calls)} calls, run as NVIDIA's compiler made the kernel; no access beyond")
    return _in_any_order(result, kernel, calls, in_turn, run, tolerance)


def _in_any_order(
    result: KernelCheck, kernel: str, calls: list[tuple[Call, bool, float]], in_turn: list[Any],
    run: Callable[..., Any], tolerance: float,
) -> bool:  # fmt: skip
    largest = sorted(range(len(calls)), key=lambda k: -sum(np.size(a) for a in calls[k][0].arrays))[:MOST_ORDERED]
    plan = [*((k, k % SEEDS) for k in range(len(calls))), *itertools.product(largest, range(SEEDS))]
    for k, seed in dict.fromkeys(plan):
        call, by_cell, smallest = calls[k]
        try:
            again = run(call, order=seed)
        except PtxFault as fault:
            return _failed(result, "any order", f"{_where(kernel, call)}: by order {seed}, {fault}", cause=ORDER_CAUSE)
        for got, expected in pairs(again, in_turn[k]):
            wrong = wrong_cells(got, expected, tolerance, by_cell, smallest)
            if wrong.any():
                said = f"{_where(kernel, call)}: with its threads in another order (seed {seed}), "
                return _failed(result, "any order", said + _differ(got, expected, wrong), cause=ORDER_CAUSE)
    result.add("any order", "passed", f"the same in {SEEDS} random orders of threads")
    return True


def _failed(result: KernelCheck, stage: str, sentence: str, source: str = "", cause: str = "") -> bool:
    result.fail(stage, sentence, source, cause)
    return False


def _where(kernel: str, call: Call) -> str:
    return described(kernel, call.arrays, call.static)


def _differ(got: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> str:
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"{int(wrong.sum())} of {wrong.size} values are others, the first at {first}: "
        f"{got[first]:.6g}, where it was {expected[first]:.6g}."
    )


def _line(fault: PtxFault, call: Call) -> str:
    """The line that a fault names, as an excerpt: of the kernel of that name among those that the call launched."""
    name, _, rest = str(fault).partition(", line ")
    number = re.match(r"\d+", rest)
    for kernel, _ in call.launched:
        text = python_function(kernel)
        if number and text and text.__name__ == name:
            line = linecache.getline(text.__code__.co_filename, int(number[0])).rstrip()
            return f"{int(number[0]):5d} | {line}" if line else ""
    return ""
