"""One way to launch a kernel: on a GPU, or on the SIMT machine, decided by where its arrays are.

    launch(kernel, blocks_for(x.size, THREADS), THREADS, x, y, x.size)

NumPy arrays run on the SIMT machine, device arrays (`to_device`, `empty`) on the GPU. Python numbers become int32 and
float32, so that a kernel is compiled for one signature. What a GPU would refuse or misread (an array of the host, a
copy that is not contiguous, no elements, more than int32 can index, None) is an error here that says so.

On the SIMT machine any fault raises `simt.KernelFault`. `simt_options` changes that and collects the reports:

    with simt_options(strict=False) as reports:
        launch(...)
    print(reports[-1])
"""
from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import simt
from ._cuda import cuda

INT32_MAX = 2**31 - 1
MAX_GRID = (INT32_MAX, 65535, 65535)
MAX_THREADS = 1024
STATIC_SHARED_BYTES = 48 * 1024  # more than this has to be asked for, and must be dynamic
H100_MULTIPROCESSORS = 132
OUT_OF_MEMORY, UNSUPPORTED_PTX = 2, 222  # CUresult, from NVIDIA's cuda.h


class NoGpuError(RuntimeError):
    """A GPU was asked for and cannot be used; the message says why and what to install."""


# -- launch shapes -----------------------------------------------------------------------------------------------------

