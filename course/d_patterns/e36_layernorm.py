"""The bank of 36, layernorm."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import math

from numba import cuda, float32


@cuda.jit
def layernorm(x, gamma, beta, y, epsilon):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    n = x.shape[1]
    # begin
    total = float32(0)
    for col in range(lane, n, 32):
        total += x[row, col]
    distance = 16
    while distance > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, distance)
        distance //= 2
    mean = total / float32(n)
    squares = float32(0)
    for col in range(lane, n, 32):
        squares += (x[row, col] - mean) * (x[row, col] - mean)
    distance = 16
    while distance > 0:
        squares += cuda.shfl_xor_sync(0xFFFFFFFF, squares, distance)
        distance //= 2
    scale = float32(1) / math.sqrt(squares / float32(n) + float32(epsilon))
    for col in range(lane, n, 32):
        y[row, col] = (x[row, col] - mean) * scale * gamma[col] + beta[col]
    # end
""", "three walks, butterflies")
bank.solution("""
import math

from numba import cuda, float32


@cuda.jit
def layernorm(x, gamma, beta, y, epsilon):
    row = cuda.blockIdx.x
    mine = float32(0)
    mean = float32(0)
    far = float32(0)
    for col in range(cuda.threadIdx.x, x.shape[1], 32):
        mine += float32(1)
        step = x[row, col] - mean
        mean += step / mine
        far += step * (x[row, col] - mean)
    d = 1
    while d < 32:
        n2 = cuda.shfl_xor_sync(0xFFFFFFFF, mine, d)
        mean2 = cuda.shfl_xor_sync(0xFFFFFFFF, mean, d)
        far2 = cuda.shfl_xor_sync(0xFFFFFFFF, far, d)
        both = mine + n2
        if both > float32(0):
            step = mean2 - mean
            mean = (mine * mean + n2 * mean2) / both
            far += far2 + step * step * mine * n2 / both
        mine = both
        d *= 2
    spread = math.sqrt(far / mine + float32(epsilon))
    for col in range(cuda.threadIdx.x, x.shape[1], 32):
        y[row, col] = beta[col] + gamma[col] * ((x[row, col] - mean) / spread)
""", "Welford, merged")

TOTAL = "        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, distance)\n"
SQUARES = "        squares += cuda.shfl_xor_sync(0xFFFFFFFF, squares, distance)\n"
EACH = "        squares += (x[row, col] - mean) * (x[row, col] - mean)"
ROOT = "math.sqrt(squares / float32(n) + float32(epsilon))"
bank.mistake("square_of_mean", "values", "square_of_mean", f"{EACH} =>         squares += x[row, col] * x[row, col]",
             f"{ROOT} => math.sqrt(max(squares / float32(n) - mean * mean, float32(0)) + float32(epsilon))")
bank.mistake("square_of_mean_no_max", "values", "square_of_mean", f"{EACH} =>         squares += x[row, col] * x[row, col]",
             f"{ROOT} => math.sqrt(squares / float32(n) - mean * mean + float32(epsilon))")
bank.mistake("epsilon_outside", "values", "epsilon_outside", f"{ROOT} => (math.sqrt(squares / float32(n)) + float32(epsilon))")
bank.mistake("no_epsilon", "values", "no_epsilon", f"{ROOT} => math.sqrt(squares / float32(n))")
bank.mistake("n_minus_1", "values", "n_minus_1", f"{ROOT} => math.sqrt(squares / float32(max(n - 1, 1)) + float32(epsilon))")
bank.mistake("gamma_by_row", "values", "gamma_by_row", "gamma[col] + beta[col] => gamma[row % n] + beta[row % n]")
bank.mistake("gamma_by_row_outside", "machine", "F2 + gamma_by_row", "gamma[col] + beta[col] => gamma[row] + beta[row]")
bank.mistake("only_first_32", "values", "only_first_32", "    for col in range(lane, n, 32):\n        total += x[row, col] => "
             "    if lane < n:\n        total = x[row, lane]", f"    for col in range(lane, n, 32):\n{EACH} =>     if lane < n:\n"
             "        squares = (x[row, lane] - mean) * (x[row, lane] - mean)",
             "mean = total / float32(n) => mean = total / float32(min(n, 32))",
             f"{ROOT} => math.sqrt(squares / float32(min(n, 32)) + float32(epsilon))")
