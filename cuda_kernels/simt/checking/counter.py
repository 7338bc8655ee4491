"""Counting: the figures of each source line, by the model that `report.Figures` states.

Sectors. A global access of one warp moves the distinct 32-byte sectors that its active lanes touch. Source: NVIDIA,
CUDA C++ Best Practices Guide, "Coalesced Access to Global Memory".

Ways. Shared memory has 32 banks of 4-byte words. One pass serves at most one word of each bank, to any number of lanes.
The ways of a warp-wide access are the largest number of distinct words that it wants from one bank, so that an access
of 8 or 16 bytes a lane has 2 or 4 at best: its 256 or 512 bytes cannot pass in fewer. Source: NVIDIA, CUDA C++
Programming Guide, "Compute Capabilities", "Shared Memory". How the hardware groups the lanes of a wide access into
passes is not published; the count here is what no grouping can beat.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..report.report import TimelineStep, WarpAccess
from ..state import WARP, Allocation, Lanes, Mask, Threads, Value
from .faults import Faults
from .recorder import Recorder

_NOBODY = np.int64(2**62)
_TIMELINE_STEPS = 2000
_SAMPLES = 2  # evaluations of each line, array and operation kept for pictures
_SAMPLE_WARPS = 4
_ways_cache: dict[tuple, tuple[int, int]] = {}


@dataclass(eq=False)
class Counter:
    """Adds to the figures of each line, where `on`; `present` is the line of the statement that runs."""

    recorder: Recorder
    threads: Threads
    lanes: Lanes
    faults: Faults
    on: bool
    present: int = 0

    def __post_init__(self) -> None:
        self.lines = self.recorder.lines
        self.watching = self.faults.checks and self.threads.first_block == 0

    def at(self, line: int) -> None:
        """A statement begins."""
        self.present = line
        if not self.on:
            return
        mask = self.lanes.mask
        figures = self.lines[line]
        figures.executions += mask.warps
        figures.active_lanes += mask.lanes
        if self.watching:
            self.recorder.steps.append((line, mask))
            self.watching = len(self.recorder.steps) < _TIMELINE_STEPS

    def flop(self, line: int, kind: np.dtype, operations: int = 1) -> None:
        """A floating-point operation by each active thread."""
        self.lines[line].flops += self.lanes.mask.lanes * operations
        if kind.num in (12, 15):
            self.faults.float64(line)

    def branch(self, line: int, then: Mask | None = None, other: Mask | None = None) -> None:
        """A branch; `then` and `other` are the sides of one that not all threads take alike."""
        if self.on:
            mask, figures = self.lanes.mask, self.lines[line]
            figures.branches += mask.warps
            if then is not None and other is not None:
                figures.divergent_branches += then.warps + other.warps - mask.warps

    def barrier(self, line: int) -> None:
        """A barrier of each block that has an active thread."""
        if self.on:
            self.lines[line].barriers += self.lanes.blocks().size

    def access(self, line: int, alloc: Allocation, address: Value, mask: Mask, action: str, width: int) -> None:
        """A load or store of `width` bytes a lane."""
        figures = self.lines[line]
        space, scale = alloc.space, alloc.itemsize
        if alloc.stride != scale:  # a field of a record: in bytes
            address, scale = address * np.int64(alloc.stride) + np.int64(alloc.first), 1
        if space == "global":
            sectors = 0 if action == "atomic" else self.sectors(address, mask, scale, width)
            if action == "load":
                figures.global_loads += mask.lanes
                figures.global_load_bytes += mask.lanes * width
                figures.global_load_sectors += sectors
            elif action == "store":
                figures.global_stores += mask.lanes
                figures.global_store_bytes += mask.lanes * width
                figures.global_store_sectors += sectors
        elif space == "shared":
            ways, waves = self.ways(address, mask, scale, width)
            figures.shared_accesses += mask.warps
            figures.shared_wavefronts += waves
            if ways > figures.shared_ways:
                figures.shared_ways = ways
            if action == "load":
                figures.shared_load_bytes += mask.lanes * width
            elif action == "store":
                figures.shared_store_bytes += mask.lanes * width
        else:
            return
        samples = self.recorder.samples
        key = (line, alloc.name, action)
        kept = samples.setdefault(key, [])
        if len(kept) < _SAMPLES * _SAMPLE_WARPS:
            kept.extend(self._sample(line, alloc, address * np.int64(scale), mask, action, width))

    # -- sectors and banks --------------------------------------------------------------------------------------------

    def _rows(self, address: Value, mask: Mask) -> tuple[np.ndarray, np.ndarray | None, int]:
        """(addresses as (warps, 32), active or None, how often these rows stand for): blocks that agree count once."""
        blocks, width = self.threads.shape
        small = (address.shape[0] == 1 or blocks == 1) and mask.same_in_blocks()
        shape = (1, width) if small else (blocks, width)
        times = blocks if small else 1
        full = address if address.shape == shape else np.broadcast_to(address, shape)
        bits = mask.bits
        if bits is not None:
            bits = (bits if bits.shape == shape else np.broadcast_to(bits, shape)).reshape(-1, WARP)
        return full.reshape(-1, WARP), bits, times

    def sectors(self, address: Value, mask: Mask, itemsize: int, width: int) -> int:
        """32-byte sectors moved by one evaluation, summed over warps."""
        if address.ndim == 0 or address.shape[1] == 1:
            return mask.warps * (1 + (width - 1) // 32)
        rows, bits, times = self._rows(address, mask)
        first = rows * itemsize
        first >>= 5
        parts = [first]
        if width > itemsize:
            last = rows * itemsize + (width - 1) >> 5
            parts += [first + k for k in range(1, 1 + width // 32)] + [last] if (last != first).any() else []
        total = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        if bits is not None:
            total = np.where(np.tile(bits, len(parts)) if len(parts) > 1 else bits, total, _NOBODY)
        if (total[:, 1:] < total[:, :-1]).any():
            total = np.sort(total, axis=1)
        found = total.shape[0] + np.count_nonzero(total[:, 1:] != total[:, :-1])
        if bits is not None:
            found -= np.count_nonzero(total[:, -1] == _NOBODY)
        return int(found) * times

    def ways(self, address: Value, mask: Mask, itemsize: int, width: int) -> tuple[int, int]:
        """(worst ways of one warp, passes of all warps) of one shared-memory evaluation."""
        parts = max(1, width // 4)
        if address.ndim == 0 or address.shape[1] == 1:
            return 1, mask.warps
        rows, bits, times = self._rows(address, mask)
        key = None
        if rows.size <= 1024:
            key = (rows.tobytes(), rows.dtype, None if bits is None else bits.tobytes(), itemsize, width)
            known = _ways_cache.get(key)
            if known is not None:
                return known[0], known[1] * times
        words = rows * itemsize
        words >>= 2
        if bits is not None:
            words = np.where(bits, words, _NOBODY)
        if parts > 1:
            words = (words[:, :, None] + np.arange(parts)).reshape(len(words), -1)
        ways, waves = _passes(words)
        if key is not None:
            if len(_ways_cache) > 4000:
                _ways_cache.clear()
            _ways_cache[key] = (ways, waves)
        return ways, waves * times

    def atomic(self, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        """Atomics and the most lanes of a warp that meet in one element."""
        figures = self.lines[line]
        figures.atomics += mask.lanes
        self.access(line, alloc, address, mask, "atomic", alloc.itemsize)
        figures.atomic_contention = self._contention(np.atleast_2d(address), mask, max(1, figures.atomic_contention))

    def _contention(self, address: np.ndarray, mask: Mask, met: int) -> int:
        """The most lanes of a warp with one address, or `met` if that is more."""
        if met == WARP:
            return met
        rows, bits, _ = self._rows(address, mask)
        if bits is not None:
            rows = np.where(bits, rows, -1 - np.arange(WARP))  # absent lanes meet nobody
        rows = np.sort(rows.astype(np.int32) if rows.max() < 2**31 else rows, axis=1)
        while met < WARP and (rows[:, met:] == rows[:, : WARP - met]).any():
            met += 1
        return met

    # -- raw material for pictures ------------------------------------------------------------------------------------

    def _sample(self, line: int, alloc: Allocation, address: Value, mask: Mask, action: str, width: int) -> list:
        """The first few warps of an evaluation (of byte addresses), kept until the report is made."""
        width_of_block = self.threads.width
        row = address if address.ndim == 0 else address[0]
        bits = None if mask.bits is None else mask.bits[0]
        if bits is not None and bits.size == 1:
            bits = np.broadcast_to(bits, (width_of_block,))
        kept = []
        for start in range(0, width_of_block, WARP):
            part = slice(start, start + WARP)
            if bits is not None and not bits[part].any():
                continue
            lanes = row if row.size == 1 else row[part]
            if bits is not None or row.size == 1:
                lanes = np.where(True if bits is None else bits[part], np.broadcast_to(lanes, (WARP,)), -1)
            kept.append((line, alloc, action, self.threads.first_block, start // WARP, lanes, width))
            if len(kept) == _SAMPLE_WARPS:
                break
        return kept


def _passes(words: np.ndarray) -> tuple[int, int]:
    """(worst, sum) over rows of the largest number of distinct words in one bank."""
    if words.max(initial=0, where=words < _NOBODY) < 2**31 - 1:
        words = np.minimum(words, 2**31 - 1).astype(np.int32)  # absent lanes stay the largest
    nobody = words.dtype.type(2**31 - 1 if words.itemsize == 4 else _NOBODY)
    words = np.sort(words, axis=1)
    new = words < nobody
    new[:, 1:] &= words[:, 1:] != words[:, :-1]
    slot = (words & 31) + np.arange(0, 32 * len(words), 32, dtype=words.dtype)[:, None]
    degree = np.bincount(slot[new], minlength=32 * len(words)).reshape(-1, 32).max(axis=1)
    return int(degree.max(initial=0)), int(degree.sum())


def sample_access(threads: Threads, entry: tuple) -> WarpAccess:
    """A kept sample as the report's `WarpAccess`."""
    line, alloc, action, block, warp, lanes, width = entry
    addresses = lanes.tolist()
    active = [a for a in addresses if a >= 0]
    sectors: tuple[int, ...] = ()
    ways = 0
    if alloc.space == "global":
        sectors = tuple(sorted({s for a in active for s in range(a // 32, (a + width - 1) // 32 + 1)}))
    else:
        banks = [word % 32 for word in {a // 4 + k for a in active for k in range(max(1, width // 4))}]
        ways = max(banks.count(bank) for bank in set(banks))
    return WarpAccess(line, alloc.name, alloc.space, action, threads.block_index(block), warp, tuple(addresses), width,
                      sectors, ways)


def timeline(steps: list[tuple[int, Mask]]) -> list[TimelineStep]:
    """What the first warp of the first block did, statement by statement (those where it was active)."""
    seen: dict[int, tuple[bool, ...]] = {}
    found = []
    for line, mask in steps:
        active = seen.get(id(mask))
        if active is None:
            active = tuple(mask.full()[0, :WARP].tolist())
            seen[id(mask)] = active
        if any(active):
            found.append(TimelineStep(line, active))
    return found