def blocks_for(size: int, per_block: int) -> int:
    """How many blocks cover `size` elements, `per_block` each (the last one may be partly idle).

    >>> blocks_for(1000, 256), blocks_for(1024, 256)
    (4, 4)
    """
    return -(-size // per_block)


def grid_2d(cols: int, rows: int, block: tuple[int, int]) -> tuple[int, int]:
    """The grid that covers a matrix with `block` = (columns, rows) elements a block.

    >>> grid_2d(100, 33, (32, 8))
    (4, 5)
    """
    return blocks_for(cols, block[0]), blocks_for(rows, block[1])


def resident_blocks(per_multiprocessor: int, needed: int, multiprocessors: int = H100_MULTIPROCESSORS) -> int:
    """Blocks for a grid-stride loop: enough to fill the GPU, and never more than there is work for.

    per_multiprocessor : blocks that fit on one multiprocessor at once
    multiprocessors : of the GPU, see `multiprocessors(x)`; 40 on a T4, 108 on an A100

    >>> resident_blocks(8, 10_000), resident_blocks(8, 3)
    (1056, 3)
    """
    return max(1, min(needed, per_multiprocessor * multiprocessors))


def multiprocessors(like: Any) -> int:
    """How many multiprocessors the GPU of a device array has; for a NumPy array those of an H100, to plan for."""
    return H100_MULTIPROCESSORS if isinstance(like, np.ndarray) else _multiprocessors()


@functools.cache
def _multiprocessors() -> int:
    return int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


# -- arrays ------------------------------------------------------------------------------------------------------------

def is_device_array(a: Any) -> bool:
    """True for an array in a GPU's memory (anything with `__cuda_array_interface__`)."""
    return not isinstance(a, np.ndarray) and hasattr(a, "__cuda_array_interface__")


def place_of(*arrays: Any, function: str = "launch") -> str:
    """"simt" if all arrays are NumPy's, "cuda" if all are on the GPU.

    Raises TypeError if they are mixed, or if one is no array. None is passed over.

    >>> place_of(np.zeros(3), None)
    'simt'
    """
    places = set()
    for a in arrays:
        if a is None:
            continue
        if not isinstance(a, np.ndarray) and not is_device_array(a):
            raise TypeError(f"{function}: needs NumPy arrays or device arrays. Got {type(a).__name__}. "
                            "Convert lists with np.asarray(x, np.float32).")
        places.add("simt" if isinstance(a, np.ndarray) else "cuda")
    if len(places) == 2:
        raise TypeError(f"{function}: all arrays must be in one place. Got NumPy arrays together with device arrays. "
                        "Move them first: to_device(x) to the GPU, x.copy_to_host() back.")
    return places.pop() if places else "simt"


def check_array(function: str, name: str, a: Any, *, ndim: int | tuple[int, ...] | None = None,
                dtype: Any = np.float32, shape: tuple[int, ...] | None = None) -> None:
    """Raise unless `a` is a C-contiguous, non-empty array of this dtype, number of axes and shape.

    Raises TypeError (no array, wrong dtype) or ValueError (layout, shape, empty, too large for int32 indices).

    >>> check_array("relu", "x", np.zeros((2, 3), np.float64))
    Traceback (most recent call last):
    TypeError: relu: x must be float32. Got float64 of shape (2, 3). Convert it with x.astype(np.float32).
    """
    place_of(a, function=function)
    if a is None:
        raise TypeError(f"{function}: {name} must be an array. Got None.")
    got = f"Got {a.dtype} of shape {tuple(a.shape)}."
    if dtype is not None and a.dtype != np.dtype(dtype):
        kind = np.dtype(dtype).name
        raise TypeError(f"{function}: {name} must be {kind}. {got} Convert it with {name}.astype(np.{kind}).")
    axes = (ndim,) if isinstance(ndim, int) else ndim
    if axes is not None and len(a.shape) not in axes:
        raise ValueError(f"{function}: {name} must have {' or '.join(map(str, axes))} axes. {got}")
    if shape is not None and tuple(a.shape) != tuple(shape):
        raise ValueError(f"{function}: {name} must have shape {tuple(shape)}. {got}")
    _check_memory(function, name, a)


def _check_memory(function: str, name: str, a: Any) -> None:
    """What every kernel of this package asks of an array."""
    if a.size == 0:
        raise ValueError(f"{function}: {name} has no elements. Got shape {tuple(a.shape)}; a kernel launch needs at "
                         "least one. Is the batch empty?")
    if a.size > INT32_MAX:
        raise ValueError(f"{function}: {name} has {a.size} elements, more than int32 indices reach ({INT32_MAX}). "
                         f"Got shape {tuple(a.shape)}. Split it along its first axis.")
    if not _c_contiguous(a):
        raise ValueError(f"{function}: {name} must be C-contiguous (rows one after another in memory). Got shape "
                         f"{tuple(a.shape)} with strides {tuple(a.strides)}, a transposed or sliced view. Copy it with "
                         f"np.ascontiguousarray({name}).")


def _c_contiguous(a: Any) -> bool:
    if isinstance(a, np.ndarray):
        return bool(a.flags.c_contiguous)
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
    start = a.ctypes.data if isinstance(a, np.ndarray) else a.__cuda_array_interface__["data"][0]
    return start % nbytes == 0


def rows_are_wide(a: Any) -> bool:
    """Can every row of `a` (4-byte elements) be read by ld4: 16-byte aligned, its length a multiple of 4?

    >>> rows_are_wide(np.zeros((3, 8), np.float32)), rows_are_wide(np.zeros((3, 9), np.float32))
    (True, False)
    """
    return a.shape[-1] % 4 == 0 and is_aligned(a)


_allocator: Callable[[tuple[int, ...], np.dtype], Any] | None = None


def set_allocator(allocate: Callable[[tuple[int, ...], np.dtype], Any] | None) -> None:
    """Let `empty` take device arrays from `allocate(shape, dtype)`, a memory pool; None goes back to Numba's own."""
    global _allocator
    _allocator = allocate


def empty(shape: int | tuple[int, ...], dtype: Any = np.float32, *, like: Any) -> Any:
    """An array with undefined contents in the same place as `like`.

    Raises MemoryError if the GPU has no room for it.

    >>> empty((2, 3), like=np.zeros(1)).shape
    (2, 3)
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    dtype = np.dtype(dtype)
    if isinstance(like, np.ndarray):
        return np.empty(shape, dtype)
    if _allocator is not None:
        return _allocator(shape, dtype)
    with _explained("empty", f"{math.prod(shape) * dtype.itemsize:,} bytes for an array {shape}"):
        return cuda.device_array(shape, dtype)


def zeros(shape: int | tuple[int, ...], dtype: Any = np.float32, *, like: Any) -> Any:
    """As `empty`, filled with zeros (for kernels that add into their output)."""
    a = empty(shape, dtype, like=like)
    if isinstance(a, np.ndarray):
        a[...] = 0
    else:
        # Trap: a[:] = 0 on a device array launches a kernel of Numba's own; this writes the bytes.
        cuda.cudadrv.driver.device_memset(a, 0, a.nbytes)
    return a


def to_device(a: np.ndarray) -> Any:
    """A copy of a NumPy array in the GPU's memory. Raises NoGpuError, MemoryError."""
    require_gpu("to_device")
    with _explained("to_device", f"{a.nbytes:,} bytes for an array {a.shape}"):
        return cuda.to_device(np.ascontiguousarray(a))


# -- is there a GPU? ---------------------------------------------------------------------------------------------------

@functools.cache
def gpu_problem() -> str | None:
    """Why no GPU can be used, as one sentence with the cure; None if one can."""
    if getattr(cuda, "implementation", "") != "NVIDIA":
        return ("the package numba-cuda is not installed (Numba's built-in CUDA target is deprecated). Install "
                "minidl[cuda13] or minidl[cuda12], whichever the driver supports (see nvidia-smi)")
    if not cuda.is_available():
        return ("no NVIDIA GPU or driver was found. `nvidia-smi` must list a GPU; inside a container start it with "
                "--gpus all. Without a GPU pass NumPy arrays: the kernels then run on the SIMT machine")
    return None


def require_gpu(function: str) -> None:
    """Raise NoGpuError, with what to do, if no GPU can be used."""
    problem = gpu_problem()
    if problem:
        raise NoGpuError(f"{function}: {problem}.")


@contextlib.contextmanager
def _explained(function: str, what: str) -> Iterator[None]:
    """Turn the driver's error numbers into sentences."""
    try:
        yield
    except cuda.cudadrv.driver.CudaAPIError as error:
        if error.code == OUT_OF_MEMORY:
            raise MemoryError(f"{function}: the GPU is out of memory: no room for {what}. Use a smaller batch, or "
                              "delete arrays that are no longer needed.") from error
        if error.code == UNSUPPORTED_PTX:
            raise NoGpuError(f"{function}: the driver is too old for the code that was compiled ({what}). Update the "
                             "driver, or install minidl[cuda12] in place of minidl[cuda13].") from error
        raise


# -- launching ---------------------------------------------------------------------------------------------------------

_simt_options: dict[str, Any] = {"strict": True}
_reports: list[simt.Report] | None = None


@contextlib.contextmanager
def simt_options(**options: Any) -> Iterator[list[simt.Report]]:
    """Inside this block launches on the SIMT machine take these options; gives the list of their reports.

    options : those of `simt.launch`: strict=False to collect faults instead of raising, checks=False to only compute
    """
    global _simt_options, _reports
    before = _simt_options, _reports
    _simt_options, _reports = {**_simt_options, **options}, []
    try:
        yield _reports
    finally:
        _simt_options, _reports = before


def launch(kernel: Any, grid: int | tuple[int, ...], block: int | tuple[int, ...], *args: Any, shared_bytes: int = 0,
           on: str | None = None, stream: Any = 0, outputs: tuple[str, ...] | None = None) -> simt.Report | None:
    """Launch `kernel` over `grid` blocks of `block` threads; results are written into the array arguments.

    Parameters
    ----------
    kernel : a `@cuda.jit` kernel
    grid, block : int, or tuple of up to three ints (x, y, z)
    args : arrays (all NumPy or all on the GPU) and numbers: int becomes int32, float becomes float32
    shared_bytes : dynamic shared memory of a block, for cuda.shared.array(0, dtype)
    on : "simt" or "cuda" to insist on a place; None goes where the arrays are
    stream : a CUDA stream (GPU only)
    outputs : the arrays that the SIMT machine expects to be filled by this launch; () where several launches share one

    Returns
    -------
    the SIMT machine's report, or None on a GPU (where the kernel may still be running)

    Raises
    ------
    TypeError : an argument is None, no number and no array, or in the wrong place
    ValueError : an array is empty, not contiguous or too large; the grid or the block is
    NoGpuError : there is no GPU, or its driver is too old
    simt.KernelFault : the SIMT machine found a fault

    >>> from cuda_kernels._cuda import cuda
    >>> @cuda.jit
    ... def double(x, size):
    ...     i = cuda.grid(1)
    ...     if i < size:
    ...         x[i] += x[i]
    >>> x = np.arange(5, dtype=np.float32)
    >>> report = launch(double, blocks_for(x.size, 32), 32, x, x.size)
    >>> x
    array([0., 2., 4., 6., 8.], dtype=float32)
    """
    name = getattr(getattr(kernel, "py_func", kernel), "__name__", "launch")
    arrays = [a for a in args if isinstance(a, np.ndarray) or is_device_array(a)]
    place = place_of(*arrays, function=name)
    if on not in (None, "simt", "cuda"):
        raise ValueError(f"{name}: on must be 'simt', 'cuda' or None. Got {on!r}.")
    if on is not None and on != place:
        kind, cure = ("NumPy", "to_device(x)") if place == "simt" else ("device", "x.copy_to_host()")
        raise TypeError(f"{name}: cannot launch on {on!r}. Got {kind} arrays, which run on {place!r}. Move them with "
                        f"{cure}.")
    values = tuple(_argument(name, k, a) for k, a in enumerate(args))
    grid, block = _extent(name, "grid", grid, MAX_GRID), _extent(name, "block", block, (MAX_THREADS,) * 3)
    if math.prod(block) > MAX_THREADS:
        raise ValueError(f"{name}: a block may have {MAX_THREADS} threads. Got {block}, which is {math.prod(block)}.")
    if place == "simt":
        expected = {} if outputs is None else {"outputs": outputs}
        report = simt.launch(kernel, grid, block, *values, shared_bytes=shared_bytes, **{**expected, **_simt_options})
        if _reports is not None:
            _reports.append(report)
        return report
    require_gpu(name)
    with _explained(name, f"kernel {name!r}"):
        if shared_bytes > STATIC_SHARED_BYTES:
            _allow_shared(kernel, values, shared_bytes)
        kernel[grid, block, stream, shared_bytes](*values)
    return None


def _argument(function: str, position: int, a: Any) -> Any:
    """An argument as the kernel's signature has it."""
    if isinstance(a, np.ndarray) or is_device_array(a):
        _check_memory(function, f"argument {position}", a)
        return a
    if isinstance(a, np.generic):
        return a
    if isinstance(a, bool):
        return np.bool_(a)
    if isinstance(a, int):
        if not -INT32_MAX - 1 <= a <= INT32_MAX:
            raise ValueError(f"{function}: argument {position} must fit in int32. Got {a}. Split the work.")
        return np.int32(a)
    if isinstance(a, float):
        return np.float32(a)
    raise TypeError(f"{function}: argument {position} must be an array or a number. Got {type(a).__name__}. "
                    "Numba's CUDA kernels take no None: bake the choice into the kernel's factory.")


def _extent(function: str, what: str, given: int | tuple[int, ...], limit: tuple[int, ...]) -> tuple[int, ...]:
    extent = tuple(given) if isinstance(given, tuple | list) else (given,)
    if not 1 <= len(extent) <= 3 or not all(isinstance(n, int | np.integer) for n in extent):
        raise ValueError(f"{function}: the {what} must be one to three ints. Got {given!r}.")
    if any(not 1 <= n <= most for n, most in zip(extent, limit, strict=False)):
        raise ValueError(f"{function}: the {what} must lie in 1 to {limit[:len(extent)]}. Got {extent}. Is an array "
                         "empty, or does a long axis lie along y (at most 65535 blocks)?")
    return tuple(int(n) for n in extent)


_shared_allowed: dict[tuple[int, Any], int] = {}


def _allow_shared(kernel: Any, values: tuple[Any, ...], shared_bytes: int) -> None:
    """Ask the driver for more than 48 KB of shared memory for this kernel with these argument types."""
    types = tuple(kernel.typeof_pyval(v) for v in values)
    key = (id(kernel), types)
    if _shared_allowed.get(key, 0) >= shared_bytes:
        return
    driver = cuda.cudadrv.driver
    function = kernel.compile(types)._codelibrary.get_cufunc()
    attribute = driver.binding.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    driver.driver.cuKernelSetAttribute(attribute, shared_bytes, function.handle, function.device.id)
    _shared_allowed[key] = shared_bytes
