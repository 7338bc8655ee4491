"""One op once more on the SIMT machine, which knows who wrote and read what: from a cell back to the op's inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cuda_kernels.launch import Launched, launches, simt_options
from cuda_kernels.simt import Source
from cuda_kernels.simt.debug.owners import address_of
from minidl.backends.devices.arrays import mapped, on_host
from minidl.backends.devices.facts import on_device
from minidl.lens.origins.dependence import named_arrays
from minidl.observers import OpRun


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

    def __init__(self, run: OpRun, backend: str) -> None:
        inputs = mapped(on_host(tuple(run.inputs), "lens"), lambda a: None if a is None else np.array(a))
        self.run = replace(run, inputs=inputs, cache=on_host(run.cache, "lens"))
        with simt_options(strict=False, owners=True), launches() as found:
            again = self.run.again(on_device(backend, "simt"))
        self.outputs = tuple(_memory(result) for result in again.outputs)
        self.launched = [item for item in found if item.report is not None]
        self.owners = [item.report.owners for item in self.launched if item.report is not None]
        self.arrays = {name: _memory(a) for name, a in named_arrays(again).items() if a.size}

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


def _memory(array: Any) -> Any:
    """The memory of an array of the SIMT machine, as NumPy sees it; other arrays as they are."""
    found = getattr(array, "memory", array) if array is not None else None
    return np.asarray(found) if isinstance(found, np.ndarray) else None


def _address(array: np.ndarray, index: tuple[int, ...]) -> int:
    if len(index) != array.ndim:  # an argument that overlaps another is indexed as the larger one
        index = tuple(int(i) for i in np.unravel_index(index[0], array.shape)) if len(index) == 1 else index
    return address_of(array, index)
