"""From a wrong cell to the thread at fault: the op runs again on the SIMT machine, which knows who wrote what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cuda_kernels.launch import Launched, launches, simt_options
from cuda_kernels.simt import Owner, Source
from minidl.backends.devices.arrays import device_name, on_host
from minidl.lens.comparing.sides import call
from minidl.lens.origins.dependence import behind_by_definition, named_arrays
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


@dataclass(frozen=True)
class Reading:
    """An input cell that reached a result: which array of the op, where, and who read it in which launch."""

    array: str
    index: tuple[int, ...]
    launched: Launched
    source: Source


class Rerun:
    """One op, run again on the SIMT machine with every store written down.

    `outputs` are its results, `launched` its launches in order.
    """

    def __init__(self, run: OpRun, backend: str, cache: Any) -> None:
        place = backend if device_name(backend) is None else "simt" + backend.removeprefix("cuda").removeprefix("simt")
        inputs = tuple(None if a is None else np.array(a) for a in on_host(tuple(run.inputs), "lens"))
        self.run = OpRun(
            run.op, run.direction, run.layer, run.backend, run.why, inputs, run.outputs, run.static,
            on_host(cache, "lens"), run.needs, 0.0, 0.0, 0.0,
        )  # fmt: skip
        with simt_options(strict=False, owners=True), launches() as found:
            called = call(self.run, place, self.run.cache)
        self.outputs = tuple(_memory(result) for result in called.raw)
        self.launched = [item for item in found if item.report is not None]
        self.owners = [item.report.owners for item in self.launched if item.report is not None]
        named = named_arrays(self.run, called.inputs, called.kept)
        self.arrays = {name: _memory(a) for name, a in named.items() if a.size}

    def writers(self, array: np.ndarray, index: tuple[int, ...], before: int | None = None) -> tuple[int, Any]:
        """Return (number of the launch, its writers of the cell), of the last launch that wrote it; (-1, ()) if none.

        before : look only at launches ahead of this one
        """
        for number in range((len(self.launched) if before is None else before) - 1, -1, -1):
            owners = self.owners[number]
            if owners.holds(array):
                found = owners.writers_of(array, index)
                if found:
                    return number, found
        return -1, ()

    def readings(self, array: np.ndarray, index: tuple[int, ...]) -> tuple[list[Reading], list[int]]:
        """Follow a cell back, launch by launch, to the cells of the op's own arrays that its value was made from.

        Returns
        -------
        the readings; and the numbers of the launches on the way, the last first
        """
        found: dict[tuple, Reading] = {}
        passed: dict[int, None] = {}
        seen: set[tuple] = set()
        waiting: list[tuple[np.ndarray, tuple[int, ...], int | None]] = [(array, index, None)]
        while waiting:
            at, place, before = waiting.pop()
            number, writers = self.writers(at, place, before)
            if not writers:
                continue
            passed[number] = None
            owners = self.owners[number]
            for source in owners.sources_of(at, place):
                read = owners.array_at(source.array)
                key = (number, source.array, source.index)
                if key in seen:
                    continue
                seen.add(key)
                own = self.input_cell(read, source.index)
                if own is None:
                    waiting.append((read, source.index, number))
                else:
                    found.setdefault((*own, source.thread, number), Reading(*own, self.launched[number], source))
        return list(found.values()), sorted(passed, reverse=True)

    def input_cell(self, array: np.ndarray, index: tuple[int, ...]) -> tuple[str, tuple[int, ...]] | None:
        """Which cell of the op's arrays an element of a launch's argument is, or None."""
        address = _address(array, index)
        for name, own in self.arrays.items():
            start = own.__array_interface__["data"][0] if own is not None else 0
            if own is not None and start <= address < start + own.nbytes and own.flags.c_contiguous:
                cell = np.unravel_index((address - start) // own.itemsize, own.shape)
                return name, tuple(int(i) for i in cell)
        return None


def blame(run: OpRun, backend: str, cache: Any, position: int, index: tuple[int, ...]) -> Blame | None:
    """Return who is at fault for a wrong cell of an op's result, or None where no kernel ran.

    The thread that wrote the cell owns it. Where several kernels led there, the thread that wrote last may have added
    up wrong numbers correctly: then the cells that the value was made from are held against those of the op's
    definition, and the thread that read one it should not have read is the one.

    Parameters
    ----------
    run : the op, with right inputs; backend : the one that is wrong; cache : for a backward
    position, index : of the wrong cell
    """
    again = Rerun(run, backend, cache)
    result = again.outputs[position]
    if result is None or not again.launched:
        return None
    number, writers = again.writers(result, index)
    if not writers:
        return None
    readings, passed = again.readings(result, index)
    read = tuple(dict.fromkeys(f"{r.array}{list(r.index)}" for r in readings))
    chain = tuple(again.launched[n].name for n in passed)
    wrong, missing = _against_definition(again.run, position, index, readings)
    why = _sentence(wrong, missing)
    if wrong and len(passed) > 1:
        for n in passed:
            launched = again.launched[n]
            if launched is wrong[0].launched:
                owner = _reader(launched, wrong[0].source)
                return _made(launched, owner, (), why, chain, read)
    return _made(again.launched[number], writers[0], tuple(writers[1:]), why, chain, read)


def _against_definition(
    run: OpRun, position: int, index: tuple[int, ...], readings: list[Reading]
) -> tuple[list[Reading], dict[str, np.ndarray]]:
    """The readings that the op's definition does not have, and the cells that it has and nobody read."""
    expected = behind_by_definition(run, position, index)
    wrong = [r for r in readings if r.array in expected and not expected[r.array][r.index]]
    often = Counter(r.array for r in wrong)
    wrong.sort(key=lambda r: -often[r.array])
    missing = {}
    for name in {r.array for r in wrong}:
        left = expected[name].copy()
        for r in readings:
            if r.array == name:
                left[r.index] = False
        missing[name] = np.argwhere(left)
    return wrong, missing


