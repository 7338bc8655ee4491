"""Logic, shifts, fields and counts of bits (sections 9.7.1.15 to 9.7.1.21, 9.7.8 and 9.7.9.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from ..parse import Instruction
from ..values import BOOL, I32, I64, call, llvm_type, type_of, unsupported
from .table import meaning, sources

if TYPE_CHECKING:
    from ..thread import Thread


@meaning("and", "or", "xor")
def logic(t: Thread, i: Instruction) -> None:
    """Sections 9.7.8.1 to 9.7.8.3."""
    a, b = sources(t, i)
    t.write(i.operands[0], {"and": t.b.and_, "or": t.b.or_, "xor": t.b.xor}[i.opcode](a, b))


@meaning("not", "cnot")
def inverse(t: Thread, i: Instruction) -> None:
    """Sections 9.7.8.4, 9.7.8.5."""
    (a,) = sources(t, i)
    if i.opcode == "not":
        t.write(i.operands[0], t.b.not_(a))
    else:
        t.write(i.operands[0], t.b.zext(t.b.icmp_unsigned("==", a, ir.Constant(a.type, 0)), a.type))


@meaning("shl", "shr")
def shift(t: Thread, i: Instruction) -> None:
    """Sections 9.7.8.8, 9.7.8.9: an amount of the width or more counts as the width."""
    kind = type_of(i)
    a, amount = t.read(i.operands[1], kind), t.read(i.operands[2], ".u32")
    width = a.type.width
    arithmetic = i.opcode == "shr" and kind[1] == "s"
    far = t.b.icmp_unsigned(">=", amount, ir.Constant(I32, width))
    last = ir.Constant(I32, width - 1)
    amount = t.fitted(t.b.select(far, last, amount), a.type)
    value = t.b.ashr(a, amount) if arithmetic else (t.b.shl if i.opcode == "shl" else t.b.lshr)(a, amount)
    t.write(i.operands[0], value if arithmetic else t.b.select(far, ir.Constant(a.type, 0), value))


@meaning("shf")
def funnel(t: Thread, i: Instruction) -> None:
    """Section 9.7.8.7: 32 bits out of two registers, shifted together."""
    low, high, amount = (t.read(operand, ".b32") for operand in i.operands[1:])
    most = ir.Constant(I32, 32)
    if ".clamp" in i.modifiers:
        amount = t.b.select(t.b.icmp_unsigned(">", amount, most), most, amount)
    else:
        amount = t.b.and_(amount, ir.Constant(I32, 31))
    both = t.b.or_(t.b.shl(t.b.zext(high, I64), ir.Constant(I64, 32)), t.b.zext(low, I64))
    wide = t.b.zext(amount, I64)
    if ".l" in i.modifiers:
        value = t.b.lshr(t.b.shl(both, wide), ir.Constant(I64, 32))
    else:
        value = t.b.lshr(both, wide)
    t.write(i.operands[0], t.b.trunc(value, I32))


@meaning("popc", "clz", "brev")
def count(t: Thread, i: Instruction) -> None:
    """Sections 9.7.1.15, 9.7.1.16, 9.7.1.18."""
    (a,) = sources(t, i)
    if i.opcode == "clz":
        function = t.module.declare_intrinsic("llvm.ctlz", [a.type], ir.FunctionType(a.type, [a.type, BOOL]))
        value = t.b.call(function, [a, ir.Constant(BOOL, 0)])
    else:
        value = call(t, "ctpop" if i.opcode == "popc" else "bitreverse", a)
    t.write(i.operands[0], t.fitted(value, I32) if i.opcode != "brev" else value)


@meaning("bfind")
def bfind(t: Thread, i: Instruction) -> None:
    """Section 9.7.1.17: the highest bit that differs from the sign; -1 where there is none; `.shiftamt` from above."""
    kind = type_of(i)
    a = t.read(i.operands[1], kind)
    if kind[1] == "s":
        a = t.b.select(t.b.icmp_signed("<", a, ir.Constant(a.type, 0)), t.b.not_(a), a)
    function = t.module.declare_intrinsic("llvm.ctlz", [a.type], ir.FunctionType(a.type, [a.type, BOOL]))
    leading = t.fitted(t.b.call(function, [a, ir.Constant(BOOL, 0)]), I32)
    none = t.b.icmp_unsigned("==", a, ir.Constant(a.type, 0))
    place = t.b.sub(ir.Constant(I32, a.type.width - 1), leading)
    value = leading if ".shiftamt" in i.modifiers else place
    t.write(i.operands[0], t.b.select(none, ir.Constant(I32, -1), value))


def _field(t: Thread, i: Instruction, place: Any, length: Any, kind: Any) -> tuple[Any, Any, Any]:
    """Place and length of a bit field (their low 8 bits), widened, and a mask of `length` ones."""
    place, length = (t.b.zext(t.b.and_(t.read(v, ".u32"), ir.Constant(I32, 255)), I64) for v in (place, length))
    full = t.b.icmp_unsigned(">=", length, ir.Constant(I64, kind.width))
    short = t.b.select(full, ir.Constant(I64, 0), length)
    ones = t.b.sub(t.b.shl(ir.Constant(I64, 1), short), ir.Constant(I64, 1))
    mask = t.b.select(full, ir.Constant(I64, (1 << kind.width) - 1), ones)
    return place, length, mask


@meaning("bfe", "bfi")
def bit_field(t: Thread, i: Instruction) -> None:
    """Sections 9.7.1.20, 9.7.1.21: take a field of bits out, or put one in. A place beyond the width is nowhere."""
    kind = type_of(i)
    width = llvm_type(kind).width
    if i.opcode == "bfi":
        a, b = (t.b.zext(v, I64) if width == 32 else v for v in (t.read(o, kind) for o in i.operands[1:3]))
        place, length, mask = _field(t, i, i.operands[3], i.operands[4], ir.IntType(width))
        beyond = t.b.icmp_unsigned(">=", place, ir.Constant(I64, width))
        safe = t.b.select(beyond, ir.Constant(I64, 0), place)
        put = t.b.or_(t.b.and_(b, t.b.not_(t.b.shl(mask, safe))), t.b.shl(t.b.and_(a, mask), safe))
        value = t.b.select(beyond, b, put)
        t.write(i.operands[0], t.fitted(value, ir.IntType(width)))
        return
    signed = kind[1] == "s"
    a = t.read(i.operands[1], kind)
    a = (t.b.sext(a, I64) if signed else t.b.zext(a, I64)) if width == 32 else a
    place, length, mask = _field(t, i, i.operands[2], i.operands[3], ir.IntType(width))
    last = ir.Constant(I64, width - 1)
    reach = t.b.select(t.b.icmp_unsigned(">", place, ir.Constant(I64, 63)), ir.Constant(I64, 63), place)
    down = t.b.ashr(a, reach) if signed else t.b.lshr(a, reach)
    down = down if signed else t.b.select(t.b.icmp_unsigned(">", place, last), ir.Constant(I64, 0), down)
    value = t.b.and_(down, mask)
    if signed:  # the field's highest bit, or the number's where the field reaches beyond it, fills the rest
        end = t.b.sub(t.b.add(place, length), ir.Constant(I64, 1))
        top = t.b.select(t.b.icmp_unsigned(">", end, last), last, end)
        negative = t.b.and_(t.b.lshr(a, top), ir.Constant(I64, 1))
        fill = t.b.select(t.b.icmp_unsigned("==", negative, ir.Constant(I64, 1)), t.b.not_(mask), ir.Constant(I64, 0))
        empty = t.b.icmp_unsigned("==", length, ir.Constant(I64, 0))
        value = t.b.select(empty, ir.Constant(I64, 0), t.b.or_(value, fill))
    t.write(i.operands[0], t.fitted(value, ir.IntType(width)))


@meaning("prmt")
def permute(t: Thread, i: Instruction) -> None:
    """Section 9.7.9.7: four bytes chosen from eight; bit 3 of a choice repeats the byte's sign instead."""
    if any(m in i.modifiers for m in (".f4e", ".b4e", ".rc8", ".ecl", ".ecr", ".rc16")):
        raise unsupported(i, "only the general form of prmt")
    a, b, choice = (t.b.zext(t.read(operand, ".b32"), I64) for operand in i.operands[1:])
    eight = t.b.or_(t.b.shl(b, ir.Constant(I64, 32)), a)
    value = ir.Constant(I64, 0)
    for k in range(4):
        nibble = t.b.and_(t.b.lshr(choice, ir.Constant(I64, 4 * k)), ir.Constant(I64, 15))
        where = t.b.mul(t.b.and_(nibble, ir.Constant(I64, 7)), ir.Constant(I64, 8))
        byte = t.b.and_(t.b.lshr(eight, where), ir.Constant(I64, 255))
        signs = t.b.mul(t.b.lshr(byte, ir.Constant(I64, 7)), ir.Constant(I64, 255))
        byte = t.b.select(t.b.icmp_unsigned(">=", nibble, ir.Constant(I64, 8)), signs, byte)
        value = t.b.or_(value, t.b.shl(byte, ir.Constant(I64, 8 * k)))
    t.write(i.operands[0], t.b.trunc(value, I32))


@meaning("lop3")
def lop3(t: Thread, i: Instruction) -> None:
    """Section 9.7.8.6: any function of three bits, by its table of eight."""
    a, b, c = (t.read(operand, ".b32") for operand in i.operands[1:4])
    table = int(str(i.operands[4]), 0)
    value = ir.Constant(I32, 0)
    for k in range(8):
        if table >> k & 1:
            row = [v if k >> shift & 1 else t.b.not_(v) for v, shift in ((a, 2), (b, 1), (c, 0))]
            value = t.b.or_(value, t.b.and_(t.b.and_(row[0], row[1]), row[2]))
    t.write(i.operands[0], value)
