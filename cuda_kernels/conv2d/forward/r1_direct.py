"""conv2d r1: one thread computes one element of y, straight from the definition.

One thread owns y[n, i, j, k]. A block owns THREADS neighbouring elements, k fastest, the grid covers y: the lanes of a
warp share their pixels of x and read neighbouring weights.

Operations 2 N P Q K R S C / groups, where no tap lies on the padding. Bytes asked for: 8 for each two operations,
4 N P Q K stored. Every pixel is asked for R S K times, every weight N P Q times; caches serve most of it.
Claims: one FFMA for each product, no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Problem, Window

from ..host import IMAGES, STRIDED, forward

THREADS = 256  # eight warps


@functools.cache
def make_kernel(window: Window, groups: int, has_bias: bool):
    """The kernel for a window; the sizes of the arrays are read at run time."""
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit
    def conv2d_direct(x, w, b, y, size):
        height, width = x.shape[1], x.shape[2]
        group_c, channels = w.shape[2], y.shape[3]
        index = cuda.grid(1)
        if index < size:
            k = index % channels
            j = index // channels % y.shape[2]
            i = index // channels // y.shape[2] % y.shape[1]
            n = index // channels // y.shape[2] // y.shape[1]
            first_c = k // (channels // groups) * group_c
            total = float32(0)
            for r in range(w.shape[0]):
                row = i * si + r * di - top
                for s in range(w.shape[1]):
                    col = j * sj + s * dj - left
                    if row >= 0 and row < height and col >= 0 and col < width:
                        for c in range(group_c):
                            total += x[n, row, col, first_c + c] * w[r, s, c, k]
            if has_bias:
                total += b[k]
            y[n, i, j, k] = total

    return conv2d_direct


def apply(p: Problem, on: str | None) -> None:
    """One thread an element of y."""
    kernel = make_kernel(p.shapes.window, p.shapes.groups, p.has_bias)
    launch(kernel, blocks_for(p.out.size, THREADS), THREADS, p.a, p.b, p.bias, p.out, p.out.size, on=on)


RUNG = Rung(
    op="conv2d", name="r1_direct", run=forward(apply),
    change="one thread for each element of y, as the definition has it",
    builds=(Build(make_kernel(STRIDED, 2, True), args=(IMAGES, IMAGES, float32[::1], IMAGES, int32),
                  claims=Claims(registers=72, contains=("FFMA",))),))
