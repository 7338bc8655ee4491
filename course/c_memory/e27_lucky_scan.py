"""The bank of 27, lucky_scan."""

from minidl.course import Bank

bank = Bank()
STARTER = """
from numba import cuda, float32

THREADS = 128


@cuda.jit
def row_scan(x, y):
    s = cuda.shared.array(THREADS, float32)
    r, t = cuda.blockIdx.x, cuda.threadIdx.x
    s[t] = x[r, t] if t < x.shape[1] else float32(0)
    cuda.syncthreads()
    d = 1
    while d < THREADS:
        if t >= d:
            s[t] += s[t - d]
        d *= 2
    if t < x.shape[1]:
        y[r, t] = s[t]
"""
STEP = "        if t >= d:\n            s[t] += s[t - d]\n"
WAIT = "        cuda.syncthreads()\n"
READ = "        other = s[t - d] if t >= d else float32(0)\n"
bank.solution(STARTER.replace(STEP, READ + WAIT + "        s[t] += other\n" + WAIT), "a variable and two barriers")
bank.solution("""
from numba import cuda, float32

THREADS = 128


@cuda.jit
def row_scan(x, y):
    s = cuda.shared.array((2, THREADS), float32)
    r, t = cuda.blockIdx.x, cuda.threadIdx.x
    s[0, t] = x[r, t] if t < x.shape[1] else float32(0)
    now = 0
    d = 1
    while d < THREADS:
        cuda.syncthreads()
        s[1 - now, t] = s[now, t] + (s[now, t - d] if t >= d else float32(0))
        now = 1 - now
        d *= 2
    if t < x.shape[1]:
        y[r, t] = s[now, t]
""", "two arrays that change places")
bank.starter_is(STARTER)

bank.mistake("comment_alone", "machine", "F5 + only_luck", source="# All numbers are right.\n" + STARTER)
bank.mistake("barrier_after", "machine", "F5 + one_barrier", source=STARTER.replace(STEP, STEP + WAIT))
bank.mistake("barrier_before", "machine", "F5 + one_barrier", source=STARTER.replace(STEP, WAIT + STEP))
bank.mistake("read_early", "machine", "F4 + read_early", "        s[t] += other\n        cuda.syncthreads()\n =>         s[t] += other\n")
bank.mistake("no_wait_between", "machine", "F5 + no_wait_between", f"{READ}{WAIT} => {READ}")
bank.mistake("no_wait_at_all", "machine", "F5 + no_wait_between", source=STARTER.replace(STEP, READ + "        s[t] += other\n"))
bank.mistake("warp_only", "machine", "F5 + warp_only", source=STARTER.replace(STEP, READ + "        cuda.syncwarp()\n        s[t] += other\n        cuda.syncwarp()\n"))
bank.mistake("in_the_branch", "machine", "F9 + in_the_branch", source=STARTER.replace(
    STEP, "        if t >= d:\n            other = s[t - d]\n            cuda.syncthreads()\n            s[t] += other\n            cuda.syncthreads()\n"))
bank.mistake("no_first_barrier", "machine", "F4", "    cuda.syncthreads()\n    d = 1 =>     d = 1")
bank.mistake("threads_leave", "machine", "F8", "    s[t] = x[r, t] if t < x.shape[1] else float32(0) => "
             "    if t >= x.shape[1]:\n        return\n    s[t] = x[r, t]")
bank.mistake("wraps", "machine", "F2", "        other = s[t - d] if t >= d else float32(0) =>         other = s[t - d]")
bank.mistake("first_numbers", "values", "first_numbers", "s[1 - now, t] = s[now, t] + (s[now, t - d] => s[1, t] = s[now, t] + (s[0, t - d]",
             "        now = 1 - now\n =>         now = 1\n", of=1)
bank.mistake("last_step_lost", "values", "last_step_lost", "y[r, t] = s[now, t] => y[r, t] = s[0, t]", of=1)
bank.mistake("below_d_lost", "machine", "F10 + below_d_lost",
             "        s[1 - now, t] = s[now, t] + (s[now, t - d] if t >= d else float32(0))\n => "
             "        if t >= d:\n            s[1 - now, t] = s[now, t] + s[now, t - d]\n", of=1)
bank.mistake("adds_twice", "values", "adds_twice", "other = s[t - d] if t >= d else => other = s[t] + s[t - d] if t >= d else")
bank.mistake("one_adds", "par", "F20 + one_adds", source="""
from numba import cuda, float32

THREADS = 128


@cuda.jit
def row_scan(x, y):
    r, t = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    if t == 0:
        for i in range(x.shape[1]):
            total += x[r, i]
            y[r, i] = total
""")
bank.mistake("three_barriers", "par", "F21f + three_barriers", "        d *= 2 =>         cuda.syncthreads()\n        d *= 2")
bank.mistake("atomic", "machine", "F5 + atomic", source=STARTER.replace("s[t] += s[t - d]", "cuda.atomic.add(s, t, s[t - d])").replace("        d *= 2\n", "        cuda.syncthreads()\n        d *= 2\n"))
bank.mistake("as_seen_1", "machine", "F4 + read_early", source="""
from numba import cuda, float32

THREADS = 128


@cuda.jit
def row_scan(x, y):
    s = cuda.shared.array(THREADS, float32)
    r, t = cuda.blockIdx.x, cuda.threadIdx.x
    s[t] = x[r, t] if t < x.shape[1] else float32(0)
    cuda.syncthreads()
    d = 1
    while d < THREADS:
        v = s[t - d] if t >= d else float32(0)
        cuda.syncthreads()  # read
        s[t] += v
        d *= 2
    if t < x.shape[1]:
        y[r, t] = s[t]
""")
bank.mistake("as_seen_2", "machine", "F9", source="""
from numba import cuda, float32

THREADS = 128


@cuda.jit
def row_scan(x, y):
    s = cuda.shared.array(THREADS, float32)
    r, t = cuda.blockIdx.x, cuda.threadIdx.x
    s[t] = x[r, t] if t < x.shape[1] else float32(0)
    cuda.syncthreads()
    d = 1
    while d < THREADS:
        v = s[t - d] if t >= d else float32(0)
        cuda.syncthreads()  # read
        if t >= d:
            s[t] += v
            cuda.syncthreads()
        d *= 2
    if t < x.shape[1]:
        y[r, t] = s[t]
""")
bank.mistake("again_one_barrier", "machine", "F5 + one_barrier", source="""
from numba import cuda, float32

THREADS = 128


@cuda.jit
def row_scan(x, y):
    s = cuda.shared.array(THREADS, float32)
    r, t = cuda.blockIdx.x, cuda.threadIdx.x
    s[t] = x[r, t] if t < x.shape[1] else float32(0)
    cuda.syncthreads()
    d = 1
    while d < THREADS:
        if t >= d:
            s[t] += s[t - d]
        cuda.syncthreads()
        d *= 2
    if t < x.shape[1]:
        y[r, t] = s[t]
""")
