"""The bank of 50, new_op."""

from minidl.course import Bank, constant

B = constant("B")

bank = Bank()
bank.solution(f"""
import numpy as np

import minidl


def forward(x, *, b={B}.0):
    # begin
    root = np.sqrt(x * x + b)
    y = (x + root) / 2
    return y, (x, root)
    # end


def backward(dy, cache):
    # begin
    x, root = cache
    dx = dy * (1 + x / root) / 2
    return (dx,)
    # end


squareplus = minidl.register_op("squareplus", forward, backward)
""", "keeps x and the root")
bank.solution(f"""
from typing import NamedTuple

import numpy as np

import minidl


class Kept(NamedTuple):
    y: np.ndarray
    b: float


def forward(x, *, b={B}.0):
    y = 0.5 * (x + np.hypot(x, x.dtype.type(b**0.5)))
    return y, Kept(y, b)


def backward(dy, cache):
    '''y solves y² - x y = b / 4, so that (2 y - x) dy = y dx, and x = y - b / (4 y).'''
    square = cache.y * cache.y
    return (np.asarray(dy * square / (square + cache.b / 4)).astype(dy.dtype),)


squareplus = minidl.register_op("squareplus", forward, backward, maths="y = (x + √(x² + b)) / 2")
""", "keeps y and b, by the equation that y solves")
bank.solution(f"""
import numpy as np
from minidl import register_op


def plus(x, *, b={B}.0):
    y = np.empty_like(x)
    np.sqrt(np.square(x) + b, out=y)
    slope = np.divide(x, y)
    slope += 1
    y += x
    return np.multiply(y, 0.5), slope


def minus(dy, slope):
    return (np.asarray(dy * slope * 0.5),)


squareplus = register_op("squareplus", plus, minus)
""", "keeps the slope")

SLOPE = "dx = dy * (1 + x / root) / 2"
bank.mistake("differences", "values", "differences", "return y, (x, root) => return y, (x, b)", "x, root = cache => x, b = cache",
             f"{SLOPE} => h = 1e-3\n    dx = dy * (forward(x + h, b=b)[0] - forward(x - h, b=b)[0]) / (2 * h)\n    dx = np.asarray(dx, x.dtype)")
bank.mistake("one_sided_differences", "values", "differences", "return y, (x, root) => return y, (x, b)", "x, root = cache => x, b = cache",
             f"{SLOPE} => dx = dy * ((forward(x + 0.001, b=b)[0] - forward(x, b=b)[0]) / 0.001)\n    dx = np.asarray(dx, x.dtype)")
bank.mistake("zeros_of_64_bits", "runs", "in_float64", "    y = (x + root) / 2\n =>     y = np.zeros(x.shape)\n    y += (x + root) / 2\n")
bank.mistake("gradient_in_float64", "runs", "gradient_in_float64", f"{SLOPE} => dx = np.zeros(x.shape)\n    dx += dy * (1 + x / root) / 2")
bank.mistake("no_comma", "runs", "comma", "return (dx,) => return dx")
bank.mistake("gradient_of_b", "runs", "gradient_of_b", "return (dx,) => return dx, None")
bank.mistake("no_pair", "runs", "no_pair", "return y, (x, root) => return y")
bank.mistake("b_is_4", "values", "b_fixed", f"np.sqrt(x * x + b) => np.sqrt(x * x + {B})")
bank.mistake("b_is_4_backward", "values", "b_fixed_backward", "return y, (x, root) => return y, x", f"x, root = cache => x = cache\n    root = np.sqrt(x * x + {B})")
bank.mistake("default_of_forward", "values", "b_fixed_backward", "return y, (x, root) => return y, x", "x, root = cache => x = cache\n    root = 2 * forward(x)[0] - x")
bank.mistake("at_y", "values", "at_y", "return y, (x, root) => return y, (y, b)",
             "x, root = cache => x, b = cache\n    root = np.sqrt(x * x + b)")
