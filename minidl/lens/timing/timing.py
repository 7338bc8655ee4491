"""Honest timing of one op on several backends.

What is kept apart: the first call (which compiles), the moves up and down, the kernels, the call as a whole. Each
repeat has inputs that the one before it did not have, and finds the caches filled with something else. A GPU is waited
for. The figure shown is a median with its quartiles, beside the roofline of the machine it was measured on; a time that
beats the roofline is refused, because then something else was measured than the op.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from minidl.backends.devices.facts import device_facts, device_name
from minidl.backends.selection import DEFAULT, on_host
from minidl.backends.table import load, on_devices
from minidl.errors import ArgumentError, TimingError
from minidl.lens.timing.costs import cost
from minidl.lens.timing.examples import example_static
from minidl.lens.timing.jobs import Call, Job, count_on_simt, time_on_gpu, time_on_host
from minidl.lens.timing.results import Timing, Timings
from minidl.lens.timing.rooflines import Roofline, roofline

SIMULATED_AT_MOST = 4e7  # operations or bytes of an op that the SIMT machine counts; more would take minutes
TOLERANCE = 1.25  # a roofline is measured too, and another program may have been in its way
TOO_SHORT = 2e-6  # seconds: below this the clock and the call are a good part of the time


def time(
    op: str,
    inputs: Sequence[Any],
    backends: Sequence[str] | None = None,
    *,
    direction: str = "forward",
    repeats: int | None = None,
    seconds: float = 1.0,
    flush: bool = True,
    gpu: str = "H100 SXM",
    **static: Any,
) -> Timings:
    """Time one direction of an op on each backend.

    Parameters
    ----------
    op : name in `minidl.ops_table()`
    inputs : of the op's forward: shapes (filled with random values of the right kind), arrays, or None
    backends : names of backends or rungs, by default "cpu", and "cuda" if the op has kernels; where "cpu"
        does not have the op, "numpy" is timed. "ptx" gives this processor's time for compiled GPU code. "cuda" without
        a GPU, and "simt", give no time but a bound: what the datasheet of `gpu` allows at best, beside what the SIMT
        machine counted
    direction : "forward" or "backward" (all gradients)
    repeats : by default as many as fit in `seconds`, 9 to 200
    flush : fill the caches with other data before each repeat, as a network's other layers do
    gpu : a name in `cuda_kernels.simt.GPUS`
    static : keyword arguments of the op's forward

    Raises
    ------
    UnknownNameError, BackendError : no such op or backend
    ArgumentError : inputs or static values that the op does not take
    TimingError : a time beats the roofline measured on this machine

    >>> timings = time("gemm", [(64, 64), (64, 64)], ["numpy"], repeats=3)
    >>> timings["numpy"].cost.flops, timings["numpy"].call.repeats
    (524288, 3)
    """
    if direction not in ("forward", "backward"):
        raise ArgumentError(f"time: direction must be 'forward' or 'backward'. Got {direction!r}.")
    if repeats is not None and repeats < 1:
        raise ArgumentError(f"time: repeats must be at least 1. Got {repeats}.")
    if isinstance(inputs, tuple) and inputs and all(isinstance(n, int) for n in inputs):
        raise ArgumentError(f"time: inputs must be a list with one entry an input. Got {inputs}; write [{inputs}].")
    roof = roofline(gpu)
    static = example_static(op, inputs) | static
    found = []
    if backends is None:
        backends = [DEFAULT, *(device for device in on_devices(op) if device == "cuda")]
    for backend in [backends] if isinstance(backends, str) else backends:
        job = Job(
            op, direction, on_host(op)[0] if backend == DEFAULT else backend, inputs, static, repeats, seconds, flush
        )
        found.append(_bound(job, roof) if _without_clock(backend) else _measured(job))
    return Timings(found)


def _without_clock(backend: str) -> bool:
    """Whether a device can only be counted here: one whose times say nothing, or a GPU that is not there."""
    facts = device_facts(backend)
    return facts is not None and (not facts.timed or (facts.timed == "gpu" and bool(facts.why_not())))


def _measured(job: Job) -> Timing:
    facts = device_facts(job.backend)
    on_gpu = facts is not None and facts.timed == "gpu"
    call, is_view, parts = time_on_gpu(job) if on_gpu else time_on_host(job)
    counted = cost(job.op, job.direction, call.inputs, call.outputs or (), job.static)
    notes: tuple[str, ...] = ()
    if is_view:
        counted = counted._replace(nbytes=0)
        notes = ("gives a view of what it was given: nothing moves",)
    if (parts.get("kernel") or parts["call"]).median < TOO_SHORT:
        notes += (f"shorter than {TOO_SHORT * 1e6:g} µs: the clock and the call itself are a good part of it",)
    device = "cuda" if on_gpu else "cpu"
    roof = roofline(device)
    where = roof.device if facts is None or on_gpu else f"{facts.runs_on}, no GPU: {roof.device}"
    timing = Timing(
        job.op, job.direction, _shapes(call), job.backend, "measured", where, counted, roof,
        flushed=job.flush, notes=notes, **parts,
    )  # fmt: skip
    return refuse_impossible(timing, device)


def refuse_impossible(timing: Timing, device: str) -> Timing:
    """Return a timing that the roofline of "cpu" or "cuda" allows; that is measured once more before one is refused.

    Raises
    ------
    TimingError : it is faster than the hardware
    """
    seconds = timing.seconds or 0.0
    for again in (False, True):
        roof: Roofline = roofline(device, again=again)
        least = roof.least_seconds(timing.cost)
        if timing.seconds is None or seconds * TOLERANCE >= least:
            return replace(timing, roof=roof)
    raise TimingError(
        f"time: {timing.op} {timing.direction} on {timing.backend!r} must take at least {least * 1e6:.3g} µs here "
        f"({timing.cost.formula}, {timing.cost.nbytes:,} bytes; {roof}). Got {seconds * 1e6:.3g} µs. Does it "
        "return what was computed before, or compute a part only?"
    )


def _bound(job: Job, roof: Roofline) -> Timing:
    """What a GPU's datasheet allows at best, and what the SIMT machine counts: never a time."""
    reference = "numpy" if load(job.op, "numpy", "forward") else job.backend
    on_host = Job(job.op, job.direction, reference, job.inputs, job.static, 1, 0.0, False)
    call, _, _ = on_host.first_run(on_host.call())
    least = cost(job.op, job.direction, call.inputs, call.outputs or (), job.static)
    notes: tuple[str, ...] = ()
    counted = None
    if max(least.flops or 0, least.nbytes) > SIMULATED_AT_MOST:
        notes = ("too large for the SIMT machine to count in seconds: the bound is by the op's formula alone",)
    else:
        counted = count_on_simt(job)
    why = "no GPU can be used here: " if device_name(job.backend) == "cuda" else ""
    device = f"{why}no time but a bound, by the datasheet of {roof.device}; launches and moves are not in it"
    return Timing(
        job.op, job.direction, _shapes(call), job.backend, "bound", device, least, roof, counted=counted, notes=notes
    )


def _shapes(call: Call) -> tuple[tuple[int, ...] | None, ...]:
    return tuple(None if array is None else tuple(array.shape) for array in call.inputs)
