"""The machine code (SASS) that a GPU would run, by line: made by NVIDIA's linker, read by nvdisasm."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cuda_kernels.ptx.parse import instructions_in

_COMMAND = 'pip install "nvidia-cuda-nvdisasm>=13,<14"'


class Word(NamedTuple):
    """One instruction of the machine: as nvdisasm writes it, and the number of the PTX instruction it was made of.

    A GPU's compiler mixes and joins them: of several it names one; -1 where it names none.
    """

    text: str
    place: int


@dataclass(frozen=True)
class MachineCode:
    """A kernel's machine code; `missing` says why there is none here."""

    target: str
    words: tuple[Word, ...] = ()
    registers: int = 0  # a thread
    missing: str = ""

    @property
    def spills(self) -> int:
        """How many instructions move registers to local memory and back, or a local array."""
        return sum(bool(re.search(r"\b(LDL|STL)\b", word.text)) for word in self.words)


def bounded(text: str, options: Mapping[str, Any]) -> str:
    """PTX with what `@cuda.jit(launch_bounds=…, max_registers=…)` asks of the machine code.

    Source: PTX ISA 9.0, section 11.4.

    >>> bounded(".visible .entry k()\\n{ret;}", {"launch_bounds": (256, 2)})
    '.visible .entry k()\\n.maxntid 256, 1, 1\\n.minnctapersm 2\\n{ret;}'
    """
    bounds = options.get("launch_bounds") or ()
    threads, blocks = (*((bounds,) if isinstance(bounds, int) else bounds), None, None)[:2]
    lines = [f".maxntid {threads}, 1, 1\n" * bool(threads), f".minnctapersm {blocks}\n" * bool(blocks)]
    if options.get("max_registers"):
        lines.append(f".maxnreg {options['max_registers']}\n")
    return re.sub(r"(\.entry\b[^{]*?)(?=\{)", lambda head: head[1] + "".join(lines), text, count=1)


def numbered(text: str) -> str:
    """PTX in which each instruction of the kernel has its number, from 1, as its line: so nvdisasm tells it.

    >>> print(numbered(".entry k()\\n{\\n.reg .b32 %r<2>;\\n.loc 1 7 1\\nmov.u32 %r1, 5;\\nret;\\n}").strip())
    .entry k()
    {
    .reg .b32 %r<2>;
    .loc 1 1 1
    mov.u32 %r1, 5;
    .loc 1 2 1
    ret;
    }
    .file 1 "kernel"
    """
    lines, waiting, count, inside = [], [], 0, False
    for line in text.splitlines():
        bare = line.partition("//")[0].strip()
        inside = inside or bare.startswith("{")
        if re.match(r"\.(loc|file)\b", bare):
            continue
        if not inside:
            lines.append(line)
            inside = bare.endswith("{")
            continue
        waiting.append(line)
        if bare.endswith((";", ":", "{", "}")) or not bare:
            found = len(instructions_in("\n".join(waiting)))
            lines += [f".loc 1 {count + 1} 1"] * bool(found) + waiting
            count, waiting = count + found, []
    return "\n".join([*lines, *waiting, '.file 1 "kernel"', ""])


def machine_code(text: str, target: str) -> MachineCode:
    """The machine code of PTX.

    target : "sm_80"
    """
    try:
        from cuda.bindings import nvjitlink
    except ImportError:
        return MachineCode(target, missing="no machine code: NVIDIA's linker (nvjitlink) is not installed")
    tool = _nvdisasm()
    if not tool:
        return MachineCode(target, missing=f"no machine code: nvdisasm is not installed; {_COMMAND}")
    try:
        cubin = _linked(nvjitlink, numbered(text), target)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "kernel.cubin"
            path.write_bytes(cubin)
            ran = subprocess.run([tool, "-c", "-g", str(path)], capture_output=True, text=True, check=True)
    except (nvjitlink.nvJitLinkError, OSError, subprocess.CalledProcessError) as error:
        return MachineCode(target, missing=f"no machine code: {str(error).splitlines()[0]}")
    # Divisions of 64 bits are functions of their own, with fewer registers.
    registers = max(map(int, re.findall(r"SHI_REGISTERS=(\d+)", ran.stdout)), default=0)
    return MachineCode(target, tuple(_words(ran.stdout)), registers)


def _nvdisasm() -> str:
    from cuda_kernels.compile.packages import tool

    try:
        return tool("nvdisasm")
    except FileNotFoundError:
        return shutil.which("nvdisasm") or ""


def _linked(link: Any, text: str, target: str) -> bytes:
    handle = link.create(2, [f"-arch={target}", "-lineinfo"])
    try:
        data = text.encode()
        link.add_data(handle, link.InputType.PTX, data, len(data), "kernel")
        link.complete(handle)
        cubin = bytearray(link.get_linked_cubin_size(handle))
        link.get_linked_cubin(handle, cubin)
        return bytes(cubin)
    finally:
        link.destroy(handle)


_INSTRUCTION = re.compile(r"^\s+/\*([0-9a-f]{4,5})\*/\s+(.*?)\s*;?\s*$")
_LINE = re.compile(r'//## File "[^"]*", line (\d+)')


def _words(text: str) -> Iterator[Word]:
    """The instructions in what `nvdisasm -c -g` writes of a numbered text, without the padding behind the end."""
    place = -1
    for line in text.splitlines():
        if line.startswith("//---"):  # another function
            place = -1
        named = _LINE.search(line)
        if named:
            place = int(named[1]) - 1
            continue
        found = _INSTRUCTION.match(line)
        if found and found[2] != "NOP":
            yield Word(re.sub(r"\s+", " ", found[2]), place)
