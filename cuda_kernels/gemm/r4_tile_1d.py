"""gemm r4: one thread owns a column of eight elements, so that a value of B read once serves eight products.

One thread owns C[row : row + 8, col]. A block of 512 threads owns 64 x 64 elements, the grid covers C. For each DEPTH
of K a thread brings one element of each tile.
Change from r3: eight sums a thread, in registers. r3 reads two values from shared memory for each product; here it is
one of B and eight of A for eight products, 9/8 each.

Operations 2 M N K. Bytes asked for, with M and N rounded up to tiles: 4 M N K (1/64 + 1/64) loaded, 4 M N stored.
Shared memory: all lanes of a warp read the same element of a_tile (a broadcast), neighbours of b_tile.
Claims: the sums stay in registers (no local memory).
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.ladder import Claims, Rung
from cuda_kernels.launch import grid_2d, launch

from .host import MATRICES, Problem, Variant, builds, epilogue, host, reader

TILE = 64  # rows and columns of C a block
DEPTH = 8  # of K at a time: TILE * DEPTH elements of each tile, one a thread
EACH = 8  # rows of C a thread
THREADS = TILE * TILE // EACH


@functools.cache
def make_kernel(variant: Variant):
    """The kernel for operands stored as `variant` says."""
    read_a, read_b = reader(variant.transpose_a), reader(variant.transpose_b)
    finish = epilogue(variant.has_bias, variant.activation)

    @cuda.jit
    def gemm_tile_1d(a, b, bias, c, inner):
        thread = cuda.threadIdx.x
        first_row, first_col = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
        tile_row, tile_col = thread // TILE * EACH, thread % TILE  # of the thread's sums
        a_row, a_k = thread // DEPTH, thread % DEPTH  # of the elements that it brings
        b_k, b_col = thread // TILE, thread % TILE
        rows, cols = c.shape[0], c.shape[1]
        a_tile = cuda.shared.array((TILE, DEPTH), float32)
        b_tile = cuda.shared.array((DEPTH, TILE), float32)
        total = cuda.local.array(EACH, float32)
        for i in range(EACH):
            total[i] = float32(0)
        for start in range(0, inner, DEPTH):
            a_value, b_value = float32(0), float32(0)
            if first_row + a_row < rows and start + a_k < inner:
                a_value = read_a(a, first_row + a_row, start + a_k)
            if start + b_k < inner and first_col + b_col < cols:
                b_value = read_b(b, start + b_k, first_col + b_col)
            a_tile[a_row, a_k] = a_value
            b_tile[b_k, b_col] = b_value
            cuda.syncthreads()
            for k in range(DEPTH):
                b_value = b_tile[k, tile_col]
                for i in range(EACH):
                    total[i] += a_tile[tile_row + i, k] * b_value
            cuda.syncthreads()
        col = first_col + tile_col
        for i in range(EACH):
            row = first_row + tile_row + i
            if row < rows and col < cols:
                c[row, col] = finish(total[i], bias, col)

    return gemm_tile_1d


def apply(p: Problem, on: str | None) -> None:
    """A block a tile of C, a thread EACH of its elements."""
    grid = grid_2d(p.cols, p.rows, (TILE, TILE))
    launch(make_kernel(p.variant), grid, THREADS, p.a, p.b, p.bias, p.c, p.inner, on=on)


RUNG = Rung(
    op="gemm", name="r4_tile_1d", run=host(apply),
    change="a thread owns eight elements of a column, their sums in registers",
    builds=builds(make_kernel, MATRICES, Claims(registers=64, contains=("FFMA", "LDS"), lacks=("LDL", "STL")),
                  Claims(registers=64)))
