"""Arrays for kernels, in the host's memory or on a GPU: what they must be, how they are made, and is there a GPU.

NumPy arrays stand for the SIMT machine, device arrays for the GPU. What a GPU would refuse or misread is an error here
that says so: an array in the wrong place, a copy that is not contiguous, no elements, more than int32 can index.
"""
from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ._cuda import cuda
from .scope import Block, Scope
from .simt.host.memory import DeviceArray
from .simt.host.sessions import of_the_gpu

INT32_MAX = 2**31 - 1
# CUresult, from NVIDIA's cuda.h
OUT_OF_MEMORY, NO_BINARY, UNSUPPORTED_PTX = 2, 209, 222
ILLEGAL_ADDRESS, OUT_OF_RESOURCES, MISALIGNED_ADDRESS, LAUNCH_FAILED = 700, 701, 716, 719
ERROR_NAMES = {
    OUT_OF_MEMORY: "CUDA_ERROR_OUT_OF_MEMORY", NO_BINARY: "CUDA_ERROR_NO_BINARY_FOR_GPU",
    UNSUPPORTED_PTX: "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", ILLEGAL_ADDRESS: "CUDA_ERROR_ILLEGAL_ADDRESS",
    OUT_OF_RESOURCES: "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", MISALIGNED_ADDRESS: "CUDA_ERROR_MISALIGNED_ADDRESS",
    LAUNCH_FAILED: "CUDA_ERROR_LAUNCH_FAILED",
}


PLACES = ("simt", "ptx", "cuda")  # what runs a kernel; on the first two its arrays are NumPy's

_NUMPY_RUNS: Scope[str] = Scope("numpy_runs_on")


def numpy_runs_on(place: str) -> Block[str]:
    """Inside this block kernels on NumPy arrays run on `place`, "simt" or "ptx", where no `on` says another.

    >>> with numpy_runs_on("ptx"):
    ...     place_of_numpy()
    'ptx'
    """
    if place not in PLACES[:2]:
        raise ValueError(f"numpy_runs_on: must be 'simt' or 'ptx'. Got {place!r}.")
    return _NUMPY_RUNS.block(place)


def place_of_numpy() -> str:
    """What runs kernels on NumPy arrays here: the SIMT machine, unless `numpy_runs_on` says another."""
    inside = _NUMPY_RUNS.get()
    return inside[-1] if inside else "simt"


class NoGpuError(RuntimeError):
    """A GPU was asked for and cannot be used; the message says why and what to install."""


class KernelError(RuntimeError):
    """The GPU could not run a kernel, or stopped one; the message says what that means."""


_places: dict[type, str] = {}


def _place(a: Any) -> str:
    """Where `a` lives: "simt" for NumPy arrays, "cuda" for device arrays, "" for what is no array."""
    kind = type(a)
    if kind not in _places:
        on_gpu = hasattr(kind, "__cuda_array_interface__")
        _places[kind] = "simt" if issubclass(kind, np.ndarray | DeviceArray) else "cuda" if on_gpu else ""
    return _places[kind]


def is_device_array(a: Any) -> bool:
    """True for an array in a GPU's memory (anything with `__cuda_array_interface__`)."""
    return _place(a) == "cuda"


def place_of(*arrays: Any, function: str = "launch") -> str:
    """"simt" if all arrays are NumPy's, "cuda" if all are on the GPU.

    Raises TypeError if they are mixed, or if one is no array. None is passed over.

    >>> place_of(np.zeros(3), None)
    'simt'
    """
    found = ""
    for a in arrays:
        if a is None:
            continue
        place = _place(a)
        if not place:
            raise TypeError(f"{function}: needs NumPy arrays or device arrays. Got {type(a).__name__}. "
                            "Convert lists with np.asarray(x, np.float32).")
        if found and place != found:
            raise TypeError(f"{function}: all arrays must be in one place. Got NumPy arrays together with device "
                            "arrays. Move them first: to_device(x) to the GPU, x.copy_to_host() back.")
        found = place
    return found or "simt"


def check_array(function: str, name: str, a: Any, *, ndim: int | tuple[int, ...] | None = None,
                dtype: Any = np.float32, shape: tuple[int, ...] | None = None) -> None:
    """Raise unless `a` is a C-contiguous, non-empty array of this dtype, number of axes and shape.

    Raises TypeError (no array, wrong dtype) or ValueError (layout, shape, empty, too large for int32 indices).

    >>> check_array("relu", "x", np.zeros((2, 3), np.float64))
    Traceback (most recent call last):
    TypeError: relu: x must be float32. Got float64 of shape (2, 3). Convert it with x.astype(np.float32).
    """
    if a is None:
        raise TypeError(f"{function}: {name} must be an array. Got None.")
    place_of(a, function=function)
    if dtype is not None and a.dtype != dtype:
        kind = np.dtype(dtype).name
        raise TypeError(f"{function}: {name} must be {kind}. {_got(a)} Convert it with {name}.astype(np.{kind}).")
    axes = (ndim,) if isinstance(ndim, int) else ndim
    if axes is not None and len(a.shape) not in axes:
        raise ValueError(f"{function}: {name} must have {' or '.join(map(str, axes))} axes. {_got(a)}")
    if shape is not None and tuple(a.shape) != tuple(shape):
        raise ValueError(f"{function}: {name} must have shape {tuple(shape)}. {_got(a)}")
    check_memory(function, name, a)


