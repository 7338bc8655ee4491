"""The bank of 47, tensor_core."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32

from cuda_kernels.intrinsics import mma_tf32, to_tf32


@cuda.jit
def tensor_core(a, b, c):
    group, pair = cuda.threadIdx.x // 4, cuda.threadIdx.x % 4
    row, col = 16 * cuda.blockIdx.y, 8 * cuda.blockIdx.x
    # begin
    zero = float32(0)
    total = (zero, zero, zero, zero)
    for start in range(0, a.shape[1], 8):
        k = start + pair
        a0, a1, a2, a3 = zero, zero, zero, zero
        b0, b1 = zero, zero
        if k < a.shape[1]:
            a0, a1 = a[row + group, k], a[row + group + 8, k]
            b0 = b[k, col + group]
        if k + 4 < a.shape[1]:
            a2, a3 = a[row + group, k + 4], a[row + group + 8, k + 4]
            b1 = b[k + 4, col + group]
        left = (to_tf32(a0), to_tf32(a1), to_tf32(a2), to_tf32(a3))
        right = (to_tf32(b0), to_tf32(b1))
        total = mma_tf32(left, right, total)
    c[row + group, col + 2 * pair] = total[0]
    c[row + group, col + 2 * pair + 1] = total[1]
    c[row + group + 8, col + 2 * pair] = total[2]
    c[row + group + 8, col + 2 * pair + 1] = total[3]
    # end
""", "numbers first, then the call")
bank.solution("""
from numba import cuda, float32

from cuda_kernels import intrinsics


@cuda.jit(device=True)
def rounded(x, row, col):
    value = float32(0)
    if row < x.shape[0] and col < x.shape[1]:
        value = intrinsics.to_tf32(x[row, col])
    return value


@cuda.jit
def tensor_core(a, b, c):
    lane = cuda.threadIdx.x
    top = cuda.blockIdx.y * 16 + (lane >> 2)
    left = cuda.blockIdx.x * 8
    c0, c1, c2, c3 = float32(0), float32(0), float32(0), float32(0)
    k = lane & 3
    while k - (lane & 3) < a.shape[1]:
        four = (rounded(a, top, k), rounded(a, top + 8, k), rounded(a, top, k + 4), rounded(a, top + 8, k + 4))
        two = (rounded(b, k, left + (lane >> 2)), rounded(b, k + 4, left + (lane >> 2)))
        c0, c1, c2, c3 = intrinsics.mma_tf32(four, two, (c0, c1, c2, c3))
        k += 8
    col = left + 2 * (lane & 3)
    c[top, col], c[top, col + 1] = c0, c1
    c[top + 8, col], c[top + 8, col + 1] = c2, c3
""", "a function that fetches and rounds")

