"""The bank of 43, conv_dx."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32


@cuda.jit
def conv2d_dx(dy, w, dx, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    # begin
    if number < dx.size:
        c = number % dx.shape[3]
        j = number // dx.shape[3] % dx.shape[2]
        i = number // (dx.shape[3] * dx.shape[2]) % dx.shape[1]
        n = number // (dx.shape[3] * dx.shape[2] * dx.shape[1])
        total = float32(0)
        for r in range(w.shape[0]):
            top = i + pad_top - r
            p = top // stride_h
            if top % stride_h == 0 and 0 <= p < dy.shape[1]:
                for s in range(w.shape[1]):
                    left = j + pad_left - s
                    q = left // stride_w
                    if left % stride_w == 0 and 0 <= q < dy.shape[2]:
                        for k in range(dy.shape[3]):
                            total += dy[n, p, q, k] * w[r, s, c, k]
        dx[n, i, j, c] = total
    # end
""", "for each tap, which window")
bank.solution("""
from numba import cuda, float32


@cuda.jit
def conv2d_dx(dy, w, dx, stride_h, stride_w, pad_top, pad_left):
    _, H, W, C = dx.shape
    rest = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if rest >= dx.size:
        return
    c, rest = rest % C, rest // C
    j, rest = rest % W, rest // W
    i, n = rest % H, rest // H
    row, col = i + pad_top, j + pad_left
    total = float32(0)
    p = max(0, (row - w.shape[0] + stride_h) // stride_h)
    while p * stride_h <= row and p < dy.shape[1]:
        q = max(0, (col - w.shape[1] + stride_w) // stride_w)
        while q * stride_w <= col and q < dy.shape[2]:
            for k in range(w.shape[3]):
                total = cuda.fma(w[row - p * stride_h, col - q * stride_w, c, k], dy[n, p, q, k], total)
            q += 1
        p += 1
    dx[n, i, j, c] = total
""", "for each window, which tap")

ROWS = "if top % stride_h == 0 and 0 <= p < dy.shape[1]:"
COLS = "if left % stride_w == 0 and 0 <= q < dy.shape[2]:"
bank.mistake("no_guard", "machine", "F1", "if number < dx.size: => if True:")
bank.mistake("windows_unasked", "machine", "F3", f"{ROWS} => if top % stride_h == 0:", f"{COLS} => if left % stride_w == 0:")
bank.mistake("after_unasked", "machine", "F3 + windows_there", f"{ROWS} => if top % stride_h == 0 and top >= 0:", f"{COLS} => if left % stride_w == 0 and left >= 0:")
bank.mistake("channels_exchanged", "machine", "F2 + channels_exchanged", "* w[r, s, c, k] => * w[r, s, k, c]")
bank.mistake("sizes_of_dx", "machine", "F3 + windows_there", "0 <= p < dy.shape[1] => 0 <= p < dx.shape[1]", "0 <= q < dy.shape[2] => 0 <= q < dx.shape[2]")
bank.mistake("double", "machine", "F13", "p = top // stride_h => p = int(top / stride_h)")
bank.mistake("forward_again", "values", "forward_again", "i + pad_top - r => i - pad_top + r", "j + pad_left - s => j - pad_left + s")
bank.mistake("no_tap", "values", "no_tap", "i + pad_top - r => i + pad_top", "j + pad_left - s => j + pad_left")
bank.mistake("flipped_too", "values", "flipped_too", "* w[r, s, c, k] => * w[w.shape[0] - 1 - r, w.shape[1] - 1 - s, c, k]")
bank.mistake("no_remainder", "values", "no_remainder", "top % stride_h == 0 and => top >= 0 and", "left % stride_w == 0 and => left >= 0 and")
bank.mistake("no_stride", "values", "no_stride", "p = top // stride_h => p = top", "q = left // stride_w => q = left",
             "top % stride_h == 0 and => True and", "left % stride_w == 0 and => True and")
bank.mistake("stride_multiplied", "values", "stride_multiplied", "p = top // stride_h => p = top * stride_h", "q = left // stride_w => q = left * stride_w",
             "top % stride_h == 0 and => True and", "left % stride_w == 0 and => True and")
