"""cast r1 and r2: read in one dtype, written in another; one thread an element, or four of them.

One thread owns y[i]. Bytes: N of the one size loaded, N of the other stored. A float becomes an integer by cutting off
its fraction, and a bool by asking whether it is 0. float64 is left out: it has no place in these kernels.
r2: one thread owns y[4 n: 4 n + 4] in one load and one store of 16 bytes, where both sides have 4 bytes an element
(float32, int32); the last one to three go one by one. All else goes to r1.
Claims: no local memory; r2 LDG.E.128 and STG.E.128.
"""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32, uint32
from cuda_kernels.dtypes import MOVED, flat
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, check_array, empty, is_aligned, launch

THREADS = 256


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


@functools.cache
def make_cast_wide(to_int: bool) -> Any:
    """y[i] = x[i] for four i a thread."""
    convert = int32 if to_int else float32

    @cuda.jit
    def cast_wide(x, y, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            a, b, c, d = ld4(x, i)
            st4(y, i, (convert(a), convert(b), convert(c), convert(d)))
        else:
            for k in range(i, uint32(size)):
                y[k] = x[k]

    return cast_wide


def _apply(x: Any, y: Any, on: str | None) -> None:
    """Launch r1 over any arrays."""
    launch(make_cast(y.dtype == np.bool_), blocks_for(x.size, THREADS), THREADS, flat(x), flat(y), x.size, on=on)


def _apply_wide(x: Any, y: Any, on: str | None) -> None:
    """Launch r2 where it can serve."""
    words = (np.dtype(np.float32), np.dtype(np.int32))
    if not all(np.dtype(a.dtype) in words and is_aligned(a) for a in (x, y)):
        return _apply(x, y, on)
    launch(make_cast_wide(y.dtype == np.int32), blocks_for(blocks_for(x.size, 4), THREADS), THREADS, flat(x), flat(y),
           x.size, on=on)
    return None


def cast(x: Any, *, dtype: Any, out: Any = None, on: str | None = None, apply: Any = _apply) -> Any:
    """`x` as another dtype, a copy. dtype: float32, int32, int64, uint8 or bool. Its backward is a cast back."""
    target = np.dtype(dtype)
    check_array("cast", "x", x, dtype=None)
    for name, kind in (("x", np.dtype(x.dtype)), ("dtype", target)):
        if kind.name not in MOVED:
            raise TypeError(f"cast: {name} must be one of {', '.join(MOVED)}. Got {kind}.")
    y = empty(x.shape, target, like=x) if out is None else out
    check_array("cast", "out", y, dtype=target, shape=x.shape)
    apply(x, y, on)
    return y


WIDE = Claims(registers=32, contains=("LDG.E.128", "STG.E.128"), lacks=("LDL", "STL"))
CLAIMS = Claims(registers=32, lacks=("LDL", "STL"))
RUNGS = (Rung(op="cast", name="r1_scalar", change="one thread an element", run=cast,
              builds=(Build(make_cast(False), (float32[::1], int32[::1], int32), CLAIMS, label="to_int32"),
                      Build(make_cast(False), (int32[::1], float32[::1], int32), CLAIMS, label="to_float32"))),
         Rung(op="cast", name="r2_wide", change="four neighbours a thread, 16 bytes an instruction",
              run=functools.update_wrapper(functools.partial(cast, apply=_apply_wide), cast),
              builds=(Build(make_cast_wide(True), (float32[::1], int32[::1], int32), WIDE, label="to_int32"),
                      Build(make_cast_wide(False), (int32[::1], float32[::1], int32), WIDE, label="to_float32"))))
