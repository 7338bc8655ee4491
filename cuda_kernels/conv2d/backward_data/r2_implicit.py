"""conv2d_backward_data r2: an implicit gemm whose A holds, for each pixel, the dy of the windows that meet it.

    dx[(n, h, w), c] = sum over (r, s, k) of  A[(n, h, w), (r, s, k)] * B[(r, s, k), c]

with A = dy[n, i, j, k] where i = (h + top - r*di) / si is a whole number and a window, else 0; and B[(r, s, k), c] =
w[r, s, c, k]. With strides most of A is zero: si * sj - 1 of si * sj products are wasted.

One thread owns 4 x 4 elements, a block of 256 threads 64 pixels by 64 channels, the grid covers dx, blockIdx.z the
groups.
Change from r1: the tiles in shared memory serve 64 pixels and 64 channels, where r1 read two numbers for each product.

Operations 2 M C R S K / groups with M = N H W. Bytes asked for, with M and C / groups rounded up to tiles:
up to 4 M C R S K / groups (1/64 + 1/64) loaded, 4 M C stored.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.windows import Problem, Window

from .. import implicit
from ..host import IMAGES, STRIDED, backward_data


@functools.cache
def make_kernel(window: Window, groups: int, has_bias: bool):
    """The kernel for a window; the sizes of the arrays are read at run time."""
    (si, sj), ((top, _), (left, _)), (di, dj) = window[1:]

    @cuda.jit(device=True)
    def read_dy(dy, w, dx, group, row, inner):
        w_pixel, h_pixel, n = row % dx.shape[2], row // dx.shape[2] % dx.shape[1], row // dx.shape[2] // dx.shape[1]
        group_k = w.shape[3] // groups
        k, s, r = inner % group_k, inner // group_k % w.shape[1], inner // group_k // w.shape[1]
        i_strides, j_strides = h_pixel + top - r * di, w_pixel + left - s * dj
        value = float32(0)
        inside = i_strides >= 0 and i_strides < dy.shape[1] * si and j_strides >= 0 and j_strides < dy.shape[2] * sj
        if inside and i_strides % si == 0 and j_strides % sj == 0:
            value = dy[n, i_strides // si, j_strides // sj, group * group_k + k]
        return value

    @cuda.jit(device=True)
    def read_weight(dy, w, dx, group, inner, col):
        group_k = w.shape[3] // groups
        k, s, r = inner % group_k, inner // group_k % w.shape[1], inner // group_k // w.shape[1]
        return w[r, s, col, group * group_k + k]

    @cuda.jit(device=True)
    def store(dy, w, dx, b, group, part, row, col, total):
        w_pixel, h_pixel, n = row % dx.shape[2], row // dx.shape[2] % dx.shape[1], row // dx.shape[2] // dx.shape[1]
        c = group * w.shape[2] + col
        if has_bias:
            total += b[c]
        dx[n, h_pixel, w_pixel, c] = total

    return implicit.make_kernel(read_dy, read_weight, store, "conv2d_backward_data_implicit")


def apply(p: Problem, on: str | None) -> None:
    """A product a group."""
    sizes = p.shapes
    kernel = make_kernel(sizes.window, sizes.groups, p.has_bias)
    implicit.launch_product(kernel, p.a, p.b, p.bias, p.out, p.n * sizes.h * sizes.w, sizes.group_c,
                            sizes.taps * sizes.group_k, groups=sizes.groups, on=on)


RUNG = Rung(
    op="conv2d_backward_data", name="r2_implicit", run=backward_data(apply),
    change="a tiled product that gathers dy itself",
    builds=(Build(make_kernel(STRIDED, 2, True), args=(IMAGES, IMAGES, float32[::1], IMAGES) + (int32,) * 5,
                  claims=Claims(registers=128, contains=("FFMA",))),))
