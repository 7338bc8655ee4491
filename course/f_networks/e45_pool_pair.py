"""The bank of 45, pool_pair."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import math

from numba import cuda, float32


@cuda.jit
def max_pool(x, y, size, stride, pad):
    number = cuda.grid(1)
    # begin
    if number < y.size:
        c = number % y.shape[3]
        q = number // y.shape[3] % y.shape[2]
        p = number // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = number // (y.shape[3] * y.shape[2] * y.shape[1])
        largest = float32(-math.inf)
        for i in range(p * stride - pad, p * stride - pad + size):
            for j in range(q * stride - pad, q * stride - pad + size):
                if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:
                    largest = max(largest, x[n, i, j, c])
        y[n, p, q, c] = largest
    # end


@cuda.jit
def max_pool_backward(dy, x, y, dx, size, stride, pad):
    number = cuda.grid(1)
    # begin
    if number < dx.size:
        c = number % dx.shape[3]
        j = number // dx.shape[3] % dx.shape[2]
        i = number // (dx.shape[3] * dx.shape[2]) % dx.shape[1]
        n = number // (dx.shape[3] * dx.shape[2] * dx.shape[1])
        total = float32(0)
        for p in range(max(0, (i + pad - size + stride) // stride), min(dy.shape[1], (i + pad) // stride + 1)):
            for q in range(max(0, (j + pad - size + stride) // stride), min(dy.shape[2], (j + pad) // stride + 1)):
                if x[n, i, j, c] == y[n, p, q, c]:
                    first = True
                    for a in range(max(0, p * stride - pad), i + 1):
                        end = min(x.shape[2], q * stride - pad + size) if a < i else j
                        for b in range(max(0, q * stride - pad), end):
                            if x[n, a, b, c] == x[n, i, j, c]:
                                first = False
                    if first:
                        total += dy[n, p, q, c]
        dx[n, i, j, c] = total
    # end
""", "have I won, and first?")
bank.solution("""
from numba import cuda, float32


@cuda.jit(device=True)
def winner(x, n, c, top, left, size):
    bottom, right = min(top + size, x.shape[1]), min(left + size, x.shape[2])
    top, left = max(top, 0), max(left, 0)
    best, row, col = x[n, top, left, c], top, left
    for i in range(top, bottom):
        for j in range(left, right):
            if x[n, i, j, c] > best:
                best, row, col = x[n, i, j, c], i, j
    return best, row, col


@cuda.jit
def max_pool(x, y, size, stride, pad):
    rest = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if rest >= y.size:
        return
    c, rest = rest % y.shape[3], rest // y.shape[3]
    q, rest = rest % y.shape[2], rest // y.shape[2]
    p, n = rest % y.shape[1], rest // y.shape[1]
    best, row, col = winner(x, n, c, p * stride - pad, q * stride - pad, size)
    y[n, p, q, c] = best


@cuda.jit
def max_pool_backward(dy, x, y, dx, size, stride, pad):
    rest = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if rest >= dx.size:
        return
    c, rest = rest % dx.shape[3], rest // dx.shape[3]
    j, rest = rest % dx.shape[2], rest // dx.shape[2]
    i, n = rest % dx.shape[1], rest // dx.shape[1]
    total = float32(0)
    for p in range(dy.shape[1]):
        top = p * stride - pad
        if top <= i < top + size:
            for q in range(dy.shape[2]):
                left = q * stride - pad
                if left <= j < left + size:
                    best, row, col = winner(x, n, c, top, left, size)
                    if row == i and col == j:
                        total += dy[n, p, q, c]
    dx[n, i, j, c] = total
""", "who has won, in a function")

