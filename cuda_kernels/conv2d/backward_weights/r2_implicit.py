"""conv2d_backward_weights r2: an implicit gemm over all windows, its long sum cut into parts.

    dw[(r, s, c), k] = sum over (n, i, j) of  A[(r, s, c), (n, i, j)] * dy[(n, i, j), k]

with A the columns of x, transposed: xpad[n, i*si + r*di, j*sj + s*dj, c].
One thread owns 4 x 4 elements of one part, a block of 256 threads 64 x 64, blockIdx.z the groups and the parts of the
sum; a second kernel adds the parts, in a fixed order.
Change from r1: tiles in shared memory serve 64 x 64 elements, and split-K (`split.py`) gives every multiprocessor work.

Operations 2 M K R S C / groups with M = N P Q. Bytes asked for, with R S C / groups and K / groups rounded up to tiles
and no padding: 4 M K R S C / groups (1/64 + 1/64) loaded, 4 parts R S C K / groups stored and read again.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for
from cuda_kernels.windows import Problem, Window

from .. import implicit, split
from ..host import IMAGES, STRIDED, backward_weights


@functools.cache
def make_kernel(window: Window, groups: int):
    """The kernel for a window; the sizes of the arrays are read at run time. Its output is (parts, R, S, C, K)."""
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit(device=True)
    def read_window(x, dy, dw, group, row, inner):
        j, i, n = inner % dy.shape[2], inner // dy.shape[2] % dy.shape[1], inner // dy.shape[2] // dy.shape[1]
        c, s, r = row % dw.shape[3], row // dw.shape[3] % dw.shape[2], row // dw.shape[3] // dw.shape[2]
        h_pixel, w_pixel = i * si + r * di - top, j * sj + s * dj - left
        value = float32(0)
        if h_pixel >= 0 and h_pixel < x.shape[1] and w_pixel >= 0 and w_pixel < x.shape[2]:
            value = x[n, h_pixel, w_pixel, group * dw.shape[3] + c]
        return value

    @cuda.jit(device=True)
    def read_dy(x, dy, dw, group, inner, col):
        j, i, n = inner % dy.shape[2], inner // dy.shape[2] % dy.shape[1], inner // dy.shape[2] // dy.shape[1]
        return dy[n, i, j, group * (dy.shape[3] // groups) + col]

    @cuda.jit(device=True)
    def store(x, dy, dw, bias, group, part, row, col, total):
        c, s, r = row % dw.shape[3], row // dw.shape[3] % dw.shape[2], row // dw.shape[3] // dw.shape[2]
        dw[part, r, s, c, group * (dy.shape[3] // groups) + col] = total

    return implicit.make_kernel(read_window, read_dy, store, "conv2d_backward_weights_implicit")


def apply(p: Problem, on: str | None) -> None:
    """A product a group and part, and the sum of the parts."""
    sizes = p.shapes
    rows, cols, inner = sizes.taps * sizes.group_c, sizes.group_k, p.n * sizes.p * sizes.q
    blocks = blocks_for(rows, implicit.TILE) * blocks_for(cols, implicit.TILE) * sizes.groups
    parts = split.parts_for(blocks, inner)
    partial = split.room_for_parts(p.out, parts)
    implicit.launch_product(make_kernel(sizes.window, sizes.groups), p.a, p.b, p.bias, partial, rows, cols, inner,
                            groups=sizes.groups, parts=parts, on=on)
    split.add_up(partial, p.out, on=on)


RUNG = Rung(
    op="conv2d_backward_weights", name="r2_implicit", run=backward_weights(apply),
    change="a tiled product that gathers its columns itself, its sum in parts",
    builds=(
        Build(make_kernel(STRIDED, 2), args=(IMAGES, IMAGES, float32[::1], float32[:, :, :, :, ::1]) + (int32,) * 5,
              claims=Claims(registers=128, contains=("FFMA",))),
        split.ADDING))
