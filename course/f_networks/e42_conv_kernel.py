"""The bank of 42, conv_kernel."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32


@cuda.jit
def conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    # begin
    if number < y.size:
        k = number % y.shape[3]
        q = number // y.shape[3] % y.shape[2]
        p = number // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = number // (y.shape[3] * y.shape[2] * y.shape[1])
        total = float32(0)
        for r in range(w.shape[0]):
            i = p * stride_h + r - pad_top
            for s in range(w.shape[1]):
                j = q * stride_w + s - pad_left
                if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:
                    for c in range(x.shape[3]):
                        total += x[n, i, j, c] * w[r, s, c, k]
        y[n, p, q, k] = total
    # end
""", "loops inside the filter, guarded")
bank.solution("""
from numba import cuda, float32


@cuda.jit
def conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left):
    _, P, Q, K = y.shape
    _, H, W, C = x.shape
    rest = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    k, rest = rest % K, rest // K
    q, rest = rest % Q, rest // Q
    p, n = rest % P, rest // P
    if n >= x.shape[0]:
        return
    top, left = p * stride_h - pad_top, q * stride_w - pad_left
    total = float32(0)
    for i in range(max(top, 0), min(top + w.shape[0], H)):
        for j in range(max(left, 0), min(left + w.shape[1], W)):
            for c in range(C):
                total = cuda.fma(x[n, i, j, c], w[i - top, j - left, c, k], total)
    y[n, p, q, k] = total
""", "loops over the pixels that there are")

INSIDE = "if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:"
TERM = "total += x[n, i, j, c] * w[r, s, c, k]"
bank.mistake("no_guard", "machine", "F1", "if number < y.size: => if True:")
bank.mistake("edge_unasked", "machine", "F3", f"{INSIDE} => if True:")
bank.mistake("below_unasked", "machine", "F3", f"{INSIDE} => if i < x.shape[1] and j < x.shape[2]:")
bank.mistake("taps_exchanged", "machine", "F2 + taps_exchanged", "* w[r, s, c, k] => * w[s, r, c, k]")
bank.mistake("channels_first", "machine", "F2 + channels_first", "x[n, i, j, c] => x[n, c, i, j]")
bank.mistake("filters_first", "machine", "F2 + filters_first", "* w[r, s, c, k] => * w[k, c, r, s]")
bank.mistake("double", "machine", "F13", "total = float32(0) => total = 0.0")
bank.mistake("sizes_of_x", "machine", "F1 + sizes_of_x", "number // y.shape[3] % y.shape[2] => number // y.shape[3] % x.shape[2]",
             "(y.shape[3] * y.shape[2]) % y.shape[1] => (y.shape[3] * x.shape[2]) % x.shape[1]",
             "(y.shape[3] * y.shape[2] * y.shape[1]) => (y.shape[3] * x.shape[2] * x.shape[1])")
bank.mistake("flipped", "values", "flipped", "* w[r, s, c, k] => * w[w.shape[0] - 1 - r, w.shape[1] - 1 - s, c, k]")
bank.mistake("true_convolution", "values", "flipped", "+ r - pad_top => + w.shape[0] - 1 - r - pad_top",
             "+ s - pad_left => + w.shape[1] - 1 - s - pad_left")
bank.mistake("pad_added", "values", "pad_added", "+ r - pad_top => + r + pad_top", "+ s - pad_left => + s + pad_left")
bank.mistake("pad_forgotten", "values", "pad_forgotten", "+ r - pad_top => + r", "+ s - pad_left => + s")
bank.mistake("one_pad", "values", "one_pad", "+ s - pad_left => + s - pad_top")
bank.mistake("stride_forgotten", "values", "stride_forgotten", "p * stride_h + r => p + r", "q * stride_w + s => q + s")
bank.mistake("one_stride", "values", "one_stride", "q * stride_w + s => q * stride_h + s")
bank.mistake("stride_on_tap", "values", "stride_on_tap", "p * stride_h + r - => (p + r) * stride_h -", "q * stride_w + s - => (q + s) * stride_w -")
bank.mistake("one_channel", "values", "one_channel", "for c in range(x.shape[3]): => for c in range(1):")
bank.mistake("first_row_out", "values", "first_row_out", "0 <= i < => 0 < i <", "0 <= j < => 0 < j <")
bank.mistake("last_row_out", "values", "last_row_out", "i < x.shape[1] => i < x.shape[1] - 1", "j < x.shape[2] => j < x.shape[2] - 1")
bank.mistake("first_image", "values", "first_image", "x[n, i, j, c] => x[0, i, j, c]")
bank.mistake("last_product", "values", "last_product", "total += => total =")
bank.mistake("reset_each_row", "values", "reset_each_row", "            i = p => "
             "            total = float32(0)\n            i = p")
