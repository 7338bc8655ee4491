"""Numba's host functions on the simulated device, by Numba's names. `names.py` puts them in force."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from .device import CONTEXT, DEFAULT_STREAM, DEVICE, DEVICES, Context, Device, Event, Stream, new_stream
from .memory import DeviceArray, HostVisibleArray, from_interface, like, on_device, undefined


def to_device(obj: Any, stream: Any = 0, copy: bool = True, to: DeviceArray | None = None) -> DeviceArray:
    """A device array with a copy of `obj`, or `to` with its values."""
    if to is None:
        return on_device(obj, stream, copy)
    if copy:
        to.copy_to_device(obj, stream)
    return to


def device_array(shape: Any, dtype: Any = np.float64, strides: Any = None, order: str = "C",
                 stream: Any = 0) -> DeviceArray:
    """A device array with undefined contents."""
    return DeviceArray(undefined(shape, dtype, strides, order), stream)


def device_array_like(ary: Any, stream: Any = 0) -> DeviceArray:
    """A device array of the shape and dtype of another, with undefined contents."""
    return device_array(**like(ary), stream=stream)


pinned_array = undefined  # a NumPy array: nothing has to be pinned for this device


def pinned_array_like(ary: Any) -> np.ndarray:
    """A NumPy array of the shape and dtype of another."""
    return pinned_array(**like(ary))


def mapped_array(shape: Any, dtype: Any = np.float64, strides: Any = None, order: str = "C", stream: Any = 0,
                 portable: bool = False, wc: bool = False) -> HostVisibleArray:
    """An array that the host and kernels share."""
    return undefined(shape, dtype, strides, order).view(HostVisibleArray)


def mapped_array_like(ary: Any, stream: Any = 0, portable: bool = False, wc: bool = False) -> HostVisibleArray:
    """A mapped array of the shape and dtype of another."""
    return mapped_array(**like(ary))


def managed_array(shape: Any, dtype: Any = np.float64, strides: Any = None, order: str = "C", stream: Any = 0,
                  attach_global: bool = True) -> HostVisibleArray:
    """An array that the host and kernels share."""
    return undefined(shape, dtype, strides, order).view(HostVisibleArray)


@contextlib.contextmanager
def pinned(*arylist: Any) -> Iterator[None]:
    """A block in which host arrays are pinned: nothing has to be done for this device."""
    yield


@contextlib.contextmanager
def mapped(*arylist: np.ndarray, stream: Any = 0) -> Iterator[Any]:
    """A block in which kernels reach host arrays without a copy."""
    views = [a.view(HostVisibleArray) for a in arylist]
    yield views[0] if len(views) == 1 else views


def as_cuda_array(obj: Any, sync: bool = True) -> DeviceArray:
    """A device array over the memory of any object with a CUDA array interface."""
    interface = getattr(obj, "__cuda_array_interface__", None)
    if interface is None:
        raise TypeError("*obj* doesn't implement the cuda array interface.")
    return obj if isinstance(obj, DeviceArray) else from_interface(interface, obj)


def from_cuda_array_interface(desc: dict[str, Any], owner: Any = None, sync: bool = True) -> DeviceArray:
    """A device array over the memory that a CUDA array interface describes."""
    return from_interface(desc, owner)


def open_ipc_array(*args: Any, **keywords: Any) -> NoReturn:
    """Refused: another process's memory cannot be reached."""
    raise NotImplementedError("open_ipc_array: the SIMT machine's arrays belong to one process. Pass the values.")


def is_available() -> bool:
    """True: kernels can be launched, on the SIMT machine."""
    return True


def cuda_error() -> None:
    """None: there is no driver that could have failed."""


def detect() -> bool:
    """Print which device there is."""
    print("Found 1 CUDA devices")
    print(f"id 0    {DEVICE.name} [SIMULATED]")
    print(f"{'Compute Capability':>40}: {'{}.{}'.format(*DEVICE.compute_capability)} (its limits)")
    print("Summary:\n\t1/1 devices are simulated, no GPU is used")
    return True


def get_current_device() -> Device:
    """The simulated device."""
    return DEVICE


def select_device(device_id: int) -> Device:
    """The simulated device, number 0."""
    if device_id != 0:
        raise IndexError(f"select_device: the SIMT machine is one device, number 0. Got {device_id}.")
    return DEVICE


def current_context(devnum: int | None = None) -> Context:
    """The simulated device's context."""
    select_device(devnum or 0)
    return CONTEXT


def list_devices() -> Any:
    """The devices: one."""
    return DEVICES


def synchronize() -> None:
    """Nothing to wait for: every command was done at once."""


close = profile_start = profile_stop = synchronize


@contextlib.contextmanager
def profiling() -> Iterator[None]:
    """A block for NVIDIA's profilers, which see nothing of the machine: the session's reports have its figures."""
    yield


stream, event = new_stream, Event


def default_stream() -> Stream:
    """The default stream."""
    return DEFAULT_STREAM


legacy_default_stream = per_thread_default_stream = default_stream


def external_stream(ptr: int) -> Stream:
    """A stream with this number."""
    return Stream(ptr)


def event_elapsed_time(evtstart: Event, evtend: Event) -> float:
    """Milliseconds between two events, of this computer's clock."""
    return evtstart.elapsed_time(evtend)


def is_float16_supported() -> bool:
    """True."""
    return True


is_bfloat16_supported = is_supported_version = is_float16_supported
defer_cleanup = CONTEXT.defer_cleanup
_auto_device = to_device
