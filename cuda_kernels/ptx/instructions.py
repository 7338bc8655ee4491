"""The instructions: what each means, as a few lines of LLVM's language.

    @meaning("add", "sub")
    def add(t, i): ...          # `t` is the thread that is being translated, `i` the instruction

`t.read(operand, ".f32")` gives an operand's value, `t.write(operand, value)` sets a register, `t.b` builds LLVM
instructions. Sections are those of the PTX ISA 9.0. Where the ISA leaves a result open, or allows an error, the text of
the function says what is done here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from .parse import Instruction, Memory, PtxError, bytes_of

if TYPE_CHECKING:
    from .thread import Thread

Meaning = Callable[["Thread", Instruction], None]
MEANINGS: dict[str, Meaning] = {}
BOOL, I8, I16, I32, I64, F16, F32, F64 = (
    ir.IntType(1),
    ir.IntType(8),
    ir.IntType(16),
    ir.IntType(32),
    ir.IntType(64),
    ir.HalfType(),
    ir.FloatType(),
    ir.DoubleType(),
)
ROUNDINGS = (".rn", ".rz", ".rm", ".rp")


def meaning(*opcodes: str) -> Callable[[Meaning], Meaning]:
    """Register the function below as the meaning of these opcodes."""

    def register(function: Meaning) -> Meaning:
        MEANINGS.update(dict.fromkeys(opcodes, function))
        return function

    return register


def llvm_type(name: str) -> Any:
    """LLVM's type of a PTX type: ".f32" is float, ".s32", ".u32" and ".b32" are i32.

    >>> str(llvm_type(".s64")), str(llvm_type(".pred"))
    ('i64', 'i1')
    """
    if name == ".pred":
        return BOOL
    floats = {".f32": F32, ".f64": F64, ".f16": F16}
    return floats.get(name) or ir.IntType(8 * bytes_of(name))


def is_float(name: str) -> bool:
    """Is this the type of a floating-point number that arithmetic takes?"""
    return name in (".f32", ".f64", ".f16")


def unsupported(i: Instruction, why: str = "") -> PtxError:
    """The error for an instruction that has no meaning here."""
    return PtxError(
        f"ptx cannot run the instruction `{i.text}` (line {i.line} of the kernel)" + (f": {why}" if why else "")
    )


def type_of(i: Instruction) -> str:
    """The type an instruction computes in: its last modifier."""
    return i.modifiers[-1]


# -- helpers on values ----------------------------------------------------------------------------------------------


def call(t: Thread, name: str, *values: Any) -> Any:
    """Call one of LLVM's intrinsics, `llvm.fma` and the like, for the type of its first argument."""
    kind = values[0].type
    function = t.module.declare_intrinsic(f"llvm.{name}", [kind], ir.FunctionType(kind, [v.type for v in values]))
    return t.b.call(function, values)


def bits(t: Thread, value: Any) -> Any:
    """A value's bits, as an integer of its width."""
    widths = {F32: I32, F64: I64, F16: I16}
    return t.b.bitcast(value, widths[value.type]) if value.type in widths else value


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


# -- arithmetic -----------------------------------------------------------------------------------------------------


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


# -- bits -----------------------------------------------------------------------------------------------------------


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


# -- comparing and choosing -----------------------------------------------------------------------------------------

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


# -- moving and converting ------------------------------------------------------------------------------------------


@meaning("mov")
def mov(t: Thread, i: Instruction) -> None:
    """Sections 9.7.9.3, 9.7.9.4: copy a register, number, address or special register; pack and unpack {a, b}."""
    target, source = i.operands
    if isinstance(target, tuple):
        whole = t.read(source, f".b{8 * bytes_of(type_of(i))}")
        width = 8 * bytes_of(type_of(i)) // len(target)
        for k, name in enumerate(target):
            if name != "_":
                t.write(name, t.b.trunc(t.b.lshr(whole, ir.Constant(whole.type, width * k)), ir.IntType(width)))
    elif isinstance(source, tuple):
        whole = ir.Constant(llvm_type(type_of(i)), 0)
        width = whole.type.width // len(source)
        for k, name in enumerate(source):
            part = t.b.zext(t.read(name, f".b{width}"), whole.type)
            whole = t.b.or_(whole, t.b.shl(part, ir.Constant(whole.type, width * k)))
        t.write(target, whole)
    else:
        t.write(target, t.read(source, type_of(i)))


