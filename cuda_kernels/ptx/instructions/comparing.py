"""Comparing and choosing (section 9.7.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from ..parse import Instruction
from ..values import F32, I32, is_float, type_of
from .table import flushed, meaning

if TYPE_CHECKING:
    from ..thread import Thread

_INTEGER = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "lo": "<",
    "ls": "<=",
    "hi": ">",
    "hs": ">=",
}


def compared(t: Thread, i: Instruction, kind: str, a: Any, b: Any) -> Any:
    """Section 9.3.1: with NaN, lt and its like are false, ltu and its like true; num and nan ask for NaN itself."""
    name = i.modifiers[0][1:]
    if is_float(kind):
        if ".ftz" in i.modifiers:
            a, b = flushed(t, a), flushed(t, b)
        if name in ("num", "nan"):
            return t.b.fcmp_ordered("ord", a, b) if name == "num" else t.b.fcmp_unordered("uno", a, b)
        if name.endswith("u") and len(name) == 3:
            return t.b.fcmp_unordered(_INTEGER[name[:2]], a, b)
        return t.b.fcmp_ordered(_INTEGER[name], a, b)
    signed = kind[1] == "s" and name in ("eq", "ne", "lt", "le", "gt", "ge")
    return (t.b.icmp_signed if signed else t.b.icmp_unsigned)(_INTEGER[name], a, b)


@meaning("setp", "set")
def setp(t: Thread, i: Instruction) -> None:
    """Sections 9.7.6.1, 9.7.6.2: compare; with a boolean operator, join with a predicate; `p|q` also its opposite."""
    kind = type_of(i)
    pair = "|" in i.text
    first = 2 if pair else 1
    a, b = (t.read(operand, kind) for operand in i.operands[first : first + 2])
    value = compared(t, i, kind, a, b)
    joined = next((m for m in i.modifiers if m in (".and", ".or", ".xor")), "")
    opposite = t.b.not_(value)
    if joined:
        join = {".and": t.b.and_, ".or": t.b.or_, ".xor": t.b.xor}[joined]
        other = t.read(i.operands[first + 2], ".pred")
        value, opposite = join(value, other), join(opposite, other)
    if i.opcode == "set":
        made = i.modifiers[-2]
        yes = ir.Constant(F32, 1.0) if made == ".f32" else ir.Constant(I32, -1)
        value = t.b.select(value, yes, ir.Constant(yes.type, 0))
    t.write(i.operands[0], value)
    if pair:
        t.write(i.operands[1], opposite)


@meaning("selp")
def selp(t: Thread, i: Instruction) -> None:
    """Section 9.7.6.3."""
    kind = type_of(i)
    a, b = (t.read(operand, kind) for operand in i.operands[1:3])
    t.write(i.operands[0], t.b.select(t.read(i.operands[3], ".pred"), a, b))


@meaning("slct")
def slct(t: Thread, i: Instruction) -> None:
    """Section 9.7.6.4: the first where the third is 0 or more."""
    kind = i.modifiers[-2]
    a, b = (t.read(operand, kind) for operand in i.operands[1:3])
    c = t.read(i.operands[3], type_of(i))
    zero = ir.Constant(c.type, 0)
    chosen = t.b.fcmp_ordered(">=", c, zero) if is_float(type_of(i)) else t.b.icmp_signed(">=", c, zero)
    t.write(i.operands[0], t.b.select(chosen, a, b))
