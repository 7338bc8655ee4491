"""The bank of 33, histogram."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, int32

THREADS = 64


@cuda.jit
def histogram(values, bins, counts):
    mine = cuda.shared.array(128, int32)  # the block's counts
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    # begin
    for b in range(t, bins, THREADS):
        mine[b] = 0
    cuda.syncthreads()
    if i < values.size:
        v = values[i]
        if v >= 0 and v < bins:
            cuda.atomic.add(mine, v, 1)
    cuda.syncthreads()  # all have counted
    for b in range(t, bins, THREADS):
        if mine[b] > 0:
            cuda.atomic.add(counts, b, mine[b])
    # end
""", "three parts, two barriers")
bank.solution("""
from numba import cuda, int32


@cuda.jit
def histogram(values, bins, counts):
    local = cuda.shared.array(128, int32)
    me = cuda.threadIdx.x
    local[me] = 0
    local[me + 64] = 0
    cuda.syncthreads()
    first = cuda.blockIdx.x * cuda.blockDim.x + me
    for k in range(first, len(values), cuda.gridDim.x * cuda.blockDim.x):
        if 0 <= values[k] < bins:
            cuda.atomic.add(local, values[k], 1)
    cuda.syncthreads()
    bin = me
    while bin < bins:
        if local[bin] != 0:
            cuda.atomic.add(counts, bin, local[bin])
        bin += 64
""", "all 128 places cleared, a grid-stride loop")

bank.solution("""
from numba import cuda, int32


@cuda.jit
def histogram(values, bins, counts):
    mine = cuda.shared.array(128, int32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    mine[t] = 0
    mine[t + 64] = 0
    cuda.syncthreads()
    v = int32(-1)
    if i < values.size and values[i] < bins:
        v = values[i]
    same = cuda.match_any_sync(0xFFFFFFFF, v)  # the lanes that have this value too
    first = cuda.ffs(same) - 1
    if v >= 0 and t % 32 == first:
        cuda.atomic.add(mine, v, cuda.popc(same))
    cuda.syncthreads()
    for b in range(t, bins, 64):
        if mine[b] > 0:
            cuda.atomic.add(counts, b, mine[b])
""", "one lane adds for all of its value")

bank.mistake("plain_add", "machine", "F7 + lost", source="""
from numba import cuda


@cuda.jit
def histogram(values, bins, counts):
    i = cuda.grid(1)
    if i < values.size:
        v = values[i]
        if v >= 0 and v < bins:
            counts[v] += 1
""")
bank.mistake("plain_add_shared", "machine", "F5 + lost", "cuda.atomic.add(mine, v, 1) => mine[v] += 1")
bank.mistake("plain_merge", "machine", "F7 + lost_merge", "cuda.atomic.add(counts, b, mine[b]) => counts[b] += mine[b]")
bank.mistake("not_zeroed", "machine", "F10", "    for b in range(t, bins, THREADS):\n        mine[b] = 0\n =>")
bank.mistake("no_barrier_after_zero", "machine", "F6s + cleared_late", "        mine[b] = 0\n    cuda.syncthreads()\n =>         mine[b] = 0\n")
bank.mistake("no_barrier_before_merge", "machine", "F4", "    cuda.syncthreads()  # all have counted\n =>")
bank.mistake("barrier_in_if", "machine", "F9", "    cuda.syncthreads()  # all have counted =>         cuda.syncthreads()")
bank.mistake("threads_leave", "machine", "F8", "    for b in range(t, bins, THREADS):\n        mine[b] = 0 => "
             "    if i >= values.size:\n        return\n    for b in range(t, bins, THREADS):\n        mine[b] = 0")
bank.mistake("zero_64", "machine", "F10 + loop_zero", "    for b in range(t, bins, THREADS):\n        mine[b] = 0 => "
             "    if t < bins:\n        mine[t] = 0")
bank.mistake("merge_64", "values", "loop_merge", "    for b in range(t, bins, THREADS):\n        if mine[b] > 0:\n"
             "            cuda.atomic.add(counts, b, mine[b]) => "
             "    if t < bins:\n        cuda.atomic.add(counts, t, mine[t])")
bank.mistake("no_guard", "machine", "F1", "if i < values.size: => if True:")
bank.mistake("below_zero", "machine", "F1n + below_zero", "v >= 0 and v < bins => v < bins")
bank.mistake("above", "machine", "F10 + above", "v >= 0 and v < bins => v >= 0 and v <= bins")
bank.mistake("clamped", "values", "clamped", "        if v >= 0 and v < bins:\n            cuda.atomic.add(mine, v, 1) => "
             "        cuda.atomic.add(mine, min(max(v, 0), bins - 1), 1)")
bank.mistake("zero_left_out", "values", "zero_left_out", "v >= 0 and => v > 0 and")
bank.mistake("weights", "values", "weights", "cuda.atomic.add(mine, v, 1) => cuda.atomic.add(mine, v, v)")
bank.mistake("all_merge", "values", "all_merge", "    for b in range(t, bins, THREADS):\n        if mine[b] > 0 => "
             "    for b in range(bins):\n        if mine[b] > 0")
