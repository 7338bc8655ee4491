"""The bank of 14, relu_pair."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
from numba import cuda, float32


@cuda.jit
def relu(x, y, size):
    i = cuda.grid(1)
    # begin
    if i < size:
        if x[i] < 0:
            y[i] = float32(0)
        else:
            y[i] = x[i]
    # end


@cuda.jit
def relu_backward(dy, kept, dx, size):
    i = cuda.grid(1)
    # begin
    if i < size:
        if kept[i] > 0:
            dx[i] = dy[i]
        else:
            dx[i] = float32(0)
    # end
""", "if and else")
bank.solution("""
from numba import cuda, float32


@cuda.jit
def relu(x, y, size):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if i >= size:
        return
    value = x[i]
    y[i] = float32(0) if value <= float32(0) else value


@cuda.jit
def relu_backward(dy, kept, dx, size):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if i >= size:
        return
    slope = dy[i]
    if not kept[i] > float32(0):
        slope = float32(0)
    dx[i] = slope
""", "one value, written once")

FORWARD = "        if x[i] < 0:\n            y[i] = float32(0)\n        else:\n            y[i] = x[i]\n => "
BACKWARD = "        if kept[i] > 0:\n            dx[i] = dy[i]\n        else:\n            dx[i] = float32(0)\n => "
bank.mistake("no_guard", "machine", "F1", "if i < size:\n        if x[i] => if True:\n        if x[i]")
bank.mistake("no_else", "machine", "F12 + no_zero", FORWARD + "        if x[i] > 0:\n            y[i] = x[i]\n")
bank.mistake("no_else_backward", "machine", "F12 + no_zero", BACKWARD + "        if kept[i] > 0:\n            dx[i] = dy[i]\n")
bank.mistake("max_with_0", "machine", "F13", FORWARD + "        y[i] = max(x[i], 0)\n")
bank.mistake("python_zero", "machine", "F13", FORWARD + "        y[i] = x[i] * 1.0 if x[i] > 0 else 0.0\n")
bank.mistake("in_place", "values", "F17", BACKWARD + "        if kept[i] <= 0:\n            dy[i] = float32(0)\n        dx[i] = dy[i]\n")
bank.mistake("product", "values", "product", FORWARD + "        y[i] = x[i] * float32(x[i] > 0)\n")
bank.mistake("product_backward", "values", "product_backward", BACKWARD + "        dx[i] = dy[i] * float32(kept[i] > 0)\n")
bank.mistake("nan_lost", "values", "nan_lost", FORWARD +
             "        if x[i] > 0:\n            y[i] = x[i]\n        else:\n            y[i] = float32(0)\n")
bank.mistake("absolute", "values", "absolute", "y[i] = float32(0) => y[i] = -x[i]")
bank.mistake("masks_dy", "values", "masks_dy", "kept[i] > 0 => dy[i] > 0")
bank.mistake("at_zero", "values", "at_zero", "kept[i] > 0 => kept[i] >= 0")
bank.mistake("times_kept", "values", "times_kept", "dx[i] = dy[i] => dx[i] = dy[i] * kept[i]")
bank.mistake("kept_as_dx", "values", "kept_as_dx", "dx[i] = dy[i] => dx[i] = kept[i]")
bank.mistake("other_way", "values", "other_way", "kept[i] > 0 => kept[i] <= 0")
bank.mistake("adds_to_y", "values", "F18", "            y[i] = x[i] =>             y[i] += x[i]")
bank.mistake("one_thread", "par", "F20", "if i < size:\n        if x[i] < 0:\n            y[i] = float32(0)\n        else:\n            y[i] = x[i] => "
             "if i == 0:\n        for k in range(size):\n            y[k] = float32(0) if x[k] < 0 else x[k]")
bank.mistake("slope_alone", "values", "slope_alone", "dx[i] = dy[i] => dx[i] = float32(1)")
bank.mistake("half_of_both", "values", "half_of_both", FORWARD + "        y[i] = (x[i] + abs(x[i])) / float32(2)\n")
bank.mistake("all_do_all", "machine", "F6 + cpu_program", "    i = cuda.grid(1)\n    if i < size:\n        if x[i] => "
             "    for i in range(size):\n        if x[i]")
bank.mistake("threshold", "values", "threshold", "x[i] < 0 => x[i] < 1")
bank.mistake("max_of_32_bits", "values", "nan_max", FORWARD + "        y[i] = max(x[i], float32(0))\n")
bank.mistake("no_else_again", "machine", "F12 + no_zero", source="""
from numba import cuda, float32


@cuda.jit
def relu(x, y, size):
    i = cuda.grid(1)
    if i < size:
        v = x[i]
        if v < float32(0):
            v = float32(0)
        y[i] = v


@cuda.jit
def relu_backward(dy, kept, dx, size):
    i = cuda.grid(1)
    if i >= size:
        return
    if kept[i] > 0:
        dx[i] = dy[i]
""")
bank.mistake("sign_of_product", "values", "sign_of_product", source="""
from numba import cuda, float32


@cuda.jit
def relu(x, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = float32(0) if x[i] <= float32(0) else x[i]


@cuda.jit
def relu_backward(dy, kept, dx, size):
    i = cuda.grid(1)
    if i < size:
        g = dy[i]
        dx[i] = g if kept[i] * g > float32(0) else float32(0)
""")
bank.mistake("nan_lost_again", "values", "nan_lost", source="""
from numba import cuda, float32


@cuda.jit
def relu(x, y, size):
    i = cuda.grid(1)
    if i < size:
        if x[i] > float32(0):
            y[i] = x[i]
        else:
            y[i] = float32(0)


@cuda.jit
def relu_backward(dy, kept, dx, size):
    i = cuda.grid(1)
    if i < size:
        if kept[i] > float32(0):
            dx[i] = dy[i]
        else:
            dx[i] = float32(0)
""")
bank.mistake("slope_at_zero", "values", "at_zero", source="""
from numba import cuda, float32


@cuda.jit
def relu(x, y, size):
    i = cuda.grid(1)
    if i >= size:
        return
    v = x[i]
    y[i] = float32(0) if v < float32(0) else v


@cuda.jit
def relu_backward(dy, kept, dx, size):
    i = cuda.grid(1)
    if i >= size:
        return
    dx[i] = dy[i] if kept[i] >= float32(0) else float32(0)
""")
bank.mistake("again_nan", "values", "nan_lost", source="""
from numba import cuda, float32


@cuda.jit
def relu(x, y, size):
    i = cuda.grid(1)
    if i < size:
        v = x[i]
        if not v > 0:
            v = float32(0)
        y[i] = v


@cuda.jit
def relu_backward(dy, kept, dx, size):
    i = cuda.grid(1)
    if i < size:
        g = dy[i]
        if kept[i] <= 0:
            g = float32(0)
        dx[i] = g
""")
bank.mistake("again_at_zero", "values", "at_zero", source="""
from numba import cuda, float32


@cuda.jit
def relu(x, y, size):
    i = cuda.grid(1)
    if i < size:
        v = x[i]
        if v <= 0:
            v = float32(0)
        y[i] = v


@cuda.jit
def relu_backward(dy, kept, dx, size):
    i = cuda.grid(1)
    if i < size:
        g = dy[i]
        if kept[i] < 0:
            g = float32(0)
        dx[i] = g
""")
