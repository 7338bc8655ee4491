"""Launching a kernel on the machine: arguments in, batches of blocks through, a report out."""
from __future__ import annotations

import contextlib
import re
import time
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from . import names, numeric
from .control import StepLimit
from .counting import sample_access, timeline
from .errors import UnsupportedSyntax
from .machine import Machine
from .memory import View, bind_arrays
from .program import Program
from .recorder import Recorder
from .report import Fault, Figures, Report
from .shadow import Shadow

# Threads in one batch: more means fewer Python steps, fewer means values that stay in the processor's cache.
BATCH_THREADS = 1 << 16
BATCH_BYTES = 1 << 28  # the most that a batch's shared and local arrays may take, with their shadow
SHADOW_FACTOR = 8
MAX_THREADS = 1024
MAX_BLOCK = (1024, 1024, 64)
MAX_GRID = (2**31 - 1, 65535, 65535)
MAX_DYNAMIC_SHARED = 227 * 1024
STEP_LIMIT = 100_000

_programs: weakref.WeakKeyDictionary[Any, dict[bool, Program]] = weakref.WeakKeyDictionary()


def program_of(kernel: Any, stepping: bool = False) -> Program:
    """The translated program of a kernel, made once for each function."""
    function = names.python_function(kernel)
    if function is None:
        raise TypeError("simt.launch: the kernel must be a function or a @cuda.jit kernel, got "
                        f"{type(kernel).__name__}")
    known = _programs.setdefault(function, {})
    if stepping not in known:
        known[stepping] = Program(function, stepping)
    return known[stepping]


def translation(kernel: Any) -> str:
    """The NumPy program that a kernel was translated to, as text."""
    return program_of(kernel).text


def launch(kernel: Any, grid: Any, block: Any, *args: Any, checks: bool = True, strict: bool = False,
           shared_bytes: int = 0, outputs: Iterable[Any] | None = None, step_limit: int = STEP_LIMIT,
           batch_threads: int = BATCH_THREADS) -> Report:
    """Run `kernel` over a grid on NumPy, in lockstep; results are written into the array arguments.

    Parameters
    ----------
    kernel : a `@cuda.jit` kernel or a plain function
    grid, block : int or tuple of up to three ints, as in kernel[grid, block]
    args : NumPy arrays (changed in place), numbers, tuples of numbers, None
    checks : False only computes: no faults, no figures, faster. Accesses out of bounds are still masked off.
    strict : raise KernelFault at the first fault
    shared_bytes : dynamic shared memory of a block, for cuda.shared.array(0, dtype)
    outputs : names (or positions, or the arrays themselves) of the arguments that the kernel must write completely.
        None: those that the kernel stores to but never loads from nor updates atomically. (): none.
    step_limit : turns after which a `while` is taken to be endless
    batch_threads : about how many threads run at once (bounds memory)

    Returns
    -------
    Report

    Raises
    ------
    UnsupportedSyntax : the kernel uses Python that has no meaning on a GPU; names the line
    TypeError : wrong number or kind of arguments
    KernelFault : a fault, if `strict`

    >>> from numba import cuda
    >>> def add_one(x):
    ...     i = cuda.grid(1)
    ...     if i < x.size:
    ...         x[i] += 1
    >>> x = np.zeros(5, np.int32)
    >>> launch(add_one, 1, 32, x).faults, x.tolist()
    ([], [1, 1, 1, 1, 1])
    """
    started = time.perf_counter()
    program = program_of(kernel)
    run = Run(program, grid, block, args, checks=checks, strict=strict, shared_bytes=shared_bytes, outputs=outputs,
              step_limit=step_limit, batch_threads=batch_threads)
    if run.refused():
        return run.report(time.perf_counter() - started)
    if program.breakpoints:
        from .stepper import launch_with_breakpoints

        launch_with_breakpoints(kernel, grid, block, args, shared_bytes=shared_bytes, step_limit=step_limit)
    run.execute()
    return run.report(time.perf_counter() - started)


