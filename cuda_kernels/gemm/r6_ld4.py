"""gemm r6: memory in pieces of 16 bytes, from global to shared memory and from there to registers.

One thread owns four 4 x 4 squares of C, at rows `row` and `row + 64`, columns `col` and `col + 64` of the block's tile.
A block of 256 threads owns 128 x 128 elements, the grid covers C. For each DEPTH of K a thread brings one item (four
neighbours) of each tile.
Change from r5: ld4 and st4. One instruction moves four values: the 16 values of a step are 4 loads. The tiles lie with
k slowest, so that the four are neighbours; A turns round on its way into shared memory. And the DEPTH steps are written
out, which the compiler does not do by itself.

Operations 2 M N K. Bytes asked for, with M and N rounded up to tiles: 4 M N K (1/128 + 1/128) loaded, 4 M N stored.
Where a matrix's rows are no multiple of 4 long, it is read (or written) one element at a time.
Shared memory: STRIDE = 132 shifts each row of a tile by four banks, so that turning A round meets no conflict.
Claims: LDG.128, LDS.128 and STG.128; the main loop is mostly FFMA; no local memory.
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.intrinsics import ld4
from cuda_kernels.ladder import Claims, Rung

from .host import FLAT, Variant, builds, by_tiles, epilogue, host
from .tiles import outer_product, store4, tile

TILE = 128  # rows and columns of C a block
DEPTH = 8  # of K at a time: TILE * DEPTH // 4 items of each tile, one a thread
THREADS = 256
STRIDE = TILE + 4  # of a row of a tile; a multiple of 4, and not of 32
SIZE = DEPTH * STRIDE
HALF = TILE // 2


@cuda.jit(device=True)
def _step(a_tile, b_tile, a_place, b_place, total):
    """One k: read eight values of each tile, multiply."""
    outer_product(ld4(a_tile, a_place), ld4(a_tile, a_place + HALF), ld4(b_tile, b_place), ld4(b_tile, b_place + HALF),
                  total)


@functools.cache
def make_kernel(variant: Variant):
    """The kernel for operands stored as `variant` says."""
    fetch_a, put_a = tile(DEPTH, TILE, STRIDE, not variant.transpose_a, variant.wide_a)
    fetch_b, put_b = tile(DEPTH, TILE, STRIDE, variant.transpose_b, variant.wide_b)
    store = store4(variant.wide_c, epilogue(variant.has_bias, variant.activation))

    @cuda.jit(launch_bounds=(THREADS, 2))
    def gemm_ld4(a, b, bias, c, rows, cols, inner):
        thread = cuda.threadIdx.x
        first_row, first_col = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
        tile_row, tile_col = thread // 16 * 4, thread % 16 * 4
        a_tile = cuda.shared.array(SIZE, float32, alignment=16)
        b_tile = cuda.shared.array(SIZE, float32, alignment=16)
        total = cuda.local.array((8, 8), float32)
        for i in range(8):
            for j in range(8):
                total[i, j] = float32(0)
        for start in range(0, inner, DEPTH):
            put_a(a_tile, 0, thread, fetch_a(a, thread, first_row, start, rows, inner))
            put_b(b_tile, 0, thread, fetch_b(b, thread, first_col, start, cols, inner))
            cuda.syncthreads()
            _step(a_tile, b_tile, tile_row, tile_col, total)
            _step(a_tile, b_tile, tile_row + STRIDE, tile_col + STRIDE, total)
            _step(a_tile, b_tile, tile_row + 2 * STRIDE, tile_col + 2 * STRIDE, total)
            _step(a_tile, b_tile, tile_row + 3 * STRIDE, tile_col + 3 * STRIDE, total)
            _step(a_tile, b_tile, tile_row + 4 * STRIDE, tile_col + 4 * STRIDE, total)
            _step(a_tile, b_tile, tile_row + 5 * STRIDE, tile_col + 5 * STRIDE, total)
            _step(a_tile, b_tile, tile_row + 6 * STRIDE, tile_col + 6 * STRIDE, total)
            _step(a_tile, b_tile, tile_row + 7 * STRIDE, tile_col + 7 * STRIDE, total)
            cuda.syncthreads()
        col = first_col + tile_col
        for i in range(4):
            row = first_row + tile_row + i
            store(c, bias, row, col, rows, cols, total[i, 0], total[i, 1], total[i, 2], total[i, 3])
            store(c, bias, row, col + HALF, rows, cols, total[i, 4], total[i, 5], total[i, 6], total[i, 7])
            row += HALF
            store(c, bias, row, col, rows, cols, total[i + 4, 0], total[i + 4, 1], total[i + 4, 2], total[i + 4, 3])
            store(c, bias, row, col + HALF, rows, cols, total[i + 4, 4], total[i + 4, 5], total[i + 4, 6],
                  total[i + 4, 7])

    return gemm_ld4


apply = by_tiles(make_kernel, TILE, THREADS)
RUNG = Rung(
    op="gemm", name="r6_ld4", run=host(apply),
    change="16-byte loads and stores, and the steps along K written out",
    builds=builds(make_kernel, FLAT,
                  Claims(registers=128, contains=("LDG.E.128", "LDS.128", "STG.E.128"), loop=("FFMA", 0.75)),
                  Claims(registers=128)))
