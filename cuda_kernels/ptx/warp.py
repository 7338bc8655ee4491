"""What the threads of a warp do together: shuffles, votes, matches, reductions, products on tensor cores.

A thread leaves its operands as words in its frame and waits. When all lanes that an instruction names have come, its
meaning below reads their words and writes their results:

    @together("vote")
    def vote(s, i, group): ...        # `group` is the mask of the lanes that take part

`s.lanes(group)` walks the lanes, `s.word(frame, k)` reads word `k`, `s.give(frame, k, value)` writes result `k`.
Sections are those of the PTX ISA 9.0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .analysis import OURS
from .parse import Instruction
from .values import BOOL, F32, I32, unsupported

if TYPE_CHECKING:
    from .schedule import Schedule

Together = Callable[["Schedule", Instruction, Any], None]
TOGETHER: dict[str, Together] = {}


def together(*opcodes: str) -> Callable[[Together], Together]:
    """Register the function below as the meaning of these opcodes, for all lanes of a group."""

    def register(function: Together) -> Together:
        TOGETHER.update(dict.fromkeys(opcodes, function))
        return function

    return register


def of_the_block(i: Instruction) -> bool:
    """Does the whole block meet here, not only a warp?"""
    return i.opcode in ("bar", "barrier") and ".warp" not in i.modifiers


def names_its_lanes(i: Instruction) -> bool:
    """Does the instruction's last operand say which lanes take part? Else it is all that have come."""
    return i.opcode not in ("activemask", "mma", *OURS)


def operands_of(i: Instruction) -> list[tuple[Any, str]]:
    """The operands that a thread leaves in its frame, each with the type it is read in."""
    if of_the_block(i):
        if ".arrive" in i.modifiers or i.operands[1 if ".red" in i.modifiers else 0] != "0":
            raise unsupported(i, "only barrier 0, for all threads of a block")
        if ".red" in i.modifiers:
            return [(i.operands[-1], ".pred")]
        if len(i.operands) > 1:
            raise unsupported(i, "only for all threads of a block")
        return []
    if i.opcode in OURS:
        return []
    if i.opcode == "mma":
        return [(word, ".b32") for operand in i.operands[1:] for word in operand]
    if i.opcode in ("bar", "activemask"):
        return [(operand, ".b32") for operand in i.operands[: 1 if i.opcode == "bar" else 0]]
    first = 2 if "|" in i.text else 1
    if i.opcode == "match" and i.modifiers[-1] == ".b64":
        value, lanes = i.operands[first:]
        return [(value, ".low"), (value, ".high"), (lanes, ".b32")]
    kinds = [".pred" if i.opcode == "vote" else ".b32"] + [".b32"] * 3
    return list(zip(i.operands[first:], kinds, strict=False))


@together("bar")
def warp_barrier(s: Schedule, i: Instruction, group: Any) -> None:
    """`bar.warp.sync` (section 9.7.13.2): nothing but the meeting."""


@together("pause")
def pause(s: Schedule, i: Instruction, group: Any) -> None:
    """Not of the ISA: before a store, where the order is random. What was read is old when other lanes have written."""


@together("activemask")
def activemask(s: Schedule, i: Instruction, group: Any) -> None:
    """Section 9.7.13.9: which lanes run this together. The ISA leaves it open; here: all that have come this way."""
    with s.lanes(group) as (_, frame):
        s.give(frame, 0, group)


@together("shfl")
def shfl(s: Schedule, i: Instruction, group: Any) -> None:
    """Section 9.7.9.6. A lane that would reach beyond its segment keeps its own value, and its predicate is false."""
    b = s.b
    mode = next(m for m in i.modifiers if m in (".up", ".down", ".bfly", ".idx"))
    with s.lanes(group) as (lane, frame):
        by, clamp = s.word(frame, 1), s.word(frame, 2)
        segment = b.and_(b.lshr(clamp, s.i32(8)), s.i32(31))
        low = b.and_(lane, segment)
        high = b.or_(low, b.and_(b.and_(clamp, s.i32(31)), b.xor(segment, s.i32(31))))
        by = b.and_(by, s.i32(31))
        if mode == ".up":
            source = b.sub(lane, by)
            inside = b.icmp_signed(">=", source, high)
        else:
            source = {
                ".down": lambda: b.add(lane, by),
                ".bfly": lambda: b.xor(lane, by),
                ".idx": lambda: b.or_(low, b.and_(by, b.xor(segment, s.i32(31)))),
            }[mode]()
            inside = b.icmp_signed("<=", source, high)
        source = b.select(inside, source, lane)
        taking_part = b.trunc(b.lshr(group, source), BOOL)  # of others the ISA promises nothing: here, the lane's own
        source = b.select(taking_part, source, lane)
        s.give(frame, 0, s.word(s.frame(source), 0))
        s.give(frame, 1, b.zext(inside, I32))


def _ballot(s: Schedule, group: Any, holds: Callable[[Any], Any]) -> Any:
    """The mask of the lanes of a group for which `holds(frame)`."""
    found = s.variable(s.i32(0))
    with s.lanes(group) as (lane, frame):
        bit = s.b.shl(s.i32(1), lane)
        with s.b.if_then(holds(frame)):
            s.b.store(s.b.or_(s.b.load(found), bit), found)
    return s.b.load(found)


