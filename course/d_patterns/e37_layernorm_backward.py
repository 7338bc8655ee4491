"""The bank of 37, layernorm_backward."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32


@cuda.jit
def layernorm_dx(dy, gamma, n, scale, dx):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    cols = dy.shape[1]
    # begin
    a = float32(0)
    b = float32(0)
    for col in range(lane, cols, 32):
        g = dy[row, col] * gamma[col]
        a += g
        b += g * n[row, col]
    distance = 16
    while distance > 0:
        a += cuda.shfl_xor_sync(0xFFFFFFFF, a, distance)
        b += cuda.shfl_xor_sync(0xFFFFFFFF, b, distance)
        distance //= 2
    a /= float32(cols)
    b /= float32(cols)
    for col in range(lane, cols, 32):
        g = dy[row, col] * gamma[col]
        dx[row, col] = scale[row] * (g - a - n[row, col] * b)
    # end


@cuda.jit
def layernorm_dgamma(dy, n, dgamma, dbeta):
    col = cuda.grid(1)
    # begin
    if col < dy.shape[1]:
        weights = float32(0)
        shifts = float32(0)
        for row in range(dy.shape[0]):
            weights += dy[row, col] * n[row, col]
            shifts += dy[row, col]
        dgamma[col] = weights
        dbeta[col] = shifts
    # end
""", "a for, butterflies")
bank.solution("""
from numba import cuda, float32

ALL = 0xFFFFFFFF


@cuda.jit
def layernorm_dx(dy, gamma, n, scale, dx):
    r = cuda.blockIdx.x
    size = float32(dy.shape[1])
    first = float32(0)
    second = float32(0)
    c = cuda.threadIdx.x
    while c < dy.shape[1]:
        dx[r, c] = dy[r, c] * gamma[c]
        first += dx[r, c]
        second += dx[r, c] * n[r, c]
        c += 32
    for k in range(5):
        first += cuda.shfl_down_sync(ALL, first, 16 >> k)
        second += cuda.shfl_down_sync(ALL, second, 16 >> k)
    first = cuda.shfl_sync(ALL, first, 0) / size
    second = cuda.shfl_sync(ALL, second, 0) / size
    c = cuda.threadIdx.x
    while c < dy.shape[1]:
        dx[r, c] = (dx[r, c] - first - second * n[r, c]) * scale[r]
        c += 32


@cuda.jit
def layernorm_dgamma(dy, n, dgamma, dbeta):
    first = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    for c in range(first, dy.shape[1], cuda.gridDim.x * cuda.blockDim.x):
        dgamma[c] = float32(0)
        dbeta[c] = float32(0)
        for r in range(dy.shape[0]):
            dgamma[c] += dy[r, c] * n[r, c]
            dbeta[c] += dy[r, c]
""", "g kept in dx, sums in the outputs")

DX = "scale[row] * (g - a - n[row, col] * b)"
bank.mistake("constants", "values", "constants", f"{DX} => scale[row] * g")
bank.mistake("no_variance", "values", "no_variance", f"{DX} => scale[row] * (g - a)")
bank.mistake("no_mean", "values", "no_mean", f"{DX} => scale[row] * (g - n[row, col] * b)")
bank.mistake("no_gamma", "values", "no_gamma", "        g = dy[row, col] * gamma[col]\n        a => "
             "        g = dy[row, col]\n        a", "        g = dy[row, col] * gamma[col]\n        dx => "
             "        g = dy[row, col]\n        dx")
bank.mistake("gamma_once", "values", "gamma_once", "        g = dy[row, col] * gamma[col]\n        a => "
             "        g = dy[row, col]\n        a")
bank.mistake("no_scale", "values", "no_scale", f"{DX} => g - a - n[row, col] * b")
bank.mistake("not_divided", "values", "not_divided", "    a /= float32(cols)\n    b /= float32(cols)\n =>")
bank.mistake("lane_0_only", "values", "lane_0_only", "shfl_xor_sync(0xFFFFFFFF, a => shfl_down_sync(0xFFFFFFFF, a",
             "shfl_xor_sync(0xFFFFFFFF, b => shfl_down_sync(0xFFFFFFFF, b")
bank.mistake("exchanged", "values", "exchanged", "dgamma[col] = weights => dgamma[col] = shifts", "dbeta[col] = shifts => dbeta[col] = weights")
bank.mistake("dgamma_without_n", "values", "dgamma_without_n", "weights += dy[row, col] * n[row, col] => weights += dy[row, col]")
bank.mistake("last_row", "values", "last_row", "weights += => weights =", "shifts += => shifts =")
bank.mistake("mean_of_rows", "values", "mean_of_rows", "= weights => = weights / float32(dy.shape[0])",
             "= shifts => = shifts / float32(dy.shape[0])")
