"""The prompt of `stepper.run_prompt()`: one letter for a step, in the style of the SIMT machine's."""

from __future__ import annotations

import ast
import cmd
import sys
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from minidl.errors import MinidlError
from minidl.lens.stepping.unwritten import unwritten

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

    help = ""
    moves: Mapping[str, Callable[[Any, str], Any]] = {}  # commands that show what they return

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

    def default(self, line: str) -> None:
        """Run one of the moves, or say what is not known."""
        word, _, rest = line.strip().partition(" ")
        if word in self.moves:
            self.say(self.moves[word](self.walker, rest.strip()))
        else:
            self.say(f"unknown command {word!r}.\n{self.help}")

    def get_names(self) -> list[str]:
        """Return the commands that the tab key knows."""
        return [*super().get_names(), *(f"do_{word}" for word in self.moves)]

    def emptyline(self) -> bool:
        """An empty line goes on."""
        return self.onecmd("n")

    def do_help(self, rest: str) -> None:
        """Show the commands."""
        self.say(self.help)

    def do_q(self, rest: str) -> bool:
        """Leave."""
        return True

    do_EOF = do_q


class StepPrompt(Prompt):
    """Reads commands and shows a `Stepper`."""

    prompt = "(step) "
    help = HELP
    moves = {
        "n": lambda stepper, rest: stepper.next(_count(rest)),
        "b": lambda stepper, rest: stepper.back(_count(rest)),
        "g": lambda stepper, rest: stepper.goto(_count(rest, 0)),
        "layer": lambda stepper, rest: stepper.to_layer(rest),
        "op": lambda stepper, rest: stepper.to_op(rest),
        "forward": lambda stepper, _: stepper.to_phase("forward"),
        "loss": lambda stepper, _: stepper.to_phase("loss"),
        "backward": lambda stepper, _: stepper.to_phase("backward"),
        "update": lambda stepper, _: stepper.to_phase("update"),
        "pair": lambda stepper, _: stepper.to_partner(),
        "t": lambda stepper, _: stepper.table(),
        "l": lambda stepper, _: stepper,
        "undo": lambda stepper, _: stepper.undo(),
    }

    def __init__(self, stepper: Stepper, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        super().__init__(stepper, stdin or sys.stdin, stdout or sys.stdout, stdin is None and sys.stdin.isatty())
        self.stepper = stepper
        self.intro = f"{stepper}\n(? lists the commands)"

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
    help = INTO_HELP
    moves = {
        "n": lambda lines, rest: lines.next(_count(rest)),
        "b": lambda lines, rest: lines.back(_count(rest)),
        "o": lambda lines, _: lines.over(),
        "l": lambda lines, _: lines.listing(around=15),
    }

    def __init__(self, lines: Any, stdin: IO[str], stdout: IO[str], raw: bool) -> None:
        super().__init__(lines, stdin, stdout, raw)
        self.lines = lines
        self.intro = f"{lines}\n{INTO_HELP}"

    def do_p(self, rest: str) -> None:
        """Print a variable."""
        values = self.lines.values
        with np.printoptions(linewidth=110, precision=5, threshold=2048):
            value = values.get(rest.strip(), f"no {rest.strip()!r} here. There are: {', '.join(values)}")
            if isinstance(value, np.ndarray) and (missing := unwritten(value)).any():
                value = np.ma.array(value, mask=missing)  # prints "--" for what is not written yet
            self.say(value)


def _count(rest: str, otherwise: int = 1) -> int:
    return int(rest) if rest.strip().isdigit() else otherwise
