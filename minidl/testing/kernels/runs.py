"""Run one kernel inside its op, watched: every call of it, the faults, what it returned and what the ladder returns.

A kernel is checked where it is used. The op's adapter calls it, with the arrays that the op prepares, and the other
kernels of the op run by their first rung, the quickest on the SIMT machine. So a case of an op is a case of each of
its kernels, and the op in NumPy and float64 is the reference for all of them.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import cuda_kernels
import minidl
from cuda_kernels import ladder, launch
from cuda_kernels.compile.refusals import types_of
from cuda_kernels.simt import Fault, Figures, Report, SimtError
from minidl.backends import table
from minidl.backends.cuda import use_pools
from minidl.backends.cuda.device import FIRST, Device, adapter
from minidl.backends.devices.arrays import HostedArray, on_host
from minidl.backends.students.host import default_of
from minidl.errors import MinidlError
from minidl.ops.op import records
from minidl.testing.cases import Case, cases, has_cases
from minidl.testing.kernels.fault_causes import cause_of_fault, windows
from minidl.testing.kernels.faults import tell
from minidl.testing.kernels.patience import NoReturnError, patience
from minidl.testing.sentences import FAULTS, code_of, fill, phrase
from minidl.testing.values import copies

Launched = tuple[Any, tuple[Any, ...]]  # a kernel, and the types of its arguments
SERIAL = ("r1_three_passes", "r1_serial", "r1_losses")  # rungs of one thread a row


def of_the_ladders(kernel: Any) -> bool:
    """Whether a kernel is one of cuda_kernels, not a student's."""
    return str(getattr(kernel, "py_func", kernel).__module__).startswith("cuda_kernels.")


class Call(NamedTuple):
    """One call of the kernel: its arguments, what it returned, what the ladder's first rung returns, the reports.

    launched : the kernels that it launched, each with the types of its arguments
    """

    arrays: tuple[Any, ...]
    static: dict[str, Any]
    result: Any
    expected: Any
    reports: list[Report]
    launched: tuple[Launched, ...] = ()

    @property
    def figures(self) -> Figures:
        """The figures of all its launches, added up."""
        total = Figures()
        for report in self.reports:
            total.add(report.figures)
        return total


class Cause(NamedTuple):
    """What is behind a failure; and how sure that is: a known mistake of such kernels 2, of any 1, a guess 0."""

    text: str
    known: int


class Failure(Exception):
    """A stage failed: which, the sentence, the source line, the likely cause, and how large the result is.

    cause : a text, or a function that works it out: a `Cause`
    example : the case in numbers, where it has only a few
    """

    def __init__(
        self, stage: str, sentence: str, source: str = "", cause: str | Callable[[], Cause] = "", size: int = 0,
        example: str = "",
    ) -> None:  # fmt: skip
        super().__init__(sentence)
        self.size, self.example = size, example
        self.stage, self.sentence, self.source = stage, sentence, source
        self._cause = cause

    @functools.cached_property
    def cause(self) -> Cause:
        """The likely cause, worked out when it is asked for."""
        return self._cause() if callable(self._cause) else Cause(self._cause, 2)


class NotTaken(Exception):
    """The function takes not all of a case's settings, so that the case cannot be run: which ones."""

    def __init__(self, settings: tuple[str, ...]) -> None:
        super().__init__(", ".join(settings))
        self.settings = settings