@together("vote")
def vote(s: Schedule, i: Instruction, group: Any) -> None:
    """Section 9.7.13.7."""
    yes = _ballot(s, group, lambda frame: s.b.icmp_unsigned("!=", s.word(frame, 0), s.i32(0)))
    none, every = s.b.icmp_unsigned("==", yes, s.i32(0)), s.b.icmp_unsigned("==", yes, group)
    answers = {
        ".ballot": yes,
        ".any": s.b.zext(s.b.not_(none), I32),
        ".all": s.b.zext(every, I32),
        ".uni": s.b.zext(s.b.or_(none, every), I32),
    }
    answer = next(answers[m] for m in i.modifiers if m in answers)
    with s.lanes(group) as (_, frame):
        s.give(frame, 0, answer)


@together("match")
def match(s: Schedule, i: Instruction, group: Any) -> None:
    """Section 9.7.13.8: which lanes hold the same value; `.all`: the group where all do, else 0."""
    with s.lanes(group) as (_, frame):
        words = range(len(operands_of(i)) - 1)  # of a value: two where it has 64 bits
        mine = [s.word(frame, k) for k in words]

        def equal(other: Any) -> Any:
            each = [s.b.icmp_unsigned("==", s.word(other, k), mine[k]) for k in words]
            return each[0] if len(each) == 1 else s.b.and_(*each)

        same = _ballot(s, group, equal)
        if ".all" in i.modifiers:
            every = s.b.icmp_unsigned("==", same, group)
            s.give(frame, 1, s.b.zext(every, I32))
            same = s.b.select(every, same, s.i32(0))
        s.give(frame, 0, same)


@together("redux")
def redux(s: Schedule, i: Instruction, group: Any) -> None:
    """Section 9.7.13.10."""
    b = s.b
    name, signed = i.modifiers[1], i.modifiers[-1] == ".s32"
    if name not in (".add", ".and", ".or", ".xor", ".min", ".max"):
        raise unsupported(i)
    first = {".and": -1, ".min": 2**31 - 1 if signed else -1, ".max": -(2**31) if signed else 0}.get(name, 0)
    total = s.variable(s.i32(first))
    with s.lanes(group) as (_, frame):
        value, so_far = s.word(frame, 0), b.load(total)
        if name in (".min", ".max"):
            compare = b.icmp_signed if signed else b.icmp_unsigned
            joined = b.select(compare("<" if name == ".min" else ">", value, so_far), value, so_far)
        else:
            joined = {".add": b.add, ".and": b.and_, ".or": b.or_, ".xor": b.xor}[name](value, so_far)
        b.store(joined, total)
    result = b.load(total)
    with s.lanes(group) as (_, frame):
        s.give(frame, 0, result)


@together("mma")
def mma(s: Schedule, i: Instruction, group: Any) -> None:
    """D = A B + C on tensor cores (section 9.7.14.5), for m16n8k8 in tf32 and m16n8k16 in bf16, summed in float32.

    Lane 4 r + q holds of A the rows r and r + 8, of B the column r, of C and D these rows in columns 2 q and 2 q + 1.
    The order of the sums is left open by the ISA: here k = 0, 1, 2, … one after another, each product exact.
    """
    shape, kind = i.modifiers[2], i.modifiers[6]
    if (shape, kind) not in ((".m16n8k8", ".tf32"), (".m16n8k16", ".bf16")):
        raise unsupported(i)
    b, pairs = s.b, kind == ".bf16"
    depth = 16 if pairs else 8

    def element(frame_of: Any, first: int, register: Any, half: Any) -> Any:
        word = s.word_at(frame_of, b.add(s.i32(first), register))
        if pairs:  # two bf16 in one register, the first in the low half
            word = b.and_(b.shl(word, b.sub(s.i32(16), b.mul(half, s.i32(16)))), s.i32(-65536))
        else:
            word = b.and_(word, s.i32(-8192))  # tf32: the low 13 bits do not count
        return b.bitcast(word, F32)

    with s.lanes(group) as (lane, frame):
        row, quarter = b.lshr(lane, s.i32(2)), b.and_(lane, s.i32(3))
        for result in range(4):
            below = result >> 1  # the row r + 8
            column = b.add(b.mul(quarter, s.i32(2)), s.i32(result & 1))
            total = s.variable(b.bitcast(s.word(frame, 6 + result), F32), F32)
            with s.each(depth) as k:
                if pairs:  # registers of A: (r, k<8) (r+8, k<8) (r, k>=8) (r+8, k>=8); of B: k<8, k>=8
                    upper, within = b.lshr(k, s.i32(3)), b.and_(k, s.i32(7))
                    owner, half = b.lshr(within, s.i32(1)), b.and_(within, s.i32(1))
                else:  # A: (r, k<4) (r+8, k<4) (r, k>=4) (r+8, k>=4); B: k<4, k>=4
                    upper, owner, half = b.lshr(k, s.i32(2)), b.and_(k, s.i32(3)), s.i32(0)
                left = s.frame(b.add(b.mul(row, s.i32(4)), owner))
                right = s.frame(b.add(b.mul(column, s.i32(4)), owner))
                x = element(left, 0, b.add(b.mul(upper, s.i32(2)), s.i32(below)), half)
                y = element(right, 4, upper, half)
                b.store(b.fadd(b.load(total), b.fmul(x, y)), total)
            s.give(frame, result, b.load(total))
