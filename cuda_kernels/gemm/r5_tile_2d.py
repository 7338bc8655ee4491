"""gemm r5: one thread owns 8 x 8 elements, so that eight values of A and eight of B serve 64 products.

One thread owns C[row + 16 i, col + 16 j] for i, j in 0..7: its elements lie 16 apart, so that neighbouring threads read
neighbouring words of the tiles and store neighbouring elements. A block of 256 threads owns 128 x 128 elements, the
grid covers C. For each DEPTH of K a thread brings four elements of each tile.
Change from r4: a tile of sums in place of a column: 16 values read from shared memory for 64 products, 1/4 each.

Operations 2 M N K. Bytes asked for, with M and N rounded up to tiles: 4 M N K (1/128 + 1/128) loaded, 4 M N stored.
Claims: half of the main loop is FFMA; 64 sums and 16 values stay in registers. At 128 registers, which let two blocks
share a multiprocessor, some addresses are spilled; they are read once a tile, outside of the main loop.
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.ladder import Claims, Rung
from cuda_kernels.launch import grid_2d, launch

from .host import MATRICES, Problem, Variant, builds, epilogue, host, reader

TILE = 128  # rows and columns of C a block
DEPTH = 8  # of K at a time
EACH = 8  # rows and columns of C a thread
SIDE = TILE // EACH  # threads along each side of the tile
THREADS = SIDE * SIDE
BRINGS = TILE * DEPTH // THREADS  # elements of each tile that a thread brings


@functools.cache
def make_kernel(variant: Variant):
    """The kernel for operands stored as `variant` says."""
    read_a, read_b = reader(variant.transpose_a), reader(variant.transpose_b)
    finish = epilogue(variant.has_bias, variant.activation)

    @cuda.jit(launch_bounds=(THREADS, 2))
    def gemm_tile_2d(a, b, bias, c, inner):
        thread = cuda.threadIdx.x
        first_row, first_col = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
        tile_row, tile_col = thread // SIDE, thread % SIDE  # of the thread's first sum
        a_row, a_k = thread // DEPTH, thread % DEPTH  # of the first elements that it brings
        b_first, b_col = thread // TILE, thread % TILE
        rows, cols = c.shape[0], c.shape[1]
        a_tile = cuda.shared.array((DEPTH, TILE), float32)
        b_tile = cuda.shared.array((DEPTH, TILE), float32)
        total = cuda.local.array((EACH, EACH), float32)
        a_part = cuda.local.array(EACH, float32)
        b_part = cuda.local.array(EACH, float32)
        for i in range(EACH):
            for j in range(EACH):
                total[i, j] = float32(0)
        for start in range(0, inner, DEPTH):
            for n in range(BRINGS):
                row, b_k = a_row + n * (THREADS // DEPTH), b_first + n * (THREADS // TILE)
                a_value, b_value = float32(0), float32(0)
                if first_row + row < rows and start + a_k < inner:
                    a_value = read_a(a, first_row + row, start + a_k)
                if start + b_k < inner and first_col + b_col < cols:
                    b_value = read_b(b, start + b_k, first_col + b_col)
                a_tile[a_k, row] = a_value
                b_tile[b_k, b_col] = b_value
            cuda.syncthreads()
            for k in range(DEPTH):
                for i in range(EACH):
                    a_part[i] = a_tile[k, tile_row + i * SIDE]
                    b_part[i] = b_tile[k, tile_col + i * SIDE]
                for i in range(EACH):
                    for j in range(EACH):
                        total[i, j] += a_part[i] * b_part[j]
            cuda.syncthreads()
        for i in range(EACH):
            for j in range(EACH):
                row, col = first_row + tile_row + i * SIDE, first_col + tile_col + j * SIDE
                if row < rows and col < cols:
                    c[row, col] = finish(total[i, j], bias, col)

    return gemm_tile_2d


def apply(p: Problem, on: str | None) -> None:
    """A block a tile of C, a thread EACH x EACH of its elements."""
    grid = grid_2d(p.cols, p.rows, (TILE, TILE))
    launch(make_kernel(p.variant), grid, THREADS, p.a, p.b, p.bias, p.c, p.inner, on=on)


RUNG = Rung(
    op="gemm", name="r5_tile_2d", run=host(apply),
    change="a thread owns 8 x 8 elements: 64 products from 16 values",
    builds=builds(make_kernel, MATRICES, Claims(registers=128, local_bytes=64, loop=("FFMA", 0.45)),
                  Claims(registers=128, local_bytes=64)))
