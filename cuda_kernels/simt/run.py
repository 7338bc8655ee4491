"""One launch: its arguments as the kernel sees them, its batches of blocks, and its report."""
from __future__ import annotations

import enum
import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .checking.counter import sample_access, timeline
from .checking.faults import StepLimit
from .checking.recorder import Recorder
from .checking.shadow import Shadow
from .errors import CONSTRUCT_ERRORS, SimtError, UnsupportedSyntax, not_runnable
from .language.program import Program
from .machine import numeric
from .machine.cooperation import Turns, by_blocks, by_threads, residency
from .machine.machine import Machine
from .machine.progress import Stalled
from .outputs import Outputs, root
from .report.report import Figures, Report
from .state.memory import STATIC_SHARED, View, bind_arrays
from .state.objects import Member

# Threads in one batch: more means fewer Python steps, fewer means values that stay in the processor's cache.
BATCH_THREADS = 1 << 16
BATCH_BYTES = 1 << 28  # the most that a batch's shared and local arrays may take, with their shadow
SHADOW_FACTOR = 8
MAX_THREADS = 1024
MAX_BLOCK = (1024, 1024, 64)
MAX_GRID = (2**31 - 1, 65535, 65535)
MAX_DYNAMIC_SHARED = 227 * 1024
MAX_THREADS_RUN = 1 << 30  # of a grid
MAX_LOCAL = 512 * 1024
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
        source = {**program.helper_lines, **program.source.lines}
        self.problems: list[str] = []
        self.too_many = 0
        self.grid = self._extent(grid, "grid", MAX_GRID)
        self.block = self._extent(block, "block", MAX_BLOCK)
        threads = self.block[0] * self.block[1] * self.block[2]
        if threads > MAX_THREADS:
            self.problems.append(f"a block of {self.block} has {threads} threads; a block may have {MAX_THREADS}")
        total = self.grid[0] * self.grid[1] * self.grid[2] * threads
        if not self.problems and total > MAX_THREADS_RUN:
            self.too_many = total
        if program.local_bytes > MAX_LOCAL:
            self.problems.append(f"{program.local_bytes} bytes of local arrays; a thread may have {MAX_LOCAL}")
        if shared_bytes > MAX_DYNAMIC_SHARED:
            self.problems.append(f"{shared_bytes} bytes of dynamic shared memory; a block may have "
                                 f"{MAX_DYNAMIC_SHARED}")
        self._check_shared(program.shared_bytes, shared_bytes)
        self.strict = strict
        self.recorder = Recorder(self.grid, self.block, source, strict)
        self.resident = residency(gpu, max(1, threads), program.shared_bytes + shared_bytes)
        blocks = self.grid[0] * self.grid[1] * self.grid[2]
        if program.cooperative and blocks > self.resident:
            self.problems.append(f"it is cooperative (cuda.cg.this_grid) and has {blocks} blocks, of which {gpu} holds "
                                 f"{self.resident} at a time: all must be there to wait for each other. Let each "
                                 "thread do more, in a grid-stride loop")
        self.values, self.views = self._arguments(args)

    def _check_shared(self, static: int, dynamic: int) -> None:
        """Static and dynamic shared memory together: 48 KB, or 227 KB if the host asks the driver for more.

        `cuda_kernels.launch` asks where the dynamic part alone is more than 48 KB; Numba's kernel[...] never does.
        """
        together = f"{static} bytes of static and {dynamic} of dynamic shared memory"
        if static > STATIC_SHARED or dynamic > MAX_DYNAMIC_SHARED or not static:
            return  # told elsewhere
        if static + dynamic > MAX_DYNAMIC_SHARED:
            self.problems.append(f"{together}; a block may have {MAX_DYNAMIC_SHARED}")
        elif dynamic <= STATIC_SHARED < static + dynamic:
            self.problems.append(f"{together} are {static + dynamic}; a block may have {STATIC_SHARED} unless the host "
                                 "asks the driver for more (MAX_DYNAMIC_SHARED_SIZE_BYTES), which Numba does not")

    def _extent(self, given: Any, what: str, limit: tuple[int, int, int]) -> tuple[int, int, int]:
        """(x, y, z); anything a GPU would refuse becomes a problem."""
        sizes = tuple(given) if isinstance(given, tuple | list) else (given,)
        bad = [n for n in sizes if isinstance(n, bool) or not isinstance(n, int | np.integer)]
        if bad:
            self.problems.append(f"the {what} {given!r} is not made of integers (use // or -(-n // t), not /)")
            return (1, 1, 1)
        if not 1 <= len(sizes) <= 3:
            self.problems.append(f"the {what} {given!r} has {len(sizes)} dimensions; 1 to 3 are possible")
            return (1, 1, 1)
        extent = tuple(int(n) for n in sizes) + (1,) * (3 - len(sizes))
        if min(extent) < 1:
            self.problems.append(f"the {what} {given!r} has no {'blocks' if what == 'grid' else 'threads'}")
            return (1, 1, 1)
        for axis, n, most in zip("xyz", extent, limit, strict=True):
            if n > most:
                self.problems.append(f"the {what} {given!r} has {n} in {axis}; at most {most} are possible")
        return extent  # type: ignore[return-value]

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

    def _arguments(self, args: tuple) -> tuple[list[Any], dict[str, View]]:
        name = self.program.source.name
        if len(args) != len(self.parameters):
            raise TypeError(f"simt.launch: kernel {name!r} takes {len(self.parameters)} arguments "
                            f"({', '.join(self.parameters)}), got {len(args)}")
        arrays: dict[str, np.ndarray] = {}
        for parameter, a in zip(self.parameters, args, strict=True):
            _collect(parameter, a, arrays)
        views = bind_arrays(arrays)
        return [_value(p, a, views) for p, a in zip(self.parameters, args, strict=True)], views

    def watch_float64(self) -> bool:
        """float64 arithmetic is a fault where arrays are float32 and none is float64."""
        kinds = {v.dtype for v in self.views.values()}
        return numeric.FLOAT32 in kinds and numeric.FLOAT64 not in kinds

    def blocks_at_once(self) -> int:
        """Blocks in one batch: as many as `batch_threads` allows, fewer where their own memory would be large."""
        threads = -(-self.block[0] * self.block[1] * self.block[2] // 32) * 32
        own = threads * self.program.local_bytes * 2 + (self.program.shared_bytes + self.shared_bytes) * SHADOW_FACTOR
        return max(1, min(self.batch_threads // threads, BATCH_BYTES // max(own, 1)))

    def execute(self, first: int = 0, count: int | None = None,
                attach: Callable[[Machine], None] | None = None) -> None:
        """Run all batches (or `count` blocks from `first`): in lockstep, and by turns where threads wait for others.

        attach : called with each machine before it runs
        """
        self.attach = attach
        total = self.grid[0] * self.grid[1] * self.grid[2]
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
        threads = self.block[0] * self.block[1] * self.block[2]
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
        machines = by_blocks(self._machine, total) if not threads else by_threads(
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


def _array(a: Any) -> np.ndarray | None:
    """The NumPy array that an argument is, or holds (an array of Numba's simulator)."""
    if not isinstance(a, np.ndarray) and hasattr(a, "copy_to_host"):
        a = getattr(a, "ary", None)
    return a if isinstance(a, np.ndarray) else None


def _collect(name: str, a: Any, arrays: dict[str, np.ndarray]) -> None:
    """Enter the arrays of an argument under their names in the kernel: x, and of a tuple t: t[0], or p.x."""
    found = _array(a)
    if found is not None:
        if not _takes(found.dtype):
            raise TypeError(f"simt.launch: argument {name!r} has dtype {found.dtype}; kernels take booleans, integers, "
                            "floats, complex numbers and records of these")
        arrays[name] = found
    elif isinstance(a, tuple):
        for k, part in enumerate(a):
            _collect(_part(name, a, k), part, arrays)


def _takes(kind: np.dtype) -> bool:
    if kind.names:
        return all(_takes(kind[n].base) for n in kind.names)
    return kind.kind in "biufc" and kind.isnative and kind.itemsize <= (16 if kind.kind == "c" else 8)


def _part(name: str, a: tuple, k: int) -> str:
    return f"{name}.{a._fields[k]}" if hasattr(a, "_fields") else f"{name}[{k}]"


def _value(name: str, a: Any, views: dict[str, View]) -> Any:
    """An argument as the kernel has it: arrays as views, numbers with the type that Numba gives them."""
    if a is None or name in views:
        return views.get(name)
    if isinstance(a, enum.Enum) and not isinstance(a, int):
        return Member(type(a), numeric.typed(a.value))
    if isinstance(a, tuple):
        parts = [_value(_part(name, a, k), v, views) for k, v in enumerate(a)]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    try:
        return numeric.typed(a)
    except TypeError as cause:
        raise TypeError(f"simt.launch: argument {name!r} must be a NumPy array, a number, a tuple of these or None, "
                        f"got {type(a).__name__}. Pass lists as np.asarray(...).") from cause
