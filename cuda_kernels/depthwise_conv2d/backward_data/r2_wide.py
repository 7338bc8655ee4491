"""depthwise_conv2d_backward_data r2: one thread for four channels, with 16-byte loads and shapes that are constants.

One thread owns four neighbouring channels of dx[n, h, w]; a block THREADS such fours, the grid covers dx.
Change from r1: each load brings four numbers, and divisions by the strides are by constants. That needs M = 1, channels
that are a multiple of four, and arrays that begin on 16 bytes; else r1 runs.

Operations and bytes as r1's with M = 1.
Claims: 16-byte loads and stores, no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Problem, Window, splitter

from ..forward.r2_wide import add_products4
from ..host import Shapes, backward_data, is_wide
from . import r1_direct

THREADS = 128


@functools.cache
def make_kernel(shapes: Shapes):
    """The kernel for these shapes, whose m is 1."""
    height, width, channels, _, p, q, window = shapes
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), (di, dj) = window
    split_c, split_w, split_h = splitter(channels // 4), splitter(width), splitter(height)

    @cuda.jit
    def depthwise_conv2d_backward_data_wide(dy, w, dx, fours):
        four = cuda.grid(1)
        if four < fours:
            pixel, c = split_c(four)
            line, col = split_w(pixel)
            n, row = split_h(line)
            total = (float32(0), float32(0), float32(0), float32(0))
            for r in range(taps_r):
                i_strides = int32(row + top - r * di)  # i * si, if this tap meets the pixel
                for s in range(taps_s):
                    j_strides = int32(col + left - s * dj)
                    inside = i_strides >= 0 and i_strides < p * si and j_strides >= 0 and j_strides < q * sj
                    if inside and i_strides % si == 0 and j_strides % sj == 0:
                        place = (n * p + i_strides // si) * q + j_strides // sj
                        total = add_products4(total, ld4(dy, int32(place * channels + 4 * c)),
                                              ld4(w, int32((r * taps_s + s) * channels + 4 * c)))
            st4(dx, int32(four * 4), total)

    return depthwise_conv2d_backward_data_wide


def apply(p: Problem, on: str | None) -> None:
    """One thread four channels."""
    if not is_wide(p):
        return r1_direct.apply(p, on)
    fours = p.out.size // 4
    launch(make_kernel(p.shapes), blocks_for(fours, THREADS), THREADS, p.a.reshape(-1), p.b.reshape(-1),
           p.out.reshape(-1), fours, on=on)
    return None


HALVED = Shapes(28, 28, 64, 1, 14, 14, Window((3, 3), (2, 2), ((0, 1), (0, 1)), (1, 1)))
RUNG = Rung(
    op="depthwise_conv2d_backward_data", name="r2_wide", run=backward_data(apply),
    change="one thread for four channels, with 16-byte loads and constant shapes",
    builds=(Build(make_kernel(HALVED), args=(FLAT,) * 3 + (int32,),
                  claims=Claims(registers=72, contains=("LDG.E.128", "STG.E.128", "FFMA"))),))
