"""Instructions counted by kind: loads by memory and width, products, branches, conversions, and what is float64."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from cuda_kernels.ptx.parse import Function, Instruction
from cuda_kernels.ptx.words import bytes_moved, space_of

# In the order of tables. The widths of loads and stores stand behind them: "load global 16 B".
KINDS = (
    "load global", "store global", "load shared", "store shared", "load local", "store local", "load any", "store any",
    "load const", "atomic", "tensor core", "fma float32", "float32", "float32 function", "float64", "float16",
    "conversion", "conversion float64", "integer", "compare/select", "move", "argument", "branch", "barrier",
    "warp barrier", "shuffle/vote", "fence", "call", "end", "other",
)  # fmt: skip
_BY_OPCODE = {
    "mma": "tensor core", "bra": "branch", "brx": "branch", "ret": "end", "exit": "end", "trap": "end", "call": "call",
    "shfl": "shuffle/vote", "vote": "shuffle/vote", "match": "shuffle/vote", "redux": "shuffle/vote",
    "activemask": "shuffle/vote", "membar": "fence", "fence": "fence", "mov": "move", "cvta": "move",
    "setp": "compare/select", "set": "compare/select", "selp": "compare/select", "slct": "compare/select",
    "testp": "compare/select", "prefetch": "other", "prefetchu": "other", "nanosleep": "other", "pmevent": "other",
    "brkpt": "other",
}  # fmt: skip
_FUNCTIONS = ("div", "rcp", "sqrt", "rsqrt", "sin", "cos", "lg2", "ex2", "tanh")


def is_float64(i: Instruction) -> bool:
    """Does the instruction load, compute or convert float64?"""
    return ".f64" in i.modifiers


def kind_of(i: Instruction) -> str:
    """What kind of instruction it is, one of `KINDS`; of a load or store with its bytes.

    >>> def kind(opcode, *modifiers): return kind_of(Instruction(opcode, modifiers, (), "", 0, ""))
    >>> kind("ld", ".shared", ".v4", ".f32"), kind("fma", ".rn", ".f32"), kind("cvt", ".f64", ".f32")
    ('load shared 16 B', 'fma float32', 'conversion float64')
    """
    if i.opcode in ("ld", "ldu", "st"):
        space = space_of(i)
        if space == "param":
            return "argument"
        return f"{'store' if i.opcode == 'st' else 'load'} {space} {bytes_moved(i)} B"
    if i.opcode in ("atom", "red"):
        return "atomic"
    if i.opcode == "bar":
        return "warp barrier" if ".warp" in i.modifiers else "barrier"
    if i.opcode == "cvt":
        return "conversion float64" if is_float64(i) else "conversion"
    if i.opcode in _BY_OPCODE:
        return _BY_OPCODE[i.opcode]
    return _arithmetic(i)


def _arithmetic(i: Instruction) -> str:
    if is_float64(i):
        return "float64"
    if any(m in i.modifiers for m in (".f16", ".f16x2", ".bf16", ".bf16x2")):
        return "float16"
    if ".f32" in i.modifiers:
        return "fma float32" if i.opcode == "fma" else "float32 function" if i.opcode in _FUNCTIONS else "float32"
    return "compare/select" if ".pred" in i.modifiers else "integer"


def counted(instructions: Iterable[Instruction]) -> Counter[str]:
    """How many instructions of each kind, in the order of `KINDS`, the widest loads first."""
    found = Counter(map(kind_of, instructions))
    return Counter({kind: found[kind] for kind in sorted(found, key=order)})


def order(kind: str) -> tuple[int, int]:
    """Where a kind stands in a table."""
    words = kind.split()
    width = int(words[-2]) if words[-1] == "B" else 0
    return KINDS.index(" ".join(words[:-2]) if width else kind), -width


def counts_text(counts: Counter[str]) -> str:
    """Counts as a line of text.

    >>> counts_text(Counter({"fma float32": 4, "branch": 1}))
    '4 fma float32, 1 branch'
    """
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


class Loop(NamedTuple):
    """A loop of the compiled kernel: its label, and its instructions, from `first` to before `last`.

    A loop of the source may be none here (unrolled), or several (an unrolled one, and one for the rest).
    """

    label: str
    first: int
    last: int

    def __contains__(self, place: object) -> bool:
        return isinstance(place, int) and self.first <= place < self.last


def loops_of(function: Function) -> list[Loop]:
    """The loops, outer ones first: from a label to the last jump back to it."""
    starts, place = {}, 0
    for block in function.blocks:
        starts[block.label] = place
        place += len(block.instructions)
    found: dict[str, Loop] = {}
    place = 0
    for block in function.blocks:
        for i in block.instructions:
            place += 1
            target = str(i.operands[0]) if i.opcode == "bra" else ""
            if target and starts[target] < place:
                found[target] = Loop(target, starts[target], place)
    return sorted(found.values(), key=lambda loop: (loop.first, -loop.last))


def main_loop(loops: list[Loop], flat: list[Instruction]) -> Loop | None:
    """The loop that the work is done in: that with the most multiply-adds, of such the shortest; None without loops."""

    def work(loop: Loop) -> tuple[int, int]:
        kinds = map(kind_of, flat[loop.first : loop.last])
        return sum(kind in ("fma float32", "tensor core", "float64") for kind in kinds), loop.first - loop.last

    return max(loops, key=work, default=None)
