"""Reading machine code: which instructions a kernel has, and what its loops are made of."""
from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

# Instructions that compute in float64, or convert to and from it. (DEPBAR also begins with D.)
FLOAT64 = re.compile(r"D(ADD|MUL|FMA|SETP|MNMX|MMA)\b|[A-Z0-9]+\..*F64|MUFU\.[A-Z0-9]*64H")
_INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]{4,5}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)(.*)$")
_LABEL = re.compile(r"^(\.L_x_\d+):")


@dataclass
class Code:
    """The instructions of a kernel in order, as (name, operands), and where each label stands among them."""

    instructions: list[tuple[str, str]] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many instructions there are (padding left out)."""
        return len(self.instructions)

    def names(self, start: int = 0, stop: int | None = None) -> Counter[str]:
        """How often each instruction occurs."""
        return Counter(name for name, _ in self.instructions[start:stop])

    def has(self, prefix: str) -> bool:
        """Is there an instruction whose name begins like this? LDG.E.128 is also found as LDG.E.128.CONSTANT."""
        return any(name.startswith(prefix) for name, _ in self.instructions)

    def loops(self) -> list[tuple[int, int]]:
        """(first, last + 1) of each loop: from a label to a branch further down that goes back to it."""
        found = []
        for place, (name, operands) in enumerate(self.instructions):
            target = re.search(r"\.L_x_\d+", operands) if name.startswith("BRA") else None
            if target and self.labels.get(target.group(0), place + 1) <= place:
                found.append((self.labels[target.group(0)], place + 1))
        return found

    def main_loop(self, prefix: str) -> tuple[int, Counter[str]]:
        """The loop with the most instructions that begin with `prefix`: how many, and all its instructions."""
        spans = [s for s in self.loops() if s[1] - s[0] > 1] or [(0, self.count)]
        counted = []
        for start, stop in spans:
            names = self.names(start, stop)
            counted.append((sum(n for name, n in names.items() if name.startswith(prefix)), start - stop, names))
        most, _, names = max(counted, key=lambda entry: entry[:2])
        return most, names


def parse(text: str) -> Code:
    """The code in `nvdisasm -c`'s output."""
    code = Code()
    for line in text.splitlines():
        label = _LABEL.match(line)
        if label:
            code.labels[label.group(1)] = code.count
            continue
        found = _INSTRUCTION.match(line)
        if found and found.group(1) != "NOP":
            name = found.group(1).replace("LDS.U.", "LDS.")  # what Turing calls LDS.128
            code.instructions.append((name, found.group(2)))
    return code


def resources(text: str) -> tuple[int, int, int]:
    """(registers, bytes of local memory, bytes of static shared memory) from `cuobjdump -res-usage`'s output."""
    found = re.findall(r"REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)", text)
    if not found:
        raise ValueError(f"compile: cuobjdump -res-usage names no registers. Got {text!r}.")
    rows = [tuple(map(int, row)) for row in found]
    return max(r[0] for r in rows), max(r[1] + r[3] for r in rows), max(r[2] for r in rows)
