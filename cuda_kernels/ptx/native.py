"""From PTX text to a native function of this processor, by LLVM (which Numba brings): no C compiler is needed."""

from __future__ import annotations

import ctypes
import functools
import json
import os
from dataclasses import asdict, dataclass
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from . import cache
from .analysis import add_pauses, add_yields
from .memory import Program, add_checks
from .parse import Instruction, parse
from .schedule import Schedule
from .thread import Thread


@dataclass(frozen=True)
class Place:
    """An instruction that may report a fault: its text, and the line of the kernel's file."""

    text: str
    line: int


@dataclass(frozen=True)
class Code:
    """A compiled kernel as it is kept on disk: an object file, and what a launch must know."""

    object: bytes
    shared_bytes: int  # static
    frame_bytes: int  # of a thread; 0 where threads never meet
    parameters: tuple[int, ...]  # bytes of each
    places: tuple[Place, ...]
    meetings: tuple[Place, ...]
    checked: bool
    loops: bool  # may a thread run for ever?
    yields: bool  # do threads wait until others have written something?
    prints: bool
    pointers: tuple[int, ...]  # the parameters, by number, for which a launch says where their array lies

    def to_bytes(self) -> bytes:
        """The code as one file: what a launch must know in JSON, its length first, then the object file."""
        about = asdict(self)
        del about["object"]
        head = json.dumps(about).encode()
        return len(head).to_bytes(8, "little") + head + self.object

    @classmethod
    def from_bytes(cls, data: bytes) -> Code:
        """The code that `to_bytes` wrote."""
        end = 8 + int.from_bytes(data[:8], "little")
        about = json.loads(data[8:end])
        for name in ("places", "meetings"):
            about[name] = tuple(Place(**place) for place in about[name])
        about |= {name: tuple(about[name]) for name in ("parameters", "pointers")}
        return cls(object=data[end:], **about)


@functools.cache
def machine(effort: int = 3) -> Any:
    """LLVM's picture of this processor, with every instruction set that it has.

    effort : to make the code fast, 0 to 3; a large kernel takes seconds at 1, a tenth of one at 0
    """
    return _machine(effort)


def _machine(effort: int) -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = _processor()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=cpu, features=features, opt=effort, reloc="pic", codemodel="default")


@functools.cache
def _processor() -> tuple[str, str]:
    """Its name, and the instruction sets that it has."""
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def llvm_text(ptx: str, checked: bool, traced: bool = False, pauses: bool = False) -> tuple[str, Program, Thread]:
    """A kernel in LLVM's language, before LLVM improves it."""
    module = parse(ptx)
    add_yields(module.entry)
    if pauses:
        add_pauses(module.entry)
    program = Program(module, checked, traced)
    add_checks(program)
    thread = Thread(program, program.ptx.entry)
    Schedule(program, thread)
    program.llvm.triple = machine().triple
    program.llvm.data_layout = str(machine().target_data)
    return str(program.llvm), program, thread


def translate(ptx: str, checked: bool = True, level: int = 3, traced: bool = False, pauses: bool = False) -> Code:
    """Compile PTX for this processor.

    checked : stop at an access outside the launch's arrays; unchecked code is up to twice as fast
    traced : note what a warp does, see `trace`
    pauses : for random orders: the lanes of a warp wait for each other before each store
    Raises
    PtxError : an instruction that has no meaning here, with its text and the line of the kernel
    """
    text, program, thread = llvm_text(ptx, checked, traced, pauses)
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(level)
    options.loop_vectorization = options.slp_vectorization = True
    target = machine(0 if traced else 3)
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    entry = program.ptx.entry

    def place(i: Instruction) -> Place:
        return Place(i.text, i.line)

    return Code(
        target.emit_object(module),
        program.shared_bytes,
        thread.layout.frame_bytes if thread.meetings else 0,
        tuple(size for _, _, size in entry.parameters),
        tuple(place(i) for i in program.places),
        tuple(place(i) for i, _ in thread.meetings),
        checked,
        program.loops,
        any(i.opcode == "yield" for i, _ in thread.meetings),
        program.prints,
        tuple([name for name, _, _ in entry.parameters].index(name) for name in program.pointers),
    )


@functools.cache
def _source() -> bytes:
    """Which text this translator has: what another one made is not taken from the cache."""
    folder = os.path.dirname(__file__)
    files = [f for part in (folder, os.path.join(folder, "instructions")) for f in os.scandir(part)]
    states = {f.name: f.stat() for f in files if f.name.endswith(".py")}
    return repr([(name, s.st_size, s.st_mtime_ns) for name, s in sorted(states.items())]).encode()


def code_of(ptx: str, checked: bool = True, pauses: bool = False) -> Code:
    """As `translate`, from the cache on disk where it lies there already."""
    name = f"{cache.key_of(llvmlite.__version__, *_processor(), _source(), str(checked), str(pauses), ptx)}.native"
    level = 1 if pauses else 3  # a trial need not be quick
    return Code.from_bytes(cache.kept(name, lambda: translate(ptx, checked, level, pauses=pauses).to_bytes()))


class Native:
    """A kernel's machine code in memory, ready to be called. The lock of Python is free while it runs."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.pace = 0.0  # seconds of a thread in the launch before, 0 if there was none
        empty = llvm.parse_assembly("")
        empty.triple = machine().triple
        self._engine = llvm.create_mcjit_compiler(empty, _machine(0))  # which keeps it
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code.object))
        self._engine.finalize_object()
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)
        self.blocks = kind(self._engine.get_function_address("blocks"))
