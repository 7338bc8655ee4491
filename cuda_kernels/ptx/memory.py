"""Where memory lies, and whether an access may go there.

Addresses of global memory are those of this process. Shared memory and a thread's local arrays are windows of their
own, as on a GPU: an address in them counts from the window's beginning, and `cvta` makes one of all memory of it. So
LLVM knows that a store to a shared tile changes nothing that lies in global memory, and keeps values in registers.

A checked build asks before each access whether it lies in an array of the launch, in its window, and at a multiple of
its size. Accesses of one block of instructions that differ by constants alone are asked for together, once.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from .analysis import Group, access_of, is_register, origins_of
from .parse import Function, Instruction, Memory, Module, PtxError, bytes_of, space_of
from .values import BOOL, I8, I32, I64, PTR, VOID

if TYPE_CHECKING:
    from .thread import Thread

WORDS, RESULTS, KEPT = 16, 10, 80  # byte of the first word; word of the first result; byte of the first kept register
FAULT = -2
SPARING = "preserve_mostcc"  # of a call that is rarely made: it leaves the caller its integer registers
# What a launch hands to every thread: a row of 64-bit numbers.
PARAMETERS, NTID, NCTAID, DYNAMIC, ORDER, RANGES, RANGE_COUNT, ERROR, SHARED_BYTES = 0, 1, 4, 7, 8, 9, 10, 11, 12
TRACE = 15  # the address of what a traced build notes its instructions in: see `trace`
PRINTS = 17  # the address of what the kernel prints: see `printing`
LAST, CHUNK, NEXT, ROW_WORDS = 13, 14, 16, 24  # blocks are handed out from NEXT, CHUNK at a time, up to LAST
EXTENTS = ROW_WORDS  # behind the row: the bytes of the array that begins at each of `Program.pointers`
GOES_ON, LEFT = 18, 19  # 1: the block goes on from where its threads yielded; it sets 1: its threads have yielded
# The record of a launch's first fault: taken, place, address, -, -, tid x 3, ctaid x 3; and what tells threads to stop.
STOP, ERROR_WORDS = 11, 12
class Program:
    """A module on its way to native code: LLVM's module, the kernel's arrays, and where everything lies."""

    def __init__(self, module: Module, checked: bool, traced: bool = False) -> None:
        self.ptx, self.checked, self.traced = module, checked, traced
        self.passed = 0  # how many of the entry's instructions are translated
        self.llvm = ir.Module(name="kernel")
        self.places: list[Instruction] = []  # the instructions that may report a fault, by number
        self.origins = origins_of(module.entry) if checked else {}
        self.pointers = sorted(set(self.origins.values()))  # the parameters that are addresses of arrays
        self.shared: dict[str, int] = {}
        self.shared_bytes = 0
        self.dynamic: set[str] = set()  # arrays whose size the launch gives: all begin where the static ones end
        self.loops = self.prints = False
        self.functions: dict[str, ir.Function] = {}
        self.constants: dict[str, ir.GlobalVariable] = {}
        for function in module.functions.values():
            for array in function.shared:
                self._place(array)
        for array in module.shared:
            self._place(array)
        for array in module.constants:
            self.constants[array.name] = self._constant(array)

    def _place(self, array: Any) -> None:
        if array.size == 0:
            self.dynamic.add(array.name)
            return
        self.shared_bytes = -(-self.shared_bytes // 16) * 16
        self.shared[array.name] = self.shared_bytes
        self.shared_bytes += array.size

    def _constant(self, array: Any) -> ir.GlobalVariable:
        kind = ir.ArrayType(I8, max(array.size, 1))
        variable = ir.GlobalVariable(self.llvm, kind, name=f"array.{array.name}")
        variable.linkage, variable.align, variable.type = "internal", max(array.align, 16), PTR
        variable.initializer = ir.Constant(kind, bytearray(array.data or bytes(max(array.size, 1))))
        return variable

    def dynamic_offset(self) -> int:
        """Where the dynamic shared array begins: after the static ones."""
        return -(-self.shared_bytes // 16) * 16

    def number(self, i: Instruction) -> int:
        """A number for an instruction that may report a fault."""
        self.places.append(i)
        return len(self.places) - 1


class Layout:
    """Where a thread's memory lies: registers that are kept and local arrays, in its frame, by byte.

    Registers lie in the order of their numbers, none with room behind it: what the compiler counted up (a tile's sums)
    lies side by side, and is kept and taken back as vectors.
    """

    def __init__(self, function: Function, kept: Sequence[str]) -> None:
        self.slots: dict[str, int] = {}
        end = KEPT

        def bytes_kept(register: str) -> int:
            return max(4, bytes_of(function.type_of(register)))

        for register in sorted(kept, key=lambda r: (-bytes_kept(r), r.rstrip("0123456789"), len(r), r)):
            self.slots[register] = end
            end += bytes_kept(register)
        self.local: dict[str, int] = {}  # local arrays: where each begins among them
        self.local_bytes = 0
        for array in function.local:
            self.local[array.name] = -(-self.local_bytes // 16) * 16
            self.local_bytes = self.local[array.name] + array.size
        self.local_place = -(-end // 16) * 16  # of all of them
        self.frame_bytes = -(-(self.local_place + self.local_bytes) // 64) * 64


def symbol(t: Thread, name: str) -> Any:
    """The address of a declared array; of shared and local ones, in their window."""
    program = t.program
    if name in program.shared or name in program.dynamic:
        return ir.Constant(I64, program.shared.get(name, program.dynamic_offset()))
    if name in t.layout.local:
        return ir.Constant(I64, t.layout.local[name])
    found = t.parameters.get(name) or program.constants.get(name)
    if found is None:
        raise PtxError(f"ptx knows no array {name}")
    return t.b.ptrtoint(found, I64)


def window(t: Thread, i: Instruction, space: str) -> Any:
    """Where shared memory or the thread's local arrays begin, as a pointer; None for other spaces."""
    if space not in (".shared", ".local"):
        return None
    if space == ".shared" and t.shared is None:
        raise PtxError(f"ptx cannot run `{i.text}` in a function that is not inlined (line {i.line} of the kernel)")
    return t.shared if space == ".shared" else t.local


def pointer(t: Thread, i: Instruction, place: Memory, size: int, store: bool = False) -> Any:
    """The place of an operand in brackets, as a pointer, checked in a checked build.

    size : bytes of the access
    """
    space = space_of(i)
    base = place.base
    begin = window(t, i, space)
    if begin is None and not is_register(base):
        begin = t.parameters.get(base) or t.program.constants.get(base)
    if not is_register(base) and begin is not None:
        number = t.program.shared.get(base, t.layout.local.get(base, 0))
        number = t.program.dynamic_offset() if base in t.program.dynamic else number
        return t.b.gep(begin, [ir.Constant(I64, number + place.offset)], source_etype=I8)
    # A 32-bit address reaches all of a window: read as 32 bits, it is extended with zeros.
    value = t.read(base, ".u64")
    if t.program.checked and t.is_entry and space in ("", ".global", ".shared", ".local"):
        group = t.groups.get(id(i)) or Group([i], place.offset, place.offset + size, size)
        if group.members[0] is i and not group.joined:
            check(t, group)
    at = t.b.inttoptr(value, PTR) if begin is None else t.b.gep(begin, [value], source_etype=I8)
    return t.b.gep(at, [ir.Constant(I64, place.offset)], source_etype=I8) if place.offset else at


def check(t: Thread, first: Group) -> None:
    """Stop the thread where an access of the group, or of those that are asked for with it, lies outside every array of
    the launch, or is not aligned.

    An address that is computed from one pointer among the parameters lies in the array that begins there, if it is
    right: that array does not change, and LLVM moves what depends on it out of loops. For other addresses the launch
    keeps a note for each group, the array that it met last; mostly that is the array again.
    """
    b = t.b
    asked = [(group, *_known(t, group)) for group in (first, *first.others)]
    all_known = functools.reduce(b.and_, [known for *_, known in asked])
    with b.if_then(b.not_(all_known), likely=False):
        for group, base, places, known in asked:
            if len(asked) == 1:
                _look(t, group, base, places)
            else:
                with b.if_then(b.not_(known)):
                    _look(t, group, base, places)


def _known(t: Thread, group: Group) -> tuple[Any, list[int], Any]:
    """What the group's register holds, the numbers of its places, and whether it lies where it is expected."""
    b = t.b
    memory, _ = access_of(group.members[0]) or (None, 0)
    assert memory is not None
    places = [t.program.number(i) for i in group.members]
    base = t.read(memory.base, ".u64")
    origin, space = t.program.origins.get(memory.base), space_of(group.members[0])
    if space == ".local":
        return base, places, _inside(t, group, base, ir.Constant(I64, 0), ir.Constant(I64, t.layout.local_bytes))
    if space == ".shared":
        return base, places, _inside(t, group, base, ir.Constant(I64, 0), t.slot(SHARED_BYTES))
    if origin is not None:
        begin = t.constant(b.load(t.parameters[origin], typ=I64, align=8))
        return base, places, _inside(t, group, base, begin, t.slot(EXTENTS + t.program.pointers.index(origin)))
    first = b.add(base, ir.Constant(I64, group.low % 2**64))
    note = b.gep(t.notes, [ir.Constant(I64, 16 * places[0])], source_etype=I8)
    low = b.load(note, typ=I64, align=8)
    reach = b.load(b.gep(note, [ir.Constant(I64, 8)], source_etype=I8), typ=I64, align=8)
    aligned = b.icmp_unsigned("==", b.and_(first, ir.Constant(I64, group.size - 1)), ir.Constant(I64, 0))
    return base, places, b.and_(b.icmp_unsigned("<", b.sub(first, low), reach), aligned)


def _look(t: Thread, group: Group, base: Any, places: list[int]) -> None:
    """Ask for the group in all arrays; in no array all together, for each access by itself."""
    b, space = t.b, space_of(group.members[0])
    begin = b.ptrtoint(window(t, group.members[0], space), I64) if space in (".shared", ".local") else None
    own = b.ptrtoint(t.local, I64) if t.local is not None else ir.Constant(I64, 0)

    def ask(distance: int, bytes_: int, place: int, quiet: bool) -> Any:
        address = b.add(base, ir.Constant(I64, distance % 2**64))
        address = b.add(address, begin) if begin is not None else address
        numbers = [ir.Constant(I64, v) for v in (bytes_, group.size, 16 * place, int(quiet))]
        rest = [own, ir.Constant(I64, t.layout.local_bytes), *t.ids.values()]
        function = t.program.llvm.globals["check"]
        return b.call(function, [t.launch, t.shared, t.notes, address, *numbers, *rest], cconv=SPARING)

    wrong = ask(group.low, group.high - group.low, places[0], len(places) > 1)
    with b.if_then(wrong):
        if len(places) > 1:
            wrong = ir.Constant(BOOL, 0)
            for i, place in zip(group.members, places, strict=True):
                memory, _ = access_of(i) or (None, 0)
                assert memory is not None
                wrong = b.or_(wrong, ask(memory.offset, group.size, place, False))
            with b.if_then(wrong):
                b.ret(ir.Constant(I32, FAULT))
        else:
            b.ret(ir.Constant(I32, FAULT))


def _inside(t: Thread, group: Group, base: Any, begin: Any, length: Any) -> Any:
    """Does the group lie in the bytes from `begin` on, at a multiple of its size? Asked of the distance, which LLVM
    mostly has as an index times this size: one comparison is left. The rest is the same in all rounds of a loop.
    """
    b = t.b
    zero, ones = ir.Constant(I64, 0), ir.Constant(I64, group.size - 1)
    span = ir.Constant(I64, group.high - group.low)
    fits = b.icmp_unsigned("<=", span, length)
    aligned = b.icmp_unsigned("==", b.and_(begin, ones), zero)
    room = b.select(b.and_(fits, aligned), b.sub(length, b.sub(span, ir.Constant(I64, 1))), zero)
    distance = b.add(b.sub(base, begin), ir.Constant(I64, group.low % 2**64))
    inside = b.icmp_unsigned("<", distance, room)
    return b.and_(inside, b.icmp_unsigned("==", b.and_(distance, ones), zero))


def add_checks(program: Program) -> None:
    """Write `report`, which notes a launch's first fault, and `check`, which asks where an access lies."""
    _report(program)
    _check(program)


def _slot(b: Any, launch: Any, k: int) -> Any:
    return b.load(b.gep(launch, [ir.Constant(I64, 8 * k)], source_etype=I8), typ=I64, align=8)


def _at(b: Any, address: Any, k: int) -> Any:
    return b.inttoptr(b.add(address, ir.Constant(I64, 8 * k)), I64.as_pointer())


def _report(program: Program) -> None:
    """report(launch, place, address, tid x 3, ctaid x 3)"""
    report = ir.Function(program.llvm, ir.FunctionType(VOID, [PTR, I32, I64, *[I32] * 6]), "report")
    report.linkage = "internal"
    report.attributes.add("noinline")
    b = ir.IRBuilder(report.append_basic_block())
    record = _slot(b, report.args[0], ERROR)
    zero, one = ir.Constant(I64, 0), ir.Constant(I64, 1)
    first = b.extract_value(b.cmpxchg(_at(b, record, 0), zero, one, "seq_cst", "seq_cst"), 1)
    with b.if_then(first):  # the first fault is the one that is told
        b.store(b.sext(report.args[1], I64), _at(b, record, 1))
        b.store(report.args[2], _at(b, record, 2))
        for k, value in enumerate(report.args[3:]):
            b.store(b.zext(value, I64), _at(b, record, 5 + k))
    b.ret_void()


def _check(program: Program) -> None:
    """check(launch, shared, notes, address, bytes, alignment, byte of its note, quiet, local arrays, their bytes, ids)

    True where the bytes lie in no array as a whole, or are not aligned; that is reported, unless it is to be quiet.
    """
    kind = ir.FunctionType(BOOL, [PTR, PTR, PTR, *[I64] * 7, *[I32] * 6])
    function = ir.Function(program.llvm, kind, "check")
    function.calling_convention = SPARING
    function.linkage = "internal"
    function.attributes.add("noinline")
    launch, shared, notes, address, size, align, note_at, quiet, own, own_size, *ids = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    head, body, step, found, more, wrong = (
        function.append_basic_block(n) for n in ("head", "body", "step", "found", "more", "wrong")
    )
    zero, one = ir.Constant(I64, 0), ir.Constant(I64, 1)
    end, entry = b.add(address, size), b.block
    ranges, count = _slot(b, launch, RANGES), _slot(b, launch, RANGE_COUNT)

    def inside(low: Any, high: Any) -> Any:
        return b.and_(b.icmp_unsigned(">=", address, low), b.icmp_unsigned("<=", end, high))

    def note(low: Any, length: Any) -> None:
        place = b.gep(notes, [note_at], source_etype=I8)
        b.store(low, place)
        room = b.add(b.sub(length, size), one)  # a first byte may lie less than this behind `low`
        b.store(room, b.gep(place, [ir.Constant(I64, 8)], source_etype=I8))
        b.ret(ir.Constant(BOOL, 0))

    b.cbranch(b.icmp_unsigned("==", b.and_(address, b.sub(align, one)), zero), head, wrong)
    b.position_at_end(head)
    k = b.phi(I64)
    k.add_incoming(zero, entry)
    b.cbranch(b.icmp_unsigned("<", k, count), body, more)
    b.position_at_end(body)
    pair = b.add(ranges, b.mul(k, ir.Constant(I64, 16)))
    low, high = b.load(_at(b, pair, 0)), b.load(_at(b, pair, 1))
    b.cbranch(inside(low, high), found, step)
    b.position_at_end(found)
    note(low, b.sub(high, low))
    b.position_at_end(step)
    k.add_incoming(b.add(k, one), step)
    b.branch(head)
    b.position_at_end(more)
    base = b.ptrtoint(shared, I64)
    shared_bytes = _slot(b, launch, SHARED_BYTES)
    with b.if_then(inside(base, b.add(base, shared_bytes))):
        note(base, shared_bytes)
    places = [(own, own_size)]
    places += [(b.ptrtoint(v, I64), ir.Constant(I64, v.value_type.count)) for v in program.constants.values()]
    for low, length in places:
        with b.if_then(inside(low, b.add(low, length))):
            b.ret(ir.Constant(BOOL, 0))
    b.branch(wrong)
    b.position_at_end(wrong)
    with b.if_then(b.icmp_unsigned("==", quiet, zero)):
        place = b.trunc(b.udiv(note_at, ir.Constant(I64, 16)), I32)
        b.call(program.llvm.globals["report"], [launch, place, address, *ids])
    b.ret(ir.Constant(BOOL, 1))
