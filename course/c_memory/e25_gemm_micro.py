"""The bank of 25, gemm_micro."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32


@cuda.jit
def gemm_micro(a, b, c):
    # begin
    sa = cuda.shared.array((64, 16), float32)
    sb = cuda.shared.array((16, 16), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    row, col = cuda.blockIdx.y * 64 + ty, cuda.blockIdx.x * 16 + tx
    first = second = third = fourth = float32(0)
    for start in range(0, a.shape[1], 16):
        k = start + tx
        for lower in range(0, 64, 16):
            if row + lower < a.shape[0] and k < a.shape[1]:
                sa[ty + lower, tx] = a[row + lower, k]
            else:
                sa[ty + lower, tx] = float32(0)
        k = start + ty
        if k < b.shape[0] and col < b.shape[1]:
            sb[ty, tx] = b[k, col]
        else:
            sb[ty, tx] = float32(0)
        cuda.syncthreads()
        for j in range(16):
            right = sb[j, tx]
            first += sa[ty, j] * right
            second += sa[ty + 16, j] * right
            third += sa[ty + 32, j] * right
            fourth += sa[ty + 48, j] * right
        cuda.syncthreads()  # before the next filling
    if col < c.shape[1]:
        if row < c.shape[0]:
            c[row, col] = first
        if row + 16 < c.shape[0]:
            c[row + 16, col] = second
        if row + 32 < c.shape[0]:
            c[row + 32, col] = third
        if row + 48 < c.shape[0]:
            c[row + 48, col] = fourth
    # end
""", "four variables")
bank.solution("""
from numba import cuda, float32

TILE, ROWS, HIGH = 16, 4, 64


@cuda.jit
def gemm_micro(a, b, c):
    left = cuda.shared.array((HIGH, TILE), float32)
    right = cuda.shared.array((TILE, TILE), float32)
    totals = cuda.local.array(ROWS, float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    col = cuda.blockIdx.x * TILE + x
    top = cuda.blockIdx.y * HIGH
    for i in range(ROWS):
        totals[i] = float32(0)
    tile = 0
    while tile * TILE < a.shape[1]:
        for i in range(ROWS):
            r = y + i * TILE
            left[r, x] = a[top + r, tile * TILE + x] if top + r < a.shape[0] and tile * TILE + x < a.shape[1] else float32(0)
        right[y, x] = b[tile * TILE + y, col] if tile * TILE + y < b.shape[0] and col < b.shape[1] else float32(0)
        cuda.syncthreads()
        for j in range(TILE):
            shared_by_four = right[j, x]
            for i in range(ROWS):
                totals[i] = cuda.fma(left[y + i * TILE, j], shared_by_four, totals[i])
        cuda.syncthreads()
        tile += 1
    for i in range(ROWS):
        r = top + y + i * TILE
        if r < c.shape[0] and col < c.shape[1]:
            c[r, col] = totals[i]
""", "an array of the thread, loops of fixed length")

FOUR = """            right = sb[j, tx]
            first += sa[ty, j] * right
            second += sa[ty + 16, j] * right
            third += sa[ty + 32, j] * right
            fourth += sa[ty + 48, j] * right
"""
WRITES = """        if row < c.shape[0]:
            c[row, col] = first
        if row + 16 < c.shape[0]:
            c[row + 16, col] = second
        if row + 32 < c.shape[0]:
            c[row + 32, col] = third
        if row + 48 < c.shape[0]:
            c[row + 48, col] = fourth
"""
FILL_B = """        k = start + ty
        if k < b.shape[0] and col < b.shape[1]:
            sb[ty, tx] = b[k, col]
        else:
            sb[ty, tx] = float32(0)
"""
bank.mistake("first_barrier", "machine", "F4", "        cuda.syncthreads()\n        for j => \n        for j")
bank.mistake("second_barrier", "machine", "F5", "        cuda.syncthreads()  # before the next filling\n =>")
bank.mistake("early_return", "machine", "F8", "    first = second => "
             "    if col >= c.shape[1]:\n        return\n    first = second")
bank.mistake("grid_of_16", "machine", "F6 + grid_of_16", "blockIdx.y * 64 => blockIdx.y * 16")
bank.mistake("rows_together", "machine", "F6 + rows_together", f"{WRITES} => {WRITES.replace('row + 16', 'row + 1').replace('row + 32', 'row + 2').replace('row + 48', 'row + 3')}",
             f"{FOUR} => {FOUR.replace('ty + 16', 'ty + 1').replace('ty + 32', 'ty + 2').replace('ty + 48', 'ty + 3')}")
bank.mistake("one_of_four", "machine", "F11 + one_of_four", f"{WRITES} =>         if row < c.shape[0]:\n            c[row, col] = first\n")
bank.mistake("guard_of_one", "machine", "F2 + guard_of_one", f"{WRITES} =>         if row < c.shape[0]:\n            c[row, col] = first\n            c[row + 16, col] = second\n"
             "            c[row + 32, col] = third\n            c[row + 48, col] = fourth\n")
