"""In the child process: a student's file is run on the cases of its exercise. What is right is not known here.

What comes out is plain: numbers, texts and arrays, which `isolate` carries to the parent, where `judging` looks at it.
"""

from __future__ import annotations

import contextlib
import copy
import io
import linecache
import math
import re
import sys
import traceback
import types
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from minidl.course.checker.reading import in_local_memory
from minidl.course.exercise import Answers, Case, Draw, Exercise, Function, Kernel, Task, named
from minidl.errors import ArgumentError

STEP_LIMIT = 20_000
SHOWN_PRINTS = 8


@dataclass
class Ran:
    """One case of one task, run.

    error : a sentence's name and its facts, where it could not be run
    fault : the code, facts, excerpt and signature of what the SIMT machine found first
    outputs : what came out
    changed : name, index of an input that is no longer what it was; and whether an output was left as it was
    figures : what it moved; `lines` the lines that do so badly
    accesses : of the `par` case, one warp's access of each line and array, the costliest: for a picture
    """

    task: int
    case: int
    error: tuple[str, dict[str, Any]] | None = None
    fault: dict[str, Any] | None = None
    outputs: list[np.ndarray] | None = None
    changed: tuple[str, str] | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    launches: int = 0
    accesses: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Elsewhere:
    """The first cases, run compiled or on a GPU, each several times.

    missing : why they could not be, in words; "" where they were
    """

    stage: str
    missing: str = ""
    ran: list[Ran] = field(default_factory=list)


@dataclass
class Runs:
    """All cases; what was printed; and what came out elsewhere, where it was asked for."""

    ran: list[Ran] = field(default_factory=list)
    error: tuple[str, dict[str, Any]] | None = None
    printed: str = ""
    elsewhere: list[Elsewhere] = field(default_factory=list)


def cases_of(exercise: Exercise, task: Task, seed: int | str = 0) -> list[Case]:
    """Return a task's cases, plain ones first.

    seed : 0 for the public ones; any other gives hidden ones, of other numbers, and the plain ones of other sizes
    """
    found = list(task.cases(Draw(exercise.name, seed)))
    if seed and task.resized:
        other = task.cases(Draw(exercise.name, seed, resized=True))
        found = [new if old.kind == "plain" else old for old, new in zip(found, other, strict=True)]
    for case in found:
        if len(case.inputs) != len(task.input_names):
            raise ArgumentError(
                f"{exercise.label}: a case of {task.name} gives {', '.join(task.input_names)}. Got {len(case.inputs)} "
                "inputs. What is called by `drive` names them in `inputs`."
            )
    return [c for c in found if c.kind != "extreme"] + [c for c in found if c.kind == "extreme"]


def run(exercise: Exercise, source: str, seed: int | str = 0, compiled: bool = False) -> Runs:
    """Run a student's file on all cases."""
    runs, printed = Runs(), io.StringIO()
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        filename = f"<{exercise.label}.py>"
        try:
            module = student_module(filename, source)
        except BaseException as error:
            runs.error = _raised(error, filename)
            return runs
        for number, task in enumerate(exercise.tasks):
            runs.ran += _task(number, task, module, filename, cases_of(exercise, task, seed), bool(seed))
        if compiled and not any(ran.error or ran.fault for ran in runs.ran):
            from minidl.course.checker.elsewhere import elsewhere

            runs.elsewhere = elsewhere(exercise, module, seed)
    lines = printed.getvalue().splitlines()
    more = [f"… {len(lines) - SHOWN_PRINTS} more lines"] if len(lines) > SHOWN_PRINTS else []
    runs.printed = "\n".join([*lines[:SHOWN_PRINTS], *more])
    return runs


def student_module(filename: str, source: str, name: str = "student") -> types.ModuleType:
    """Return a student's file as a module whose functions know their source."""
    module = types.ModuleType(name)
    module.__file__ = filename
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    sys.modules[name] = module
    exec(compile(source, filename, "exec"), module.__dict__)
    return module


def _task(
    number: int, task: Task, module: types.ModuleType, filename: str, cases: list[Case], refilled: bool = False
) -> list[Ran]:
    if isinstance(task, Answers):
        given = getattr(module, task.name)
        return [Ran(number, 0, answers=_answers(given) if isinstance(given, dict) else {})]
    made = []
    for k, case in enumerate(cases):
        ran = Ran(number, k)
        made.append(ran)
        try:
            if isinstance(task, Kernel):
                _kernel(task, module, case, ran)
            elif isinstance(task, Function):
                _function(task, module, case, ran, filename, refilled)
        except BaseException as error:
            ran.error = _raised(error, filename)
        if ran.error is not None and ran.error[0] == "not-run":
            break  # no other case will fare better
    return made


