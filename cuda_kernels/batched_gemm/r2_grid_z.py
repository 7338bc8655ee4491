"""batched_gemm r2: one launch for all pairs; the z axis of the grid numbers them.

Threads, warps and blocks as in gemm r7; block (x, y, z) owns a tile of C[z].
Change from r1: one launch in place of `batch`, and blocks of different pairs fill the GPU together.

Operations 2 batch M N K. Bytes asked for, with M and N rounded up to tiles: batch times those of gemm r7.
Claims: as gemm r7.
"""
import functools

from cuda_kernels._cuda import cuda, float32, int32, uint32
from cuda_kernels.gemm import r7_warp_tile_double_buffered as r7
from cuda_kernels.gemm.host import Variant, builds, epilogue
from cuda_kernels.ladder import Claims, Rung
from cuda_kernels.launch import MAX_GRID, blocks_for, launch, rows_are_wide

from .host import host

TILE, THREADS, BUFFERS = r7.TILE, r7.THREADS, r7.BUFFERS


@functools.cache
def make_kernel(variant: Variant):
    """The kernel for operands stored as `variant` says; the arrays are (batch, elements of a matrix)."""
    add_up = r7.sum_of_tiles(variant)
    store = r7.store_tile(variant.wide_c, epilogue(False, None))

    @cuda.jit(launch_bounds=(THREADS, 2))
    def batched_gemm_grid_z(a, b, c, rows, cols, inner):
        pair = uint32(cuda.blockIdx.z)  # unsigned: no code for a negative index
        first_row, first_col = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
        a_tile = cuda.shared.array(BUFFERS, float32, alignment=16)
        b_tile = cuda.shared.array(BUFFERS, float32, alignment=16)
        total = cuda.local.array((8, 8), float32)
        for i in range(8):
            for j in range(8):
                total[i, j] = float32(0)
        add_up(a[pair], b[pair], a_tile, b_tile, first_row, first_col, rows, cols, inner, 0, inner, total)
        store(c[pair], c[pair], first_row, first_col, rows, cols, total)

    return batched_gemm_grid_z


def apply(a, b, c, transpose_a: bool, transpose_b: bool, on: str | None) -> None:
    """One launch for as many pairs as the z axis reaches."""
    batch, rows, cols = c.shape
    inner = a.shape[1] if transpose_a else a.shape[2]
    kernel = make_kernel(Variant(transpose_a, transpose_b, wide_a=rows_are_wide(a), wide_b=rows_are_wide(b),
                                 wide_c=rows_are_wide(c)))
    flat_a, flat_b, flat_c = (x.reshape(batch, -1) for x in (a, b, c))
    for first in range(0, batch, MAX_GRID[2]):
        part = slice(first, min(first + MAX_GRID[2], batch))
        grid = (blocks_for(cols, TILE), blocks_for(rows, TILE), part.stop - part.start)
        launch(kernel, grid, THREADS, flat_a[part], flat_b[part], flat_c[part], rows, cols, inner, on=on)


RUNG = Rung(
    op="batched_gemm", name="r2_grid_z", run=host(apply),
    change="one launch, the z axis of the grid numbers the pairs",
    builds=builds(lambda v: make_kernel(v._replace(has_bias=False, activation=None)),
                  (float32[:, ::1],) * 3 + (int32,) * 3,
                  Claims(registers=128, contains=("LDG.E.128", "LDS.128", "STG.E.128"), loop=("FFMA", 0.8)),
                  Claims(registers=128, local_bytes=64)))
