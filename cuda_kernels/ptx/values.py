"""Types and values: PTX's in LLVM's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from .parse import Instruction, PtxError, bytes_of

if TYPE_CHECKING:
    from .thread import Thread

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
PTR, VOID = ir.PointerType(), ir.VoidType()


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


def call(t: Thread, name: str, *values: Any) -> Any:
    """Call one of LLVM's intrinsics, `llvm.fma` and the like, for the type of its first argument."""
    kind = values[0].type
    function = t.module.declare_intrinsic(f"llvm.{name}", [kind], ir.FunctionType(kind, [v.type for v in values]))
    return t.b.call(function, values)


def bits(t: Thread, value: Any) -> Any:
    """A value's bits, as an integer of its width."""
    widths = {F32: I32, F64: I64, F16: I16}
    return t.b.bitcast(value, widths[value.type]) if value.type in widths else value