bank.mistake("no_guard", "machine", "F1", "if col < dy.shape[1]: => if True:")
bank.mistake("shuffle_in_if", "machine", "F14", "        a += cuda.shfl => "
             "        if lane < distance:\n            a += cuda.shfl")
bank.mistake("float64", "machine", "F13", "weights = float32(0) => weights = 0.0")
ROWS = '''        for row in range(dy.shape[0]):
            weights += dy[row, col] * n[row, col]
            shifts += dy[row, col]
        dgamma[col] = weights
        dbeta[col] = shifts'''
THREAD = "    col = cuda.grid(1)\n    if col < dy.shape[1]:\n        weights = float32(0)\n        shifts = float32(0)\n" + ROWS
FLAT = '''    for k in range(cuda.grid(1), dy.size, cuda.gridsize(1)):
        row, col = k // dy.shape[1], k % dy.shape[1]
'''
bank.mistake("rows_at_once", "machine", "F7 + rows_at_once", f"{THREAD} => {FLAT}"
             "        dgamma[col] += dy[row, col] * n[row, col]\n        dbeta[col] += dy[row, col]")
bank.mistake("atomics", "par", "F21f + atomics", f"{THREAD} => {FLAT}"
             "        cuda.atomic.add(dgamma, col, dy[row, col] * n[row, col])\n        cuda.atomic.add(dbeta, col, dy[row, col])")
bank.mistake("gamma_outside", "values", "gamma_outside", "        g = dy[row, col] * gamma[col]\n        a =>         g = dy[row, col]\n        a", "        g = dy[row, col] * gamma[col]\n        dx =>         g = dy[row, col]\n        dx",
             f"{DX} => scale[row] * gamma[col] * (g - a - n[row, col] * b)")
bank.mistake("second_mean_for_all", "values", "second_mean_for_all", f"{DX} => scale[row] * (g - a - b)")
bank.mistake("first_not_divided", "values", "not_divided", "    a /= float32(cols)\n =>")
bank.mistake("second_not_divided", "values", "not_divided", "    b /= float32(cols)\n =>")
bank.mistake("rows_by_columns", "machine", "F2", "range(dy.shape[0]) => range(dy.shape[1])")
bank.mistake("as_seen_1", "values", "gamma_once", source="""
from numba import cuda, float32


@cuda.jit
def layernorm_dx(dy, gamma, n, scale, dx):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    cols = dy.shape[1]
    a = float32(0)
    b = float32(0)
    for c in range(lane, cols, 32):
        g = dy[row, c]
        a += g
        b += g * n[row, c]
    d = 16
    while d > 0:
        a += cuda.shfl_xor_sync(0xFFFFFFFF, a, d)
        b += cuda.shfl_xor_sync(0xFFFFFFFF, b, d)
        d //= 2
    a /= float32(cols)
    b /= float32(cols)
    for c in range(lane, cols, 32):
        dx[row, c] = scale[row] * (dy[row, c] * gamma[c] - a - n[row, c] * b)


@cuda.jit
def layernorm_dgamma(dy, n, dgamma, dbeta):
    col = cuda.grid(1)
    if col < dy.shape[1]:
        p = float32(0)
        q = float32(0)
        for r in range(dy.shape[0]):
            p += dy[r, col] * n[r, col]
            q += dy[r, col]
        dgamma[col] = p
        dbeta[col] = q
""")
bank.mistake("as_seen_2", "values", "second_mean_for_all", source="""
from numba import cuda, float32


@cuda.jit
def layernorm_dx(dy, gamma, n, scale, dx):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    cols = dy.shape[1]
    a = float32(0)
    b = float32(0)
    for c in range(lane, cols, 32):
        g = dy[row, c] * gamma[c]
        a += g
        b += g * n[row, c]
    d = 16
    while d > 0:
        a += cuda.shfl_xor_sync(0xFFFFFFFF, a, d)
        b += cuda.shfl_xor_sync(0xFFFFFFFF, b, d)
        d //= 2
    a /= float32(cols)
    b /= float32(cols)
    for c in range(lane, cols, 32):
        dx[row, c] = scale[row] * (dy[row, c] * gamma[c] - a - b)


@cuda.jit
def layernorm_dgamma(dy, n, dgamma, dbeta):
    col = cuda.grid(1)
    if col < dy.shape[1]:
        p = float32(0)
        q = float32(0)
        for r in range(dy.shape[0]):
            p += dy[r, col] * n[r, col]
            q += dy[r, col]
        dgamma[col] = p
        dbeta[col] = q
""")