class Probe(Device):
    """A device on which one kernel is run by a given function, watched; the others by their first rung."""

    kernel: str
    function: Callable[..., Any]
    calls: list[Call]
    watched: bool
    counted: bool

    def run(self, kernel: str, *arrays: Any, **static: Any) -> Any:
        """Run a kernel. Raises Failure where the watched one does what no kernel may, NotTaken where it cannot run."""
        if kernel != self.kernel:
            return super().run(kernel, *arrays, **static)
        given = tuple(a.memory if isinstance(a, HostedArray) else a for a in arrays)
        self.require_taken(given, static)
        call = watched_call(kernel, self.function, given, static) if self.watched else self._plain(given, static)
        self.calls.append(call)
        return self.results(call.result)

    def require_taken(self, given: tuple[Any, ...], static: dict[str, Any]) -> None:
        """Raise NotTaken where the function would have to refuse a setting. The ladder's own take everything."""
        not_taken = getattr(self.function, "not_taken", None)
        if not_taken is not None and (left_out := not_taken(given, static)):
            raise NotTaken(tuple(left_out))

    def _plain(self, given: tuple[Any, ...], static: dict[str, Any]) -> Call:
        with launch.simt_options(strict=False, checks=self.counted) as reports:
            result = self.function(*given, **static, on=self.place)
        return Call(given, static, result, result, reports)


def watched_call(kernel: str, function: Callable[..., Any], given: tuple[Any, ...], static: dict[str, Any]) -> Call:
    """Call a host function on arrays of the SIMT machine. Raises Failure at the first stage that fails."""
    before = copies(given)
    where = described(kernel, given, static)
    with launch.simt_options(checks=False, strict=False) as launched:
        expected = _quickest(kernel)(*copies(given), **static, on="simt")
    with launch.simt_options(strict=False) as reports, launch.launches() as made, poisoned():
        try:
            with patience():
                result = function(*given, **static, on="simt")
        except NoReturnError as error:
            raise Failure("runs", f"{where}: {error}", _line_of(error)) from error
        except SimtError as error:
            magic = "Does its cell begin with %%time, or another line with %%? Such a cell keeps no source."
            axes = "An array of this case has more axes than the kernel's index has numbers. Is it for matrices alone?"
            axes += " Then check it on inputs of your own, of that many axes."
            whole = any(words in str(error) for words in ("got a view", "assigns no array to a part"))
            hint = magic if "cannot be read" in str(error) else axes if whole else ""
            raise Failure("runs", f"{where}: the kernel cannot be run. {error}", cause=hint) from error
        except MinidlError as error:
            raise Failure("runs", f"{where}: {error}") from error
        except (Exception, SystemExit) as error:  # whatever a student's function raises is what the check is about
            if "NoneType" in str(error) and (absent := _absent(kernel, given)):
                raise NotTaken(absent) from error
            said = f"{where}: raises {type(error).__name__}: {error}".removesuffix(": ")
            raise Failure(
                "runs", said, _line_of(error), _OWN_ASSERT if type(error) is AssertionError else ""
            ) from error
    if not reports and launched:
        raise Failure("runs", f"{where}: no kernel was launched.", cause="Does the host function return before it?")
    for number in range(len(reports)):
        if _faults(function, reports, number):
            raise _machine_failure(kernel, function, before, static, number, where)
    _check_kind(where, result, expected)
    for position, (old, new) in enumerate(zip(before, given, strict=True)):
        if isinstance(old, np.ndarray) and not np.array_equal(old, new, equal_nan=old.dtype.kind == "f"):
            name = argument_names(kernel, len(given))[position]
            np.copyto(new, old)
            if kernel.endswith("_update") and static.get("in_place"):
                continue
            raise Failure(
                "values", f"{where}: the kernel changed its input {name!r}.",
                cause="An input may be a weight, or needed by the backward: write to the output alone.",
            )  # fmt: skip
    kernels = dict.fromkeys((one.kernel, types_of(one.args)) for one in made)
    return Call(given, static, result, expected, reports, tuple(kernels))


def _faults(function: Callable[..., Any], reports: list[Report], number: int) -> list[Fault]:
    """Return the faults of a launch. Where a host function starts from zeros, or fills its output by several launches,
    no launch has to write all of it: then the values decide.
    """
    several = getattr(function, "may_fill_in_parts", False) and len(reports) > 1
    in_parts = several or getattr(function, "starts_filled", False)
    return [fault for fault in reports[number].faults if not (in_parts and fault.kind == "unwritten-output")]


