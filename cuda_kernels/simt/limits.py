"""What a GPU would refuse to launch: a grid that is no grid, too many threads, too much memory."""
from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .language.program import Program
from .state import STATIC_SHARED

MAX_THREADS = 1024
MAX_BLOCK = (1024, 1024, 64)
MAX_GRID = (2**31 - 1, 65535, 65535)
MAX_DYNAMIC_SHARED = 227 * 1024
MAX_THREADS_RUN = 1 << 30  # of a grid
MAX_LOCAL = 512 * 1024
Extent = tuple[int, int, int]


def extent_of(given: Any, what: str, limit: Extent, problems: list[str]) -> Extent:
    """(x, y, z); anything a GPU would refuse becomes a problem."""
    sizes = tuple(given) if isinstance(given, tuple | list) else (given,)
    bad = [n for n in sizes if isinstance(n, bool) or not isinstance(n, int | np.integer)]
    if bad:
        problems.append(f"the {what} {given!r} is not made of integers (use // or -(-n // t), not /)")
        return (1, 1, 1)
    if not 1 <= len(sizes) <= 3:
        problems.append(f"the {what} {given!r} has {len(sizes)} dimensions; 1 to 3 are possible")
        return (1, 1, 1)
    extent = tuple(int(n) for n in sizes) + (1,) * (3 - len(sizes))
    if min(extent) < 1:
        problems.append(f"the {what} {given!r} has no {'blocks' if what == 'grid' else 'threads'}")
        return (1, 1, 1)
    for axis, n, most in zip("xyz", extent, limit, strict=True):
        if n > most:
            problems.append(f"the {what} {given!r} has {n} in {axis}; at most {most} are possible")
    return extent  # type: ignore[return-value]


def refusals(program: Program, grid: Extent, block: Extent, dynamic: int, resident: int, gpu: str) -> Iterator[str]:
    """Why a GPU would not start a launch.

    dynamic : bytes of dynamic shared memory
    resident : how many blocks the GPU holds at a time
    """
    threads, blocks = math.prod(block), math.prod(grid)
    if threads > MAX_THREADS:
        yield f"a block of {block} has {threads} threads; a block may have {MAX_THREADS}"
    if program.local_bytes > MAX_LOCAL:
        yield f"{program.local_bytes} bytes of local arrays; a thread may have {MAX_LOCAL}"
    if dynamic > MAX_DYNAMIC_SHARED:
        yield f"{dynamic} bytes of dynamic shared memory; a block may have {MAX_DYNAMIC_SHARED}"
    elif 0 < program.shared_bytes <= STATIC_SHARED:  # more is told when the kernel makes the array
        yield from _together(program.shared_bytes, dynamic)
    if program.cooperative and blocks > resident:
        yield (f"it is cooperative (cuda.cg.this_grid) and has {blocks} blocks, of which {gpu} holds {resident} at a "
               "time: all must be there to wait for each other. Let each thread do more, in a grid-stride loop")


def _together(static: int, dynamic: int) -> Iterator[str]:
    """Static and dynamic shared memory together: 48 KB, or 227 KB if the host asks the driver for more.

    `cuda_kernels.launch` asks where the dynamic part alone is more than 48 KB; Numba's kernel[...] never does.
    """
    together = f"{static} bytes of static and {dynamic} of dynamic shared memory"
    if static + dynamic > MAX_DYNAMIC_SHARED:
        yield f"{together}; a block may have {MAX_DYNAMIC_SHARED}"
    elif dynamic <= STATIC_SHARED < static + dynamic:
        yield (f"{together} are {static + dynamic}; a block may have {STATIC_SHARED} unless the host asks the driver "
               "for more (MAX_DYNAMIC_SHARED_SIZE_BYTES), which Numba does not")
