"""gemm r10: operands rounded to bfloat16, two in a register, and twice as many products in an instruction.

Threads, warps and blocks as in r8. For each DEPTH of K a thread brings four items of each tile.
Change from r8: mma_bf16, 16 x 16 by 16 x 8. The tiles hold pairs of neighbours along K in one word, so that DEPTH is 32
in the same space, and a word read from shared memory carries two values. The operands keep 7 bits of their mantissas:
relative errors near 1e-2. Operands and result are float32 in global memory, so r10 moves the bytes of r8.

Operations 2 M N K. Bytes asked for, with M and N rounded up to tiles: 4 M N K (1/128 + 1/128) loaded, 4 M N stored.
Claims: HMMA.16816.F32.BF16, 32 of them in the main loop, and no local memory there. Needs sm_80.
"""
import functools

from cuda_kernels._cuda import cuda, float32, uint32
from cuda_kernels.intrinsics import ld1, mma_bf16, pack_bf16, st1, st4
from cuda_kernels.ladder import Claims, Rung

from .host import FLAT, Variant, builds, by_tiles, epilogue, host
from .tiles import load4, store2

TILE = 128  # rows and columns of C a block
DEPTH = 32  # of K at a time: 16 rows of pairs
THREADS = 256
STRIDE = TILE + 8  # of a row of a tile, in words of two values
FOUR_DOWN = 4 * STRIDE
BUFFER = DEPTH // 2 * STRIDE
BUFFERS = 2 * BUFFER


