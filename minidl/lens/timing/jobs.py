"""How one op is timed: calls with fresh inputs, on the host and on a GPU, and counted on the SIMT machine."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from cuda_kernels.launched import launches
from minidl.backends.devices.arrays import HostedArray, on_host, to_device
from minidl.backends.devices.facts import DEVICES, device_facts, device_name, on_device
from minidl.backends.table import backends, load
from minidl.errors import ArgumentError, BackendError, MinidlError
from minidl.lens.timing.examples import example_inputs
from minidl.lens.timing.machines import last_cache_bytes
from minidl.lens.timing.results import Counted, Spread
from minidl.lens.timing.rooflines import roofline

SETS = 3  # of inputs, taken in turn
LEAST_REPEATS, MOST_REPEATS = 9, 200

Place = Callable[[Any], Any]


class Call(NamedTuple):
    """A function ready to be called, the inputs of the op's forward, and its outputs where they are known."""

    function: Callable[..., Any]
    given: tuple[Any, ...]
    static: dict[str, Any]
    inputs: list[Any]
    outputs: tuple[Any, ...] | None
    is_forward: bool

    def run(self) -> Any:
        """Call it."""
        return self.function(*self.given, **self.static)


class Job:
    """What to time: one direction of an op on one backend."""

    def __init__(
        self, op: str, direction: str, backend: str, inputs: Sequence[Any], static: dict[str, Any],
        repeats: int | None, seconds: float, flush: bool,
    ) -> None:  # fmt: skip
        self.op, self.direction, self.backend = op, direction, backend
        self.inputs, self.static = list(inputs), static
        self.repeats, self.seconds, self.flush = repeats, seconds, flush
        self.rng = np.random.default_rng(0)

    def call(self, place: Place = lambda array: array, backend: str | None = None) -> Call:
        """Return a call with fresh inputs. `place` brings an array to where the backend wants it.

        For a backward the forward is run here, so that only the backward is left to time.
        """
        backend = backend or self.backend
        arrays = example_inputs(self.op, self.inputs, self.rng)
        placed = tuple(place(array) for array in arrays)
        function = implementation(self.op, backend, self.direction)
        if self.direction == "forward":
            return Call(function, placed, self.static, arrays, None, True)
        forward = load(self.op, backend, "forward") or implementation(self.op, "numpy", "forward")
        y, cache = self.explained(forward, placed)
        outputs = y if isinstance(y, tuple) else (y,)
        dy = tuple(place(self.rng.standard_normal(part.shape, np.float32)) for part in outputs)
        return Call(function, (dy if isinstance(y, tuple) else dy[0], cache), {}, arrays, outputs, False)

    def explained(self, forward: Callable[..., Any], given: Sequence[Any]) -> Any:
        """Run a forward; inputs or static values that it has no place for are an error that says so."""
        try:
            return forward(*given, **self.static)
        except MinidlError:  # which says more than what is said here
            raise
        except TypeError as error:
            shapes = [None if a is None else tuple(a.shape) for a in given]
            raise ArgumentError(
                f"time: {self.op} does not take inputs {shapes} with {self.static}. Got: {error}. "
                f"docs/architecture.md lists the inputs and static values of every op."
            ) from error

    def first_run(self, call: Call) -> tuple[Call, Any, float]:
        """Run a call for the first time: return it with its outputs, what it gave, and the seconds it took."""
        started = time.perf_counter()
        result = self.explained(call.function, call.given) if call.outputs is None else call.run()
        facts = device_facts(self.backend)
        if facts is not None and facts.timed == "gpu":
            numba_cuda().synchronize()
        seconds = time.perf_counter() - started
        if call.outputs is None:
            y = result[0]
            call = call._replace(outputs=y if isinstance(y, tuple) else (y,))
        return call, result, seconds

    def repeat(self, run: Callable[[Call], Any], calls: list[Call], fill: Callable[[], None]) -> list[Any]:
        """Run the calls in turn, with the caches filled before each, as often as asked for or as time allows."""
        samples: list[Any] = []
        least, most = self.repeats or LEAST_REPEATS, self.repeats or MOST_REPEATS
        until = time.perf_counter() + self.seconds
        while len(samples) < least or (len(samples) < most and time.perf_counter() < until):
            if self.flush:
                fill()
            samples.append(run(calls[len(samples) % len(calls)]))
        return samples


def implementation(op: str, backend: str, direction: str) -> Callable[..., Any]:
    """Return the function of an op, or raise `BackendError` where there is none."""
    function = load(op, backend, direction)
    if function is None:
        raise BackendError(f"time: {op} has no {direction} on {backend!r}. It exists for {backends(op)}.")
    return function


# ---- on the host


