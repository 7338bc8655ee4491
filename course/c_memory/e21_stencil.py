"""The bank of 21, stencil."""

from minidl.course import Bank, constant

BLOCK = constant("BLOCK")

bank = Bank()
bank.solution(f"""
from numba import cuda, float32

BLOCK = {BLOCK}


@cuda.jit
def stencil(x, w, y):
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    # begin
    tile = cuda.shared.array({BLOCK + 2}, float32)
    tile[t + 1] = x[i] if i < x.size else float32(0)
    if t == 0:
        tile[0] = x[i - 1] if i > 0 else float32(0)
    if t == BLOCK - 1:
        tile[BLOCK + 1] = x[i + 1] if i + 1 < x.size else float32(0)
    cuda.syncthreads()
    if i < y.size:
        y[i] = w[0] * tile[t] + w[1] * tile[t + 1] + w[2] * tile[t + 2]
    # end
""", "first and last thread fetch the halo")
bank.solution(f"""
from numba import cuda, float32


@cuda.jit
def stencil(x, w, y):
    piece = cuda.shared.array({BLOCK + 2}, float32)
    me = cuda.threadIdx.x
    begin = cuda.blockIdx.x * {BLOCK} - 1
    place = me
    while place < {BLOCK + 2}:
        value = float32(0)
        if 0 <= begin + place < x.size:
            value = x[begin + place]
        piece[place] = value
        place += {BLOCK}
    cuda.syncthreads()
    i = begin + 1 + me
    if i >= y.size:
        return
    total = float32(0)
    for k in range(3):
        total += w[k] * piece[me + k]
    y[i] = total
""", "all places in turns")

OWN = "    tile[t + 1] = x[i] if i < x.size else float32(0)\n => "
SUM = "y[i] = w[0] * tile[t] + w[1] * tile[t + 1] + w[2] * tile[t + 2] => "
LEFT = "    if t == 0:\n        tile[0] = x[i - 1] if i > 0 else float32(0)\n =>"
RIGHT = "    if t == BLOCK - 1:\n        tile[BLOCK + 1] = x[i + 1] if i + 1 < x.size else float32(0)\n =>"
bank.mistake("no_halo", "machine", "F2 + no_halo", source=f"""
from numba import cuda, float32


@cuda.jit
def stencil(x, w, y):
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    tile = cuda.shared.array({BLOCK}, float32)
    if i < x.size:
        tile[t] = x[i]
    else:
        tile[t] = float32(0)
    cuda.syncthreads()
    if i < y.size:
        y[i] = w[0] * tile[t - 1] + w[1] * tile[t] + w[2] * tile[t + 1]
""")
bank.mistake("block_edges", "values", "block_edges", LEFT + "     if t == 0:\n        tile[0] = float32(0)\n",
             RIGHT + "     if t == BLOCK - 1:\n        tile[BLOCK + 1] = float32(0)\n")
bank.mistake("no_right_halo", "machine", "F10 + no_right_halo", RIGHT)
bank.mistake("no_left_halo", "machine", "F10 + no_left_halo", LEFT)
bank.mistake("empty_places", "machine", "F10 + empty_places", OWN + "    if i < x.size:\n        tile[t + 1] = x[i]\n")
bank.mistake("no_guard", "machine", "F1", "x[i] if i < x.size else float32(0) => x[i]")
bank.mistake("halo_at_block_end", "machine", "F1 + halo_at_block_end", "x[i + 1] if i + 1 < x.size else float32(0) => x[i + 1]")
bank.mistake("halo_before", "machine", "F3 + halo_before", "x[i - 1] if i > 0 else float32(0) => x[i - 1]")
bank.mistake("no_barrier", "machine", "F4", "    cuda.syncthreads()\n =>")
bank.mistake("barrier_in_if", "machine", "F9", "    cuda.syncthreads()\n    if i < y.size:\n =>     if i < y.size:\n        cuda.syncthreads()\n")
bank.mistake("early_return", "machine", "F8", OWN + "    if i >= x.size:\n        return\n    tile[t + 1] = x[i]\n")
bank.mistake("double", "machine", "F13", SUM + "total = 0.0\n        for k in range(3):\n            total += w[k] * tile[t + k]\n        y[i] = total")
bank.mistake("weights_turned", "values", "weights_turned", SUM + "y[i] = w[2] * tile[t] + w[1] * tile[t + 1] + w[0] * tile[t + 2]")
bank.mistake("off_by_one", "machine", "F2 + off_by_one", SUM + "y[i] = w[0] * tile[t - 1] + w[1] * tile[t] + w[2] * tile[t + 1]")
bank.mistake("clamped", "values", "clamped", "x[i] if i < x.size else float32(0) => x[min(i, x.size - 1)]",
             "x[i - 1] if i > 0 else float32(0) => x[max(i - 1, 0)]", "x[i + 1] if i + 1 < x.size else float32(0) => x[min(i + 1, x.size - 1)]")
