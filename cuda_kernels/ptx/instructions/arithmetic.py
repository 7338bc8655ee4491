"""Sums, products, quotients, functions (sections 9.7.1 to 9.7.3 of the PTX ISA 9.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from ..parse import Instruction
from ..values import BOOL, F32, bits, call, is_float, type_of, unsupported
from .table import directed, finish, meaning, rounding, sources

if TYPE_CHECKING:
    from ..thread import Thread


@meaning("add", "sub")
def add(t: Thread, i: Instruction) -> None:
    """Sections 9.7.1.1, 9.7.3.3 and the like. Integers wrap; `.sat` on s32 clamps."""
    a, b = sources(t, i)
    if is_float(type_of(i)):
        if rounding(i) != ".rn":
            second = b if i.opcode == "add" else t.b.fneg(b)
            finish(t, i, directed(t, i, a, ir.Constant(F32, 1.0), second))
        else:
            finish(t, i, t.b.fadd(a, b) if i.opcode == "add" else t.b.fsub(a, b))
    elif ".sat" in i.modifiers:
        name = "sadd.sat" if i.opcode == "add" else "ssub.sat"
        t.write(i.operands[0], call(t, name, a, b))
    elif ".cc" in i.modifiers:
        with_carry(t, i, [a, b])
    else:
        t.write(i.operands[0], t.b.add(a, b) if i.opcode == "add" else t.b.sub(a, b))


def with_carry(t: Thread, i: Instruction, terms: list[Any]) -> None:
    """Section 9.7.2: a sum or difference, with the carry of the one before (`addc`, `subc`, `madc`); `.cc` sets it."""
    kind = terms[0].type
    wide = ir.IntType(2 * kind.width)
    total, *others = (t.b.zext(term, wide) for term in terms)
    join = t.b.sub if i.opcode.startswith("sub") else t.b.add
    if i.opcode.endswith("c"):
        others.append(t.b.zext(t.b.load(t.carry()), wide))
    for other in others:
        total = join(total, other)
    t.write(i.operands[0], t.b.trunc(total, kind))
    if ".cc" in i.modifiers:
        t.b.store(t.b.trunc(t.b.lshr(total, ir.Constant(wide, kind.width)), BOOL), t.carry())


@meaning("addc", "subc")
def addc(t: Thread, i: Instruction) -> None:
    """Sections 9.7.2.2, 9.7.2.4."""
    with_carry(t, i, sources(t, i))


def _wide(t: Thread, value: Any, kind: str) -> Any:
    wider = ir.IntType(2 * value.type.width)
    return t.b.sext(value, wider) if kind[1] == "s" else t.b.zext(value, wider)


def _product(t: Thread, i: Instruction, a: Any, b: Any) -> Any:
    """Integers: the low half, the high half, or all of a product (section 9.7.1.3)."""
    if ".lo" in i.modifiers:
        return t.b.mul(a, b)
    whole = t.b.mul(_wide(t, a, type_of(i)), _wide(t, b, type_of(i)))
    if ".wide" in i.modifiers:
        return whole
    return t.b.trunc(t.b.lshr(whole, ir.Constant(whole.type, a.type.width)), a.type)


@meaning("mul")
def mul(t: Thread, i: Instruction) -> None:
    """Sections 9.7.1.3 and 9.7.3.5."""
    a, b = sources(t, i)
    if not is_float(type_of(i)):
        t.write(i.operands[0], _product(t, i, a, b))
    elif rounding(i) != ".rn":
        finish(t, i, directed(t, i, a, b, ir.Constant(F32, -0.0)))
    else:
        finish(t, i, t.b.fmul(a, b))


@meaning("madc")
def madc(t: Thread, i: Instruction) -> None:
    """Section 9.7.2.6."""
    a, b, c = sources(t, i)
    with_carry(t, i, [_product(t, i, a, b), c])


@meaning("mad", "fma")
def mad(t: Thread, i: Instruction) -> None:
    """Section 9.7.3.6: one rounding; integers as `mul`, then a sum (9.7.1.4)."""
    kind = type_of(i)
    if is_float(kind):
        a, b, c = sources(t, i)
        finish(t, i, call(t, "fma", a, b, c) if rounding(i) == ".rn" else directed(t, i, a, b, c))
        return
    a, b = (t.read(operand, kind) for operand in i.operands[1:3])
    product = _product(t, i, a, b)
    c = t.read(i.operands[3], f".{kind[1]}{product.type.width}")
    if ".cc" in i.modifiers:
        with_carry(t, i, [product, c])
        return
    t.write(i.operands[0], t.b.add(product, c))


@meaning("div", "rem")
def div(t: Thread, i: Instruction) -> None:
    """Sections 9.7.1.8 and 9.7.3.8. An integer divided by 0 is left open: all bits set, and the dividend as remainder.

    `.approx` and `.full` may be 2 units in the last place wrong; here they are right.
    """
    kind = type_of(i)
    a, b = sources(t, i)
    if is_float(kind):
        finish(t, i, t.b.fdiv(a, b))
        return
    zero, one = ir.Constant(a.type, 0), ir.Constant(a.type, 1)
    by_zero = t.b.icmp_unsigned("==", b, zero)
    signed = kind[1] == "s"
    by_minus = t.b.icmp_signed("==", b, ir.Constant(a.type, -1)) if signed else ir.Constant(BOOL, 0)
    safe = t.b.select(t.b.or_(by_zero, by_minus), one, b)  # the processor traps at x / 0 and at the least integer / -1
    if i.opcode == "div":
        quotient = t.b.sdiv(a, safe) if signed else t.b.udiv(a, safe)
        value = t.b.select(by_zero, ir.Constant(a.type, -1), t.b.select(by_minus, t.b.sub(zero, a), quotient))
    else:
        remainder = t.b.srem(a, safe) if signed else t.b.urem(a, safe)
        value = t.b.select(by_zero, a, remainder)
    t.write(i.operands[0], value)


@meaning("abs", "neg")
def sign(t: Thread, i: Instruction) -> None:
    """Sections 9.7.1.10, 9.7.1.11, 9.7.3.9, 9.7.3.10."""
    (a,) = sources(t, i)
    if is_float(type_of(i)):
        finish(t, i, call(t, "fabs", a) if i.opcode == "abs" else t.b.fneg(a))
        return
    negative = t.b.sub(ir.Constant(a.type, 0), a)
    less = t.b.icmp_signed("<", a, ir.Constant(a.type, 0))
    t.write(i.operands[0], negative if i.opcode == "neg" else t.b.select(less, negative, a))


@meaning("copysign")
def copysign(t: Thread, i: Instruction) -> None:
    """Section 9.7.3.2: the size of the second source with the sign of the first."""
    sign_of, size_of = sources(t, i)
    t.write(i.operands[0], call(t, "copysign", size_of, sign_of))


@meaning("min", "max")
def extreme(t: Thread, i: Instruction) -> None:
    """Sections 9.7.1.12, 9.7.3.11: the number where one is NaN (`.NaN`: NaN), and -0 is less than +0."""
    a, b = sources(t, i)
    kind, least = type_of(i), i.opcode == "min"
    if not is_float(kind):
        compare = t.b.icmp_signed if kind[1] == "s" else t.b.icmp_unsigned
        t.write(i.operands[0], t.b.select(compare("<" if least else ">", a, b), a, b))
        return
    if ".xorsign" in i.modifiers:
        raise unsupported(i)
    both = (
        t.b.or_(bits(t, a), bits(t, b)) if least else t.b.and_(bits(t, a), bits(t, b))
    )  # of equals: the sign of zeros
    chosen = t.b.select(t.b.fcmp_ordered("<" if least else ">", a, b), a, b)
    chosen = t.b.select(t.b.fcmp_ordered("==", a, b), t.b.bitcast(both, a.type), chosen)
    nan_a, nan_b = t.b.fcmp_unordered("uno", a, a), t.b.fcmp_unordered("uno", b, b)
    if ".NaN" in i.modifiers:
        value = t.b.select(t.b.or_(nan_a, nan_b), ir.Constant(a.type, float("nan")), chosen)
    else:
        value = t.b.select(nan_a, b, t.b.select(nan_b, a, chosen))
    finish(t, i, value)


@meaning("rcp", "sqrt", "rsqrt", "sin", "cos", "lg2", "ex2", "tanh")
def function(t: Thread, i: Instruction) -> None:
    """Sections 9.7.3.13 to 9.7.3.21. The `.approx` forms may err by 1 to 2 units (sin and cos by 2^-20.5): here the
    processor's own functions are taken, which are nearer.
    """
    (a,) = sources(t, i)
    one = ir.Constant(a.type, 1.0)
    if i.opcode == "rcp":
        value = t.b.fdiv(one, a)
    elif i.opcode == "rsqrt":
        value = t.b.fdiv(one, call(t, "sqrt", a))
    elif i.opcode == "tanh":
        name = "tanhf" if a.type == F32 else "tanh"  # of C's library
        library = t.module.globals.get(name) or ir.Function(t.module, ir.FunctionType(a.type, [a.type]), name)
        value = t.b.call(library, [a])
    else:
        value = call(t, {"lg2": "log2", "ex2": "exp2"}.get(i.opcode, i.opcode), a)
    finish(t, i, value)


@meaning("testp")
def testp(t: Thread, i: Instruction) -> None:
    """Section 9.7.3.1."""
    a = t.read(i.operands[1], type_of(i))
    size = call(t, "fabs", a)
    infinite = t.b.fcmp_ordered("==", size, ir.Constant(a.type, float("inf")))
    nan = t.b.fcmp_unordered("uno", a, a)
    least = ir.Constant(a.type, 2.0**-126 if a.type == F32 else 2.0**-1022)
    small = t.b.fcmp_ordered("<", size, least)
    zero = t.b.fcmp_ordered("==", size, ir.Constant(a.type, 0.0))
    found = {
        ".infinite": infinite,
        ".notanumber": nan,
        ".finite": t.b.not_(t.b.or_(infinite, nan)),
        ".number": t.b.not_(nan),
        ".subnormal": t.b.and_(small, t.b.not_(zero)),
        ".normal": t.b.not_(t.b.or_(t.b.or_(infinite, nan), small)),
    }
    t.write(i.operands[0], found[i.modifiers[0]])
