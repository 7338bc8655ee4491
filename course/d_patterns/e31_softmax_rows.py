"""The bank of 31, softmax_rows."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import math

from numba import cuda, float32


@cuda.jit
def softmax(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    # begin
    largest = float32(-math.inf)
    for col in range(lane, x.shape[1], 32):
        largest = max(largest, x[row, col])
    distance = 16
    while distance > 0:
        largest = max(largest, cuda.shfl_xor_sync(0xFFFFFFFF, largest, distance))
        distance //= 2
    total = float32(0)
    for col in range(lane, x.shape[1], 32):
        total += math.exp(x[row, col] - largest)
    distance = 16
    while distance > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, distance)
        distance //= 2
    for col in range(lane, x.shape[1], 32):
        y[row, col] = math.exp(x[row, col] - largest) / total
    # end
""", "three walks, butterflies")
bank.solution("""
import math

from numba import cuda, float32

ALL = 0xFFFFFFFF


@cuda.jit
def softmax(x, y):
    r = cuda.blockIdx.x
    m = x[r, 0]
    c = cuda.threadIdx.x
    while c < x.shape[1]:
        if x[r, c] > m:
            m = x[r, c]
        c += 32
    for step in range(5):
        other = cuda.shfl_down_sync(ALL, m, 16 >> step)
        if other > m:
            m = other
    m = cuda.shfl_sync(ALL, m, 0)
    s = float32(0)
    c = cuda.threadIdx.x
    while c < x.shape[1]:
        y[r, c] = math.exp(x[r, c] - m)
        s += y[r, c]
        c += 32
    for step in range(5):
        s += cuda.shfl_xor_sync(ALL, s, 1 << step)
    c = cuda.threadIdx.x
    while c < x.shape[1]:
        y[r, c] = y[r, c] / s
        c += 32
""", "begins with the first value, keeps the exps in y")

MAX = "        largest = max(largest, cuda.shfl_xor_sync(0xFFFFFFFF, largest, distance))\n"
SUM = "        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, distance)\n"
bank.mistake("no_max", "values", "no_max", "total += math.exp(x[row, col] - largest) => total += math.exp(x[row, col])",
             "= math.exp(x[row, col] - largest) / total => = math.exp(x[row, col]) / total")
bank.mistake("max_from_0", "values", "max_from_0", "float32(-math.inf) => float32(0)")
bank.mistake("numerator_without_max", "values", "numerator_without_max",
             "= math.exp(x[row, col] - largest) / total => = math.exp(x[row, col]) / total")
bank.mistake("sum_without_max", "values", "sum_without_max",
             "total += math.exp(x[row, col] - largest) => total += math.exp(x[row, col])")
bank.mistake("no_division", "values", "no_division", "largest) / total => largest)")
bank.mistake("first_term_skipped", "values", "first_term_skipped",
             "    for col in range(lane, x.shape[1], 32):\n        total => "
             "    for col in range(lane + 32, x.shape[1], 32):\n        total")
bank.mistake("own_max", "values", "own_max", f"    distance = 16\n    while distance > 0:\n{MAX}        distance //= 2\n =>")
bank.mistake("own_sum", "values", "own_sum", f"    distance = 16\n    while distance > 0:\n{SUM}        distance //= 2\n =>")
bank.mistake("lane_0_only", "values", "lane_0_only", "total += cuda.shfl_xor_sync => total += cuda.shfl_down_sync")
bank.mistake("only_first_32", "values", "only_first_32",
             "    for col in range(lane, x.shape[1], 32):\n        largest => "
             "    for col in range(lane, min(32, x.shape[1]), 32):\n        largest",
             "    for col in range(lane, x.shape[1], 32):\n        total => "
             "    for col in range(lane, min(32, x.shape[1]), 32):\n        total")
bank.mistake("log_softmax", "values", "log_softmax",
             "math.exp(x[row, col] - largest) / total => x[row, col] - largest - math.log(total)")
bank.mistake("min_taken", "values", "min_taken", "float32(-math.inf) => float32(math.inf)",
             "max(largest, x[row, col]) => min(largest, x[row, col])",
             "max(largest, cuda => min(largest, cuda")
bank.mistake("writes_32", "machine", "F11", "    for col in range(lane, x.shape[1], 32):\n        y => "
             "    for col in range(lane, min(32, x.shape[1]), 32):\n        y")
bank.mistake("no_guard", "machine", "F1", "    for col in range(lane, x.shape[1], 32):\n        total => "
             "    for col in range(lane, x.shape[1] + lane, 32):\n        total")
bank.mistake("shuffle_in_if", "machine", "F14", f"{SUM} =>         if lane < distance:\n    {SUM}")
bank.mistake("half_mask", "machine", "F15", "0xFFFFFFFF, total => 0xFFFF, total")
bank.mistake("float64", "machine", "F13", "total = float32(0) => total = 0.0")
bank.mistake("in_place", "values", "F17", "        total += math.exp(x[row, col] - largest) => "
             "        x[row, col] -= largest\n        total += math.exp(x[row, col])",
             "= math.exp(x[row, col] - largest) / total => = math.exp(x[row, col]) / total")