@meaning("cvta")
def cvta(t: Thread, i: Instruction) -> None:
    """Section 9.7.9.20: an address of one space as one of all spaces, or back. Here they are the same numbers."""
    t.write(i.operands[0], t.read(i.operands[1], ".b64"))


def _integral(t: Thread, value: Any, mode: str) -> Any:
    """Round to a whole number, as `.rni`, `.rzi`, `.rmi` or `.rpi` say."""
    return call(t, {".rni": "roundeven", ".rzi": "trunc", ".rmi": "floor", ".rpi": "ceil"}[mode], value)


def _to_integer(t: Thread, value: Any, kind: str, source: str) -> Any:
    """A whole number in floating point as an integer, clamped; NaN is 0, or the sign bit alone (section 9.7.9.21)."""
    target = llvm_type(kind)
    name = "fptosi" if kind[1] == "s" else "fptoui"
    function = t.module.declare_intrinsic(
        f"llvm.{name}.sat", [target, value.type], ir.FunctionType(target, [value.type])
    )
    found = t.b.call(function, [value])
    if source == ".f64" or target.width == 64:
        nan = t.b.fcmp_unordered("uno", value, value)
        found = t.b.select(nan, ir.Constant(target, -(1 << target.width - 1)), found)
    return found


def _narrow(t: Thread, value: Any, kept: int, ties_away: bool = False) -> Any:
    """A float32's bits with all but `kept` low ones rounded away to nearest: even, or away from zero; NaN stays NaN."""
    word = bits(t, value)
    drop = ir.Constant(I32, 32 - kept)
    half = ir.Constant(I32, 1 << 31 - kept)
    if not ties_away:
        odd = t.b.and_(t.b.lshr(word, drop), ir.Constant(I32, 1))
        half = t.b.add(ir.Constant(I32, (1 << 31 - kept) - 1), odd)
    up = t.b.add(word, half)
    nan = t.b.fcmp_unordered("uno", value, value)
    infinite = t.b.fcmp_ordered("==", call(t, "fabs", value), ir.Constant(F32, float("inf")))
    return t.b.select(nan, ir.Constant(I32, 0x7FFFFFFF), t.b.select(infinite, word, up))


@meaning("cvt")
def cvt(t: Thread, i: Instruction) -> None:
    """Section 9.7.9.21: between types. Integers are cut or extended (`.sat` clamps), floats rounded as said."""
    to, source = i.modifiers[-2], i.modifiers[-1]
    if to == ".bf16x2" and source == ".f32":  # the first operand goes to the high half
        high, low = (
            t.b.lshr(_narrow(t, t.read(operand, ".f32"), 16), ir.Constant(I32, 16)) for operand in i.operands[1:]
        )
        t.write(i.operands[0], t.b.or_(t.b.shl(high, ir.Constant(I32, 16)), low))
        return
    if to in (".tf32", ".bf16"):
        _to_short_float(t, i, to, source)
        return
    if source == ".bf16":
        t.write(
            i.operands[0], t.b.bitcast(t.b.shl(t.b.zext(t.read(i.operands[1], ".b16"), I32), ir.Constant(I32, 16)), F32)
        )
        return
    if (
        to in (".bf16x2", ".f16x2")
        or not (is_float(to) or to[1] in "sub")
        or not (is_float(source) or source[1] in "sub")
    ):
        raise unsupported(i)
    value = t.read(i.operands[1], source)
    mode = next((m for m in i.modifiers if m in (".rni", ".rzi", ".rmi", ".rpi")), "")
    if ".ftz" in i.modifiers and source == ".f32":
        value = flushed(t, value)
    target = llvm_type(to)
    if is_float(source) and is_float(to):
        if mode:
            value = _integral(t, value, mode)
        if bytes_of(to) < bytes_of(source):
            if rounding(i) not in (".rn",):
                if to != ".f32":
                    raise unsupported(i, "only to nearest")
                value = rounded(t, value, ir.Constant(F64, 0.0), rounding(i))
            else:
                value = t.b.fptrunc(value, target)
        elif bytes_of(to) > bytes_of(source):
            value = t.b.fpext(value, target)
        finish(t, i, value)
    elif is_float(source):
        t.write(i.operands[0], _to_integer(t, _integral(t, value, mode), to, source), to)
    elif is_float(to):
        if rounding(i) == ".rn":
            value = t.b.sitofp(value, target) if source[1] == "s" else t.b.uitofp(value, target)
        elif to == ".f32" and bytes_of(source) <= 4:
            exact = t.b.sitofp(value, F64) if source[1] == "s" else t.b.uitofp(value, F64)
            value = rounded(t, exact, ir.Constant(F64, 0.0), rounding(i))
        else:
            raise unsupported(i, "only to nearest")
        finish(t, i, value)
    else:
        if ".sat" in i.modifiers:
            value = _clamped(t, value, source, to)
        t.write(i.operands[0], t.fitted(value, target, signed=source[1] == "s"), to)


