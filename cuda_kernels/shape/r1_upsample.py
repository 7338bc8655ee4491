"""upsample2d r1: enlarging images by whole factors; one thread an element of the result, forward and backward.

Forward: one thread owns y[n, p, q, c] and reads one pixel (nearest) or the four around its centre (bilinear). Backward:
one thread owns dx[n, h, w, c] and *collects* from the pixels that read it, so no two threads write one element and no
atomics are needed. Channels are last, so the lanes of a warp are neighbours on both sides. A block owns THREADS
elements, the grid covers them.
New pixel p's centre lies at (p + 1/2) / factor - 1/2 in old pixels, kept within the image (Keras' bilinear).
Bytes, of N new elements: nearest 4 N loaded, bilinear 16 N; 4 N stored.
Claims: no local memory.
"""
import functools
import math

import numpy as np

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, check_array, empty, launch

THREADS = 256


@cuda.jit(device=True)
def position(p, inverse, length):
    """The old pixel before the centre of new pixel p, and the share of the next one."""
    at = (float32(p) + float32(0.5)) * inverse - float32(0.5)
    at = min(max(at, float32(0)), float32(length - 1))
    before = int32(math.floor(at))
    return before, at - float32(before)


@cuda.jit(device=True)
def weight_of(p, h, inverse, length):
    """How much old pixel h counts in new pixel p."""
    before, share = position(p, inverse, length)
    weight = float32(1) - share if h == before else float32(0)
    return weight + share if h == min(before + 1, length - 1) else weight


@functools.cache
def make_forward(rows: int, cols: int, bilinear: bool):
    """The kernel for factors rows, cols."""
    up, across = np.float32(1 / rows), np.float32(1 / cols)

    @cuda.jit
    def upsample(x, y, height, width, channels, size):
        i = cuda.grid(1)
        if i < size:
            c, pixel = i % channels, i // channels
            q, line = pixel % (width * cols), pixel // (width * cols)
            p, n = line % (height * rows), line // (height * rows)
            image = n * height
            if bilinear:
                h, down = position(p, up, height)
                w, right = position(q, across, width)
                h2, w2 = min(h + 1, height - 1), min(w + 1, width - 1)
                top = (float32(1) - right) * x[((image + h) * width + w) * channels + c]
                top += right * x[((image + h) * width + w2) * channels + c]
                bottom = (float32(1) - right) * x[((image + h2) * width + w) * channels + c]
                bottom += right * x[((image + h2) * width + w2) * channels + c]
                y[i] = (float32(1) - down) * top + down * bottom
            else:
                y[i] = x[((image + p // rows) * width + q // cols) * channels + c]

    return upsample


@functools.cache
def make_backward(rows: int, cols: int, bilinear: bool):
    """dx[n, h, w, c] = the sum over the new pixels that read it, times the weight with which they did."""
    up, across = np.float32(1 / rows), np.float32(1 / cols)
    more_rows, more_cols = (rows, cols) if bilinear else (0, 0)  # bilinear pixels are read from their neighbours too

    @cuda.jit
    def upsample_backward(dy, dx, height, width, channels, size):
        i = cuda.grid(1)
        if i < size:
            c, pixel = i % channels, i // channels
            w, line = pixel % width, pixel // width
            h, n = line % height, line // height
            total = float32(0)
            for p in range(max(0, h * rows - more_rows), min(height * rows, (h + 1) * rows + more_rows)):
                for q in range(max(0, w * cols - more_cols), min(width * cols, (w + 1) * cols + more_cols)):
                    value = dy[((n * height * rows + p) * width * cols + q) * channels + c]
                    if bilinear:
                        value *= weight_of(p, h, up, height) * weight_of(q, w, across, width)
                    total += value
            dx[i] = total

    return upsample_backward


def _is_bilinear(op: str, interpolation: str) -> bool:
    if interpolation not in ("nearest", "bilinear"):
        raise ValueError(f"{op}: interpolation must be 'nearest' or 'bilinear'. Got {interpolation!r}.")
    return interpolation == "bilinear"


def upsample2d(x, *, size: tuple[int, int] = (2, 2), interpolation: str = "nearest", on: str | None = None):
    """Images (N, H, W, C) enlarged to (N, H size[0], W size[1], C)."""
    check_array("upsample2d", "x", x, ndim=4)
    n, h, w, c = x.shape
    y = empty((n, h * size[0], w * size[1], c), like=x)
    kernel = make_forward(*size, _is_bilinear("upsample2d", interpolation))
    launch(kernel, blocks_for(y.size, THREADS), THREADS, x.reshape(-1), y.reshape(-1), h, w, c, y.size, on=on)
    return y


def upsample2d_backward(dy, *, size: tuple[int, int] = (2, 2), interpolation: str = "nearest", on: str | None = None):
    """The gradient of the smaller images."""
    check_array("upsample2d_backward", "dy", dy, ndim=4)
    n, p, q, c = dy.shape
    if p % size[0] or q % size[1]:
        raise ValueError(f"upsample2d_backward: dy must be a multiple of size {size}. Got {tuple(dy.shape)}.")
    dx = empty((n, p // size[0], q // size[1], c), like=dy)
    kernel = make_backward(*size, _is_bilinear("upsample2d_backward", interpolation))
    launch(kernel, blocks_for(dx.size, THREADS), THREADS, dy.reshape(-1), dx.reshape(-1), dx.shape[1], dx.shape[2], c,
           dx.size, on=on)
    return dx


ARGS = (FLAT, FLAT, int32, int32, int32, int32)
CLAIMS = Claims(registers=96, lacks=("LDL", "STL"))
RUNGS = tuple(Rung(op=run.__name__, name="r1_upsample", change="one thread an element of the result", run=run,
                   builds=tuple(Build(make(2, 2, bilinear), ARGS, CLAIMS, label=label)
                                for bilinear, label in ((False, "nearest"), (True, "bilinear"))))
              for run, make in ((upsample2d, make_forward), (upsample2d_backward, make_backward)))
