"""Stepping through a kernel by source line, forwards and backwards, with every variable shown over threads.

The launch is run once and recorded: for each statement the line, the active threads, the variables (arrays over
threads, never changed in place, so keeping them is cheap) and the elements of memory that it changed. Going back is
looking further up the record. Only the first batch of blocks is recorded; the caller's arrays are not touched.
"""
from __future__ import annotations

import bisect
import sys
from typing import Any

import numpy as np

from ..language.program import program_of
from ..report.report import Report
from ..run import Run
from ..state import WARP, Value, View, linear
from .history import History, Moment

RECORDED_THREADS = 8192


class Stepper:
    """A recorded launch and a position in it; `simt.step` makes one.

    `position` counts statements from 0; the statement at it is about to run. `forward`, `back`, `goto`, `to_line` and
    `to_breakpoint` move; `value` and `active` look. All return what a class wants to see: text or arrays over threads.
    """

    def __init__(self, run: Run, history: History, report: Report) -> None:
        self.history = history
        self.report = report
        self.arrays = run.views
        self.position = 0
        self._run = run

    def __len__(self) -> int:
        return len(self.history.moments)

    @property
    def moment(self) -> Moment:
        """The present statement's record."""
        return self.history.moments[self.position]

    @property
    def line(self) -> int:
        """The line about to run."""
        return self.moment.line

    @property
    def function(self) -> str:
        """The function that it belongs to."""
        return self.moment.function

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables that hold something."""
        return tuple(self.moment.variables)

    @property
    def shape(self) -> tuple[int, int]:
        """(blocks recorded, threads of a block)."""
        assert self.history.threads is not None
        return self.history.threads.blocks, self.history.threads.per_block

    # -- moving -------------------------------------------------------------------------------------------------------

    def goto(self, position: int) -> Stepper:
        """Go to a statement by number (clipped to the record)."""
        self.position = max(0, min(position, len(self) - 1))
        return self

    def forward(self, statements: int = 1) -> Stepper:
        """Run statements."""
        return self.goto(self.position + statements)

    def back(self, statements: int = 1) -> Stepper:
        """Take statements back."""
        return self.goto(self.position - statements)

    def to_line(self, line: int, backwards: bool = False) -> Stepper:
        """The next (or, backwards, the last) time that `line` is about to run. Raises ValueError if it never is."""
        order = range(self.position - 1, -1, -1) if backwards else range(self.position + 1, len(self))
        for k in order:
            if self.history.moments[k].line == line:
                return self.goto(k)
        raise ValueError(f"Stepper.to_line: line {line} does not run {'before' if backwards else 'after'} statement "
                         f"{self.position}")

    def breakpoints(self) -> list[int]:
        """Positions of the statements `breakpoint()`."""
        return [k for k, m in enumerate(self.history.moments) if m.stop]

    # -- looking ------------------------------------------------------------------------------------------------------

    def active(self, block: Any = None, warp: int | None = None, thread: Any = None) -> np.ndarray:
        """Which threads run the statement: booleans (blocks, threads), or a part of them as `value` has it."""
        return self._part(self.moment.mask.full(), block, warp, thread)

    def value(self, name: str, block: Any = None, warp: int | None = None, thread: Any = None) -> Any:
        """A variable over threads, or an array's elements.

        name : a variable or array of the kernel
        block : None for all recorded blocks, or a block's number or (x, y, z)
        warp, thread : a warp's number, a thread's number or (x, y, z), within `block` (default: the first)

        Returns a NumPy array (blocks, threads), (threads,) of a block, (32,) of a warp or a number; for an array its
        shape (with (blocks, …) in front for shared memory, (…, blocks, threads) for local). Raises KeyError.
        """
        if name not in self.moment.variables:
            known = ", ".join(self.variables) or "none yet"
            raise KeyError(f"Stepper.value: no variable {name!r} here. There are: {known}")
        held = self.moment.variables[name]
        if isinstance(held, View):
            return self._array(held, block, warp, thread)
        if isinstance(held, tuple):
            return tuple(self._part(v, block, warp, thread) if hasattr(v, "dtype") else v for v in held)
        return self._part(held, block, warp, thread)

    def _part(self, value: Value, block: Any, warp: int | None, thread: Any) -> Any:
        assert self.history.threads is not None
        full = np.broadcast_to(value, self.history.threads.shape)
        if block is None and warp is None and thread is None:
            return full[:, : self.shape[1]].copy()
        row = full[self._block_number(block)]
        if thread is not None:
            return row[self._thread_number(thread)]
        if warp is not None:
            return row[warp * WARP:(warp + 1) * WARP].copy()
        return row[: self.shape[1]].copy()

    def _array(self, view: View, block: Any, warp: int | None, thread: Any) -> Any:
        data = self.history.memory(view.alloc, self.position)
        if np.ndim(view.offset) or any(np.ndim(n) for n in view.shape):
            raise KeyError("Stepper.value: this is another part of an array in each thread; look at the array itself")
        place = np.full((), int(view.offset))
        for n, s in zip(view.shape, view.strides, strict=True):
            place = place[..., None] + np.arange(int(n)) * s
        if view.alloc.space == "shared":
            picked = data[:, place]
            return picked if block is None else picked[self._block_number(block)]
        if view.alloc.space == "local":
            if block is None and warp is None and thread is None:
                return data[place][..., : self.shape[1]]
            row = data[place][..., self._block_number(block), :]
            if thread is not None:
                return row[..., self._thread_number(thread)]
            return row[..., : self.shape[1]] if warp is None else row[..., warp * WARP:(warp + 1) * WARP]
        return data[place]

    def _block_number(self, block: Any) -> int:
        number = linear(block or 0, self.report.grid)
        if not 0 <= number < self.shape[0]:
            raise IndexError(f"Stepper: block {block} was not recorded; there are {self.shape[0]} from block 0 on")
        return number

    def _thread_number(self, thread: Any) -> int:
        number = linear(thread, self.report.block)
        if not 0 <= number < self.shape[1]:
            raise IndexError(f"Stepper: a block has threads 0 to {self.shape[1] - 1}, got {thread}")
        return number

    def listing(self, around: int = 4) -> str:
        """The source around the present line, an arrow at it, and how many threads run it."""
        lines = sorted(self.report.source)
        here = bisect.bisect_left(lines, self.line)
        shown = [f"{'->' if n == self.line else '  '} {n:4d} | {self.report.source[n]}"
                 for n in lines[max(0, here - around):here + around + 1]]
        blocks, threads = self.shape
        head = (f"statement {self.position} of {len(self)}, {self.function}, line {self.line}: "
                f"{self.moment.mask.lanes} of {blocks * threads} threads active")
        return "\n".join([head, *shown])

    def __str__(self) -> str:
        return self.listing()


def step(kernel: Any, grid: Any, block: Any, *args: Any, shared_bytes: int = 0, limit: int = 10_000,
         step_limit: int | None = None) -> Stepper:
    """Record a launch (of copies of the array arguments) for stepping; see `Stepper`.

    limit : statements recorded at most; the launch stops there.

    >>> from numba import cuda
    >>> import numpy as np
    >>> def count(x):
    ...     i = cuda.grid(1)
    ...     x[i] = i
    >>> s = step(count, 1, 4, np.zeros(4, np.int32))
    >>> s.forward().value("i", block=0)
    array([0, 1, 2, 3])
    >>> s.value("x"), s.forward().value("x"), s.back().value("x")
    (array([0, 0, 0, 0], dtype=int32), array([0, 1, 2, 3], dtype=int32), array([0, 0, 0, 0], dtype=int32))
    """
    program = program_of(kernel, args, stepping=True)
    copies: dict[int, np.ndarray] = {}
    own = tuple(copies.setdefault(id(a), a.copy()) if isinstance(a, np.ndarray) else a for a in args)
    run = Run(program, grid, block, own, checks=True, strict=False, shared_bytes=shared_bytes, outputs=None,
              step_limit=step_limit, batch_threads=RECORDED_THREADS)
    if run.refused():
        raise ValueError("simt.step: " + "; ".join(run.problems))
    history = History(limit)
    run.recorder.history = history
    run.recorder.undo = history.before_store
    run.execute()
    history.settle()
    if not history.moments:
        raise ValueError(f"simt.step: kernel {program.source.name!r} has no statements")
    last = history.moments[-1]
    history.moments.append(Moment(last.line, last.function, last.variables, last.mask))
    return Stepper(run, history, run.report(0.0))


def launch_with_breakpoints(kernel: Any, grid: Any, block: Any, args: tuple, *, shared_bytes: int,
                            step_limit: int | None) -> None:
    """A kernel contains `breakpoint()`: record it, and open the prompt at the first one that threads reach."""
    from .prompt import Prompt

    stepper = step(kernel, grid, block, *args, shared_bytes=shared_bytes, step_limit=step_limit)
    stops = stepper.breakpoints()
    if stops:
        Prompt(stepper.goto(stops[0]), sys.stdin, sys.stdout).cmdloop()
