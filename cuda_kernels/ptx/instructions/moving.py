"""Moving and converting (section 9.7.9, without memory)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from ..memory import window
from ..parse import SPACES, Instruction, bytes_of
from ..values import F32, F64, I16, I32, I64, bits, call, is_float, llvm_type, type_of, unsupported
from .table import finish, flushed, meaning, rounded, rounding

if TYPE_CHECKING:
    from ..thread import Thread


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
    """Section 9.7.9.20: an address in the window of shared or local memory as one of all memory, or back (`.to`)."""
    value = t.read(i.operands[1], ".b64")
    begin = window(t, i, next(m for m in i.modifiers if m in SPACES))
    if begin is not None:
        value = (t.b.sub if ".to" in i.modifiers else t.b.add)(value, t.b.ptrtoint(begin, I64))
    t.write(i.operands[0], value)


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
