"""gemm r7: warps own compact tiles, and the next tiles of A and B are on their way while these are multiplied.

One thread owns four 4 x 4 squares of C, 16 rows and 32 columns apart. A warp owns 32 x 64 elements (its lanes 4 x 8), a
block of 4 x 2 warps 128 x 128, the grid covers C. For each DEPTH of K a thread brings two items of each tile.
Change from r6: the loads of the next step are issued before the products of this one, and land in the other of two
buffers, so that one barrier a step is enough and the memory's latency passes unnoticed. A warp's compact tile reads
32 + 64 different values a step from shared memory, where r6's strip of 8 x 128 (two such) reads 16 + 128.

Operations 2 M N K. Bytes asked for, with M and N rounded up to tiles: 4 M N K (1/128 + 1/128) loaded, 4 M N stored.
Claims: as r6, 1024 FFMA written out in the main loop.
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.intrinsics import ld4
from cuda_kernels.ladder import Claims, Rung

from .host import FLAT, Variant, builds, by_tiles, epilogue, host
from .tiles import outer_product, store4, tile

TILE = 128  # rows and columns of C a block
DEPTH = 16  # of K at a time: TILE * DEPTH // 4 items of each tile, two a thread
THREADS = 256
STRIDE = TILE + 4  # of a row of a tile; a multiple of 4, and not of 32
BUFFER = DEPTH * STRIDE  # two of them for each operand: 33 KB of shared memory
BUFFERS = 2 * BUFFER
ROWS_APART, COLS_APART = 16, 32  # between a thread's squares: half of a warp's tile


@cuda.jit(device=True)
def _read(a_tile, b_tile, a_place, b_place):
    """Eight values of each tile: four tuples of four."""
    return (ld4(a_tile, a_place), ld4(a_tile, a_place + ROWS_APART), ld4(b_tile, b_place),
            ld4(b_tile, b_place + COLS_APART))


@cuda.jit(device=True)
def _four_steps(a_tile, b_tile, a_place, b_place, total):
    """Four k: the values of the next are read before this one's are multiplied."""
    v = _read(a_tile, b_tile, a_place, b_place)
    w = _read(a_tile, b_tile, a_place + STRIDE, b_place + STRIDE)
    outer_product(v[0], v[1], v[2], v[3], total)
    v = _read(a_tile, b_tile, a_place + 2 * STRIDE, b_place + 2 * STRIDE)
    outer_product(w[0], w[1], w[2], w[3], total)
    w = _read(a_tile, b_tile, a_place + 3 * STRIDE, b_place + 3 * STRIDE)
    outer_product(v[0], v[1], v[2], v[3], total)
    outer_product(w[0], w[1], w[2], w[3], total)


@cuda.jit(device=True)
def multiply_half(a_tile, b_tile, a_place, b_place, total):
    """Eight of the DEPTH = 16 steps on one pair of buffers."""
    _four_steps(a_tile, b_tile, a_place, b_place, total)
    _four_steps(a_tile, b_tile, a_place + 4 * STRIDE, b_place + 4 * STRIDE, total)


@cuda.jit(device=True)
def multiply(a_tile, b_tile, a_place, b_place, total):
    """All DEPTH steps on one pair of buffers."""
    multiply_half(a_tile, b_tile, a_place, b_place, total)
    multiply_half(a_tile, b_tile, a_place + 8 * STRIDE, b_place + 8 * STRIDE, total)


@cuda.jit(device=True)
def place_in_tile(thread):
    """Row and column of a thread's first square in the block's tile: warps 4 x 2, lanes 4 x 8."""
    warp, lane = thread // 32, thread % 32
    return warp // 2 * 32 + lane // 8 * 4, warp % 2 * 64 + lane % 8 * 4