bank.mistake("fill_guarded_by_first", "machine", "F2 + guard_of_one", "            if row + lower < a.shape[0] and k < a.shape[1]: =>             if row < a.shape[0] and k < a.shape[1]:")
bank.mistake("quarter_filled", "machine", "F10 + quarter_filled", "range(0, 64, 16) => range(0, 16, 16)")
bank.mistake("not_zeroed", "machine", "F10", "            else:\n                sa[ty + lower, tx] = float32(0)\n =>")
bank.mistake("double", "machine", "F13", "fourth = float32(0) => fourth = 0.0")
bank.mistake("one_total", "values", "one_total", f"{FOUR} => {FOUR.replace('second', 'first').replace('third', 'first').replace('fourth', 'first')}",
             f"{WRITES} => {WRITES.replace('second', 'first').replace('third', 'first').replace('fourth', 'first')}")
bank.mistake("neighbours_read", "values", "neighbours_read", f"{FOUR} => {FOUR.replace('ty + 16', 'ty + 1').replace('ty + 32', 'ty + 2').replace('ty + 48', 'ty + 3')}")
bank.mistake("first_row_for_all", "values", "first_row_for_all", f"{FOUR} => {FOUR.replace('ty + 16', 'ty').replace('ty + 32', 'ty').replace('ty + 48', 'ty')}")
bank.mistake("tail_lost", "values", "tail_lost", "range(0, a.shape[1], 16) => range(0, a.shape[1] - a.shape[1] % 16, 16)")
bank.mistake("last_tile_only", "values", "last_tile_only", "        for j in range(16): =>         first = second = third = fourth = float32(0)\n        for j in range(16):")
bank.mistake("b_four_times", "par", "F21 + b_four_times", f"{FILL_B} => " + FILL_B.replace("\n        ", "\n            ").replace("        k = start", "            k2 = start", 1).replace("k <", "k2 <").replace("b[k,", "b[k2,"))
bank.mistake("b_again", "par", "F21f + b_again", f"{FOUR} => {FOUR.replace('            right = sb[j, tx]' + chr(10), '').replace('right', 'sb[j, tx]')}")
bank.mistake("rows_side_by_side", "par", "F22 + rows_side_by_side", "sa[ty + lower, tx] = a[ => sa[ty + lower, tx] = a[",
             f"{FOUR} => {FOUR.replace('ty + 16', '4 * ty + 1').replace('ty + 32', '4 * ty + 2').replace('ty + 48', '4 * ty + 3').replace('sa[ty,', 'sa[4 * ty,')}",
             f"{WRITES} => {WRITES.replace('row + 16', 'top + 4 * ty + 1').replace('row + 32', 'top + 4 * ty + 2').replace('row + 48', 'top + 4 * ty + 3').replace('if row <', 'if top + 4 * ty <').replace('c[row,', 'c[top + 4 * ty,')}",
             "    first = second =>     top = cuda.blockIdx.y * 64\n    first = second")
bank.mistake("not_registers", "par", "F21f + not_registers", "for i in range(ROWS):\n                totals[i] = cuda => for i in range(min(ROWS, c.shape[0])):\n                totals[i] = cuda", of=1)
bank.mistake("totals_in_shared", "par", "F21f + totals_in_shared", "    totals = cuda.local.array(ROWS, float32) =>     everybodys = cuda.shared.array((ROWS, TILE, TILE), float32)\n    totals = everybodys[:, cuda.threadIdx.y, cuda.threadIdx.x]", of=1)
bank.mistake("no_tiles", "par", "F21 + no_tiles", source="""
from numba import cuda, float32


@cuda.jit
def gemm_micro(a, b, c):
    top = cuda.blockIdx.y * 64 + cuda.threadIdx.y
    col = cuda.blockIdx.x * 16 + cuda.threadIdx.x
    if col < c.shape[1]:
        p = q = r = s = float32(0)
        for k in range(a.shape[1]):
            right = b[k, col]
            p += a[min(top, a.shape[0] - 1), k] * right
            q += a[min(top + 16, a.shape[0] - 1), k] * right
            r += a[min(top + 32, a.shape[0] - 1), k] * right
            s += a[min(top + 48, a.shape[0] - 1), k] * right
        if top < c.shape[0]:
            c[top, col] = p
        if top + 16 < c.shape[0]:
            c[top + 16, col] = q
        if top + 32 < c.shape[0]:
            c[top + 32, col] = r
        if top + 48 < c.shape[0]:
            c[top + 48, col] = s
""")
bank.mistake("b_turned", "values", "b_turned", "right = sb[j, tx] => right = sb[tx, j]")
bank.mistake("rows_from_4_ty", "machine", "F6", "blockIdx.y * 64 + ty => blockIdx.y * 64 + 4 * ty")
bank.mistake("all_four_or_none", "machine", "F11 + all_four_or_none", f"{WRITES} =>         if row + 48 < c.shape[0]:\n            c[row, col] = first\n            c[row + 16, col] = second\n"
             "            c[row + 32, col] = third\n            c[row + 48, col] = fourth\n")
