"""The bank of 51, own_rung."""

from minidl.course import Bank

PLAIN = """
import math

import numpy as np
from numba import cuda, float32

import minidl
from cuda_kernels.launch import launch


def plain_forward(x, *, b=4.0):
    return (x + np.sqrt(x * x + b)) / 2, (x, b)


def plain_backward(dy, cache):
    x, b = cache
    return (dy * (1 + x / np.sqrt(x * x + b)) / 2,)


squareplus = minidl.register_op("squareplus", plain_forward, plain_backward)
"""

bank = Bank()
bank.solution(PLAIN + """

@cuda.jit
def squareplus_kernel(x, y, b, size):
    i = cuda.grid(1)
    # begin
    if i < size:
        v = x[i]
        y[i] = float32(0.5) * (v + math.sqrt(v * v + b))
    # end


@cuda.jit
def slope_kernel(dy, x, dx, b, size):
    i = cuda.grid(1)
    # begin
    if i < size:
        v = x[i]
        dx[i] = float32(0.5) * dy[i] * (float32(1) + v / math.sqrt(v * v + b))
    # end


def forward(x, *, b=4.0):
    # begin
    y = np.empty_like(x)
    launch(squareplus_kernel, -(-x.size // 128), 128, x.reshape(-1), y.reshape(-1), b, x.size)
    return y, (x, b)
    # end


def backward(dy, cache):
    # begin
    x, b = cache
    dx = np.empty_like(x)
    launch(slope_kernel, -(-x.size // 128), 128, dy.reshape(-1), x.reshape(-1), dx.reshape(-1), b, x.size)
    return (dx,)
    # end


minidl.register_backend("squareplus", "mine", forward, backward)
""", "one line a kernel")
bank.solution("""
import math
from typing import NamedTuple

import numpy as np
from numba import cuda, float32

import minidl
from cuda_kernels.launch import blocks_for, launch

THREADS = 64


class Kept(NamedTuple):
    x: np.ndarray
    root: np.ndarray


def forward_in_numpy(x, *, b=4.0):
    root = np.hypot(x, np.float32(b**0.5))
    return np.float32(0.5) * (x + root), Kept(x, root)


def backward_in_numpy(dy, kept):
    return (np.asarray(dy * (kept.x / kept.root + 1) * np.float32(0.5)),)


minidl.register_op("squareplus", forward_in_numpy, backward_in_numpy)


@cuda.jit
def squareplus_kernel(x, y, b, size):
    for i in range(cuda.grid(1), size, cuda.gridsize(1)):
        v = x[i]
        y[i] = (v + math.sqrt(v * v + b)) * float32(0.5)


@cuda.jit
def slope_kernel(dy, x, dx, b, size):
    for i in range(cuda.grid(1), size, cuda.gridsize(1)):
        v = x[i]
        root = math.sqrt(v * v + b)
        dx[i] = (root + v) / (root + root) * dy[i]


def filled(kernel, b, *arrays):
    result = np.empty(arrays[0].size, np.float32)
    launch(kernel, blocks_for(result.size, THREADS), THREADS, *[a.ravel() for a in arrays], result, np.float32(b), result.size)
    return result.reshape(arrays[0].shape)


def forward(x, *, b=4.0):
    y = filled(squareplus_kernel, b, x)
    return y, Kept(x, 2 * y - x)


def backward(dy, kept):
    square = kept.root * kept.root - kept.x * kept.x
    return (filled(slope_kernel, square.ravel()[0], dy, kept.x),)


minidl.register_backend(op="squareplus", name="mine", forward=forward, backward=backward)
""", "an op with another cache, loops over the grid")

LINE = "y[i] = float32(0.5) * (v + math.sqrt(v * v + b))"
SLOPE = "dx[i] = float32(0.5) * dy[i] * (float32(1) + v / math.sqrt(v * v + b))"
FORWARD = "launch(squareplus_kernel, -(-x.size // 128), 128, x.reshape(-1), y.reshape(-1), b, x.size)"
BACKWARD = "launch(slope_kernel, -(-x.size // 128), 128, dy.reshape(-1), x.reshape(-1), dx.reshape(-1), b, x.size)"
KEPT = f"    {FORWARD}\n    return y, (x, b)"
REGISTER = 'minidl.register_backend("squareplus", "mine", forward, backward)'
bank.mistake("half", "machine", "F13 + half", "y[i] = float32(0.5) * => y[i] = 0.5 *")
bank.mistake("divided_by_2", "machine", "F13 + half", f"{LINE} => y[i] = (v + math.sqrt(v * v + b)) / 2")
bank.mistake("one", "machine", "F13 + half", f"{SLOPE} => dx[i] = float32(0.5) * dy[i] * (1 + v / math.sqrt(v * v + b))")
bank.mistake("no_guard", "machine", "F1", f"    if i < size:\n        v = x[i]\n        {LINE} =>     if True:\n        v = x[i]\n        {LINE}")
bank.mistake("no_guard_backward", "machine", "F1", f"    if i < size:\n        v = x[i]\n        {SLOPE} =>     if True:\n        v = x[i]\n        {SLOPE}")
bank.mistake("threads_only", "machine", "F6", "def squareplus_kernel(x, y, b, size):\n    i = cuda.grid(1)\n => "
             "def squareplus_kernel(x, y, b, size):\n    i = cuda.threadIdx.x\n")
