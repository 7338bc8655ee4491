"""Into a kernel: the launches that an op makes on the SIMT machine, each ready to be stepped through by source line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cuda_kernels.launched import Launched, launches
from minidl.backends import table
from minidl.backends.devices import arrays
from minidl.errors import ArgumentError, BackendError
from minidl.lens.stepping.moments import Moment
from minidl.observers import OpRun


def kernel_launches(moment: Moment) -> list[Launched]:
    """Run a moment's op again on the SIMT machine, and return its launches, with their arguments from before they ran.

    An op that ran on `simt` or `cuda` runs by the same rung; one that ran on NumPy by the best rung there is: "the
    kernel that would do it".

    Raises
    ------
    BackendError : the op has no kernels
    DTypeError : float64, in which no kernel computes
    """
    from cuda_kernels.launch import simt_options

    place, _, rung = moment.backend.partition(":")
    backend = f"simt:{rung}" if rung and place in arrays.DEVICES and not moment.is_sum else "simt"
    if not table.exists(moment.op, backend):
        raise BackendError(f"kernel: {moment.op} has no kernels; it exists for {table.named(moment.op)}.")
    with simt_options(copies=True), launches() as found:
        again(moment, backend)
    return found


def again(moment: Moment, backend: str) -> OpRun:
    """Run a moment's op once more, on read-only views of what it was given.

    Not on copies: a copy may lie differently in memory, and BLAS then adds in another order.
    """

    def lent(array: Any) -> Any:
        if arrays.device_of(array) is None and not isinstance(array, np.ndarray):
            return array
        view = arrays.on_host(array, "lens.step").view()
        view.flags.writeable = False
        return view

    inputs, cache = arrays.mapped((tuple(moment.run.inputs), moment.run.cache), lent)
    return replace(moment.run, inputs=inputs, cache=cache).again(backend)


def choose(launches: list[Launched], which: int | str) -> Launched:
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
