"""One way to launch a kernel: on a GPU or without one, decided by where its arrays are.

    launch(kernel, blocks_for(x.size, THREADS), THREADS, x, y, x.size)

Device arrays (`to_device`, `empty`) run on the GPU, NumPy arrays on the SIMT machine or, with `on="ptx"` or inside
`numpy_runs_on("ptx")`, compiled on this processor (`cuda_kernels.ptx`). Python numbers become int32 and
float32, so that a kernel is compiled for one signature. What a GPU would refuse or misread (an array of the host, a
copy that is not contiguous, no elements, more than int32 can index, None) is an error here that says so.

On the SIMT machine any fault raises `simt.KernelFault`. `simt_options` changes that and collects the reports:

    with simt_options(strict=False) as reports:
        launch(...)
    print(reports[-1])

`ptx_options` is the same for compiled kernels: checks=False for speed, order=7 for threads in a random order.
"""
from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import simt
from ._cuda import cuda
from .arrays import (
    INT32_MAX,
    PLACES,
    KernelError,
    NoGpuError,
    address_of,
    array_at,
    check_array,
    check_memory,
    driver_errors,
    empty,
    explained,
    gpu_problem,
    is_aligned,
    is_device_array,
    new_device_array,
    numpy_runs_on,
    place_of,
    place_of_numpy,
    require_gpu,
    rows_are_wide,
    set_allocator,
    to_device,
    to_host,
    zeros,
)
from .launched import LISTENERS, Launched, launches
from .scope import Scope
from .simt.host.memory import DeviceArray
from .simt.host.sessions import of_the_gpu
from .simt.limits import MAX_BLOCK, MAX_GRID, MAX_THREADS

__all__ = [
    "INT32_MAX",
    "KernelError",
    "MAX_GRID",
    "MAX_THREADS",
    "Launched",
    "NoGpuError",
    "address_of",
    "array_at",
    "blocks_for",
    "check_array",
    "empty",
    "gpu_problem",
    "grid_2d",
    "is_aligned",
    "is_device_array",
    "launch",
    "launches",
    "multiprocessors",
    "new_device_array",
    "numpy_runs_on",
    "place_of",
    "place_of_numpy",
    "ptx_options",
    "require_gpu",
    "resident_blocks",
    "rows_are_wide",
    "set_allocator",
    "simt_options",
    "to_device",
    "to_host",
    "zeros",
]

STATIC_SHARED_BYTES = 48 * 1024  # more than this has to be asked for, and must be dynamic
PLANNED_FOR = simt.GPUS["H100 SXM"]  # the GPU that a launch on the SIMT machine is planned for


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


def resident_blocks(per_multiprocessor: int, needed: int,
                    multiprocessors: int = PLANNED_FOR.multiprocessors) -> int:
    """Blocks for a grid-stride loop: enough to fill the GPU, and never more than there is work for.

    per_multiprocessor : blocks that fit on one multiprocessor at once
    multiprocessors : of the GPU, see `multiprocessors(x)` and `simt.GPUS`

    >>> resident_blocks(8, 10_000), resident_blocks(8, 3)
    (1056, 3)
    """
    return max(1, min(needed, per_multiprocessor * multiprocessors))


def multiprocessors(like: Any) -> int:
    """How many multiprocessors the GPU of a device array has; for a NumPy array those of an H100, to plan for."""
    return PLANNED_FOR.multiprocessors if isinstance(like, np.ndarray) else _multiprocessors()


@functools.cache
def _multiprocessors() -> int:
    return int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


# -- launching ---------------------------------------------------------------------------------------------------------

_OPTIONS: Scope[tuple[dict[str, Any], list[simt.Report]]] = Scope("simt_options")


@contextlib.contextmanager
def simt_options(**options: Any) -> Iterator[list[simt.Report]]:
    """Inside this block launches on the SIMT machine take these options; gives the list of their reports.

    options : those of `simt.launch`: strict=False to collect faults instead of raising, checks=False to only compute;
        run=False, to launch nothing: what is right then was computed without a kernel; and copies=True, for which
        `launches()` tells of arguments as they were before the kernel ran

    Blocks nest: the inner one's options are added to the outer one's, and its list alone gets the reports. A block
    holds for its own thread, asyncio task and generator.
    """
    with _OPTIONS.block((options, [])) as (_, reports):
        yield reports


_PTX_OPTIONS: Scope[dict[str, Any]] = Scope("ptx_options")


@contextlib.contextmanager
def ptx_options(**options: Any) -> Iterator[None]:
    """Inside this block compiled launches take these options of `ptx.launch`: checks, order, threads, limit.

    Blocks nest, and hold, as those of `simt_options`.
    """
    with _PTX_OPTIONS.block(options):
        yield


