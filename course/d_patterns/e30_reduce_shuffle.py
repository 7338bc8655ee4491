"""The bank of 30, reduce_shuffle."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row = cuda.blockIdx.x
    lane = cuda.threadIdx.x
    # begin
    total = float32(0)
    for col in range(lane, x.shape[1], 32):
        total += x[row, col]
    distance = 16
    while distance > 0:
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, distance)
        distance //= 2
    if lane == 0:
        y[row] = total
    # end
""", "down, lane 0 writes")
bank.solution("""
from numba import cuda, float32

ALL = 0xFFFFFFFF


@cuda.jit
def row_sums(x, y):
    mine = float32(0)
    col = cuda.threadIdx.x
    while col < x.shape[1]:
        mine += x[cuda.blockIdx.x, col]
        col += 32
    mine += cuda.shfl_xor_sync(ALL, mine, 1)
    mine += cuda.shfl_xor_sync(ALL, mine, 2)
    mine += cuda.shfl_xor_sync(ALL, mine, 4)
    mine += cuda.shfl_xor_sync(ALL, mine, 8)
    mine += cuda.shfl_xor_sync(ALL, mine, 16)
    if cuda.threadIdx.x == 31:
        y[cuda.blockIdx.x] = mine
""", "a butterfly: all lanes have the sum")

bank.solution("""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row, lane, cols = cuda.blockIdx.x, cuda.threadIdx.x, x.shape[1]
    total = float32(0)
    col = lane - row * cols % 8  # a sector holds 8: begin where one begins
    while col < cols:
        if col >= 0:
            total += x[row, col]
        col += 32
    distance = 1
    while distance < 32:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, distance)
        distance *= 2
    if lane == 0:
        y[row] = total
""", "from the beginning of a sector")

SHUFFLE = "        total += cuda.shfl_down_sync(0xFFFFFFFF, total, distance)\n"
bank.mistake("shuffle_in_if", "machine", "F14", f"{SHUFFLE} =>         if lane < distance:\n    {SHUFFLE}")
bank.mistake("half_mask", "machine", "F15 + half_the_warp", "0xFFFFFFFF => 0xFFFF")
bank.mistake("shuffle_in_walk", "machine", "F14", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    if lane < x.shape[1]:
        total = float32(0)
        for col in range(lane, x.shape[1], 32):
            total += x[row, col]
        for distance in (16, 8, 4, 2, 1):
            total += cuda.shfl_down_sync(0xFFFFFFFF, total, distance)
        if lane == 0:
            y[row] = total
""")
bank.mistake("everyone_writes", "machine", "F6 + everyone_writes", "    if lane == 0:\n        y[row] = total =>     y[row] = total")
bank.mistake("everyone_adds", "machine", "F7 + everyone_writes", "    if lane == 0:\n        y[row] = total =>     y[row] += total")
bank.mistake("float64", "machine", "F13", "total = float32(0) => total = 0.0")
bank.mistake("lane_31", "values", "lane_31", "if lane == 0 => if lane == 31")
bank.mistake("up_by_habit", "values", "up_by_habit", "shfl_down_sync => shfl_up_sync")
bank.mistake("from_8", "values", "from_8", "distance = 16 => distance = 8")
bank.mistake("stops_at_2", "values", "stops_at_2", "while distance > 0 => while distance > 1")
bank.mistake("replaces", "values", "replaces", "total += cuda => total = cuda")
bank.mistake("from_first", "values", "from_first", "    distance = 16 =>     first = total\n    distance = 16",
             "0xFFFFFFFF, total => 0xFFFFFFFF, first")
bank.mistake("first_32", "values", "first_32", "    for col in range(lane, x.shape[1], 32):\n        total += x[row, col] => "
             "    if lane < x.shape[1]:\n        total = x[row, lane]")
bank.mistake("adds_to_y", "values", "F18", "y[row] = => y[row] +=")
bank.mistake("through_shared", "par", "F21f + through_shared", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    s = cuda.shared.array(32, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for col in range(t, x.shape[1], 32):
        total += x[row, col]
    s[t] = total
    half = 16
    while half > 0:
        cuda.syncthreads()
        if t < half:
            s[t] += s[t + half]
        half //= 2
    if t == 0:
        y[row] = s[0]
""")
bank.mistake("shuffle_each_turn", "par", "F21f + shuffle_each_turn", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for start in range(0, x.shape[1], 32):
        part = float32(0)
        if start + lane < x.shape[1]:
            part = x[row, start + lane]
        distance = 16
        while distance > 0:
            part += cuda.shfl_down_sync(0xFFFFFFFF, part, distance)
            distance //= 2
        total += part
    if lane == 0:
        y[row] = total
""")
bank.mistake("added_in_y", "par", "F21f + added_in_y", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for col in range(lane, x.shape[1], 32):
        total += x[row, col]
    if lane == 0:
        y[row] = float32(0)
    cuda.syncwarp()
    cuda.atomic.add(y, row, total)
""")
bank.mistake("shuffle_overwrites", "values", "replaces", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row = cuda.blockIdx.x
    lane = cuda.threadIdx.x
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += x[row, c]
    for d in (16, 8, 4, 2, 1):
        total = cuda.shfl_down_sync(0xFFFFFFFF, total, d)
    if lane == 0:
        y[row] = total
""")
bank.mistake("all_lanes_write", "machine", "F6 + everyone_writes", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row = cuda.blockIdx.x
    lane = cuda.threadIdx.x
    acc = float32(0)
    i = lane
    while i < x.shape[1]:
        acc += x[row, i]
        i += 32
    step = 16
    while step > 0:
        acc += cuda.shfl_down_sync(0xFFFFFFFF, acc, step)
        step //= 2
    y[row] = acc
""")
bank.mistake("guarded_shuffle", "machine", "F14", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row = cuda.blockIdx.x
    lane = cuda.threadIdx.x
    if lane >= x.shape[1]:
        return
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += x[row, c]
    for d in (16, 8, 4, 2, 1):
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, d)
    if lane == 0:
        y[row] = total
""")
bank.mistake("as_seen_1", "machine", "F6 + everyone_writes", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row = cuda.blockIdx.x
    lane = cuda.threadIdx.x
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += x[row, c]
    d = 16
    while d > 0:
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, d)
        d //= 2
    if lane < 32:
        y[row] = total
""")
bank.mistake("as_seen_2", "machine", "F14", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row = cuda.blockIdx.x
    lane = cuda.threadIdx.x
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += x[row, c]
    d = 16
    while d > 0 and lane < x.shape[1]:
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, d)
        d //= 2
    if lane == 0:
        y[row] = total
""")
bank.mistake("again_last_step", "values", "stops_at_2", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row = cuda.blockIdx.x
    lane = cuda.threadIdx.x
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += x[row, c]
    step = 16
    while step > 1:
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, step)
        step //= 2
    if lane == 0:
        y[row] = total
""")
bank.mistake("again_every_lane", "machine", "F6 + everyone_writes", source="""
from numba import cuda, float32


@cuda.jit
def row_sums(x, y):
    row = cuda.blockIdx.x
    lane = cuda.threadIdx.x
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += x[row, c]
    step = 16
    while step > 0:
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, step)
        step //= 2
    y[row] = total
""")
