"""One thread: a PTX function becomes an LLVM function that runs from one meeting of threads to the next.

    int step(frame, launch, shared, notes, tid.x, tid.y, tid.z, ctaid.x, ctaid.y, ctaid.z)

It returns the number of the meeting it stopped at (a barrier, a shuffle …), -1 when the thread is done, -2 after a
fault. What it needs again afterwards it leaves in its frame, and takes back when it is called again:

| byte of a frame | |
|---|---|
| 0 | the meeting to go on from; 0 is the beginning |
| 4 | READY, AT_WARP, AT_BLOCK, YIELDED or FINISHED: `schedule` sets it |
| 16 to 79 | operands and results of what the threads of a warp do together, `words` of 4 bytes |
| 80 … | registers that are live at some meeting (see `memory.Layout`); then the thread's local arrays |

A kernel without meetings has no frame. PTX's registers are written any number of times, LLVM's values once: each
register becomes a place on the stack, which LLVM's own first pass turns into values.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import Any

from llvmlite import ir

from . import trace
from .analysis import OURS, groups_of, is_register, live_at_meetings, meets, results
from .instructions import MEANINGS
from .memory import (
    DYNAMIC,
    ERROR,
    EXTENTS,
    FAULT,
    NCTAID,
    NTID,
    PARAMETERS,
    RESULTS,
    STOP,
    WORDS,
    Layout,
    Program,
    symbol,
)
from .parse import Function, Instruction, PtxError
from .values import BOOL, F32, F64, I8, I32, I64, PTR, VOID, bits, llvm_type, unsupported

DONE = -1
_SPECIAL = {"%tid": "tid", "%ctaid": "ctaid"}
IDS = ("tid.x", "tid.y", "tid.z", "ctaid.x", "ctaid.y", "ctaid.z")


class Thread:
    """The translation of one function. The instructions' meanings call the methods below."""

    def __init__(self, program: Program, function: Function) -> None:
        self.program, self.function, self.module = program, function, program.llvm
        self.is_entry = function is program.ptx.entry
        self.meetings = live_at_meetings(function)
        if self.meetings and not self.is_entry:
            raise unsupported(self.meetings[0][0], "threads meet in a function that is not inlined")
        self.layout = Layout(function, sorted({r for _, registers in self.meetings for r in registers}))
        self.values: dict[str, Any] = {}
        self.blocks: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {}
        self._translate()

    # -- the frame of the translation ---------------------------------------------------------------------------------

    def _translate(self) -> None:
        if self.is_entry:
            kind = ir.FunctionType(I32, [PTR, PTR, PTR, PTR, *[I32] * 6])
            self.llvm = ir.Function(self.module, kind, "step")
            self.frame, self.launch, self.shared, self.notes = self.llvm.args[:4]
            for pointer in self.llvm.args[:4]:
                pointer.add_attribute("noalias")
            self.launch.attributes.dereferenceable = 8 * (EXTENTS + len(self.program.pointers))
            self.ids = dict(zip(IDS, self.llvm.args[4:], strict=True))
            self.groups = groups_of(self.function)
        else:
            parameters = [*self.function.results, *self.function.parameters]
            self.llvm = ir.Function(
                self.module,
                ir.FunctionType(VOID, [PTR] * (1 + len(parameters))),
                f"device.{len(self.program.functions)}",
            )
            self.program.functions[self.function.name] = self.llvm
            self.launch, self.frame, self.shared, self.ids = self.llvm.args[0], None, None, {}
            self.parameters = {name: at for (name, _, _), at in zip(parameters, self.llvm.args[1:], strict=True)}
        self.llvm.linkage = "internal"
        entry = self.llvm.append_basic_block("entry")
        self.b = ir.IRBuilder(entry)
        for k, block in enumerate(self.function.blocks):
            self.blocks[block.label or f".{k}"] = self.llvm.append_basic_block(f"b{k}")
        names = [block.label or f".{k}" for k, block in enumerate(self.function.blocks)]
        if self.is_entry:
            at = 0
            base = self.b.inttoptr(self.slot(PARAMETERS), PTR)
            for name, _, size in self.function.parameters:
                self.parameters[name] = self.b.gep(base, [ir.Constant(I64, at)], source_etype=I8)
                at += -(-size // 8) * 8
        sizes: dict[str, int] = {}
        for name, _, size in self.function.scopes:
            sizes[name] = max(size, sizes.get(name, 0))
        self.parameters |= {name: self.memory(-(-size // 8) * 8) for name, size in sizes.items()}
        self.local: Any = None  # where the local arrays begin
        if self.layout.local_bytes and self.meetings:
            self.local = self.b.gep(self.frame, [ir.Constant(I64, self.layout.local_place)], source_etype=I8)
        elif self.layout.local_bytes:
            self.local = self.memory(self.layout.local_bytes + 128)  # `printing` may copy what lies behind
        self.resumed: list[Any] = []
        first = self.blocks[names[0]]
        self.behind: set[str] = set()  # labels that a jump goes back to
        for k, block in enumerate(self.function.blocks):
            self.b.position_at_end(self.blocks[names[k]])
            self.behind.add(names[k])
            for i in block.instructions:
                self.instruction(i)
            if not self.b.block.is_terminated:
                if k + 1 < len(names):
                    self.b.branch(self.blocks[names[k + 1]])
                else:
                    self.leave()
        self.b.position_at_end(entry)
        if self.meetings:
            point = self.b.load(self.frame, typ=I32, align=4)
            switch = self.b.switch(point, first)
            for number, block in enumerate(self.resumed, 1):
                switch.add_case(ir.Constant(I32, number), block)
        else:
            self.b.branch(first)

    def memory(self, size: int) -> Any:
        """So many bytes on the processor's stack, as a pointer."""
        place = self.b.alloca(ir.ArrayType(I8, size))
        place.align, place.type = 16, PTR
        return place

    def instruction(self, i: Instruction) -> None:
        """Translate one instruction; a guarded one is jumped over where its guard does not hold."""
        if self.b.block.is_terminated:  # nothing reaches what follows a jump until the next label
            self.b.position_at_end(self.b.append_basic_block("unreached"))
        if self.program.traced and self.is_entry and i.opcode not in OURS:
            trace.reached(self, self.program.passed, i)
        if i.guard:
            holds = self.read(i.guard.lstrip("!"), ".pred")
            run, after = self.b.append_basic_block("guarded"), self.b.append_basic_block("after")
            self.b.cbranch(holds, after, run) if i.guard[0] == "!" else self.b.cbranch(holds, run, after)
            self.b.position_at_end(run)
            self._one(i)
            if not self.b.block.is_terminated:
                self.b.branch(after)
            self.b.position_at_end(after)
        else:
            self._one(i)
        self.program.passed += self.is_entry and i.opcode not in OURS

    def _one(self, i: Instruction) -> None:
        if meets(i):
            self.meeting(i)
        elif i.opcode in MEANINGS:
            MEANINGS[i.opcode](self, i)
        else:
            raise unsupported(i)
        if self.program.traced and self.is_entry and i.opcode not in OURS and not self.b.block.is_terminated:
            trace.results_of(self, self.program.passed, i)

    def leave(self) -> None:
        """The thread (or the function) is done."""
        if self.is_entry:
            self.b.ret(ir.Constant(I32, DONE))
        else:
            self.b.ret_void()

    # -- meetings ------------------------------------------------------------------------------------------------------

    def meeting(self, i: Instruction) -> None:
        """Leave the operands and what is live in the frame, return the meeting's number, and go on here when called."""
        from .warp import operands_of

        number = len(self.resumed) + 1
        live = self.meetings[number - 1][1]
        for k, (operand, kind) in enumerate(operands_of(i)):
            value = bits(self, self.read(operand, ".b64" if kind in (".low", ".high") else kind))
            if kind == ".high":
                value = self.b.lshr(value, ir.Constant(I64, 32))
            self.b.store(self.fitted(value, I32), self.word(k), align=4)
        for register in live:
            self.b.store(self.b.load(self.register(register)), self.kept(register), align=4)
        self.b.ret(ir.Constant(I32, number))
        resumed = self.b.append_basic_block(f"resumed{number}")
        self.resumed.append(resumed)
        self.b.position_at_end(resumed)
        for register in live:
            place = self.register(register)
            self.b.store(self.b.load(self.kept(register), typ=place.type.pointee, align=4), place)
        for k, register in enumerate(results(i)):
            value = self.b.load(self.word(RESULTS + k), typ=I32, align=4)
            kind = llvm_type(self.function.type_of(register))
            self.write(register, self.b.trunc(value, kind) if kind == BOOL else value)

    def word(self, k: int) -> Any:
        """Where word `k` of the frame lies."""
        return self.b.gep(self.frame, [ir.Constant(I64, WORDS + 4 * k)], source_etype=I8)

    def kept(self, register: str) -> Any:
        """Where a register is kept while the thread waits."""
        return self.b.gep(self.frame, [ir.Constant(I64, self.layout.slots[register])], source_etype=I8)

    # -- what the meanings use -----------------------------------------------------------------------------------------

    def register(self, name: str) -> Any:
        """A register's place on the stack."""
        if name not in self.values:
            here = self.b.block
            self.b.position_at_start(self.llvm.entry_basic_block)
            self.values[name] = self.b.alloca(llvm_type(self.function.type_of(name)))
            self.b.position_at_end(here)
        return self.values[name]

    def carry(self) -> Any:
        """The place of the carry bit (section 9.7.2)."""
        if "carry" not in self.values:
            here = self.b.block
            self.b.position_at_start(self.llvm.entry_basic_block)
            self.values["carry"] = self.b.alloca(BOOL)
            self.b.position_at_end(here)
        return self.values["carry"]

    def read(self, operand: Any, kind: str) -> Any:
        """An operand's value as a `kind`: a register, a number, an address, a special register."""
        wanted = llvm_type(kind)
        if is_register(operand):
            return self.fitted(self.b.load(self.register(operand)), wanted)
        if not isinstance(operand, str):
            raise PtxError(f"an operand where a value was expected: {operand}")
        if operand[0] == "!":
            return self.b.not_(self.read(operand[1:], kind))
        if operand[0] == "%":
            return self.fitted(self.special(operand), wanted)
        if re.fullmatch(r"0[fF][0-9a-fA-F]{8}", operand):
            return self.fitted(ir.Constant(F32, struct.unpack(">f", bytes.fromhex(operand[2:]))[0]), wanted)
        if re.fullmatch(r"0[dD][0-9a-fA-F]{16}", operand):
            return self.fitted(ir.Constant(F64, struct.unpack(">d", bytes.fromhex(operand[2:]))[0]), wanted)
        if operand == "WARP_SZ":
            return ir.Constant(wanted, 32)
        if re.fullmatch(r"-?\w*\d\w*", operand) and re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)U?", operand):
            number = int(operand.rstrip("U"), 0)
            if isinstance(wanted, ir.IntType):
                return ir.Constant(wanted, number % (1 << wanted.width))
            return ir.Constant(wanted, float(number))
        return self.fitted(symbol(self, operand), wanted)

    def write(self, name: Any, value: Any, kind: str = "") -> None:
        """Set a register. A narrower value is extended, with its sign where `kind` is signed."""
        if name == "_":
            return
        place = self.register(str(name))
        self.b.store(self.fitted(value, place.type.pointee, signed=kind[1:2] == "s"), place)

    def fitted(self, value: Any, wanted: Any, signed: bool = False) -> Any:
        """A value's bits in another type: cut, or extended with zeros (with its sign if it is signed)."""
        if value.type == wanted:
            return value
        if not isinstance(value.type, ir.IntType):
            value = bits(self, value)
        width = (
            64 if wanted == F64 else 32 if wanted == F32 else 16 if not isinstance(wanted, ir.IntType) else wanted.width
        )
        whole = ir.IntType(width)
        if value.type.width > width:
            value = self.b.trunc(value, whole)
        elif value.type.width < width:
            value = self.b.sext(value, whole) if signed else self.b.zext(value, whole)
        return value if whole == wanted else self.b.bitcast(value, wanted)

    def slot(self, k: int) -> Any:
        """Number `k` of the launch's row."""
        at = self.b.gep(self.launch, [ir.Constant(I64, 8 * k)], source_etype=I8)
        return self.constant(self.b.load(at, typ=I64, align=8))

    def constant(self, loaded: Any) -> Any:
        """Say of a load that no store changes what lies there during the launch: it is done once."""
        loaded.set_metadata("invariant.load", self.module.add_metadata([]))
        return loaded

    def special(self, name: str) -> Any:
        """A special register (section 10 of the ISA)."""
        base, _, axis = name.partition(".")
        if not self.is_entry and base in ("%tid", "%ctaid", "%laneid", "%warpid"):
            raise PtxError(f"ptx cannot run {name} in a function that is not inlined")
        if base in _SPECIAL:
            return self.ids[f"{base[1:]}.{axis}"]
        if base in ("%ntid", "%nctaid"):
            return self.b.trunc(self.slot((NTID if base == "%ntid" else NCTAID) + "xyz".index(axis)), I32)
        if base in ("%laneid", "%warpid"):
            across, deep = (self.b.trunc(self.slot(NTID + k), I32) for k in (0, 1))
            row = self.b.add(self.ids["tid.y"], self.b.mul(self.ids["tid.z"], deep))
            linear = self.b.add(self.ids["tid.x"], self.b.mul(row, across))
            if base == "%laneid":
                return self.b.and_(linear, ir.Constant(I32, 31))
            return self.b.lshr(linear, ir.Constant(I32, 5))
        if base.startswith("%lanemask"):
            lane = self.special("%laneid")
            one = self.b.shl(ir.Constant(I32, 1), lane)
            below = self.b.sub(one, ir.Constant(I32, 1))
            return {
                "eq": one,
                "lt": below,
                "le": self.b.or_(one, below),
                "ge": self.b.not_(below),
                "gt": self.b.not_(self.b.or_(one, below)),
            }[base[-2:]]
        if base in ("%clock", "%clock64", "%globaltimer"):
            counter = self.module.globals.get("llvm.readcyclecounter") or ir.Function(
                self.module, ir.FunctionType(I64, []), "llvm.readcyclecounter"
            )
            return self.b.call(counter, [])
        if base == "%dynamic_smem_size":
            return self.b.trunc(self.slot(DYNAMIC), I32)
        raise PtxError(f"ptx has no special register {name}")

    def may_stop(self, i: Instruction, labels: Iterable[str]) -> None:
        """At a jump back: end the thread if the launch is to stop, because it took too long or by Ctrl-C."""
        if self.behind.isdisjoint(labels):
            return
        self.program.loops = True
        if not self.is_entry:
            return
        flag = self.b.inttoptr(self.b.add(self.slot(ERROR), ir.Constant(I64, 8 * STOP)), I64.as_pointer())
        stop = self.b.icmp_unsigned("!=", self.b.load_atomic(flag, "monotonic", 8), ir.Constant(I64, 0))
        with self.b.if_then(stop, likely=False):
            self.fault(i, "stopped")

    def fault(self, i: Instruction, what: str) -> None:
        """End the thread with a fault."""
        number = ir.Constant(I32, self.program.number(i))
        if self.is_entry:
            self.b.call(
                self.program.llvm.globals["report"], [self.launch, number, ir.Constant(I64, 0), *self.ids.values()]
            )
            self.b.ret(ir.Constant(I32, FAULT))
        else:
            raise unsupported(i, "in a function that is not inlined")

    def stays(self) -> None:
        """The access before must stay where it is. LLVM's builder has no word for a volatile one: a fence does it."""
        self.b.fence("seq_cst")

    def callee(self, i: Instruction, name: str) -> Any:
        """A function of this module, translated when it is first called."""
        if name not in self.program.ptx.functions:
            raise unsupported(i, f"it calls {name}, which is not in the compiled text")
        if name not in self.program.functions:
            Thread(self.program, self.program.ptx.functions[name])
        return self.program.functions[name]