def _machine_failure(
    kernel: str, function: Callable[..., Any], given: tuple[Any, ...], static: dict[str, Any], number: int, where: str
) -> Failure:
    """Return the failure for the first fault of a launch: run once more, to see which thread owns what."""
    with launch.simt_options(strict=False, owners=True) as reports, poisoned():
        function(*given, **static, on="simt")
    report, fault = reports[number], _faults(function, reports, number)[0]
    code, facts = tell(fault, report, outside=windows(fault, report, kernel))
    said = fill(FAULTS[code], {**facts, "luck": phrase("not-looked")})
    many = f" {fault.count} threads do so." if fault.count > 1 and code in ("F1n", "F2", "F3", "F3n") else ""
    stop = "" if said.endswith((".", "?", ")")) else "."
    fault_number = f"{code_of(code)}: " if code != "machine" else f"{fault.kind}: "
    sentence = f"{fault_number}{said}{stop}{many} In {where}."
    return Failure("machine", sentence, fault.source, cause_of_fault(fault, report, kernel, code))


def _quickest(kernel: str) -> Callable[..., Any]:
    """Return what gives a kernel's results soonest on the SIMT machine: the first rung, unless one thread walks a row.

    Of several products it is the naive one for each pair.
    """

    def naive(a: np.ndarray, b: np.ndarray, **settings: Any) -> np.ndarray:
        product = ladder.rung("gemm", "r1").run
        return np.stack([product(*pair, **settings) for pair in zip(a, b, strict=True)])

    rungs = ladder.rungs(kernel)
    serial = rungs[0].name in SERIAL and len(rungs) > 1
    return naive if kernel == "batched_gemm" else rungs[int(serial)].run


def _absent(kernel: str, given: tuple[Any, ...]) -> tuple[str, ...]:
    """The optional operands that a call does without: a layer may have no gamma."""
    return tuple(f"{name}=None" for name, a in zip(argument_names(kernel, len(given)), given, strict=True) if a is None)


_OWN_ASSERT = (
    "An assert of your own refuses this case. The check leaves out the cases of a setting that your function has no "
    "parameter for; or check it on inputs of your own, which it takes."
)


def _check_kind(where: str, result: Any, expected: Any) -> None:
    """The result must be what the ladder's is: as many arrays, of these shapes and dtypes."""
    if isinstance(expected, tuple):
        if not isinstance(result, tuple) or len(result) != len(expected):
            got = f"{len(result)} of them" if isinstance(result, tuple) else type(result).__name__
            absent = isinstance(result, tuple) and any(part is None for part in result)
            cause = "A result that is None is left out: return (w,) where no state was given." if absent else ""
            if not isinstance(result, tuple) and len(expected) == 1:
                cause = "A tuple of one has a comma: return (w,)."
            raise Failure("runs", f"{where}: must return a tuple of {len(expected)}. Got {got}.", cause=cause)
        for mine, theirs in zip(result, expected, strict=True):
            _check_kind(where, mine, theirs)
        return
    if not isinstance(expected, np.ndarray):
        return
    if result is None:
        raise Failure("runs", f"{where}: returned None.", cause="The host function has to end with `return y`.")
    if not isinstance(result, np.ndarray):
        raise Failure("runs", f"{where}: must return an array. Got {type(result).__name__}.")
    if result.shape != expected.shape or result.dtype != expected.dtype:
        raise Failure(
            "runs", f"{where}: must return {expected.dtype} {expected.shape}. Got {result.dtype} {result.shape}."
        )