bank.mistake("b_fixed", "values", "b_fixed", f"{LINE} => y[i] = float32(0.5) * (v + math.sqrt(v * v + float32(4)))")
bank.mistake("b_fixed_backward", "values", "b_fixed", f"{SLOPE} => dx[i] = float32(0.5) * dy[i] * (float32(1) + v / math.sqrt(v * v + float32(4)))")
bank.mistake("read_again", "par", "F21 + read_again", f"{LINE} => y[i] = float32(0.5) * (x[i] + math.sqrt(x[i] * x[i] + b))")
bank.mistake("host_b", "values", "host_b", FORWARD + " => " + FORWARD.replace(" b, x.size)", " 4.0, x.size)"))
bank.mistake("host_b_backward", "values", "host_b", BACKWARD + " => " + BACKWARD.replace(" b, x.size)", " 4.0, x.size)"))
bank.mistake("b_not_kept", "values", "host_b", f"{KEPT} => {KEPT.replace('(x, b)', '(x, 4.0)')}")
bank.mistake("backward_on_numpy", "values", "backward_on_numpy", f"    dx = np.empty_like(x)\n    {BACKWARD}\n    return (dx,) =>     return plain_backward(dy, cache)")
bank.mistake("plain_backward_registered", "values", "backward_on_numpy", f'{REGISTER} => minidl.register_backend("squareplus", "mine", forward, plain_backward)')
bank.mistake("numpy_behind_a_launch", "values", "by_no_kernel", f"{KEPT} => {KEPT.replace('return y, (x, b)', 'return plain_forward(x, b=b)')}")
bank.mistake("numpy_over_a_launch", "values", "by_no_kernel", f"{KEPT} => {KEPT.replace('return y', 'y[:] = plain_forward(x, b=b)[0]' + chr(10) + '    return y')}")
bank.mistake("numpy_behind_a_backward", "values", "by_no_kernel", f"    {BACKWARD}\n    return (dx,) =>     {BACKWARD}\n    return plain_backward(dy, cache)")
bank.mistake("forward_on_numpy", "values", "forward_on_numpy", f"    y = np.empty_like(x)\n{KEPT} =>     return plain_forward(x, b=b)")
bank.mistake("no_backward", "runs", "no_backward_registered", f'{REGISTER} => minidl.register_backend("squareplus", "mine", forward)')
bank.mistake("another_name", "runs", "another_name", f'{REGISTER} => minidl.register_backend("squareplus", "r1", forward, backward)')
bank.mistake("not_registered", "runs", "another_name", f"{REGISTER} =>")
bank.mistake("own_cache", "runs", "own_cache", f"{KEPT} => {KEPT.replace('(x, b)', 'x')}", "    x, b = cache\n    dx => "
             "    x, b = cache, 4.0\n    dx")
bank.mistake("own_dict", "runs", "own_cache", f"{KEPT} => {KEPT.replace('(x, b)', '{chr(120): x, chr(98): b}')}", "    x, b = cache\n    dx => "
             "    x, b = cache[chr(120)], cache[chr(98)]\n    dx")