def _answers(given: dict[Any, Any]) -> dict[str, Any]:
    """What a student has answered: numbers and words; an index is a tuple, a list or a text, and becomes "(1, 2)".

    >>> _answers({"a": [1, 2], "b": "1,2", "c": (1, 2), "d": ..., "e": "none", "f": np.int64(3)})
    {'a': '(1, 2)', 'b': '(1, 2)', 'c': '(1, 2)', 'e': 'none', 'f': 3}
    """
    kept = {}
    for key, value in given.items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, tuple | list):
            value = ", ".join(map(str, value))
        if isinstance(value, str) and re.fullmatch(r"[(\[]?\s*-?\d+(\s*,\s*-?\d+)+\s*,?\s*[)\]]?", value.strip()):
            value = f"({', '.join(re.findall(r'-?[0-9]+', value))})"
        if isinstance(value, int | float | str):
            kept[str(key)] = value
    return kept


class _Unmarked(Exception):
    """A function without `@cuda.jit` is launched."""


def _raised(error: BaseException, filename: str) -> tuple[str, dict[str, Any]]:
    if isinstance(error, _Unmarked):
        code = error.args[0].__code__
        return "no-jit", {"name": code.co_name, "L": code.co_firstlineno}
    from cuda_kernels.simt import UnsupportedSyntax

    if isinstance(error, UnsupportedSyntax):
        text = error.reason
        return "not-run", {"message": text if text.endswith((".", "?")) else f"{text}.", "L": error.line}
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == filename]
    message = str(error) if len(str(error)) < 300 else f"{str(error)[:300]}…"
    return "raises", {"kind": type(error).__name__, "message": message, "L": lines[-1] if lines else 0}


def _first_changed(before: Any, after: Any) -> str | None:
    """The index of the first element that differs, as text."""
    if not isinstance(before, np.ndarray):
        return None
    if before.shape != np.shape(after):
        return "all"
    same = (before == after) | ((before != before) & (after != after))
    return None if same.all() else ", ".join(map(str, np.argwhere(~same)[0]))


def as_list(result: Any) -> list[np.ndarray] | None:
    """Return results as arrays; None where they are none."""
    if result is None:
        return None
    parts = result if isinstance(result, tuple | list) else (result,)
    arrays = [np.asarray(part) for part in parts]
    return None if any(a.dtype == object for a in arrays) else arrays


# -- functions in NumPy ------------------------------------------------------------------------------------------------


def _function(
    task: Function, module: types.ModuleType, case: Case, ran: Ran, filename: str, refilled: bool = False
) -> None:
    function = getattr(module, task.name)
    given = copy.deepcopy(case.inputs)
    drive = task.drive or (lambda f, *inputs: f(*inputs))
    if refilled:  # what remembers results by where its inputs lie gives those of the first call
        _call_before(drive, function, given, case)
    with _counted(filename, ran.figures if case.kind == "par" else None):
        result = drive(function, *given)
    ran.outputs = as_list(result)
    if ran.outputs is None:
        ran.error = ("none", {"name": task.name})
        return
    for name, before, after in zip(task.input_names, case.inputs, given, strict=False):
        index = _first_changed(before, after)
        if index is not None:
            ran.changed = (name, index)
            return


def _call_before(drive: Callable[..., Any], function: Any, given: tuple[Any, ...], case: Case) -> None:
    """Call with other numbers in the same arrays, which then get their own again; what comes out is not looked at."""
    arrays = [
        (a, b) for a, b in zip(given, case.inputs, strict=True) if isinstance(a, np.ndarray) and a.dtype.kind == "f"
    ]
    for array, _ in arrays:
        array *= 0.5
    with contextlib.suppress(Exception):
        drive(function, *given)
    for array, before in arrays:
        np.copyto(array, before)


