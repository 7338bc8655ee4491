"""cast r1: one thread, one element, read in one dtype and written in another.

One thread owns y[i]. Bytes: N of the one size loaded, N of the other stored. A float becomes an integer by cutting off
its fraction, and a bool by asking whether it is 0. float64 is left out: it has no place in these kernels.
Claims: no local memory.
"""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch

THREADS = 256
DTYPES = ("float32", "int32", "int64", "uint8", "bool")


@functools.cache
def make_cast(to_bool: bool) -> Any:
    """y[i] = x[i]: a store converts to the array's dtype. A bool is stored as the byte 0 or 1."""
    if to_bool:
        @cuda.jit
        def cast_to_bool(x, y, size):
            i = cuda.grid(1)
            if i < size:
                y[i] = 1 if x[i] != 0 else 0

        return cast_to_bool

    @cuda.jit
    def cast_scalar(x, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = x[i]

    return cast_scalar


def cast(x: Any, *, dtype: Any, out: Any = None, on: str | None = None) -> Any:
    """`x` as another dtype, a copy. dtype: float32, int32, int64, uint8 or bool. Its backward is a cast back."""
    target = np.dtype(dtype)
    check_array("cast", "x", x, dtype=None)
    for name, kind in (("x", np.dtype(x.dtype)), ("dtype", target)):
        if kind.name not in DTYPES:
            raise TypeError(f"cast: {name} must be one of {', '.join(DTYPES)}. Got {kind}.")
    y = empty(x.shape, target, like=x) if out is None else out
    check_array("cast", "out", y, dtype=target, shape=x.shape)
    flat_x, flat_y = (a.reshape(-1).view(np.uint8) if a.dtype == np.bool_ else a.reshape(-1) for a in (x, y))
    launch(make_cast(target == np.bool_), blocks_for(x.size, THREADS), THREADS, flat_x, flat_y, x.size, on=on)
    return y


CLAIMS = Claims(registers=32, lacks=("LDL", "STL"))
RUNGS = (Rung(op="cast", name="r1_scalar", change="one thread an element", run=cast,
              builds=(Build(make_cast(False), (float32[::1], int32[::1], int32), CLAIMS, label="to_int32"),
                      Build(make_cast(False), (int32[::1], float32[::1], int32), CLAIMS, label="to_float32"))),)
