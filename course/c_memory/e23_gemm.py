"""The bank of 23, gemm."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32


@cuda.jit
def gemm(a, b, c):
    # begin
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, col]
        c[row, col] = total
    # end
""", "a total")
bank.solution("""
from numba import cuda, float32


@cuda.jit
def gemm(a, b, c):
    m = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
    n = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if m >= a.shape[0] or n >= b.shape[1]:
        return
    total = a[m, 0] * b[0, n]
    k = 1
    while k < b.shape[0]:
        total = cuda.fma(a[m, k], b[k, n], total)
        k += 1
    c[m, n] = total
""", "the first product, and a while")

bank.mistake("exchanged", "machine", "F11 + exchanged", "col, row = cuda => row, col = cuda")
bank.mistake("no_guard", "machine", "F1", "if row < c.shape[0] and col < c.shape[1]: => if True:")
bank.mistake("guard_of_a", "machine", "F11", "col < c.shape[1] => col < a.shape[1]")
bank.mistake("rows_of_a", "machine", "F2 + rows_of_a", "range(a.shape[1]) => range(a.shape[0])")
bank.mistake("columns_of_b", "machine", "F2 + columns_of_b", "range(a.shape[1]) => range(b.shape[1])")
bank.mistake("b_turned", "machine", "F2 + b_turned", "b[k, col] => b[col, k]")
bank.mistake("a_turned", "machine", "F2 + a_turned", "a[row, k] => a[k, row]")
bank.mistake("double", "machine", "F13", "total = float32(0) => total = 0.0")
bank.mistake("last_term", "values", "last_term", "range(a.shape[1]) => range(a.shape[1] - 1)")
bank.mistake("first_term", "values", "first_term", "range(a.shape[1]) => range(1, a.shape[1])")
bank.mistake("last_product", "values", "last_product", "total += => total =")
bank.mistake("reset", "values", "last_product", "            total += a[row, k] =>             total = float32(0)\n            total += a[row, k]")
bank.mistake("returns_in_loop", "values", "first_product", "* b[k, col]\n        c[row, col] = total => * b[k, col]\n            c[row, col] = total\n            return")
bank.mistake("elementwise", "values", "elementwise", "a[row, k] * b[k, col] => a[row, k] + b[k, col]")
bank.mistake("same_term", "values", "same_term", "a[row, k] * b[k, col] => a[row, 0] * b[0, col]")
bank.mistake("adds_to_c", "values", "F18", "c[row, col] = total => c[row, col] += total")
bank.mistake("sum_in_memory", "par", "F21 + sum_in_memory", "total = float32(0) => c[row, col] = float32(0)",
             "total += => c[row, col] +=", "        c[row, col] = total\n =>")
bank.mistake("lanes_down", "par", "F21 + lanes_down", "    col, row = cuda.grid(2)\n    if row < c.shape[0] and col < c.shape[1]: => "
             "    x, y = cuda.grid(2)\n    wide, high = cuda.gridsize(2)\n    for i in range(y * wide + x, c.size, wide * high):\n"
             "        row, col = i % c.shape[0], i // c.shape[0]")
bank.mistake("one_too_many", "machine", "F2 + one_too_many", "range(a.shape[1]) => range(a.shape[1] + 1)")
bank.mistake("inner_sizes", "machine", "F11 + inner_sizes", "row < c.shape[0] and col < c.shape[1] => row < a.shape[1] and col < b.shape[0]")
bank.mistake("no_sum", "machine", "F2 + no_sum", "        for k in range(a.shape[1]):\n            total += a[row, k] * b[k, col]\n =>         total += a[row, col] * b[row, col]\n")
bank.mistake("row_col_mixed", "machine", "F11 + exchanged", source="""
from numba import cuda, float32


@cuda.jit
def gemm(a, b, c):
    row, col = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        acc = float32(0)
        for k in range(a.shape[1]):
            acc += a[row, k] * b[k, col]
        c[row, col] = acc
""")
bank.mistake("sum_over_m", "machine", "F2 + rows_of_a", source="""
from numba import cuda, float32


@cuda.jit
def gemm(a, b, c):
    col, row = cuda.grid(2)
    if row >= c.shape[0] or col >= c.shape[1]:
        return
    total = float32(0)
    for k in range(a.shape[0]):
        total += a[row, k] * b[k, col]
    c[row, col] = total
""")
bank.mistake("total_inside", "values", "last_product", source="""
from numba import cuda, float32


@cuda.jit
def gemm(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        for k in range(a.shape[1]):
            total = float32(0)
            total += a[row, k] * b[k, col]
        c[row, col] = total
""")
bank.mistake("again_inner", "machine", "F2 + columns_of_b", source="""
from numba import cuda, float32


@cuda.jit
def gemm(a, b, c):
    col, row = cuda.grid(2)
    if row < c.shape[0] and col < c.shape[1]:
        total = float32(0)
        for k in range(b.shape[1]):
            total += a[row, k] * b[k, col]
        c[row, col] = total
""")
