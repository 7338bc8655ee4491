"""conv2d r3: the columns of r2 are never written: each tile of them is gathered from x when the product needs it.

The product y[(n, i, j), k] of `implicit.py`. One thread owns 4 x 4 elements, a block of 256 threads 64 x 64: 64 windows
by 64 output channels, the grid covers y, blockIdx.z the groups. For each 8 of (r, s, c) a thread brings two elements of
each matrix.
Change from r2: no columns in memory, which took R S times the memory of x, written and read. The price: every element
that a thread brings takes five integer divisions to find, since the sizes are not known when the kernel is compiled.

Operations 2 M K R S C / groups with M = N P Q. Bytes asked for, with M and K / groups rounded up to tiles and no
padding: 4 M K R S C / groups (1/64 + 1/64) loaded, 4 M K stored.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.windows import Problem, Window

from .. import implicit
from ..host import IMAGES, STRIDED, forward


@functools.cache
def make_kernel(window: Window, groups: int, has_bias: bool):
    """The kernel for a window; the sizes of the arrays are read at run time."""
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit(device=True)
    def read_window(x, w, y, group, row, k):
        j, i, n = row % y.shape[2], row // y.shape[2] % y.shape[1], row // y.shape[2] // y.shape[1]
        c, s, r = k % w.shape[2], k // w.shape[2] % w.shape[1], k // w.shape[2] // w.shape[1]
        h_pixel, w_pixel = i * si + r * di - top, j * sj + s * dj - left
        value = float32(0)
        if h_pixel >= 0 and h_pixel < x.shape[1] and w_pixel >= 0 and w_pixel < x.shape[2]:
            value = x[n, h_pixel, w_pixel, group * w.shape[2] + c]
        return value

    @cuda.jit(device=True)
    def read_weight(x, w, y, group, k, col):
        c, s, r = k % w.shape[2], k // w.shape[2] % w.shape[1], k // w.shape[2] // w.shape[1]
        return w[r, s, c, group * (w.shape[3] // groups) + col]

    @cuda.jit(device=True)
    def store(x, w, y, b, group, part, row, col, total):
        j, i, n = row % y.shape[2], row // y.shape[2] % y.shape[1], row // y.shape[2] // y.shape[1]
        k = group * (w.shape[3] // groups) + col
        if has_bias:
            total += b[k]
        y[n, i, j, k] = total

    return implicit.make_kernel(read_window, read_weight, store, "conv2d_implicit")


def apply(p: Problem, on: str | None) -> None:
    """A product a group."""
    sizes = p.shapes
    kernel = make_kernel(sizes.window, sizes.groups, p.has_bias)
    implicit.launch_product(kernel, p.a, p.b, p.bias, p.out, p.n * sizes.p * sizes.q, sizes.group_k,
                            sizes.taps * sizes.group_c, groups=sizes.groups, on=on)


RUNG = Rung(
    op="conv2d", name="r3_implicit", change="a tiled product that gathers its columns itself", run=forward(apply),
    builds=(Build(make_kernel(STRIDED, 2, True), args=(IMAGES, IMAGES, float32[::1], IMAGES) + (int32,) * 5,
                  claims=Claims(registers=128, contains=("FFMA",))),))
