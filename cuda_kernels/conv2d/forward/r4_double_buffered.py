"""conv2d r4: two buffers, 16-byte loads and compact warp tiles, with all shapes known when the kernel is compiled.

The kernel of `pipeline.py`: one thread owns 8 x 8 elements of y (8 x 4 where K <= 32), a block 128 windows by 128 to 8
output channels, the grid covers y, blockIdx.z the groups.
Change from r3: the next tiles are on their way while these are multiplied, and the sizes are constants, so that a
division becomes a multiplication and what belongs to a window is found once, ahead of the loop. Every new image size is
a new kernel; the batch size is not.

Operations 2 M K R S C / groups with M = N P Q. Bytes asked for, with M and K / groups rounded up to tiles and no
padding: 4 M K R S C / groups (1/128 + 1/tile cols) loaded, 4 M K stored.
Claims: FFMA is four fifths of the main loop of the wide tile; no local memory. With three channels pixels are found one
by one, which takes more registers: 168 a thread, and three blocks to a multiprocessor in place of four.
"""
import functools

from cuda_kernels._cuda import cuda, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import is_aligned
from cuda_kernels.windows import Problem, splitter

from .. import pipeline
from ..host import SAME, WIDE, Shapes, forward


@functools.cache
def window_place(shapes: Shapes):
    """A device function `place(group, row, k)`: where k = (r, s, c) of window row = (n, i, j) lies in x, or -1."""
    height, width, channels, group_c = shapes.h, shapes.w, shapes.c, shapes.group_c
    (_, taps_s), (si, sj), ((top, _), (left, _)), (di, dj) = shapes.window
    split_p, split_q, split_s, split_c = splitter(shapes.p), splitter(shapes.q), splitter(taps_s), splitter(group_c)

    @cuda.jit(device=True)
    def place(group, row, k):
        line, j = split_q(row)
        n, i = split_p(line)
        tap, c = split_c(k)
        r, s = split_s(tap)
        h_pixel, w_pixel = int32(i * si + r * di - top), int32(j * sj + s * dj - left)
        index = int32(-1)
        if h_pixel >= 0 and h_pixel < height and w_pixel >= 0 and w_pixel < width:
            index = int32(((n * height + h_pixel) * width + w_pixel) * channels + group * group_c + c)
        return index

    return place


@functools.cache
def matrix_place(shapes: Shapes):
    """A device function `place(group, row, col)` for a matrix whose rows are K long, as w's and y's are."""
    channels, group_k = shapes.k, shapes.group_k

    @cuda.jit(device=True)
    def place(group, row, col):
        return int32(row * channels + group * group_k + col)

    return place


@functools.cache
def make_kernel(shapes: Shapes, has_bias: bool, aligned: bool):
    """The kernel for these shapes."""
    in_matrix = matrix_place(shapes)

    @cuda.jit(device=True)
    def place_y(group, part, row, col):
        return in_matrix(group, row, col)

    wide_c, wide_k = aligned and shapes.group_c % 4 == 0, aligned and shapes.group_k % 4 == 0
    product = pipeline.Product(
        window_place(shapes), in_matrix, place_y, along_k_a=True, along_k_b=False, wide_a=wide_c, wide_b=wide_k,
        wide_c=wide_k, has_bias=has_bias, tile=pipeline.tile_for(shapes.group_k, shapes.group_c))
    return pipeline.make_kernel(product, "conv2d_double_buffered")


def apply(p: Problem, on: str | None) -> None:
    """A product a group."""
    sizes = p.shapes
    kernel = make_kernel(sizes, p.has_bias, all(is_aligned(a) for a in (p.a, p.b, p.out)))
    pipeline.launch_product(kernel, pipeline.tile_for(sizes.group_k, sizes.group_c), p.a, p.b, p.bias, p.out,
                            p.n * sizes.p * sizes.q, sizes.group_k, sizes.taps * sizes.group_c,
                            groups=sizes.groups, on=on)


NARROW = Shapes(32, 32, 64, 32, 32, 32, SAME, 1)
FIRST = Shapes(32, 32, 3, 32, 32, 64, SAME, 1)  # RGB: pixels that no 16-byte load can read
FEW = Shapes(28, 28, 6, 28, 28, 16, SAME, 1)  # channels of an early layer
RUNG = Rung(
    op="conv2d", name="r4_double_buffered", run=forward(apply),
    change="two buffers, 16-byte loads, and shapes that are constants",
    builds=(
        Build(make_kernel(WIDE, True, True), args=pipeline.ARGUMENTS,
              claims=Claims(registers=128, contains=("LDG.E.128", "LDS.128", "STG.E.128"), loop=("FFMA", 0.8))),
        Build(make_kernel(NARROW, True, True), args=pipeline.ARGUMENTS, label="32 channels",
              claims=Claims(registers=128, contains=("LDG.E.128", "LDS.128", "STG.E.128"))),
        Build(make_kernel(FIRST, True, True), args=pipeline.ARGUMENTS, label="rgb",
              claims=Claims(registers=168, contains=("LDS.128", "STG.E.128"))),
        Build(make_kernel(FEW, True, True), args=pipeline.ARGUMENTS, label="16 channels",
              claims=Claims(registers=168, contains=("LDS.128", "STG.E.128"))),
    ))
