"""The prompt that `breakpoint()` in a kernel opens: a small pdb over all threads, which also goes back."""
from __future__ import annotations

import cmd
from typing import IO, Any

import numpy as np

HELP = """n [k]      next statement(s)            b [k]    back
c          on to the next breakpoint     l        list the source here
p NAME     a variable over threads       v        names of the variables
block X    look at block X               warp W   look at warp W (warp: all)
thread T   look at thread T (thread: all)
active     which threads are active      q        leave the prompt"""


class Prompt(cmd.Cmd):
    """Reads commands and shows a `Stepper`."""

    prompt = "(simt) "

    def __init__(self, stepper: Any, stdin: IO[str], stdout: IO[str]) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.use_rawinput = stdin.isatty() if hasattr(stdin, "isatty") else False
        self.stepper = stepper
        self.where: dict[str, Any] = {"block": 0, "warp": None, "thread": None}
        self.intro = stepper.listing()

    def say(self, text: Any) -> None:
        self.stdout.write(f"{text}\n")

    def do_n(self, rest: str) -> None:
        """N [k]: run k statements"""
        self.say(self.stepper.forward(_count(rest)).listing())

    def do_b(self, rest: str) -> None:
        """B [k]: take k statements back"""
        self.say(self.stepper.back(_count(rest)).listing())

    def do_l(self, rest: str) -> None:
        """l: list the source"""
        self.say(self.stepper.listing(around=8))

    def do_p(self, rest: str) -> None:
        """P NAME: show a variable"""
        try:
            with np.printoptions(linewidth=110, precision=5, threshold=256):
                self.say(self.stepper.value(rest.strip(), **self.where))
        except (KeyError, IndexError) as problem:
            self.say(problem.args[0])

    def do_v(self, rest: str) -> None:
        """v: names of the variables"""
        self.say(", ".join(self.stepper.variables))

    def do_active(self, rest: str) -> None:
        """active: which threads run the statement (1) and which wait (.)"""
        bits = np.atleast_1d(self.stepper.active(**self.where))
        self.say("".join("1" if bit else "." for bit in bits))

    def do_block(self, rest: str) -> None:
        """Block X: look at block number X"""
        self._choose("block", rest or "0")

    def do_warp(self, rest: str) -> None:
        """Warp W: look at a warp; warp: at all"""
        self._choose("warp", rest)

    def do_thread(self, rest: str) -> None:
        """Thread T: look at a thread; thread: at all"""
        self._choose("thread", rest)

    def _choose(self, what: str, rest: str) -> None:
        numbers = [int(n) for n in rest.replace(",", " ").split() if n.lstrip("-").isdigit()]
        self.where[what] = None if not numbers else numbers[0] if len(numbers) == 1 else tuple(numbers)

    def do_c(self, rest: str) -> bool:
        """c: on to the next breakpoint, or to the end"""
        later = [k for k in self.stepper.breakpoints() if k > self.stepper.position]
        if not later:
            return True
        self.say(self.stepper.goto(later[0]).listing())
        return False

    def do_q(self, rest: str) -> bool:
        """q: leave the prompt"""
        return True

    def do_EOF(self, rest: str) -> bool:
        """End of input: leave the prompt"""
        return True

    def do_help(self, rest: str) -> None:
        """help: the commands"""
        self.say(HELP)

    def default(self, line: str) -> None:
        self.say(f"unknown command {line!r}; `help` lists them")

    def emptyline(self) -> bool:
        self.do_n("")
        return False


def _count(rest: str) -> int:
    return int(rest) if rest.strip().isdigit() else 1
