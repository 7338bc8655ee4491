"""conv2d_backward_weights r1: one thread computes one element of dw, a sum over all windows.

    dw[r, s, c, k] = sum over n, i, j of  xpad[n, i*si + r*di, j*sj + s*dj, c] * dy[n, i, j, k]

One thread owns dw[r, s, c, k]. A block owns THREADS neighbouring elements, k fastest, the grid covers dw. dw is small
and the sum long: a first layer with 3 x 3 x 3 x 32 weights keeps four blocks busy, and a sum of N P Q numbers in one
float32 loses digits.
Operations 2 N P Q K R S C / groups, where no tap lies on the padding. Bytes asked for: 8 for each two operations.
Claims: one FFMA for each product, no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Problem, Window

from ..host import IMAGES, STRIDED, backward_weights

THREADS = 256  # eight warps


@functools.cache
def make_kernel(window: Window, groups: int):
    """The kernel for a window; the sizes of the arrays are read at run time."""
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit
    def conv2d_backward_weights_direct(x, dy, dw, size):
        height, width = x.shape[1], x.shape[2]
        group_c, channels = dw.shape[2], dw.shape[3]
        index = cuda.grid(1)
        if index < size:
            k = index % channels
            c = index // channels % group_c
            s = index // channels // group_c % dw.shape[1]
            r = index // channels // group_c // dw.shape[1]
            x_c = k // (channels // groups) * group_c + c
            total = float32(0)
            for n in range(dy.shape[0]):
                for i in range(dy.shape[1]):
                    row = i * si + r * di - top
                    for j in range(dy.shape[2]):
                        col = j * sj + s * dj - left
                        if row >= 0 and row < height and col >= 0 and col < width:
                            total += x[n, row, col, x_c] * dy[n, i, j, k]
            dw[r, s, c, k] = total

    return conv2d_backward_weights_direct


def apply(p: Problem, on: str | None) -> None:
    """One thread an element of dw."""
    kernel = make_kernel(p.shapes.window, p.shapes.groups)
    launch(kernel, blocks_for(p.out.size, THREADS), THREADS, p.a, p.b, p.out, p.out.size, on=on)


RUNG = Rung(
    op="conv2d_backward_weights", name="r1_direct", run=backward_weights(apply),
    change="one thread for each element of dw, which sums over all windows",
    builds=(Build(make_kernel(STRIDED, 2), args=(IMAGES, IMAGES, IMAGES, int32),
                  claims=Claims(registers=72, contains=("FFMA",))),))