def _clamped(t: Thread, value: Any, source: str, to: str) -> Any:
    width = 8 * bytes_of(to)
    least, most = (-(1 << width - 1), (1 << width - 1) - 1) if to[1] == "s" else (0, (1 << width) - 1)
    wide = t.b.sext(value, ir.IntType(128)) if source[1] == "s" else t.b.zext(value, ir.IntType(128))
    low, high = ir.Constant(wide.type, least), ir.Constant(wide.type, most)
    wide = t.b.select(t.b.icmp_signed("<", wide, low), low, wide)
    return t.b.select(t.b.icmp_signed(">", wide, high), high, wide)


def _to_short_float(t: Thread, i: Instruction, to: str, source: str) -> None:
    """To tf32 (19 bits that lie in 32) and bf16, from float32: `.rna` rounds ties away from zero, `.rn` to even."""
    if source != ".f32":
        raise unsupported(i)
    value = t.read(i.operands[1], ".f32")
    if to == ".tf32":
        word = _narrow(t, value, 19, ties_away=".rna" in i.modifiers)
        t.write(i.operands[0], t.b.and_(word, ir.Constant(I32, ~0x1FFF & 0xFFFFFFFF)))
    else:
        word = _narrow(t, value, 16)
        t.write(i.operands[0], t.b.trunc(t.b.lshr(word, ir.Constant(I32, 16)), I16))


# -- memory ---------------------------------------------------------------------------------------------------------

SPACES = (".global", ".shared", ".local", ".param", ".const")


def space_of(i: Instruction) -> str:
    """The space that an instruction names: ".shared" also for ".shared::cta"; "" is any."""
    return next((m.split("::")[0] for m in i.modifiers if m.split("::")[0] in SPACES), "")


@meaning("ld", "ldu", "st")
def load_store(t: Thread, i: Instruction) -> None:
    """Sections 9.7.9.8 to 9.7.9.12: one value, or two or four that lie together (`.v2`, `.v4`).

    Every order of memory that a modifier asks for (volatile, relaxed, acquire) is kept: such accesses are never moved.
    """
    store = i.opcode == "st"
    place, values = (i.operands[0], i.operands[1]) if store else (i.operands[1], i.operands[0])
    assert isinstance(place, Memory)
    names = values if isinstance(values, tuple) else (values,)
    kind = type_of(i)
    width = bytes_of(kind)
    ordered = any(m in (".volatile", ".relaxed", ".acquire", ".release") for m in i.modifiers)
    address = t.address(i, place, width * len(names), space_of(i), store)
    for k, name in enumerate(names):
        at = t.pointer(t.b.add(address, ir.Constant(I64, width * k)), llvm_type(kind))
        if store:
            made = t.b.store(t.read(name, kind), at, align=width)
        else:
            made = t.b.load(at, align=width)
            if name != "_":
                t.write(name, made, kind)
        if ordered:
            t.volatile(made)


_ATOMIC = {".add": "add", ".and": "and", ".or": "or", ".xor": "xor", ".exch": "xchg"}


