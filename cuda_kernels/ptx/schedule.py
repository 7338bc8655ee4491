"""The schedule: the blocks of a grid one after another, and the threads of a block from meeting to meeting.

    void blocks(launch, shared, frames, notes)

Each core of the processor calls it once, and takes blocks until none is left. A block runs so: every thread that is
READY runs until it meets others or is done; lanes that met in their warp are answered and go on; when nobody can go on,
all stand at a barrier of the block and are released together. Threads run in the order of their numbers, or in the
order that the launch gives: between two meetings any order is right, unless the kernel has a race. A thread that waits
until another one has written something yields: when nobody else can go on, the block says so and returns, for the other
one may be of another block; it is called again (see `crew.Turns`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from llvmlite import ir

from .memory import CHUNK, ERROR, GOES_ON, LAST, LEFT, NCTAID, NEXT, NTID, ORDER, RESULTS, STOP, WORDS, Program
from .thread import Thread
from .values import BOOL, I8, I32, I64, PTR, VOID
from .warp import TOGETHER, names_its_lanes, of_the_block, operands_of

READY, AT_WARP, AT_BLOCK, FINISHED, YIELDED = 0, 1, 2, 3, 4
STUCK = -1  # the number of the place that a deadlock is reported with


class Schedule:
    """Writes `blocks` for a thread that was translated; its methods are the words of `warp`'s meanings."""

    def __init__(self, program: Program, thread: Thread) -> None:
        self.program, self.thread, self.module = program, thread, program.llvm
        self.llvm = ir.Function(self.module, ir.FunctionType(VOID, [PTR] * 4), "blocks")
        self.launch, self.shared, self.frames, self.notes = self.llvm.args
        for memory in self.llvm.args:
            memory.add_attribute("noalias")
        self.entry = self.llvm.append_basic_block("entry")
        self.b = ir.IRBuilder(self.llvm.append_basic_block("start"))
        self.sizes = [self.slot(NTID + k) for k in range(3)]
        self.count = self.b.mul(self.b.mul(self.sizes[0], self.sizes[1]), self.sizes[2])
        self.warp = self.variable(ir.Constant(I64, 0), I64)
        self._portions()
        ir.IRBuilder(self.entry).branch(self.llvm.blocks[1])

    def _portions(self) -> None:
        """Take some blocks that nobody has taken, and run them; again, until none is left or the launch is to stop."""
        b = self.b
        take, run, done = (b.append_basic_block(name) for name in ("take", "run", "done"))
        after_last = self.wide(LAST)
        across, down = (b.zext(self.slot(NCTAID + k), I64) for k in range(2))
        b.branch(take)
        b.position_at_end(take)
        place = b.bitcast(b.gep(self.launch, [ir.Constant(I64, 8 * NEXT)], source_etype=I8), I64.as_pointer())
        first = b.atomic_rmw("add", place, self.wide(CHUNK), "monotonic")
        b.cbranch(b.icmp_unsigned("<", first, after_last), run, done)
        b.position_at_end(run)
        last = b.add(first, self.wide(CHUNK))
        with self.each_from(first, b.select(b.icmp_unsigned("<", last, after_last), last, after_last)) as block:
            x, rest = b.urem(block, across), b.udiv(block, across)
            self.block_ids = [b.trunc(v, I32) for v in (x, b.urem(rest, down), b.udiv(rest, down))]
            self._block() if self.thread.meetings else self._straight()
            with b.if_then(self.stopped(), likely=False):
                b.ret_void()
        b.branch(take)
        b.position_at_end(done)
        b.ret_void()

    # -- words ---------------------------------------------------------------------------------------------------------

    def i32(self, value: int) -> Any:
        """A constant."""
        return ir.Constant(I32, value)

    def slot(self, k: int) -> Any:
        """Number `k` of the launch's row, as 32 bits."""
        return self.b.trunc(self.wide(k), I32)

    def wide(self, k: int) -> Any:
        """Number `k` of the launch's row."""
        at = self.b.gep(self.launch, [ir.Constant(I64, 8 * k)], source_etype=I8)
        return self.thread.constant(self.b.load(at, typ=I64, align=8))

    def stopped(self) -> Any:
        """Has a thread met a fault, or is the launch to stop?"""
        record = self.wide(ERROR)
        words = []
        for k in (0, STOP):
            at = self.b.inttoptr(self.b.add(record, ir.Constant(I64, 8 * k)), I64.as_pointer())
            words.append(self.b.load_atomic(at, "monotonic", 8))
        return self.b.icmp_unsigned("!=", self.b.or_(*words), ir.Constant(I64, 0))

    def variable(self, value: Any, kind: Any = I32) -> Any:
        """A place for a value that changes, with its first value."""
        here = self.b.block
        self.b.position_at_end(self.entry)
        place = self.b.alloca(kind)
        self.b.position_at_end(here)
        self.b.store(value, place)
        return place

    @contextlib.contextmanager
    def each_from(self, first: Any, last: Any) -> Iterator[Any]:
        """`for k in range(first, last)`."""
        kind = first.type
        head, body, after = (self.b.append_basic_block(name) for name in ("head", "body", "after"))
        place = self.variable(first, kind)
        self.b.branch(head)
        self.b.position_at_end(head)
        k = self.b.load(place)
        self.b.cbranch(self.b.icmp_unsigned("<", k, last), body, after)
        self.b.position_at_end(body)
        yield k
        self.b.store(self.b.add(k, ir.Constant(kind, 1)), place)
        self.b.branch(head)
        self.b.position_at_end(after)

    @contextlib.contextmanager
    def each(self, count: Any) -> Iterator[Any]:
        """`for k in range(count)`, in 32 bits."""
        with self.each_from(self.i32(0), self.i32(count) if isinstance(count, int) else count) as k:
            yield k

    def frame_of(self, thread: Any) -> Any:
        """The frame of a thread of the block, by its number."""
        offset = self.b.mul(self.b.zext(thread, I64), ir.Constant(I64, self.thread.layout.frame_bytes))
        return self.b.gep(self.frames, [offset], source_etype=I8)

    def frame(self, lane: Any) -> Any:
        """The frame of a lane of the warp at hand."""
        return self.frame_of(self.b.add(self.b.trunc(self.b.load(self.warp), I32), lane))

    def field(self, frame: Any, byte: int) -> Any:
        """A word of a frame, by its place in bytes."""
        return self.b.load(self.b.gep(frame, [ir.Constant(I64, byte)], source_etype=I8), typ=I32, align=4)

    def put(self, frame: Any, byte: int, value: Any) -> None:
        """Write a word of a frame."""
        self.b.store(value, self.b.gep(frame, [ir.Constant(I64, byte)], source_etype=I8), align=4)

    def word(self, frame: Any, k: int) -> Any:
        """Operand `k` that a thread left."""
        return self.field(frame, WORDS + 4 * k)

    def word_at(self, frame: Any, k: Any) -> Any:
        """The same for a number that is not known before."""
        offset = self.b.add(ir.Constant(I64, WORDS), self.b.mul(self.b.zext(k, I64), ir.Constant(I64, 4)))
        return self.b.load(self.b.gep(frame, [offset], source_etype=I8), typ=I32, align=4)

    def give(self, frame: Any, k: int, value: Any) -> None:
        """Write result `k`."""
        value = self.b.bitcast(value, I32) if not isinstance(value.type, ir.IntType) else value
        self.put(frame, WORDS + 4 * (RESULTS + k), value)

    @contextlib.contextmanager
    def lanes(self, group: Any) -> Iterator[tuple[Any, Any]]:
        """Walk the lanes of a group: their numbers and frames."""
        with self.each(32) as lane, self.b.if_then(self.b.trunc(self.b.lshr(group, lane), BOOL)):
            yield lane, self.frame(lane)

    # -- running -------------------------------------------------------------------------------------------------------

    def _ids(self, thread: Any) -> list[Any]:
        row = self.b.udiv(thread, self.sizes[0])
        return [
            self.b.urem(thread, self.sizes[0]),
            self.b.urem(row, self.sizes[1]),
            self.b.udiv(row, self.sizes[1]),
            *self.block_ids,
        ]

    def _call(self, frame: Any, ids: list[Any], attribute: str) -> Any:
        return self.b.call(self.thread.llvm, [frame, self.launch, self.shared, self.notes, *ids], attrs=(attribute,))

    def _straight(self) -> None:
        """A block whose threads never meet: one after another to its end, in the order of the launch if it has one."""
        nothing = ir.Constant(PTR, None)
        given = self.b.icmp_unsigned("!=", self.wide(ORDER), ir.Constant(I64, 0))
        with self.b.if_else(given, likely=False) as (in_order, in_rows):
            with in_order, self.each(self.count) as k:
                self._call(nothing, self._ids(self._at(k)), "noinline")
            with in_rows, self.each(self.sizes[2]) as z, self.each(self.sizes[1]) as y, self.each(self.sizes[0]) as x:
                self._call(nothing, [x, y, z, *self.block_ids], "alwaysinline")

    def _at(self, k: Any) -> Any:
        """The number of the thread that comes as number `k`: in the launch's order, or `k` itself."""
        place = self.variable(k)
        given = self.b.icmp_unsigned("!=", self.wide(ORDER), ir.Constant(I64, 0))
        with self.b.if_then(given, likely=False):
            offset = self.b.mul(self.b.zext(k, I64), ir.Constant(I64, 4))
            at = self.b.inttoptr(self.b.add(self.wide(ORDER), offset), I32.as_pointer())
            self.b.store(self.b.load(at), place)
        return self.b.load(place)

    def _run(self, thread: Any) -> None:
        """Let a thread run if it is ready, and note where it stopped."""
        frame = self.frame_of(thread)
        with self.b.if_then(self.b.icmp_unsigned("==", self.field(frame, 4), self.i32(READY))):
            point = self._call(frame, self._ids(thread), "alwaysinline")
            self.put(frame, 0, point)
            self.put(frame, 4, self._status(point))

    def _status(self, point: Any) -> Any:
        """Where a thread is that stopped at a meeting."""
        all_of_them = [i for i, _ in self.thread.meetings]
        kinds = [YIELDED if i.opcode == "yield" else AT_BLOCK if of_the_block(i) else AT_WARP for i in all_of_them]
        usual = max(set(kinds), key=kinds.count)
        status = self.i32(usual)
        for number, kind in enumerate(kinds, 1):
            if kind != usual:
                status = self.b.select(self.b.icmp_signed("==", point, self.i32(number)), self.i32(kind), status)
        return self.b.select(self.b.icmp_signed("<", point, self.i32(0)), self.i32(FINISHED), status)

    def _block(self) -> None:
        b = self.b
        meetings = [i for i, _ in self.thread.meetings]
        in_warps = [(n, i) for n, i in enumerate(meetings, 1) if not of_the_block(i) and i.opcode != "yield"]
        yields = any(i.opcode == "yield" for i in meetings)
        reduced = [(n, i) for n, i in enumerate(meetings, 1) if of_the_block(i) and ".red" in i.modifiers]
        begin, going_on, ended = (b.append_basic_block(name) for name in ("begin", "phase", "ended"))
        if yields:
            goes_on = b.load(b.gep(self.launch, [ir.Constant(I64, 8 * GOES_ON)], source_etype=I8), typ=I64, align=8)
            b.cbranch(b.icmp_unsigned("!=", goes_on, ir.Constant(I64, 0)), going_on, begin)
        else:
            b.branch(begin)
        b.position_at_end(begin)
        with self.each(self.count) as k:
            self.put(self.frame_of(k), 0, self.i32(0))
            self.put(self.frame_of(k), 4, self.i32(READY))
        b.branch(going_on)
        b.position_at_end(going_on)
        if in_warps:
            warps = b.udiv(b.add(self.count, self.i32(31)), self.i32(32))
            with self.each(warps) as place:
                first = b.mul(place, self.i32(32))
                left = b.sub(self.count, first)
                lanes = b.select(b.icmp_unsigned("<", left, self.i32(32)), left, self.i32(32))
                again, next_warp = b.append_basic_block("warp"), b.append_basic_block("next_warp")
                b.branch(again)
                b.position_at_end(again)
                some = self.variable(first)
                with self.each(lanes) as k:
                    b.store(self._at(b.add(first, k)), some)
                    self._run(b.load(some))
                # The order keeps warps together: the last one that ran tells which warp it was.
                b.store(b.zext(b.and_(b.load(some), self.i32(-32)), I64), self.warp)
                in_all = b.sub(self.count, b.and_(b.load(some), self.i32(-32)))
                in_all = b.select(b.icmp_unsigned("<", in_all, self.i32(32)), in_all, self.i32(32))
                progress = self.variable(self.i32(0))
                for number, i in in_warps:
                    self._meet(number, i, in_all, progress)
                b.cbranch(b.icmp_unsigned("!=", b.load(progress), self.i32(0)), again, next_warp)
                b.position_at_end(next_warp)
        else:
            with self.each(self.count) as k:
                self._run(self._at(k))
        if yields:
            self._others_first(ended)
        self._release(reduced, bool(in_warps), going_on, ended)
        b.position_at_end(ended)

    def _others_first(self, ended: Any) -> None:
        """Threads that have yielded are ready again, after other blocks: leave the block, and note that it goes on."""
        b = self.b
        some = self.variable(self.i32(0))
        with self.each(self.count) as k:
            frame = self.frame_of(k)
            with b.if_then(b.icmp_unsigned("==", self.field(frame, 4), self.i32(YIELDED))):
                self.put(frame, 4, self.i32(READY))
                b.store(self.i32(1), some)
        leave, stay = b.append_basic_block("leave"), b.append_basic_block("stay")
        b.cbranch(b.icmp_unsigned("!=", b.load(some), self.i32(0)), leave, stay)
        b.position_at_end(leave)
        b.store(ir.Constant(I64, 1), b.gep(self.launch, [ir.Constant(I64, 8 * LEFT)], source_etype=I8), align=8)
        b.branch(ended)
        b.position_at_end(stay)

    def _meet(self, number: int, i: Any, lanes: Any, progress: Any) -> None:
        """Answer the lanes of the warp at hand that wait at one meeting, if all that it names have come."""
        b = self.b
        here = self.variable(self.i32(0))
        with self.each(lanes) as lane:
            frame = self.frame(lane)
            waits = b.and_(
                b.icmp_unsigned("==", self.field(frame, 4), self.i32(AT_WARP)),
                b.icmp_signed("==", self.field(frame, 0), self.i32(number)),
            )
            with b.if_then(waits):
                b.store(b.or_(b.load(here), b.shl(self.i32(1), lane)), here)
        exist = b.lshr(self.i32(-1), b.sub(self.i32(32), lanes))
        mask_word = len(operands_of(i)) - 1
        with self.each(32) as lane:
            still = b.load(here)
            with b.if_then(b.trunc(b.lshr(still, lane), BOOL)):
                group = b.and_(self.word(self.frame(lane), mask_word), exist) if names_its_lanes(i) else still
                complete = b.icmp_unsigned("==", b.and_(group, b.not_(still)), self.i32(0))
                if i.opcode == "mma":
                    complete = b.icmp_unsigned("==", still, self.i32(-1))
                # A lane outside its own mask is an error of the kernel; it would wait for ever.
                complete = b.and_(complete, b.trunc(b.lshr(group, lane), BOOL))
                with b.if_then(complete):
                    TOGETHER[i.opcode](self, i, group)
                    with self.lanes(group) as (_, frame):
                        self.put(frame, 4, self.i32(READY))
                    b.store(b.and_(still, b.not_(group)), here)
                    b.store(self.i32(1), progress)

    def _release(self, reduced: list[tuple[int, Any]], in_warps: bool, again: Any, ended: Any) -> None:
        """All stand at a barrier: let them go on. Nobody does: the block has ended. Lanes still wait: a deadlock."""
        b = self.b
        for number, i in reduced:
            yes, all_here = self.variable(self.i32(0)), self.variable(self.i32(0))

            @contextlib.contextmanager
            def waiting_here(number: int = number) -> Iterator[Any]:
                with self.each(self.count) as k:
                    frame = self.frame_of(k)
                    at_block = b.icmp_unsigned("==", self.field(frame, 4), self.i32(AT_BLOCK))
                    with b.if_then(b.and_(at_block, b.icmp_signed("==", self.field(frame, 0), self.i32(number)))):
                        yield frame

            with waiting_here() as frame:
                b.store(b.add(b.load(yes), self.word(frame, 0)), yes)
                b.store(b.add(b.load(all_here), self.i32(1)), all_here)
            total = b.load(yes)
            if ".popc" not in i.modifiers:
                all_of_them = b.icmp_unsigned("==", total, b.load(all_here))
                enough = all_of_them if ".and" in i.modifiers else b.icmp_unsigned("!=", total, self.i32(0))
                total = b.zext(enough, I32)
            with waiting_here() as frame:
                self.give(frame, 0, total)
        waiting, stuck = self.variable(self.i32(0)), self.variable(self.i32(-1))
        with self.each(self.count) as k:
            frame = self.frame_of(k)
            status = self.field(frame, 4)
            with b.if_then(b.icmp_unsigned("==", status, self.i32(AT_BLOCK))):
                self.put(frame, 4, self.i32(READY))
                b.store(self.i32(1), waiting)
            if in_warps:
                with b.if_then(b.icmp_unsigned("==", status, self.i32(AT_WARP))):
                    b.store(k, stuck)
        if in_warps:
            with b.if_then(b.icmp_signed(">=", b.load(stuck), self.i32(0)), likely=False):
                thread = b.load(stuck)
                number = b.sub(self.i32(STUCK), self.field(self.frame_of(thread), 0))
                b.call(self.module.globals["report"], [self.launch, number, ir.Constant(I64, 0), *self._ids(thread)])
                b.branch(ended)
        go_on = b.and_(b.icmp_unsigned("!=", b.load(waiting), self.i32(0)), b.not_(self.stopped()))
        b.cbranch(go_on, again, ended)