@functools.cache
def sum_of_tiles(variant: Variant):
    """A device function that adds up what a block owns over part of K, `start` to `stop` (multiples of DEPTH)."""
    fetch_a, put_a = tile(DEPTH, TILE, STRIDE, not variant.transpose_a, variant.wide_a)
    fetch_b, put_b = tile(DEPTH, TILE, STRIDE, variant.transpose_b, variant.wide_b)

    @cuda.jit(device=True, forceinline=True)
    def add_up(a, b, a_tile, b_tile, first_row, first_col, rows, cols, inner, start, stop, total):
        thread = cuda.threadIdx.x
        second = thread + THREADS  # its other item
        tile_row, tile_col = place_in_tile(thread)
        put_a(a_tile, 0, thread, fetch_a(a, thread, first_row, start, rows, inner))
        put_a(a_tile, 0, second, fetch_a(a, second, first_row, start, rows, inner))
        put_b(b_tile, 0, thread, fetch_b(b, thread, first_col, start, cols, inner))
        put_b(b_tile, 0, second, fetch_b(b, second, first_col, start, cols, inner))
        cuda.syncthreads()
        now = 0
        for following in range(start + DEPTH, stop + DEPTH, DEPTH):
            # A's loads fly over the first half of the products, B's over the second: fewer registers than all at once.
            # What is loaded behind the end (zeros behind K) nobody multiplies: one loop body serves all steps.
            other = BUFFER - now
            a_next = fetch_a(a, thread, first_row, following, rows, inner)
            a_second = fetch_a(a, second, first_row, following, rows, inner)
            multiply_half(a_tile, b_tile, now + tile_row, now + tile_col, total)
            put_a(a_tile, other, thread, a_next)
            put_a(a_tile, other, second, a_second)
            b_next = fetch_b(b, thread, first_col, following, cols, inner)
            b_second = fetch_b(b, second, first_col, following, cols, inner)
            multiply_half(a_tile, b_tile, now + tile_row + 8 * STRIDE, now + tile_col + 8 * STRIDE, total)
            put_b(b_tile, other, thread, b_next)
            put_b(b_tile, other, second, b_second)
            cuda.syncthreads()  # the other buffers are complete, and these have been read
            now = other

    return add_up


@functools.cache
def store_tile(wide: bool, finish):
    """A device function that stores a thread's four squares, finished by the epilogue."""
    store = store4(wide, finish)

    @cuda.jit(device=True, forceinline=True)
    def store_squares(c, bias, first_row, first_col, rows, cols, total):
        tile_row, tile_col = place_in_tile(cuda.threadIdx.x)
        row, col = first_row + tile_row, first_col + tile_col
        for i in range(4):
            store(c, bias, row + i, col, rows, cols, total[i, 0], total[i, 1], total[i, 2], total[i, 3])
            store(c, bias, row + i, col + COLS_APART, rows, cols, total[i, 4], total[i, 5], total[i, 6], total[i, 7])
            low = row + ROWS_APART + i
            store(c, bias, low, col, rows, cols, total[i + 4, 0], total[i + 4, 1], total[i + 4, 2], total[i + 4, 3])
            store(c, bias, low, col + COLS_APART, rows, cols, total[i + 4, 4], total[i + 4, 5], total[i + 4, 6],
                  total[i + 4, 7])

    return store_squares


@functools.cache
def make_kernel(variant: Variant):
    """The kernel for operands stored as `variant` says."""
    add_up = sum_of_tiles(variant)
    store = store_tile(variant.wide_c, epilogue(variant.has_bias, variant.activation))

    @cuda.jit(launch_bounds=(THREADS, 2))
    def gemm_warp_tile(a, b, bias, c, rows, cols, inner):
        first_row, first_col = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
        a_tile = cuda.shared.array(BUFFERS, float32, alignment=16)
        b_tile = cuda.shared.array(BUFFERS, float32, alignment=16)
        total = cuda.local.array((8, 8), float32)
        for i in range(8):
            for j in range(8):
                total[i, j] = float32(0)
        add_up(a, b, a_tile, b_tile, first_row, first_col, rows, cols, inner, 0, inner, total)
        store(c, bias, first_row, first_col, rows, cols, total)

    return gemm_warp_tile


apply = by_tiles(make_kernel, TILE, THREADS)
RUNG = Rung(
    op="gemm", name="r7_warp_tile_double_buffered", run=host(apply),
    change="compact warp tiles, and the next loads are on their way while these are multiplied",
    builds=builds(make_kernel, FLAT,
                  Claims(registers=128, contains=("LDG.E.128", "LDS.128", "STG.E.128"), loop=("FFMA", 0.8)),
                  Claims(registers=128, local_bytes=64)))