@contextlib.contextmanager
def poisoned(place: str = "simt") -> Iterator[None]:
    """Inside this block `empty` gives arrays of `place` full of NaN (integers: -99, booleans: True)."""

    def allocate(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return np.full(shape, np.nan if dtype.kind == "f" else -99 if dtype.kind == "i" else 1, dtype)

    launch.set_allocator(allocate, place)
    try:
        yield
    finally:
        use_pools()


OWN_FILES = tuple(f"{Path(package.__file__ or '').parent}{os.sep}" for package in (minidl, cuda_kernels))


def _line_of(error: BaseException) -> str:
    """The student's line that raised, as an excerpt; "" where none of theirs was running."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.line and not f.filename.startswith(OWN_FILES)]
    mine = [f for f in frames if f"{os.sep}site-packages{os.sep}" not in f.filename] or frames
    return f"{mine[-1].lineno:5d} | {mine[-1].line}" if mine else ""


def argument_names(kernel: str, count: int) -> list[str]:
    """Return the names of a kernel's first arguments, from the ladder's host function."""
    names: list[str] = []
    for parameter in inspect.signature(ladder.rung(kernel).run).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{k}]" for k in range(count - len(names))]
        else:
            names.append(parameter.name)
    return names[:count]


def changed_settings(kernel: str, static: dict[str, Any]) -> list[str]:
    """Return the names of the settings that have another value than their default's."""
    return [key for key, value in static.items() if key != "needs" and value != default_of(kernel, key)]


def described(kernel: str, given: tuple[Any, ...], static: dict[str, Any]) -> str:
    """Return the call as text: "gemm(a (5, 7), b (7, 3), transpose_b=True)"."""
    parts = []
    for name, a in zip(argument_names(kernel, len(given)), given, strict=False):
        if a is not None:
            parts.append(f"{name} {tuple(a.shape)}" if hasattr(a, "shape") else f"{name} {a}")
    parts += [f"{key}={static[key]!r}" for key in changed_settings(kernel, static)]
    return f"{kernel}({', '.join(parts)})"


# -- the ops that run a kernel -----------------------------------------------------------------------------------------


def ops_with(kernel: str) -> list[str]:
    """Return the ops in whose cases a kernel is checked; first the op of its own name."""
    users = [op.name for op in records().values() if kernel in op.all_kernels]
    own = [op for op in users if kernel == op or kernel.startswith(f"{op}_backward")]
    return [*own, *(op for op in users if op not in own and (not own or op == "dense"))]


def directions(op: str, kernel: str) -> tuple[str, ...]:
    """Return in which directions of `op` this kernel runs."""
    ways = zip(table.DIRECTIONS, records()[op].kernels, strict=True)
    return tuple(way for way, names in ways if kernel in names)


def cases_of(op: str, given: Case | None) -> list[Case]:
    """Return the cases of an op, or the one given."""
    return [given] if given is not None else cases(op) if has_cases(op) else []


def probe(
    op: str, direction: str, kernel: str, function: Callable[..., Any], watched: bool = True, counted: bool = False
) -> Probe:
    """Return a device for one direction of `op` on which `kernel` is run by `function`: watched or counted."""
    device = Probe("simt", FIRST, op, direction)
    device.kernel, device.function, device.calls = kernel, function, []
    device.watched, device.counted = watched, counted
    return device


def run_forward(device: Probe, case: Case) -> Any:
    """Return (y, cache) of the op's forward, y on the host."""
    y, cache = adapter(device.op, "forward")(device, *case.inputs, **case.static)
    return on_host(y, "check"), cache


def run_backward(device: Probe, dy: Any, cache: Any) -> tuple[Any, ...]:
    """Return the gradients of the op's backward, on the host."""
    return on_host(adapter(device.op, "backward")(device, dy, cache), "check")


def in_float64(value: Any) -> Any:
    """Return float32 arrays (in tuples too) as float64; the rest as it is."""
    if isinstance(value, tuple):
        return tuple(in_float64(part) for part in value)
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype == np.float32 else value


def upstream(y: Any) -> Any:
    """Return a gradient for y, in float32, that differs from cell to cell."""
    if isinstance(y, tuple):
        return tuple(upstream(part) for part in y)
    return np.cos(np.arange(np.size(y), dtype=np.float32)).reshape(np.shape(y)).astype(np.float32)
