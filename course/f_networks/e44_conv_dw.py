"""The bank of 44, conv_dw."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32


@cuda.jit
def conv2d_dw(x, dy, dw, stride_h, stride_w, pad_top, pad_left):
    sums = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    weight = cuda.blockIdx.x
    # begin
    k = weight % dw.shape[3]
    c = weight // dw.shape[3] % dw.shape[2]
    s = weight // (dw.shape[3] * dw.shape[2]) % dw.shape[1]
    r = weight // (dw.shape[3] * dw.shape[2] * dw.shape[1])
    total = float32(0)
    for window in range(t, dy.shape[0] * dy.shape[1] * dy.shape[2], 64):
        q = window % dy.shape[2]
        p = window // dy.shape[2] % dy.shape[1]
        n = window // (dy.shape[2] * dy.shape[1])
        i = p * stride_h + r - pad_top
        j = q * stride_w + s - pad_left
        if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:
            total += x[n, i, j, c] * dy[n, p, q, k]
    sums[t] = total
    cuda.syncthreads()
    half = 32
    while half > 0:
        if t < half:
            sums[t] += sums[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        dw[r, s, c, k] = sums[0]
    # end
""", "windows in one range, a tree")
bank.solution("""
from numba import cuda, float32

ALL = 0xFFFFFFFF


@cuda.jit
def conv2d_dw(x, dy, dw, stride_h, stride_w, pad_top, pad_left):
    _, S, C, K = dw.shape
    _, P, Q, _ = dy.shape
    rest = cuda.blockIdx.x
    k, rest = rest % K, rest // K
    c, rest = rest % C, rest // C
    s, r = rest % S, rest // S
    second = cuda.shared.array(1, float32)
    total = float32(0)
    number = cuda.threadIdx.x
    while number < dy.size // K:
        n, inside = number // (P * Q), number % (P * Q)
        i, j = inside // Q * stride_h + r - pad_top, inside % Q * stride_w + s - pad_left
        if i >= 0 and i < x.shape[1] and j >= 0 and j < x.shape[2]:
            total = cuda.fma(dy[n, inside // Q, inside % Q, k], x[n, i, j, c], total)
        number += cuda.blockDim.x
    for bit in range(5):
        total += cuda.shfl_xor_sync(ALL, total, 1 << bit)
    if cuda.threadIdx.x == 32:
        second[0] = total
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        dw[r, s, c, k] = total + second[0]
""", "a while, butterflies in two warps")

INSIDE = "if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:"
WALK = "for window in range(t, dy.shape[0] * dy.shape[1] * dy.shape[2], 64):"
TREE = '''    cuda.syncthreads()
    half = 32
    while half > 0:
        if t < half:
            sums[t] += sums[t + half]
        cuda.syncthreads()
        half //= 2
'''
TERM = "total += x[n, i, j, c] * dy[n, p, q, k]"
bank.mistake("edge_unasked", "machine", "F3", f"{INSIDE} => if True:")
bank.mistake("below_unasked", "machine", "F3", f"{INSIDE} => if i < x.shape[1] and j < x.shape[2]:")
bank.mistake("channels_exchanged", "machine", "F2 + channels_exchanged", "x[n, i, j, c] => x[n, i, j, k]", "dy[n, p, q, k] => dy[n, p, q, c]")
bank.mistake("no_first_barrier", "machine", "F4", "    sums[t] = total\n    cuda.syncthreads()\n =>     sums[t] = total\n")
bank.mistake("no_barrier_in_tree", "machine", "F4", "            sums[t] += sums[t + half]\n        cuda.syncthreads()\n =>             sums[t] += sums[t + half]\n")
bank.mistake("barrier_in_if", "machine", "F9", "        cuda.syncthreads()\n        half //= 2 =>             cuda.syncthreads()\n        half //= 2")
bank.mistake("early_return", "machine", "F8", "    total = float32(0)\n => "
             "    total = float32(0)\n    if t >= dy.shape[0] * dy.shape[1] * dy.shape[2]:\n        return\n")
bank.mistake("no_zero", "machine", "F10 + no_zero", "    sums[t] = total\n =>     if t < dy.shape[0] * dy.shape[1] * dy.shape[2]:\n        sums[t] = total\n")
bank.mistake("sums_of_threads", "machine", "F6 + sums_of_threads", f"    sums[t] = total\n{TREE}    if t == 0:\n        dw[r, s, c, k] = sums[0] => "
             "    dw[r, s, c, k] = total")
