"""The bank of 46, implicit_gemm."""

from minidl.course import Bank, constant

TILE = constant("TILE")

bank = Bank()
bank.solution(f"""
from numba import cuda, float32

TILE = {TILE}


@cuda.jit
def implicit_gemm(x, w, y, stride, pad):
    k, m = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    a = cuda.shared.array((TILE, TILE), float32)
    b = cuda.shared.array((TILE, TILE), float32)
    # begin
    windows = y.shape[0] * y.shape[1] * y.shape[2]
    taps = w.shape[0] * w.shape[1] * w.shape[2]
    q = m % y.shape[2]
    p = m // y.shape[2] % y.shape[1]
    n = m // (y.shape[2] * y.shape[1])
    total = float32(0)
    for start in range(0, taps, TILE):
        t = start + tx
        c = t % w.shape[2]
        s = t // w.shape[2] % w.shape[1]
        r = t // (w.shape[2] * w.shape[1])
        i = p * stride + r - pad
        j = q * stride + s - pad
        if m < windows and t < taps and 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:
            a[ty, tx] = x[n, i, j, c]
        else:
            a[ty, tx] = float32(0)
        t = start + ty
        if t < taps and k < w.shape[3]:
            b[ty, tx] = w[t // (w.shape[2] * w.shape[1]), t // w.shape[2] % w.shape[1], t % w.shape[2], k]
        else:
            b[ty, tx] = float32(0)
        cuda.syncthreads()
        for step in range(TILE):
            total += a[ty, step] * b[step, tx]
        cuda.syncthreads()  # before the next filling
    if m < windows and k < w.shape[3]:
        y[n, p, q, k] = total
    # end
""", "one element of each tile a thread")
bank.solution(f"""
from numba import cuda, float32


@cuda.jit(device=True)
def pixel(x, w, n, top, left, t):
    S, C = w.shape[1], w.shape[2]
    i, j = top + t // C // S, left + t // C % S
    found = float32(0)
    if n < x.shape[0] and t < w.shape[0] * S * C:
        if i >= 0 and i < x.shape[1] and j >= 0 and j < x.shape[2]:
            found = x[n, i, j, t % C]
    return found


@cuda.jit
def implicit_gemm(x, w, y, stride, pad):
    left_tile = cuda.shared.array(({TILE}, {TILE + 1}), float32)
    right_tile = cuda.shared.array(({TILE}, {TILE + 1}), float32)
    col, row = cuda.threadIdx.x, cuda.threadIdx.y
    k = {TILE} * cuda.blockIdx.x + col
    n, place = divmod({TILE} * cuda.blockIdx.y + row, y.shape[1] * y.shape[2])
    p, q = divmod(place, y.shape[2])
    taps = w.shape[0] * w.shape[1] * w.shape[2]
    total = float32(0)
    first = 0
    while first < taps:
        left_tile[row, col] = pixel(x, w, n, p * stride - pad, q * stride - pad, first + col)
        right_tile[row, col] = float32(0)
        rest = first + row
        if rest < taps and k < y.shape[3]:
            rs, c = divmod(rest, w.shape[2])
            right_tile[row, col] = w[rs // w.shape[1], rs % w.shape[1], c, k]
        cuda.syncthreads()
        for step in range(min({TILE}, taps - first)):
            total = cuda.fma(left_tile[row, step], right_tile[step, col], total)
        cuda.syncthreads()
        first += {TILE}
    if n < y.shape[0] and k < y.shape[3]:
        y[n, p, q, k] = total
""", "a function for the pixel, a while")

FILL = "if m < windows and t < taps and 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:"
END = "    if m < windows and k < w.shape[3]:\n        y[n, p, q, k] = total\n"
bank.mistake("first_barrier", "machine", "F4", "        cuda.syncthreads()\n        for step => \n        for step")
bank.mistake("second_barrier", "machine", "F5", "        cuda.syncthreads()  # before the next filling\n =>")
bank.mistake("early_return", "machine", "F8", "    total = float32(0)\n => "
             "    total = float32(0)\n    if m >= windows or k >= w.shape[3]:\n        return\n")
bank.mistake("edge_unasked", "machine", "F3", f"{FILL} => if m < windows and t < taps:")
bank.mistake("taps_empty", "machine", "F10 + taps_empty", "            a[ty, tx] = x[n, i, j, c]\n        else:\n            a[ty, tx] = float32(0)\n => "
             "            a[ty, tx] = x[n, i, j, c]\n        elif t < taps:\n            a[ty, tx] = float32(0)\n")