def _sentence(wrong: list[Reading], missing: dict[str, np.ndarray]) -> str:
    if not wrong:
        return ""
    first = wrong[0]
    text = f"it was made from {first.array}{list(first.index)} (read at line {first.source.line}), on which this cell "
    text += "does not depend"
    left = missing.get(first.array, np.empty((0, 0)))
    if len(left):
        text += f"; not from {first.array}{[int(i) for i in left[0]]}, on which it does"
    return text


def _reader(launched: Launched, source: Source) -> Owner:
    """The thread of a reading, as an owner."""
    report = launched.report
    assert report is not None
    bx, by, _ = report.block
    x, y, z = source.thread
    number = x + bx * (y + by * z)
    text = report.source.get(source.line, "").strip()
    return Owner(source.block, source.thread, number // 32, number % 32, source.line, text, "load")


def _made(
    launched: Launched, owner: Owner, others: tuple[Owner, ...], why: str, chain: tuple[str, ...], read: tuple[str, ...]
) -> Blame:
    assert launched.report is not None
    name = launched.report.filename.rsplit("/", 1)[-1]
    return Blame(launched.name, launched.grid, launched.block, owner, name, others, why, chain, read)


def _memory(array: Any) -> Any:
    """The memory of an array of the SIMT machine, as NumPy sees it; other arrays as they are."""
    found = getattr(array, "memory", array) if array is not None else None
    return np.asarray(found) if isinstance(found, np.ndarray) else None


def _address(array: np.ndarray, index: tuple[int, ...]) -> int:
    if len(index) != array.ndim:  # an argument that overlaps another is indexed as the larger one
        index = tuple(int(i) for i in np.unravel_index(index[0], array.shape)) if len(index) == 1 else index
    steps = zip(index, array.strides, strict=True)
    return int(array.__array_interface__["data"][0] + sum(int(i) * s for i, s in steps))
