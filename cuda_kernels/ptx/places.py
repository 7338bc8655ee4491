"""Which lines an instruction was made of: the line of the kernel, and those of the device functions that were inlined.

    chains, whole = places_of(kernel, types)
    chains[17]                         # (Place(".../tiles.py", 145), Place(".../r7.py", 50), Place(".../r7.py", 147))

What runs is compiled with the lines of the kernel alone. For the others it is compiled a second time, and each
instruction of the first text is found again in the second: nearly all stand at the same place.

Source: PTX ISA 9.0, section 11.5.3 (`.loc file line column, function_name …, inlined_at file line column`).
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

import numba

from .compiler import ptx_of
from .parse import instructions_and_lines, parse


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int


Chain = tuple[Place, ...]  # the line itself, the one that called its function, and so on to the kernel's; () is none


def places_of(kernel: Any, types: tuple[Any, ...]) -> tuple[list[Chain], bool]:
    """Where each instruction of the kernel's text comes from; () where the compiler says that it is of no one line.

    Second, whether lines of device functions are among them: NVVM refuses the second text of some kernels
    (absolute_backward r2), and their own lines alone are left.

    Raises
    NvvmMissing, numba's errors : see `ptx_of`
    """
    plain = ptx_of(kernel, types)
    try:
        inner = ptx_of(kernel, types, inner_lines=True)
    except Exception:  # whatever NVVM says of it
        return [chain for _, chain in parse_chains(plain)], False
    return joined(plain, inner), True


def joined(plain: str, inner: str) -> list[Chain]:
    """The lines of each instruction of a text, as another text of the same kernel tells them."""
    mine = [i for block in parse(plain).entry.blocks for i in block.instructions]
    others, chains = parse_chains(inner), []
    outer = [chain for _, chain in parse_chains(plain)]
    kernels_own = {place for chain in outer for place in chain}
    pairs = _pairs([_normal(i.text) for i in mine], [_normal(text) for text, _ in others])
    for k in range(len(mine)):
        chain = others[pairs[k]][1] if k in pairs else outer[k]
        if chain and chain[-1] not in kernels_own:  # it does not say which line of the kernel called
            chain += outer[k]
        chains.append(chain)
    return chains


def parse_chains(text: str) -> list[tuple[str, Chain]]:
    """Each instruction of the kernel in a text, and the lines it was made of."""
    named = re.findall(r'^\s*\.file\s+(\d+)\s+"([^"]*)"', text, re.M)
    # Numba puts the folder before any name, also before that of a cell, "<ipython-input-3-…>".
    files = {int(number): re.sub(r"^.*[/\\](?=<[^/\\]*>$)", "", name) for number, name in named}
    chain: Chain = ()
    seen: dict[tuple[int, int, int], Chain] = {}  # a line that something was inlined at: how it was come by itself
    found = []
    for statement, is_line in instructions_and_lines(text):
        if not is_line:
            found.append((statement, _known(chain)))
            continue
        numbers = [int(n) for n in re.findall(r"(?<![\w$])\d+(?![\w$])", statement.replace("function_name", ""))]
        place = (numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0)
        outer: Chain = ()
        if len(numbers) >= 6:
            caller = (numbers[3], numbers[4], numbers[5])
            outer = seen.get(caller, (Place(files.get(caller[0], ""), caller[1]),))
        own = (Place(files.get(place[0], ""), place[1]),) if place[1] else ()
        chain = (*own, *outer)
        seen[place] = chain
    return found


_OF_NUMBA = tuple(str(Path(package.__file__).parent) for package in (numba, numba.cuda))


def _known(chain: Chain) -> Chain:
    """Without the places inside of Numba, which no kernel's reader wrote."""
    return tuple(place for place in chain if not place.file.startswith(_OF_NUMBA))


def _normal(text: str) -> str:
    """An instruction without what a second compilation names anew."""
    return re.sub(r"_ZN\w+?(?=_param_|\b)|_cudapy_smem_\d+", "name", text)


def _pairs(mine: list[str], others: list[str]) -> dict[int, int]:
    """Which instruction of `others` each of `mine` is: the same text, else the same form at the same place."""
    found: dict[int, int] = {}
    matcher = SequenceMatcher(None, mine, others, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            found.update(zip(range(a, b), range(c, d), strict=True))
        elif tag == "replace":
            left = list(range(c, d))
            for k in range(a, b):
                same = next((n for n in left if others[n].split(" ")[0] == mine[k].split(" ")[0]), None)
                if same is not None:
                    found[k] = same
                    left.remove(same)
    return found