bank.mistake("w_beyond_taps", "machine", "F1 + w_beyond_taps", "if t < taps and k < w.shape[3]: => if k < w.shape[3]:")
bank.mistake("no_guard", "machine", "F1", "    if m < windows and k < w.shape[3]: =>     if k < w.shape[3]:")
bank.mistake("double", "machine", "F13", "total = float32(0) => total = 0.0")
bank.mistake("tail_lost", "values", "tail_lost", "range(0, taps, TILE) => range(0, taps // TILE * TILE, TILE)")
bank.mistake("one_image", "values", "one_image", "p = m // y.shape[2] % y.shape[1] => p = m // y.shape[2]",
             f"{END} => {END.replace('p, q', 'p % y.shape[1], q')}")
bank.mistake("sizes_of_x", "machine", "F1 + sizes_of_x", "    q = m % y.shape[2]\n    p = m // y.shape[2] % y.shape[1]\n    n = m // (y.shape[2] * y.shape[1])\n => "
             "    q = m % x.shape[2]\n    p = m // x.shape[2] % x.shape[1]\n    n = m // (x.shape[2] * x.shape[1])\n",
             f"{END} => {END.replace('n, p, q', 'm // (y.shape[2] * y.shape[1]), m // y.shape[2] % y.shape[1], m % y.shape[2]')}")
bank.mistake("channels_first", "values", "channels_first", '''        c = t % w.shape[2]
        s = t // w.shape[2] % w.shape[1]
        r = t // (w.shape[2] * w.shape[1]) => '''
             '''        s = t % w.shape[1]
        r = t // w.shape[1] % w.shape[0]
        c = t // (w.shape[1] * w.shape[0])''')
bank.mistake("taps_mixed", "values", "taps_mixed", "s = t // w.shape[2] % w.shape[1] => s = t // w.shape[2] % w.shape[0]",
             "r = t // (w.shape[2] * w.shape[1]) => r = t // (w.shape[2] * w.shape[0])")
bank.mistake("pad_forgotten", "values", "pad_forgotten", "+ r - pad => + r", "+ s - pad => + s")
bank.mistake("stride_forgotten", "values", "stride_forgotten", "p * stride + => p +", "q * stride + => q +")
bank.mistake("tile_turned", "values", "tile_turned", "a[ty, step] => a[step, ty]")
bank.mistake("last_tile_only", "values", "last_tile_only", "        for step in range(TILE): =>         total = float32(0)\n        for step in range(TILE):")
bank.mistake("times_zero", "values", "times_zero", f"        {FILL}\n            a[ty, tx] = x[n, i, j, c] => "
             "        inside = 0 <= i < x.shape[1] and 0 <= j < x.shape[2]\n        if m < windows and t < taps:\n"
             "            a[ty, tx] = float32(inside) * x[n, min(max(i, 0), x.shape[1] - 1), min(max(j, 0), x.shape[2] - 1), c]")
bank.mistake("no_tiles", "par", "F21 + no_tiles", source="""
from numba import cuda, float32


@cuda.jit
def implicit_gemm(x, w, y, stride, pad):
    k, m = cuda.grid(2)
    if m < y.shape[0] * y.shape[1] * y.shape[2] and k < y.shape[3]:
        q = m % y.shape[2]
        p = m // y.shape[2] % y.shape[1]
        n = m // (y.shape[2] * y.shape[1])
        total = float32(0)
        for r in range(w.shape[0]):
            for s in range(w.shape[1]):
                i, j = p * stride + r - pad, q * stride + s - pad
                if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:
                    for c in range(w.shape[2]):
                        total += x[n, i, j, c] * w[r, s, c, k]
        y[n, p, q, k] = total
""")
bank.mistake("same_tap_for_b", "values", "same_tap_for_b", "        t = start + ty\n =>")
bank.mistake("pad_of_rows_alone", "values", "pad_forgotten", "+ s - pad => + s")
bank.mistake("windows_beyond", "machine", "F1", "if m < windows and t < taps and 0 => if t < taps and 0")
bank.mistake("no_else", "machine", "F10", "            a[ty, tx] = x[n, i, j, c]\n        else:\n            a[ty, tx] = float32(0)\n =>             a[ty, tx] = x[n, i, j, c]\n")
