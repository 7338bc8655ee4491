"""The bank of 24, gemm_tiled."""

from minidl.course import Bank, constant

TILE = constant("TILE")

bank = Bank()
bank.solution(f"""
from numba import cuda, float32

TILE = {TILE}


@cuda.jit
def gemm_tiled(a, b, c):
    col, row = cuda.grid(2)
    # begin
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    sa = cuda.shared.array((TILE, TILE), float32)
    sb = cuda.shared.array((TILE, TILE), float32)
    total = float32(0)
    for tile in range((a.shape[1] + TILE - 1) // TILE):
        k = tile * TILE + tx
        if row < a.shape[0] and k < a.shape[1]:
            sa[ty, tx] = a[row, k]
        else:
            sa[ty, tx] = float32(0)
        k = tile * TILE + ty
        if k < b.shape[0] and col < b.shape[1]:
            sb[ty, tx] = b[k, col]
        else:
            sb[ty, tx] = float32(0)
        cuda.syncthreads()
        for j in range(TILE):
            total += sa[ty, j] * sb[j, tx]
        cuda.syncthreads()  # before the next filling
    if row < c.shape[0] and col < c.shape[1]:
        c[row, col] = total
    # end
""", "zeros in an else")
bank.solution(f"""
from numba import cuda, float32


@cuda.jit
def gemm_tiled(a, b, c):
    sa = cuda.shared.array(({TILE}, {TILE}), float32)
    sb = cuda.shared.array(({TILE}, {TILE}), float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    col, row = cuda.blockIdx.x * {TILE} + x, cuda.blockIdx.y * {TILE} + y
    total = float32(0)
    start = 0
    while start < a.shape[1]:
        left = float32(0)
        right = float32(0)
        if row < a.shape[0] and start + x < a.shape[1]:
            left = a[row, start + x]
        if col < b.shape[1] and start + y < b.shape[0]:
            right = b[start + y, col]
        cuda.syncthreads()
        sa[y, x] = left
        sb[y, x] = right
        cuda.syncthreads()
        for j in range(min({TILE}, a.shape[1] - start)):
            total += sa[y, j] * sb[j, x]
        start += {TILE}
    if row < c.shape[0]:
        if col < c.shape[1]:
            c[row, col] = total
""", "a while, registers first")

bank.solution(f"""
from numba import cuda, float32

EDGE = {2 * TILE}
WIDE = EDGE + 1


@cuda.jit
def gemm_tiled(a, b, c):
    rows, cols = cuda.blockIdx.y * EDGE, cuda.blockIdx.x * EDGE
    if rows >= c.shape[0] or cols >= c.shape[1]:
        return  # the whole block
    sa = cuda.shared.array((EDGE, WIDE), float32)  # two rows at once want two banks
    sb = cuda.shared.array((EDGE, EDGE), float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    above, above_right, below, below_right = float32(0), float32(0), float32(0), float32(0)
    for start in range(0, a.shape[1], EDGE):
        for n in range(4):  # a warp takes a row of the tile
            i = (y * {TILE} + x) // EDGE + {TILE // 2} * n
            j = (y * {TILE} + x) % EDGE
            sa[i, j] = a[rows + i, start + j] if rows + i < a.shape[0] and start + j < a.shape[1] else float32(0)
            sb[i, j] = b[start + i, cols + j] if start + i < b.shape[0] and cols + j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(EDGE):
            above += sa[y, k] * sb[k, x]
            above_right += sa[y, k] * sb[k, x + {TILE}]
            below += sa[y + {TILE}, k] * sb[k, x]
            below_right += sa[y + {TILE}, k] * sb[k, x + {TILE}]
        cuda.syncthreads()
    row, col = rows + y, cols + x
    if row < c.shape[0] and col < c.shape[1]:
        c[row, col] = above
    if row < c.shape[0] and col + {TILE} < c.shape[1]:
        c[row, col + {TILE}] = above_right
    if row + {TILE} < c.shape[0] and col < c.shape[1]:
        c[row + {TILE}, col] = below
    if row + {TILE} < c.shape[0] and col + {TILE} < c.shape[1]:
        c[row + {TILE}, col + {TILE}] = below_right
""", "four elements a thread")

bank.mistake("first_barrier", "machine", "F4", "        cuda.syncthreads()\n        for j => \n        for j")
bank.mistake("second_barrier", "machine", "F5", "        cuda.syncthreads()  # before the next filling\n =>")
bank.mistake("early_return", "machine", "F8", "    total = float32(0)\n => "
             "    if row >= c.shape[0] or col >= c.shape[1]:\n        return\n    total = float32(0)\n")
