"""depthwise_conv2d r1: one thread computes one element of y, straight from the definition.

One thread owns y[n, i, j, c*M + m]. A block owns THREADS neighbouring elements, channels fastest: the lanes read
neighbouring channels of one pixel, and neighbouring weights.
Operations 2 N P Q C M R S, where no tap lies on the padding. Bytes asked for: 8 for each two operations, 4 N P Q C M
stored; each pixel is asked for R S M times.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Problem, Window

from ..host import IMAGES, STRIDED, forward

THREADS = 256


@functools.cache
def make_kernel(window: Window, has_bias: bool):
    """The kernel for a window; the sizes of the arrays are read at run time."""
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit
    def depthwise_conv2d_direct(x, w, b, y, size):
        height, width = x.shape[1], x.shape[2]
        multiplier, channels = w.shape[3], y.shape[3]
        index = cuda.grid(1)
        if index < size:
            k = index % channels
            j = index // channels % y.shape[2]
            i = index // channels // y.shape[2] % y.shape[1]
            n = index // channels // y.shape[2] // y.shape[1]
            c, m = k // multiplier, k % multiplier
            total = float32(0)
            for r in range(w.shape[0]):
                row = i * si + r * di - top
                for s in range(w.shape[1]):
                    col = j * sj + s * dj - left
                    if row >= 0 and row < height and col >= 0 and col < width:
                        total += x[n, row, col, c] * w[r, s, c, m]
            if has_bias:
                total += b[k]
            y[n, i, j, k] = total

    return depthwise_conv2d_direct


def apply(p: Problem, on: str | None) -> None:
    """One thread an element of y."""
    kernel = make_kernel(p.shapes.window, p.has_bias)
    launch(kernel, blocks_for(p.out.size, THREADS), THREADS, p.a, p.b, p.bias, p.out, p.out.size, on=on)


RUNG = Rung(
    op="depthwise_conv2d", name="r1_direct", change="one thread for each element of y", run=forward(apply),
    builds=(Build(make_kernel(STRIDED, True), args=(IMAGES, IMAGES, float32[::1], IMAGES, int32),
                  claims=Claims(registers=64, contains=("FFMA",))),))
