"""The checks made at each access, barrier and shuffle, and the sentences that report what they find."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..machine.control import Loop, StepLimit
from ..machine.masks import Mask
from ..machine.memory import Allocation, View, pick
from ..machine.parts import Part
from .shadow import Shadow

Value = Any
STATIC_SHARED = 48 * 1024
_VERBS = {"load": "reads", "store": "writes", "slice": "takes a part of"}


class Checks(Part):
    """Checking and reporting. Part of `Machine`; the faults themselves are collected by `machine.recorder`."""

    mask: Mask
    checks: bool
    shape: tuple[int, int]
    dynamic_writers: np.ndarray | None

    # -- accesses -----------------------------------------------------------------------------------------------------

    def prepare(self, alloc: Allocation) -> None:
        """Give a new shared allocation its shadow."""
        if self.checks:
            alloc.shadow = Shadow(self, alloc)
            self.shared_shadows.append(alloc.shadow)

    def prepare_field(self, whole: Allocation, field: Allocation, apart: bool) -> None:
        """Give a field of records its shadow; real and imaginary parts are not apart from their numbers."""
        if whole.space == "shared" and apart:
            self.prepare(field)
        elif whole.space == "local" and self.checks:
            self.forget_local(field)
        elif whole.shadow is not None:
            field.shadow = Shadow(None, field) if apart else whole.shadow

    def check_load(self, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        """Races and uninitialised reads of a plain load."""
        if alloc.space == "local":
            self._check_local_load(line, alloc, address, mask)
            return
        alloc.loaded = True
        if alloc.site:
            self.check_overlap(line, alloc, address, mask)
        if alloc.shadow is not None:
            alloc.shadow.read(self, line, address, mask)

    def check_store(self, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        """Races of a plain store."""
        if alloc.space == "local":
            self._mark_local(alloc, address, mask)
        else:
            if alloc.shadow is None:
                alloc.shadow = Shadow(None, alloc)
            alloc.shadow.write(self, line, address, mask)
            if alloc.site:
                self._writers()[self._words(alloc, address, mask)] = alloc.site

    def _writers(self) -> np.ndarray:
        """For each word of the dynamic shared memory, the site of the name by which it was written last."""
        if self.dynamic_writers is None:
            self.dynamic_writers = np.zeros((self.blocks, self.dynamic_block().shape[1] // 4), np.int16)
        return self.dynamic_writers

    def _words(self, alloc: Allocation, address: Value, mask: Mask) -> tuple[np.ndarray, np.ndarray]:
        """(blocks, words) that each active thread touches in the dynamic shared memory."""
        first = np.broadcast_to(address, self.shape)[:, :, None] * alloc.itemsize // 4
        words = first + np.arange(max(1, alloc.itemsize // 4))
        rows = np.broadcast_to(self.rows[:, :, None], words.shape)
        return rows[mask.full()], words[mask.full()]

    def check_overlap(self, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        """A dynamic shared array is read where another one of the function was written."""
        others = self.recorder.dynamic_sites[alloc.site]
        writers = self._writers()[self._words(alloc, address, mask)]
        wrong = np.isin(writers, list(others)).any(axis=1)
        if wrong.any():
            k = int(np.flatnonzero(wrong)[0])
            lane = int(mask.flat()[k])
            writer = next(int(w) for w in writers[k] if int(w) in others)
            self.report_overlap(line, alloc, int(np.broadcast_to(address, self.shape).reshape(-1)[lane]), lane,
                                self.dynamic[writer].name, int(wrong.sum()))

    def assured(self, line: int, value: Value, assigned: Mask | None, name: str) -> Value:
        """A variable's value, read where perhaps not every active thread has assigned it (see assigned.py)."""
        if assigned is not None and (assigned is self.mask or not self.checks):
            return value
        unknown = self.mask if assigned is None else self.mask.minus(assigned)
        if unknown.lanes and self.checks:
            lane = int(unknown.flat()[0])
            thread, block = self.thread_index(lane), self.block_of(lane)
            self.recorder.fault(
                "uninitialised-read", line, array=name, threads=(thread,), blocks=(block,), count=unknown.lanes,
                message=f"line {line}: thread {thread} of block {block} reads variable {name!r}, which it never "
                "assigned: its path to this line has no assignment. Assign it before the branch or loop.")
        return np.bool_(False) if assigned is None else value  # the one number that changes no other number's type

    # -- local memory: one flag for each element and thread, or for all threads while they agree ---------------------

    def forget_local(self, alloc: Allocation) -> None:
        """The contents of a local array are undefined again (for the active threads)."""
        if alloc.shadow is None or self.mask.bits is None:
            alloc.shadow = np.zeros((alloc.size, 1, 1), bool)
        else:
            self._widen_local(alloc)
            alloc.shadow[:, self.mask.full()] = False

    def _widen_local(self, alloc: Allocation) -> None:
        if alloc.shadow.shape[1:] != self.shape:
            alloc.shadow = np.ascontiguousarray(np.broadcast_to(alloc.shadow, (alloc.size, *self.shape)))

    def _mark_local(self, alloc: Allocation, address: Value, mask: Mask) -> None:
        if address.ndim == 0 and (mask is self.full_mask or (self.depth == 0 and mask is self.alive)):
            alloc.shadow[int(address)] = True
            return
        self._widen_local(alloc)
        where = address * self.lanes + self.lane_numbers
        alloc.shadow.reshape(-1)[pick(where, mask)] = True

    def _check_local_load(self, line: int, alloc: Allocation, address: Value, mask: Mask) -> None:
        if address.ndim == 0:
            known = alloc.shadow[int(address)]
            if known.all():
                return
            unknown = mask.narrow(~np.broadcast_to(known, self.shape))
        else:
            self._widen_local(alloc)
            unknown = mask.narrow(~alloc.shadow.reshape(-1)[address * self.lanes + self.lane_numbers])
        if unknown.lanes:
            lane = int(unknown.flat()[0])
            at = int(address) if address.ndim == 0 else int(np.broadcast_to(address, self.shape).reshape(-1)[lane])
            self._uninitialised(line, alloc, at, lane, unknown.lanes)

    # -- sentences ----------------------------------------------------------------------------------------------------

    def report_uninitialised(self, line: int, shadow: Shadow, where: np.ndarray, threads: np.ndarray,
                             bad: np.ndarray) -> None:
        """A shared element is read before any thread of the block wrote it."""
        k = int(np.flatnonzero(bad)[0])
        address, lane = int(where[k]), int(threads[k])
        block = address // shadow.alloc.size
        times = shadow.blocks if shadow.collapsed else 1
        self._uninitialised(line, shadow.alloc, address % shadow.alloc.size, block * self.shape[1] + lane,
                            int(np.count_nonzero(bad)) * times)

    def _uninitialised(self, line: int, alloc: Allocation, address: int, lane: int, count: int) -> None:
        index, thread, block = alloc.index(address), self.thread_index(lane), self.block_of(lane)
        self.recorder.fault(
            "uninitialised-read", line, array=alloc.name, index=index, threads=(thread,), blocks=(block,), count=count,
            message=f"line {line}: thread {thread} of block {block} reads {alloc.space} array {alloc.name!r} at index "
            f"{show_index(index)} before anything was written there.")

    def report_outside(self, line: int, view: View, index: tuple[Value, ...], bad: Mask, action: str,
                       width: int) -> None:
        """An index outside its array."""
        at, shape, who = self._place(view, index, bad)
        past = any(-i > n for i, n in zip(at, shape, strict=True))
        note = " Numba counts a negative index from the end; this one reaches past the beginning." if past else ""
        wide = f" ({width} elements from there)" if width > 1 else ""
        self.recorder.fault(
            "out-of-bounds", line, array=view.alloc.name, index=at, threads=who[:1], blocks=who[1:], count=bad.lanes,
            message=f"line {line}: thread {who[0]} of block {who[1]} {_VERBS.get(action, 'updates')} "
            f"{view.alloc.space} array {view.alloc.name!r} at index {show_index(at)}{wide}, outside its shape "
            f"{shape}.{note}")

    def report_from_end(self, line: int, view: View, index: tuple[Value, ...], counted: Mask, action: str) -> None:
        """An index that became negative: legal, and hardly ever meant."""
        at, shape, who = self._place(view, index, counted)
        taken = tuple(i + n if i < 0 else i for i, n in zip(at, shape, strict=True))
        self.recorder.fault(
            "out-of-bounds", line, array=view.alloc.name, index=at, threads=who[:1], blocks=who[1:],
            count=counted.lanes,
            message=f"line {line}: thread {who[0]} of block {who[1]} {_VERBS.get(action, 'updates')} "
            f"{view.alloc.space} array {view.alloc.name!r} at index {show_index(at)}, before its beginning: Numba "
            f"counts a negative index from the end, and takes {show_index(taken)}, on the other side. Guard the "
            f"index, or write the other side out if it is meant ((i - 1) % n).")

    def _place(self, view: View, index: tuple[Value, ...], lanes: Mask) -> tuple[Any, Any, Any]:
        """(index, shape, (thread, block)) of the first of `lanes`."""
        lane = int(lanes.flat()[0])
        at, shape = (tuple(int(np.broadcast_to(v, self.shape).reshape(-1)[lane]) for v in values)
                     for values in (index, view.shape))
        return at, shape, (self.thread_index(lane), self.block_of(lane))

    def report_misaligned(self, line: int, view: View, address: Value, bad: Mask, width: int) -> None:
        """A wide access that does not start at a multiple of its size: a GPU stops the kernel there."""
        lane = int(bad.flat()[0])
        index = view.alloc.index(int(np.broadcast_to(address, self.shape).reshape(-1)[lane]))
        thread, block = self.thread_index(lane), self.block_of(lane)
        self.recorder.fault(
            "out-of-bounds", line, array=view.alloc.name, index=index, threads=(thread,), blocks=(block,),
            count=bad.lanes,
            message=f"line {line}: thread {thread} of block {block} accesses {width} elements of array "
            f"{view.alloc.name!r} at once from index {show_index(index)}, which is misaligned: a wide access must "
            f"start at a multiple of {width} elements.")

    def report_race(self, line: int, time: int, shadow: Shadow, address: int, thread: int, other: int, count: int,
                    earlier: str) -> None:
        """Two threads, one element, one of them writes, nothing between."""
        alloc = shadow.alloc
        width = self.shape[1]
        if shadow.shared:
            block = address // alloc.size
            address %= alloc.size
            mine, theirs = block * width + thread, block * width + other
        else:
            mine, theirs = (t - self.first_block * width for t in (thread, other))
        before = self.recorder.line_of[time]
        index = alloc.index(address)
        threads = (self.thread_index(mine), self.thread_index(theirs))
        blocks = (self.block_of(mine), self.block_of(theirs))
        verb = {"read": "reads", "write": "writes", "atomic": "updates (atomically)"}[earlier]
        remedy = ("no barrier" if blocks[0] == blocks[1] else "nothing that orders blocks")
        if before == line and time == self.recorder.now:
            how = (f"threads {threads[0]} of block {blocks[0]} and {threads[1]} of block {blocks[1]} write it together "
                   f"at line {line}")
        else:
            how = (f"thread {threads[1]} of block {blocks[1]} {verb} it at line {before}, and thread {threads[0]} of "
                   f"block {blocks[0]} {self.access_verb} it at line {line}, with {remedy} between")
        self.recorder.fault(
            "race", line, other_line=before, array=alloc.name, index=index, threads=threads, blocks=blocks, count=count,
            message=f"race on {alloc.space} array {alloc.name!r} at index {show_index(index)}: {how}.")

    def report_float64(self, line: int) -> None:
        """Arithmetic in double precision where the kernel's arrays are float32."""
        self.recorder.fault(
            "float64", line, count=self.mask.lanes, threads=self.first_thread(), blocks=self.first_block_index(),
            message=f"line {line} computes in float64 although the kernel's arrays are float32: a bare 0.0, an "
            "integer beside a float32, a Python float argument, or int / int makes it so. Write float32(...) around "
            "the constant or the operand.")

    def report_unified(self, line: int, what: str, one: np.dtype, other: np.dtype) -> None:
        """uint64 and int64 in one variable."""
        if self.checks:
            self.recorder.fault(
                "float64", line, count=self.mask.lanes, threads=self.first_thread(), blocks=self.first_block_index(),
                message=f"line {line}: {what} is {one} on one path (or before the loop) and {other} on another: Numba "
                "makes it float64, which holds integers up to 2**53 only. Cast the result of arithmetic back, as in "
                "uint64(...): what mixes uint64 with a signed integer is int64.")

    def _stop_at(self, loop: Loop, what: str) -> None:
        """A loop that does not end; the launch is given up."""
        thread, block = self.first_thread(), self.first_block_index()
        self.recorder.fault(
            "step-limit", loop.line, count=self.mask.lanes, threads=thread, blocks=block,
            message=f"the loop at line {loop.line} " + what.format(who=f"thread {thread[0]} of block {block[0]}"))
        raise StepLimit

    def report_step_limit(self, loop: Loop) -> None:
        """A loop that went round very often."""
        self._stop_at(loop, f"has not ended after {loop.turns - 1} turns ({{who}} is still in it); the launch was "
                      "stopped. If it does end, pass a larger step_limit=.")

    def report_endless(self, loop: Loop) -> None:
        """A loop that can never end."""
        names = [*loop.ending.names, *(a for a in loop.ending.arrays if a not in ("*", *loop.ending.names))]
        held = f"what decides its end ({', '.join(names)}) stays as it is" if names else "nothing ends it"
        self._stop_at(loop, f"never ends: {{who}} is in it after {loop.turns - 1} turns, and {held} from one turn to "
                      "the next. Is a step forward missing, or the condition wrong?")

    def report_waiting(self, loop: Loop) -> None:
        """A loop that waits for what nobody does."""
        what = ", ".join(a for a in loop.ending.arrays if a != "*") or "memory"
        self._stop_at(loop, f"waits for ever: {{who}} looks at {what} again and again, and every other thread has "
                      "ended or waits too, so that nobody changes it. Is it set under the right index, by one that "
                      "does not have to wait itself?")

    def report_not_resident(self, loop: Loop, resident: int, gpu: str) -> None:
        """Blocks that wait for one that begins only when one of them has ended."""
        blocks = int(np.prod(self.recorder.grid))
        self._stop_at(loop, f"waits for a block that cannot begin: {{who}} waits, and so do all {resident} blocks that "
                      f"fit on the GPU ({gpu}) at a time, of {blocks}. A block begins only when another has ended: "
                      "launch no more blocks than fit (with a grid-stride loop), or end the kernel where all must have "
                      "arrived.")

    def report_many_turns(self, loop: Loop, spent: float) -> None:
        """A range() that cannot be run in reasonable time."""
        self._stop_at(loop, f"has {loop.total} turns, of which the SIMT machine made {loop.turns} in {spent:.0f} s; "
                      "the launch was stopped ({who} is in it). Try smaller numbers, or pass step_limit= to run it "
                      "all the same.")

    def report_no_step(self, line: int, still: Mask) -> None:
        """range() with a step of 0."""
        lane = int(still.flat()[0])
        thread, block = self.thread_index(lane), self.block_of(lane)
        self.recorder.fault(
            "step-limit", line, count=still.lanes, threads=(thread,), blocks=(block,),
            message=f"line {line}: thread {thread} of block {block} loops over a range() whose step is 0, which is a "
            "ValueError in Python. In a kernel nobody sees it: the thread ends there. Here it makes no turn.")

    def report_overlap(self, line: int, alloc: Allocation, address: int, lane: int, other: str, count: int) -> None:
        """Two arrays of shape 0 that were meant as two."""
        thread, block = self.thread_index(lane), self.block_of(lane)
        self.recorder.fault(
            "overlap", line, array=alloc.name, index=alloc.index(address), threads=(thread,), blocks=(block,),
            count=count,
            message=f"line {line}: thread {thread} of block {block} reads shared array {alloc.name!r} at index "
            f"{show_index(alloc.index(address))}, which was last written as a part of {other!r}: all shared arrays of "
            "shape 0 begin at the same byte of the launch's dynamic memory. Take one, and cut it with slices: "
            f"{alloc.name} = memory[:n], {other} = memory[n:].")

    def report_exception(self, line: int, text: str) -> None:
        """A thread raises an exception."""
        self.recorder.fault(
            "exception", line, count=self.mask.lanes, threads=self.first_thread(), blocks=self.first_block_index(),
            message=f"line {line}: thread {self.first_thread()[0]} of block {self.first_block_index()[0]} comes to "
            f"{text}. On a GPU no exception reaches Python, unless the kernel is compiled with debug=True: the thread "
            "ends there in silence.")

    def report_no_dynamic_shared(self, line: int, name: str) -> None:
        """shared.array(0, …) without shared_bytes."""
        self.recorder.fault(
            "bad-launch", line, array=name,
            message=f"line {line}: shared array {name!r} has shape 0, so its size comes from the launch, but the "
            "launch gives no dynamic shared memory; pass shared_bytes= (or kernel[grid, block, stream, bytes]).")

    def note_shared(self, line: int, size: int) -> None:
        """Static shared memory is limited to 48 KB a block (CUDA C++ Programming Guide, technical specifications).

        A kernel that wants more is not compiled, so the launch ends here.
        """
        total = size + sum(a.size * a.itemsize for a in self.shared.values())
        self.recorder.shared_bytes = max(self.recorder.shared_bytes, total)
        if total > STATIC_SHARED:
            self.recorder.fault(
                "bad-launch", line,
                message=f"line {line}: the kernel's static shared arrays take {total} bytes, and a block may have "
                f"{STATIC_SHARED}; use a smaller tile or dynamic shared memory.")
            raise StepLimit

    # -- where a thread is --------------------------------------------------------------------------------------------

    def thread_index(self, lane: int) -> tuple[int, int, int]:
        """(x, y, z) of thread number `lane` of the batch (block * P + thread)."""
        thread = lane % self.shape[1]
        bx, by, _ = self.recorder.block
        return thread % bx, thread // bx % by, thread // (bx * by)

    def block_of(self, lane: int) -> tuple[int, int, int]:
        """(x, y, z) of the block of thread number `lane` of the batch."""
        return self.block_index(self.first_block + lane // self.shape[1])

    def block_index(self, number: int) -> tuple[int, int, int]:
        """(x, y, z) of a block by its number in the grid."""
        gx, gy, _ = self.recorder.grid
        return number % gx, number // gx % gy, number // (gx * gy)

    def first_thread(self) -> tuple[tuple[int, int, int], ...]:
        """The first active thread, as `Fault.threads` wants it."""
        return (self.thread_index(int(self.mask.flat()[0])),) if self.mask.lanes else ()

    def first_block_index(self) -> tuple[tuple[int, int, int], ...]:
        """Its block, as `Fault.blocks` wants it."""
        return (self.block_of(int(self.mask.flat()[0])),) if self.mask.lanes else ()


def show_index(index: tuple[int, ...]) -> str:
    """An index as a kernel writes it: 3 or (3, 4)."""
    return str(index[0]) if len(index) == 1 else str(index)
