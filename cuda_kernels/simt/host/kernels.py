"""A launch with Numba's syntax: what is done to the arguments before the machine runs, and after.

As Numba does it: a NumPy array is copied to the device before the launch and back after it (`cuda.In` and `cuda.Out`
leave one of the two out); device, mapped and managed arrays stay where they are.
"""
from __future__ import annotations

import inspect
import numbers
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..language.names import python_function
from ..launch import launch
from ..report.report import Report
from .device import DEFAULT_STREAM
from .memory import DeviceArray, HostVisibleArray, from_interface, undefined
from .sessions import Session, note_transfer
from .signatures import Declared

THREADS = 256  # of a block of forall, where none are asked for


def declared_of(kernel: Any) -> Declared | None:
    """The signatures of a kernel that was declared with some."""
    return getattr(kernel, "_simt_declared", None)


class Configured:
    """`kernel[grid, block, stream, shared_bytes]`: call it with the arguments."""

    def __init__(self, kernel: Any, session: Session, griddim: Any, blockdim: Any, stream: Any = 0,
                 sharedmem: int = 0) -> None:
        self.dispatcher = kernel
        self.session = session
        self.griddim = _dimensions(griddim, "griddim")
        self.blockdim = _dimensions(blockdim, "blockdim")
        self.stream = stream or DEFAULT_STREAM
        self.sharedmem = sharedmem
        self.pre_launch_callbacks: list[Callable[[Any, Configured], Any]] = []

    def __call__(self, *args: Any) -> Report:
        for callback in self.pre_launch_callbacks:
            callback(self.dispatcher, self)
        return run(self.dispatcher, self.session, self.griddim, self.blockdim, args, self.stream, self.sharedmem)


def configured(kernel: Any, session: Session, configuration: Any) -> Configured:
    """`kernel[configuration]`."""
    if not isinstance(configuration, tuple) or not 2 <= len(configuration) <= 4:
        raise ValueError("must specify at least the griddim and blockdim: kernel[grid, block], with a stream and the "
                         "bytes of dynamic shared memory behind them if need be")
    return Configured(kernel, session, *configuration)


def for_all(kernel: Any, session: Session, ntasks: int, tpb: int = 0, stream: Any = 0, sharedmem: int = 0) -> Any:
    """`kernel.forall(ntasks)`: blocks of `tpb` threads, enough for all tasks."""
    if ntasks < 0:
        raise ValueError(f"Can't create ForAll with negative task count: {ntasks}")
    if ntasks == 0:
        return lambda *args: None
    threads = tpb or THREADS
    return Configured(kernel, session, -(-ntasks // threads), threads, stream, sharedmem)


def run(kernel: Any, session: Session, grid: Any, block: Any, args: tuple[Any, ...], stream: Any = 0,
        shared_bytes: int = 0) -> Report:
    """Launch on the machine; the report is kept by the session."""
    function = python_function(kernel)
    name = getattr(function, "__name__", "kernel")
    _check_launch_bounds(name, kernel, block)
    args = _with_defaults(name, function, args)
    back: list[Callable[[], None]] = []
    for extension in reversed(getattr(kernel, "targetoptions", {}).get("extensions") or []):
        args = tuple(extension.prepare_args(kernel.typeof_pyval(a), a, stream=stream, retr=back)[1] for a in args)
    values = tuple(_as_argument(a, f"argument {k} of {name}", back) for k, a in enumerate(args))
    declared = declared_of(kernel)
    if declared is not None:
        values = declared.fit(values)
    options = {**session.options, **({"shared_bytes": shared_bytes} if shared_bytes else {})}
    if (getattr(function, "__module__", None) or "").startswith("numba.cuda.kernels"):
        options["checks"] = False  # cuda.reduce's own kernels: what is wrong in them is not the caller's to mend
    report = (session.launch or launch)(kernel, grid, block, *values, **options)
    if report is not None:
        session.reports.append(report)
    for copy_back in back:
        copy_back()
    return report


def _dimensions(given: Any, what: str) -> tuple[Any, ...]:
    """One to three ints, as Numba takes them; what a GPU refuses (0, too many) is the launch's to report."""
    if given is None:
        raise ValueError(f"kernel[grid, block]: {what} is None")
    sizes = tuple(given) if isinstance(given, tuple | list) else (given,)
    if len(sizes) > 3:
        raise ValueError(f"{what} must be a sequence of 1, 2 or 3 integers, got {list(sizes)}")
    if not all(isinstance(n, numbers.Integral) for n in sizes):
        raise TypeError(f"{what} must be a sequence of integers, got {list(sizes)}. Is it the result of a division "
                        "with /? Use // or math.ceil(n / t).")
    return tuple(int(n) for n in sizes) + (1,) * (3 - len(sizes))


def _check_launch_bounds(name: str, kernel: Any, block: tuple[int, ...]) -> None:
    """A kernel that was compiled for blocks of at most so many threads takes no larger ones."""
    bounds = getattr(kernel, "targetoptions", {}).get("launch_bounds")
    most = bounds[0] if isinstance(bounds, tuple) else bounds
    if most and int(np.prod(block)) > most:
        raise ValueError(f"{name}: launch_bounds={bounds!r} allows blocks of {most} threads. Got {block}, which a GPU "
                         "refuses (CUDA_ERROR_INVALID_VALUE).")


def _with_defaults(name: str, function: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments, and the defaults of those that are left out (with a warning: Numba has no defaults)."""
    if function is None:
        return args
    parameters = list(inspect.signature(function).parameters.values())
    rest = [p.default for p in parameters[len(args):]]
    if not rest or inspect.Parameter.empty in rest:
        return args  # the launch says what is missing
    left_out = ", ".join(f"{p.name}={p.default!r}" for p in parameters[len(args):])
    warnings.warn(f"{name}: the kernel was launched without {left_out}. The SIMT machine fills defaults in; Numba does "
                  "not, and would refuse this launch: pass them.", stacklevel=4)
    return (*args, *rest)


def _as_argument(value: Any, cause: str, back: list[Callable[[], None]]) -> Any:
    """An argument as the machine takes it; what must be copied back after the launch goes into `back`."""
    kind = type(value).__name__
    if kind in ("In", "Out", "InOut") and hasattr(value, "to_device"):
        return _hinted(value.value, kind, cause, back)
    if isinstance(value, DeviceArray):
        return value.ary
    if isinstance(value, HostVisibleArray):
        return value.view(np.ndarray)
    if isinstance(value, np.ndarray):
        return _hinted(value, "InOut", cause, back)
    if isinstance(value, tuple):
        parts = [_as_argument(v, cause, back) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    interface = getattr(value, "__cuda_array_interface__", None)
    return value if interface is None else from_interface(interface, value).ary


def _hinted(value: Any, kind: str, cause: str, back: list[Callable[[], None]]) -> Any:
    """A host array under In, Out or InOut; one of the device is taken as it is."""
    if not isinstance(value, np.ndarray) or isinstance(value, HostVisibleArray):
        return _as_argument(value, cause, back)
    if kind != "Out":
        note_transfer("up", value.nbytes, value.shape, cause)
    if kind == "In":
        return value.copy(order="K")  # what the kernel writes stays on the device
    copy = undefined(value.shape, value.dtype) if kind == "Out" else value

    def copy_back() -> None:
        note_transfer("down", value.nbytes, value.shape, cause)
        if copy is not value:
            np.copyto(value, copy)

    if value.flags.writeable:
        back.append(copy_back)
    return copy