bank.mistake("one_stride", "values", "one_stride", "q = left // stride_w => q = left // stride_h", "left % stride_w => left % stride_h")
bank.mistake("pad_forgotten", "values", "pad_forgotten", "i + pad_top - r => i - r", "j + pad_left - s => j - s")
bank.mistake("pad_taken_away", "values", "pad_taken_away", "i + pad_top - r => i - pad_top - r", "j + pad_left - s => j - pad_left - s")
bank.mistake("one_pad", "values", "one_pad", "j + pad_left - s => j + pad_top - s")
bank.mistake("one_filter", "values", "one_filter", "for k in range(dy.shape[3]): => for k in range(1):")
bank.mistake("first_image", "values", "first_image", "dy[n, p, q, k] => dy[0, p, q, k]")
bank.mistake("last_window", "values", "last_window", "total += => total =")
bank.mistake("window_0_out", "values", "window_0_out", "0 <= p => 0 < p", "0 <= q => 0 < q")
SCATTER = '''
from numba import cuda, float32


@cuda.jit
def conv2d_dx(dy, w, dx, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    if number < dy.size:
        k = number % dy.shape[3]
        q = number // dy.shape[3] % dy.shape[2]
        p = number // (dy.shape[3] * dy.shape[2]) % dy.shape[1]
        n = number // (dy.shape[3] * dy.shape[2] * dy.shape[1])
        for r in range(w.shape[0]):
            i = p * stride_h + r - pad_top
            for s in range(w.shape[1]):
                j = q * stride_w + s - pad_left
                if 0 <= i < dx.shape[1] and 0 <= j < dx.shape[2]:
                    for c in range(dx.shape[3]):
                        HERE
'''
bank.mistake("handed_out", "machine", "F7 + handed_out", source=SCATTER.replace("HERE", "dx[n, i, j, c] += dy[n, p, q, k] * w[r, s, c, k]"))
bank.mistake("atomic", "machine", "F11 + onto_nothing", source=SCATTER.replace("HERE", "cuda.atomic.add(dx, (n, i, j, c), dy[n, p, q, k] * w[r, s, c, k])"))
bank.mistake("adds_to_dx", "values", "onto_nothing", "= total\n => += total\n")
bank.mistake("c_slowest", "par", "F21 + c_slowest", '''        c = number % dx.shape[3]
        j = number // dx.shape[3] % dx.shape[2]
        i = number // (dx.shape[3] * dx.shape[2]) % dx.shape[1]
        n = number // (dx.shape[3] * dx.shape[2] * dx.shape[1]) => '''
             '''        i = number % dx.shape[1]
        j = number // dx.shape[1] % dx.shape[2]
        c = number // (dx.shape[1] * dx.shape[2]) % dx.shape[3]
        n = number // (dx.shape[1] * dx.shape[2] * dx.shape[3])''')
bank.mistake("sum_in_memory", "par", "F21 + sum_in_memory", "        total = float32(0) =>         dx[n, i, j, c] = float32(0)",
             "total += => dx[n, i, j, c] +=", "        dx[n, i, j, c] = total\n =>")
bank.mistake("no_remainder_of_rows", "values", "no_remainder", "top % stride_h == 0 and => top >= 0 and")
bank.mistake("no_remainder_of_columns", "values", "no_remainder", "left % stride_w == 0 and => left >= 0 and")
bank.mistake("pads_exchanged", "values", "swapped", "i + pad_top - r => i + pad_left - r", "j + pad_left - s => j + pad_top - s")
bank.mistake("channels_exchanged_too", "machine", "F2 + channels_exchanged", "range(dy.shape[3]) => range(w.shape[2])", "* w[r, s, c, k] => * w[r, s, k, c]")
bank.mistake("last_row_out", "values", "last_row_out", "0 <= p < dy.shape[1] => 0 <= p < dy.shape[1] - 1")
bank.mistake("last_row_and_column_out", "values", "last_row_out", "0 <= p < dy.shape[1] => 0 <= p < dy.shape[1] - 1", "0 <= q < dy.shape[2] => 0 <= q < dy.shape[2] - 1")
bank.mistake("i_fastest", "par", "F21 + i_fastest", "j = number // dx.shape[3] % dx.shape[2] => i = number // dx.shape[3] % dx.shape[1]",
             "i = number // (dx.shape[3] * dx.shape[2]) % dx.shape[1] => j = number // (dx.shape[3] * dx.shape[1]) % dx.shape[2]")
