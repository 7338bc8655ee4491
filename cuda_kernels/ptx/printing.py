"""What a kernel prints: its `print(…)` is a call of `vprintf`, which leaves its operands in a list of the launch.

The list is printed when the launch has ended, as on a GPU: a call in the order in which it came, CAPACITY of them.
An operand takes 4 or 8 bytes, at a multiple of its size (CUDA C++ Programming Guide, "Formatted Output").
"""

from __future__ import annotations

import ctypes
import re
import struct
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir

from .memory import PRINTS
from .values import I8, I32, I64, PTR

if TYPE_CHECKING:
    from .thread import Thread

CAPACITY = 4096  # calls of a launch; what is printed later is lost, as on a GPU
OPERANDS = 16  # words of 8 bytes that a call may have
HEAD, RECORD = 2, 1 + OPERANDS  # words: how many came, how many fit; a format's address and operands


def room() -> np.ndarray:
    """An empty list for a launch."""
    words = np.zeros(HEAD + CAPACITY * RECORD, np.int64)
    words[1] = CAPACITY
    return words


def vprintf(t: Thread, result: str, form: str, operands: str) -> None:
    """The call, in LLVM's language: take the next place of the list, and copy the operands there."""
    b = t.b

    def word(base: Any, k: int) -> Any:
        return b.gep(base, [ir.Constant(I64, 8 * k)], source_etype=I8)

    words = min(OPERANDS, -(-t.layout.local_bytes // 8))  # they lie in the thread's local memory
    heap = b.inttoptr(t.slot(PRINTS), PTR)
    count = b.bitcast(heap, I64.as_pointer())
    place = b.atomic_rmw("add", count, ir.Constant(I64, 1), "monotonic")
    fits = b.icmp_unsigned("<", place, b.load(word(heap, 1), typ=I64, align=8))
    with b.if_then(fits):
        offset = b.add(ir.Constant(I64, 8 * HEAD), b.mul(place, ir.Constant(I64, 8 * RECORD)))
        record = b.gep(heap, [offset], source_etype=I8)
        b.store(b.load(t.parameters[form], typ=I64, align=8), record, align=8)
        source = b.inttoptr(b.load(t.parameters[operands], typ=I64, align=8), PTR)
        for k in range(words):
            b.store(b.load(word(source, k), typ=I64, align=4), word(record, 1 + k), align=8)
    b.store(ir.Constant(I32, words), t.parameters[result], align=4)


def show(words: np.ndarray) -> None:
    """Print what a launch left."""
    came = int(words[0])
    for k in range(min(came, CAPACITY)):
        form, *rest = (int(w) for w in words[HEAD + k * RECORD : HEAD + (k + 1) * RECORD])
        sys.stdout.write(text_of(ctypes.string_at(form).decode(), struct.pack(f"<{OPERANDS}q", *rest)))
    if came > CAPACITY:
        sys.stdout.write(f"… and {came - CAPACITY} more calls of print, which are lost\n")


_DIRECTIVE = re.compile(r"%([-+ #0]*\d*(?:\.\d+)?)(hh|h|ll|l|z|j)?([diouxXcfFeEgGaspn%])")


def text_of(form: str, operands: bytes) -> str:
    """A C format with its operands.

    >>> text_of("%d is %lld or %f %%", struct.pack("<ixxxxqd", 5, -7, 0.5))
    '5 is -7 or 0.500000 %'
    """
    at = 0

    def take(kind: str) -> Any:
        nonlocal at
        size = struct.calcsize(kind)
        at = -(-at // size) * size
        at += size
        return struct.unpack_from(f"<{kind}", operands, at - size)[0]

    def directive(found: re.Match[str]) -> str:
        flags, length, kind = found.groups()
        if kind == "%":
            return "%"
        if kind == "s":
            return f"%{flags}s" % ctypes.string_at(take("q")).decode()
        if kind in "fFeEgG":
            return f"%{flags}{kind}" % take("d")
        if kind in "pa":
            return hex(take("Q"))
        size = "q" if length in ("l", "ll", "z", "j") else "i"
        whole = take(size if kind in "di" else size.upper())
        return f"%{flags}{'d' if kind == 'u' else kind}" % whole

    return _DIRECTIVE.sub(directive, form)
