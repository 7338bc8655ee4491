"""The checks made at each access, and the sentences that report what they find."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..state import Allocation, Lanes, Mask, Threads, Value, View, pick
from .faults import Faults, show_index
from .order import Order
from .recorder import Recorder
from .shadow import Shadow

_VERBS = {"load": "reads", "store": "writes", "slice": "takes a part of"}


@dataclass(eq=False)
class Checker:
    """Looks at each access before it is made.

    dynamic_words : 4-byte words of a block's dynamic shared memory
    writers : of each such word, the site of the name that wrote it last; `names` of these sites
    """

    recorder: Recorder
    threads: Threads
    lanes: Lanes
    faults: Faults
    order: Order
    dynamic_words: int
    writers: np.ndarray | None = None
    names: dict[int, str] = field(default_factory=dict)

    def prepare(self, alloc: Allocation) -> None:
        """Give a new shared allocation its shadow."""
        if self.faults.checks:
            alloc.shadow = Shadow(alloc, self.threads.blocks)
            self.order.shadows.append(alloc.shadow)

    def prepare_field(self, whole: Allocation, field: Allocation, apart: bool) -> None:
        """Give a field of records its shadow; real and imaginary parts are not apart from their numbers."""
        if whole.space == "shared" and apart:
            self.prepare(field)
        elif whole.space == "local" and self.faults.checks:
            self.forget_local(field)
        elif whole.shadow is not None:
            field.shadow = Shadow(field) if apart else whole.shadow

    def load(self, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        """Races and uninitialised reads of a plain load."""
        if alloc.space == "local":
            self._local_load(line, alloc, address, mask)
            return
        alloc.loaded = True
        if alloc.site:
            self._overlap(line, alloc, address, mask)
        if alloc.shadow is not None:
            alloc.shadow.read(self, line, address, mask)

    def store(self, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        """Races of a plain store."""
        if alloc.space == "local":
            self._mark_local(alloc, address, mask)
            return
        if alloc.shadow is None:
            alloc.shadow = Shadow(alloc)
        alloc.shadow.write(self, line, address, mask)
        if alloc.site:
            self._writers()[self._words(alloc, address, mask)] = alloc.site

    def atomic(self, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        """Races of an atomic, and uninitialised reads of one of a thread's own array."""
        if alloc.space == "local":
            self._local_load(line, alloc, address, mask)
            return
        if alloc.site:
            self._overlap(line, alloc, address, mask)
        if alloc.shadow is not None:
            alloc.shadow.atomic(self, line, address, mask)
        self.order.atomic()

    # -- names for the dynamic shared memory --------------------------------------------------------------------------

    def name_site(self, alloc: Allocation, site: int) -> None:
        """One of several arrays of shape 0, which are the same memory."""
        self.names[site] = alloc.name
        if self.faults.checks and self.recorder.dynamic_sites.get(site):
            alloc.site = site

    def _writers(self) -> np.ndarray:
        if self.writers is None:
            self.writers = np.zeros((self.threads.blocks, self.dynamic_words), np.int16)
        return self.writers

    def _words(self, alloc: Allocation, address: Value, mask: Mask) -> tuple[np.ndarray, np.ndarray]:
        """(blocks, words) that each active thread touches in the dynamic shared memory."""
        first = np.broadcast_to(address, self.threads.shape)[:, :, None] * alloc.itemsize // 4
        words = first + np.arange(max(1, alloc.itemsize // 4))
        rows = np.broadcast_to(self.threads.rows[:, :, None], words.shape)
        return rows[mask.full()], words[mask.full()]

    def _overlap(self, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        """A dynamic shared array is read where another one of the function was written."""
        others = self.recorder.dynamic_sites[alloc.site]
        writers = self._writers()[self._words(alloc, address, mask)]
        wrong = np.isin(writers, list(others)).any(axis=1)
        if wrong.any():
            k = int(np.flatnonzero(wrong)[0])
            lane = int(mask.flat()[k])
            other = self.names[next(int(w) for w in writers[k] if int(w) in others)]
            index = alloc.index(int(self.threads.held(address, lane)))
            self.faults.of(
                "overlap", line, lane, array=alloc.name, index=index, count=int(wrong.sum()),
                text=f"reads shared array {alloc.name!r} at index {show_index(index)}, which was last written as a "
                f"part of {other!r}: all shared arrays of shape 0 begin at the same byte of the launch's dynamic "
                f"memory. Take one, and cut it with slices: {alloc.name} = memory[:n], {other} = memory[n:].")

    # -- local memory: one flag for each element and thread, or for all threads while they agree ---------------------

    def forget_local(self, alloc: Allocation) -> None:
        """The contents of a local array are undefined again (for the active threads)."""
        if alloc.shadow is None or self.lanes.mask.bits is None:
            alloc.shadow = np.zeros((alloc.size, 1, 1), bool)
        else:
            self._widen_local(alloc)
            alloc.shadow[:, self.lanes.mask.full()] = False

    def _widen_local(self, alloc: Allocation) -> None:
        if alloc.shadow.shape[1:] != self.threads.shape:
            alloc.shadow = np.ascontiguousarray(np.broadcast_to(alloc.shadow, (alloc.size, *self.threads.shape)))

    def _mark_local(self, alloc: Allocation, address: Value, mask: Mask) -> None:
        lanes = self.lanes
        if address.ndim == 0 and (mask is lanes.everyone or (lanes.depth == 0 and mask is lanes.alive)):
            alloc.shadow[int(address)] = True
            return
        self._widen_local(alloc)
        where = address * self.threads.lanes + self.threads.lane_numbers
        alloc.shadow.reshape(-1)[pick(where, mask)] = True

    def _local_load(self, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        if address.ndim == 0:
            known = alloc.shadow[int(address)]
            if known.all():
                return
            unknown = mask.narrow(~np.broadcast_to(known, self.threads.shape))
        else:
            self._widen_local(alloc)
            where = address * self.threads.lanes + self.threads.lane_numbers
            unknown = mask.narrow(~alloc.shadow.reshape(-1)[where])
        if unknown.lanes:
            lane = int(unknown.flat()[0])
            self._unwritten(line, alloc, int(self.threads.held(address, lane)), lane, unknown.lanes)

    # -- sentences ----------------------------------------------------------------------------------------------------

    def shared_unwritten(self, line: int, shadow: Shadow, where: np.ndarray, threads: np.ndarray,
                         bad: np.ndarray) -> None:
        """A shared element is read before any thread of the block wrote it."""
        k = int(np.flatnonzero(bad)[0])
        block, address = divmod(int(where[k]), shadow.alloc.size)
        times = shadow.blocks if shadow.collapsed else 1
        self._unwritten(line, shadow.alloc, address, block * self.threads.width + int(threads[k]),
                        int(np.count_nonzero(bad)) * times)

    def _unwritten(self, line: int, alloc: Allocation, address: int, lane: int, count: int) -> None:
        index = alloc.index(address)
        self.faults.of("uninitialised-read", line, lane, f"reads {alloc.space} array {alloc.name!r} at index "
                       f"{show_index(index)} before anything was written there.", count, array=alloc.name, index=index)

    def outside(self, line: int, view: View, index: tuple[Value, ...], bad: Mask, action: str, width: int) -> None:
        """An index outside its array."""
        at, shape = self._place(view, index, bad)
        past = any(-i > n for i, n in zip(at, shape, strict=True))
        note = " Numba counts a negative index from the end; this one reaches past the beginning." if past else ""
        wide = f" ({width} elements from there)" if width > 1 else ""
        self.faults.of("out-of-bounds", line, bad, f"{_touches(view, at, action)}{wide}, outside its shape {shape}."
                       f"{note}", array=view.alloc.name, index=at)

    def from_end(self, line: int, view: View, index: tuple[Value, ...], counted: Mask, action: str) -> None:
        """An index that became negative: legal, and hardly ever meant."""
        at, shape = self._place(view, index, counted)
        taken = tuple(i + n if i < 0 else i for i, n in zip(at, shape, strict=True))
        self.faults.of("out-of-bounds", line, counted, f"{_touches(view, at, action)}, before its beginning: Numba "
                       f"counts a negative index from the end, and takes {show_index(taken)}, on the other side. Guard "
                       "the index, or write the other side out if it is meant ((i - 1) % n).", array=view.alloc.name,
                       index=at)

    def _place(self, view: View, index: tuple[Value, ...], lanes: Mask) -> tuple[Any, Any]:
        """(index, shape) as the first of `lanes` has them."""
        lane = int(lanes.flat()[0])
        at, shape = (tuple(int(self.threads.held(v, lane)) for v in values) for values in (index, view.shape))
        return at, shape

    def misaligned(self, line: int, view: View, address: Value, bad: Mask, width: int) -> None:
        """A wide access that does not start at a multiple of its size: a GPU stops the kernel there."""
        index = view.alloc.index(int(self.threads.held(address, int(bad.flat()[0]))))
        self.faults.of("out-of-bounds", line, bad, f"accesses {width} elements of array {view.alloc.name!r} at once "
                       f"from index {show_index(index)}, which is misaligned: a wide access must start at a multiple "
                       f"of {width} elements.", array=view.alloc.name, index=index)

    def race(self, line: int, time: int, shadow: Shadow, address: int, thread: int, other: int, count: int,
             earlier: str) -> None:
        """Two threads, one element, one of them writes, nothing between."""
        alloc, at = shadow.alloc, self.threads
        if shadow.shared:
            block, address = divmod(address, alloc.size)
            both = (block * at.width + thread, block * at.width + other)
        else:
            both = (thread - at.first_block * at.width, other - at.first_block * at.width)
        before = self.recorder.line_of[time]
        index = alloc.index(address)
        threads = (at.index_of(both[0]), at.index_of(both[1]))
        blocks = (at.block_of(both[0]), at.block_of(both[1]))
        verb = {"read": "reads", "write": "writes", "atomic": "updates (atomically)"}[earlier]
        remedy = ("no barrier" if blocks[0] == blocks[1] else "nothing that orders blocks")
        if before == line and time == self.recorder.now:
            how = (f"threads {threads[0]} of block {blocks[0]} and {threads[1]} of block {blocks[1]} write it together "
                   f"at line {line}")
        else:
            how = (f"thread {threads[1]} of block {blocks[1]} {verb} it at line {before}, and thread {threads[0]} of "
                   f"block {blocks[0]} {shadow.verb} it at line {line}, with {remedy} between")
        self.recorder.fault(
            "race", line, other_line=before, array=alloc.name, index=index, threads=threads, blocks=blocks, count=count,
            message=f"race on {alloc.space} array {alloc.name!r} at index {show_index(index)}: {how}.")


def _touches(view: View, at: tuple[int, ...], action: str) -> str:
    return (f"{_VERBS.get(action, 'updates')} {view.alloc.space} array {view.alloc.name!r} at index "
            f"{show_index(at)}")