def _got(a: Any) -> str:
    return f"Got {a.dtype} of shape {tuple(a.shape)}."


def check_memory(function: str, name: str, a: Any) -> None:
    """What every kernel of this package asks of an array."""
    if not 0 < a.size <= INT32_MAX:
        if a.size == 0:
            raise ValueError(f"{function}: {name} has no elements. Got shape {tuple(a.shape)}; a kernel launch needs "
                             "at least one. Is the batch empty?")
        raise ValueError(f"{function}: {name} has {a.size} elements, more than int32 indices reach ({INT32_MAX}). "
                         f"Got shape {tuple(a.shape)}. Split it along its first axis.")
    if not _c_contiguous(a):
        raise ValueError(f"{function}: {name} must be C-contiguous (rows one after another in memory). Got shape "
                         f"{tuple(a.shape)} with strides {tuple(a.strides)}, a transposed or sliced view. Copy it with "
                         f"np.ascontiguousarray({name}).")


def _c_contiguous(a: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.flags.c_contiguous
    if hasattr(a, "is_c_contiguous"):  # Numba's device arrays know
        return a.is_c_contiguous()
    step = a.dtype.itemsize
    for n, stride in zip(reversed(a.shape), reversed(a.strides), strict=True):
        if n > 1 and stride != step:
            return False
        step *= n
    return True


def is_aligned(a: Any, nbytes: int = 16) -> bool:
    """Does the array's memory start at a multiple of `nbytes`? What ld4 and st4 need at index 0.

    A new array does; a slice like x[1:] does not.
    """
    if isinstance(a, np.ndarray):
        return a.ctypes.data % nbytes == 0
    pointer = getattr(a, "device_ctypes_pointer", None)  # quicker than the interface, which makes a dictionary
    return (a.__cuda_array_interface__["data"][0] if pointer is None else pointer.value or 0) % nbytes == 0


def rows_are_wide(a: Any) -> bool:
    """Can every row of `a` (4-byte elements) be read by ld4: 16-byte aligned, its length a multiple of 4?

    >>> rows_are_wide(np.zeros((3, 8), np.float32)), rows_are_wide(np.zeros((3, 9), np.float32))
    (True, False)
    """
    return a.shape[-1] % 4 == 0 and is_aligned(a)


_allocators: dict[str, Callable[[tuple[int, ...], np.dtype], Any]] = {}


def set_allocator(allocate: Callable[[tuple[int, ...], np.dtype], Any] | None, place: str = "cuda") -> None:
    """Let arrays at `place` ("cuda", "simt" or "ptx") come from `allocate(shape, dtype)`, a memory pool.

    None goes back to Numba's own, or NumPy's.
    """
    if place not in PLACES:
        raise ValueError(f"set_allocator: place must be 'simt', 'ptx' or 'cuda'. Got {place!r}.")
    _allocators.pop(place, None)
    if allocate is not None:
        _allocators[place] = allocate


def empty(shape: int | tuple[int, ...], dtype: Any = np.float32, *, like: Any = None, on: str | None = None) -> Any:
    """An array with undefined contents, in the same place as `like` or on `on` ("cuda", or "simt" and "ptx": NumPy's).

    Raises MemoryError if the GPU has no room for it.

    >>> empty((2, 3), like=np.zeros(1)).shape
    (2, 3)
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    dtype = np.dtype(dtype)
    place = on or (place_of_numpy() if isinstance(like, np.ndarray) else "cuda")
    if place in _allocators:
        return _allocators[place](shape, dtype)
    return new_device_array(shape, dtype) if place == "cuda" else np.empty(shape, dtype)


@of_the_gpu
def new_device_array(shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """An array of the GPU, from its driver and no pool. Raises MemoryError."""
    try:
        return cuda.device_array(shape, dtype)
    except driver_errors() as error:
        what = f"{math.prod(shape) * dtype.itemsize:,} bytes for an array {shape}"
        raise explained("empty", what, error) from error


def address_of(a: Any) -> int:
    """Where the memory of a device array begins."""
    return int(a.device_ctypes_pointer.value or 0)


@of_the_gpu
def array_at(address: int, shape: tuple[int, ...], dtype: np.dtype, owner: Any) -> Any:
    """A C-contiguous device array in memory that `owner` holds; it and its views keep the owner alive."""
    about = {"version": 3, "shape": shape, "typestr": dtype.str, "data": (address, False), "strides": None}
    return cuda.from_cuda_array_interface(about, owner=owner)


def zeros(shape: int | tuple[int, ...], dtype: Any = np.float32, *, like: Any = None, on: str | None = None) -> Any:
    """As `empty`, filled with zeros (for kernels that add into their output)."""
    a = empty(shape, dtype, like=like, on=on)
    if isinstance(a, np.ndarray):
        a[...] = 0
    elif a.size:
        # Trap: a[:] = 0 on a device array launches a kernel of Numba's own; this writes the bytes.
        cuda.cudadrv.driver.device_memset(a, 0, math.prod(a.shape) * a.dtype.itemsize)
    return a


@of_the_gpu
def to_device(a: np.ndarray) -> Any:
    """A copy of a NumPy array in the GPU's memory. Raises NoGpuError, MemoryError.

    A single number of 4 bytes is no copy: it goes with the command that writes it, as a kernel's arguments do.
    """
    require_gpu("to_device")
    try:
        copy = empty(a.shape, a.dtype, on="cuda")
        # numba-cuda without NVIDIA's bindings (0.20 and before) does not know this function of the driver: it copies.
        write_word = getattr(cuda.cudadrv.driver.driver, "cuMemsetD32Async", None)
        if write_word and a.ndim == 0 and a.dtype.itemsize == 4:
            write_word(address_of(copy), int(a.reshape(1).view(np.uint32)[0]), 1, 0)
        elif a.size:
            # Trap: without a stream this would wait for all kernels before it. With one, the driver takes the values
            # into a buffer of its own, and the copy has its place in the queue.
            copy.copy_to_device(np.ascontiguousarray(a), stream=cuda.default_stream())
        return copy
    except driver_errors() as error:
        raise explained("to_device", f"{a.nbytes:,} bytes for an array {a.shape}", error) from error


@of_the_gpu
def to_host(a: Any) -> np.ndarray:
    """A copy of a device array on the host. This waits for the kernels before it, so it is told of their faults."""
    try:
        return a.copy_to_host()
    except driver_errors() as error:
        raise explained("to_host", f"the one that made {a.dtype} {tuple(a.shape)}", error) from error


@functools.cache
@of_the_gpu
def gpu_problem() -> str | None:
    """Why no GPU can be used, as one sentence with the cure; None if one can."""
    if getattr(cuda, "implementation", "") != "NVIDIA":
        return ("the package numba-cuda is not installed (Numba's built-in CUDA target is deprecated). Install "
                "minidl[cuda13] or minidl[cuda12], whichever the driver supports (see nvidia-smi)")
    if not cuda.is_available():
        said = getattr(cuda.cudadrv.driver.driver, "initialization_error", None)
        said = f". The driver's word: {' '.join(said.split()).rstrip('.')}" if said else ""
        return ("no NVIDIA GPU or driver was found. `nvidia-smi` must list a GPU; inside a container start it with "
                "--gpus all. Without a GPU pass NumPy arrays: the kernels then run on the SIMT machine" + said)
    return None


def require_gpu(function: str) -> None:
    """Raise NoGpuError, with what to do, if no GPU can be used."""
    problem = gpu_problem()
    if problem:
        raise NoGpuError(f"{function}: {problem}.")


@functools.cache
def driver_errors() -> tuple[type[Exception], ...]:
    """The exceptions that carry the driver's errors: Numba's own and, where code is loaded, cuda.core's."""
    try:
        from cuda.core._utils.cuda_utils import CUDAError
    except ImportError:  # a numba-cuda that does not use it
        return (cuda.cudadrv.driver.CudaAPIError,)
    return cuda.cudadrv.driver.CudaAPIError, CUDAError


def explained(function: str, what: str, error: Exception) -> Exception:
    """The exception to raise for a driver's error: one that says what to do, or `error` itself."""
    code = int(getattr(error, "code", 0)) or next((n for n, name in ERROR_NAMES.items() if name in str(error)), 0)
    if code == OUT_OF_MEMORY:
        return MemoryError(f"{function}: the GPU is out of memory: no room for {what}. Use a smaller batch, or delete "
                           "arrays that are no longer needed.")
    if code == UNSUPPORTED_PTX:
        return NoGpuError(f"{function}: the driver is too old for the code that was compiled ({what}). Update the "
                          "driver, or install minidl[cuda12] in place of minidl[cuda13].")
    if code == NO_BINARY:
        return NoGpuError(f"{function}: the code that was compiled ({what}) does not run on this GPU. It must be of "
                          "compute capability 7.5 or newer, and known to the installed CUDA packages: update these.")
    if code == OUT_OF_RESOURCES:
        return KernelError(f"{function}: the GPU has no room for a block of {what}: its threads need more registers, "
                           "or the block more shared memory, than a multiprocessor has. Launch smaller blocks.")
    if code in (ILLEGAL_ADDRESS, MISALIGNED_ADDRESS, LAUNCH_FAILED):
        return KernelError(f"{function}: a kernel, this one ({what}) or one before it, read or wrote outside its "
                           f"arrays or at a misaligned address ({ERROR_NAMES[code]}). Nothing runs on the GPU any more "
                           "until Python is restarted. The SIMT machine runs the same kernel and names the line and "
                           "the thread: pass it NumPy arrays, or in minidl select 'simt'.")
    return error
