"""gemm r8: tensor cores. A warp multiplies 16 x 8 by 8 x 8 in one instruction, after rounding to TF32.

A lane owns the elements of C that mma_tf32 gives it: pairs of neighbours in rows `group` and `group + 8` of each 16 x 8
piece. A warp owns 32 x 64 elements (2 x 8 pieces), a block of 4 x 2 warps 128 x 128, the grid covers C. For each DEPTH
of K a thread brings two items of each tile.
Change from r7: products by mma.sync. The operands keep 10 bits of their mantissas (rounded once, on the way into shared
memory); the sums are float32. Not a float32 product any more: relative errors near 1e-3 instead of 1e-7.

Operations 2 M N K. Bytes asked for, with M and N rounded up to tiles: 4 M N K (1/128 + 1/128) loaded, 4 M N stored.
Shared memory: STRIDE = 136 puts the 4 x 8 values that a warp reads together into 32 different banks. 4 * STRIDE is a
multiple of 32, and A is put down by pairs of lanes four rows apart, which would meet: GAP moves each four rows by 16.
Claims: HMMA.1688.F32.TF32, 32 of them in the main loop; no local memory. Needs sm_80.
"""
import functools

from cuda_kernels._cuda import cuda, float32
from cuda_kernels.intrinsics import ld1, mma_tf32, to_tf32
from cuda_kernels.ladder import Claims, Rung

from .host import FLAT, Variant, builds, by_tiles, epilogue, host
from .tiles import store2, tile

TILE = 128  # rows and columns of C a block
DEPTH = 16  # of K at a time: TILE * DEPTH // 4 items of each tile, two a thread
THREADS = 256
STRIDE = TILE + 8  # of a row of a tile: 8 more than a multiple of 32
GAP = 16  # words left free after every four rows
FOUR_DOWN = 4 * STRIDE + GAP
BUFFER = DEPTH // 4 * FOUR_DOWN  # two of them for each operand: 35 KB of shared memory
BUFFERS = 2 * BUFFER
EIGHT_DOWN = 2 * FOUR_DOWN


@cuda.jit(device=True)
def _rounded(v):
    return to_tf32(v[0]), to_tf32(v[1]), to_tf32(v[2]), to_tf32(v[3])


@cuda.jit(device=True)
def _accumulate(a, b, total, i, j):
    """One piece: total[i, j] += a @ b."""
    d = mma_tf32(a, b, (total[i, j, 0], total[i, j, 1], total[i, j, 2], total[i, j, 3]))
    total[i, j, 0], total[i, j, 1], total[i, j, 2], total[i, j, 3] = d[0], d[1], d[2], d[3]


@functools.cache
def make_kernel(variant: Variant, prepare=_rounded, accumulate=_accumulate, resident: int = 2):
    """The kernel for operands stored as `variant` says.

    prepare : a device function of an item's four values, on their way into shared memory
    accumulate : a device function that multiplies one piece
    resident : blocks that shall fit on a multiprocessor: 2 leave a thread 128 registers, 1 leaves it 255
    """
    fetch_a, put_a = tile(DEPTH, TILE, STRIDE, not variant.transpose_a, variant.wide_a, GAP)
    fetch_b, put_b = tile(DEPTH, TILE, STRIDE, variant.transpose_b, variant.wide_b, GAP)
    store = store2(variant.wide_c, epilogue(variant.has_bias, variant.activation))

    @cuda.jit(device=True)
    def eight_steps(a_tile, b_tile, a_place, b_place, total):
        """Eight k: the lane's values of A's two pieces, then of B's eight, one after another."""
        upper = (ld1(a_tile, a_place), ld1(a_tile, a_place + 8),
                 ld1(a_tile, a_place + FOUR_DOWN), ld1(a_tile, a_place + FOUR_DOWN + 8))
        lower = (ld1(a_tile, a_place + 16), ld1(a_tile, a_place + 24),
                 ld1(a_tile, a_place + FOUR_DOWN + 16), ld1(a_tile, a_place + FOUR_DOWN + 24))
        for j in range(8):
            b = (ld1(b_tile, b_place + 8 * j), ld1(b_tile, b_place + FOUR_DOWN + 8 * j))
            accumulate(upper, b, total, 0, j)
            accumulate(lower, b, total, 1, j)

    @cuda.jit(launch_bounds=(THREADS, resident))
    def gemm_tensor(a, b, bias, c, rows, cols, inner):
        thread = cuda.threadIdx.x
        second = thread + THREADS  # its other item
        first_row, first_col = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
        warp, lane = thread // 32, thread % 32
        group, pair = lane // 4, lane % 4
        warp_row, warp_col = warp // 2 * 32, warp % 2 * 64
        a_tile = cuda.shared.array(BUFFERS, float32, alignment=16)
        b_tile = cuda.shared.array(BUFFERS, float32, alignment=16)
        total = cuda.local.array((2, 8, 4), float32)
        for i in range(2):
            for j in range(8):
                for part in range(4):
                    total[i, j, part] = float32(0)
        put_a(a_tile, 0, thread, prepare(fetch_a(a, thread, first_row, 0, rows, inner)))
        put_a(a_tile, 0, second, prepare(fetch_a(a, second, first_row, 0, rows, inner)))
        put_b(b_tile, 0, thread, prepare(fetch_b(b, thread, first_col, 0, cols, inner)))
        put_b(b_tile, 0, second, prepare(fetch_b(b, second, first_col, 0, cols, inner)))
        cuda.syncthreads()
        now = 0
        a_lane, b_lane = pair * STRIDE + warp_row + group, pair * STRIDE + warp_col + group
        for start in range(DEPTH, inner + DEPTH, DEPTH):
            # Past the end the loads bring zeros, which nobody multiplies: one loop body serves all steps.
            a_next = fetch_a(a, thread, first_row, start, rows, inner)
            a_second = fetch_a(a, second, first_row, start, rows, inner)
            b_next = fetch_b(b, thread, first_col, start, cols, inner)
            b_second = fetch_b(b, second, first_col, start, cols, inner)
            eight_steps(a_tile, b_tile, now + a_lane, now + b_lane, total)
            eight_steps(a_tile, b_tile, now + a_lane + EIGHT_DOWN, now + b_lane + EIGHT_DOWN, total)
            now = BUFFER - now
            put_a(a_tile, now, thread, prepare(a_next))
            put_a(a_tile, now, second, prepare(a_second))
            put_b(b_tile, now, thread, prepare(b_next))
            put_b(b_tile, now, second, prepare(b_second))
            cuda.syncthreads()
        row, col = first_row + warp_row + group, first_col + warp_col + 2 * pair
        for j in range(8):
            for i in range(2):
                store(c, bias, row + 16 * i, col + 8 * j, rows, cols, total[i, j, 0], total[i, j, 1])
                store(c, bias, row + 16 * i + 8, col + 8 * j, rows, cols, total[i, j, 2], total[i, j, 3])

    return gemm_tensor


apply = by_tiles(make_kernel, TILE, THREADS)
RUNG = Rung(
    op="gemm", name="r8_tf32", change="products on tensor cores, operands rounded to TF32", run=host(apply),
    optional="rounds its operands to TF32",
    builds=builds(make_kernel, FLAT,
                  Claims(registers=128, contains=("HMMA.1688.F32.TF32", "LDG.E.128", "STG.E.64"), loop=("HMMA", 0.05)),
                  Claims(registers=128), since=(8, 0)))