bank.mistake("lane_0_only", "values", "lane_0_only", "shfl_xor_sync(0xFFFFFFFF, total => shfl_down_sync(0xFFFFFFFF, total",
             "shfl_xor_sync(0xFFFFFFFF, squares => shfl_down_sync(0xFFFFFFFF, squares")
bank.mistake("not_divided", "values", "not_divided", "squares / float32(n) => squares")
bank.mistake("no_root", "values", "no_root", f"{ROOT} => (squares / float32(n) + float32(epsilon))")
bank.mistake("no_mean", "values", "no_mean", "= (x[row, col] - mean) * scale => = x[row, col] * scale")
bank.mistake("padding_counted", "values", "padding_counted", f"    for col in range(lane, n, 32):\n{EACH} => "
             "    for col in range(lane, (n + 31) // 32 * 32, 32):\n        value = x[row, col] if col < n else float32(0)\n"
             "        squares += (value - mean) * (value - mean)")
bank.mistake("no_beta", "values", "F19", "gamma[col] + beta[col] => gamma[col]")
bank.mistake("no_gamma", "values", "F19", "scale * gamma[col] => scale")
bank.mistake("shuffle_in_if", "machine", "F14", f"{SQUARES} =>         if lane < distance:\n    {SQUARES}")
bank.mistake("float64", "machine", "F13", "float32(1) / math => 1.0 / math")
bank.mistake("epsilon_as_given", "machine", "F13", "float32(epsilon) => 0.00001")
bank.mistake("in_place", "values", "F17", "        y[row, col] = (x[row, col] - mean) => "
             "        x[row, col] -= mean\n        y[row, col] = x[row, col]")
