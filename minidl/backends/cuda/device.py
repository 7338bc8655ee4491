"""Device: where an adapter runs, and by which rung. The only file of minidl's backends that imports cuda_kernels."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels import ladder, launch
from minidl.backends.devices.arrays import HostedArray, as_result, device_of, to_device
from minidl.backends.devices.facts import DEVICES
from minidl.backends.devices.memory import zeros
from minidl.backends.students.register import student_kernel, student_names
from minidl.errors import BackendError, DeviceMemoryError, DTypeError, ShapeError
from minidl.ops.op import records

FIRST = "first"  # a rung's name that every ladder has: its first, naive one

__all__ = ["Device", "bind", "require_kernels", "rungs", "unwritten"]


class Device(NamedTuple):
    """What an adapter is given: the place ("cuda", "simt", "ptx"), the rung if one was chosen, and what it runs for."""

    place: str
    rung: str | None
    op: str
    direction: str

    def take(self, dtype: Any = np.float32, **arrays: Any) -> Any:
        """Return the arrays, named for messages, on this device: C-contiguous, not empty, of this dtype (None: any).

        One array comes back by itself, several as a tuple; None stays None.

        Raises
        ------
        DTypeError : another dtype, or no array
        ShapeError : an array without elements, which no kernel can be launched for; or with too many
        """
        taken = tuple(self._take(name, array, dtype) for name, array in arrays.items())
        return taken[0] if len(taken) == 1 else taken

    def _take(self, name: str, array: Any, dtype: Any) -> Any:
        if array is None:
            return None
        if not isinstance(array, np.ndarray) and device_of(array) is None:
            raise DTypeError(f"{self.op}: {name} must be an array. Got {type(array).__name__}: {array!r:.60}.")
        if dtype is not None and array.dtype != dtype:
            raise DTypeError(
                f"{self.op}: on backend {self.place!r}, {name} must be {np.dtype(dtype)}. Got {array.dtype} of shape "
                f"{tuple(array.shape)}. The kernels compute in float32; for float64 select "
                f"minidl.use({self.op}='cpu')."
            )
        if array.size == 0:
            raise ShapeError(
                f"{self.op}: {name} has no elements. Got shape {tuple(array.shape)}. A kernel needs at least one; "
                "is the batch empty?"
            )
        if array.size > launch.INT32_MAX:  # said before it is uploaded
            raise ShapeError(
                f"{self.op}: {name} has {array.size:,} elements, more than the kernels' int32 indices reach "
                f"({launch.INT32_MAX:,}). Got shape {tuple(array.shape)}. Split it along its first axis, into batches."
            )
        return to_device(array, self.place, f"{self.op} {self.direction}")

    def run(self, kernel: str, *arrays: Any, **static: Any) -> Any:
        """Run a kernel by the chosen rung, or its best one where it has no rung of that name.

        Raises
        ------
        ShapeError, DTypeError, BackendError : what the kernel's host function refuses, in its words
        """
        given = [a.memory if isinstance(a, HostedArray) else a for a in arrays]
        run = host_function(kernel, self.rung)
        try:
            if DEVICES[self.place].hosted:
                with launch.numpy_runs_on(self.place):
                    result = run(*given, **static, on=self.place)
            else:
                result = run(*given, **static, on=self.place)
        except launch.NoGpuError as error:
            raise BackendError(f"{self.op}: {error} `minidl doctor` says more.") from error
        except launch.KernelError as error:
            raise BackendError(f"{self.op} {self.direction}: {error}") from error
        except DeviceMemoryError as error:
            error.add_note(f"This was for a result of {self.op} {self.direction}, kernel {kernel}.")
            raise
        except MemoryError as error:  # the GPU's own, for what a kernel itself needs
            raise DeviceMemoryError(f"{self.op} {self.direction}: {error}") from error
        except TypeError as error:
            raise DTypeError(f"{self.op}, kernel {kernel}: {error}") from error
        except ValueError as error:
            raise ShapeError(f"{self.op}, kernel {kernel}: {error}") from error
        return self.results(result)

    def results(self, result: Any) -> Any:
        """Return what a kernel's host function gave, its arrays marked as this device's."""
        if isinstance(result, tuple):
            return tuple(self.results(part) for part in result)
        return result if result is None or isinstance(result, float) else as_result(result, self.place)

    def zeros(self, shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
        """Return an array of this device filled with zeros."""
        return zeros(shape, dtype, self.place)


def host_function(kernel: str, rung: str | None) -> Callable[..., Any]:
    """Return what runs a kernel: the rung of that name, a student's or of the ladder."""
    mine = student_kernel(kernel, rung)
    return _rung(kernel, rung).run if mine is None else mine.run


