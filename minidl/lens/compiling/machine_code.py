"""The machine code (SASS) that a GPU would run, by line: made by NVIDIA's linker, read by nvdisasm."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cuda_kernels.ptx.places import Chain, Place

_COMMAND = 'pip install "nvidia-cuda-nvdisasm>=13,<14"'


class Word(NamedTuple):
    """One instruction of the machine: as nvdisasm writes it, and the lines that it was made of."""

    text: str
    chain: Chain


@dataclass(frozen=True)
class MachineCode:
    """A kernel's machine code; `missing` says why there is none here."""

    target: str
    words: tuple[Word, ...] = ()
    registers: int = 0  # a thread
    missing: str = ""


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
        cubin = _linked(nvjitlink, text, target)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "kernel.cubin"
            path.write_bytes(cubin)
            ran = subprocess.run([tool, "-c", "-gi", str(path)], capture_output=True, text=True, check=True)
    except (nvjitlink.nvJitLinkError, OSError, subprocess.CalledProcessError) as error:
        return MachineCode(target, missing=f"no machine code: {str(error).splitlines()[0]}")
    registers = re.search(r"SHI_REGISTERS=(\d+)", ran.stdout)
    return MachineCode(target, tuple(_words(ran.stdout)), int(registers[1]) if registers else 0)


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
_FILE = re.compile(r'//## File "([^"]*)", line (\d+)')


def _words(text: str) -> Iterator[Word]:
    """The instructions in what `nvdisasm -c -gi` writes, without the padding behind the end."""
    chain: list[Place] = []
    fresh = True
    for line in text.splitlines():
        place = _FILE.search(line)
        if place:
            chain = [] if fresh else chain
            chain.append(Place(place[1], int(place[2])))
            fresh = False
            continue
        found = _INSTRUCTION.match(line)
        if found:
            fresh = True
            if found[2] != "NOP":
                yield Word(re.sub(r"\s+", " ", found[2]), tuple(chain))
