"""`with simt.on():` Numba's own launch syntax, and its host functions, on the SIMT machine."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from .host import names
from .host.sessions import SESSIONS, Session
from .language.names import cuda_objects

__all__ = ["Session", "on"]

names.install()


@contextlib.contextmanager
def on(**options: Any) -> Iterator[Session]:
    """Inside this block a program's host code runs without a GPU, unchanged: see `host/__init__.py`.

    `kernel[grid, block](...)` runs on the SIMT machine and returns a `Report`; `to_device`, `copy_to_host`, streams,
    events, `vectorize(target="cuda")` and the others mean its simulated device. The session keeps the reports of all
    launches, and the transfers.

    `options` are those of `launch` (checks, strict, outputs, …); `kernel[grid, block, stream, bytes]` gives the dynamic
    shared memory as usual. The block holds for its own thread, asyncio task and generator.

    >>> import numpy as np
    >>> from numba import cuda
    >>> @cuda.jit("void(float32[:], float32)")
    ... def scale(x, factor):
    ...     i = cuda.grid(1)
    ...     if i < x.size:
    ...         x[i] *= factor
    >>> with on() as session:
    ...     d_x = cuda.to_device(np.arange(4, dtype=np.float32))
    ...     report = scale[1, 32](d_x, 10)
    ...     result = d_x.copy_to_host()
    >>> result, session.faults
    (array([ 0., 10., 20., 30.], dtype=float32), [])
    >>> session.transfers
    up    16 bytes  (4,)  to_device
    down  16 bytes  (4,)  copy_to_host
    """
    cuda_objects()  # raises SimtError where Numba's own simulator has taken the place of numba.cuda
    names.install()
    with names.kernel_methods, SESSIONS.block(Session(options)) as session:
        yield session
