"""A GPU that is none, for tests: Numba's own device arrays over host memory, and kernels that the SIMT machine runs.

What is real: `DeviceNDArray` with its reshape, slices, layouts and types; `from_cuda_array_interface`; the way that
launches, copies, memsets and events take through minidl and `cuda_kernels`. What is faked: the driver's functions, the
context, and the launch itself, which checks the arguments' types as Numba would and then runs on the SIMT machine.
So the code for a GPU runs on any computer; that the GPU then does the same is for `make gpu-check` to show.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections import Counter
from types import SimpleNamespace

import numpy as np
from numba import cuda
from numba.cuda.cudadrv import devicearray, devices, driver

from cuda_kernels import launch, simt
from minidl.backends.cuda import device as cuda_device
from minidl.backends.devices import memory as cuda_memory

OUT_OF_MEMORY = driver.binding.CUresult.CUDA_ERROR_OUT_OF_MEMORY


class Handle(int):
    """The driver's name of a stream or an event: numba-cuda before 0.27 asks for its value."""

    @property
    def value(self) -> int:
        return int(self)


class FakeContext:
    """The context of a GPU with `total` bytes. `calls` counts the driver's functions, `kernels` the launches."""

    def __init__(self, total: int) -> None:
        self.total, self.blocks, self.calls, self.kernels = total, {}, Counter(), []
        self.trash: list[int] = []
        self.allocations: dict[int, driver.MemoryPointer] = {}
        self.device = SimpleNamespace(id=0, MULTIPROCESSOR_COUNT=4, name=b"Fake GPU", compute_capability=(9, 0))
        self.deallocations = SimpleNamespace(clear=self.free_trash)
        self.fail_next: Exception | None = None
        self.events: list[float | None] = []  # when each was recorded
        self.compiled: list[list[float | None]] = []  # the events there were when a kernel was compiled ahead
        self.milliseconds = 0.0

    def free(self) -> int:
        return self.total - sum(block.size for block in self.blocks.values())

    def memalloc(self, size):
        self.calls["cuMemAlloc"] += 1
        if size > self.free():
            self.free_trash()  # as Numba does: frees are put off, and done when memory is short
        if size > self.free():
            raise driver.CudaAPIError(OUT_OF_MEMORY, "Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")
        block = np.full(size, 0x7F, np.uint8)  # what nobody wrote reads as a huge number, never as 0
        address = block.ctypes.data
        self.blocks[address] = block
        pointer = driver.binding.CUdeviceptr(address)

        def finalizer():
            self.allocations.pop(address, None)
            self.trash.append(address)

        self.allocations[address] = driver.AutoFreePointer(self, pointer, size, finalizer=finalizer)
        return self.allocations[address].own()  # which refers to it weakly: the context keeps it, as Numba's does

    def free_trash(self) -> None:
        while self.trash:
            self.calls["cuMemFree"] += 1
            del self.blocks[self.trash.pop()]

    def get_memory_info(self):
        return SimpleNamespace(free=self.free(), total=self.total)

    def get_default_stream(self):
        return driver.Stream(Handle(0))

    def create_event(self, timing=True):
        self.events.append(None)
        return driver.Event(Handle(len(self.events) - 1))  # Numba's own: its methods call the functions below

    def tick(self) -> float:
        """Return the GPU's time in milliseconds: every question finds it later, no GPU is that slow."""
        self.milliseconds += 0.25
        return self.milliseconds

    def record_event(self, event, stream):
        assert int(stream) == 0, "launches are on the default stream"
        self.events[event] = self.tick()

    def elapsed(self, before, after):
        if self.events[before] is None or self.events[after] is None:
            raise driver.CudaAPIError(driver.binding.CUresult.CUDA_ERROR_INVALID_HANDLE, "an event was not recorded")
        return self.events[after] - self.events[before]

    def synchronize(self):
        self.calls["cuCtxSynchronize"] += 1

    # ---- the driver's functions

    def copy(self, name):
        def run(destination, source, size, *stream):
            self.calls[name] += 1
            ctypes.memmove(int(destination), int(source), size)

        return run

    def memset8(self, pointer, value, size):
        self.calls["cuMemsetD8"] += 1
        ctypes.memset(int(pointer), value, size)

    def memset32(self, pointer, value, count, stream):
        self.calls["cuMemsetD32"] += 1
        ctypes.memmove(int(pointer), (ctypes.c_uint32 * count)(*[value] * count), 4 * count)

    # ---- kernels

    def configured(self, kernel, configuration):
        grid, block, _stream, shared_bytes = configuration

        def run(*arguments):
            if self.fail_next is not None:
                error, self.fail_next = self.fail_next, None
                raise error
            for argument in arguments:
                found = kernel.typeof_pyval(argument)
                assert getattr(found, "layout", "C") == "C", f"{kernel}: a kernel is compiled for C layout. Got {found}"
            self.kernels.append(kernel.py_func.__name__)
            given = [host_view(a) if isinstance(a, devicearray.DeviceNDArray) else a for a in arguments]
            simt.launch(kernel, grid, block, *given, shared_bytes=shared_bytes, outputs=())

        return run


def host_view(array):
    """The memory of a device array as NumPy sees it."""
    nbytes = array.size * array.dtype.itemsize
    memory = (ctypes.c_char * nbytes).from_address(array.device_ctypes_pointer.value)
    return np.frombuffer(memory, array.dtype).reshape(array.shape)


@contextlib.contextmanager
def fake_gpu(monkeypatch, total=1 << 30):
    """Let minidl find a GPU with `total` bytes inside the block; gives its context."""
    context = FakeContext(total)
    caches = (launch.gpu_problem, launch._multiprocessors, cuda_device.bind, cuda_memory.pool)
    for cached in caches:
        cached.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(cuda, "is_available", lambda: True)
        patch.setattr(devices._runtime, "ensure_context", contextlib.nullcontext)
        patch.setattr(devices._runtime, "get_or_create_context", lambda devnum: context)
        patch.setattr(type(_any_kernel), "__getitem__", lambda kernel, given: context.configured(kernel, given))
        patch.setattr(type(_any_kernel), "compile", lambda kernel, types: context.compiled.append(list(context.events)))
        functions = {
            "cuMemcpyHtoDAsync": context.copy("cuMemcpyHtoDAsync"), "cuMemcpyDtoH": context.copy("cuMemcpyDtoH"),
            "cuMemcpyHtoD": context.copy("cuMemcpyHtoD"), "cuMemsetD8": context.memset8,
            "cuMemsetD32Async": context.memset32, "cuMemcpyDtoD": context.copy("cuMemcpyDtoD"),
            "cuEventRecord": context.record_event, "cuEventElapsedTime": context.elapsed,
            "cuEventSynchronize": lambda event: context.calls.update(["cuEventSynchronize"]),
        }  # fmt: skip
        for name, function in functions.items():
            patch.setitem(driver.driver.__dict__, name, function)
        try:
            yield context
        finally:
            for cached in caches:
                cached.cache_clear()


@cuda.jit
def _any_kernel(x):
    x[0] = 0
