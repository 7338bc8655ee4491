"""shape r1: ops that move values and compute nothing. One thread, one element, found by an index function.

One thread owns one element of the smaller side: of y in transpose, slice and broadcast_to (y[i] = x[place(i)]), of an
input in concatenate and pad (y[place(i)] = x[i]). A block owns THREADS neighbours, the grid covers them. One side is
always walked in order; the other side's sectors are shared or not, as the op has it: in the transpose of a matrix
neighbouring threads read a row apart.
What is moved may be float32, an integer or a bool; the gradients are float32.
Bytes 4 N loaded, 4 N stored (8 N of int64, N of bytes). Claims: no local memory.
"""
import functools

import numpy as np

from cuda_kernels._cuda import FLAT, cuda, float32, int32, int64, uint8, uint32
from cuda_kernels.dtypes import flat
from cuda_kernels.indexing import index_function, join_axes
from cuda_kernels.ladder import Build, Claims, Rung, bound
from cuda_kernels.launch import blocks_for, empty, launch

from . import host
from .host import Sizes

THREADS = 256


@functools.cache
def make_gather(place):
    """y[i] = x[first + place(i)]. Strides may be negative: they are then 2^32 less, and the sum wraps."""
    @cuda.jit
    def gather(x, y, first, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = x[uint32(uint32(first) + place(i))]

    return gather


@functools.cache
def make_scatter(place):
    """y[first + place(i)] = x[i]."""
    @cuda.jit
    def scatter(x, y, first, size):
        i = cuda.grid(1)
        if i < size:
            y[uint32(uint32(first) + place(i))] = x[i]

    return scatter


@functools.cache
def make_inside(sizes: Sizes, starts: Sizes, steps: Sizes, counts: Sizes):
    """y[i] = x where cell i of y lies on the grid starts + n steps, n < counts; else value. Of any rank.

    The scatter's other half: each cell of y asks whether something comes to it, so that all are written once.
    """
    inside = _axis_test(sizes, starts, steps, counts)

    @cuda.jit
    def spread(x, y, value, size):
        i = cuda.grid(1)
        if i < size:
            source = inside(int32(i))
            y[i] = x[source] if source >= 0 else value

    return spread


@functools.cache
def _axis_test(sizes: Sizes, starts: Sizes, steps: Sizes, counts: Sizes):
    """A device function: where cell i of y comes from in x, or -1."""
    if not sizes:
        @cuda.jit(device=True)
        def whole(i):
            return int32(0)

        return whole
    size, start, step, count = (np.int32(axis[-1]) for axis in (sizes, starts, steps, counts))
    outer = _axis_test(sizes[:-1], starts[:-1], steps[:-1], counts[:-1])

    @cuda.jit(device=True)
    def from_axis(i):
        rest = int32(i // size)
        distance = int32(int32(i - rest * size) - start)
        n = int32(distance // step)
        before = outer(rest)
        hit = before >= 0 and int32(n * step) == distance and n >= 0 and n < count
        return int32(before * count + n) if hit else int32(-1)

    return from_axis


def gather(x, y, sizes: Sizes, strides: Sizes, first: int, on: str | None):
    """y, filled with x[first + strides · cell]."""
    sizes, strides = join_axes(sizes, strides)
    kernel = make_gather(index_function(sizes, tuple(s % 2**32 for s in strides)))
    launch(kernel, blocks_for(y.size, THREADS), THREADS, flat(x), flat(y), first, y.size, on=on)
    return y


def scatter(x, y, sizes: Sizes, strides: Sizes, first: int, on: str | None) -> None:
    """y[first + strides · cell] = x, one of several launches that fill y."""
    kernel = make_scatter(index_function(*join_axes(sizes, strides)))
    launch(kernel, blocks_for(x.size, THREADS), THREADS, flat(x), flat(y), first, x.size, on=on, outputs=())


def spread(x, shape: Sizes, axes: list[tuple[int, int, int]], value: float, on: str | None):
    """An array of `shape` with x on the grid start + n step of each axis, and `value` elsewhere."""
    y = empty(shape, x.dtype, like=x)
    kernel = make_inside(tuple(shape), *(tuple(axis[k] for axis in axes) for k in (0, 1, 2)))
    row = flat(x)
    fill = row.dtype.type(bool(value) if x.dtype == np.bool_ else value)  # a number of the array's own dtype
    launch(kernel, blocks_for(y.size, THREADS), THREADS, row, flat(y), fill, y.size, on=on)
    return y


CLAIMS = Claims(registers=40, lacks=("LDL", "STL"))
_TURN = make_gather(index_function((5, 7, 3), (3, 15, 1)))
_GATHER = Build(_TURN, (FLAT, FLAT, int32, int32), CLAIMS)
_OTHERS = tuple(Build(_TURN, (kind[::1], kind[::1], int32, int32), CLAIMS, label=str(kind)) for kind in (int64, uint8))
_SCATTER = Build(make_scatter(index_function((5, 7), (9, 1))), (FLAT, FLAT, int32, int32), CLAIMS)
_SPREAD = Build(make_inside((5, 7), (1, 0), (1, 2), (3, 4)), (FLAT, FLAT, float32, int32), CLAIMS)
RUNGS = tuple(Rung(op=op, name="r1_index", change="one thread an element, found by an index function", run=run,
                   builds=builds) for op, run, builds in (
    ("transpose", bound(host.transpose, gather), (_GATHER, *_OTHERS)),
    ("broadcast_to", bound(host.broadcast_to, gather), (_GATHER,)),
    ("broadcast_to_backward", host.broadcast_to_backward, (_GATHER,)),
    ("slice", bound(host.slice_, gather), (_GATHER,)),
    ("slice_backward", bound(host.slice_backward, spread), (_SPREAD,)),
    ("pad", bound(host.pad, spread), (_SPREAD,)),
    ("pad_backward", bound(host.pad_backward, gather), (_GATHER,)),
    ("concatenate", bound(host.concatenate, scatter), (_SCATTER,)),
    ("concatenate_backward", bound(host.concatenate_backward, gather), (_GATHER,))))
