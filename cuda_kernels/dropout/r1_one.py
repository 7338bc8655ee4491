"""dropout r1: one thread, one element, one random word.

One thread draws the word of its cell of the mask, and a second kernel multiplies: y[i] = x[i] * scale where kept. A
block owns THREADS neighbours, the grid covers the mask (x). Philox makes four words at a time; three are thrown away.
Bytes, of N elements: N stored (the mask, one byte a cell), then 5 N loaded and 4 N stored.
Claims: no local memory.
"""
import functools

import numpy as np

from cuda_kernels._cuda import FLAT, cuda, float32, int32, uint8, uint32
from cuda_kernels.indexing import index_function
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch

from .host import forward, place_of_mask
from .philox import halves, philox4x32

THREADS = 256


@cuda.jit
def draw_one(keep, threshold, seed_low, seed_high, offset_low, offset_high, size):
    """keep[i] = 1 where word i of the stream, cut to 24 bits, reaches the threshold."""
    i = cuda.grid(1)
    if i < size:
        w0, w1, w2, w3 = philox4x32(uint32(i // 4), uint32(0), offset_low, offset_high, seed_low, seed_high)
        which = i % 4
        word = w0 if which == 0 else (w1 if which == 1 else (w2 if which == 2 else w3))
        keep[i] = 1 if (word >> uint32(8)) >= uint32(threshold) else 0


@functools.cache
def make_mask(place):
    """y[i] = x[i] * scale where its cell of the mask is kept, else 0 (as a product: a NaN stays one)."""
    @cuda.jit
    def mask_one(x, keep, y, scale, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = x[i] * (scale if keep[place(i)] != 0 else float32(0))

    return mask_one


def apply(x, y, keep, place, threshold: int, seed: int, offset: int, scale: float, *, on: str | None) -> None:
    """Draw the mask, then multiply."""
    launch(draw_one, blocks_for(keep.size, THREADS), THREADS, keep, threshold, *halves(seed), *halves(offset),
           keep.size, on=on)
    launch(make_mask(place), blocks_for(x.size, THREADS), THREADS, x, keep, y, scale, x.size, on=on)


def dropout_backward(dy, keep, *, scale: float, on: str | None = None):
    """The gradient goes through the same mask and scale: one kernel, one thread an element."""
    check_array("dropout_backward", "dy", dy)
    check_array("dropout_backward", "keep", keep, dtype=np.bool_)
    dx = empty(dy.shape, like=dy)
    kernel = make_mask(place_of_mask(tuple(dy.shape), tuple(keep.shape)))
    launch(kernel, blocks_for(dy.size, THREADS), THREADS, dy.reshape(-1), keep.reshape(-1).view(np.uint8),
           dx.reshape(-1), float(scale), dy.size, on=on)
    return dx


BYTES = uint8[::1]
WORDS = (uint32,) * 4
CLAIMS = Claims(registers=40, lacks=("LDL", "STL"))
_MASK = Build(make_mask(index_function((1,), (1,))), (FLAT, BYTES, FLAT, float32, int32), CLAIMS)
RUNGS = (
    Rung(op="dropout", name="r1_one", change="one thread a random word, and a second kernel to multiply",
         run=forward(apply), builds=(Build(draw_one, (BYTES, int32, *WORDS, int32), CLAIMS), _MASK)),
    Rung(op="dropout_backward", name="r1_one", change="one thread an element", run=dropout_backward, builds=(_MASK,)),
)
