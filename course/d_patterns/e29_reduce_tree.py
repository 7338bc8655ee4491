"""The bank of 29, reduce_tree."""

from minidl.course import Bank, constant

THREADS = constant("THREADS")
H, LEVELS = THREADS // 2, THREADS.bit_length() - 1

bank = Bank()
bank.solution(f"""
from numba import cuda, float32

THREADS = {THREADS}


@cuda.jit
def row_sums(x, y):
    s = cuda.shared.array(THREADS, float32)
    row = cuda.blockIdx.x
    t = cuda.threadIdx.x
    # begin
    total = float32(0)
    for col in range(t, x.shape[1], THREADS):
        total += x[row, col]
    s[t] = total
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()  # a level is finished
        half //= 2
    if t == 0:
        y[row] = s[0]
    # end
""", "a tree that halves")
bank.solution(f"""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    partial = cuda.shared.array({THREADS}, float32)
    me = cuda.threadIdx.x
    mine = float32(0)
    col = me
    while col < x.shape[1]:
        mine += x[cuda.blockIdx.x, col]
        col += {THREADS}
    partial[me] = mine
    for level in range({LEVELS}):
        cuda.syncthreads()
        others = {H} >> level
        if me < others:
            mine += partial[me + others]
            partial[me] = mine
    if me == 0:
        y[cuda.blockIdx.x] = mine
""", "the sum in a register, waiting first")

bank.mistake("no_barrier_in_loop", "machine", "F4", "        cuda.syncthreads()  # a level is finished\n =>")
bank.mistake("no_barrier_after_filling", "machine", "F4", "    cuda.syncthreads()\n    half => \n    half")
bank.mistake("barrier_in_if", "machine", "F9", "        cuda.syncthreads()  # a level => "
             "            cuda.syncthreads()  # a level")
bank.mistake("threads_leave", "machine", "F8", "        if t < half:\n            s[t] += s[t + half] => "
             "        if t >= half:\n            return\n        s[t] += s[t + half]")
bank.mistake("all_write", "machine", "F6 + one_speaks", "    if t == 0:\n        y[row] = s[0] => "
             "    y[row] = s[0]")
bank.mistake("all_add", "machine", "F7 + all_add", "    if t == 0:\n        y[row] = s[0] => "
             "    y[row] += s[t]")
bank.mistake("first_128", "values", "first_128", "    for col in range(t, x.shape[1], THREADS):\n        total += x[row, col] => "
             "    if t < x.shape[1]:\n        total = x[row, t]")
bank.mistake("not_filled", "machine", "F10", "    total = float32(0)\n    for col in range(t, x.shape[1], THREADS):\n"
             "        total += x[row, col]\n    s[t] = total => "
             "    total = float32(0)\n    for col in range(t, x.shape[1], THREADS):\n"
             "        total += x[row, col]\n        s[t] = total")
bank.mistake("too_long", "machine", "F2", "s[t + half] => s[t + 2 * half]")
bank.mistake("float64", "machine", "F13", "total = float32(0) => total = 0.0")
bank.mistake("half_from_32", "values", "half_from_32", f"THREADS // 2 => {H // 2}")
bank.mistake("stops_early", "values", "stops_early", "while half > 0 => while half > 1")
bank.mistake("walk_by_one", "values", "walk_by_one", "range(t, x.shape[1], THREADS) => range(t, x.shape[1])")
bank.mistake("first_is_lost", "values", "first_is_lost", "range(t, x.shape[1], THREADS) => range(t + THREADS, x.shape[1], THREADS)")
bank.mistake("adds_to_y", "values", "F18", "y[row] = => y[row] +=")
bank.mistake("scattered", "par", "F21f + scattered", "half = THREADS // 2 => half = 1", "while half > 0 => while half < THREADS",
             "if t < half => if t % (2 * half) == 0", "half //= 2 => half *= 2")
bank.mistake("one_adds", "par", "F21f + one_adds", source=f"""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    s = cuda.shared.array({THREADS}, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for col in range(t, x.shape[1], {THREADS}):
        total += x[row, col]
    s[t] = total
    cuda.syncthreads()
    if t == 0:
        total = float32(0)
        for k in range({THREADS}):
            total += s[k]
        y[row] = total
""")
bank.mistake("two_barriers", "par", "F21f + two_barriers", "        half //= 2 => "
             "        half //= 2\n        cuda.syncthreads()")
bank.mistake("no_level_barrier", "machine", "F4", source=f"""
from numba import cuda, float32

THREADS = {THREADS}


@cuda.jit
def row_sums(x, y):
    s = cuda.shared.array(THREADS, float32)
    row = cuda.blockIdx.x
    t = cuda.threadIdx.x
    mine = float32(0)
    for c in range(t, x.shape[1], THREADS):
        mine += x[row, c]
    s[t] = mine
    cuda.syncthreads()
    half = THREADS // 2
    while half >= 1:
        if t < half:
            s[t] += s[t + half]
        half //= 2
    cuda.syncthreads()
    if t == 0:
        y[row] = s[0]
""")
bank.mistake("stops_at_two", "values", "stops_early", source=f"""
from numba import cuda, float32

THREADS = {THREADS}


@cuda.jit
def row_sums(x, y):
    s = cuda.shared.array(THREADS, float32)
    row = cuda.blockIdx.x
    t = cuda.threadIdx.x
    acc = float32(0)
    c = t
    while c < x.shape[1]:
        acc += x[row, c]
        c += THREADS
    s[t] = acc
    cuda.syncthreads()
    half = {H}
    while half > 1:
        if t < half:
            s[t] = s[t] + s[t + half]
        cuda.syncthreads()
        half = half // 2
    if t == 0:
        y[row] = s[0]
""")
bank.mistake("down_the_column", "machine", "F2 + down_the_column", source=f"""
from numba import cuda, float32

THREADS = {THREADS}


@cuda.jit
def row_sums(x, y):
    s = cuda.shared.array(THREADS, float32)
    row = cuda.blockIdx.x
    t = cuda.threadIdx.x
    total = float32(0)
    for c in range(t, x.shape[0], THREADS):
        total += x[c, row]
    s[t] = total
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        y[row] = s[0]
""")
