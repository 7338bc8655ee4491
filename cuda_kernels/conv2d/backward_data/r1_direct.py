"""conv2d_backward_data r1: one thread computes one element of dx from all windows that meet it.

Pixel (h, w) is tap (r, s) of window (i, j) where h = i*si + r*di - top, and likewise for columns. So, read backwards,

    dx[n, h, w, c] = sum over r, s, k of  dy[n, i, j, k] * w[r, s, c, k]   with i = (h + top - r*di) / si

for those r where the division leaves nothing and i is a window. Gathered like this no two threads write one element,
and nothing has to be added atomically. With a bias this is the forward pass of a transposed convolution.

One thread owns dx[n, h, w, c]. A block owns THREADS neighbouring elements, the grid covers dx.
Operations 2 N P Q K R S C / groups, where no tap lies on the padding. Bytes asked for: 8 for each two operations.
Lanes are neighbours along c, and read weights K elements apart: a sector each.
Claims: one FFMA for each product, no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Problem, Window

from ..host import IMAGES, STRIDED, backward_data

THREADS = 256  # eight warps


@functools.cache
def make_kernel(window: Window, groups: int, has_bias: bool):
    """The kernel for a window; the sizes of the arrays are read at run time."""
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit
    def conv2d_backward_data_direct(dy, w, b, dx, size):
        rows, cols = dy.shape[1] * si, dy.shape[2] * sj
        group_c, group_k, channels = w.shape[2], w.shape[3] // groups, dx.shape[3]
        index = cuda.grid(1)
        if index < size:
            c = index % channels
            w_pixel = index // channels % dx.shape[2]
            h_pixel = index // channels // dx.shape[2] % dx.shape[1]
            n = index // channels // dx.shape[2] // dx.shape[1]
            first_k = c // group_c * group_k
            own_c = c % group_c
            total = float32(0)
            for r in range(w.shape[0]):
                i_strides = h_pixel + top - r * di  # i * si, if this tap meets the pixel
                for s in range(w.shape[1]):
                    j_strides = w_pixel + left - s * dj
                    inside = i_strides >= 0 and i_strides < rows and j_strides >= 0 and j_strides < cols
                    if inside and i_strides % si == 0 and j_strides % sj == 0:
                        for k in range(first_k, first_k + group_k):
                            total += dy[n, i_strides // si, j_strides // sj, k] * w[r, s, own_c, k]
            if has_bias:
                total += b[c]
            dx[n, h_pixel, w_pixel, c] = total

    return conv2d_backward_data_direct


def apply(p: Problem, on: str | None) -> None:
    """One thread an element of dx."""
    kernel = make_kernel(p.shapes.window, p.shapes.groups, p.has_bias)
    launch(kernel, blocks_for(p.out.size, THREADS), THREADS, p.a, p.b, p.bias, p.out, p.out.size, on=on)


RUNG = Rung(
    op="conv2d_backward_data", name="r1_direct", run=backward_data(apply),
    change="one thread for each element of dx, which gathers from all windows that meet it",
    builds=(Build(make_kernel(STRIDED, 2, True), args=(IMAGES, IMAGES, float32[::1], IMAGES, int32),
                  claims=Claims(registers=72, contains=("FFMA",))),))