@functools.cache
def _rung(kernel: str, chosen: str | None) -> ladder.Rung:
    """Return the kernel's rung of that name or number, or its first one; its best where it has none such."""
    climbed = ladder.rungs(kernel)
    if chosen == FIRST:
        return climbed[0]
    return next((rung for rung in climbed if chosen and _means(chosen, rung.name)), None) or ladder.rung(kernel)


def _means(chosen: str, name: str) -> bool:
    return chosen in (name, name.partition("_")[0])


def has_rung(op: str, chosen: str, direction: str | None = None) -> bool:
    """Whether an op, or one direction of it, has a rung of this name ("r3_shared", "r3", or "first")."""
    return any(chosen == FIRST or _means(chosen, name) for name in rungs(op, direction))


@functools.cache
def rungs(op: str, direction: str | None = None) -> tuple[str, ...]:
    """Return the rungs among which an op, or one direction of it, can choose: those of the kernels that it runs."""
    record, found = records()[op], dict[str, None]()
    kernels = record.all_kernels if direction is None else record.kernels[direction == "backward"]
    for kernel in kernels:
        found.update(dict.fromkeys((*(rung.name for rung in _ladder(kernel)), *student_names(kernel))))
    return tuple(found)


def _ladder(kernel: str) -> tuple[ladder.Rung, ...]:
    """Return the rungs of a kernel, none where it is not written yet."""
    try:
        return ladder.rungs(kernel)
    except KeyError:
        return ()


def unwritten(kernels: Iterable[str]) -> list[str]:
    """Return those of an op's kernels that no ladder has: the op's record is there, and they are not."""
    return [kernel for kernel in kernels if not _ladder(kernel)]


def require_kernels(op: str, kernels: Iterable[str]) -> None:
    """Raise BackendError where kernels that the record of `op` names are not written yet."""
    missing = unwritten(kernels)
    if missing:
        raise BackendError(
            f"{op}: no kernels yet: its record names {' and '.join(map(repr, missing))}, and cuda_kernels has none of "
            f"that name. Write them (docs/add_an_op.md, step 2; cuda_kernels/conventions.md), or say host_only=True in "
            f"the record; until then it runs on 'cpu' and 'numpy'."
        )


def forget_rungs() -> None:
    """Look the rungs up anew: one was registered, or taken away."""
    rungs.cache_clear()
    bind.cache_clear()


@functools.cache
def bind(op: str, backend: str, direction: str) -> Callable[..., Any] | None:
    """Return the adapter of `op` for one direction, bound to the device and rung that `backend` names.

    None where the op has no such direction, or that direction no such rung.
    """
    place, _, rung = backend.partition(":")
    require_kernels(op, records()[op].kernels[direction == "backward"])
    DEVICES[place].require()
    if rung and not has_rung(op, rung, direction):
        return None
    function = adapter(op, direction)
    return function and functools.partial(function, Device(place, rung or None, op, direction))


def adapter(op: str, direction: str) -> Any:
    """Return the adapter of `op`, not yet bound to a device: its own in the file of its name, or that of its form.

    None where the op has no such direction.
    """
    from minidl.backends.cuda.forms import ADAPTERS

    record = records()[op]
    file = f"minidl.backends.cuda.{record.file}"
    module = importlib.import_module(file) if importlib.util.find_spec(file) else None
    return getattr(module, f"{op}_{direction}", None) or ADAPTERS.get(record.form, {}).get(direction)