bank.mistake("keeps_y", "values", "at_y", f"{KEPT} => {KEPT.replace('(x, b)', '(y, b)')}")
bank.mistake("too_few_blocks", "values", "launch", FORWARD + " => " + FORWARD.replace("-(-x.size // 128)", "x.size // 128"))
bank.mistake("one_block", "values", "launch", BACKWARD + " => " + BACKWARD.replace("-(-x.size // 128)", "1"))
bank.mistake("flat", "runs", "flat", "dx = np.empty_like(x) => dx = np.empty(x.size, 'float32')", "return (dx,)\n\n\nminidl => return (dx.reshape(-1),)\n\n\nminidl")
bank.mistake("no_tuple", "runs", "no_tuple", "return (dx,)\n\n\nminidl => return dx\n\n\nminidl")
bank.mistake("no_dy", "values", "no_dy", f"{SLOPE} => dx[i] = float32(0.5) * (float32(1) + v / math.sqrt(v * v + b))")
bank.mistake("x_forgotten", "values", "x_forgotten", f"{SLOPE} => dx[i] = float32(0.5) * dy[i] * v / math.sqrt(v * v + b)")
bank.mistake("relu_slope", "values", "relu_slope", f"{SLOPE} => dx[i] = dy[i] if v > float32(0) else float32(0)")
bank.mistake("kernel_adds", "values", "F18", "        y[i] = =>         y[i] +=")
bank.mistake("x_changed", "values", "F17", f"        {LINE} =>         x[i] = v + math.sqrt(v * v + b)\n        y[i] = float32(0.5) * x[i]")
bank.mistake("no_pair", "runs", "no_pair", f"{KEPT} => {KEPT.removesuffix(', (x, b)')}")
bank.mistake("swapped", "runs", "swapped", f'{REGISTER} => minidl.register_backend("squareplus", "mine", backward, forward)')
bank.mistake("brackets", "runs", "brackets", FORWARD + " => squareplus_kernel[-(-x.size // 128), 128](x.reshape(-1), y.reshape(-1), np.float32(b), x.size)")
bank.mistake("not_flat", "runs", "not_flat", FORWARD + " => " + FORWARD.replace("x.reshape(-1), y.reshape(-1)", "x, y"))
bank.mistake("order", "values", "order", BACKWARD + " => " + BACKWARD.replace("dy.reshape(-1), x.reshape(-1)", "x.reshape(-1), dy.reshape(-1)"))
bank.mistake("size_of_an_axis", "values", "size_of_an_axis", "y = np.empty_like(x) => y = np.zeros_like(x)",
             FORWARD + " => " + FORWARD.replace("b, x.size)", "b, x.shape[0])"))
bank.mistake("flat_kept", "runs", "flat_kept", f"{KEPT} => " f"{KEPT.replace('return y, (x, b)', 'return y, (x.reshape(-1), b)')}")
bank.mistake("twice_the_slope", "values", "twice_the_slope", f"{SLOPE} => {SLOPE.replace('float32(0.5) * ', '')}")
bank.mistake("again_fixed_b", "values", "b_fixed", source="""
import math

import numpy as np
from numba import cuda, float32

import minidl
from cuda_kernels.launch import launch


def plain_forward(x, *, b=4.0):
    return (x + np.sqrt(x * x + b)) / 2, (x, b)


def plain_backward(dy, cache):
    x, b = cache
    return (dy * (1 + x / np.sqrt(x * x + b)) / 2,)


squareplus = minidl.register_op("squareplus", plain_forward, plain_backward)


@cuda.jit
def squareplus_kernel(x, y, b, size):
    i = cuda.grid(1)
    if i < size:
        v = x[i]
        y[i] = (v + math.sqrt(v * v + float32(b))) * float32(0.5)


@cuda.jit
def slope_kernel(dy, x, dx, b, size):
    i = cuda.grid(1)
    if i < size:
        v = x[i]
        dx[i] = dy[i] * (float32(1) + v / math.sqrt(v * v + float32(4))) * float32(0.5)


def forward(x, *, b=4.0):
    y = np.empty_like(x)
    launch(squareplus_kernel, (x.size + 127) // 128, 128, x.reshape(-1), y.reshape(-1), b, x.size)
    return y, (x, b)


def backward(dy, cache):
    x, b = cache
    dx = np.empty_like(x)
    launch(slope_kernel, (x.size + 127) // 128, 128, dy.reshape(-1), x.reshape(-1), dx.reshape(-1), b, x.size)
    return (dx,)


minidl.register_backend("squareplus", "mine", forward, backward)
""")
bank.mistake("again_cache_y", "values", "at_y", source="""
import math

import numpy as np
from numba import cuda, float32

import minidl
from cuda_kernels.launch import launch


def plain_forward(x, *, b=4.0):
    return (x + np.sqrt(x * x + b)) / 2, (x, b)


def plain_backward(dy, cache):
    x, b = cache
    return (dy * (1 + x / np.sqrt(x * x + b)) / 2,)


squareplus = minidl.register_op("squareplus", plain_forward, plain_backward)


@cuda.jit
def squareplus_kernel(x, y, b, size):
    i = cuda.grid(1)
    if i < size:
        v = x[i]
        y[i] = (v + math.sqrt(v * v + float32(b))) * float32(0.5)


@cuda.jit
def slope_kernel(dy, x, dx, b, size):
    i = cuda.grid(1)
    if i < size:
        v = x[i]
        dx[i] = dy[i] * (float32(1) + v / math.sqrt(v * v + float32(b))) * float32(0.5)


def forward(x, *, b=4.0):
    y = np.empty_like(x)
    launch(squareplus_kernel, (x.size + 127) // 128, 128, x.reshape(-1), y.reshape(-1), b, x.size)
    return y, (y, b)


def backward(dy, cache):
    x, b = cache
    dx = np.empty_like(x)
    launch(slope_kernel, (x.size + 127) // 128, 128, dy.reshape(-1), x.reshape(-1), dx.reshape(-1), b, x.size)
    return (dx,)


minidl.register_backend("squareplus", "mine", forward, backward)
""")