bank.mistake("last_block_only", "machine", "F6 + last_block_only", "cuda.atomic.add(counts, b, mine[b]) => counts[b] = mine[b]")
bank.mistake("merges_nothing", "par", "F21f + merges_nothing", "        if mine[b] > 0:\n            cuda.atomic.add(counts, b, mine[b]) => "
             "        cuda.atomic.add(counts, b, mine[b])")
bank.mistake("first_64_bins", "machine", "F10 + loop_zero", source="""
from numba import cuda, int32

THREADS = 64


@cuda.jit
def histogram(values, bins, counts):
    mine = cuda.shared.array(128, int32)  # the block's counts
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    if t < bins:
        mine[t] = 0
    cuda.syncthreads()
    if i < values.size:
        v = values[i]
        if 0 <= v < bins:
            cuda.atomic.add(mine, v, 1)
    cuda.syncthreads()
    if t < bins and mine[t] > 0:
        cuda.atomic.add(counts, t, mine[t])
""")
bank.mistake("leaves_before_adding", "machine", "F8", source="""
from numba import cuda, int32

THREADS = 64


@cuda.jit
def histogram(values, bins, counts):
    mine = cuda.shared.array(128, int32)  # the block's counts
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    for b in range(t, bins, THREADS):
        mine[b] = 0
    cuda.syncthreads()
    if i >= values.size:
        return
    v = values[i]
    if v >= 0 and v < bins:
        cuda.atomic.add(mine, v, 1)
    cuda.syncthreads()
    for b in range(t, bins, THREADS):
        if mine[b]:
            cuda.atomic.add(counts, b, mine[b])
""")
bank.mistake("no_zeroing", "machine", "F10", source="""
from numba import cuda, int32

THREADS = 64


@cuda.jit
def histogram(values, bins, counts):
    mine = cuda.shared.array(128, int32)  # the block's counts
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    if i < values.size and 0 <= values[i] < bins:
        cuda.atomic.add(mine, values[i], 1)
    cuda.syncthreads()
    b = t
    while b < bins:
        if mine[b] > 0:
            cuda.atomic.add(counts, b, mine[b])
        b += THREADS
""")
bank.mistake("le_bins", "machine", "F1 + above", source="""
from numba import cuda, int32

THREADS = 64


@cuda.jit
def histogram(values, bins, counts):
    mine = cuda.shared.array(128, int32)  # the block's counts
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    for b in range(t, 128, THREADS):
        mine[b] = 0
    cuda.syncthreads()
    if i < values.size:
        v = values[i]
        if v >= 0 and v <= bins:
            cuda.atomic.add(mine, v, 1)
    cuda.syncthreads()
    for b in range(t, bins, THREADS):
        if mine[b] > 0:
            cuda.atomic.add(counts, b, mine[b])
""")
bank.mistake("as_seen_1", "machine", "F10 + loop_zero", source="""
from numba import cuda, int32

THREADS = 64


@cuda.jit
def histogram(values, bins, counts):
    mine = cuda.shared.array(128, int32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    if t < bins:
        mine[t] = 0
    cuda.syncthreads()
    if i < values.size:
        v = values[i]
        if v >= 0 and v < bins:
            cuda.atomic.add(mine, v, 1)
    cuda.syncthreads()
    for b in range(t, bins, THREADS):
        if mine[b] > 0:
            cuda.atomic.add(counts, b, mine[b])
""")
bank.mistake("as_seen_2", "machine", "F10 + above", source="""
from numba import cuda, int32

THREADS = 64


@cuda.jit
def histogram(values, bins, counts):
    mine = cuda.shared.array(128, int32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    for b in range(t, bins, THREADS):
        mine[b] = 0
    cuda.syncthreads()
    if i < values.size:
        v = values[i]
        if v >= 0 and v <= bins:
            cuda.atomic.add(mine, v, 1)
    cuda.syncthreads()
    for b in range(t, bins, THREADS):
        if mine[b] > 0:
            cuda.atomic.add(counts, b, mine[b])
""")
bank.mistake("again_zero64", "machine", "F10 + loop_zero", source="""
from numba import cuda, int32

THREADS = 64


@cuda.jit
def histogram(values, bins, counts):
    mine = cuda.shared.array(128, int32)  # the block's counts
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    mine[t] = 0
    cuda.syncthreads()
    if i < values.size:
        v = values[i]
        if 0 <= v and v < bins:
            cuda.atomic.add(mine, v, 1)
    cuda.syncthreads()
    for b in range(t, bins, THREADS):
        if mine[b] > 0:
            cuda.atomic.add(counts, b, mine[b])
""")
bank.mistake("again_le", "machine", "F10 + above", source="""
from numba import cuda, int32

THREADS = 64


@cuda.jit
def histogram(values, bins, counts):
    mine = cuda.shared.array(128, int32)  # the block's counts
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    for b in range(t, bins, THREADS):
        mine[b] = 0
    cuda.syncthreads()
    if i < values.size:
        v = values[i]
        if 0 <= v and v <= bins:
            cuda.atomic.add(mine, v, 1)
    cuda.syncthreads()
    for b in range(t, bins, THREADS):
        if mine[b] > 0:
            cuda.atomic.add(counts, b, mine[b])
""")
