"""shape r2: whole rows, moved 16 bytes at a time; in broadcast_to, slice, concatenate and the backwards.

One thread owns four neighbours of the side that is walked in order. A block owns 4 THREADS, the grid covers them.
Change from r1: ld4 and st4, and one index for four elements. That is possible where the last axis (after
joining) keeps its neighbours together: rows of float32 that are a multiple of four long and begin on 16 bytes, on both
sides. A last axis that is stretched is read once and stored four times. All else goes to r1.
Bytes 4 N loaded (N where the last axis is stretched), 4 N stored. Claims: LDG.E.128, STG.E.128, no local memory.
"""
import functools

import numpy as np

from cuda_kernels._cuda import FLAT, cuda, int32, uint32
from cuda_kernels.indexing import index_function, join_axes
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung, bound
from cuda_kernels.launch import blocks_for, is_aligned, launch

from . import host, r1_index
from .host import Sizes

THREADS = 256


@functools.cache
def make_gather(place, stretched: bool):
    """Four neighbours of y from x[first + place(i)] on, or from that one element."""
    @cuda.jit
    def gather_wide(x, y, first, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i < uint32(size):
            source = uint32(uint32(first) + place(i))
            if stretched:
                value = x[source]
                st4(y, i, (value, value, value, value))
            else:
                st4(y, i, ld4(x, source))

    return gather_wide


@functools.cache
def make_scatter(place):
    """Four neighbours of x to y[first + place(i)] on."""
    @cuda.jit
    def scatter_wide(x, y, first, size):
        i = uint32(4) * uint32(cuda.grid(1))
        if i < uint32(size):
            st4(y, uint32(uint32(first) + place(i)), ld4(x, i))

    return scatter_wide


def is_wide(x, y, sizes: Sizes, strides: Sizes, first: int) -> bool:
    """Do four neighbours of the walk lie in 16 bytes on both sides? For joined sizes and strides.

    >>> x = np.zeros(64, np.float32)
    >>> is_wide(x, x, (4, 8), (16, 1), 4), is_wide(x, x, (4, 8), (16, 1), 2), is_wide(x, x, (4, 8), (1, 8), 0)
    (True, False, False)
    """
    if x.dtype != np.float32 or sizes[-1] % 4 or not (is_aligned(x) and is_aligned(y)):
        return False
    return strides[-1] == 0 or (strides[-1] == 1 and all(step % 4 == 0 for step in (*strides[:-1], first)))


def gather(x, y, sizes: Sizes, strides: Sizes, first: int, on: str | None):
    """As `r1_index.gather`, four elements a thread where that is possible."""
    joined, steps = join_axes(sizes, strides)
    if not is_wide(x, y, joined, steps, first):
        return r1_index.gather(x, y, sizes, strides, first, on)
    kernel = make_gather(index_function(joined, tuple(s % 2**32 for s in steps)), steps[-1] == 0)
    launch(kernel, blocks_for(y.size // 4, THREADS), THREADS, x.reshape(-1), y.reshape(-1), first, y.size, on=on)
    return y


def scatter(x, y, sizes: Sizes, strides: Sizes, first: int, on: str | None) -> None:
    """As `r1_index.scatter`, four elements a thread where that is possible."""
    joined, steps = join_axes(sizes, strides)
    if steps[-1] != 1 or not is_wide(x, y, joined, steps, first):
        return r1_index.scatter(x, y, sizes, strides, first, on)
    kernel = make_scatter(index_function(joined, steps))
    launch(kernel, blocks_for(x.size // 4, THREADS), THREADS, x.reshape(-1), y.reshape(-1), first, x.size, on=on,
           outputs=())
    return None


CLAIMS = Claims(registers=40, contains=("LDG.E.128", "STG.E.128"), lacks=("LDL", "STL"))
_ARGS = (FLAT, FLAT, int32, int32)
GATHER = Build(make_gather(index_function((5, 7, 8), (8, 40, 1)), False), _ARGS, CLAIMS)
_STRETCH = Build(make_gather(index_function((5, 8), (1, 0)), True), _ARGS,
                 Claims(registers=40, contains=("STG.E.128",), lacks=("LDL", "STL")), label="stretched")
_SCATTER = Build(make_scatter(index_function((5, 8), (20, 1))), _ARGS, CLAIMS)
RUNGS = tuple(Rung(op=op, name="r2_wide", change="rows move 16 bytes at a time", run=run, builds=builds)
              for op, run, builds in (
    ("broadcast_to", bound(host.broadcast_to, gather), (GATHER, _STRETCH)),
    ("slice", bound(host.slice_, gather), (GATHER,)),
    ("pad_backward", bound(host.pad_backward, gather), (GATHER,)),
    ("concatenate", bound(host.concatenate, scatter), (_SCATTER,)),
    ("concatenate_backward", bound(host.concatenate_backward, gather), (GATHER,))))
