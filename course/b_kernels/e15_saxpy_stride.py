"""The bank of 15, saxpy_stride."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda


@cuda.jit
def saxpy(a, x, y, out, size):
    # begin
    step = cuda.gridDim.x * cuda.blockDim.x
    for i in range(cuda.grid(1), size, step):
        out[i] = a * x[i] + y[i]
    # end
""", "a range")
bank.solution("""
from numba import cuda


@cuda.jit
def saxpy(a, x, y, out, size):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    while i < size:
        scaled = a * x[i]
        out[i] = scaled + y[i]
        i += cuda.gridsize(1)
""", "a while")

LOOP = "    for i in range(cuda.grid(1), size, step):\n        out[i] => "
bank.mistake("no_loop", "machine", "F11 + no_loop", LOOP + "    i = cuda.grid(1)\n    if i < size:\n        out[i]")
bank.mistake("rounded_up", "machine", "F2 + rounded_up",
             LOOP + "    for k in range((size + step - 1) // step):\n        i = cuda.grid(1) + k * step\n        out[i]")
bank.mistake("step_of_block", "machine", "F6 + step_of_block", "cuda.gridDim.x * cuda.blockDim.x => cuda.blockDim.x")
bank.mistake("step_of_blocks", "machine", "F6 + step_of_blocks", "cuda.gridDim.x * cuda.blockDim.x => cuda.gridDim.x")
bank.mistake("step_of_one", "machine", "F6 + step_of_one", "size, step) => size)")
bank.mistake("first_of_block", "machine", "F6 + first_of_block", "cuda.grid(1), => cuda.threadIdx.x,")
bank.mistake("past_the_end", "machine", "F2 + past_the_end", "size, step => size + 1, step")
bank.mistake("once_more", "machine", "F11 + once_more",
             LOOP + "    i = cuda.grid(1)\n    if i < size:\n        out[i] = a * x[i] + y[i]\n    i += step\n    if i < size:\n        out[i]")
bank.mistake("double", "machine", "F13", "a * x[i] => 1.0 * a * x[i]")
bank.mistake("endless", "machine", "F16", "        i += cuda.gridsize(1)\n => ", of=1)
bank.mistake("adds_to_out", "values", "F18", "out[i] = => out[i] +=")
bank.mistake("in_place", "machine", "F11", "out[i] = => y[i] =")
bank.mistake("a_forgotten", "values", "a_forgotten", "a * x[i] => x[i]")
bank.mistake("a_times_both", "values", "a_times_both", "a * x[i] + y[i] => a * (x[i] + y[i])")
bank.mistake("a_times_y", "values", "a_times_y", "a * x[i] + y[i] => x[i] + a * y[i]")
bank.mistake("chunks", "par", "F21 + chunks",
             LOOP + "    many = (size + step - 1) // step\n    for i in range(cuda.grid(1) * many, min(size, (cuda.grid(1) + 1) * many)):\n        out[i]")
bank.mistake("one_thread", "par", "F20", LOOP + "    if cuda.grid(1) == 0:\n        for i in range(size):\n            out[i]")
bank.mistake("blocks_alike", "machine", "F6 + blocks_alike", "cuda.gridDim.x * cuda.blockDim.x => cuda.blockDim.x", "cuda.grid(1), => cuda.threadIdx.x,")
bank.mistake("rounded_down", "machine", "F11 + rounded_down",
             LOOP + "    many = size // step\n    for i in range(cuda.grid(1) * many, (cuda.grid(1) + 1) * many):\n        out[i]")
bank.mistake("far_apart", "par", "F21 + far_apart", "cuda.grid(1), => cuda.threadIdx.x * cuda.gridDim.x + cuda.blockIdx.x,")
bank.mistake("chunked", "par", "F21 + chunks", source="""
from numba import cuda


@cuda.jit
def saxpy(a, x, y, out, size):
    me = cuda.grid(1)
    threads = cuda.gridsize(1)
    each = (size + threads - 1) // threads
    for i in range(me * each, min(size, (me + 1) * each)):
        out[i] = a * x[i] + y[i]
""")
bank.mistake("begins_at_its_block", "machine", "F6", source="""
from numba import cuda


@cuda.jit
def saxpy(a, x, y, out, size):
    i = cuda.threadIdx.x
    while i < size:
        out[i] = a * x[i] + y[i]
        i += cuda.gridsize(1)
""")
bank.mistake("adds_to_out_again", "values", "F18", source="""
from numba import cuda


@cuda.jit
def saxpy(a, x, y, out, size):
    for i in range(cuda.grid(1), size, cuda.gridsize(1)):
        out[i] += a * x[i] + y[i]
""")
bank.mistake("step_blockdim", "machine", "F6 + step_of_block", source="""
from numba import cuda


@cuda.jit
def saxpy(a, x, y, out, size):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    while i < size:
        out[i] = a * x[i] + y[i]
        i += cuda.blockDim.x
""")
bank.mistake("as_seen_1", "machine", "F6 + step_of_block", source="""
import math
from numba import cuda, float32, int32


@cuda.jit
def saxpy(a, x, y, out, size):
    for i in range(cuda.grid(1), size, cuda.blockDim.x):
        out[i] = a * x[i] + y[i]
""")
bank.mistake("as_seen_2", "par", "F21 + chunks", source="""
import math
from numba import cuda, float32, int32


@cuda.jit
def saxpy(a, x, y, out, size):
    per = (size + cuda.gridsize(1) - 1) // cuda.gridsize(1)
    first = cuda.grid(1) * per
    for i in range(first, min(first + per, size)):
        out[i] = a * x[i] + y[i]
""")
bank.mistake("again_blockdim", "machine", "F6 + step_of_block", source="""
from numba import cuda


@cuda.jit
def saxpy(a, x, y, out, size):
    for i in range(cuda.grid(1), size, cuda.blockDim.x):
        out[i] = a * x[i] + y[i]
""")
