"""The bank of 32, softmax_online."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import math

from numba import cuda, float32

LOWEST = -3.4e38


@cuda.jit
def largest_and_total(x, largest, total):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    # begin
    m = float32(LOWEST)
    l = float32(0)
    for col in range(lane, x.shape[1], 32):
        value = x[row, col]
        new = max(m, value)
        l = l * math.exp(m - new) + math.exp(value - new)
        m = new
    distance = 16
    while distance > 0:
        m2 = cuda.shfl_xor_sync(0xFFFFFFFF, m, distance)
        l2 = cuda.shfl_xor_sync(0xFFFFFFFF, l, distance)
        new = max(m, m2)
        l = l * math.exp(m - new) + l2 * math.exp(m2 - new)
        m = new
        distance //= 2
    if lane == 0:
        largest[row] = m
        total[row] = l
    # end
""", "the lowest finite number")
bank.solution("""
import math

from numba import cuda, float32


@cuda.jit
def largest_and_total(x, largest, total):
    r = cuda.blockIdx.x
    top = float32(-math.inf)
    s = float32(0)
    c = cuda.threadIdx.x
    while c < x.shape[1]:
        v = x[r, c]
        if v > top:
            if s > float32(0):
                s *= math.exp(top - v)
            s += float32(1)
            top = v
        elif v > float32(-math.inf):
            s += math.exp(v - top)
        c += 32
    mine = top
    for k in range(5):
        other = cuda.shfl_xor_sync(0xFFFFFFFF, top, 1 << k)
        if other > top:
            top = other
    if mine > float32(-math.inf):
        s *= math.exp(mine - top)
    for k in range(5):
        s += cuda.shfl_down_sync(0xFFFFFFFF, s, 16 >> k)
    if cuda.threadIdx.x == 0:
        largest[r] = top
        total[r] = s
""", "-inf, branches, the largest of all first")

WALK = "        l = l * math.exp(m - new) + math.exp(value - new)"
JOIN = "        l = l * math.exp(m - new) + l2 * math.exp(m2 - new)"
bank.mistake("no_rescale", "values", "no_rescale", f"{WALK} =>         l = l + math.exp(value - new)")
bank.mistake("wrong_way", "values", "wrong_way", f"{WALK} =>         l = l * math.exp(min(new - m, float32(80))) + math.exp(value - new)")
bank.mistake("rescales_new", "values", "rescales_new", f"{WALK} =>         l = l + math.exp(value - new) * math.exp(m - new)")
bank.mistake("merge_without", "values", "merge_without", f"{JOIN} =>         l = l + l2")
bank.mistake("merge_half", "values", "merge_half", f"{JOIN} =>         l = l + l2 * math.exp(m2 - new)")
bank.mistake("inf_minus_inf", "values", "inf_minus_inf", "float32(LOWEST) => float32(-math.inf)")
bank.mistake("from_0", "values", "from_0", "float32(LOWEST) => float32(0)")
bank.mistake("no_exp_of_new", "values", "no_exp_of_new", "            s += float32(1)\n =>", of=1)
bank.mistake("shuffle_late", "values", "shuffled_late", "        l2 = cuda.shfl_xor_sync(0xFFFFFFFF, l, distance)\n =>",
             "        new = max(m, m2)\n =>         new = max(m, m2)\n        l *= math.exp(m - new)\n        l2 = cuda.shfl_xor_sync(0xFFFFFFFF, l, distance)\n",
             f"{JOIN} =>         l = l + l2 * math.exp(m2 - new)")
bank.mistake("everyone_writes", "machine", "F6", "    if lane == 0:\n        largest[row] = m\n        total[row] = l => "
             "    largest[row] = m\n    total[row] = l")
bank.mistake("shuffle_in_if", "machine", "F14", "        m2 = cuda.shfl_xor_sync(0xFFFFFFFF, m, distance)\n => "
             "        m2 = m\n        if lane < distance:\n            m2 = cuda.shfl_xor_sync(0xFFFFFFFF, m, distance)\n")