bank.mistake("wraps", "values", "wraps", "x[i] if i < x.size else float32(0) => x[i % x.size]",
             "x[i - 1] if i > 0 else float32(0) => x[(i + x.size - 1) % x.size]", "x[i + 1] if i + 1 < x.size else float32(0) => x[(i + 1) % x.size]")
bank.mistake("adds_to_y", "values", "F18", "y[i] = w[0] => y[i] += w[0]")
bank.mistake("three_reads", "par", "F21 + three_reads", source="""
from numba import cuda, float32


@cuda.jit
def stencil(x, w, y):
    i = cuda.grid(1)
    if i < x.size:
        total = w[1] * x[i]
        if i > 0:
            total += w[0] * x[i - 1]
        if i + 1 < x.size:
            total += w[2] * x[i + 1]
        y[i] = total
""")
bank.mistake("ends_unwritten", "machine", "F11 + ends_unwritten", "if i < y.size: => if 0 < i < y.size - 1:")
bank.mistake("halo_one_late", "values", "halo_one_late", "x[i + 1] if i + 1 < x.size => x[i + 2] if i + 2 < x.size")
bank.mistake("halo_without_zero", "machine", "F10 + halo_without_zero", LEFT + "     if t == 0 and i > 0:\n        tile[0] = x[i - 1]\n",
             RIGHT + "     if t == BLOCK - 1 and i + 1 < x.size:\n        tile[BLOCK + 1] = x[i + 1]\n")
bank.mistake("one_fills", "par", "F21 + one_fills", OWN, LEFT + f"     if t == 0:\n        for k in range({BLOCK + 2}):\n            j = i + k - 1\n"
             "            tile[k] = x[j] if 0 <= j < x.size else float32(0)\n", RIGHT)
bank.mistake("window_unguarded", "machine", "F3", source="""
from numba import cuda


@cuda.jit
def stencil(x, w, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = w[0] * x[i - 1] + w[1] * x[i] + w[2] * x[i + 1]
""")
bank.mistake("halo_right_last", "machine", "F10 + empty_places", source=f"""
from numba import cuda, float32

BLOCK = {BLOCK}


@cuda.jit
def stencil(x, w, y):
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    tile = cuda.shared.array({BLOCK + 2}, float32)
    n = x.size
    if i < n:
        tile[t + 1] = x[i]
    if t == 0:
        tile[0] = x[i - 1] if i > 0 else float32(0)
    if t == BLOCK - 1 and i + 1 < n:
        tile[BLOCK + 1] = x[i + 1]
    cuda.syncthreads()
    if i < n:
        y[i] = w[0] * tile[t] + w[1] * tile[t + 1] + w[2] * tile[t + 2]
""")
bank.mistake("left_wraps", "machine", "F3 + halo_before", source=f"""
from numba import cuda, float32

BLOCK = {BLOCK}


@cuda.jit
def stencil(x, w, y):
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    s = cuda.shared.array({BLOCK + 2}, float32)
    s[t + 1] = x[i] if i < x.shape[0] else float32(0)
    if t == 0:
        s[0] = x[i - 1]
    elif t == BLOCK - 1:
        s[{BLOCK + 1}] = x[i + 1] if i + 1 < x.shape[0] else float32(0)
    cuda.syncthreads()
    if i < x.shape[0]:
        y[i] = w[0] * s[t] + w[1] * s[t + 1] + w[2] * s[t + 2]
""")