bank.mistake("through_shared", "par", "F21f + through_shared", source="""
import math

from numba import cuda, float32


@cuda.jit
def layernorm(x, gamma, beta, y, epsilon):
    s = cuda.shared.array(32, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    n = x.shape[1]
    total = float32(0)
    for col in range(t, n, 32):
        total += x[row, col]
    s[t] = total
    cuda.syncthreads()
    total = float32(0)
    for k in range(32):
        total += s[k]
    mean = total / float32(n)
    cuda.syncthreads()
    total = float32(0)
    for col in range(t, n, 32):
        total += (x[row, col] - mean) ** 2
    s[t] = total
    cuda.syncthreads()
    total = float32(0)
    for k in range(32):
        total += s[k]
    spread = math.sqrt(total / float32(n) + float32(epsilon))
    for col in range(t, n, 32):
        y[row, col] = (x[row, col] - mean) / spread * gamma[col] + beta[col]
""")
bank.mistake("mean_by_32", "values", "by_32", "mean = total / float32(n) => mean = total / float32(32)")
bank.mistake("variance_by_32", "values", "by_32", "squares / float32(n) => squares / float32(32)")
bank.mistake("both_by_32", "values", "by_32", "mean = total / float32(n) => mean = total / float32(32)", "squares / float32(n) => squares / float32(32)")
bank.mistake("last_square_of_a_lane", "values", "last_of_a_lane", "        squares += (x[row =>         squares = (x[row")
bank.mistake("last_number_of_a_lane", "values", "last_of_a_lane", "total += x[row, col] => total = x[row, col]")
bank.mistake("variance_of_lane_0", "values", "lane_0_only", "shfl_xor_sync(0xFFFFFFFF, squares => shfl_down_sync(0xFFFFFFFF, squares")
bank.mistake("mean_of_lane_0", "values", "lane_0_only", "shfl_xor_sync(0xFFFFFFFF, total => shfl_down_sync(0xFFFFFFFF, total")
bank.mistake("gamma_on_beta", "values", "gamma_on_beta", "(x[row, col] - mean) * scale * gamma[col] + beta[col] => ((x[row, col] - mean) * scale + beta[col]) * gamma[col]")
bank.mistake("epsilon_of_the_host", "machine", "F13", "float32(epsilon) => epsilon")
bank.mistake("as_seen_1", "values", "epsilon_outside", source="""
import math

from numba import cuda, float32


@cuda.jit
def layernorm(x, gamma, beta, y, epsilon):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    n = x.shape[1]
    total = float32(0)
    for c in range(lane, n, 32):
        total += x[row, c]
    d = 16
    while d > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, d)
        d //= 2
    mean = total / float32(n)
    squares = float32(0)
    for c in range(lane, n, 32):
        squares += (x[row, c] - mean) * (x[row, c] - mean)
    d = 16
    while d > 0:
        squares += cuda.shfl_xor_sync(0xFFFFFFFF, squares, d)
        d //= 2
    scale = float32(1) / (math.sqrt(squares / float32(n)) + float32(epsilon))
    for c in range(lane, n, 32):
        y[row, c] = (x[row, c] - mean) * scale * gamma[c] + beta[c]
""")
bank.mistake("as_seen_2", "values", "gamma_on_beta", source="""
import math

from numba import cuda, float32


@cuda.jit
def layernorm(x, gamma, beta, y, epsilon):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    n = x.shape[1]
    total = float32(0)
    for c in range(lane, n, 32):
        total += x[row, c]
    d = 16
    while d > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, d)
        d //= 2
    mean = total / float32(n)
    squares = float32(0)
    for c in range(lane, n, 32):
        squares += (x[row, c] - mean) * (x[row, c] - mean)
    d = 16
    while d > 0:
        squares += cuda.shfl_xor_sync(0xFFFFFFFF, squares, d)
        d //= 2
    scale = float32(1) / math.sqrt(squares / float32(n) + float32(epsilon))
    for c in range(lane, n, 32):
        y[row, c] = ((x[row, c] - mean) * scale + beta[c]) * gamma[c]
""")
bank.mistake("again_eps_out", "values", "epsilon_outside", source="""
import math

from numba import cuda, float32


@cuda.jit
def layernorm(x, gamma, beta, y, epsilon):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    n = x.shape[1]
    total = float32(0)
    for c in range(lane, n, 32):
        total += x[row, c]
    d = 16
    while d > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, d)
        d //= 2
    mean = total / float32(n)
    squares = float32(0)
    for c in range(lane, n, 32):
        v = x[row, c] - mean
        squares += v * v
    d = 16
    while d > 0:
        squares += cuda.shfl_xor_sync(0xFFFFFFFF, squares, d)
        d //= 2
    scale = float32(1) / (math.sqrt(squares / float32(n)) + float32(epsilon))
    for c in range(lane, n, 32):
        y[row, c] = (x[row, c] - mean) * scale * gamma[c] + beta[c]
""")
bank.mistake("again_one_walk", "values", "square_of_mean", source="""
import math

from numba import cuda, float32


@cuda.jit
def layernorm(x, gamma, beta, y, epsilon):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    n = x.shape[1]
    total = float32(0)
    for c in range(lane, n, 32):
        total += x[row, c]
    d = 16
    while d > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, d)
        d //= 2
    mean = total / float32(n)
    squares = float32(0)
    for c in range(lane, n, 32):
        v = x[row, c]
        squares += v * v
    d = 16
    while d > 0:
        squares += cuda.shfl_xor_sync(0xFFFFFFFF, squares, d)
        d //= 2
    scale = float32(1) / math.sqrt(squares / float32(n) - mean * mean + float32(epsilon))
    for c in range(lane, n, 32):
        y[row, c] = (x[row, c] - mean) * scale * gamma[c] + beta[c]
""")
