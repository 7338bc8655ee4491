"""One launch: its arguments as the kernel sees them, its batches of blocks, and its report."""
from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .arguments import bound
from .checking import Recorder, Shadow, StepLimit, sample_access, timeline
from .errors import CONSTRUCT_ERRORS, SimtError, UnsupportedSyntax, not_runnable
from .language.program import Program
from .limits import MAX_BLOCK, MAX_GRID, MAX_THREADS, MAX_THREADS_RUN, extent_of, refusals
from .machine import numeric
from .machine.cooperation import Turns, by_threads
from .machine.machine import Machine
from .machine.progress import Stalled
from .outputs import Outputs, root
from .report.gpus import gpu_named, resident_blocks
from .report.report import Figures, Report
from .state import WARP

# Threads in one batch: more means fewer Python steps, fewer means values that stay in the processor's cache.
BATCH_THREADS = 1 << 16
BATCH_BYTES = 1 << 28  # the most that a batch's shared and local arrays may take, with their shadow
SHADOW_FACTOR = 8
WHOLE_ARRAY = ("a whole array cannot be added, compared or tested in a kernel, where each thread works on single "
               "elements; index it, x[i], in a loop if need be")


@functools.lru_cache(maxsize=1)
def keep_freed_memory() -> None:
    """Let freed memory be used again, instead of being given back to the system and zeroed page by page.

    A batch's temporaries are larger than what glibc keeps at first (M_MMAP_THRESHOLD, 128 KB); the first larger block
    that is freed raises the limit to its size. A launch without checks took three times as long without this.
    """
    np.empty(1 << 24, np.uint8)


