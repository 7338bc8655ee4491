"""elementwise r2: four neighbours a thread, in loads and stores of 16 bytes.

One thread owns y[4 n: 4 n + 4]; a block owns 4 THREADS neighbours, the grid covers y.
Change from r1: a quarter of the threads, each with one 16-byte instruction where r1 has four of 4 bytes. Fewer
instructions for the same bytes, and more bytes under way at once: that is what keeps memory busy.
Bytes: as r1, but an input that is stretched along the last axis is read once for four elements.
Where the last axis is no multiple of four (or an array does not begin at 16 bytes) r1 does it. A flat array of any
length is fine: the last thread takes what is left, one by one.
Claims: LDG.E.128 and STG.E.128, no local memory.
"""
import functools

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32, uint32
from cuda_kernels.indexing import index_function
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, is_aligned, launch

from . import r1_scalar
from .host import cast_of, rungs_of, walk
from .r1_scalar import THREADS


@functools.cache
def make_unary(function):
    """y[i] = function(x[i]) for four i a thread."""
    @cuda.jit
    def unary_wide(x, y, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            a, b, c, d = ld4(x, i)
            st4(y, i, (function(a), function(b), function(c), function(d)))
        else:
            for k in range(i, uint32(size)):
                y[k] = function(x[k])

    return unary_wide


@functools.cache
def make_gradient(gradient):
    """dx[i] = gradient(dy[i], kept[i]) for four i a thread."""
    @cuda.jit
    def unary_backward_wide(dy, kept, dx, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            a, b, c, d = ld4(dy, i)
            p, q, r, s = ld4(kept, i)
            st4(dx, i, (gradient(a, p), gradient(b, q), gradient(c, r), gradient(d, s)))
        else:
            for k in range(i, uint32(size)):
                dx[k] = gradient(dy[k], kept[k])

    return unary_backward_wide


@functools.cache
def reader(sizes: tuple[int, ...], strides: tuple[int, ...]):
    """A device function `read(a, i)`: the four elements of an array that belong to cells i … i + 3."""
    place = index_function(sizes, strides)

    @cuda.jit(device=True)
    def neighbours(a, i):
        return ld4(a, place(i))

    @cuda.jit(device=True)
    def one_for_all(a, i):
        value = a[place(i)]
        return value, value, value, value

    return neighbours if strides[-1] else one_for_all


@functools.cache
def byte_reader(sizes: tuple[int, ...], strides: tuple[int, ...]):
    """As `reader`, for the one-byte elements of a condition."""
    place = index_function(sizes, strides)
    step = 1 if strides[-1] else 0

    @cuda.jit(device=True)
    def bytes_of(a, i):
        j = place(i)
        return a[j], a[j + uint32(step)], a[j + uint32(2 * step)], a[j + uint32(3 * step)]

    return bytes_of


@functools.cache
def make_binary(function, read_a, read_b, place_a, place_b):
    """y[i] = function(a, b) for four i a thread."""
    @cuda.jit
    def binary_wide(a, b, y, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            a0, a1, a2, a3 = read_a(a, i)
            b0, b1, b2, b3 = read_b(b, i)
            st4(y, i, (function(a0, b0), function(a1, b1), function(a2, b2), function(a3, b3)))
        else:
            for k in range(i, uint32(size)):
                y[k] = function(a[place_a(k)], b[place_b(k)])

    return binary_wide


@functools.cache
def make_binary_gradient(gradient, read_p, read_q, place_p, place_q):
    """d[i] = gradient(dy[i], p, q) for four i a thread."""
    @cuda.jit
    def binary_backward_wide(dy, p, q, d, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            d0, d1, d2, d3 = ld4(dy, i)
            p0, p1, p2, p3 = read_p(p, i)
            q0, q1, q2, q3 = read_q(q, i)
            st4(d, i, (gradient(d0, p0, q0), gradient(d1, p1, q1), gradient(d2, p2, q2), gradient(d3, p3, q3)))
        else:
            for k in range(i, uint32(size)):
                d[k] = gradient(dy[k], p[place_p(k)], q[place_q(k)])

    return binary_backward_wide


@functools.cache
def make_where(read_c, read_a, read_b, place_c, place_a, place_b):
    """y[i] = a where the condition holds, else b, for four i a thread."""
    @cuda.jit
    def where_wide(condition, a, b, y, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i + uint32(4) <= uint32(size):
            c0, c1, c2, c3 = read_c(condition, i)
            a0, a1, a2, a3 = read_a(a, i)
            b0, b1, b2, b3 = read_b(b, i)
            st4(y, i, (a0 if c0 != 0 else b0, a1 if c1 != 0 else b1, a2 if c2 != 0 else b2, a3 if c3 != 0 else b3))
        else:
            for k in range(i, uint32(size)):
                y[k] = a[place_a(k)] if condition[place_c(k)] != 0 else b[place_b(k)]

    return where_wide


@functools.cache
def make_cast(to_int: bool):
    """y[i] = x[i] for four i a thread, between dtypes of 4 bytes."""
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


MAKE = {"unary": make_unary, "gradient": make_gradient, "binary": make_binary, "binary_gradient": make_binary_gradient,
        "where": make_where}


def kernel_of(kind: str, function, ways):
    """The kernel of a kind; it reads four cells at a time, and one at a time at the end."""
    sizes, _, *strides = ways or ((), ())
    four = [(byte_reader if kind == "where" and k == 0 else reader)(sizes, s) for k, s in enumerate(strides)]
    one = [index_function(sizes, s) for s in strides]
    return MAKE[kind](*(() if kind == "where" else (function,)), *four, *one)


def is_wide(kind: str, ways, arrays) -> bool:
    """Can four cells at a time be read and written: float32, rows that are multiples of four, 16-byte aligned?"""
    if ways is not None:
        sizes, _, *strides = ways
        if not (len(sizes) == 1 or sizes[-1] % 4 == 0) or any(s[-1] not in (0, 1) for s in strides):
            return False
    return all(is_aligned(a) and a.dtype == np.float32 for a in (arrays[1:] if kind == "where" else arrays))


def apply(kind: str, function, ways, *arrays, on: str | None) -> None:
    """Launch over flat arrays, of which the last is written."""
    if not is_wide(kind, ways, arrays):
        return r1_scalar.apply(kind, function, ways, *arrays, on=on)
    size = arrays[-1].size
    launch(kernel_of(kind, function, ways), blocks_for(blocks_for(size, 4), THREADS), THREADS, *arrays, size, on=on)
    return None


def apply_cast(x, y, dtype, on: str | None) -> None:
    """Launch over flat arrays."""
    if not all(a.dtype in (np.float32, np.int32) and is_aligned(a) for a in (x, y)):
        return r1_scalar.apply_cast(x, y, dtype, on)
    launch(make_cast(dtype == np.int32), blocks_for(blocks_for(x.size, 4), THREADS), THREADS, x, y, x.size, on=on)
    return None


CHANGE = "four neighbours a thread, 16 bytes an instruction"
CLAIMS = Claims(registers=64, contains=("LDG.E.128", "STG.E.128"), lacks=("LDL", "STL"))
CAST = Claims(registers=32, contains=("LDG.E.128", "STG.E.128"), lacks=("LDL", "STL"))
_WHERE = kernel_of("where", None, walk((8, 8), (8, 8), (8, 8), (8,)))
RUNGS = (*rungs_of("r2_wide", CHANGE, apply, kernel_of, CLAIMS, 8, _WHERE),
         Rung("cast", "r2_wide", CHANGE, cast_of(apply_cast),
              (Build(make_cast(True), (float32[::1], int32[::1], int32), CAST, label="to_int32"),
               Build(make_cast(False), (int32[::1], float32[::1], int32), CAST, label="to_float32"))))
