"""Loads, stores and atomics (sections 9.7.9.8 to 9.7.9.12 and 9.7.13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from ..analysis import ORDERED
from ..memory import pointer
from ..parse import Instruction, Memory, bytes_of, space_of
from ..values import I32, bits, is_float, llvm_type, type_of, unsupported
from .table import flushed, meaning

if TYPE_CHECKING:
    from ..thread import Thread


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
    at = pointer(t, i, place, width * len(names), store)
    one = llvm_type(kind)
    whole = ir.VectorType(one, len(names)) if len(names) > 1 else one
    if store:
        value = t.read(names[0], kind)
        if len(names) > 1:
            value = ir.Constant(whole, ir.Undefined)
            for k, name in enumerate(names):
                value = t.b.insert_element(value, t.read(name, kind), ir.Constant(I32, k))
        t.b.store(value, at, align=width)
    else:
        value = t.b.load(at, typ=whole, align=width)
        if ".nc" in i.modifiers or space_of(i) == ".param" and t.is_entry:
            t.constant(value)
        for k, name in enumerate(names):
            if name != "_":
                part = t.b.extract_element(value, ir.Constant(I32, k)) if len(names) > 1 else value
                t.write(name, part, kind)
    if not ORDERED.isdisjoint(i.modifiers):
        t.stays()


_ATOMIC = {".add": "add", ".and": "and", ".or": "or", ".xor": "xor", ".exch": "xchg"}


@meaning("atom", "red")
def atomic(t: Thread, i: Instruction) -> None:
    """Sections 9.7.13.5, 9.7.13.6: read, compute and write as one. `atom` gives what was there before.

    A float32 sum in global memory takes subnormal numbers for zeros, and gives zeros for them.
    """
    kind = type_of(i)
    operands = list(i.operands) if i.opcode == "atom" else ["_", *i.operands]
    place = operands[1]
    assert isinstance(place, Memory)
    at = pointer(t, i, place, bytes_of(kind), True)
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
        pair = t.b.cmpxchg(at, bits(t, value), bits(t, t.read(operands[3], kind)), "seq_cst", "seq_cst")
        before = t.b.extract_value(pair, 0)
    elif name in (".inc", ".dec"):
        before = _replaced(t, at, value.type, lambda old: _counted(t, old, value, name))
    elif name == ".add" and kind == ".f32" and space_of(i) == ".global":
        before = _replaced(t, at, value.type, lambda old: flushed(t, t.b.fadd(flushed(t, old), flushed(t, value))))
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


def _replaced(t: Thread, at: Any, kind: Any, of: Callable[[Any], Any]) -> Any:
    """Write `of` what is there, and give what was: a loop of compare-and-swap, until no other thread came between."""
    again, after = t.b.append_basic_block("again"), t.b.append_basic_block("replaced")
    start = t.b.block
    first = bits(t, t.b.load(at, typ=kind))
    t.b.branch(again)
    t.b.position_at_end(again)
    old = t.b.phi(first.type)
    old.add_incoming(first, start)
    value = t.b.bitcast(old, kind) if kind != old.type else old
    pair = t.b.cmpxchg(at, old, bits(t, of(value)), "seq_cst", "seq_cst")
    old.add_incoming(t.b.extract_value(pair, 0), t.b.block)
    t.b.cbranch(t.b.extract_value(pair, 1), after, again)
    t.b.position_at_end(after)
    return value


def _counted(t: Thread, old: Any, most: Any, name: str) -> Any:
    """One more, and 0 after `most`; or one less, and `most` after 0."""
    zero, one = ir.Constant(most.type, 0), ir.Constant(most.type, 1)
    beyond = t.b.icmp_unsigned(">=" if name == ".inc" else ">", old, most)
    if name == ".inc":
        return t.b.select(beyond, zero, t.b.add(old, one))
    return t.b.select(t.b.or_(beyond, t.b.icmp_unsigned("==", old, zero)), most, t.b.sub(old, one))


@meaning("membar", "fence")
def fence(t: Thread, i: Instruction) -> None:
    """Section 9.7.13.4: what was written before is seen before what is written after."""
    t.b.fence("seq_cst")


@meaning("prefetch", "prefetchu", "nanosleep", "pmevent")
def nothing(t: Thread, i: Instruction) -> None:
    """Hints, and waiting: they change no value."""