class Run:
    """One launch: its arguments as the kernel sees them, and its recorder."""

    def __init__(self, program: Program, grid: Any, block: Any, args: tuple, *, checks: bool, strict: bool,
                 shared_bytes: int, outputs: Iterable[Any] | None, step_limit: int | None, batch_threads: int,
                 gpu: str = "H100 SXM", owners: bool = False) -> None:
        self.program = program
        self.checks = checks
        self.shared_bytes = shared_bytes
        self.outputs = outputs
        self.step_limit = step_limit
        self.batch_threads = batch_threads
        self.gpu = gpu
        self.owners = owners  # note every store to global memory
        self.attach: Callable[[Machine], None] | None = None
        self.parameters = program.parameters
        self.problems: list[str] = []
        self.grid = extent_of(grid, "grid", MAX_GRID, self.problems)
        self.block = extent_of(block, "block", MAX_BLOCK, self.problems)
        self.threads, self.blocks = math.prod(self.block), math.prod(self.grid)
        total = self.blocks * self.threads
        formed = not self.problems and self.threads <= MAX_THREADS
        self.too_many = total if formed and total > MAX_THREADS_RUN else 0
        self.strict = strict
        self.recorder = Recorder(self.grid, self.block, {**program.helper_lines, **program.source.lines}, strict)
        self.resident = resident_blocks(gpu_named(gpu, "simt.launch"), max(1, self.threads),
                                        program.shared_bytes + shared_bytes)
        self.problems += refusals(program, self.grid, self.block, shared_bytes, self.resident, gpu)
        self.values, self.views = bound(program, args)

    def refused(self) -> bool:
        """True if a GPU would not start this launch (a "bad-launch" fault for each reason)."""
        for problem in self.problems:
            self.recorder.fault("bad-launch", self.program.source.tree.lineno, array=problem,
                                message=f"the launch would be refused: {problem}.")
        for fault in self.recorder.faults.values():
            fault.array = None  # it only kept the problems apart
        if self.too_many:
            self.recorder.fault(
                "step-limit", self.program.source.tree.lineno,
                message=f"the launch has {self.too_many} threads, and was not begun: a GPU would start it, but the "
                f"SIMT machine runs some ten million a second, at most {MAX_THREADS_RUN}. Launch a smaller grid.")
        return bool(self.problems or self.too_many)

    def watch_float64(self) -> bool:
        """float64 arithmetic is a fault where arrays are float32 and none is float64."""
        kinds = {v.dtype for v in self.views.values()}
        return numeric.FLOAT32 in kinds and numeric.FLOAT64 not in kinds

    def blocks_at_once(self) -> int:
        """Blocks in one batch: as many as `batch_threads` allows, fewer where their own memory would be large."""
        threads = -(-self.threads // WARP) * WARP
        own = threads * self.program.local_bytes * 2 + (self.program.shared_bytes + self.shared_bytes) * SHADOW_FACTOR
        return max(1, min(self.batch_threads // threads, BATCH_BYTES // max(own, 1)))

    def execute(self, first: int = 0, count: int | None = None,
                attach: Callable[[Machine], None] | None = None) -> None:
        """Run all batches (or `count` blocks from `first`): in lockstep, and by turns where threads wait for others.

        attach : called with each machine before it runs
        """
        self.attach = attach
        total = self.blocks
        stop = total if count is None else min(total, first + count)
        keep_freed_memory()
        if self.checks:
            self._prepare_shadows()
        self._tell(self.recorder)
        try:
            with np.errstate(all="ignore"):
                if self.program.waits and count is None and self.recorder.history is None:
                    self._execute_waiting(total)
                else:
                    self._batches(first, stop)
        except StepLimit:
            return
        except UnsupportedSyntax as error:
            line = error.line or self._line_of(error)
            text = self.recorder.source.get(line, "").strip()
            raise UnsupportedSyntax(error.reason, line, self.program.source.filename, text) from None
        except CONSTRUCT_ERRORS as error:
            if isinstance(error, SimtError):
                raise
            line = self._line_of(error)
            text = self.recorder.source.get(line, "").strip()
            reason = WHOLE_ARRAY if "View" in str(error) else not_runnable(error)
            raise UnsupportedSyntax(reason, line, self.program.source.filename, text) from error
        if self.checks:
            Outputs(self.program, self.recorder, self.outputs, self.values, self.views).check()

    def _machine(self, start: int, blocks: int = 1, only: int | None = None) -> Machine:
        machine = Machine(self.recorder, start, blocks, checks=self.checks, dynamic_bytes=self.shared_bytes,
                          step_limit=self.step_limit, watch_float64=self.watch_float64(), only=only)
        if self.attach is not None:
            self.attach(machine)
        return machine

    def _batches(self, first: int, stop: int) -> None:
        """In lockstep."""
        step, start = self.blocks_at_once() if not self.program.cooperative else stop - first, first
        while start < stop:
            blocks = min(step, stop - start)
            if start == first and self.program.loops and not self.program.cooperative:
                blocks = 1  # an endless loop is found sooner in a small batch
            self.last_machine = self._machine(start, blocks)
            self.program.run(self.last_machine, *self.values)
            start += blocks

    def _execute_waiting(self, total: int) -> None:
        """In lockstep; block by block if a loop waits in vain; thread by thread if that does not help either.

        A loop that only polls may wait for all blocks of the grid, which lockstep makes possible and a GPU does not
        where the grid is larger than what it holds.
        """
        allocations = {view.alloc for view in self.views.values()}
        before = {alloc: alloc.data.copy() for alloc in allocations if alloc.writable}
        threads = self.threads
        in_lockstep = not (self.program.polls and total > self.resident)
        ways = ["lockstep"] * in_lockstep + ["blocks"] * (total > 1) + ["threads"] * (threads > 1)
        for way in ways:
            self.recorder.may_begin_anew = way != ways[-1]
            try:
                if way == "lockstep":
                    self._batches(0, total)
                else:
                    self._by_turns(total, threads if way == "threads" else 0)
                return
            except Stalled:
                self._begin_anew(before)
        self.recorder.may_begin_anew = False
        self._batches(0, total)  # threads that cannot go by turns: what lockstep makes of it

    def _begin_anew(self, before: dict[Any, np.ndarray]) -> None:
        """Everything as it was before the launch."""
        for alloc, data in before.items():
            alloc.data[...] = data
            alloc.stored = alloc.loaded = False
            alloc.shadow = None
        self.recorder = Recorder(self.grid, self.block, self.recorder.source, self.strict)
        self._tell(self.recorder)
        if self.checks:
            self._prepare_shadows()

    def _tell(self, recorder: Recorder) -> None:
        """What the machine has to know of the program."""
        recorder.stored = self.program.stored
        recorder.stores = {} if self.owners else None
        recorder.dynamic_sites = {
            site: sites - {site} for sites in self.program.dynamic_sites.values() for site in sites}

    def _by_turns(self, total: int, threads: int) -> None:
        machines = ([self._machine(block)] for block in range(total)) if not threads else by_threads(
            lambda block, lane: self._machine(block, only=lane), total, threads)
        turns = Turns(machines, lambda machine: self.program.run(machine, *self.values), self.recorder, self.resident,
                      self.gpu)
        try:
            turns.run()
        finally:
            if turns.last is not None:
                self.last_machine = turns.last

    def _line_of(self, error: BaseException) -> int:
        """The kernel's line that the translated program was running when `error` was raised."""
        trace, place, frame = error.__traceback__, 0, None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.program.filename:
                place, frame = trace.tb_lineno, trace.tb_frame
            trace = trace.tb_next
        for text in reversed(self.program.text.split("\n")[:place]):
            found = re.search(r"counter\.at\((\w+)\)", text)
            if found and frame is not None:  # a function of another file is given the line of its call
                return frame.f_locals["line"] if found[1] == "line" else int(found[1])
        return self.program.source.first_line

    def _prepare_shadows(self) -> None:
        """Shadow memory for the arrays that the kernel may write."""
        for name, view in self.views.items():
            alloc = view.alloc
            if alloc.shadow is None and root(name) in self.program.stored and alloc.size:
                alloc.shadow = Shadow(alloc)

    def let_go(self) -> None:
        """Part the caller's arrays from their shadows.

        Each refers to the other: the caller's memory, a pool's block say, would stay in use until Python next looks
        for such rings.
        """
        for view in self.views.values():
            view.alloc.shadow = None

    def report(self, seconds: float) -> Report:
        """Everything found, as a `Report`."""
        recorder, source = self.recorder, self.program.source
        total = Figures()
        for figures in recorder.lines.values():
            total.add(figures)
        report = Report(
            source.name, self.grid, self.block, source.filename, source.first_line, dict(recorder.source),
            list(recorder.faults.values()), total, dict(sorted(recorder.lines.items())), self.checks, seconds,
            recorder.shared_bytes + self.shared_bytes,
            {n: (str(v.dtype), tuple(v.shape)) for n, v in self.views.items()})
        if self.checks and recorder.samples:
            report.accesses = [sample_access(self.last_machine.threads, entry) for kept in recorder.samples.values()
                               for entry in kept]
            report.timeline = timeline(recorder.steps)
        return report
