"""What each lane of one warp did, instruction by instruction: a build of a kernel that notes it while it runs.

    lanes = trace(text, grid, block, args, at=(0, 0, 0), warp=0)
    lanes[5].steps[0]                  # Step(place=0, ran=True, results={"%rd16": 94027…})

A traced build is the checked build with a call behind every instruction, so its meanings are those of every other run.
All threads of the grid run; only the warp that was asked for writes down. The numbers are registers' bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from llvmlite import ir

from .analysis import results
from .memory import NTID, TRACE
from .parse import Instruction, parse
from .values import I8, I32, I64, PTR, VOID, bits

if TYPE_CHECKING:
    from .memory import Program
    from .thread import Thread

WARP = 32
RECORD = np.dtype([("place", np.int32), ("what", np.int32), ("value", np.uint64)])
REACHED = -1  # `what` of a note: the instruction is next, `value` says if its guard holds; else the number of a result
# What a launch's TRACE points to: the block that is followed, its first thread and how many, and where notes go.
BLOCK, FIRST, COUNT, CAPACITY, RECORDS, COUNTS = 0, 3, 4, 5, 6, 7


class Step(NamedTuple):
    """One instruction as one lane met it.

    place : its number in the kernel's text, from 0
    ran : False where its guard did not hold
    results : the registers that it wrote, as bits
    """

    place: int
    ran: bool
    results: dict[str, int]


class Lane(NamedTuple):
    """What one lane did. `whole` is False where it did more than was noted."""

    steps: list[Step]
    whole: bool


# -- in the translation ------------------------------------------------------------------------------------------------


def reached(t: Thread, place: int, i: Instruction) -> None:
    """Note that the thread comes to an instruction, and whether its guard holds."""
    holds = ir.Constant(I64, 1)
    if i.guard:
        holds = t.b.zext(t.read(i.guard.lstrip("!"), ".pred"), I64)
        holds = t.b.xor(holds, ir.Constant(I64, 1)) if i.guard[0] == "!" else holds
    _note(t, place, REACHED, holds)


def results_of(t: Thread, place: int, i: Instruction) -> None:
    """Note what the instruction wrote."""
    for k, register in enumerate(results(i)):
        value = bits(t, t.b.load(t.register(register)))
        _note(t, place, k, value if value.type == I64 else t.b.zext(value, I64))


def _note(t: Thread, place: int, what: int, value: Any) -> None:
    function = t.program.llvm.globals.get("note") or _add(t.program)
    t.b.call(function, [t.launch, ir.Constant(I32, place), ir.Constant(I32, what), value, *t.ids.values()])


def _add(program: Program) -> Any:
    """void note(launch, place, what, value, tid x 3, ctaid x 3): write a record, if this thread is followed."""
    note = ir.Function(program.llvm, ir.FunctionType(VOID, [PTR, I32, I32, I64, *[I32] * 6]), "note")
    note.linkage = "internal"
    note.attributes.add("noinline")
    launch, place, what, value = note.args[:4]
    tid, ctaid = note.args[4:7], note.args[7:]
    b = ir.IRBuilder(note.append_basic_block("entry"))

    def word(base: Any, k: int) -> Any:
        return b.load(b.gep(base, [ir.Constant(I64, 8 * k)], source_etype=I8), typ=I64, align=8)

    head = b.inttoptr(word(launch, TRACE), PTR)
    for k in range(3):
        with b.if_then(b.icmp_unsigned("!=", b.zext(ctaid[k], I64), word(head, BLOCK + k))):
            b.ret_void()
    x, y, z = (b.zext(number, I64) for number in tid)
    row = b.add(y, b.mul(z, word(launch, NTID + 1)))
    lane = b.sub(b.add(x, b.mul(row, word(launch, NTID))), word(head, FIRST))
    with b.if_then(b.icmp_unsigned(">=", lane, word(head, COUNT))):
        b.ret_void()
    count = b.gep(b.inttoptr(word(head, COUNTS), PTR), [b.mul(lane, ir.Constant(I64, 8))], source_etype=I8)
    before = b.load(count, typ=I64, align=8)
    b.store(b.add(before, ir.Constant(I64, 1)), count, align=8)
    with b.if_then(b.icmp_unsigned(">=", before, word(head, CAPACITY))):
        b.ret_void()
    number = b.add(b.mul(lane, word(head, CAPACITY)), before)
    record = b.gep(
        b.inttoptr(word(head, RECORDS), PTR), [b.mul(number, ir.Constant(I64, RECORD.itemsize))], source_etype=I8
    )
    for byte, part in ((0, place), (4, what), (8, value)):
        b.store(part, b.gep(record, [ir.Constant(I64, byte)], source_etype=I8), align=4)
    b.ret_void()
    return note


# -- a launch ----------------------------------------------------------------------------------------------------------


def trace(
    text: str,
    grid: int | Sequence[int],
    block: int | Sequence[int],
    args: Sequence[Any],
    *,
    at: Sequence[int] = (0, 0, 0),
    warp: int = 0,
    limit: int = 50_000,
    **options: Any,
) -> tuple[list[Lane], Exception | None]:
    """Run a kernel's PTX, and follow one warp.

    text : PTX, see `ptx.text`
    grid, block, args, options : as of `running.run`; arrays are changed in place
    at, warp : the block (x, y, z), and the number of the warp in it
    limit : notes a lane at most (an instruction takes one, and one for each result); what comes later is not noted

    Returns the warp's lanes, fewer than 32 where the block ends, and the fault that ended the run, or None.

    Raises
    PtxError : an instruction that has no meaning here
    """
    from .faults import PtxFault
    from .native import Native, translate
    from .running import run

    threads = math.prod((block,) if isinstance(block, int | np.integer) else block)
    lanes = min(WARP, threads - WARP * warp)
    native = Native(translate(text, checked=True, level=0, traced=True))
    records, counts = np.zeros((lanes, limit), RECORD), np.zeros(lanes, np.int64)
    head = np.array([*at, WARP * warp, lanes, limit, records.ctypes.data, counts.ctypes.data], np.int64)
    fault = None
    try:
        run(native, grid, block, args, trace=head, **options)
    except PtxFault as error:
        fault = error
    flat = [i for b in parse(text).entry.blocks for i in b.instructions]
    return [_lane(records[k, : counts[k]], flat, counts[k] <= limit) for k in range(lanes)], fault


def _lane(records: np.ndarray, flat: list[Instruction], whole: bool) -> Lane:
    steps: list[Step] = []
    for place, what, value in records.tolist():
        if what == REACHED:
            steps.append(Step(place, bool(value), {}))
        else:
            steps[-1].results[results(flat[place])[what]] = value
    if not whole and steps:
        steps.pop()  # its results may be missing
    return Lane(steps, bool(whole))