LEFT = "left = (to_tf32(a0), to_tf32(a1), to_tf32(a2), to_tf32(a3))"
RIGHT = "right = (to_tf32(b0), to_tf32(b1))"
bank.mistake("without_them", "values", "not_on_them", source="""
from numba import cuda, float32


@cuda.jit
def tensor_core(a, b, c):
    row, col = 16 * cuda.blockIdx.y, 8 * cuda.blockIdx.x
    for i in range(cuda.threadIdx.x, 128, 32):
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row + i // 8, k] * b[k, col + i % 8]
        c[row + i // 8, col + i % 8] = total
""")
bank.mistake("rounded_without_them", "values", "not_on_them", source="""
from numba import cuda, float32

from cuda_kernels.intrinsics import to_tf32


@cuda.jit
def tensor_core(a, b, c):
    row, col = 16 * cuda.blockIdx.y, 8 * cuda.blockIdx.x
    for i in range(cuda.threadIdx.x, 128, 32):
        total = float32(0)
        for k in range(a.shape[1]):
            total += to_tf32(a[row + i // 8, k]) * to_tf32(b[k, col + i % 8])
        c[row + i // 8, col + i % 8] = total
""")
bank.mistake("no_mark", "runs", "no-jit", "@cuda.jit\n =>")
bank.mistake("same_k", "values", "same_k", "a2, a3 = a[row + group, k + 4], a[row + group + 8, k + 4] => a2, a3 = a[row + group, k], a[row + group + 8, k]")
bank.mistake("group_of_8", "values", "group_of_8", "cuda.threadIdx.x // 4, cuda.threadIdx.x % 4 => cuda.threadIdx.x % 8, cuda.threadIdx.x // 8")
bank.mistake("half_a_warp", "machine", "F14 + all_lanes", "        total = mma_tf32(left, right, total) =>         if cuda.threadIdx.x < 16:\n            total = mma_tf32(left, right, total)")
bank.mistake("call_in_if", "machine", "F14 + all_lanes", "        total = mma_tf32(left, right, total) =>         if k < a.shape[1]:\n            total = mma_tf32(left, right, total)")
bank.mistake("beyond_k", "machine", "F2 + beyond_k", "if k < a.shape[1]: => if True:", "if k + 4 < a.shape[1]: => if True:")
bank.mistake("half_beyond_k", "machine", "F2 + beyond_k", "        if k + 4 < a.shape[1]:\n =>         if k < a.shape[1]:\n")
bank.mistake("grid_turned", "machine", "F1 + grid_turned", "row, col = 16 * cuda.blockIdx.y, 8 * cuda.blockIdx.x => row, col = 16 * cuda.blockIdx.x, 8 * cuda.blockIdx.y")
bank.mistake("not_rounded", "values", "not_rounded", f"{LEFT} => left = (a0, a1, a2, a3)", f"{RIGHT} => right = (b0, b1)")
bank.mistake("a_rounded", "values", "half_rounded", f"{RIGHT} => right = (b0, b1)")
bank.mistake("b_rounded", "values", "half_rounded", f"{LEFT} => left = (a0, a1, a2, a3)")
bank.mistake("total_rounded", "values", "total_rounded", "total = mma_tf32(left, right, total) => "
             "total = mma_tf32(left, right, (to_tf32(total[0]), to_tf32(total[1]), to_tf32(total[2]), to_tf32(total[3])))",
             "+ 2 * pair] = total[0] => + 2 * pair] = to_tf32(total[0])", "+ 2 * pair + 1] = total[1] => + 2 * pair + 1] = to_tf32(total[1])",
             "+ 2 * pair] = total[2] => + 2 * pair] = to_tf32(total[2])", "+ 2 * pair + 1] = total[3] => + 2 * pair + 1] = to_tf32(total[3])")
STORES = '''    c[row + group, col + 2 * pair] = total[0]
    c[row + group, col + 2 * pair + 1] = total[1]
    c[row + group + 8, col + 2 * pair] = total[2]
    c[row + group + 8, col + 2 * pair + 1] = total[3]
'''


def stores(*numbers, first="2 * pair", second="2 * pair + 1"):
    """Return the four stores, of these numbers of the total."""
    places = (("group", first), ("group", second), ("group + 8", first), ("group + 8", second))
    return "".join(f"    c[row + {r}, col + {c}] = total[{n}]\n" for (r, c), n in zip(places, numbers, strict=True))


bank.mistake("rows_exchanged", "values", "rows_exchanged", f"{STORES} => {stores(2, 3, 0, 1)}")
bank.mistake("rows_of_a_exchanged", "values", "rows_exchanged", "(to_tf32(a0), to_tf32(a1), to_tf32(a2), to_tf32(a3)) => (to_tf32(a1), to_tf32(a0), to_tf32(a3), to_tf32(a2))")
bank.mistake("columns_exchanged", "values", "columns_exchanged", f"{STORES} => {stores(1, 0, 3, 2)}")
bank.mistake("pairs_apart", "values", "pairs_apart", f"{STORES} => {stores(0, 1, 2, 3, first='pair', second='pair + 4')}")
bank.mistake("a_order", "values", "a_order", "(to_tf32(a0), to_tf32(a1), to_tf32(a2), to_tf32(a3)) => (to_tf32(a0), to_tf32(a2), to_tf32(a1), to_tf32(a3))")
bank.mistake("b_order", "values", "b_order", "(to_tf32(b0), to_tf32(b1)) => (to_tf32(b1), to_tf32(b0))")
bank.mistake("b_turned", "values", "b_turned", "b0 = b[k, col + group] => b0 = b[start + group, col + pair] if start + group < b.shape[0] else zero",
             "b1 = b[k + 4, col + group] => b1 = b[start + group, col + pair + 4] if start + group < b.shape[0] else zero")
