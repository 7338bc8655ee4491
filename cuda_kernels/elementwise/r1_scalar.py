"""elementwise r1: one thread, one element.

One thread owns y[i]; a block owns THREADS neighbours, the grid covers y. Neighbouring threads read neighbouring
elements, so every 32-byte sector that is fetched is used.
Bytes, of N elements: a unary forward 4 N loaded and 4 N stored, its backward 8 N and 4 N (4 N and 4 N where nothing was
kept). A binary op loads 4 N for each input that is not stretched, a cast N of the one size, and it stores N of the
other. Integers are computed by this rung too (not divided).
Claims: no local memory; one 4-byte load an input.
"""
import functools

import numpy as np

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.indexing import index_function
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch

from .host import cast_of, rungs_of, walk

THREADS = 256  # eight warps; several blocks fit on a multiprocessor


@functools.cache
def make_unary(function):
    """y[i] = function(x[i])."""
    @cuda.jit
    def unary_scalar(x, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = function(x[i])

    return unary_scalar


@functools.cache
def make_gradient(gradient):
    """dx[i] = gradient(dy[i], kept[i])."""
    @cuda.jit
    def unary_backward_scalar(dy, kept, dx, size):
        i = cuda.grid(1)
        if i < size:
            dx[i] = gradient(dy[i], kept[i])

    return unary_backward_scalar


@functools.cache
def make_binary(function, place_a, place_b):
    """y[i] = function(a[place_a(i)], b[place_b(i)])."""
    @cuda.jit
    def binary_scalar(a, b, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = function(a[place_a(i)], b[place_b(i)])

    return binary_scalar


@functools.cache
def make_binary_gradient(gradient, place_p, place_q):
    """d[i] = gradient(dy[i], p[place_p(i)], q[place_q(i)])."""
    @cuda.jit
    def binary_backward_scalar(dy, p, q, d, size):
        i = cuda.grid(1)
        if i < size:
            d[i] = gradient(dy[i], p[place_p(i)], q[place_q(i)])

    return binary_backward_scalar


@functools.cache
def make_where(place_c, place_a, place_b):
    """y[i] = a where the condition holds, else b."""
    @cuda.jit
    def where_scalar(condition, a, b, y, size):
        i = cuda.grid(1)
        if i < size:
            if condition[place_c(i)] != 0:
                y[i] = a[place_a(i)]
            else:
                y[i] = b[place_b(i)]

    return where_scalar


@functools.cache
def make_cast(to_bool: bool):
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


MAKE = {"unary": make_unary, "gradient": make_gradient, "binary": make_binary, "binary_gradient": make_binary_gradient}


def kernel_of(kind: str, function, ways):
    """The kernel of a kind; see `host.py`."""
    places = () if ways is None else tuple(index_function(ways[0], strides) for strides in ways[2:])
    return make_where(*places) if kind == "where" else MAKE[kind](function, *places)


def apply(kind: str, function, ways, *arrays, on: str | None) -> None:
    """Launch over flat arrays, of which the last is written."""
    size = arrays[-1].size
    launch(kernel_of(kind, function, ways), blocks_for(size, THREADS), THREADS, *arrays, size, on=on)


def apply_cast(x, y, dtype, on: str | None) -> None:
    """Launch over flat arrays."""
    launch(make_cast(dtype == np.bool_), blocks_for(x.size, THREADS), THREADS, x, y, x.size, on=on)


CHANGE = "one thread an element"
CLAIMS = Claims(registers=64, lacks=("LDL", "STL"))
_ROW = walk((8, 5), (8, 5), (5,))  # a bias: what the compile gate builds
_WHERE = make_where(index_function((1,), (1,)), *(index_function(_ROW[0], strides) for strides in _ROW[2:]))
RUNGS = (*rungs_of("r1_scalar", CHANGE, apply, kernel_of, CLAIMS, 5, _WHERE, integers=True),
         Rung("cast", "r1_scalar", CHANGE, cast_of(apply_cast),
              (Build(make_cast(False), (float32[::1], int32[::1], int32), Claims(registers=32, lacks=("LDL", "STL")),
                     label="to_int32"),
               Build(make_cast(False), (int32[::1], float32[::1], int32), Claims(registers=32, lacks=("LDL", "STL")),
                     label="to_float32"))))
