"""What is to be said of a kernel that is right: that it is slow, or that it does nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cuda_kernels import ladder
from cuda_kernels.launch import simt_options
from minidl.errors import MinidlError
from minidl.testing.kernels.runs import Call, Launched, of_the_ladders, poisoned
from minidl.testing.values import copies

MORE_SECTORS = 2.0  # times those of the ladder's first rung
MORE_PASSES = 1.5  # of an access to shared memory
IDLE = 8  # elements, and threads, for each thread that stores


def remarks(kernel: str, call: Call, rows: dict[str, dict[str, Any]]) -> list[str]:
    """Return remarks on what a kernel moves, and on who does the work.

    Parameters
    ----------
    call : of the kernel, launched with owners=True
    rows : of the traffic table, by rung
    """
    found = [said for report in call.reports if (said := _workers(report))][:1]
    first = ladder.rungs(kernel)[0].name
    counted = str(rows.get(first, {}).get("sectors", "")).replace(",", "")
    mine, figures = call.figures.global_sectors, call.figures
    if counted.isdigit() and mine >= MORE_SECTORS * int(counted) > 0:
        if figures.coalescing < 0.5:
            why = (
                f"of what it moves, {figures.coalescing:.0%} is used. Neighbouring threads should take neighbouring "
                "elements: the number of the thread, threadIdx.x, belongs into the last index"
            )
        else:
            why = "some elements are moved again and again, where a variable of the thread or a tile would hold them"
        against = f"({mine:,} against {int(counted):,})"
        found.append(f"It moves {mine / int(counted):.1f} times the sectors of {first} {against}: {why}.")
    passes = figures.shared_wavefronts / figures.shared_accesses if figures.shared_accesses else 1.0
    if passes >= MORE_PASSES:
        found.append(
            f"An access to shared memory takes {passes:.2f} passes, where 1 would do: lanes want different words of "
            "one bank. A shared array with one more column, (16, 17) for (16, 16), shifts them."
        )
    return found


def _workers(report: Any) -> str:
    """One thread of the grid, or one of each block, that does what all of them could share."""
    if report.owners is None:
        return ""
    workers, elements = report.owners.workers()
    blocks, threads = math.prod(report.grid), math.prod(report.block)
    if workers == 1 and elements > 1 and blocks * threads > 1:
        return f"One thread makes all {elements:,} elements, and {blocks * threads - 1:,} look on. Give each its own."
    if workers == blocks and elements >= IDLE * workers and threads >= IDLE:
        return (
            f"In each block one thread of {threads} makes all of the block's elements, {elements:,} in all, and the "
            "others look on. Give each its own."
        )
    return ""


def host_remarks(call: Call, function: Callable[..., Any], kernel: str, launched: Iterable[Launched]) -> list[str]:
    """Return remarks on a host function that does the kernels' work itself, or leaves it to the ladder's."""
    if all(of_the_ladders(given) for given, _ in launched):
        return ["It launches kernels of the ladder alone: what is right here is not yours."]
    # Other values than before: memory that is free again may still hold the right result.
    other = tuple(
        np.ascontiguousarray(a[::-1]) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a for a in call.arrays
    )
    static = {key: value for key, value in call.static.items() if key != "in_place"}
    with simt_options(strict=False, checks=False, run=False), poisoned():
        try:
            idle = function(*copies(other), **static, on="simt")
        except (MinidlError, TypeError, ValueError, AttributeError, IndexError):  # it needs what its kernels make
            return []
    with simt_options(strict=False, checks=False):
        right = ladder.rungs(kernel)[0].run(*copies(other), **static, on="simt")
    if all(_close(a, b) for a, b in zip(_parts(idle), _parts(right), strict=True)):
        return [
            "Its result is the same when no kernel runs: NumPy computes it, on the host. On a GPU the arrays are not "
            "where NumPy is, and the kernel has to do the work."
        ]
    return []


def _parts(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _close(a: Any, b: Any) -> bool:
    if not isinstance(b, np.ndarray):
        return True
    return isinstance(a, np.ndarray) and a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-4, equal_nan=True)
