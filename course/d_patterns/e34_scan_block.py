"""The bank of 34, scan_block."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32

THREADS = 256


@cuda.jit
def scan(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    # begin
    s[t] = x[t] if t < size else float32(0)
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
    if t < size:
        y[t] = s[t]
    # end
""", "a register between")
bank.solution("""
from numba import cuda, float32


@cuda.jit
def scan(x, y, size):
    both = cuda.shared.array((2, 256), float32)
    me = cuda.threadIdx.x
    mine = float32(0)
    if me < size:
        mine = x[me]
    both[0, me] = mine
    for step in range(8):
        cuda.syncthreads()
        before = me - (1 << step)
        if before >= 0:
            mine += both[step % 2, before]
        both[(step + 1) % 2, me] = mine
    if me < size:
        y[me] = mine
""", "two arrays that change places")

FIRST, SECOND = "        cuda.syncthreads()  # all have read\n", "        cuda.syncthreads()  # all have written\n"
bank.mistake("in_place", "machine", "F5 + in_place", "        other = float32(0)\n        if t >= d:\n            other = s[t - d]\n"
             f"{FIRST}        s[t] += other =>         if t >= d:\n            s[t] += s[t - d]")
bank.mistake("first_barrier", "machine", "F5", f"{FIRST} =>")
bank.mistake("second_barrier", "machine", "F4", f"{SECOND} =>")
bank.mistake("no_barrier_after_filling", "machine", "F4", "    cuda.syncthreads()\n    d = 1 =>     d = 1")
bank.mistake("barrier_in_if", "machine", "F9", f"{FIRST} =>     {FIRST}")
bank.mistake("threads_leave", "machine", "F8", "    s[t] = x[t] if t < size else float32(0) => "
             "    if t >= size:\n        return\n    s[t] = x[t]")
bank.mistake("not_zeroed", "machine", "F10", "    s[t] = x[t] if t < size else float32(0) => "
             "    if t < size:\n        s[t] = x[t]")
bank.mistake("no_guard", "machine", "F1", "    s[t] = x[t] if t < size else float32(0) =>     s[t] = x[t]")
bank.mistake("wraps", "machine", "F2 + wraps", "        other = float32(0)\n        if t >= d:\n            other = s[t - d] => "
             "        other = s[t - d]")
bank.mistake("float64", "machine", "F13", "other = float32(0) => other = 0.0")
bank.mistake("exclusive", "values", "exclusive", "y[t] = s[t] => y[t] = s[t - 1] if t > 0 else float32(0)")
bank.mistake("d_first", "values", "d_first", "        other = float32(0) =>         d *= 2\n        other = float32(0)",
             "        d *= 2\n    if t < size =>     if t < size")
bank.mistake("t_above_d", "values", "t_above_d", "t >= d => t > d")
bank.mistake("stops_early", "values", "stops_early", "while d < THREADS: => while d < THREADS // 2:")
bank.mistake("only_neighbours", "values", "only_neighbours", "d *= 2 => d += 1")
bank.mistake("backwards", "values", "backwards", "if t >= d => if t + d < THREADS", "other = s[t - d] => other = s[t + d]")
bank.mistake("adds_to_y", "values", "F18", "y[t] = => y[t] +=")
bank.mistake("three_barriers", "par", "F21f + three_barriers", "        d *= 2 =>         d *= 2\n        cuda.syncthreads()")
bank.mistake("one_adds", "par", "F20 + one_adds", source="""
from numba import cuda, float32


@cuda.jit
def scan(x, y, size):
    total = float32(0)
    if cuda.threadIdx.x == 0:
        for i in range(size):
            total += x[i]
            y[i] = total
""")
bank.mistake("one_barrier", "machine", "F5 + in_place", source="""
from numba import cuda, float32

THREADS = 256


@cuda.jit
def scan(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    s[t] = x[t] if t < size else float32(0)
    cuda.syncthreads()
    d = 1
    while d < THREADS:
        if t >= d:
            s[t] += s[t - d]
        cuda.syncthreads()
        d *= 2
    if t < size:
        y[t] = s[t]
""")
bank.mistake("exclusive_again", "values", "exclusive", source="""
from numba import cuda, float32

THREADS = 256


@cuda.jit
def scan(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    if t < size:
        s[t] = x[t]
    else:
        s[t] = float32(0)
    cuda.syncthreads()
    d = 1
    for _ in range(8):
        v = s[t]
        if t >= d:
            v += s[t - d]
        cuda.syncthreads()
        s[t] = v
        cuda.syncthreads()
        d = d * 2
    if t < size:
        y[t] = s[t - 1] if t > 0 else float32(0)
""")
bank.mistake("steps_from_128_to_2", "values", "d_first", source="""
from numba import cuda, float32

THREADS = 256


@cuda.jit
def scan(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    s[t] = x[t] if t < size else float32(0)
    cuda.syncthreads()
    for d in (128, 64, 32, 16, 8, 4, 2):
        v = s[t - d] if t >= d else float32(0)
        cuda.syncthreads()
        s[t] += v
        cuda.syncthreads()
    if t < size:
        y[t] = s[t]
""")
bank.mistake("as_seen_1", "values", "stops_early", source="""
from numba import cuda, float32

THREADS = 256


@cuda.jit
def scan(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    s[t] = x[t] if t < size else float32(0)
    cuda.syncthreads()
    d = 1
    while d < THREADS // 2:
        v = float32(0)
        if t >= d:
            v = s[t - d]
        cuda.syncthreads()
        if t >= d:
            s[t] += v
        cuda.syncthreads()
        d *= 2
    if t < size:
        y[t] = s[t]
""")
bank.mistake("as_seen_2", "values", "t_above_d", source="""
from numba import cuda, float32

THREADS = 256


@cuda.jit
def scan(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    s[t] = x[t] if t < size else float32(0)
    cuda.syncthreads()
    d = 1
    while d < THREADS:
        v = float32(0)
        if t > d:
            v = s[t - d]
        cuda.syncthreads()
        if t >= d:
            s[t] += v
        cuda.syncthreads()
        d *= 2
    if t < size:
        y[t] = s[t]
""")
bank.mistake("again_gt", "values", "t_above_d", source="""
from numba import cuda, float32

THREADS = 256


@cuda.jit
def scan(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    total = x[t] if t < size else float32(0)
    s[t] = total
    cuda.syncthreads()
    d = 1
    while d < THREADS:
        before = s[t - d] if t > d else float32(0)
        cuda.syncthreads()
        total += before
        s[t] = total
        cuda.syncthreads()
        d *= 2
    if t < size:
        y[t] = total
""")
bank.mistake("again_exclusive", "values", "exclusive", source="""
from numba import cuda, float32

THREADS = 256


@cuda.jit
def scan(x, y, size):
    s = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    total = x[t] if t < size else float32(0)
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
    if t < size:
        y[t] = total - x[t]
""")