bank.mistake("double", "machine", "F13", "total = float32(0) => total = 0.0")
bank.mistake("one_partial", "values", "one_partial", f"{TREE} =>")
bank.mistake("half_joins", "values", "half_joins", "half = 32 => half = 16")
bank.mistake("last_step_missing", "values", "last_step_missing", "while half > 0: => while half > 1:")
bank.mistake("first_64", "values", "first_64", f"{WALK} => for window in range(t, min(64, dy.shape[0] * dy.shape[1] * dy.shape[2]), 64):")
bank.mistake("every_window", "values", "every_window", f"{WALK} => for window in range(t, dy.shape[0] * dy.shape[1] * dy.shape[2]):")
bank.mistake("all_windows", "values", "scaled", f"{WALK} => for window in range(dy.shape[0] * dy.shape[1] * dy.shape[2]):")
bank.mistake("tail_lost", "values", "tail_lost", f"{WALK} => for window in range(t, dy.shape[0] * dy.shape[1] * dy.shape[2] // 64 * 64, 64):")
bank.mistake("first_image", "values", "first_image", "range(t, dy.shape[0] * => range(t, 1 *")
bank.mistake("one_image_of_x", "values", "one_image_of_x", "x[n, i, j, c] => x[0, i, j, c]")
bank.mistake("mean_of_images", "values", "mean_of_images", "= sums[0] => = sums[0] / float32(x.shape[0])")
bank.mistake("mean_of_windows", "values", "mean_of_windows", "= sums[0] => = sums[0] / float32(dy.shape[0] * dy.shape[1] * dy.shape[2])")
bank.mistake("upside_down", "values", "upside_down", "+ r - pad_top => + dw.shape[0] - 1 - r - pad_top", "+ s - pad_left => + dw.shape[1] - 1 - s - pad_left")
bank.mistake("stride_forgotten", "values", "stride_forgotten", "p * stride_h + => p +", "q * stride_w + => q +")
bank.mistake("one_stride", "values", "one_stride", "q * stride_w + => q * stride_h +")
bank.mistake("pad_forgotten", "values", "pad_forgotten", "+ r - pad_top => + r", "+ s - pad_left => + s")
bank.mistake("last_product", "values", "last_product", "total += x => total = x")
bank.mistake("times_zero", "values", "times_zero", f"        {INSIDE} => "
             "        inside = float32(0 <= i < x.shape[1] and 0 <= j < x.shape[2])\n        if True:",
             f"{TERM} => total += inside * x[n, min(max(i, 0), x.shape[1] - 1), min(max(j, 0), x.shape[2] - 1), c] * dy[n, p, q, k]")
bank.mistake("atomic", "values", "onto_nothing", f"    sums[t] = total\n{TREE}    if t == 0:\n        dw[r, s, c, k] = sums[0] => "
             "    cuda.atomic.add(dw, (r, s, c, k), total)")
bank.mistake("one_works", "par", "F21f + one_works", f"    {WALK} =>     for window in range(dy.shape[0] * dy.shape[1] * dy.shape[2] * (t == 0)):")
bank.mistake("columns_by_rows", "machine", "F1n + columns_by_rows", f"{INSIDE} => if 0 <= i < x.shape[1] and 0 <= j < x.shape[1]:")
JOIN = f"{TREE}    if t == 0:\n        dw[r, s, c, k] = sums[0]"
bank.mistake("serial_join", "par", "F21f + serial_join", f"{JOIN} => "
             "    cuda.syncthreads()\n    if t == 0:\n        total = float32(0)\n        for u in range(64):\n            total += sums[u]\n"
             "        dw[r, s, c, k] = total")
bank.mistake("serial_join_in_place", "par", "F21f + serial_join", f"{JOIN} => "
             "    cuda.syncthreads()\n    if t == 0:\n        for u in range(1, 64):\n            sums[0] += sums[u]\n"
             "        dw[r, s, c, k] = sums[0]")
bank.mistake("serial_join_of_its_own", "par", "F21f + serial_join", f"{JOIN} => "
             "    cuda.syncthreads()\n    if t == 0:\n        for u in range(1, 64):\n            total += sums[u]\n"
             "        dw[r, s, c, k] = total")
bank.mistake("again_one_image", "values", "first_image", source="""
from numba import cuda, float32


@cuda.jit
def conv2d_dw(x, dy, dw, stride_h, stride_w, pad_top, pad_left):
    sums = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    weight = cuda.blockIdx.x
    N, P, Q, K = dy.shape
    R, S, C, _ = dw.shape
    k = weight % K
    c = weight // K % C
    s = weight // (K * C) % S
    r = weight // (K * C * S)
    total = float32(0)
    for number in range(t, P * Q, 64):
        q = number % Q
        p = number // Q % P
        n = number // (Q * P)
        i = p * stride_h + r - pad_top
        j = q * stride_w + s - pad_left
        if i >= 0 and i < x.shape[1] and j >= 0 and j < x.shape[2]:
            total += x[n, i, j, c] * dy[n, p, q, k]
    sums[t] = total
    cuda.syncthreads()
    half = 32
    while half > 0:
        if t < half:
            sums[t] += sums[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        dw[r, s, c, k] = sums[0]
""")
bank.mistake("again_no_barrier", "machine", "F4", source="""
from numba import cuda, float32


@cuda.jit
def conv2d_dw(x, dy, dw, stride_h, stride_w, pad_top, pad_left):
    sums = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    weight = cuda.blockIdx.x
    N, P, Q, K = dy.shape
    R, S, C, _ = dw.shape
    k = weight % K
    c = weight // K % C
    s = weight // (K * C) % S
    r = weight // (K * C * S)
    total = float32(0)
    for number in range(t, N * P * Q, 64):
        q = number % Q
        p = number // Q % P
        n = number // (Q * P)
        i = p * stride_h + r - pad_top
        j = q * stride_w + s - pad_left
        if i >= 0 and i < x.shape[1] and j >= 0 and j < x.shape[2]:
            total += x[n, i, j, c] * dy[n, p, q, k]
    sums[t] = total
    half = 32
    while half > 0:
        if t < half:
            sums[t] += sums[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        dw[r, s, c, k] = sums[0]
""")
