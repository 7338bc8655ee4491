"""The instructions: what each means, as a few lines of LLVM's language. Each file is some sections of the PTX ISA 9.0.

    @meaning("add", "sub")
    def add(t, i): ...          # `t` is the thread that is being translated, `i` the instruction

`t.read(operand, ".f32")` gives an operand's value, `t.write(operand, value)` sets a register, `t.b` builds LLVM
instructions. Where the ISA leaves a result open, or allows an error, the text of the function says what is done here.
What the threads of a warp do together is in `warp`.
"""

from . import accesses, arithmetic, bits, comparing, flow, moving  # noqa: F401 - each enters its meanings
from .table import MEANINGS

__all__ = ["MEANINGS"]
