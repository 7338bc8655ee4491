"""gemm r3: a block brings tiles of A and B into shared memory once, and all its threads read them there.

One thread owns C[row, col] and brings one element of each tile. A block owns TILE x TILE elements of C, the grid covers
C.
Change from r2: each value of A and B is read from global memory once a block, where r2 read it TILE times.

Operations 2 M N K. Bytes asked for, with M and N rounded up to tiles: 4 M N K (1/TILE + 1/TILE) loaded, 4 M N stored.
The edge tiles hold zeros outside the matrices: they add nothing, and no thread leaves before a barrier.
Shared memory: a warp reads one element of a_tile together (a broadcast) and a row of b_tile: no bank conflicts.
Claims: LDS in place of most LDG, no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.ladder import Claims, Rung
from cuda_kernels.launch import grid_2d, launch

from .host import MATRICES, Problem, Variant, builds, epilogue, host, reader

TILE = 32  # a row of a tile is a warp's load of 128 bytes; 1024 threads a block, 8 KB of shared memory


@functools.cache
def make_kernel(variant: Variant):
    """The kernel for operands stored as `variant` says."""
    read_a, read_b = reader(variant.transpose_a), reader(variant.transpose_b)
    finish = epilogue(variant.has_bias, variant.activation)

    @cuda.jit
    def gemm_shared(a, b, bias, c, inner):
        col, row = cuda.grid(2)
        tile_col, tile_row = cuda.threadIdx.x, cuda.threadIdx.y
        rows, cols = c.shape[0], c.shape[1]
        a_tile = cuda.shared.array((TILE, TILE), float32)
        b_tile = cuda.shared.array((TILE, TILE), float32)
        total = float32(0)
        for start in range(0, inner, TILE):
            a_value, b_value = float32(0), float32(0)
            if row < rows and start + tile_col < inner:
                a_value = read_a(a, row, start + tile_col)
            if start + tile_row < inner and col < cols:
                b_value = read_b(b, start + tile_row, col)
            a_tile[tile_row, tile_col] = a_value
            b_tile[tile_row, tile_col] = b_value
            cuda.syncthreads()  # the tiles are complete before anyone reads them
            for k in range(TILE):
                total += a_tile[tile_row, k] * b_tile[k, tile_col]
            cuda.syncthreads()  # everyone has read them before anyone writes the next ones
        if row < rows and col < cols:
            c[row, col] = finish(total, bias, col)

    return gemm_shared


def apply(p: Problem, on: str | None) -> None:
    """A block a tile of C, a thread an element."""
    grid = grid_2d(p.cols, p.rows, (TILE, TILE))
    launch(make_kernel(p.variant), grid, (TILE, TILE), p.a, p.b, p.bias, p.c, p.inner, on=on)


RUNG = Rung(
    op="gemm", name="r3_shared", run=host(apply),
    change="tiles of A and B pass through shared memory, each value loaded once a block",
    builds=builds(make_kernel, MATRICES, Claims(registers=64, contains=("FFMA", "LDS", "STS", "BAR.SYNC")),
                  Claims(registers=64)))
