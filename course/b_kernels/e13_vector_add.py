"""The bank of 13, vector_add."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda


@cuda.jit
def add(a, b, y, size):
    # begin
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] + b[i]
    # end
""", "a guard")
bank.solution("""
from numba import cuda


@cuda.jit
def add(a, b, y, size):
    first = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    for i in range(first, size, cuda.gridDim.x * cuda.blockDim.x):
        y[i] = a[i] + b[i]
""", "a grid-stride loop")

bank.mistake("no_guard", "machine", "F1", "if i < size => if True")
bank.mistake("less_or_equal", "machine", "F1 + too_far", "i < size => i <= size")
bank.mistake("threads_only", "machine", "F6 + threads_only", "cuda.grid(1) => cuda.threadIdx.x")
bank.mistake("all_do_all", "machine", "F6 + cpu_program", "i = cuda.grid(1)\n    if i < size: => for i in range(size):")
bank.mistake("last_missing", "machine", "F11 + last_missing", "i < size => i < size - 1")
bank.mistake("double", "machine", "F13", "a[i] + b[i] => a[i] + 1.0 * b[i]")
bank.mistake("swapped", "machine", "F11 + swapped",
             "cuda.grid(1) => cuda.threadIdx.x * cuda.blockDim.x + cuda.blockIdx.x")
bank.mistake("adds_to_y", "values", "F18", "y[i] = => y[i] +=", "a[i] + b[i] => a[i] + b[i]")
bank.mistake("a_twice", "values", "F19", "a[i] + b[i] => a[i] + a[i]")
bank.mistake("one_thread", "par", "F20", "if i < size:\n        y[i] = a[i] + b[i] => "
             "if i == 0:\n        for k in range(size):\n            y[k] = a[k] + b[k]")
bank.mistake("no_decorator", "file", "no-jit", "@cuda.jit\n =>")
bank.mistake("gridsize_as_blockdim", "machine", "F6 + grid_for_block", source="""
from numba import cuda


@cuda.jit
def add(a, b, y, size):
    i = cuda.blockIdx.x * cuda.gridDim.x + cuda.threadIdx.x
    if i < size:
        y[i] = a[i] + b[i]
""")
bank.mistake("again_griddim", "machine", "F6 + grid_for_block", source="""
from numba import cuda


@cuda.jit
def add(a, b, y, size):
    i = cuda.threadIdx.x + cuda.blockIdx.x * cuda.gridDim.x
    if i < size:
        y[i] = a[i] + b[i]
""")
