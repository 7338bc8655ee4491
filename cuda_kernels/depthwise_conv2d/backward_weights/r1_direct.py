"""depthwise_conv2d_backward_weights r1: one thread computes one element of dw, a sum over all windows.

    dw[r, s, c, m] = sum over n, i, j of  xpad[n, i*si + r*di, j*sj + s*dj, c] * dy[n, i, j, c*M + m]

One thread owns dw[r, s, c, m], a block THREADS neighbours, the grid covers dw: 3 x 3 x 64 weights are three blocks, on
a GPU with room for hundreds, and each thread's sum is N P Q long.
Operations 2 N P Q C M R S, where no tap lies on the padding. Bytes asked for: 8 for each two operations.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Problem, Window

from ..host import IMAGES, STRIDED, backward_weights

THREADS = 256


@functools.cache
def make_kernel(window: Window):
    """The kernel for a window; the sizes of the arrays are read at run time."""
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit
    def depthwise_conv2d_backward_weights_direct(x, dy, dw, size):
        height, width = x.shape[1], x.shape[2]
        channels = dy.shape[3]  # C * M, the two last axes of dw
        index = cuda.grid(1)
        if index < size:
            k = index % channels
            s = index // channels % dw.shape[1]
            r = index // channels // dw.shape[1]
            c, m = k // dw.shape[3], k % dw.shape[3]
            total = float32(0)
            for n in range(dy.shape[0]):
                for i in range(dy.shape[1]):
                    row = i * si + r * di - top
                    for j in range(dy.shape[2]):
                        col = j * sj + s * dj - left
                        if row >= 0 and row < height and col >= 0 and col < width:
                            total += x[n, row, col, c] * dy[n, i, j, k]
            dw[r, s, c, m] = total

    return depthwise_conv2d_backward_weights_direct


def apply(p: Problem, on: str | None) -> None:
    """One thread an element of dw."""
    launch(make_kernel(p.shapes.window), blocks_for(p.out.size, THREADS), THREADS, p.a, p.b, p.out, p.out.size, on=on)


RUNG = Rung(
    op="depthwise_conv2d_backward_weights", name="r1_direct", run=backward_weights(apply),
    change="one thread for each element of dw, which sums over all windows",
    builds=(Build(make_kernel(STRIDED), args=(IMAGES, IMAGES, IMAGES, int32),
                  claims=Claims(registers=64, contains=("FFMA",))),))
