"""Arrays in the memory of a device: where their blocks come from, copies to it, numbers and zeros.

A GPU's blocks are Numba's; those of `simt` and `ptx` lie on the host. Each device has a pool, so that memory is used
again on these as it is on a GPU, and `minidl.backends.memory()` has something to show on any computer.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from cuda_kernels import launch
from cuda_kernels._cuda import cuda
from minidl.backends.devices.arrays import as_result
from minidl.backends.devices.facts import DEVICES
from minidl.backends.devices.pool import HostSource, Leased, Pool
from minidl.errors import BackendError


class GpuSource:
    """Blocks of a GPU's memory, from Numba."""

    device = "cuda"

    def allocate(self, nbytes: int) -> tuple[Any, int]:
        """Return nbytes of the GPU's memory, and their address."""
        block = launch.new_device_array((nbytes,), np.dtype(np.uint8))
        return block, launch.address_of(block)

    def give_back(self) -> None:
        """Free what was let go. This waits until the GPU is idle."""
        cuda.current_context().deallocations.clear()

    def room(self) -> tuple[int, int]:
        """Return the GPU's free and total bytes."""
        found = cuda.current_context().get_memory_info()
        return int(found.free), int(found.total)


@functools.cache
def pool(device: str) -> Pool:
    """Return the pool of a device."""
    return Pool(HostSource(device) if DEVICES[device].hosted else GpuSource())


def allocate(device: str, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Return an array with undefined content in a block of the device's pool: what `launch.empty` gives."""
    nbytes = math.prod(shape) * dtype.itemsize
    lease = pool(device).lease(nbytes)
    if DEVICES[device].hosted:
        return np.asarray(Leased(lease, shape, dtype))
    return launch.array_at(lease.address, shape, dtype, owner=lease)


def use_pools() -> None:
    """Let the kernels' host functions take their arrays from the pools."""
    for device in DEVICES:
        launch.set_allocator(functools.partial(allocate, device), device)


def upload(host: np.ndarray, device: str) -> Any:
    """Return a copy of a C-contiguous array on the device; a single number is written there by the device itself."""
    if DEVICES[device].hosted:
        copy = allocate(device, host.shape, host.dtype)
        copy[...] = host
        return as_result(copy, device)
    try:
        return launch.to_device(host)
    except launch.NoGpuError as error:
        raise BackendError(f"{error} `minidl doctor` says more.") from error


def download(array: Any) -> np.ndarray:
    """Return a copy of a GPU's array, of Numba or another library, on the host. Waits for the kernels before it."""
    try:
        return launch.to_host(array if hasattr(array, "copy_to_host") else cuda.as_cuda_array(array))
    except (launch.KernelError, launch.NoGpuError) as error:
        raise BackendError(str(error)) from error


def zeros(shape: tuple[int, ...], dtype: Any, device: str) -> Any:
    """Return zeros on the device; nothing is uploaded."""
    if DEVICES[device].hosted:
        found = allocate(device, tuple(shape), np.dtype(dtype))
        found[...] = 0
        return as_result(found, device)
    return launch.zeros(tuple(shape), dtype, on=device)