def launch(kernel: Any, grid: int | tuple[int, ...], block: int | tuple[int, ...], *args: Any, shared_bytes: int = 0,
           on: str | None = None, stream: Any = 0, outputs: tuple[str, ...] | None = None) -> simt.Report | None:
    """Launch `kernel` over `grid` blocks of `block` threads; results are written into the array arguments.

    Parameters
    ----------
    kernel : a `@cuda.jit` kernel
    grid, block : int, or tuple of up to three ints (x, y, z)
    args : arrays (all NumPy or all on the GPU) and numbers: int becomes int32, float becomes float32
    shared_bytes : dynamic shared memory of a block, for cuda.shared.array(0, dtype)
    on : "simt", "ptx" or "cuda" to insist on a place; None goes where the arrays are, NumPy arrays to the SIMT machine
        (or where `numpy_runs_on` says)
    stream : a CUDA stream (GPU only)
    outputs : the arrays that the SIMT machine expects to be filled by this launch; () where several launches share one

    Returns
    -------
    the SIMT machine's report; None of a compiled kernel, and on a GPU (where it may still be running)

    Raises
    ------
    TypeError : an argument is None, no number and no array, or in the wrong place
    ValueError : an array is empty, not contiguous or too large; the grid or the block is
    NoGpuError : there is no GPU, or its driver is too old
    KernelError : the GPU cannot run the kernel, or stopped one that was launched before
    simt.KernelFault : the SIMT machine found a fault; ptx.PtxFault : a compiled kernel's checks did

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
    name = getattr(kernel, "__name__", "launch")
    args = tuple([a.ary if isinstance(a, DeviceArray) else a for a in args])
    place = place_of(*[a for a in args if hasattr(a, "shape") and not isinstance(a, np.generic)], function=name)
    if on not in (None, *PLACES):
        raise ValueError(f"{name}: on must be 'simt', 'ptx', 'cuda' or None. Got {on!r}.")
    if place == "simt":
        place = place_of_numpy() if on is None else "ptx" if on == "ptx" else place
    if on is not None and on != place:
        kind, cure = ("NumPy", "to_device(x)") if place == "simt" else ("device", "x.copy_to_host()")
        raise TypeError(f"{name}: cannot launch on {on!r}. Got {kind} arrays, which run on {place!r}. Move them with "
                        f"{cure}.")
    values = tuple(_argument(name, k, a) for k, a in enumerate(args))
    grid, block = _extent(name, "grid", grid, MAX_GRID), _extent(name, "block", block, MAX_BLOCK)
    if math.prod(block) > MAX_THREADS:
        raise ValueError(f"{name}: a block may have {MAX_THREADS} threads. Got {block}, which is {math.prod(block)}.")
    started, listeners = time.perf_counter(), LISTENERS.get()
    options: dict[str, Any]
    if place == "simt":
        options = {"strict": True} if outputs is None else {"strict": True, "outputs": outputs}
        inside = _OPTIONS.get()
        for given, _ in inside:
            options.update(given)
        if not options.pop("run", True):
            return None
        before = values
        if options.pop("copies", False):
            before = tuple(np.array(a, subok=False) if isinstance(a, np.ndarray) and a.ndim else a for a in values)
        report = simt.launch(kernel, grid, block, *values, shared_bytes=shared_bytes, **options)
        if listeners:
            _tell(listeners, Launched(kernel, grid, block, before, shared_bytes, place, started, time.perf_counter(),
                                      report))
        if inside:
            inside[-1][1].append(report)
        return report
    if place == "ptx":
        from . import ptx  # rare, and it imports LLVM

        options = {}
        for given in _PTX_OPTIONS.get():
            options.update(given)
        ptx.launch(kernel, grid, block, *values, shared_bytes=shared_bytes, **options)
        if listeners:
            _tell(listeners, Launched(kernel, grid, block, values, shared_bytes, place, started, time.perf_counter(),
                                      None))
        return None
    _launch_on_gpu(kernel, name, grid, block, values, shared_bytes, stream, started, listeners)
    return None


@of_the_gpu
def _launch_on_gpu(kernel: Any, name: str, grid: tuple[int, ...], block: tuple[int, ...], values: tuple[Any, ...],
                   shared_bytes: int, stream: Any, started: float, listeners: tuple[list[Launched], ...]) -> None:
    require_gpu(name)
    try:
        if shared_bytes > STATIC_SHARED_BYTES:
            _allow_shared(kernel, values, shared_bytes)
        configured, events = kernel[grid, block, stream, shared_bytes], None
        if listeners:
            # Trap: the first launch compiles, for a second or so; between the events it would count as the kernel's.
            kernel.compile(tuple(kernel.typeof_pyval(v) for v in values))
            events = cuda.event(), cuda.event()
            events[0].record(stream)
        configured(*values)
        if events:
            events[1].record(stream)
            _tell(listeners, Launched(kernel, grid, block, values, shared_bytes, "cuda", started, time.perf_counter(),
                                      None, events))
    except driver_errors() as error:
        raise explained(name, f"kernel {name!r}", error) from error


def _tell(listeners: tuple[list[Launched], ...], launched: Launched) -> None:
    for found in listeners:
        found.append(launched)


def _argument(function: str, position: int, a: Any) -> Any:
    """An argument as the kernel's signature has it."""
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
    if isinstance(a, np.ndarray) or is_device_array(a):
        check_memory(function, f"argument {position}", a)
        return a
    raise TypeError(f"{function}: argument {position} must be an array or a number. Got {type(a).__name__}. "
                    "Numba's CUDA kernels take no None: bake the choice into the kernel's factory.")


def _extent(function: str, what: str, given: int | tuple[int, ...], limit: tuple[int, ...]) -> tuple[int, ...]:
    extent = tuple(given) if isinstance(given, tuple | list) else (given,)
    if len(extent) <= 3 and all(type(n) is int and 0 < n <= most for n, most in zip(extent, limit, strict=False)):
        return extent
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
    if hasattr(function, "kernel"):
        driver.driver.cuKernelSetAttribute(attribute, shared_bytes, function.handle, function.device.id)
    else:  # numba-cuda before 0.24: the handle is a CUfunction
        driver.driver.cuFuncSetAttribute(function.handle, attribute, shared_bytes)
    _shared_allowed[key] = shared_bytes