bank.mistake("barrier_in_if", "machine", "F9",
             "        cuda.syncthreads()\n        for j in range(TILE):\n            total += sa[ty, j] * sb[j, tx]\n => "
             "        if row < c.shape[0] and col < c.shape[1]:\n            cuda.syncthreads()\n"
             "            for j in range(TILE):\n                total += sa[ty, j] * sb[j, tx]\n")
bank.mistake("not_zeroed", "machine", "F10",
             "            sb[ty, tx] = b[k, col]\n        else:\n            sb[ty, tx] = float32(0)\n => "
             "            sb[ty, tx] = b[k, col]\n")
bank.mistake("loads_unguarded", "machine", "F1", "if k < b.shape[0] and col < b.shape[1]: => if True:")
bank.mistake("tail_lost", "values", "tail_lost", "(a.shape[1] + TILE - 1) // TILE => max(1, a.shape[1] // TILE)")
bank.mistake("tile_turned", "values", "tile_turned", "sa[ty, j] * sb => sa[j, ty] * sb")
bank.mistake("last_tile_only", "values", "last_tile_only",
             "        for j in range(TILE): =>         total = float32(0)\n        for j in range(TILE):")
bank.mistake("stored_turned", "par", "F22 + tile_of_two", "            sa[ty, tx] = a[row, k] =>             sa[tx, ty] = a[row, k]",
             "sa[ty, tx] = float32(0) => sa[tx, ty] = float32(0)", "sa[ty, j] * sb => sa[j, ty] * sb")
bank.mistake("no_tiles", "par", "F21", source="""
from numba import cuda, float32


@cuda.jit
def gemm_tiled(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, col]
        c[row, col] = total
""")
bank.mistake("tiles_floor", "values", "tail_lost", source=f"""
from numba import cuda, float32

TILE = {TILE}


@cuda.jit
def gemm_tiled(a, b, c):
    col, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    sa = cuda.shared.array((TILE, TILE), float32)
    sb = cuda.shared.array((TILE, TILE), float32)
    k = a.shape[1]
    total = float32(0)
    for tile in range(k // TILE):
        ka = tile * TILE + tx
        kb = tile * TILE + ty
        sa[ty, tx] = a[row, ka] if row < a.shape[0] and ka < k else float32(0)
        sb[ty, tx] = b[kb, col] if kb < k and col < b.shape[1] else float32(0)
        cuda.syncthreads()
        for i in range(TILE):
            total += sa[ty, i] * sb[i, tx]
        cuda.syncthreads()
    if row < c.shape[0] and col < c.shape[1]:
        c[row, col] = total
""")
bank.mistake("guard_skips_store", "machine", "F10", source=f"""
from numba import cuda, float32

TILE = {TILE}


@cuda.jit
def gemm_tiled(a, b, c):
    col, row = cuda.grid(2)
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    sa = cuda.shared.array((TILE, TILE), float32)
    sb = cuda.shared.array((TILE, TILE), float32)
    M, K = a.shape
    N = b.shape[1]
    acc = float32(0)
    for t in range((K + TILE - 1) // TILE):
        if row < M and t * TILE + tx < K:
            sa[ty, tx] = a[row, t * TILE + tx]
        if col < N and t * TILE + ty < K:
            sb[ty, tx] = b[t * TILE + ty, col]
        cuda.syncthreads()
        for k in range(TILE):
            acc += sa[ty, k] * sb[k, tx]
        cuda.syncthreads()
    if row < M and col < N:
        c[row, col] = acc
""")
bank.mistake("sb_read_transposed", "values", "sb_turned", source=f"""
from numba import cuda, float32

TILE = {TILE}


@cuda.jit
def gemm_tiled(a, b, c):
    col, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    sa = cuda.shared.array((TILE, TILE), float32)
    sb = cuda.shared.array((TILE, TILE), float32)
    total = float32(0)
    for first in range(0, a.shape[1], TILE):
        sa[ty, tx] = float32(0)
        sb[ty, tx] = float32(0)
        if row < a.shape[0] and first + tx < a.shape[1]:
            sa[ty, tx] = a[row, first + tx]
        if col < b.shape[1] and first + ty < b.shape[0]:
            sb[ty, tx] = b[first + ty, col]
        cuda.syncthreads()
        for k in range(TILE):
            total += sa[ty, k] * sb[tx, k]
        cuda.syncthreads()
    if row < c.shape[0] and col < c.shape[1]:
        c[row, col] = total
""")