INSIDE = "if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:"
LARGEST = "largest = max(largest, x[n, i, j, c])"
bank.mistake("no_guard", "machine", "F1", "if number < y.size: => if True:")
bank.mistake("edge_unasked", "machine", "F3", f"{INSIDE} => if True:")
bank.mistake("double", "machine", "F13", "largest = float32(-math.inf) => largest = -math.inf")
bank.mistake("from_zero", "values", "from_zero", "largest = float32(-math.inf) => largest = float32(0)")
bank.mistake("outside_zero", "values", "outside_zero", f"                    {LARGEST} => "
             f"                    {LARGEST}\n                else:\n                    largest = max(largest, float32(0))")
bank.mistake("pad_forgotten", "values", "pad_forgotten", "range(p * stride - pad, p * stride - pad + size) => range(p * stride, p * stride + size)",
             "range(q * stride - pad, q * stride - pad + size) => range(q * stride, q * stride + size)")
bank.mistake("stride_of_size", "values", "stride_of_size", "range(p * stride - pad, p * stride - pad + size) => range(p * size - pad, p * size - pad + size)",
             "range(q * stride - pad, q * stride - pad + size) => range(q * size - pad, q * size - pad + size)")
bank.mistake("average", "values", "average", "largest = float32(-math.inf) => largest = float32(0)", f"{LARGEST} => largest += x[n, i, j, c] / float32(size * size)")
bank.mistake("first_row", "values", "first_row", "range(p * stride - pad, p * stride - pad + size) => range(p * stride - pad, p * stride - pad + 1)")
bank.mistake("all_channels", "values", "all_channels", f"{LARGEST} => largest = max(largest, x[n, i, j, 0])")

WON = "                    if first:\n                        total += dy[n, p, q, c]\n"
ASKED = "if x[n, i, j, c] == y[n, p, q, c]:"
P = "for p in range(max(0, (i + pad - size + stride) // stride), min(dy.shape[1], (i + pad) // stride + 1)):"
Q = "for q in range(max(0, (j + pad - size + stride) // stride), min(dy.shape[2], (j + pad) // stride + 1)):"
UP_TO_ME = '''                    for a in range(max(0, p * stride - pad), i + 1):
                        end = min(x.shape[2], q * stride - pad + size) if a < i else j
                        for b in range(max(0, q * stride - pad), end):
'''
bank.mistake("no_guard_backward", "machine", "F1", "if number < dx.size: => if True:")
bank.mistake("windows_unasked", "machine", "F3 + windows_there", "min(dy.shape[1], (i + pad) // stride + 1) => (i + pad) // stride + 1",
             "min(dy.shape[2], (j + pad) // stride + 1) => (j + pad) // stride + 1")
bank.mistake("overwritten", "values", "overwritten", "total += dy => total = dy")
bank.mistake("average_backward", "values", "average_backward", f"                {ASKED} =>                 if True:",
             "if x[n, a, b, c] == x[n, i, j, c]: => if False:", "total += dy[n, p, q, c] => total += dy[n, p, q, c] / float32(size * size)")
bank.mistake("everybody", "values", "everybody", f"                {ASKED} =>                 if True:",
             "if x[n, a, b, c] == x[n, i, j, c]: => if False:")
bank.mistake("every_tie", "values", "every_tie", "if x[n, a, b, c] == x[n, i, j, c]: => if False:")
bank.mistake("last_tie", "values", "last_tie", UP_TO_ME + " => "
             '''                    for a in range(i, min(x.shape[1], p * stride - pad + size)):
                        start = max(0, q * stride - pad) if a > i else j + 1
                        for b in range(start, min(x.shape[2], q * stride - pad + size)):
''')
bank.mistake("columns_first", "values", "columns_first", UP_TO_ME + " => "
             '''                    for b in range(max(0, q * stride - pad), j + 1):
                        end = min(x.shape[1], p * stride - pad + size) if b < j else i
                        for a in range(max(0, p * stride - pad), end):
''')
bank.mistake("pad_forgotten_backward", "values", "pad_forgotten_backward",
             f"{P} => for p in range(max(0, (i - size + stride) // stride), min(dy.shape[1], i // stride + 1)):",
             f"{Q} => for q in range(max(0, (j - size + stride) // stride), min(dy.shape[2], j // stride + 1)):",
             "range(max(0, p * stride - pad), i + 1) => range(p * stride, i + 1)",
             "range(max(0, q * stride - pad), end) => range(q * stride, end)", "q * stride - pad + size) if => q * stride + size) if")
