"""depthwise_conv2d_backward_weights r2: blocks share the windows out among themselves, and a second kernel adds up.

One block owns a part of the windows, 32 channels of dy, and one tap: its 8 warps take every eighth window, and meet in
shared memory. The grid covers parts (x), channels (y) and taps (z); the parts are added in a fixed order by a second
kernel.
Change from r1: hundreds of blocks instead of a few, and short sums, which also lose fewer digits.

Operations and bytes as r1's, and 8 parts R S C M bytes for the parts.
Claims: no local memory.
"""
import functools

from cuda_kernels._cuda import FLAT, cuda, float32, int32
from cuda_kernels.conv2d import split
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, launch
from cuda_kernels.windows import Problem, splitter

from ..host import EXAMPLE, Shapes, backward_weights

CHANNELS = 32  # a block
WARPS = 8


@functools.cache
def make_kernel(shapes: Shapes):
    """The kernel for these shapes. Its output is (parts, R*S, C*M)."""
    height, width, channels_x, multiplier, p, q, window = shapes
    (taps_r, taps_s), (si, sj), ((top, _), (left, _)), (di, dj) = window
    channels, taps = channels_x * multiplier, taps_r * taps_s
    split_q, split_p = splitter(q), splitter(p)

    @cuda.jit
    def depthwise_conv2d_backward_weights_parts(x, dy, partial, windows, share):
        lane, warp = cuda.threadIdx.x, cuda.threadIdx.y
        k = cuda.blockIdx.y * CHANNELS + lane
        tap = cuda.blockIdx.z
        r, s = tap // taps_s, tap % taps_s
        begin = cuda.blockIdx.x * share
        sums = cuda.shared.array((WARPS, CHANNELS), float32)
        total = float32(0)
        if k < channels:
            for place in range(begin + warp, min(begin + share, windows), WARPS):
                line, j = split_q(place)
                n, i = split_p(line)
                row, col = int32(i * si + r * di - top), int32(j * sj + s * dj - left)
                if row >= 0 and row < height and col >= 0 and col < width:
                    pixel = (n * height + row) * width + col
                    total += x[pixel * channels_x + k // multiplier] * dy[place * channels + k]
        sums[warp, lane] = total
        cuda.syncthreads()
        if warp == 0 and k < channels:
            for other in range(1, WARPS):
                total += sums[other, lane]
            partial[(cuda.blockIdx.x * taps + tap) * channels + k] = total

    return depthwise_conv2d_backward_weights_parts


def apply(p: Problem, on: str | None) -> None:
    """One block a part, a tap and 32 channels; and the sum of the parts."""
    shapes = p.shapes
    windows, channels = p.n * shapes.p * shapes.q, shapes.c * shapes.m
    taps, across = shapes.window.taps[0] * shapes.window.taps[1], blocks_for(channels, CHANNELS)
    share = blocks_for(windows, split.parts_for(across * taps, windows))
    parts = blocks_for(windows, share)
    partial = split.room_for_parts(p.out, parts)
    launch(make_kernel(shapes), (parts, across, taps), (CHANNELS, WARPS), p.a.reshape(-1), p.b.reshape(-1),
           partial.reshape(-1), windows, share, on=on)
    split.add_up(partial, p.out, on=on)


RUNG = Rung(
    op="depthwise_conv2d_backward_weights", name="r2_parts", run=backward_weights(apply),
    change="blocks for parts of the windows, whose sums a second kernel adds",
    builds=(Build(make_kernel(EXAMPLE), args=(FLAT,) * 3 + (int32,) * 2,
                  claims=Claims(registers=64, contains=("FFMA",))),))
