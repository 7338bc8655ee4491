"""depthwise_conv2d_backward_data r1: one thread computes one element of dx from all windows that meet it.

    dx[n, h, w, c] = sum over r, s, m of  dy[n, i, j, c*M + m] * w[r, s, c, m]   with i = (h + top - r*di) / si

for those r where the division leaves nothing and i is a window, and likewise for columns.
One thread owns dx[n, h, w, c], a block THREADS neighbours, the grid covers dx.
Operations 2 N P Q C M R S, where no tap lies on the padding. Bytes asked for: 8 for each two operations, 4 N H W C
stored.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Problem, Window

from ..host import IMAGES, STRIDED, backward_data

THREADS = 256


@functools.cache
def make_kernel(window: Window):
    """The kernel for a window; the sizes of the arrays are read at run time."""
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit
    def depthwise_conv2d_backward_data_direct(dy, w, dx, size):
        rows, cols = dy.shape[1] * si, dy.shape[2] * sj
        multiplier, channels = w.shape[3], dx.shape[3]
        index = cuda.grid(1)
        if index < size:
            c = index % channels
            w_pixel = index // channels % dx.shape[2]
            h_pixel = index // channels // dx.shape[2] % dx.shape[1]
            n = index // channels // dx.shape[2] // dx.shape[1]
            total = float32(0)
            for r in range(w.shape[0]):
                i_strides = h_pixel + top - r * di  # i * si, if this tap meets the pixel
                for s in range(w.shape[1]):
                    j_strides = w_pixel + left - s * dj
                    inside = i_strides >= 0 and i_strides < rows and j_strides >= 0 and j_strides < cols
                    if inside and i_strides % si == 0 and j_strides % sj == 0:
                        for m in range(multiplier):
                            total += dy[n, i_strides // si, j_strides // sj, c * multiplier + m] * w[r, s, c, m]
            dx[n, h_pixel, w_pixel, c] = total

    return depthwise_conv2d_backward_data_direct


def apply(p: Problem, on: str | None) -> None:
    """One thread an element of dx."""
    launch(make_kernel(p.shapes.window), blocks_for(p.out.size, THREADS), THREADS, p.a, p.b, p.out, p.out.size, on=on)


RUNG = Rung(
    op="depthwise_conv2d_backward_data", name="r1_direct", run=backward_data(apply),
    change="one thread for each element of dx, which gathers from all windows that meet it",
    builds=(Build(make_kernel(STRIDED), args=(IMAGES, IMAGES, IMAGES, int32),
                  claims=Claims(registers=64, contains=("FFMA",))),))