bank.mistake("one_window", "values", "one_window",
             f"{P} => for p in range((i + pad) // stride, min(dy.shape[1], (i + pad) // stride + 1)):",
             f"{Q} => for q in range((j + pad) // stride, min(dy.shape[2], (j + pad) // stride + 1)):", of=0)
BACKWARD = bank.rights()["have I won, and first?"]
BACKWARD = BACKWARD[BACKWARD.index("    number = cuda.grid(1)", BACKWARD.index("def max_pool_backward")):]
SCATTER = '''    number = cuda.grid(1)
    ZERO
    if number < dy.size:
        c = number % dy.shape[3]
        q = number // dy.shape[3] % dy.shape[2]
        p = number // (dy.shape[3] * dy.shape[2]) % dy.shape[1]
        n = number // (dy.shape[3] * dy.shape[2] * dy.shape[1])
        found = False
        for i in range(max(0, p * stride - pad), min(x.shape[1], p * stride - pad + size)):
            for j in range(max(0, q * stride - pad), min(x.shape[2], q * stride - pad + size)):
                if x[n, i, j, c] == y[n, p, q, c] and not found:
                    found = True
                    ADD
'''
bank.mistake("handed_out", "machine", "F11 + handed_out", BACKWARD + " => " + SCATTER.replace("    ZERO\n", "").replace("ADD", "dx[n, i, j, c] += dy[n, p, q, c]"))
bank.mistake("atomic", "machine", "F11 + losers_unwritten", BACKWARD + " => " + SCATTER.replace("    ZERO\n", "").replace("ADD", "cuda.atomic.add(dx, (n, i, j, c), dy[n, p, q, c])"))
bank.mistake("zeroed_beside", "machine", "F7 + zeroed_beside", BACKWARD + " => " + SCATTER.replace("ZERO",
             "if number < dx.size:\n        dx[number // (dx.shape[3] * dx.shape[2] * dx.shape[1]), number // (dx.shape[3] * dx.shape[2]) % dx.shape[1], number // dx.shape[3] % dx.shape[2], number % dx.shape[3]] = float32(0)"
             ).replace("ADD", "cuda.atomic.add(dx, (n, i, j, c), dy[n, p, q, c])"))
bank.mistake("losers_unwritten", "machine", "F11 + losers_unwritten", "        dx[n, i, j, c] = total => "
             "        if total != float32(0):\n            dx[n, i, j, c] = total")
bank.mistake("c_slowest", "par", "F21 + c_slowest", '''        c = number % y.shape[3]
        q = number // y.shape[3] % y.shape[2]
        p = number // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = number // (y.shape[3] * y.shape[2] * y.shape[1]) => '''
             '''        p = number % y.shape[1]
        q = number // y.shape[1] % y.shape[2]
        c = number // (y.shape[1] * y.shape[2]) % y.shape[3]
        n = number // (y.shape[1] * y.shape[2] * y.shape[3])''')
bank.mistake("c_slowest_backward", "par", "F21 + c_slowest", '''        c = number % dx.shape[3]
        j = number // dx.shape[3] % dx.shape[2]
        i = number // (dx.shape[3] * dx.shape[2]) % dx.shape[1]
        n = number // (dx.shape[3] * dx.shape[2] * dx.shape[1]) => '''
             '''        i = number % dx.shape[1]
        j = number // dx.shape[1] % dx.shape[2]
        c = number // (dx.shape[1] * dx.shape[2]) % dx.shape[3]
        n = number // (dx.shape[1] * dx.shape[2] * dx.shape[3])''')