bank.mistake("float64", "machine", "F13", "l = float32(0) => l = 0.0")
bank.mistake("twice", "par", "F21f + twice", source="""
import math

from numba import cuda, float32


@cuda.jit
def largest_and_total(x, largest, total):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-math.inf)
    for col in range(lane, x.shape[1], 32):
        m = max(m, x[row, col])
    for k in range(5):
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, 1 << k))
    l = float32(0)
    for col in range(lane, x.shape[1], 32):
        l += math.exp(x[row, col] - m)
    for k in range(5):
        l += cuda.shfl_xor_sync(0xFFFFFFFF, l, 1 << k)
    if lane == 0:
        largest[row] = m
        total[row] = l
""")
DOWN = ("cuda.shfl_xor_sync(0xFFFFFFFF, m => cuda.shfl_down_sync(0xFFFFFFFF, m", "cuda.shfl_xor_sync(0xFFFFFFFF, l => cuda.shfl_down_sync(0xFFFFFFFF, l")
bank.mistake("merge_other_half", "values", "merge_half", f"{JOIN} =>         l = l * math.exp(m - new) + l2")
bank.mistake("merge_other_half_down", "values", "merge_half", *DOWN, f"{JOIN} =>         l = l * math.exp(m - new) + l2")
bank.mistake("merge_half_down", "values", "merge_half", *DOWN, f"{JOIN} =>         l = l + l2 * math.exp(m2 - new)")
bank.mistake("merge_without_down", "values", "merge_without", *DOWN, f"{JOIN} =>         l = l + l2")
bank.mistake("shuffled_late_down", "values", "shuffled_late", DOWN[0], "        l2 = cuda.shfl_xor_sync(0xFFFFFFFF, l, distance)\n =>",
             "        new = max(m, m2)\n =>         new = max(m, m2)\n        l *= math.exp(m - new)\n        l2 = cuda.shfl_down_sync(0xFFFFFFFF, l, distance)\n",
             f"{JOIN} =>         l = l + l2 * math.exp(m2 - new)")
bank.mistake("new_largest_alone", "values", "new_largest_alone", f"{WALK} =>         if value > m:\n            l = l * math.exp(m - new) + float32(1)")
bank.mistake("again_join", "values", "merge_half", source="""
import math

from numba import cuda, float32

LOWEST = -3.4e38


@cuda.jit
def largest_and_total(x, largest, total):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(LOWEST)
    l = float32(0)
    for c in range(lane, x.shape[1], 32):
        v = x[row, c]
        new = max(m, v)
        l = l * math.exp(m - new) + math.exp(v - new)
        m = new
    d = 16
    while d > 0:
        om = cuda.shfl_xor_sync(0xFFFFFFFF, m, d)
        ol = cuda.shfl_xor_sync(0xFFFFFFFF, l, d)
        new = max(m, om)
        l = l * math.exp(m - new) + ol
        m = new
        d //= 2
    if lane == 0:
        largest[row] = m
        total[row] = l
""")
bank.mistake("again_inf_start", "values", "inf_minus_inf", source="""
import math

from numba import cuda, float32

LOWEST = -3.4e38


@cuda.jit
def largest_and_total(x, largest, total):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-math.inf)
    l = float32(0)
    for c in range(lane, x.shape[1], 32):
        v = x[row, c]
        new = max(m, v)
        l = l * math.exp(m - new) + math.exp(v - new)
        m = new
    d = 16
    while d > 0:
        om = cuda.shfl_xor_sync(0xFFFFFFFF, m, d)
        ol = cuda.shfl_xor_sync(0xFFFFFFFF, l, d)
        new = max(m, om)
        l = l * math.exp(m - new) + ol * math.exp(om - new)
        m = new
        d //= 2
    if lane == 0:
        largest[row] = m
        total[row] = l
""")