bank.mistake("one_lane", "par", "F21 + one_lane", source="""
import math

from numba import cuda, float32


@cuda.jit
def softmax(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    largest = x[row, 0]
    for col in range(x.shape[1]):
        largest = max(largest, x[row, col])
    total = float32(0)
    for col in range(x.shape[1]):
        total += math.exp(x[row, col] - largest)
    for col in range(lane, x.shape[1], 32):
        y[row, col] = math.exp(x[row, col] - largest) / total
""")
bank.mistake("through_shared", "par", "F21f + through_shared", source="""
import math

from numba import cuda, float32


@cuda.jit
def softmax(x, y):
    s = cuda.shared.array(32, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    largest = x[row, 0]
    for col in range(t, x.shape[1], 32):
        largest = max(largest, x[row, col])
    s[t] = largest
    cuda.syncthreads()
    for k in range(32):
        largest = max(largest, s[k])
    cuda.syncthreads()
    total = float32(0)
    for col in range(t, x.shape[1], 32):
        total += math.exp(x[row, col] - largest)
    s[t] = total
    cuda.syncthreads()
    total = float32(0)
    for k in range(32):
        total += s[k]
    for col in range(t, x.shape[1], 32):
        y[row, col] = math.exp(x[row, col] - largest) / total
""")
bank.mistake("max_from_zero", "values", "max_from_0", source="""
import math

from numba import cuda, float32


@cuda.jit
def softmax(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    n = x.shape[1]
    big = float32(0)
    for c in range(lane, n, 32):
        big = max(big, x[row, c])
    for d in (16, 8, 4, 2, 1):
        big = max(big, cuda.shfl_xor_sync(0xFFFFFFFF, big, d))
    total = float32(0)
    for c in range(lane, n, 32):
        total += math.exp(x[row, c] - big)
    for d in (16, 8, 4, 2, 1):
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, d)
    for c in range(lane, n, 32):
        y[row, c] = math.exp(x[row, c] - big) / total
""")
bank.mistake("shfl_down_sum", "values", "lane_0_only", source="""
import math

from numba import cuda, float32


@cuda.jit
def softmax(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-math.inf)
    for c in range(lane, x.shape[1], 32):
        m = max(m, x[row, c])
    d = 16
    while d > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, d))
        d //= 2
    s = float32(0)
    for c in range(lane, x.shape[1], 32):
        s += math.exp(x[row, c] - m)
    d = 16
    while d > 0:
        s += cuda.shfl_down_sync(0xFFFFFFFF, s, d)
        d //= 2
    for c in range(lane, x.shape[1], 32):
        y[row, c] = math.exp(x[row, c] - m) / s
""")
bank.mistake("per_lane_max", "values", "own_max", source="""
import math

from numba import cuda, float32


@cuda.jit
def softmax(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    big = float32(-math.inf)
    for c in range(lane, x.shape[1], 32):
        big = max(big, x[row, c])
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += math.exp(x[row, c] - big)
    for d in (16, 8, 4, 2, 1):
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, d)
    for c in range(lane, x.shape[1], 32):
        y[row, c] = math.exp(x[row, c] - big) / total
""")
bank.mistake("as_seen_1", "values", "max_from_0", source="""
import math

from numba import cuda, float32


@cuda.jit
def softmax(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(0)
    for c in range(lane, x.shape[1], 32):
        m = max(m, x[row, c])
    d = 16
    while d > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, d))
        d //= 2
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += math.exp(x[row, c] - m)
    d = 16
    while d > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, d)
        d //= 2
    for c in range(lane, x.shape[1], 32):
        y[row, c] = math.exp(x[row, c] - m) / total
""")
bank.mistake("as_seen_2", "values", "own_max", source="""
import math

from numba import cuda, float32


@cuda.jit
def softmax(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-math.inf)
    for c in range(lane, x.shape[1], 32):
        m = max(m, x[row, c])
    d = 16
    while d > 0:
        cuda.shfl_xor_sync(0xFFFFFFFF, m, d)
        d //= 2
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += math.exp(x[row, c] - m)
    d = 16
    while d > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, d)
        d //= 2
    for c in range(lane, x.shape[1], 32):
        y[row, c] = math.exp(x[row, c] - m) / total
""")
bank.mistake("again_zero_start", "values", "max_from_0", source="""
import math

from numba import cuda, float32


@cuda.jit
def softmax(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    largest = float32(0)
    for c in range(lane, x.shape[1], 32):
        largest = max(largest, x[row, c])
    d = 16
    while d > 0:
        largest = max(largest, cuda.shfl_xor_sync(0xFFFFFFFF, largest, d))
        d //= 2
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += math.exp(x[row, c] - largest)
    d = 16
    while d > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, d)
        d //= 2
    for c in range(lane, x.shape[1], 32):
        y[row, c] = math.exp(x[row, c] - largest) / total
""")
bank.mistake("again_down", "values", "lane_0_only", source="""
import math

from numba import cuda, float32


@cuda.jit
def softmax(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    largest = float32(-math.inf)
    for c in range(lane, x.shape[1], 32):
        largest = max(largest, x[row, c])
    d = 16
    while d > 0:
        largest = max(largest, cuda.shfl_xor_sync(0xFFFFFFFF, largest, d))
        d //= 2
    total = float32(0)
    for c in range(lane, x.shape[1], 32):
        total += math.exp(x[row, c] - largest)
    d = 16
    while d > 0:
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, d)
        d //= 2
    for c in range(lane, x.shape[1], 32):
        y[row, c] = math.exp(x[row, c] - largest) / total
""")