bank.mistake("no_dy", "values", "no_dy", "dx = dy * (1 => dx = (1")
bank.mistake("one_cache", "values", "one_cache", source=f"""
import numpy as np

import minidl

kept = {{}}


def forward(x, *, b={B}.0):
    kept["x"], kept["b"] = x, b
    return (x + np.sqrt(x * x + b)) / 2, None


def backward(dy, cache):
    x, b = kept["x"], kept["b"]
    x = x.ravel()[: dy.size].reshape(dy.shape) if x.size != dy.size else x
    return (np.asarray(dy * (1 + x / np.sqrt(x * x + b)) / 2),)


squareplus = minidl.register_op("squareplus", forward, backward)
""")
bank.mistake("one_global_x", "runs", "one_cache", source=f"""
import numpy as np

import minidl

last = None


def forward(x, *, b={B}.0):
    global last
    last = x, np.sqrt(x * x + b)
    return (x + last[1]) / 2, None


def backward(dy, cache):
    x, root = last
    return (dy * (1 + x / root) / 2,)


squareplus = minidl.register_op("squareplus", forward, backward)
""")
bank.mistake("b_squared", "values", "b_squared", "x * x + b => x * x + b * b")
bank.mistake("x_alone_forgotten", "values", "x_alone_forgotten", "dy * (1 + x / root) / 2 => dy * (x / root) / 2")
bank.mistake("chain_rule", "values", "chain_rule", "dy * (1 + x / root) / 2 => dy * (1 + 1 / (2 * root)) / 2")
bank.mistake("chain_rule_twice", "values", "chain_rule", "dy * (1 + x / root) / 2 => dy * (1 + x / (2 * root)) / 2")
bank.mistake("not_halved", "values", "scaled", "y = (x + root) / 2 => y = x + root")
bank.mistake("x_changed", "values", "F17", "    root = np.sqrt(x * x + b)\n =>     root = np.sqrt(x * x + b)\n    x += root\n", "y = (x + root) / 2 => y = x / 2")
bank.mistake("no_backward", "runs", "no_backward", '"squareplus", forward, backward) => "squareplus", forward)')
bank.mistake("composed", "runs", "composed", source=f"""
import minidl
from minidl import functional as F


def squareplus(x, b={B}.0):
    return (x + F.sqrt(x * x + b)) / 2
""")
bank.mistake("not_kept", "file", "no-function", "squareplus = minidl => minidl")
bank.mistake("mirrored", "values", "mirrored", "y = (x + root) / 2 => y = (root - x) / 2")
bank.mistake("mirrored_slope", "values", "mirrored", "dy * (1 + x / root) / 2 => dy * (1 - x / root) / 2")
bank.mistake("relu_slope", "values", "relu_slope", "dx = dy * (1 + x / root) / 2 => dx = dy * (x > 0)")
bank.mistake("slope_not_halved", "values", "scaled", source=f"""
import numpy as np

import minidl


def forward(x, *, b={B}.0):
    root = np.sqrt(x * x + b)
    return (x + root) / 2, (x, root)


def backward(dy, cache):
    x, root = cache
    return (dy * (1 + x / root),)


squareplus = minidl.register_op("squareplus", forward, backward)
""")
bank.mistake("b_default_in_backward", "values", "b_fixed_backward", source=f"""
import numpy as np

import minidl


def forward(x, *, b={B}.0):
    y = (x + np.sqrt(x**2 + b)) * 0.5
    return y, x


def backward(dy, cache):
    x = cache
    return (dy * 0.5 * (1 + x / np.sqrt(x**2 + {B}.0)),)


squareplus = minidl.register_op("squareplus", forward, backward)
""")
bank.mistake("root_b_squared", "values", "b_squared", source=f"""
import numpy as np

import minidl


def forward(x, *, b={B}.0):
    r = np.sqrt(x**2 + b**2)
    return (x + r) / 2, (x, r)


def backward(dy, cache):
    x, r = cache
    return (dy * (1 + x / r) / 2,)


squareplus = minidl.register_op("squareplus", forward, backward)
""")
bank.mistake("returns_array", "runs", "comma", source=f"""
import numpy as np

import minidl


def forward(x, *, b={B}.0):
    r = np.sqrt(x * x + b)
    return (x + r) / 2, (x, r)


def backward(dy, cache):
    x, r = cache
    return dy * (1 + x / r) / 2


squareplus = minidl.register_op("squareplus", forward, backward)
""")
