"""depthwise_conv2d r2: one thread for four channels, with 16-byte loads and shapes that are constants.

One thread owns four neighbouring channels of y[n, i, j]; a block THREADS such fours, the grid covers y.
Change from r1: each load brings four pixels' channels or four weights, and divisions are multiplications. That needs
M = 1, channels that are a multiple of four, and arrays that begin on 16 bytes; else r1 runs.

Operations and bytes as r1's with M = 1.
Claims: 16-byte loads and stores, no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.intrinsics import ld4, st4
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Problem, splitter

from ..host import EXAMPLE, Shapes, forward, is_wide
from . import r1_direct

THREADS = 128


@cuda.jit(device=True)
def add_products4(total, value, factor):
    """Return total + value * factor for tuples of four."""
    return (total[0] + value[0] * factor[0], total[1] + value[1] * factor[1], total[2] + value[2] * factor[2],
            total[3] + value[3] * factor[3])


@functools.cache
def make_kernel(shapes: Shapes, has_bias: bool):
    """The kernel for these shapes, whose m is 1."""
    height, width, channels, _, p, q, window = shapes
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), (di, dj) = window
    split_c, split_q, split_p = splitter(channels // 4), splitter(q), splitter(p)

    @cuda.jit
    def depthwise_conv2d_wide(x, w, b, y, fours):
        four = cuda.grid(1)
        if four < fours:
            pixel, c = split_c(four)
            line, j = split_q(pixel)
            n, i = split_p(line)
            total = (float32(0), float32(0), float32(0), float32(0))
            if has_bias:
                total = (b[4 * c], b[4 * c + 1], b[4 * c + 2], b[4 * c + 3])
            for r in range(taps_r):
                row = int32(i * si + r * di - top)
                for s in range(taps_s):
                    col = int32(j * sj + s * dj - left)
                    if row >= 0 and row < height and col >= 0 and col < width:
                        pixel_in = (n * height + row) * width + col
                        total = add_products4(total, ld4(x, int32(pixel_in * channels + 4 * c)),
                                              ld4(w, int32((r * taps_s + s) * channels + 4 * c)))
            st4(y, int32(four * 4), total)

    return depthwise_conv2d_wide


def apply(p: Problem, on: str | None) -> None:
    """One thread four channels."""
    if not is_wide(p):
        return r1_direct.apply(p, on)
    fours = p.out.size // 4
    launch(make_kernel(p.shapes, p.has_bias), blocks_for(fours, THREADS), THREADS, p.a.reshape(-1), p.b.reshape(-1),
           p.bias, p.out.reshape(-1), fours, on=on)
    return None


RUNG = Rung(
    op="depthwise_conv2d", name="r2_wide", run=forward(apply),
    change="one thread for four channels, with 16-byte loads and constant shapes",
    builds=(Build(make_kernel(EXAMPLE, True), args=(FLAT,) * 4 + (int32,),
                  claims=Claims(registers=72, contains=("LDG.E.128", "STG.E.128", "FFMA"))),))
