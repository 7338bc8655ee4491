"""The bank of 22, transpose."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32

TILE = 32


@cuda.jit
def transpose(a, out):
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    # begin
    tile = cuda.shared.array((32, 33), float32)
    x = cuda.blockIdx.x * TILE + tx
    y = cuda.blockIdx.y * TILE + ty
    for j in range(0, TILE, 8):
        if y + j < a.shape[0] and x < a.shape[1]:
            tile[ty + j, tx] = a[y + j, x]
    cuda.syncthreads()
    x = cuda.blockIdx.y * TILE + tx
    y = cuda.blockIdx.x * TILE + ty
    for j in range(0, TILE, 8):
        if y + j < out.shape[0] and x < out.shape[1]:
            out[y + j, x] = tile[tx, ty + j]
    # end
""", "the tile read the other way")
bank.solution("""
from numba import cuda, float32


@cuda.jit
def transpose(a, out):
    kept = cuda.shared.array(32 * 33, float32)
    column, line = cuda.threadIdx.x, cuda.threadIdx.y
    top, left = 32 * cuda.blockIdx.y, 32 * cuda.blockIdx.x
    rows, columns = a.shape
    i = line
    while i < min(32, rows - top):
        if left + column < columns:
            kept[column * 33 + i] = a[top + i, left + column]
        i += 8
    cuda.syncthreads()
    for i in range(line, min(32, columns - left), 8):
        if top + column < rows:
            out[left + i, top + column] = kept[i * 33 + column]
""", "stored the other way, in a flat tile")

bank.mistake("direct", "par", "F21 + direct", source="""
from numba import cuda


@cuda.jit
def transpose(a, out):
    col = cuda.grid(1)
    row = cuda.blockIdx.y * 32 + cuda.threadIdx.y
    for j in range(0, 32, 8):
        if row + j < a.shape[0] and col < a.shape[1]:
            out[col, row + j] = a[row + j, col]
""")
bank.mistake("no_padding", "par", "F22 + no_padding", "(32, 33) => (32, 32)")
bank.mistake("padded_rows", "par", "F22 + padded_rows", "(32, 33) => (33, 32)")
bank.mistake("load_still_strided", "par", "F21 + load_still_strided", source="""
from numba import cuda, float32


@cuda.jit
def transpose(a, out):
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    tile = cuda.shared.array((32, 33), float32)
    row = cuda.blockIdx.y * 32 + tx
    col = cuda.blockIdx.x * 32 + ty
    for j in range(0, 32, 8):
        if row < a.shape[0] and col + j < a.shape[1]:
            tile[ty + j, tx] = a[row, col + j]
    cuda.syncthreads()
    for j in range(0, 32, 8):
        if row < a.shape[0] and col + j < a.shape[1]:
            out[col + j, row] = tile[ty + j, tx]
""")
bank.mistake("no_barrier", "machine", "F4", "    cuda.syncthreads()\n =>")
bank.mistake("barrier_in_if", "machine", "F9", "            tile[ty + j, tx] = a[y + j, x]\n    cuda.syncthreads() => "
             "            tile[ty + j, tx] = a[y + j, x]\n            cuda.syncthreads()")
bank.mistake("early_return", "machine", "F8", "    for j in range(0, TILE, 8):\n        if y + j < a.shape[0] => "
             "    if x >= a.shape[1]:\n        return\n    for j in range(0, TILE, 8):\n        if y + j < a.shape[0]")
bank.mistake("loads_unguarded", "machine", "F2 + guard_of_fill", "if y + j < a.shape[0] and x < a.shape[1]: => if True:")
bank.mistake("stores_unguarded", "machine", "F10", "if y + j < out.shape[0] and x < out.shape[1]: => if True:")
bank.mistake("guard_of_load", "machine", "F10 + guard_of_load", "y + j < out.shape[0] and x < out.shape[1] => y + j < a.shape[0] and x < a.shape[1]")
bank.mistake("same_block", "machine", "F11 + same_block", "    x = cuda.blockIdx.y * TILE + tx\n    y = cuda.blockIdx.x * TILE + ty\n =>")
bank.mistake("not_turned", "machine", "F10 + not_turned", "tile[tx, ty + j] => tile[ty + j, tx]")
bank.mistake("eight_rows", "machine", "F11 + eight_rows", source="""
from numba import cuda, float32


@cuda.jit
def transpose(a, out):
    tile = cuda.shared.array((32, 33), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    x, y = cuda.blockIdx.x * 32 + tx, cuda.blockIdx.y * 32 + ty
    if y < a.shape[0] and x < a.shape[1]:
        tile[ty, tx] = a[y, x]
    cuda.syncthreads()
    if y < a.shape[0] and x < a.shape[1]:
        out[x, y] = tile[ty, tx]
""")
bank.mistake("blocks_of_eight", "machine", "F11 + blocks_of_eight", source="""
from numba import cuda


@cuda.jit
def transpose(a, out):
    col, row = cuda.grid(2)
    if row < a.shape[0] and col < a.shape[1]:
        out[col, row] = a[row, col]
""")
bank.mistake("indices_turned", "machine", "F1 + indices_turned", source="""
from numba import cuda


@cuda.jit
def transpose(a, out):
    col = cuda.grid(1)
    row = cuda.blockIdx.y * 32 + cuda.threadIdx.y
    for j in range(0, 32, 8):
        if row + j < a.shape[0] and col < a.shape[1]:
            out[row + j, col] = a[col, row + j]
""")
bank.mistake("store_still_strided", "par", "F21 + store_still_strided", "    x = cuda.blockIdx.y * TILE + tx\n    y = cuda.blockIdx.x * TILE + ty\n =>",
             "y + j < out.shape[0] and x < out.shape[1] => y + j < a.shape[0] and x < a.shape[1]", "out[y + j, x] = tile[tx, ty + j] => out[x, y + j] = tile[ty + j, tx]")
