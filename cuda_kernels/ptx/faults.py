"""What a kernel did wrong, in words: what, where in the kernel, which thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arguments import extent
from .memory import STOP
from .native import Code


class PtxFault(RuntimeError):
    """A compiled kernel did what a GPU answers with an error, or with wrong results: where, and what."""


def told(code: Code, error: np.ndarray, args: Sequence[Any], name: str) -> str:
    """A fault in words: what, where in the kernel, which thread."""
    number, address = int(error[1]), int(error[2])
    thread, block = tuple(map(int, error[5:8])), tuple(map(int, error[8:11]))
    who = f"thread {thread} of block {block}"
    if number < 0:
        place = code.meetings[-2 - number]
        return (
            f"{name}, line {place.line}: {who} waits for ever at `{place.text}`: other lanes that it names have ended, "
            "wait at another place, or are not named by themselves."
        )
    place = code.places[number]
    where = f"{name}, line {place.line}: {who}, `{place.text}`"
    if place.text.startswith(("trap", "brkpt")):
        return f"{where}: the kernel stopped itself with an error."
    if place.text.startswith(("bra", "@")) and error[STOP]:
        return f"{where}: the kernel was still in this loop when its time was up. Does the loop end?"
    for k, a in enumerate(args):
        if isinstance(a, np.ndarray) and a.size:
            low, high = extent(a)
            offset = address - a.ctypes.data
            if low <= offset < high:
                return f"{where}: an access that is not aligned, {offset} bytes into argument {k} of shape {a.shape}."
    near = min(
        (
            (min(abs(address - a.ctypes.data), abs(address - a.ctypes.data - extent(a)[1])), k)
            for k, a in enumerate(args)
            if isinstance(a, np.ndarray) and a.size
        ),
        default=None,
    )
    said = "outside every array of the launch"
    if near is not None and near[0] < 1 << 24:
        a = args[near[1]]
        said += (
            f"; nearest is argument {near[1]} of shape {a.shape}, element "
            f"{(address - a.ctypes.data) // a.itemsize} of its memory, which has {a.size}"
        )
    return f"{where}: {said}."
