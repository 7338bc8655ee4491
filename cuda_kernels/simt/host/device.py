"""The simulated device: its attributes, context, streams and events.

It has the limits that the machine checks, those of an H100 SXM, and no clock: what only hardware has (clock rates, PCI
addresses, registers) is refused, not invented. Commands run at once, one after another, in whatever stream they are.
"""
from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn

from ..limits import MAX_BLOCK, MAX_DYNAMIC_SHARED, MAX_GRID, MAX_THREADS
from ..report.gpus import GPUS
from ..state.masks import WARP
from ..state.memory import STATIC_SHARED

NAME = "SIMT machine (no GPU; the limits of an H100 SXM)"
H100 = GPUS["H100 SXM"]
H100_COMPUTE_CAPABILITY = (9, 0)

_ATTRIBUTES = {
    "MULTIPROCESSOR_COUNT": H100.multiprocessors, "WARP_SIZE": WARP, "MAX_THREADS_PER_BLOCK": MAX_THREADS,
    "MAX_BLOCK_DIM_X": MAX_BLOCK[0], "MAX_BLOCK_DIM_Y": MAX_BLOCK[1], "MAX_BLOCK_DIM_Z": MAX_BLOCK[2],
    "MAX_GRID_DIM_X": MAX_GRID[0], "MAX_GRID_DIM_Y": MAX_GRID[1], "MAX_GRID_DIM_Z": MAX_GRID[2],
    "MAX_SHARED_MEMORY_PER_BLOCK": STATIC_SHARED, "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN": MAX_DYNAMIC_SHARED,
    # The rest from "Technical Specifications per Compute Capability", CUDA C++ Programming Guide, 9.0
    "MAX_SHARED_MEMORY_PER_MULTIPROCESSOR": H100.shared_bytes, "TOTAL_CONSTANT_MEMORY": 64 * 1024,
    "MAX_THREADS_PER_MULTI_PROCESSOR": H100.threads, "MAX_BLOCKS_PER_MULTIPROCESSOR": H100.blocks,
    "MAX_REGISTERS_PER_BLOCK": 64 * 1024, "MAX_REGISTERS_PER_MULTIPROCESSOR": 64 * 1024,
    "COMPUTE_CAPABILITY_MAJOR": H100_COMPUTE_CAPABILITY[0], "COMPUTE_CAPABILITY_MINOR": H100_COMPUTE_CAPABILITY[1],
    "UNIFIED_ADDRESSING": 1, "MANAGED_MEMORY": 1, "CONCURRENT_MANAGED_ACCESS": 1, "CAN_MAP_HOST_MEMORY": 1,
    "COOPERATIVE_LAUNCH": 1, "CONCURRENT_KERNELS": 0, "ASYNC_ENGINE_COUNT": 0, "INTEGRATED": 0, "ECC_ENABLED": 0,
}


class HostMilliseconds(float):
    """Milliseconds of this computer's clock. Printed, the number says that it is no GPU's time.

    >>> print(HostMilliseconds(1.5)), f"{HostMilliseconds(1.5):.2f}", HostMilliseconds(1.5) / 2
    1.5 ms on this computer, not on a GPU
    (None, '1.50', 0.75)
    """

    def __str__(self) -> str:
        return f"{float(self)} ms on this computer, not on a GPU"

    __repr__ = __str__


class MemoryInfo(NamedTuple):
    """Bytes of memory."""

    free: int
    total: int