bank.mistake("b_stored_turned", "machine", "F6s", "            sb[ty, tx] = b[k, col] =>             sb[tx, ty] = b[k, col]")
bank.mistake("as_seen_1", "machine", "F5", source="""
from numba import cuda, float32


@cuda.jit
def gemm_micro(a, b, c):
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    col = cuda.blockIdx.x * 16 + tx
    row = cuda.blockIdx.y * 64 + ty
    ta = cuda.shared.array((64, 16), float32)
    tb = cuda.shared.array((16, 16), float32)
    M, K = a.shape
    N = b.shape[1]
    s0 = float32(0)
    s1 = float32(0)
    s2 = float32(0)
    s3 = float32(0)
    for k0 in range(0, K, 16):
        for j in range(4):
            r = row + 16 * j
            ta[ty + 16 * j, tx] = a[r, k0 + tx] if r < M and k0 + tx < K else float32(0)
        tb[ty, tx] = b[k0 + ty, col] if k0 + ty < K and col < N else float32(0)
        cuda.syncthreads()
        for k in range(16):
            v = tb[k, tx]
            s0 += ta[ty, k] * v
            s1 += ta[ty + 16, k] * v
            s2 += ta[ty + 32, k] * v
            s3 += ta[ty + 48, k] * v
    if col < N:
        if row < M:
            c[row, col] = s0
        if row + 16 < M:
            c[row + 16, col] = s1
        if row + 32 < M:
            c[row + 32, col] = s2
        if row + 48 < M:
            c[row + 48, col] = s3
""")
bank.mistake("as_seen_2", "machine", "F2 + guard_of_one", source="""
from numba import cuda, float32


@cuda.jit
def gemm_micro(a, b, c):
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    col = cuda.blockIdx.x * 16 + tx
    row = cuda.blockIdx.y * 64 + ty
    ta = cuda.shared.array((64, 16), float32)
    tb = cuda.shared.array((16, 16), float32)
    M, K = a.shape
    N = b.shape[1]
    s0 = float32(0)
    s1 = float32(0)
    s2 = float32(0)
    s3 = float32(0)
    for k0 in range(0, K, 16):
        for j in range(4):
            r = row + 16 * j
            ta[ty + 16 * j, tx] = a[r, k0 + tx] if r < M and k0 + tx < K else float32(0)
        tb[ty, tx] = b[k0 + ty, col] if k0 + ty < K and col < N else float32(0)
        cuda.syncthreads()
        for k in range(16):
            v = tb[k, tx]
            s0 += ta[ty, k] * v
            s1 += ta[ty + 16, k] * v
            s2 += ta[ty + 32, k] * v
            s3 += ta[ty + 48, k] * v
        cuda.syncthreads()  # end
    if col < N:
        if row < M:
            c[row, col] = s0
        if row < M:
            c[row + 16, col] = s1
        if row < M:
            c[row + 32, col] = s2
        if row < M:
            c[row + 48, col] = s3
""")
bank.mistake("again_one_guard", "machine", "F2", source="""
from numba import cuda, float32


@cuda.jit
def gemm_micro(a, b, c):
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    sa = cuda.shared.array((64, 16), float32)
    sb = cuda.shared.array((16, 16), float32)
    col = cuda.blockIdx.x * 16 + tx
    row = cuda.blockIdx.y * 64 + ty
    t0 = float32(0)
    t1 = float32(0)
    t2 = float32(0)
    t3 = float32(0)
    for start in range(0, a.shape[1], 16):
        for j in range(0, 64, 16):
            if row + j < a.shape[0] and start + tx < a.shape[1]:
                sa[ty + j, tx] = a[row + j, start + tx]
            else:
                sa[ty + j, tx] = float32(0)
        if start + ty < b.shape[0] and col < b.shape[1]:
            sb[ty, tx] = b[start + ty, col]
        else:
            sb[ty, tx] = float32(0)
        cuda.syncthreads()
        for k in range(16):
            v = sb[k, tx]
            t0 += sa[ty, k] * v
            t1 += sa[ty + 16, k] * v
            t2 += sa[ty + 32, k] * v
            t3 += sa[ty + 48, k] * v
        cuda.syncthreads()
    if col < c.shape[1]:
        if row < c.shape[0]:
            c[row, col] = t0
        if row + 16 < c.shape[0]:
            c[row + 16, col] = t1
        if row + 32 < c.shape[0]:
            c[row + 32, col] = t2
        if row < c.shape[0]:
            c[row + 48, col] = t3
""")