class Run:
    """One launch: its arguments as the kernel sees them, and its recorder."""

    def __init__(self, program: Program, grid: Any, block: Any, args: tuple, *, checks: bool, strict: bool,
                 shared_bytes: int, outputs: Iterable[Any] | None, step_limit: int, batch_threads: int) -> None:
        self.program = program
        self.checks = checks
        self.shared_bytes = shared_bytes
        self.outputs = outputs
        self.step_limit = step_limit
        self.batch_threads = batch_threads
        self.parameters = program.parameters
        source = {**program.helper_lines, **program.source.lines}
        self.problems: list[str] = []
        self.grid = self._extent(grid, "grid", MAX_GRID)
        self.block = self._extent(block, "block", MAX_BLOCK)
        threads = self.block[0] * self.block[1] * self.block[2]
        if threads > MAX_THREADS:
            self.problems.append(f"a block of {self.block} has {threads} threads; a block may have {MAX_THREADS}")
        if shared_bytes > MAX_DYNAMIC_SHARED:
            self.problems.append(f"{shared_bytes} bytes of dynamic shared memory; a block may have "
                                 f"{MAX_DYNAMIC_SHARED}")
        self.recorder = Recorder(self.grid, self.block, source, strict)
        self.values, self.views = self._arguments(args)

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
        return bool(self.problems)

    def _arguments(self, args: tuple) -> tuple[list[Any], dict[str, View]]:
        name = self.program.source.name
        if len(args) != len(self.parameters):
            raise TypeError(f"simt.launch: kernel {name!r} takes {len(self.parameters)} arguments "
                            f"({', '.join(self.parameters)}), got {len(args)}")
        arrays: dict[str, np.ndarray] = {}
        for parameter, a in zip(self.parameters, args, strict=True):
            if isinstance(a, np.ndarray) or (hasattr(a, "copy_to_host") and isinstance(getattr(a, "ary", None),
                                                                                       np.ndarray)):
                a = a if isinstance(a, np.ndarray) else a.ary
                if a.dtype.kind not in "biuf" or not a.dtype.isnative:
                    raise TypeError(f"simt.launch: argument {parameter!r} has dtype {a.dtype}; kernels take booleans, "
                                    "integers and floats")
                arrays[parameter] = a
        views = bind_arrays(arrays)
        values = [views[p] if p in views else _number(p, a) for p, a in zip(self.parameters, args, strict=True)]
        return values, views

    def watch_float64(self) -> bool:
        """float64 arithmetic is a fault where arrays are float32 and none is float64."""
        kinds = {v.dtype for v in self.views.values()}
        return numeric.FLOAT32 in kinds and numeric.FLOAT64 not in kinds

    def blocks_at_once(self) -> int:
        """Blocks in one batch: as many as `batch_threads` allows, fewer where their own memory would be large.

        One at a time where a kernel waits for a lock: in lockstep the block that holds it would wait for the others to
        leave their loop, and they for the lock.
        """
        if self.program.spins:
            return 1
        threads = -(-self.block[0] * self.block[1] * self.block[2] // 32) * 32
        own = threads * self.program.local_bytes * 2 + (self.program.shared_bytes + self.shared_bytes) * SHADOW_FACTOR
        return max(1, min(self.batch_threads // threads, BATCH_BYTES // max(own, 1)))

    def execute(self, machine_type: type[Machine] = Machine, first: int = 0, count: int | None = None) -> None:
        """Run all batches (or `count` blocks from `first`)."""
        total = self.grid[0] * self.grid[1] * self.grid[2]
        stop = total if count is None else min(total, first + count)
        if self.checks:
            self._prepare_shadows()
        step = self.blocks_at_once()
        with np.errstate(all="ignore"):
            for start in range(first, stop, step):
                machine = machine_type(
                    self.recorder, start, min(step, stop - start), checks=self.checks,
                    dynamic_bytes=self.shared_bytes, step_limit=self.step_limit,
                    watch_float64=self.watch_float64())
                try:
                    self.program.run(machine, *self.values)
                except StepLimit:
                    return
                except UnsupportedSyntax as error:
                    line = error.line or self._line_of(error)
                    text = self.recorder.source.get(line, "").strip()
                    raise UnsupportedSyntax(error.reason, line, self.program.source.filename, text) from None
                except (TypeError, ValueError, AttributeError) as error:
                    line = self._line_of(error)
                    error.add_note(f"in kernel {self.program.source.name!r}, line {line}: "
                                   f"{self.recorder.source.get(line, '').strip()}")
                    raise
                finally:
                    self.last_machine = machine
        if self.checks:
            self._check_outputs()

    def _line_of(self, error: BaseException) -> int:
        """The kernel's line that the translated program was running when `error` was raised."""
        trace, place = error.__traceback__, 0
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.program.filename:
                place = trace.tb_lineno
            trace = trace.tb_next
        for text in reversed(self.program.text.split("\n")[:place]):
            found = re.search(r"m\.at\((\d+)\)", text)
            if found:
                return int(found[1])
        return self.program.source.first_line

    def _prepare_shadows(self) -> None:
        """Shadow memory for the arrays that the kernel may write."""
        for name, view in self.views.items():
            alloc = view.alloc
            if alloc.shadow is None and name in self.program.stored and alloc.size:
                alloc.shadow = Shadow(None, alloc)

    # -- outputs ------------------------------------------------------------------------------------------------------

    def _check_outputs(self) -> None:
        for name, must in self._expected_outputs().items():
            view = self.views[name]
            alloc = view.alloc
            if not alloc.size or not (must or alloc.stored):
                continue
            written = np.zeros(alloc.size, bool) if alloc.shadow is None else alloc.shadow.touched()
            addresses = np.full((), int(view.offset))
            for n, s in zip(view.shape, view.strides, strict=True):
                addresses = addresses[..., None] + np.arange(n) * s
            missing = ~written[addresses]
            count = int(np.count_nonzero(missing))
            if count:
                index = tuple(int(k) for k in np.unravel_index(int(missing.argmax()), missing.shape))
                shown = index[0] if len(index) == 1 else index
                self.recorder.fault(
                    "unwritten-output", self._store_line(name), array=name, index=index, count=count,
                    message=f"{count} of {missing.size} elements of output {name!r} are never written, the first at "
                    f"index {shown}: does the grid cover the array, and does the guard let the last elements pass?")

    def _expected_outputs(self) -> dict[str, bool]:
        """Names of outputs, and whether the caller said so."""
        if self.outputs is None:
            return {n: False for n, v in self.views.items()
                    if v.alloc.stored and not v.alloc.loaded and n in self.program.stored}
        chosen: dict[str, bool] = {}
        given = self.outputs
        for item in given if isinstance(given, list | tuple | set) else (given,):
            for parameter, value in zip(self.parameters, self.values, strict=True):
                if isinstance(value, View) and (
                        (isinstance(item, str) and item == parameter)
                        or (isinstance(item, int) and not isinstance(item, bool) and self.parameters[item] == parameter)
                        or (isinstance(item, np.ndarray) and item.size and np.shares_memory(item, value.alloc.data))):
                    chosen[parameter] = True
                    break
            else:
                raise ValueError(f"simt.launch: outputs= names {item!r}, which is no array argument of "
                                 f"{self.program.source.name!r} ({', '.join(self.parameters)})")
        return chosen

    def _store_line(self, name: str) -> int:
        """The first line that stores to an array (0 if none does)."""
        times = self.views[name].alloc.shadow
        if times is not None and times.write_time.any():
            return self.recorder.line_of[int(times.write_time[times.write_time > 0].min())]
        return 0

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
            report.accesses = [sample_access(self.last_machine, entry) for kept in recorder.samples.values()
                               for entry in kept]
            report.timeline = timeline(recorder.steps)
        return report


def _number(name: str, a: Any) -> Any:
    """An argument that is no array, with the type Numba gives it."""
    if a is None:
        return None
    if isinstance(a, tuple):
        return tuple(_number(name, v) for v in a)
    try:
        return numeric.typed(a)
    except TypeError as cause:
        raise TypeError(f"simt.launch: argument {name!r} must be a NumPy array, a number, a tuple of numbers or None, "
                        f"got {type(a).__name__}. Pass lists as np.asarray(...).") from cause


class Session:
    """What `with simt.on() as session` gives: the reports of the launches inside."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.reports: list[Report] = []

    @property
    def report(self) -> Report:
        """The last launch's report."""
        if not self.reports:
            raise ValueError("simt.on: no kernel was launched inside the with block")
        return self.reports[-1]

    @property
    def faults(self) -> list[Fault]:
        """The faults of all launches."""
        return [f for r in self.reports for f in r.faults]


@contextlib.contextmanager
def on(**options: Any) -> Iterator[Session]:
    """Inside this block `kernel[grid, block](...)` runs on the SIMT machine and returns a `Report`.

    `options` are those of `launch` (checks, strict, outputs, …); `kernel[grid, block, stream, bytes]` gives the dynamic
    shared memory as usual.
    """
    from numba import cuda

    session = Session(options)
    kind = type(cuda.jit(lambda: None))
    original, original_forall = kind.__getitem__, kind.forall

    def configured(kernel: Any, configuration: Any) -> Any:
        if not isinstance(configuration, tuple) or not 2 <= len(configuration) <= 4:
            raise ValueError("kernel[grid, block] needs a grid and a block")
        grid, block, *rest = configuration
        shared = {"shared_bytes": rest[1]} if len(rest) == 2 and rest[1] else {}

        def start(*args: Any) -> Report:
            session.reports.append(launch(kernel, grid, block, *args, **{**session.options, **shared}))
            return session.reports[-1]

        return start

    def forall(kernel: Any, tasks: int, tpb: int = 0, stream: Any = 0, sharedmem: int = 0) -> Any:
        threads = tpb or 256
        return configured(kernel, (max(1, -(-tasks // threads)), threads, stream, sharedmem))

    kind.__getitem__, kind.forall = configured, forall
    try:
        yield session
    finally:
        kind.__getitem__, kind.forall = original, original_forall

