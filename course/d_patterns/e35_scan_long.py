"""The bank of 35, scan_long."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32

THREADS = 64


@cuda.jit
def scan_blocks(x, y, sums):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    # begin
    s[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    d = 1
    while d < THREADS:
        other = float32(0)
        if t >= d:
            other = s[t - d]
        cuda.syncthreads()  # all have read
        s[t] += other
        cuda.syncthreads()  # all have written
        d *= 2
    if i < x.size:
        y[i] = s[t]
    if t == THREADS - 1:
        sums[cuda.blockIdx.x] = s[t]
    # end


@cuda.jit
def add_before(y, before):
    i = cuda.grid(1)
    block = cuda.blockIdx.x
    # begin
    if i < y.size and block > 0:
        y[i] += before[block - 1]
    # end
""", "a register between")
bank.solution("""
from numba import cuda, float32


@cuda.jit
def scan_blocks(x, y, sums):
    both = cuda.shared.array((2, 64), float32)
    me = cuda.threadIdx.x
    i = cuda.blockIdx.x * 64 + me
    mine = float32(0)
    if i < len(x):
        mine = x[i]
    both[0, me] = mine
    for step in range(6):
        cuda.syncthreads()
        if me >= 1 << step:
            mine += both[step % 2, me - (1 << step)]
        both[1 - step % 2, me] = mine
    if i < len(y):
        y[i] = mine
    if me == 63:
        sums[cuda.blockIdx.x] = mine


@cuda.jit
def add_before(y, before):
    i = cuda.grid(1)
    if 64 <= i < len(y):
        y[i] = y[i] + before[i // 64 - 1]
""", "two arrays that change places")

FIRST, SECOND = "        cuda.syncthreads()  # all have read\n", "        cuda.syncthreads()  # all have written\n"
bank.mistake("first_barrier", "machine", "F5", f"{FIRST} =>")
bank.mistake("second_barrier", "machine", "F4", f"{SECOND} =>")
bank.mistake("not_zeroed", "machine", "F10", "    s[t] = x[i] if i < x.size else float32(0) => "
             "    if i < x.size:\n        s[t] = x[i]")
bank.mistake("threads_leave", "machine", "F8", "    s[t] = x[i] if i < x.size else float32(0) => "
             "    if i >= x.size:\n        return\n    s[t] = x[i]")
bank.mistake("all_write_total", "machine", "F6 + one_speaks", "    if t == THREADS - 1:\n        sums[cuda.blockIdx.x] = s[t] => "
             "    sums[cuda.blockIdx.x] = s[t]")
bank.mistake("own_total", "values", "own_total", "if i < y.size and block > 0 => if i < y.size and block > 0 and block < before.size",
             "before[block - 1] => before[block]")
bank.mistake("block_0_too", "values", "block_0_too", "before[block - 1] => before[max(block - 1, 0)]",
             "i < y.size and block > 0 => i < y.size")
bank.mistake("nothing_added", "values", "nothing_added", "y[i] += before[block - 1] => y[i] += float32(0)")
bank.mistake("end_of_y", "values", "end_of_y", "if t == THREADS - 1 => if t == 0")
bank.mistake("d_first", "values", "d_first", "        other = float32(0) =>         d *= 2\n        other = float32(0)",
             "        d *= 2\n    if i < x.size =>     if i < x.size")
bank.mistake("stops_early", "values", "stops_early", "while d < THREADS: => while d < THREADS // 2:")
bank.mistake("three_barriers", "par", "F21f + three_barriers", "        d *= 2 =>         d *= 2\n        cuda.syncthreads()")
bank.mistake("last_block", "values", "last_block", "if t == THREADS - 1 => if t == THREADS - 1 and i < x.size")
bank.mistake("no_guard", "machine", "F1", "if i < y.size and block > 0 => if block > 0")
bank.mistake("barrier_in_if", "machine", "F9", f"{FIRST} =>     {FIRST}")
bank.mistake("own_total_in_all", "values", "own_total", "if i < y.size and block > 0 => if i < y.size", "before[block - 1] => before[block]")
bank.mistake("before_the_first", "machine", "F3 + nothing_before", "if i < y.size and block > 0 => if i < y.size")
bank.mistake("total_of_one", "values", "total_of_one", "sums[cuda.blockIdx.x] = s[t] => sums[cuda.blockIdx.x] = x[i] if i < x.size else float32(0)")
bank.mistake("one_block_before", "values", "one_block_before", "y[i] += before[block - 1] => y[i] += before[block - 1] - (before[block - 2] if block > 1 else float32(0))")
bank.mistake("again_partial_total", "values", "last_block", source="""
from numba import cuda, float32

THREADS = 64


@cuda.jit
def scan_blocks(x, y, sums):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    total = x[i] if i < x.size else float32(0)
    s[t] = total
    cuda.syncthreads()
    d = 1
    while d < THREADS:
        before = s[t - d] if t >= d else float32(0)
        cuda.syncthreads()
        total += before
        s[t] = total
        cuda.syncthreads()
        d *= 2
    if i < x.size:
        y[i] = total
    if t == THREADS - 1 and i < x.size:
        sums[cuda.blockIdx.x] = total


@cuda.jit
def add_before(y, before):
    i = cuda.grid(1)
    block = cuda.blockIdx.x
    if block > 0 and i < y.size:
        y[i] += before[block - 1]
""")
bank.mistake("again_own_total", "values", "own_total", source="""
from numba import cuda, float32

THREADS = 64


@cuda.jit
def scan_blocks(x, y, sums):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    total = x[i] if i < x.size else float32(0)
    s[t] = total
    cuda.syncthreads()
    d = 1
    while d < THREADS:
        before = s[t - d] if t >= d else float32(0)
        cuda.syncthreads()
        total += before
        s[t] = total
        cuda.syncthreads()
        d *= 2
    if i < x.size:
        y[i] = total
    if t == THREADS - 1:
        sums[cuda.blockIdx.x] = total


@cuda.jit
def add_before(y, before):
    i = cuda.grid(1)
    block = cuda.blockIdx.x
    if i < y.size:
        y[i] += before[block]
""")
