"""Into a kernel: the launches that an op makes on the SIMT machine, each ready to be stepped through by source line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minidl.backends import table
from minidl.backends.devices import arrays
from minidl.errors import ArgumentError, BackendError
from minidl.lens.stepping.moments import Moment


class KernelLaunch(NamedTuple):
    """A launch with its arguments as they were before it ran."""

    kernel: Any
    grid: Any
    block: Any
    args: tuple[Any, ...]
    shared_bytes: int

    @property
    def name(self) -> str:
        """The kernel's name."""
        return getattr(self.kernel, "__name__", "kernel")

    def step(self) -> Any:
        """Return the SIMT machine's `Stepper` of this launch."""
        from cuda_kernels import simt

        return simt.step(self.kernel, self.grid, self.block, *self.args, shared_bytes=self.shared_bytes)


def kernel_launches(moment: Moment) -> list[KernelLaunch]:
    """Run a moment's op again on the SIMT machine, and return its launches.

    An op that ran on `simt` or `cuda` runs by the same rung; one that ran on NumPy by the best rung there is: "the
    kernel that would do it".

    Raises
    ------
    BackendError : the op has no kernels
    DTypeError : float64, in which no kernel computes
    """
    place, _, rung = moment.backend.partition(":")
    backend = f"simt:{rung}" if rung and place in arrays.DEVICES else "simt"
    if moment.is_sum:
        backend = "simt"
    if not table.exists(moment.op, backend):
        raise BackendError(f"kernel: {moment.op} has no kernels; it exists for {table.named(moment.op)}.")
    function = table.load(moment.op, backend, moment.direction)
    assert function is not None
    with _catching() as found:
        rerun(moment, function)
    return found


def rerun(moment: Moment, function: Any) -> Any:
    """Call a function of the moment's op and direction on what the moment was given; return its result."""
    run, given = moment.told.run, lent(moment.told.inputs)
    if moment.direction == "forward":
        return function(*given, **run.static)
    from minidl.tape import takes_needs

    keywords = {"needs": run.needs} if takes_needs(function) else {}
    return function(given[0] if moment.told.single else given, lent(run.cache), **keywords)


def lent(value: Any) -> Any:
    """Return arrays on the host, and tuples and caches of them, as read-only views.

    Not as copies: a copy may lie differently in memory, and BLAS then adds in another order.
    """
    if isinstance(value, tuple):
        parts = [lent(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if arrays.device_of(value) is not None or isinstance(value, np.ndarray):
        view = arrays.on_host(value, "lens.step").view()
        view.flags.writeable = False
        return view
    return value


def choose(launches: list[KernelLaunch], which: int | str) -> KernelLaunch:
    """Return a launch by its number or its kernel's name.

    Raises
    ------
    ArgumentError : there is none
    """
    if isinstance(which, str):
        named = [launch for launch in launches if launch.name == which]
    else:
        named = launches[which : which + 1] if which >= 0 else []
    if not named:
        listed = ", ".join(f"{k} {launch.name}" for k, launch in enumerate(launches)) or "none: it moves no numbers"
        raise ArgumentError(f"kernel: no launch {which!r} here. There are: {listed}.")
    return named[0]


@contextmanager
def _catching() -> Iterator[list[KernelLaunch]]:
    """Keep every launch on the SIMT machine inside the block, with copies of its arguments from before it ran."""
    from cuda_kernels import simt

    original, found = simt.launch, list[KernelLaunch]()

    def launch(kernel: Any, grid: Any, block: Any, *args: Any, shared_bytes: int = 0, **options: Any) -> Any:
        before = tuple(np.array(a, subok=False) if isinstance(a, np.ndarray) and a.ndim else a for a in args)
        found.append(KernelLaunch(kernel, grid, block, before, shared_bytes))
        return original(kernel, grid, block, *args, shared_bytes=shared_bytes, **options)

    simt.launch = launch
    try:
        yield found
    finally:
        simt.launch = original