def time_on_host(job: Job) -> tuple[Call, bool, dict[str, Any]]:
    """Return a call with its outputs, whether it gives a view of its inputs, and the first and the repeated times."""
    device = device_name(job.backend)
    place = placer(device) if device else lambda array: array
    call, result, first = job.first_run(job.call(place))
    is_view = any(np.may_share_memory(a, b) for a in _arrays(result)[:1] for b in _arrays(call.given))
    del result
    calls = [job.call(place) for _ in range(SETS)]
    for warm_up in calls:
        warm_up.run()
    total, kernels = zip(*job.repeat(_timed_on_host, calls, _fill_caches), strict=True)
    spreads = {"call": total} | ({"kernel": kernels} if device else {})
    return call, is_view, {"first": first} | {name: Spread.of(samples) for name, samples in spreads.items()}


def _timed_on_host(call: Call) -> tuple[float, float]:
    """Seconds of the call, and of the compiled kernels in it."""
    with launches() as found:
        started = time.perf_counter()
        result = call.run()
        finished = time.perf_counter()
    del result  # after the clock has stopped: giving memory back is not the op's
    return finished - started, sum(launch.milliseconds() or 0.0 for launch in found) / 1e3


def _arrays(value: Any) -> list[np.ndarray]:
    if isinstance(value, tuple | list):
        return [array for part in value for array in _arrays(part)]
    value = value.memory if isinstance(value, HostedArray) else value
    return [value] if isinstance(value, np.ndarray) else []


@functools.cache
def _other_data() -> np.ndarray:
    return np.zeros(2 * last_cache_bytes() // 4, np.float32)


def _fill_caches() -> None:
    """Write to more memory than the caches hold."""
    other = _other_data()
    other += 1.0


# ---- on a GPU


def numba_cuda() -> Any:
    """Return Numba's cuda module, imported when there is a GPU to wait for."""
    from cuda_kernels._cuda import cuda

    return cuda


def time_on_gpu(job: Job) -> tuple[Call, bool, dict[str, Any]]:
    """As `time_on_host`, with the moves apart, waiting for the GPU each time."""
    DEVICES["cuda"].require()
    cuda = numba_cuda()
    place = placer("cuda")
    floats = [a for a in example_inputs(job.op, job.inputs, job.rng) if a is not None and a.dtype == np.float32]
    ups = []
    for _ in range(LEAST_REPEATS):
        started = time.perf_counter()
        moved = [place(array) for array in floats]
        cuda.synchronize()
        ups.append(time.perf_counter() - started)
        del moved
    call, _, first = job.first_run(job.call(place))
    calls = [job.call(place) for _ in range(SETS)]
    for warm_up in calls:
        _timed_on_gpu(warm_up)
    total, kernel, down = zip(*job.repeat(_timed_on_gpu, calls, _gpu_cache_filler()), strict=True)
    spreads = {"up": ups, "call": total, "kernel": kernel, "down": down}
    return call, False, {"first": first} | {name: Spread.of(samples) for name, samples in spreads.items()}


def placer(device: str) -> Place:
    """Return what moves a float array to a device; labels and ids stay on the host, as they do on the tape."""

    def place(array: Any) -> Any:
        is_float = isinstance(array, np.ndarray) and array.dtype == np.float32
        return to_device(array, device, "lens.time") if is_float else array

    return place


def _timed_on_gpu(call: Call) -> tuple[float, float, float]:
    """Seconds of the call until its results are there, of its kernels by events, and of fetching the results."""
    cuda = numba_cuda()
    cuda.synchronize()
    with launches() as found:
        started = time.perf_counter()
        result = call.run()
        cuda.synchronize()
        finished = time.perf_counter()
    kernels = sum(launch.milliseconds() or 0.0 for launch in found) / 1e3
    wanted = result[0] if call.is_forward else result  # without the cache
    fetching = time.perf_counter()
    on_host(wanted, "lens.time")
    return finished - started, kernels, time.perf_counter() - fetching


def _gpu_cache_filler() -> Callable[[], None]:
    cuda = numba_cuda()
    size = max(64 << 20, 4 * roofline("cuda").cache_bytes)
    one, other = (cuda.device_array(size // 4, np.float32) for _ in range(2))

    def fill() -> None:
        other.copy_to_device(one)
        cuda.synchronize()

    return fill


# ---- on the SIMT machine


def count_on_simt(job: Job) -> Counted:
    """Run the kernels of one call on the SIMT machine, and add up what it counted."""
    simulated = on_device(job.backend, "simt")
    function = implementation(job.op, simulated, job.direction)
    # A backward takes the cache of NumPy's forward: nothing is simulated but what is counted.
    call = job.call(placer("simt") if job.direction == "forward" else lambda array: array, "numpy")
    with launches() as found:
        call._replace(function=function).run()
    figures = [launch.report.figures for launch in found if launch.report is not None]
    return Counted(
        len(figures),
        sum(f.flops for f in figures),
        sum(f.global_bytes for f in figures),
        32 * sum(f.global_sectors for f in figures),
    )
