"""Jumps, calls and ends (section 9.7.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llvmlite import ir

from ..parse import Instruction
from ..printing import vprintf
from ..values import I32
from .table import meaning

if TYPE_CHECKING:
    from ..thread import Thread


@meaning("bra")
def bra(t: Thread, i: Instruction) -> None:
    """Section 9.7.12.3. A guard was seen to before: see `Thread.instruction`."""
    t.may_stop(i, [str(i.operands[0])])
    t.b.branch(t.blocks[str(i.operands[0])])


@meaning("brx")
def brx(t: Thread, i: Instruction) -> None:
    """Section 9.7.12.4: to the place with this number in a table."""
    labels = t.function.tables[str(i.operands[1])]
    t.may_stop(i, labels)
    nowhere = t.b.append_basic_block("nowhere")
    switch = t.b.switch(t.read(i.operands[0], ".u32"), nowhere)
    for k, label in enumerate(labels):
        switch.add_case(ir.Constant(I32, k), t.blocks[label])
    t.b.position_at_end(nowhere)
    t.b.unreachable()


@meaning("ret", "exit")
def leave(t: Thread, i: Instruction) -> None:
    """Sections 9.7.12.6, 9.7.12.7."""
    t.leave()


@meaning("trap", "brkpt")
def trap(t: Thread, i: Instruction) -> None:
    """Section 9.7.19.1: the kernel ends with an error."""
    t.fault(i, "trap")


@meaning("call")
def call_function(t: Thread, i: Instruction) -> None:
    """Section 9.7.12.5: a function of this module; its parameters and results lie in `.param` variables."""
    groups = [operand for operand in i.operands if isinstance(operand, tuple)]
    name = next(str(operand) for operand in i.operands if isinstance(operand, str))
    has_results = isinstance(i.operands[0], tuple)
    results = groups[0] if has_results else ()
    arguments = groups[1 if has_results else 0] if len(groups) > has_results else ()
    if name == "vprintf":
        t.program.prints = True
        vprintf(t, *(str(word) for word in (*results, *arguments)))
        return
    function = t.callee(i, name)
    t.b.call(function, [t.launch, *(t.parameters[str(word)] for word in (*results, *arguments))])
