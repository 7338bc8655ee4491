"""The prompt of `stepper.run_prompt()`: one letter for a step, in the style of the SIMT machine's."""

from __future__ import annotations

import ast
import cmd
import sys
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from minidl.errors import MinidlError

if TYPE_CHECKING:
    from minidl.lens.stepping.stepper import Stepper

HELP = """n [k]        on                            b [k]     back
layer NAME   to a layer                    op NAME   to the next op of this name
forward, loss, backward, update   to the first op of a phase
pair         to the backward of this forward, or back
t            the table of all ops          l         show this one again
p NAME       print an array in full        g NUMBER  to an op by its number
into         into the op's NumPy lines     kernel [k]  into its k-th kernel, on the SIMT machine
change NAME INDEX VALUE   as in: change y (0,3) 1.5       undo
q            leave"""

INTO_HELP = """n [k]  on    b [k]  back    o  over a helper    l  list the source    p NAME  print a variable
q      up to the op"""


class Prompt(cmd.Cmd):
    """Reads commands and shows what walks: what both prompts have."""

    commands = ""

    def __init__(self, walker: Any, stdin: IO[str] | None, stdout: IO[str] | None, raw: bool) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.use_rawinput = raw
        self.walker = walker

    def say(self, text: Any) -> None:
        """Write a line."""
        self.stdout.write(f"{text}\n")

    def onecmd(self, line: str) -> bool:
        """Run a command; what a command refuses is said, and the prompt goes on."""
        try:
            return bool(super().onecmd(line))
        except MinidlError as error:
            self.say(error)
            return False

    def do_n(self, rest: str) -> None:
        """Go on: n [k]."""
        self.say(self.walker.next(_count(rest)))

    def do_b(self, rest: str) -> None:
        """Go back: b [k]."""
        self.say(self.walker.back(_count(rest)))

    def do_help(self, rest: str) -> None:
        """Show the commands."""
        self.say(self.commands)

    def do_q(self, rest: str) -> bool:
        """Leave."""
        return True

    do_EOF = do_q

    def emptyline(self) -> bool:
        """An empty line goes on."""
        self.do_n("")
        return False

    def default(self, line: str) -> None:
        """Say what is not known."""
        self.say(f"unknown command {line.split()[0]!r}.\n{self.commands}")


class StepPrompt(Prompt):
    """Reads commands and shows a `Stepper`."""

    prompt = "(step) "
    commands = HELP

    def __init__(self, stepper: Stepper, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        super().__init__(stepper, stdin or sys.stdin, stdout or sys.stdout, stdin is None and sys.stdin.isatty())
        self.stepper = stepper
        self.intro = f"{stepper}\n(? lists the commands)"

    def do_g(self, rest: str) -> None:
        """Go to an op by its number."""
        self.say(self.stepper.goto(_count(rest, 0)))

    def do_layer(self, rest: str) -> None:
        """Go to a layer."""
        self.say(self.stepper.to_layer(rest.strip()))

    def do_op(self, rest: str) -> None:
        """Go to the next op of a name."""
        self.say(self.stepper.to_op(rest.strip()))

    def do_forward(self, rest: str) -> None:
        """Go to the first op."""
        self.say(self.stepper.to_phase("forward"))

    def do_loss(self, rest: str) -> None:
        """Go to the loss."""
        self.say(self.stepper.to_loss())

    def do_backward(self, rest: str) -> None:
        """Go to the first op of the walk back."""
        self.say(self.stepper.to_phase("backward"))

    def do_update(self, rest: str) -> None:
        """Go to the optimizer's first update."""
        self.say(self.stepper.to_phase("update"))

    def do_pair(self, rest: str) -> None:
        """Go from forward to backward, or back."""
        self.say(self.stepper.to_partner())

    def do_t(self, rest: str) -> None:
        """Show the table of all ops."""
        self.say(self.stepper.table())

    def do_l(self, rest: str) -> None:
        """Show this op again."""
        self.say(self.stepper)

    def do_p(self, rest: str) -> None:
        """Print an array in full."""
        arrays = self.stepper.now.arrays
        if rest.strip() not in arrays:
            self.say(f"no array {rest.strip()!r} here. There are: {', '.join(arrays)}")
            return
        with np.printoptions(linewidth=110, precision=5, threshold=2048):
            self.say(arrays[rest.strip()])

    def do_change(self, rest: str) -> None:
        """Change a value and compute what follows anew."""
        name, _, where = rest.strip().partition(" ")
        index, _, value = where.strip().rpartition(" ")
        try:
            parsed, number = ast.literal_eval(index), float(value)
        except (ValueError, SyntaxError):
            self.say("change NAME INDEX VALUE, as in: change y (0,3) 1.5")
            return
        before = self.stepper.loss
        self.say(self.stepper.change(name, parsed, number))
        self.say(f"loss {before:.6g} -> {self.stepper.loss:.6g}")

    def do_undo(self, rest: str) -> None:
        """Take the last change back."""
        self.say(self.stepper.undo())

    def do_into(self, rest: str) -> None:
        """Step through the op's NumPy lines."""
        LinesPrompt(self.stepper.into(), self.stdin, self.stdout, self.use_rawinput).cmdloop()

    def do_kernel(self, rest: str) -> None:
        """Step through a kernel of the op on the SIMT machine."""
        from cuda_kernels.simt.debug.prompt import Prompt

        kernel = self.stepper.kernel(_count(rest, 0))
        if not self.stepper.now.backend.startswith("simt"):
            self.say(f"{self.stepper.now.op} ran on {self.stepper.now.backend}; this is the kernel that would do it.")
        Prompt(kernel, self.stdin, self.stdout).cmdloop()


class LinesPrompt(Prompt):
    """Reads commands and shows a `LineStepper`; q goes up to the op."""

    prompt = "(line) "
    commands = INTO_HELP

    def __init__(self, lines: Any, stdin: IO[str], stdout: IO[str], raw: bool) -> None:
        super().__init__(lines, stdin, stdout, raw)
        self.lines = lines
        self.intro = f"{lines}\n{INTO_HELP}"

    def do_o(self, rest: str) -> None:
        """Go on past a helper."""
        self.say(self.lines.over())

    def do_l(self, rest: str) -> None:
        """List the source."""
        self.say(self.lines.listing(around=15))

    def do_p(self, rest: str) -> None:
        """Print a variable."""
        values = self.lines.values
        with np.printoptions(linewidth=110, precision=5, threshold=2048):
            self.say(values.get(rest.strip(), f"no {rest.strip()!r} here. There are: {', '.join(values)}"))


def _count(rest: str, otherwise: int = 1) -> int:
    return int(rest) if rest.strip().isdigit() else otherwise
