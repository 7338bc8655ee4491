"""The table of meanings, and what those of numbers share: operands, rounding, flushing, saturation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from ..parse import Instruction
from ..values import BOOL, F32, F64, I32, bits, call, type_of, unsupported

if TYPE_CHECKING:
    from ..thread import Thread

Meaning = Callable[["Thread", Instruction], None]
MEANINGS: dict[str, Meaning] = {}
ROUNDINGS = (".rn", ".rz", ".rm", ".rp")


def meaning(*opcodes: str) -> Callable[[Meaning], Meaning]:
    """Register the function below as the meaning of these opcodes."""

    def register(function: Meaning) -> Meaning:
        MEANINGS.update(dict.fromkeys(opcodes, function))
        return function

    return register


def flushed(t: Thread, value: Any) -> Any:
    """`.ftz`: a subnormal number becomes a zero of its sign (float32 only; section 9.7.3)."""
    small = t.b.fcmp_ordered("<", call(t, "fabs", value), ir.Constant(F32, 2.0**-126))
    return t.b.select(small, call(t, "copysign", ir.Constant(F32, 0.0), value), value)


def saturated(t: Thread, value: Any) -> Any:
    """`.sat`: into [0, 1]; NaN becomes +0 (section 9.7.3)."""
    zero, one = ir.Constant(value.type, 0.0), ir.Constant(value.type, 1.0)
    above = t.b.select(t.b.fcmp_ordered(">", value, zero), value, zero)
    return t.b.select(t.b.fcmp_ordered("<", above, one), above, one)


def finish(t: Thread, i: Instruction, value: Any) -> None:
    """Write a floating-point result, after `.ftz` and `.sat`."""
    if ".ftz" in i.modifiers and value.type == F32:
        value = flushed(t, value)
    if ".sat" in i.modifiers:
        value = saturated(t, value)
    t.write(i.operands[0], value)


def sources(t: Thread, i: Instruction) -> list[Any]:
    """The values of all operands but the first, in the instruction's type; subnormal ones flushed with `.ftz`."""
    kind = type_of(i)
    values = [t.read(operand, kind) for operand in i.operands[1:]]
    return [flushed(t, v) for v in values] if ".ftz" in i.modifiers and kind == ".f32" else values


def rounded(t: Thread, exact: Any, tail: Any, mode: str) -> Any:
    """The float32 that `exact + tail` (float64, tail smaller than half a unit of exact) becomes when rounded so.

    To nearest first; then one number down or up where that was on the wrong side.
    """
    near = t.b.fptrunc(exact, F32)
    back = t.b.fpext(near, F64)
    zero = ir.Constant(F64, 0.0)
    same = t.b.fcmp_ordered("==", back, exact)
    over = t.b.or_(t.b.fcmp_ordered(">", back, exact), t.b.and_(same, t.b.fcmp_ordered("<", tail, zero)))
    under = t.b.or_(t.b.fcmp_ordered("<", back, exact), t.b.and_(same, t.b.fcmp_ordered(">", tail, zero)))
    positive = t.b.fcmp_ordered(">", exact, zero)
    down = {".rm": over, ".rp": ir.Constant(BOOL, 0), ".rz": t.b.and_(over, positive)}[mode]
    up = {".rm": ir.Constant(BOOL, 0), ".rp": under, ".rz": t.b.and_(under, t.b.not_(positive))}[mode]
    value = bits(t, near)
    one = ir.Constant(I32, 1)
    negative = t.b.icmp_signed("<", value, ir.Constant(I32, 0))
    is_zero = t.b.fcmp_ordered("==", near, ir.Constant(F32, 0.0))
    to_zero, away = t.b.sub(value, one), t.b.add(value, one)
    lower = t.b.select(is_zero, ir.Constant(I32, 0x80000001), t.b.select(negative, away, to_zero))
    higher = t.b.select(is_zero, ir.Constant(I32, 1), t.b.select(negative, to_zero, away))
    return t.b.bitcast(t.b.select(down, lower, t.b.select(up, higher, value)), F32)


def rounding(i: Instruction) -> str:
    """The rounding of an instruction: ".rn" (to nearest even) where none is written."""
    return next((m for m in i.modifiers if m in ROUNDINGS), ".rn")


def directed(t: Thread, i: Instruction, a: Any, b: Any, c: Any) -> Any:
    """a * b + c in float32, rounded toward zero, down or up: product exact in float64, the sum's error is kept."""
    if a.type != F32:
        raise unsupported(i, "rounding toward zero, down or up is there for float32")
    product = t.b.fmul(t.b.fpext(a, F64), t.b.fpext(b, F64))
    other = t.b.fpext(c, F64)
    total = t.b.fadd(product, other)
    part = t.b.fsub(total, product)  # Knuth's TwoSum
    tail = t.b.fadd(t.b.fsub(product, t.b.fsub(total, part)), t.b.fsub(other, part))
    return rounded(t, total, tail, rounding(i))
