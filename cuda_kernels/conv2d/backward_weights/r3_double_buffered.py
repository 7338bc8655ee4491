"""conv2d_backward_weights r3: r2's product with two buffers, 16-byte loads and constant shapes.

The kernel of `pipeline.py`: one thread owns 8 x 8 elements of one part of dw (8 x 4 where K <= 32), a block 128
elements (r, s, c), or 32 where there are no more, by 128 to 8 output channels, blockIdx.z the groups and the parts.
Change from r2: the next tiles are on their way while these are multiplied, and divisions are multiplications.

Operations 2 M K R S C / groups with M = N P Q. Bytes asked for, with R S C / groups and K / groups rounded up to tiles
and no padding: 4 M K R S C / groups (1/tile rows + 1/tile cols) loaded, 4 parts R S C K / groups stored and read again.
Claims: FFMA is four fifths of the main loop of the wide tile, without local memory; a few addresses are spilled outside
of it. With three channels pixels are found one by one: 168 registers, three blocks to a multiprocessor, and no spill.
"""
import functools

from cuda_kernels._cuda import cuda, int32
from cuda_kernels.ladder import Build, Claims, Rung
from cuda_kernels.launch import blocks_for, is_aligned
from cuda_kernels.windows import Problem

from .. import pipeline, split
from ..forward.r4_double_buffered import matrix_place, window_place
from ..host import SAME, WIDE, Shapes, backward_weights


def tile_of(shapes: Shapes) -> pipeline.Tile:
    """A block's tile of dw."""
    return pipeline.tile_for(shapes.group_k, shapes.group_c, rows=shapes.taps * shapes.group_c)


@functools.cache
def make_kernel(shapes: Shapes, aligned: bool):
    """The kernel for these shapes. Its output is (parts, R, S, C, K)."""
    in_window, in_matrix = window_place(shapes), matrix_place(shapes)
    part_size = shapes.taps * shapes.group_c * shapes.k

    @cuda.jit(device=True)
    def place_x(group, row, inner):
        return in_window(group, inner, row)  # A is the columns, transposed

    @cuda.jit(device=True)
    def place_dw(group, part, row, col):
        return int32(part * part_size + in_matrix(group, row, col))

    wide_c, wide_k = aligned and shapes.group_c % 4 == 0, aligned and shapes.group_k % 4 == 0
    product = pipeline.Product(
        place_x, in_matrix, place_dw, along_k_a=False, along_k_b=False, wide_a=wide_c, wide_b=wide_k, wide_c=wide_k,
        has_bias=False, tile=tile_of(shapes))
    return pipeline.make_kernel(product, "conv2d_backward_weights_double_buffered")


def apply(p: Problem, on: str | None) -> None:
    """A product a group and part, and the sum of the parts."""
    sizes = p.shapes
    rows, cols, inner = sizes.taps * sizes.group_c, sizes.group_k, p.n * sizes.p * sizes.q
    tile = tile_of(sizes)
    blocks = blocks_for(rows, tile.rows) * blocks_for(cols, tile.cols) * sizes.groups
    parts = split.parts_for(blocks, inner)
    partial = split.room_for_parts(p.out, parts)
    kernel = make_kernel(sizes, all(is_aligned(a) for a in (p.a, p.b, partial)))
    pipeline.launch_product(kernel, tile, p.a, p.b, p.bias, partial, rows, cols, inner,
                            groups=sizes.groups, parts=parts, on=on)
    split.add_up(partial, p.out, on=on)


FIRST = Shapes(32, 32, 3, 32, 32, 32, SAME, 1)
FEW = WIDE._replace(c=6, k=16)
RUNG = Rung(
    op="conv2d_backward_weights", name="r3_double_buffered", run=backward_weights(apply),
    change="two buffers, 16-byte loads, and shapes that are constants",
    builds=(
        Build(make_kernel(WIDE, True), args=pipeline.ARGUMENTS,
              claims=Claims(registers=128, local_bytes=16, contains=("LDG.E.128", "LDS.128", "STG.E.128"),
                            loop=("FFMA", 0.8))),
        Build(make_kernel(FIRST, True), args=pipeline.ARGUMENTS, label="rgb",
              claims=Claims(registers=168, contains=("LDG.E.128", "LDS.128", "STG.E.128"))),
        Build(make_kernel(FEW, True), args=pipeline.ARGUMENTS, label="6 to 16 channels",
              claims=Claims(registers=168, contains=("LDG.E.128", "LDS.128", "STG.E.128"))),
        split.ADDING))