bank.mistake("clamped", "values", "clamped", f"                {INSIDE} =>                 i, j = min(max(i, 0), x.shape[1] - 1), min(max(j, 0), "
             "x.shape[2] - 1)\n                if True:")
bank.mistake("times_zero", "values", "times_zero", f"                {INSIDE} => "
             "                inside = float32(0 <= i < x.shape[1] and 0 <= j < x.shape[2])\n"
             "                if True:", f"{TERM} => total += inside * x[n, min(max(i, 0), x.shape[1] - 1), min(max(j, 0), x.shape[2] - 1), c] * w[r, s, c, k]")
bank.mistake("adds_to_y", "values", "F18", "= total\n => += total\n")
bank.mistake("k_slowest", "par", "F21 + k_slowest", '''        k = number % y.shape[3]
        q = number // y.shape[3] % y.shape[2]
        p = number // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = number // (y.shape[3] * y.shape[2] * y.shape[1]) => '''
             '''        p = number % y.shape[1]
        q = number // y.shape[1] % y.shape[2]
        k = number // (y.shape[1] * y.shape[2]) % y.shape[3]
        n = number // (y.shape[1] * y.shape[2] * y.shape[3])''')
bank.mistake("sum_in_memory", "par", "F21 + sum_in_memory", "        total = float32(0) =>         y[n, p, q, k] = float32(0)", "total += => y[n, p, q, k] +=", "        y[n, p, q, k] = total\n =>")
bank.mistake("pad_swapped", "values", "pads_exchanged", source="""
from numba import cuda, float32


@cuda.jit
def conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    N, P, Q, K = y.shape
    if number < N * P * Q * K:
        k = number % K
        q = number // K % Q
        p = number // (K * Q) % P
        n = number // (K * Q * P)
        total = float32(0)
        for r in range(w.shape[0]):
            i = p * stride_h + r - pad_left
            if 0 <= i < x.shape[1]:
                for s in range(w.shape[1]):
                    j = q * stride_w + s - pad_top
                    if 0 <= j < x.shape[2]:
                        for c in range(x.shape[3]):
                            total += x[n, i, j, c] * w[r, s, c, k]
        y[n, p, q, k] = total
""")
bank.mistake("only_upper_guard", "machine", "F3", source="""
from numba import cuda, float32


@cuda.jit
def conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    if number >= y.size:
        return
    k = number % y.shape[3]
    rest = number // y.shape[3]
    q = rest % y.shape[2]
    rest //= y.shape[2]
    p = rest % y.shape[1]
    n = rest // y.shape[1]
    acc = float32(0)
    for r in range(w.shape[0]):
        for s in range(w.shape[1]):
            i = p * stride_h + r - pad_top
            j = q * stride_w + s - pad_left
            if i < x.shape[1] and j < x.shape[2]:
                for c in range(w.shape[2]):
                    acc += x[n, i, j, c] * w[r, s, c, k]
    y[n, p, q, k] = acc
""")
bank.mistake("clamped_rows", "values", "clamped", source="""
import math
from numba import cuda, float32, int32


@cuda.jit
def conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    N, P, Q, K = y.shape
    if number < y.size:
        k = number % K
        q = number // K % Q
        p = number // (K * Q) % P
        n = number // (K * Q * P)
        total = float32(0)
        for r in range(w.shape[0]):
            i = p * stride_h + r - pad_top
            i = min(max(i, 0), x.shape[1] - 1)
            if i >= 0:
                for s in range(w.shape[1]):
                    j = q * stride_w + s - pad_left
                    if j >= 0 and j < x.shape[2]:
                        for c in range(w.shape[2]):
                            total += x[n, i, j, c] * w[r, s, c, k]
        y[n, p, q, k] = total
""")
bank.mistake("p_for_q", "machine", "F1 + p_for_q", source="""
import math
from numba import cuda, float32, int32


@cuda.jit
def conv2d(x, w, y, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    N, P, Q, K = y.shape
    if number < y.size:
        k = number % K
        q = number // K % P
        p = number // (K * P) % Q
        n = number // (K * Q * P)
        total = float32(0)
        for r in range(w.shape[0]):
            i = p * stride_h + r - pad_top
            if i >= 0 and i < x.shape[1]:
                for s in range(w.shape[1]):
                    j = q * stride_w + s - pad_left
                    if j >= 0 and j < x.shape[2]:
                        for c in range(w.shape[2]):
                            total += x[n, i, j, c] * w[r, s, c, k]
        y[n, p, q, k] = total
""")