bank.mistake("waits_in_loop", "machine", "F10 + waits_in_loop", source="""
from numba import cuda, float32


@cuda.jit
def transpose(a, out):
    tile = cuda.shared.array((32, 33), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    top, left = cuda.blockIdx.y * 32, cuda.blockIdx.x * 32
    for j in range(ty, 32, 8):
        if top + j < a.shape[0] and left + tx < a.shape[1]:
            tile[j, tx] = a[top + j, left + tx]
        cuda.syncthreads()
        if left + j < out.shape[0] and top + tx < out.shape[1]:
            out[left + j, top + tx] = tile[tx, j]
""")
bank.mistake("no_swap_of_block", "machine", "F11 + same_block", source="""
from numba import cuda, float32

TILE = 32


@cuda.jit
def transpose(a, out):
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    bx, by = cuda.blockIdx.x, cuda.blockIdx.y
    tile = cuda.shared.array((32, 33), float32)
    col = bx * TILE + tx
    for j in range(0, TILE, 8):
        row = by * TILE + ty + j
        if row < a.shape[0] and col < a.shape[1]:
            tile[ty + j, tx] = a[row, col]
    cuda.syncthreads()
    for j in range(0, TILE, 8):
        row = by * TILE + ty + j
        if row < out.shape[0] and col < out.shape[1]:
            out[row, col] = tile[tx, ty + j]
""")
bank.mistake("pad_wrong_side", "par", "F22 + padded_rows", source="""
from numba import cuda, float32

TILE = 32


@cuda.jit
def transpose(a, out):
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    s = cuda.shared.array((33, 32), float32)
    m, n = a.shape
    x0 = cuda.blockIdx.x * TILE
    y0 = cuda.blockIdx.y * TILE
    for k in range(4):
        r = ty + 8 * k
        if y0 + r < m and x0 + tx < n:
            s[r, tx] = a[y0 + r, x0 + tx]
    cuda.syncthreads()
    for k in range(4):
        r = ty + 8 * k
        if x0 + r < n and y0 + tx < m:
            out[x0 + r, y0 + tx] = s[tx, r]
""")
bank.mistake("again_blocks", "machine", "F11 + same_block", source="""
from numba import cuda, float32

TILE = 32


@cuda.jit
def transpose(a, out):
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    tile = cuda.shared.array((32, 33), float32)
    col = cuda.blockIdx.x * TILE + tx
    for k in range(0, TILE, 8):
        row = cuda.blockIdx.y * TILE + ty + k
        if row < a.shape[0] and col < a.shape[1]:
            tile[ty + k, tx] = a[row, col]
    cuda.syncthreads()
    ocol = cuda.blockIdx.x * TILE + tx
    for k in range(0, TILE, 8):
        orow = cuda.blockIdx.y * TILE + ty + k
        if orow < out.shape[0] and ocol < out.shape[1]:
            out[orow, ocol] = tile[tx, ty + k]
""")
bank.mistake("again_banks", "par", "F22 + no_padding", source="""
from numba import cuda, float32

TILE = 32


@cuda.jit
def transpose(a, out):
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    tile = cuda.shared.array((32, 32), float32)
    col = cuda.blockIdx.x * TILE + tx
    for k in range(0, TILE, 8):
        row = cuda.blockIdx.y * TILE + ty + k
        if row < a.shape[0] and col < a.shape[1]:
            tile[ty + k, tx] = a[row, col]
    cuda.syncthreads()
    ocol = cuda.blockIdx.y * TILE + tx
    for k in range(0, TILE, 8):
        orow = cuda.blockIdx.x * TILE + ty + k
        if orow < out.shape[0] and ocol < out.shape[1]:
            out[orow, ocol] = tile[tx, ty + k]
""")
