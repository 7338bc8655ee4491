"""How a kernel of an op goes through memory: sectors, banks, lanes over time, work beside the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cuda_kernels.launch import Launched
from minidl.errors import ArgumentError, unknown_name
from minidl.lens.drawing.launch import launched

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("sectors", "banks", "timeline", "heat")


def plot_memory(
    op: str,
    shapes: Sequence[Any],
    backend: str = "simt",
    what: str = "sectors",
    kernel: str | None = None,
    **static: Any,
) -> Figure:
    """Draw how one kernel of an op's forward uses memory, on the SIMT machine.

    Parameters
    ----------
    op : name of an op, such as "gemm" or "transpose"
    shapes : of its inputs, which are filled with random numbers; None for an input that is left out
    backend : "simt", or "simt:rung" for a kernel of the ladder
    what : "sectors" (a warp's lanes onto 32-byte sectors of global memory), "banks" (onto the 32 banks of shared
        memory), "timeline" (lanes at work, statement by statement), "heat" (each line's share of the traffic)
    kernel : which, where the op launches several; by default the one that moves most
    static : the op's static values

    Raises
    ------
    ArgumentError : another backend; an op that launches no kernel; no such picture of this kernel
    UnknownNameError : no such kernel, or no such picture

    >>> figure = plot_memory("gemm", [(8, 8), (8, 8)], "simt:r3", "banks")
    """
    if what not in KINDS:
        raise unknown_name("picture of memory", what, KINDS)
    found, _ = launched("plot_memory", op, shapes, backend, static)
    if not found:
        raise ArgumentError(f"plot_memory: {op!r} launched no kernel for these shapes: it only moves values.")
    report = _chosen(found, kernel).report
    assert report is not None  # it ran on the SIMT machine
    try:
        return report.plot(what)
    except ValueError as error:  # a kernel without shared memory has no banks
        raise ArgumentError(f"plot_memory: {op} on {backend!r}: {error}") from error


def _chosen(found: list[Launched], kernel: str | None) -> Launched:
    if kernel is None:
        return max(found, key=lambda launch: launch.report.figures.global_sectors if launch.report else 0)
    named = [launch for launch in found if launch.name == kernel]
    if not named:
        raise unknown_name("kernel of this op", kernel, [launch.name for launch in found])
    return named[0]
