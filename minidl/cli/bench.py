"""`minidl bench`: times ops on several backends, and shows how far from the limits of the machine they are."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from minidl import lens, utils
from minidl.backends.table import NO_GRADIENT
from minidl.cli.targets import check_file
from minidl.errors import ArgumentError
from minidl.lens.timing.examples import example_shapes
from minidl.lens.timing.results import Timings
from minidl.models.summary import readable_size
from minidl.picture import write_picture
from minidl.utils.files import PICTURES

OPS = ("gemm", "conv2d", "relu", "batch_norm")
SIZES = {"gemm": 512, "conv2d": 32}  # of what is not named here, a matrix of 1024 × 1024
DEFAULT_SIZE = 1024
COPIES = 6  # of the inputs at one time: sets that take turns, results, random numbers before they are rounded


def run_bench(
    ops: list[str],
    sizes: list[int],
    backends: list[str],
    backward: bool,
    seconds: float,
    gpu: str,
    json_file: Path | None = None,
    plot: Path | None = None,
) -> None:
    """Print a table of timings; write them as JSON, and their roofline as a picture.

    Parameters
    ----------
    ops, sizes, backends : what to time; the defaults where empty
    backward : also time the backwards
    seconds : to repeat each of them
    gpu : a name in `cuda_kernels.simt.GPUS`, for the bound where no GPU can be timed
    """
    check_file("--json", json_file)
    check_file("--plot", plot, PICTURES)
    timings = Timings([])
    work = [(op, size) for op in ops or OPS for size in sizes or [SIZES.get(op, DEFAULT_SIZE)]]
    for op, size in work:
        _check_memory(op, size)
    for op, size in work:
        for direction in ("forward", "backward") if backward and op not in NO_GRADIENT else ("forward",):
            timings += lens.time(
                op, example_shapes(op, size), backends or None, direction=direction, seconds=seconds,
                gpu=gpu,
            )  # fmt: skip
    print(timings)
    if json_file is not None:
        with utils.atomic_write(json_file) as unfinished:
            unfinished.write_text(json.dumps(timings.to_json(), indent=1) + "\n", encoding="utf-8")
        print(f"\nFigures: {json_file}")
    if plot is not None:
        write_picture(lens.plot_roofline(timings), plot)
        print(f"Picture: {plot}")


def _check_memory(op: str, size: int) -> None:
    """Raise unless the inputs have room: a computer that runs out of memory may end this program, or another."""
    arrays = [shape for shape in example_shapes(op, size) if shape is not None]
    needed = 4 * COPIES * sum(math.prod(getattr(shape, "shape", shape)) for shape in arrays)
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows and macOS do not say
        return
    if needed > free:
        raise ArgumentError(
            f"bench: {op} of size {size} needs {readable_size(needed)}, and {readable_size(free)} of memory are free. "
            "Give a smaller --size."
        )