bank.mistake("tail_lost", "values", "tail_lost", "range(0, a.shape[1], 8) => range(0, a.shape[1] // 8 * 8, 8)")
bank.mistake("last_step", "values", "last_step", "mma_tf32(left, right, total) => mma_tf32(left, right, (zero, zero, zero, zero))")
bank.mistake("first_rows", "values", "first_tile", "a0, a1 = a[row + group, k], a[row + group + 8, k] => a0, a1 = a[group, k], a[group + 8, k]",
             "a2, a3 = a[row + group, k + 4], a[row + group + 8, k + 4] => a2, a3 = a[group, k + 4], a[group + 8, k + 4]")
bank.mistake("first_columns", "values", "first_tile", "b0 = b[k, col + group] => b0 = b[k, group]", "b1 = b[k + 4, col + group] => b1 = b[k + 4, group]")
bank.mistake("one_tile", "machine", "F6 + first_tile", "row, col = 16 * cuda.blockIdx.y, 8 * cuda.blockIdx.x => row, col = 0, 0")
bank.mistake("again_c_layout", "values", "pairs_apart", source="""
from numba import cuda, float32

from cuda_kernels.intrinsics import mma_tf32, to_tf32


@cuda.jit
def tensor_core(a, b, c):
    group, pair = cuda.threadIdx.x // 4, cuda.threadIdx.x % 4
    row, col = 16 * cuda.blockIdx.y, 8 * cuda.blockIdx.x
    K = a.shape[1]
    zero = float32(0)
    t = (zero, zero, zero, zero)
    for start in range(0, K, 8):
        k, l = start + pair, start + pair + 4
        a0 = a[row + group, k] if k < K else zero
        a1 = a[row + group + 8, k] if k < K else zero
        a2 = a[row + group, l] if l < K else zero
        a3 = a[row + group + 8, l] if l < K else zero
        b0 = b[k, col + group] if k < K else zero
        b1 = b[l, col + group] if l < K else zero
        t = mma_tf32((to_tf32(a0), to_tf32(a1), to_tf32(a2), to_tf32(a3)), (to_tf32(b0), to_tf32(b1)), t)
    c[row + group, col + pair] = t[0]
    c[row + group, col + pair + 4] = t[1]
    c[row + group + 8, col + pair] = t[2]
    c[row + group + 8, col + pair + 4] = t[3]
""")
bank.mistake("again_no_round", "values", "not_rounded", source="""
from numba import cuda, float32

from cuda_kernels.intrinsics import mma_tf32, to_tf32


@cuda.jit
def tensor_core(a, b, c):
    group, pair = cuda.threadIdx.x // 4, cuda.threadIdx.x % 4
    row, col = 16 * cuda.blockIdx.y, 8 * cuda.blockIdx.x
    K = a.shape[1]
    zero = float32(0)
    t = (zero, zero, zero, zero)
    for start in range(0, K, 8):
        k, l = start + pair, start + pair + 4
        a0 = a[row + group, k] if k < K else zero
        a1 = a[row + group + 8, k] if k < K else zero
        a2 = a[row + group, l] if l < K else zero
        a3 = a[row + group + 8, l] if l < K else zero
        b0 = b[k, col + group] if k < K else zero
        b1 = b[l, col + group] if l < K else zero
        t = mma_tf32((a0, a1, a2, a3), (b0, b1), t)
    c[row + group, col + 2 * pair] = t[0]
    c[row + group, col + 2 * pair + 1] = t[1]
    c[row + group + 8, col + 2 * pair] = t[2]
    c[row + group + 8, col + 2 * pair + 1] = t[3]
""")
