"""conv2d_backward_data r3: one product for each phase of the strides, with two buffers and 16-byte loads.

Pixels whose (h + top) leaves the same rest modulo si meet the same taps: of a 3 x 3 window with stride 2, the pixels
of one phase meet one, two or four taps, and never the others. Within a phase, the pixel in its line u and the tap t of
those that it meets belong to window i = u + base - t * step: again a convolution without strides, and no product is
wasted.

The kernel of `pipeline.py`, one launch a phase: one thread owns 8 x 8 elements of dx (8 x 4 where C <= 32), a block 128
pixels of the phase by 128 to 8 channels, blockIdx.z the groups.
Change from r2: phases instead of zeros; buffers, wide loads and constants as in conv2d's r4.

Operations 2 N P Q K R S C / groups, where no tap lies on the padding, rounded up to tiles. Bytes asked for:
4 (1/128 + 1/tile cols) for each two operations, 4 N H W C stored.
Claims: FFMA is four fifths of the main loop of the wide tile; no local memory.
"""
import functools
import itertools
from typing import NamedTuple

from cuda_kernels._cuda import cuda, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import is_aligned
from cuda_kernels.windows import Problem, Window, splitter

from .. import pipeline
from ..host import WIDE, Shapes, backward_data


class Phase(NamedTuple):
    """One axis of a phase: pixels first, first + stride, …; taps first_tap, first_tap + tap_step, …

    Pixel u of the phase and tap t of its taps meet in window u + base - t * step.
    """

    first: int
    pixels: int
    first_tap: int
    tap_step: int
    taps: int
    base: int
    step: int


def phases(size: int, taps: int, stride: int, before: int, dilation: int) -> list[Phase]:
    """The phases of one axis, at most `stride` of them.

    >>> [(p.pixels, p.taps) for p in phases(5, 3, 2, 1, 1)]
    [(3, 1), (2, 2)]
    """
    found = []
    for first in range(min(stride, size)):
        own = [r for r in range(taps) if (first + before - r * dilation) % stride == 0]
        pixels = -(-(size - first) // stride)
        if own:
            tap_step = own[1] - own[0] if len(own) > 1 else 1
            base = (first + before - own[0] * dilation) // stride
            found.append(Phase(first, pixels, own[0], tap_step, len(own), base, tap_step * dilation // stride))
        else:
            found.append(Phase(first, pixels, 0, 1, 0, 0, 0))
    return found


@functools.cache
def make_kernel(shapes: Shapes, rows: Phase, cols: Phase, has_bias: bool, aligned: bool):
    """The kernel for one phase (of rows, of columns) of these shapes."""
    windows_p, windows_q, channels_k, group_k = shapes.p, shapes.q, shapes.k, shapes.group_k
    height, width, channels_c, group_c, taps_s = shapes.h, shapes.w, shapes.c, shapes.group_c, shapes.window.taps[1]
    si, sj = shapes.window.strides
    first_h, _, first_r, step_r, _, base_i, step_i = rows
    first_w, _, first_s, step_s, _, base_j, step_j = cols
    split_u, split_v = splitter(rows.pixels), splitter(cols.pixels)
    split_s, split_k = splitter(max(cols.taps, 1)), splitter(group_k)

    @cuda.jit(device=True)
    def place_dy(group, row, inner):
        line, v = split_v(row)
        n, u = split_u(line)
        tap, k = split_k(inner)
        r, s = split_s(tap)
        i, j = int32(u + base_i - r * step_i), int32(v + base_j - s * step_j)
        index = int32(-1)
        if i >= 0 and i < windows_p and j >= 0 and j < windows_q:
            index = int32(((n * windows_p + i) * windows_q + j) * channels_k + group * group_k + k)
        return index

    @cuda.jit(device=True)
    def place_w(group, inner, col):
        tap, k = split_k(inner)
        r, s = split_s(tap)
        line = (first_r + r * step_r) * taps_s + first_s + s * step_s
        return int32((line * group_c + col) * channels_k + group * group_k + k)

    @cuda.jit(device=True)
    def place_dx(group, part, row, col):
        line, v = split_v(row)
        n, u = split_u(line)
        pixel = (n * height + first_h + u * si) * width + first_w + v * sj
        return int32(pixel * channels_c + group * group_c + col)

    wide_c, wide_k = aligned and group_c % 4 == 0, aligned and group_k % 4 == 0
    product = pipeline.Product(
        place_dy, place_w, place_dx, along_k_a=True, along_k_b=True, wide_a=wide_k, wide_b=wide_k, wide_c=wide_c,
        has_bias=has_bias, tile=pipeline.tile_for(group_c, group_k))
    return pipeline.make_kernel(product, "conv2d_backward_data_double_buffered")


def all_phases(shapes: Shapes) -> list[tuple[Phase, Phase]]:
    """The phases of the image, (of rows, of columns) each."""
    axes = zip((shapes.h, shapes.w), shapes.window.taps, shapes.window.strides, shapes.window.padding,
               shapes.window.dilation, strict=True)
    rows, cols = (phases(size, taps, stride, before, step) for size, taps, stride, (before, _), step in axes)
    return list(itertools.product(rows, cols))


def apply(p: Problem, on: str | None) -> None:
    """A launch a phase, of a product a group."""
    sizes = p.shapes
    aligned = all(is_aligned(a) for a in (p.a, p.b, p.out))
    launches = all_phases(sizes)
    for rows, cols in launches:
        kernel = make_kernel(sizes, rows, cols, p.has_bias, aligned)
        pipeline.launch_product(kernel, pipeline.tile_for(sizes.group_c, sizes.group_k), p.a, p.b, p.bias, p.out,
                                p.n * rows.pixels * cols.pixels, sizes.group_c,
                                rows.taps * cols.taps * sizes.group_k, groups=sizes.groups,
                                outputs=() if len(launches) > 1 else None, on=on)


HALVED = Shapes(28, 28, 64, 14, 14, 128, Window((3, 3), (2, 2), ((0, 1), (0, 1)), (1, 1)), 1)
FEW = WIDE._replace(c=6, k=16)
RUNG = Rung(
    op="conv2d_backward_data", name="r3_double_buffered", run=backward_data(apply),
    change="a product for each phase of the strides; two buffers, 16-byte loads, constants",
    builds=(
        Build(make_kernel(WIDE, *all_phases(WIDE)[0], False, True), args=pipeline.ARGUMENTS,
              claims=Claims(registers=128, contains=("LDG.E.128", "LDS.128", "STG.E.128"), loop=("FFMA", 0.8))),
        Build(make_kernel(HALVED, *all_phases(HALVED)[0], True, True), args=pipeline.ARGUMENTS, label="stride 2",
              claims=Claims(registers=128, contains=("LDG.E.128", "LDS.128", "STG.E.128"))),
        Build(make_kernel(FEW, *all_phases(FEW)[0], False, True), args=pipeline.ARGUMENTS, label="6 channels",
              claims=Claims(registers=168, contains=("LDG.E.128", "LDS.128"))),
    ))