@functools.cache
def packed_tile(k_contiguous: bool, wide: bool):
    """Device functions `fetch` and `put` as in `tiles.tile`, for an item of eight values: four words of the tile.

    Along K an item is four neighbours of the operand and four more 8 further on (two lanes read 32 bytes of a row
    together, a whole sector), otherwise four neighbours in two rows that follow each other.
    """
    load = load4(wide)

    @cuda.jit(device=True)
    def fetch_along_k(matrix, item, first, start, size, inner):
        row, k = first + item // 2 % TILE, start + (item // THREADS * 4 + item % 2) * 4
        return load(matrix, row, k, size, inner), load(matrix, row, k + 8, size, inner)

    @cuda.jit(device=True)
    def put_across(tile, base, item, values):
        low, high = values
        place = base + (item // THREADS * 4 + item % 2) * 2 * STRIDE + item // 2 % TILE
        st1(tile, place, pack_bf16(low[0], low[1]))
        st1(tile, place + STRIDE, pack_bf16(low[2], low[3]))
        st1(tile, place + FOUR_DOWN, pack_bf16(high[0], high[1]))
        st1(tile, place + FOUR_DOWN + STRIDE, pack_bf16(high[2], high[3]))

    @cuda.jit(device=True)
    def fetch_across_k(matrix, item, first, start, size, inner):
        k, col = start + item // 32 * 2, first + item % 32 * 4
        return load(matrix, k, col, inner, size), load(matrix, k + 1, col, inner, size)

    @cuda.jit(device=True)
    def put_along(tile, base, item, values):
        even, odd = values
        st4(tile, base + item // 32 * STRIDE + item % 32 * 4,
            (pack_bf16(even[0], odd[0]), pack_bf16(even[1], odd[1]),
             pack_bf16(even[2], odd[2]), pack_bf16(even[3], odd[3])))

    return (fetch_along_k, put_across) if k_contiguous else (fetch_across_k, put_along)


@cuda.jit(device=True)
def _accumulate(a, b, total, i, j):
    """One piece: total[i, j] += a @ b."""
    d = mma_bf16(a, b, (total[i, j, 0], total[i, j, 1], total[i, j, 2], total[i, j, 3]))
    total[i, j, 0], total[i, j, 1], total[i, j, 2], total[i, j, 3] = d[0], d[1], d[2], d[3]


@cuda.jit(device=True)
def _sixteen_steps(a_tile, b_tile, a_place, b_place, total):
    """Sixteen k: the lane's words of A's two pieces, then of B's eight, one after another."""
    upper = (ld1(a_tile, a_place), ld1(a_tile, a_place + 8),
             ld1(a_tile, a_place + FOUR_DOWN), ld1(a_tile, a_place + FOUR_DOWN + 8))
    lower = (ld1(a_tile, a_place + 16), ld1(a_tile, a_place + 24),
             ld1(a_tile, a_place + FOUR_DOWN + 16), ld1(a_tile, a_place + FOUR_DOWN + 24))
    for j in range(8):
        b = (ld1(b_tile, b_place + 8 * j), ld1(b_tile, b_place + FOUR_DOWN + 8 * j))
        _accumulate(upper, b, total, 0, j)
        _accumulate(lower, b, total, 1, j)


@functools.cache
def make_kernel(variant: Variant):
    """The kernel for operands stored as `variant` says."""
    fetch_a, put_a = packed_tile(not variant.transpose_a, variant.wide_a)
    fetch_b, put_b = packed_tile(variant.transpose_b, variant.wide_b)
    store = store2(variant.wide_c, epilogue(variant.has_bias, variant.activation))

    @cuda.jit(launch_bounds=(THREADS, 2))
    def gemm_bf16(a, b, bias, c, rows, cols, inner):
        thread = cuda.threadIdx.x
        second = thread + THREADS  # its other item
        first_row, first_col = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
        warp, lane = thread // 32, thread % 32
        group, pair = lane // 4, lane % 4
        warp_row, warp_col = warp // 2 * 32, warp % 2 * 64
        a_tile = cuda.shared.array(BUFFERS, uint32, alignment=16)
        b_tile = cuda.shared.array(BUFFERS, uint32, alignment=16)
        total = cuda.local.array((2, 8, 4), float32)
        for i in range(2):
            for j in range(8):
                for part in range(4):
                    total[i, j, part] = float32(0)
        put_a(a_tile, 0, thread, fetch_a(a, thread, first_row, 0, rows, inner))
        put_a(a_tile, 0, second, fetch_a(a, second, first_row, 0, rows, inner))
        put_b(b_tile, 0, thread, fetch_b(b, thread, first_col, 0, cols, inner))
        put_b(b_tile, 0, second, fetch_b(b, second, first_col, 0, cols, inner))
        cuda.syncthreads()
        now = 0
        a_lane, b_lane = pair * STRIDE + warp_row + group, pair * STRIDE + warp_col + group
        for start in range(DEPTH, inner + DEPTH, DEPTH):
            # A's loads fly over the first half of the products, B's over the second: fewer registers than all at once.
            a_next = fetch_a(a, thread, first_row, start, rows, inner)
            a_second = fetch_a(a, second, first_row, start, rows, inner)
            _sixteen_steps(a_tile, b_tile, now + a_lane, now + b_lane, total)
            other = BUFFER - now
            put_a(a_tile, other, thread, a_next)
            put_a(a_tile, other, second, a_second)
            b_next = fetch_b(b, thread, first_col, start, cols, inner)
            b_second = fetch_b(b, second, first_col, start, cols, inner)
            _sixteen_steps(a_tile, b_tile, now + a_lane + 8 * STRIDE, now + b_lane + 8 * STRIDE, total)
            put_b(b_tile, other, thread, b_next)
            put_b(b_tile, other, second, b_second)
            cuda.syncthreads()
            now = other
        row, col = first_row + warp_row + group, first_col + warp_col + 2 * pair
        for j in range(8):
            for i in range(2):
                store(c, bias, row + 16 * i, col + 8 * j, rows, cols, total[i, j, 0], total[i, j, 1])
                store(c, bias, row + 16 * i + 8, col + 8 * j, rows, cols, total[i, j, 2], total[i, j, 3])

    return gemm_bf16


apply = by_tiles(make_kernel, TILE, THREADS)
RUNG = Rung(
    op="gemm", name="r10_bf16", change="products of bfloat16 pairs on tensor cores", run=host(apply),
    optional="rounds its operands to bfloat16",
    builds=builds(make_kernel, FLAT,
                  Claims(registers=128, local_bytes=16, contains=("HMMA.16816.F32.BF16", "LDG.E.128", "STG.E.64"),
                         loop=("HMMA", 0.05)),
                  Claims(registers=128, local_bytes=64), since=(8, 0)))