bank.mistake("search_from_zero", "values", "from_zero", source="""
import math

from numba import cuda, float32


@cuda.jit
def max_pool(x, y, size, stride, pad):
    number = cuda.grid(1)
    N, P, Q, C = y.shape
    if number < N * P * Q * C:
        c = number % C
        q = number // C % Q
        p = number // (C * Q) % P
        n = number // (C * Q * P)
        best = float32(0)
        for r in range(size):
            for s in range(size):
                i = p * stride + r - pad
                j = q * stride + s - pad
                if 0 <= i < x.shape[1] and 0 <= j < x.shape[2]:
                    best = max(best, x[n, i, j, c])
        y[n, p, q, c] = best


@cuda.jit
def max_pool_backward(dy, x, y, dx, size, stride, pad):
    number = cuda.grid(1)
    N, H, W, C = x.shape
    if number < N * H * W * C:
        c = number % C
        j = number // C % W
        i = number // (C * W) % H
        n = number // (C * W * H)
        total = float32(0)
        for p in range(y.shape[1]):
            r = i + pad - p * stride
            if 0 <= r < size:
                for q in range(y.shape[2]):
                    s = j + pad - q * stride
                    if 0 <= s < size and x[n, i, j, c] == y[n, p, q, c]:
                        first = True
                        for k in range(r * size + s):
                            ii = p * stride - pad + k // size
                            jj = q * stride - pad + k % size
                            if 0 <= ii < H and 0 <= jj < W and x[n, ii, jj, c] == y[n, p, q, c]:
                                first = False
                        if first:
                            total += dy[n, p, q, c]
        dx[n, i, j, c] = total
""")
bank.mistake("all_ties", "values", "every_tie", source="""
import math

from numba import cuda, float32


@cuda.jit
def max_pool(x, y, size, stride, pad):
    number = cuda.grid(1)
    if number >= y.size:
        return
    N, P, Q, C = y.shape
    c = number % C
    q = (number // C) % Q
    p = (number // C // Q) % P
    n = number // C // Q // P
    m = float32(-math.inf)
    for i in range(max(0, p * stride - pad), min(x.shape[1], p * stride - pad + size)):
        for j in range(max(0, q * stride - pad), min(x.shape[2], q * stride - pad + size)):
            m = max(m, x[n, i, j, c])
    y[n, p, q, c] = m


@cuda.jit
def max_pool_backward(dy, x, y, dx, size, stride, pad):
    number = cuda.grid(1)
    if number >= dx.size:
        return
    N, H, W, C = x.shape
    c = number % C
    j = (number // C) % W
    i = (number // C // W) % H
    n = number // C // W // H
    v = x[n, i, j, c]
    total = float32(0)
    p0 = max(0, (i + pad - size) // stride + 1)
    p1 = min(y.shape[1] - 1, (i + pad) // stride)
    q0 = max(0, (j + pad - size) // stride + 1)
    q1 = min(y.shape[2] - 1, (j + pad) // stride)
    for p in range(p0, p1 + 1):
        for q in range(q0, q1 + 1):
            if y[n, p, q, c] == v:
                total += dy[n, p, q, c]
    dx[n, i, j, c] = total
""")
bank.mistake("ge_last_wins", "values", "last_tie", source="""
import math

from numba import cuda, float32


@cuda.jit
def max_pool(x, y, size, stride, pad):
    number = cuda.grid(1)
    if number < y.size:
        c = number % y.shape[3]
        q = number // y.shape[3] % y.shape[2]
        p = number // (y.shape[3] * y.shape[2]) % y.shape[1]
        n = number // (y.shape[3] * y.shape[2] * y.shape[1])
        best = float32(-math.inf)
        for r in range(size):
            for s in range(size):
                i, j = p * stride - pad + r, q * stride - pad + s
                if i >= 0 and j >= 0 and i < x.shape[1] and j < x.shape[2]:
                    best = max(best, x[n, i, j, c])
        y[n, p, q, c] = best


@cuda.jit
def max_pool_backward(dy, x, y, dx, size, stride, pad):
    number = cuda.grid(1)
    if number < dx.size:
        H, W, C = x.shape[1], x.shape[2], x.shape[3]
        c = number % C
        j = number // C % W
        i = number // (C * W) % H
        n = number // (C * W * H)
        total = float32(0)
        for p in range(max(0, (i + pad - size + stride) // stride), min(y.shape[1], (i + pad) // stride + 1)):
            for q in range(max(0, (j + pad - size + stride) // stride), min(y.shape[2], (j + pad) // stride + 1)):
                best = float32(-math.inf)
                wi = -1
                wj = -1
                for r in range(size):
                    for s in range(size):
                        ii = p * stride - pad + r
                        jj = q * stride - pad + s
                        if 0 <= ii < H and 0 <= jj < W:
                            if x[n, ii, jj, c] >= best:
                                best = x[n, ii, jj, c]
                                wi = ii
                                wj = jj
                if wi == i and wj == j:
                    total += dy[n, p, q, c]
        dx[n, i, j, c] = total
""")
bank.mistake("both_less", "values", "both_less", source="""
import math
from numba import cuda, float32, int32


@cuda.jit
def max_pool(x, y, size, stride, pad):
    number = cuda.grid(1)
    N, P, Q, C = y.shape
    if number < y.size:
        c = number % C
        q = number // C % Q
        p = number // (C * Q) % P
        n = number // (C * Q * P)
        best = float32(-math.inf)
        for r in range(size):
            i = p * stride - pad + r
            if i >= 0 and i < x.shape[1]:
                for s in range(size):
                    j = q * stride - pad + s
                    if j >= 0 and j < x.shape[2]:
                        best = max(best, x[n, i, j, c])
        y[n, p, q, c] = best


@cuda.jit
def max_pool_backward(dy, x, y, dx, size, stride, pad):
    number = cuda.grid(1)
    N, H, W, C = x.shape
    if number < x.size:
        c = number % C
        j = number // C % W
        i = number // (C * W) % H
        n = number // (C * W * H)
        total = float32(0)
        mine = x[n, i, j, c]
        for p in range(max(0, (i + pad - size) // stride + 1), min(y.shape[1], (i + pad) // stride + 1)):
            for q in range(max(0, (j + pad - size) // stride + 1), min(y.shape[2], (j + pad) // stride + 1)):
                if mine == y[n, p, q, c]:
                    first = True
                    top, left = p * stride - pad, q * stride - pad
                    for ii in range(max(0, top), i + 1):
                        for jj in range(max(0, left), min(W, left + size)):
                            if first and (ii < i and jj < j) and x[n, ii, jj, c] == mine:
                                first = False
                    if first:
                        total += dy[n, p, q, c]
        dx[n, i, j, c] = total
""")
bank.mistake("as_seen_1", "values", "from_zero", source="""
import math
from numba import cuda, float32, int32


@cuda.jit
def max_pool(x, y, size, stride, pad):
    number = cuda.grid(1)
    N, P, Q, C = y.shape
    if number < y.size:
        c = number % C
        q = number // C % Q
        p = number // (C * Q) % P
        n = number // (C * Q * P)
        best = float32(0)
        for r in range(size):
            i = p * stride - pad + r
            if i >= 0 and i < x.shape[1]:
                for s in range(size):
                    j = q * stride - pad + s
                    if j >= 0 and j < x.shape[2]:
                        best = max(best, x[n, i, j, c])
        y[n, p, q, c] = best


@cuda.jit
def max_pool_backward(dy, x, y, dx, size, stride, pad):
    number = cuda.grid(1)
    N, H, W, C = x.shape
    if number < x.size:
        c = number % C
        j = number // C % W
        i = number // (C * W) % H
        n = number // (C * W * H)
        total = float32(0)
        mine = x[n, i, j, c]
        for p in range(max(0, (i + pad - size) // stride + 1), min(y.shape[1], (i + pad) // stride + 1)):
            for q in range(max(0, (j + pad - size) // stride + 1), min(y.shape[2], (j + pad) // stride + 1)):
                if mine == y[n, p, q, c]:
                    first = True
                    top, left = p * stride - pad, q * stride - pad
                    for ii in range(max(0, top), i + 1):
                        for jj in range(max(0, left), min(W, left + size)):
                            if first and (ii < i or jj < j) and x[n, ii, jj, c] == mine:
                                first = False
                    if first:
                        total += dy[n, p, q, c]
        dx[n, i, j, c] = total
""")
bank.mistake("again_zero", "values", "from_zero", source="""
import math

from numba import cuda, float32


@cuda.jit
def max_pool(x, y, size, stride, pad):
    number = cuda.grid(1)
    if number < y.size:
        N, P, Q, C = y.shape
        c = number % C
        q = number // C % Q
        p = number // (C * Q) % P
        n = number // (C * Q * P)
        best = float32(0)
        for i in range(max(p * stride - pad, 0), min(p * stride - pad + size, x.shape[1])):
            for j in range(max(q * stride - pad, 0), min(q * stride - pad + size, x.shape[2])):
                best = max(best, x[n, i, j, c])
        y[n, p, q, c] = best


@cuda.jit
def max_pool_backward(dy, x, y, dx, size, stride, pad):
    number = cuda.grid(1)
    if number < dx.size:
        N, H, W, C = dx.shape
        c = number % C
        j = number // C % W
        i = number // (C * W) % H
        n = number // (C * W * H)
        total = float32(0)
        mine = x[n, i, j, c]
        for p in range(max(0, (i + pad - size) // stride + 1), min((i + pad) // stride + 1, y.shape[1])):
            for q in range(max(0, (j + pad - size) // stride + 1), min((j + pad) // stride + 1, y.shape[2])):
                if mine == y[n, p, q, c]:
                    first = True
                    for a in range(max(p * stride - pad, 0), i + 1):
                        for b in range(max(q * stride - pad, 0), min(q * stride - pad + size, W)):
                            if (a < i or b < j) and x[n, a, b, c] == mine:
                                first = False
                    if first:
                        total += dy[n, p, q, c]
        dx[n, i, j, c] = total
""")
bank.mistake("again_ties", "values", "every_tie", source="""
import math

from numba import cuda, float32


@cuda.jit
def max_pool(x, y, size, stride, pad):
    number = cuda.grid(1)
    if number < y.size:
        N, P, Q, C = y.shape
        c = number % C
        q = number // C % Q
        p = number // (C * Q) % P
        n = number // (C * Q * P)
        best = float32(-math.inf)
        for i in range(max(p * stride - pad, 0), min(p * stride - pad + size, x.shape[1])):
            for j in range(max(q * stride - pad, 0), min(q * stride - pad + size, x.shape[2])):
                best = max(best, x[n, i, j, c])
        y[n, p, q, c] = best


@cuda.jit
def max_pool_backward(dy, x, y, dx, size, stride, pad):
    number = cuda.grid(1)
    if number < dx.size:
        N, H, W, C = dx.shape
        c = number % C
        j = number // C % W
        i = number // (C * W) % H
        n = number // (C * W * H)
        total = float32(0)
        mine = x[n, i, j, c]
        for p in range(max(0, (i + pad - size) // stride + 1), min((i + pad) // stride + 1, y.shape[1])):
            for q in range(max(0, (j + pad - size) // stride + 1), min((j + pad) // stride + 1, y.shape[2])):
                if mine == y[n, p, q, c]:
                    first = True
                    for a in range(max(p * stride - pad, 0), i + 1):
                        for b in range(max(q * stride - pad, 0), min(q * stride - pad + size, W)):
                            if (a < i or b < j) and x[n, a, b, c] == mine:
                                first = False
                    if first or True:
                        total += dy[n, p, q, c]
        dx[n, i, j, c] = total
""")