bank.mistake("pad_sign", "values", "pad_sign", source="""
import math
from numba import cuda, float32, int32


@cuda.jit
def conv2d_dx(dy, w, dx, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    N, H, W, C = dx.shape
    if number < dx.size:
        c = number % C
        j = number // C % W
        i = number // (C * W) % H
        n = number // (C * W * H)
        total = float32(0)
        for r in range(w.shape[0]):
            u = i - pad_top - r
            if u >= 0 and u % stride_h == 0 and u // stride_h < dy.shape[1]:
                for s in range(w.shape[1]):
                    v = j + pad_left - s
                    if v >= 0 and v % stride_w == 0 and v // stride_w < dy.shape[2]:
                        for k in range(w.shape[3]):
                            total += dy[n, u // stride_h, v // stride_w, k] * w[r, s, c, k]
        dx[n, i, j, c] = total
""")
bank.mistake("as_seen_1", "values", "no_remainder", source="""
import math
from numba import cuda, float32, int32


@cuda.jit
def conv2d_dx(dy, w, dx, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    N, H, W, C = dx.shape
    if number < dx.size:
        c = number % C
        j = number // C % W
        i = number // (C * W) % H
        n = number // (C * W * H)
        total = float32(0)
        for r in range(w.shape[0]):
            u = i + pad_top - r
            if u >= 0 and u % stride_h == 0 and u // stride_h < dy.shape[1]:
                for s in range(w.shape[1]):
                    v = j + pad_left - s
                    if v >= 0 and v // stride_w < dy.shape[2]:
                        for k in range(w.shape[3]):
                            total += dy[n, u // stride_h, v // stride_w, k] * w[r, s, c, k]
        dx[n, i, j, c] = total
""")
bank.mistake("again_no_mod", "values", "no_remainder", source="""
from numba import cuda, float32


@cuda.jit
def conv2d_dx(dy, w, dx, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    if number < dx.size:
        N, H, W, C = dx.shape
        c = number % C
        j = number // C % W
        i = number // (C * W) % H
        n = number // (C * W * H)
        total = float32(0)
        for r in range(w.shape[0]):
            top = i + pad_top - r
            if top >= 0 and top // stride_h < dy.shape[1]:
                p = top // stride_h
                for s in range(w.shape[1]):
                    left = j + pad_left - s
                    if left >= 0 and left // stride_w < dy.shape[2]:
                        q = left // stride_w
                        for k in range(dy.shape[3]):
                            total += dy[n, p, q, k] * w[r, s, c, k]
        dx[n, i, j, c] = total
""")
bank.mistake("again_flip", "values", "flipped_too", source="""
from numba import cuda, float32


@cuda.jit
def conv2d_dx(dy, w, dx, stride_h, stride_w, pad_top, pad_left):
    number = cuda.grid(1)
    if number < dx.size:
        N, H, W, C = dx.shape
        c = number % C
        j = number // C % W
        i = number // (C * W) % H
        n = number // (C * W * H)
        total = float32(0)
        for r in range(w.shape[0]):
            top = i + pad_top - r
            if top >= 0 and top % stride_h == 0 and top // stride_h < dy.shape[1]:
                p = top // stride_h
                for s in range(w.shape[1]):
                    left = j + pad_left - s
                    if left >= 0 and left % stride_w == 0 and left // stride_w < dy.shape[2]:
                        q = left // stride_w
                        for k in range(dy.shape[3]):
                            total += dy[n, p, q, k] * w[w.shape[0] - 1 - r, w.shape[1] - 1 - s, c, k]
        dx[n, i, j, c] = total
""")