@meaning("atom", "red")
def atomic(t: Thread, i: Instruction) -> None:
    """Sections 9.7.13.5, 9.7.13.6: read, compute and write as one. `atom` gives what was there before."""
    kind = type_of(i)
    operands = list(i.operands) if i.opcode == "atom" else ["_", *i.operands]
    place = operands[1]
    assert isinstance(place, Memory)
    at = t.pointer(t.address(i, place, bytes_of(kind), space_of(i), True), llvm_type(kind))
    name = next(
        (
            m
            for m in i.modifiers
            if m in (".add", ".and", ".or", ".xor", ".exch", ".min", ".max", ".inc", ".dec", ".cas")
        ),
        "",
    )
    value = t.read(operands[2], kind) if isinstance(operands[2], str) else None
    if value is None or not name or kind in (".f16x2", ".bf16x2", ".f16", ".bf16", ".b128"):
        raise unsupported(i)
    if name == ".cas":
        whole = ir.IntType(8 * bytes_of(kind))
        at = t.pointer(t.b.ptrtoint(at, I64), whole)
        pair = t.b.cmpxchg(at, bits(t, value), bits(t, t.read(operands[3], kind)), "seq_cst", "seq_cst")
        before = t.b.extract_value(pair, 0)
    elif name in (".inc", ".dec"):
        before = _counted(t, at, value, name)
    elif name in (".min", ".max"):
        if is_float(kind):
            raise unsupported(i, "Numba makes a loop of compare-and-swap instead")
        before = t.b.atomic_rmw(("" if kind[1] == "s" else "u") + name[1:], at, value, "seq_cst")
    elif is_float(kind):
        before = t.b.atomic_rmw("fadd" if name == ".add" else "xchg", at, value, "seq_cst")
    else:
        before = t.b.atomic_rmw(_ATOMIC[name], at, value, "seq_cst")
    if operands[0] != "_":
        t.write(operands[0], before)


def _counted(t: Thread, at: Any, most: Any, name: str) -> Any:
    """Count up to `most` and begin again at 0, or down to 0 and begin again at `most`: a loop of compare-and-swap."""
    again, after = t.b.append_basic_block("count"), t.b.append_basic_block("counted")
    start = t.b.block
    first = t.b.load(at)
    t.b.branch(again)
    t.b.position_at_end(again)
    old = t.b.phi(most.type)
    old.add_incoming(first, start)
    zero, one = ir.Constant(most.type, 0), ir.Constant(most.type, 1)
    beyond = t.b.icmp_unsigned(">=" if name == ".inc" else ">", old, most)
    if name == ".inc":
        new = t.b.select(beyond, zero, t.b.add(old, one))
    else:
        new = t.b.select(t.b.or_(beyond, t.b.icmp_unsigned("==", old, zero)), most, t.b.sub(old, one))
    pair = t.b.cmpxchg(at, old, new, "seq_cst", "seq_cst")
    seen = t.b.extract_value(pair, 0)
    old.add_incoming(seen, t.b.block)
    t.b.cbranch(t.b.extract_value(pair, 1), after, again)
    t.b.position_at_end(after)
    return seen


@meaning("membar", "fence")
def fence(t: Thread, i: Instruction) -> None:
    """Section 9.7.13.4: what was written before is seen before what is written after."""
    t.b.fence("seq_cst")


@meaning("prefetch", "prefetchu", "nanosleep", "pmevent")
def nothing(t: Thread, i: Instruction) -> None:
    """Hints, and waiting: they change no value."""


# -- flow -----------------------------------------------------------------------------------------------------------


@meaning("bra")
def bra(t: Thread, i: Instruction) -> None:
    """Section 9.7.12.3. A guard was seen to before: see `Thread.instruction`."""
    t.may_stop(i)
    t.b.branch(t.blocks[str(i.operands[0])])


@meaning("brx")
def brx(t: Thread, i: Instruction) -> None:
    """Section 9.7.12.4: to the place with this number in a table."""
    labels = t.function.tables[str(i.operands[1])]
    nowhere = t.b.append_basic_block("nowhere")
    switch = t.b.switch(t.read(i.operands[0], ".u32"), nowhere)
    for k, label in enumerate(labels):
        switch.add_case(ir.Constant(I32, k), t.blocks[label])
    t.b.position_at_end(nowhere)
    t.b.unreachable()


@meaning("ret", "exit")
def leave(t: Thread, i: Instruction) -> None:
    """Sections 9.7.12.6, 9.7.12.7."""
    t.leave()


@meaning("trap", "brkpt")
def trap(t: Thread, i: Instruction) -> None:
    """Section 9.7.19.1: the kernel ends with an error."""
    t.fault(i, "trap")


@meaning("call")
def call_function(t: Thread, i: Instruction) -> None:
    """Section 9.7.12.5: a function of this module; its parameters and results lie in `.param` variables."""
    groups = [operand for operand in i.operands if isinstance(operand, tuple)]
    name = next(str(operand) for operand in i.operands if isinstance(operand, str))
    has_results = isinstance(i.operands[0], tuple)
    results = groups[0] if has_results else ()
    arguments = groups[1 if has_results else 0] if len(groups) > has_results else ()
    function = t.callee(i, name)
    t.b.call(function, [t.launch, *(t.parameters[str(word)] for word in (*results, *arguments))])