class Device:
    """The device that `cuda.get_current_device()` gives inside `simt.on()`."""

    id = 0
    name = NAME
    compute_capability = H100_COMPUTE_CAPABILITY
    supports_float16 = True
    supports_bfloat16 = True

    def __getattr__(self, attribute: str) -> Any:
        if attribute in _ATTRIBUTES:
            return _ATTRIBUTES[attribute]
        raise AttributeError(f"the SIMT machine's device has no {attribute!r}: it is an attribute of real hardware, or "
                             f"none at all. It has {', '.join(sorted(_ATTRIBUTES))}, name and compute_capability.")

    def get_primary_context(self) -> Context:
        """The one context."""
        return CONTEXT

    def reset(self) -> None:
        """Nothing has to be reset."""

    def __str__(self) -> str:
        return NAME

    def __repr__(self) -> str:
        return f"<device 0: {NAME}>"

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class DeviceList:
    """`cuda.gpus` inside `simt.on()`: one device."""

    @property
    def lst(self) -> list[Device]:
        """All devices."""
        return [DEVICE]

    @property
    def current(self) -> Device:
        """The one device."""
        return DEVICE

    def __getitem__(self, number: Any) -> Any:
        return self.lst[number]

    def __iter__(self) -> Iterator[Device]:
        return iter(self.lst)

    def __len__(self) -> int:
        return 1

    def __str__(self) -> str:
        return NAME


class Stream:
    """A stream. Its commands run at once, so there is never anything to wait for."""

    def __init__(self, handle: int = 0) -> None:
        self.handle = handle

    def __int__(self) -> int:
        return self.handle

    def synchronize(self) -> None:
        """Nothing to wait for."""

    @contextlib.contextmanager
    def auto_synchronize(self) -> Iterator[Stream]:
        """A block at whose end everything in the stream is done."""
        yield self

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def add_callback(self, callback: Callable[[Any, int, Any], Any], arg: Any = None) -> None:
        """Call `callback(stream, 0, arg)`: all that was put into the stream is done."""
        callback(self, 0, arg)

    def async_done(self) -> asyncio.Future[None]:
        """A future of the running event loop that is done."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def __repr__(self) -> str:
        return f"<stream {self.handle} of the SIMT machine>" if self.handle else "<default stream of the SIMT machine>"


_handles = itertools.count(1)


def new_stream() -> Stream:
    """A stream with a number of its own."""
    return Stream(next(_handles))


class Event:
    """An event: the moment of this computer's clock at which it was recorded."""

    def __init__(self, timing: bool = True) -> None:
        self.timing = timing
        self.recorded: float | None = None

    def record(self, stream: Any = 0) -> None:
        """Note the time."""
        self.recorded = time.perf_counter()

    def query(self) -> bool:
        """Everything before the event is done."""
        return True

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def wait(self, stream: Any = 0) -> None:
        """Nothing to wait for."""

    def elapsed_time(self, end: Event) -> HostMilliseconds:
        """Milliseconds of this computer's clock from this event to `end`. No GPU's time: see `HostMilliseconds`."""
        for what, event in (("start", self), ("end", end)):
            if event.recorded is None or not event.timing:
                why = "was not recorded" if event.timing else "was made with timing=False"
                raise RuntimeError(f"elapsed_time: the {what} event {why}.")
        return HostMilliseconds((end.recorded - self.recorded) * 1000)  # type: ignore[operator]


class Context:
    """The context that `cuda.current_context()` gives inside `simt.on()`."""

    @property
    def device(self) -> Device:
        """The device."""
        return DEVICE

    def get_memory_info(self) -> MemoryInfo:
        """Free and total bytes: of this computer's memory, in which the device arrays lie."""
        page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
        if not page:
            raise RuntimeError("get_memory_info: this system does not say how much memory it has.")
        return MemoryInfo(os.sysconf("SC_AVPHYS_PAGES") * page, os.sysconf("SC_PHYS_PAGES") * page)

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def reset(self) -> None:
        """Nothing has to be reset."""

    push = pop = prepare_for_use = synchronize

    create_stream, create_event = staticmethod(new_stream), Event

    def get_default_stream(self) -> Stream:
        """The default stream."""
        return DEFAULT_STREAM

    @property
    def deallocations(self) -> list[Any]:
        """What waits to be freed: nothing."""
        return []

    @contextlib.contextmanager
    def defer_cleanup(self) -> Iterator[None]:
        """Python frees an array when nobody refers to it: there is nothing to put off."""
        yield

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"the SIMT machine's context has no {name!r}: no driver is behind it. Arrays are made by "
                             "cuda.device_array and cuda.to_device.")


DEVICE = Device()
CONTEXT = Context()
DEVICES = DeviceList()
DEFAULT_STREAM = Stream(0)