@contextlib.contextmanager
def _counted(filename: str, figures: dict[str, Any] | None) -> Any:
    """Count the lines of the student's file that are run: a measure of loops that no clock disturbs."""
    if figures is None:
        yield
        return
    figures["steps"] = 0

    def look(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != filename:
            return None
        figures["steps"] += event == "line"
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


# -- kernels -----------------------------------------------------------------------------------------------------------


def arguments(task: Kernel, case: Case) -> dict[str, Any]:
    """Return the kernel's arguments by name: a case's inputs, numbers that follow, outputs full of NaN."""
    values: dict[str, Any] = dict(zip(task.input_names, copy.deepcopy(case.inputs), strict=True))
    if task.drive is not None:
        return values
    for name, function in task.given.items():
        values[name] = named(function, values)
    for name, shape in task.outputs.items():
        made = named(shape, values)
        dtype = made.dtype if isinstance(made, np.ndarray) else np.float32
        size = made.shape if isinstance(made, np.ndarray) else made
        nothing = task.start.get(name, np.nan if np.dtype(dtype).kind == "f" else -99)
        values[name] = np.full(size, nothing, dtype)
    return {name: values[name] for name in task.parameters if name in values}


def grid_of(task: Kernel, values: dict[str, Any]) -> tuple[Any, Any]:
    """Return grid and block."""
    block = task.threads if isinstance(task.threads, tuple) else (task.threads,)
    if task.grid is not None:
        return named(task.grid, values), block
    shape = values[next(iter(task.outputs))].shape
    sizes = shape[::-1] if len(block) > 1 else (math.prod(shape),)
    return tuple(max(1, -(-n // t)) for n, t in zip(sizes, block, strict=False)), block


def outputs_of(
    task: Kernel, module: types.ModuleType, values: dict[str, Any], launch: Callable[..., Any]
) -> list[np.ndarray] | None:
    """Launch a task's kernel, or have its `drive` do so, and return what comes out."""
    if task.drive is not None:
        return as_list(task.drive(module, launch, *[values[name] for name in task.input_names]))
    grid, block = grid_of(task, values)
    launch(getattr(module, task.name), grid, block, *values.values())
    return [values[name] for name in task.outputs]


def _kernel(task: Kernel, module: types.ModuleType, case: Case, ran: Ran) -> None:
    from cuda_kernels import simt

    values = arguments(task, case)
    before = copy.deepcopy(values)
    reports: list[Any] = []

    def launch(kernel: Any, grid: Any, block: Any, *args: Any, shared_bytes: int = 0) -> Any:
        if isinstance(kernel, types.FunctionType):
            raise _Unmarked(kernel)
        whole = (
            [a for name, a in values.items() if name in task.outputs and name not in task.start]
            if not task.drive
            else ()
        )
        report = simt.launch(kernel, grid, block, *args, outputs=whole, owners=True, step_limit=STEP_LIMIT,
                             shared_bytes=shared_bytes)  # fmt: skip
        reports.append(report)
        return report

    ran.outputs = outputs_of(task, module, values, launch)
    if ran.outputs is None:
        ran.error = ("none", {"name": task.name})
    ran.launches = len(reports)
    for report in reports:
        if report.faults:
            ran.fault = _told(task, report)
            break
    for name in (name for name in task.input_names if name in values):
        index = _first_changed(before[name], values[name])
        if index is not None:
            same = [y for y in task.outputs if y in before and _first_changed(before[y], values[y]) is None]
            ran.changed = (name, index)
            ran.figures["untouched"] = same[0] if same else ""
            break
    _figures(ran, reports)
    if "local" in task.par:
        lines = in_local_memory("".join(linecache.getlines(module.__file__ or "")))
        ran.figures |= {"local": len(lines), "local_lines": lines}
    if case.kind == "par":
        ran.accesses = _accesses(reports)


def _told(task: Kernel, report: Any) -> dict[str, Any]:
    from minidl.testing.kernels.faults import signature, tell

    fault = min(report.faults, key=lambda f: f.kind in ("unwritten-output", "float64"))  # which follow from others
    code, facts = tell(fault, report, [*task.outputs], task.outside)
    return {
        "code": code, "facts": facts, "lines": [int(n) for n in dict.fromkeys(fault.lines)],
        "signature": signature(report.faults, task.parameters), "kind": fault.kind,
    }  # fmt: skip


def _accesses(reports: list[Any]) -> list[dict[str, Any]]:
    worst: dict[tuple[int, str, str], Any] = {}
    for access in (a for report in reports for a in report.accesses):
        key = (access.line, access.array, access.operation)
        if key not in worst or len(access.sectors) + access.ways > len(worst[key].sectors) + worst[key].ways:
            worst[key] = access
    return [asdict(access) for access in worst.values()]


def _figures(ran: Ran, reports: list[Any]) -> None:
    from cuda_kernels.simt import Figures

    total, lines = Figures(), []
    for report in reports:
        total.add(report.figures)
        for line, f in report.by_line.items():
            use = f.global_bytes / (32 * f.global_sectors) if f.global_sectors else 1.0
            passes = f.shared_wavefronts / f.shared_accesses if f.shared_accesses else 1.0
            lines.append((int(line), int(f.global_sectors), round(use, 3), round(passes, 3), int(f.atomics)))
    ran.figures |= {
        "sectors": total.global_sectors, "load_sectors": total.global_load_sectors,
        "store_sectors": total.global_store_sectors, "stores": total.global_stores, "atomics": total.atomics,
        "shared_passes": round(total.shared_wavefronts / total.shared_accesses, 3) if total.shared_accesses else 0.0,
        "executions": total.executions, "tensor_products": total.tensor_products,
        "shared_accesses": total.shared_accesses, "barriers": total.barriers, "shuffles": total.shuffles,
        "active": round(total.active_fraction, 3), "launches": len(reports), "lines": lines,
    }  # fmt: skip
    if reports and reports[-1].owners is not None:
        workers, elements = reports[-1].owners.workers()
        grid, block = reports[-1].grid, reports[-1].block
        ran.figures |= {
            "workers": int(workers),
            "elements": int(elements),
            "threads": math.prod(grid) * math.prod(block),
        }
