"""From a wrong cell to the thread at fault: the op runs again on the SIMT machine, which knows who wrote what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from cuda_kernels.launch import Launched
from cuda_kernels.simt import Owner, Source
from cuda_kernels.simt.state import linear
from minidl.lens.origins.dependence import behind_by_definition
from minidl.lens.origins.rerun import Reading, Rerun
from minidl.observers import OpRun


@dataclass(frozen=True)
class Blame:
    """The thread to look at. `owner` wrote the wrong cell itself, or a value that the wrong cell was made from.

    kernel, grid, block : of the launch
    owner : block, thread, warp, lane and source line
    file : where that line is
    others : threads that wrote the same cell too (atomics, or a race)
    why : what is wrong with what it did, where that can be told
    chain : the kernels that led to the cell, the last first
    """

    kernel: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    owner: Owner
    file: str
    others: tuple[Owner, ...] = ()
    why: str = ""
    chain: tuple[str, ...] = ()
    read: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        owner = self.owner
        lines = [
            f"kernel {self.kernel}, grid {self.grid}, block {self.block}",
            f"thread {owner.thread} of block {owner.block} (warp {owner.warp}, lane {owner.lane})",
            f"{self.file}:{owner.line}: {owner.text}",
        ]
        if self.others:
            lines.append(f"{len(self.others)} other threads wrote this cell too")
        if self.why:
            lines.append(self.why)
        if len(self.chain) > 1:
            lines.append("the cell was written by " + ", from what was written by ".join(self.chain))
        return "\n".join(lines)


def blame(run: OpRun, backend: str, position: int, index: tuple[int, ...]) -> Blame | None:
    """Return who is at fault for a wrong cell of an op's result, or None where no kernel ran.

    The thread that wrote the cell owns it. Where several kernels led there, the thread that wrote last may have added
    up wrong numbers correctly: then the cells that the value was made from are held against those of the op's
    definition, and the thread that read one it should not have read is the one.

    Parameters
    ----------
    run : the op, with right inputs; backend : the one that is wrong
    position, index : of the wrong cell
    """
    again = Rerun(run, backend)
    result = again.outputs[position]
    if result is None or not again.launched:
        return None
    number, writers = again.writers(result, index)
    if not writers:
        return None
    readings, passed = again.readings(result, index)
    read = tuple(dict.fromkeys(f"{r.array}{list(r.index)}" for r in readings))
    chain = tuple(again.launched[n].name for n in passed)
    wrong, why = _against_definition(again.run, position, index, readings)
    launched, owner, others = again.launched[number], writers[0], tuple(writers[1:])
    if wrong is not None and len(passed) > 1 and any(again.launched[n] is wrong.launched for n in passed):
        launched, owner, others = wrong.launched, _reader(wrong.launched, wrong.source), ()
    assert launched.report is not None
    file = launched.report.filename.rsplit("/", 1)[-1]
    return Blame(launched.name, launched.grid, launched.block, owner, file, others, why, chain, read)


def _against_definition(
    run: OpRun, position: int, index: tuple[int, ...], readings: list[Reading]
) -> tuple[Reading | None, str]:
    """Return a reading that the op's definition does not have, of the array with most of them, and a sentence on it."""
    expected = behind_by_definition(run, position, index)
    wrong = [r for r in readings if r.array in expected and not expected[r.array][r.index]]
    if not wrong:
        return None, ""
    often = Counter(r.array for r in wrong)
    first = max(wrong, key=lambda r: often[r.array])
    text = f"it was made from {first.array}{list(first.index)} (read at line {first.source.line}), on which this cell "
    text += "does not depend"
    left = expected[first.array].copy()
    for r in readings:
        if r.array == first.array:
            left[r.index] = False
    if left.any():
        text += f"; not from {first.array}{[int(i) for i in np.argwhere(left)[0]]}, on which it does"
    return first, text


def _reader(launched: Launched, source: Source) -> Owner:
    """The thread of a reading, as an owner."""
    report = launched.report
    assert report is not None
    number = linear(source.thread, report.block)
    text = report.source.get(source.line, "").strip()
    return Owner(source.block, source.thread, number // 32, number % 32, source.line, text, "load")
